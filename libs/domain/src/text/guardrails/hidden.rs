//! Characters that nobody sees: they carry text past a reader's eye or turn the order in which it is read.

use super::{Finding, Rule, Severity, Span};

/// Families of hidden characters, each with what it is called in a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Control,
    DirectionOverride,
    DirectionMark,
    Tag,
    ZeroWidth,
    Selector,
}

impl Family {
    fn of(letter: char) -> Option<Self> {
        match letter {
            '\t' | '\n' | '\r' => None,
            _ if letter.is_control() => Some(Self::Control),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some(Self::DirectionOverride),
            '\u{200e}' | '\u{200f}' | '\u{61c}' => Some(Self::DirectionMark),
            '\u{e0000}'..='\u{e007f}' => Some(Self::Tag),
            '\u{e0100}'..='\u{e01ef}' => Some(Self::Selector),
            '\u{ad}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200d}'
            | '\u{2060}'..='\u{2064}'
            | '\u{206a}'..='\u{206f}'
            | '\u{feff}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{3164}'
            | '\u{ffa0}' => Some(Self::ZeroWidth),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Control => "control characters",
            Self::DirectionOverride => "characters that turn the direction of reading",
            Self::DirectionMark => "direction marks",
            Self::Tag => "tag characters, which can carry unseen words",
            Self::ZeroWidth => "characters without width",
            Self::Selector => "supplementary variation selectors, which can carry unseen bytes",
        }
    }

    /// Zero-width characters and marks come along with pasted text; the others have no place in prose.
    fn severity(self) -> Severity {
        match self {
            Self::ZeroWidth | Self::DirectionMark => Severity::Warn,
            Self::Control | Self::DirectionOverride | Self::Tag | Self::Selector => Severity::Block,
        }
    }
}

/// One finding for each unbroken row of one family.
pub fn find(text: &str) -> Vec<Finding> {
    let mut rows: Vec<(Family, Span)> = Vec::new();
    for (start, family) in suspicious(text) {
        let end = start + text[start..].chars().next().map_or(0, char::len_utf8);
        match rows.last_mut() {
            Some((last, span)) if *last == family && span.end == start => span.end = end,
            _ => rows.push((family, Span { start, end })),
        }
    }
    rows.into_iter()
        .map(|(family, span)| finding(text, family, span))
        .collect()
}

fn finding(text: &str, family: Family, span: Span) -> Finding {
    let points: Vec<String> = text[span.start..span.end]
        .chars()
        .take(8)
        .map(|letter| format!("U+{:04X}", u32::from(letter)))
        .collect();
    Finding {
        rule: Rule::HiddenCharacters,
        severity: family.severity(),
        message: format!("the text holds {}: {}", family.name(), points.join(" ")),
        span,
    }
}

/// Places and families of hidden characters that have no honest use where they stand.
fn suspicious(text: &str) -> impl Iterator<Item = (usize, Family)> {
    let mut before: Option<char> = None;
    let mut flag = false;
    let mut letters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        while let Some((start, letter)) = letters.next() {
            let after = letters.peek().map(|(_, letter)| *letter);
            let family = Family::of(letter);
            // The flags of England, Scotland and Wales are a black flag and tags.
            flag = letter == '\u{1f3f4}' || (flag && family == Some(Family::Tag));
            let honest =
                flag || (matches!(letter, '\u{200c}' | '\u{200d}') && joins(before, after));
            before = Some(letter);
            if let Some(family) = family.filter(|_| !honest) {
                return Some((start, family));
            }
        }
        None
    })
}

/// Joiners belong between letters of scripts that use them, and between emoji.
fn joins(before: Option<char>, after: Option<char>) -> bool {
    let uses_joiners = |letter: Option<char>| {
        letter.is_some_and(|letter| {
            matches!(u32::from(letter), 0x600..=0x8ff | 0x900..=0xdff | 0x1000..=0x109f | 0x1780..=0x18af | 0x2600..=0x27bf
                | 0xfb50..=0xfdff | 0xfe0f | 0xfe70..=0xfefc | 0x1f000..=0x1faff | 0x2190..=0x21ff | 0x2b00..=0x2bff)
        })
    };
    uses_joiners(before) && uses_joiners(after)
}

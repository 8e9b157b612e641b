//! A text as the eye reads it: what only looks different becomes the same, each letter with the bytes it came from.

use super::Span;
use unicode_normalization::UnicodeNormalization;

/// One letter or one gap between words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letter {
    /// Lower case; a space stands for any row of white space and marks between words.
    pub letter: char,
    pub span: Span,
}

/// Letters of a text. Compatibility forms (full width, mathematical letters) become plain, letters of other scripts that
/// look Latin become Latin, and characters without width, apostrophes and overlays vanish.
pub fn fold(text: &str) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::with_capacity(text.len());
    for (start, written) in text.char_indices() {
        let span = Span {
            start,
            end: start + written.len_utf8(),
        };
        if vanishes(written) {
            continue;
        }
        for letter in std::iter::once(written).nfkd() {
            if vanishes(letter) {
                continue;
            }
            for lower in letter.to_lowercase() {
                push(&mut letters, latin(lower), span);
            }
        }
    }
    letters
}

fn push(letters: &mut Vec<Letter>, letter: char, span: Span) {
    if is_separator(letter) {
        match letters.last_mut() {
            Some(last) if last.letter == ' ' => last.span.end = span.end,
            _ => letters.push(Letter { letter: ' ', span }),
        }
    } else {
        letters.push(Letter { letter, span });
    }
}

/// White space and the marks that stand between words; `#`, `@`, `$`, `%`, `&` and `+` may be part of a phrase.
fn is_separator(letter: char) -> bool {
    letter.is_whitespace()
        || (letter.is_ascii_punctuation() && !"#@$%&+".contains(letter))
        || matches!(letter, '\u{2010}'..='\u{2015}' | '\u{2018}'..='\u{201f}' | '\u{2022}' | '\u{2026}' | '\u{b7}' | '«' | '»')
}

fn vanishes(letter: char) -> bool {
    matches!(letter,
        '\'' | '’' | '‘' | 'ʼ' | '`'
        | '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{61c}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e01ef}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
        // Overlays and other marks that no orthography puts on a letter.
        | '\u{30f}' | '\u{311}'..='\u{322}' | '\u{329}'..='\u{330}' | '\u{332}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// The Latin letter that a lower-case letter of another script is taken for.
fn latin(letter: char) -> char {
    match letter {
        'а' | 'α' | 'ɑ' | 'ａ' => 'a',
        'в' | 'β' | 'ʙ' => 'b',
        'с' | 'ϲ' | 'ᴄ' => 'c',
        'ԁ' | 'ɗ' => 'd',
        'е' | 'ҽ' | 'ε' | '℮' => 'e',
        'ɡ' | 'ց' => 'g',
        'н' | 'һ' | 'հ' => 'h',
        'і' | 'ι' | 'ı' | 'ɩ' | 'ӏ' => 'i',
        'ј' | 'ϳ' => 'j',
        'к' | 'κ' => 'k',
        'ⅼ' | 'ʟ' => 'l',
        'м' | 'ᴍ' => 'm',
        'п' | 'ո' | 'η' => 'n',
        'о' | 'ο' | 'օ' | 'ᴏ' | 'σ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' | 'ᴦ' => 'r',
        'ѕ' | 'ꜱ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ս' | 'ᴜ' => 'u',
        'ѵ' | 'ν' | 'ᴠ' => 'v',
        'ԝ' | 'ω' | 'ᴡ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' | 'ү' => 'y',
        'ᴢ' => 'z',
        other => other,
    }
}

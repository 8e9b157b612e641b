//! Forms of a headword. Irregular ones stand in the list as headwords of their own.

/// What kind of word a headword is, which decides its forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Verb,
    Noun,
    Adjective,
    /// No other forms: adverbs, interjections, irregular forms.
    Fixed,
}

impl Kind {
    pub fn of_letter(letter: &str) -> Option<Self> {
        match letter {
            "v" => Some(Self::Verb),
            "n" => Some(Self::Noun),
            "a" => Some(Self::Adjective),
            "x" => Some(Self::Fixed),
            _ => None,
        }
    }
}

/// The headword and its regular forms.
pub fn forms(head: &str, kind: Kind) -> Vec<String> {
    let mut forms = vec![head.to_owned()];
    match kind {
        Kind::Fixed => {}
        Kind::Noun => forms.push(with_s(head)),
        Kind::Verb => {
            forms.push(with_s(head));
            forms.push(with_vowel(head, "ed"));
            forms.push(with_vowel(head, "ing"));
        }
        Kind::Adjective => {
            forms.push(with_vowel(head, "er"));
            forms.push(with_vowel(head, "est"));
            forms.push(adverb(head));
        }
    }
    forms
}

fn with_s(head: &str) -> String {
    if let Some(stem) = stem_before_y(head) {
        return format!("{stem}ies");
    }
    let hisses = ["s", "x", "z", "ch", "sh"]
        .iter()
        .any(|end| head.ends_with(end));
    format!("{head}{}", if hisses { "es" } else { "s" })
}

fn with_vowel(head: &str, ending: &str) -> String {
    if let Some(stem) = stem_before_y(head).filter(|_| ending != "ing") {
        return format!("{stem}i{ending}");
    }
    if let Some(stem) = head.strip_suffix('e') {
        let kept = if stem.ends_with('e') && ending == "ing" {
            head
        } else {
            stem
        };
        return format!("{kept}{ending}");
    }
    match doubled(head) {
        Some(last) => format!("{head}{last}{ending}"),
        None => format!("{head}{ending}"),
    }
}

fn adverb(head: &str) -> String {
    if let Some(stem) = stem_before_y(head) {
        return format!("{stem}ily");
    }
    if let Some(stem) = head
        .strip_suffix("le")
        .filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']))
    {
        return format!("{stem}ly");
    }
    if head.ends_with("ic") {
        return format!("{head}ally");
    }
    format!("{head}ly")
}

fn stem_before_y(head: &str) -> Option<&str> {
    head.strip_suffix('y')
        .filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']))
}

/// The last letter of a one-syllable word that ends in consonant, vowel, consonant: `sob`, `sad`.
fn doubled(head: &str) -> Option<char> {
    let vowel = |letter: &u8| b"aeiou".contains(letter);
    let letters = head.as_bytes();
    let [.., before, middle, last] = letters else {
        return None;
    };
    let one_syllable = letters.iter().filter(|letter| vowel(letter)).count() == 1;
    let ends_so = !vowel(before) && vowel(middle) && !vowel(last) && !b"wxy".contains(last);
    (one_syllable && ends_so).then_some(char::from(*last))
}

#[cfg(test)]
mod tests;

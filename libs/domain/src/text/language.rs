//! Which parts of the analysis a language tag allows.

/// Languages whose script does not part words by spaces: counting their words needs a dictionary.
const WITHOUT_WORD_SPACES: [&str; 10] = [
    "zh", "ja", "th", "lo", "km", "my", "bo", "yue", "wuu", "nan",
];

/// True for `en` and its regional forms, such as `en-GB`; upper and lower case alike.
#[must_use]
pub fn is_english(tag: &str) -> bool {
    let primary = primary(tag);
    primary.eq_ignore_ascii_case("en") || primary.eq_ignore_ascii_case("eng")
}

/// True where the count of words between spaces means what it means in English.
#[must_use]
pub fn counts_words(tag: &str) -> bool {
    !WITHOUT_WORD_SPACES
        .iter()
        .any(|language| primary(tag).eq_ignore_ascii_case(language))
}

fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag).trim()
}

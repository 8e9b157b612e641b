//! From a text to tokens with what is known of them. Splitting and case follow Python, whose results are to be met.

use super::lexicon::{Entry, LONGEST, emoji_description, lookup};
use std::borrow::Cow;

/// Emoji begin here; plain texts skip the search for them.
const FIRST_EMOJI: char = '\u{a9}';

/// One token between white space, without punctuation around it.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    pub entry: Entry,
    /// At least one letter, and none but capitals.
    pub capital: bool,
}

/// Puts the description in place of each emoji, parted by a space from what stands before it.
pub fn describe_emoji(text: &str) -> Cow<'_, str> {
    let is_emoji = |letter: char| letter >= FIRST_EMOJI && emoji_description(letter).is_some();
    if text.is_ascii() || !text.chars().any(is_emoji) {
        return Cow::Borrowed(text);
    }
    let mut described = String::with_capacity(text.len() * 2);
    let mut after_space = true;
    for letter in text.chars() {
        if let Some(description) = emoji_description(letter) {
            if !after_space {
                described.push(' ');
            }
            described.push_str(description);
            after_space = false;
        } else {
            described.push(letter);
            after_space = letter == ' ';
        }
    }
    Cow::Owned(described)
}

/// Without white space at both ends.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

pub fn read(text: &str) -> Vec<Word> {
    // English words have about five letters.
    let mut words = Vec::with_capacity(text.len() / 5 + 1);
    if text.is_ascii() {
        let tokens = text.split(|letter: char| is_ascii_space(letter));
        words.extend(tokens.filter(|token| !token.is_empty()).map(ascii_word));
    } else {
        let tokens = text.split(is_space);
        words.extend(tokens.filter(|token| !token.is_empty()).map(word));
    }
    words
}

fn word(token: &str) -> Word {
    if token.is_ascii() {
        return ascii_word(token);
    }
    let token = without_punctuation(token);
    let lower = token.to_lowercase();
    let mut entry = lookup(lower.as_bytes());
    entry.negates |= lower.contains("n't");
    Word {
        entry,
        capital: is_upper(token),
    }
}

fn ascii_word(token: &str) -> Word {
    let token = without_punctuation(token).as_bytes();
    let mut lower = [0_u8; LONGEST];
    let mut entry = Entry::default();
    if let Some(lower) = lower.get_mut(..token.len()) {
        lower.copy_from_slice(token);
        lower.make_ascii_lowercase();
        entry = lookup(lower);
    }
    if !entry.negates && token.contains(&b'\'') {
        entry.negates = token
            .windows(3)
            .any(|three| three.eq_ignore_ascii_case(b"n't"));
    }
    let capital =
        token.iter().any(u8::is_ascii_uppercase) && !token.iter().any(u8::is_ascii_lowercase);
    Word { entry, capital }
}

/// The token without punctuation around it, unless two or fewer letters would be left: then it may be an emoticon.
fn without_punctuation(token: &str) -> &str {
    let stripped = token.trim_matches(|letter: char| letter.is_ascii_punctuation());
    if stripped.chars().nth(2).is_none() {
        token
    } else {
        stripped
    }
}

/// Python's `str.isspace` has four control characters more than the property White_Space of Unicode.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{1c}'..='\u{1f}')
}

fn is_ascii_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t'..='\r' | '\u{1c}'..='\u{1f}')
}

/// Python's `str.isupper`.
fn is_upper(token: &str) -> bool {
    let mut cased = false;
    for letter in token.chars() {
        if letter.is_lowercase() || is_title(letter) {
            return false;
        }
        cased |= letter.is_uppercase();
    }
    cased
}

/// General category Lt.
fn is_title(letter: char) -> bool {
    matches!(letter,
        '\u{1c5}' | '\u{1c8}' | '\u{1cb}' | '\u{1f2}'
        | '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}' | '\u{1fa8}'..='\u{1faf}'
        | '\u{1fbc}' | '\u{1fcc}' | '\u{1ffc}')
}

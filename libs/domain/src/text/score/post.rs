//! A post prepared for the factors: counted, and in a form in which phrases are found.

use crate::text::{join, segment::sentences};
use unicode_segmentation::UnicodeSegmentation;

pub struct Post {
    pub text: String,
    pub hook: Prepared,
    pub body: Prepared,
    pub sentences: usize,
}

/// One part of a post.
pub struct Prepared {
    /// Lower case, straight apostrophes, every other mark but `%`, `$` and `?` a space, one space at both ends.
    pub plain: String,
    pub words: usize,
}

impl Post {
    pub fn of(hook: &str, body: &str) -> Self {
        let text = join(hook, body);
        Self {
            sentences: sentences(&text).len(),
            hook: Prepared::of(hook),
            body: Prepared::of(body),
            text,
        }
    }

    pub fn words(&self) -> usize {
        self.hook.words + self.body.words
    }

    /// Phrases of a list that stand in hook or body, each once, as `“phrase”`.
    pub fn phrases(&self, list: &[&str]) -> Vec<String> {
        list.iter()
            .filter(|phrase| self.hook.holds(phrase) || self.body.holds(phrase))
            .map(|phrase| format!("“{phrase}”"))
            .collect()
    }
}

impl Prepared {
    fn of(text: &str) -> Self {
        let mut plain = String::with_capacity(text.len() + 2);
        plain.push(' ');
        for letter in text.chars().flat_map(char::to_lowercase) {
            match letter {
                '’' | '\'' => plain.push('\''),
                '%' | '$' => plain.push(letter),
                '?' => plain.push_str(" ? "),
                _ if letter.is_alphanumeric() => plain.push(letter),
                _ if plain.ends_with(' ') => {}
                _ => plain.push(' '),
            }
        }
        plain.push(' ');
        Self {
            plain,
            words: text.unicode_words().count(),
        }
    }

    /// True where the phrase stands between word boundaries.
    pub fn holds(&self, phrase: &str) -> bool {
        self.plain.match_indices(phrase).any(|(start, _)| {
            let before = &self.plain[..start];
            let after = &self.plain[start + phrase.len()..];
            before.ends_with(' ') && after.starts_with(' ')
        })
    }

    /// The first phrase of a list that stands in this part.
    pub fn first<'list>(&self, list: &[&'list str]) -> Option<&'list str> {
        list.iter().copied().find(|phrase| self.holds(phrase))
    }

    /// Words with a digit, such as `37%` and `$2m`.
    pub fn figures(&self) -> impl Iterator<Item = &str> {
        let has_digit = |word: &&str| word.bytes().any(|byte| byte.is_ascii_digit());
        self.plain.split(' ').filter(has_digit)
    }
}

//! Sentiment by the rules of VADER 3.3.2 (Hutto and Gilbert, ICWSM 2014), equal to the Python package in every published
//! digit.
//!
//! Each token is looked up once in a map that holds valence, booster, negation and the rules' special words together;
//! the rules then compare small numbers and no strings.

mod lexicon;
mod rules;
mod sums;
mod tokens;

use serde::{Deserialize, Serialize};

/// Shares of positive, negative and neutral words (0 to 1, three decimals) and the compound of −1 to 1 (four decimals).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    pub positive: f64,
    pub negative: f64,
    pub neutral: f64,
    pub compound: f64,
}

/// Scores one sentence; a text of several is scored as one.
#[must_use]
pub fn score(text: &str) -> Sentiment {
    let described = tokens::describe_emoji(text);
    let text = tokens::strip(&described);
    let words = tokens::read(text);
    let mut valences = rules::valences(&words);
    rules::weigh_around_but(&words, &mut valences);
    sums::combine(&valences, text)
}

//! Sentiment against the oracle: a crate that is checked against the Python package in every digit.
#![allow(clippy::unwrap_used)]

use domain::text::sentiment::{Sentiment, score};
use proptest::prelude::*;
use std::sync::LazyLock;
use vader_parity::SentimentIntensityAnalyzer;

static ORACLE: LazyLock<SentimentIntensityAnalyzer> =
    LazyLock::new(SentimentIntensityAnalyzer::new);

const CORPUS: &str = include_str!("../data/sentiment_corpus.txt");

fn expected(text: &str) -> Sentiment {
    let scores = ORACLE.polarity_scores(text);
    Sentiment {
        positive: scores.pos,
        negative: scores.neg,
        neutral: scores.neu,
        compound: scores.compound,
    }
}

#[test]
fn every_sentence_of_the_corpus_scores_as_the_oracle_says() {
    let different: Vec<String> = CORPUS
        .lines()
        .filter(|line| score(line) != expected(line))
        .map(|line| format!("{line:?}: {:?}, not {:?}", score(line), expected(line)))
        .collect();
    assert!(CORPUS.lines().count() >= 500);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_whole_corpus_as_one_text_scores_as_the_oracle_says() {
    assert_eq!(score(CORPUS), expected(CORPUS));
    let backwards: Vec<&str> = CORPUS.lines().rev().collect();
    for size in [2, 3, 7, 20] {
        for lines in backwards.chunks(size) {
            let text = lines.join(" ");
            assert_eq!(score(&text), expected(&text), "{text:?}");
        }
    }
}

/// Words that rules name, in an order that no author would choose.
fn rule_words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(
        "good GOOD bad Bad great terrible love hate no No NO not never so this without doubt least at very but BUT or nor \
         kind of sort just enough the shit bomb ass bus stop yeah right kiss death to die for beating heart really hardly \
         don't ISN'T nothing table walk :) :( 😀 💔 lol ! ?? !!! , x"
            .split_whitespace()
            .collect::<Vec<_>>(),
    );
    prop::collection::vec(word, 0..24).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_of_the_rules_in_any_order_score_as_the_oracle_says(text in rule_words()) {
        prop_assert_eq!(score(&text), expected(&text));
    }

    #[test]
    fn any_text_scores_as_the_oracle_says(text in "\\PC{0,60}|(\\s|.|good|bad|not){0,40}") {
        prop_assert_eq!(score(&text), expected(&text));
    }
}

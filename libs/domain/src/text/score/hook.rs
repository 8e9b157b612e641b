//! Hook strength: six cues of one point each; two and a half make a full hook.

use super::{Measure, cues, post::Post};

/// Points that give the full value.
const FULL: f64 = 2.5;
/// Words of a hook that is read in one glance.
const BRIEF: std::ops::RangeInclusive<usize> = 3..=15;

pub fn strength(post: &Post) -> Measure {
    let hook = &post.hook;
    let found = |kind: &str, phrase: &str| format!("{kind}: “{phrase}”");
    let evidence: Vec<String> = [
        hook.holds("?").then(|| "a question".to_owned()),
        hook.figures()
            .next()
            .map(|figure| found("a figure", figure)),
        hook.first(cues::ADDRESS)
            .map(|word| found("speaks to the reader", word)),
        hook.first(cues::OPENERS)
            .map(|phrase| found("opening", phrase)),
        hook.first(cues::TENSION).map(|word| found("tension", word)),
        BRIEF
            .contains(&hook.words)
            .then(|| format!("brief: {} words", hook.words)),
    ]
    .into_iter()
    .flatten()
    .collect();
    Measure {
        value: evidence.len() as f64 / FULL,
        evidence,
    }
}

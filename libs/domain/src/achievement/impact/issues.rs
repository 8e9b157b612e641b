//! Issues that the text of a pull request closes, by GitHub's own words.

use super::{Component, PullRequest, capped, component};
use crate::achievement::prose::prose;
use std::collections::BTreeSet;

/// Keywords of "Linking a pull request to an issue" of GitHub's documentation.
const WORDS: [&str; 9] = [
    "close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved",
];
/// Words of a text that are looked at, and issues that are counted.
const MOST: (usize, usize) = (20_000, 100);

pub fn component_of(pull: Option<&PullRequest>) -> Component {
    let closed = pull.map(closed).unwrap_or_default();
    let points = capped(closed.len(), 4, 10);
    let sentences = closed
        .iter()
        .map(|issue| format!("closes {issue}"))
        .collect();
    component(
        "issues",
        10,
        points,
        sentences,
        "it names no issue that it closes",
    )
}

/// `#3`, `owner/name#3`, or the address of an issue, after a keyword; each issue once, the pull request itself never.
fn closed(pull: &PullRequest) -> BTreeSet<String> {
    let text = prose(pull.body.as_deref().unwrap_or_default());
    let words: Vec<&str> = text.split_whitespace().take(MOST.0).collect();
    words
        .windows(2)
        .filter(|pair| {
            let word = pair[0].trim_matches(|it: char| !it.is_alphanumeric());
            WORDS.contains(&word.to_lowercase().as_str())
        })
        .filter_map(|pair| reference(pair[1], pull))
        .take(MOST.1)
        .collect()
}

/// `#3` for an issue of the same repository, `owner/name#3` for one of another.
fn reference(word: &str, pull: &PullRequest) -> Option<String> {
    let word = word
        .trim_start_matches(['(', '[', '*', '_'])
        .trim_end_matches(['.', ',', ';', ':', '!', ')', ']', '*', '_']);
    let page = format!("https://{}/", pull.host);
    let (repository, number) = match word.strip_prefix(page.as_str()) {
        Some(path) => path.split_once("/issues/")?,
        None => word.split_once('#')?,
    };
    let digits = (1..10).contains(&number.len()) && number.bytes().all(|it| it.is_ascii_digit());
    let number: i64 = if digits { number.parse().ok()? } else { 0 };
    let own = repository.is_empty() || repository.eq_ignore_ascii_case(&pull.repository);
    if number == 0 || (own && number == pull.number) || !(own || is_repository(repository)) {
        return None;
    }
    Some(if own {
        format!("#{number}")
    } else {
        format!("{}#{number}", repository.to_lowercase())
    })
}

fn is_repository(name: &str) -> bool {
    let part = |it: &str| {
        (1..=100).contains(&it.len())
            && it
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    name.split_once('/')
        .is_some_and(|(owner, name)| part(owner) && part(name))
}

//! What a person should see before anything of an untrusted text goes further: secrets, text that addresses a model, letters that
//! hide what is written, markup. A finding says where and what kind, never the thing itself.

mod letters;
mod secrets;

use super::{Finding, Subject};
use letters::{bounded, is_bidi, seen};
use regex::Regex;
use std::{collections::BTreeSet, sync::LazyLock};
use unicode_normalization::UnicodeNormalization;

/// Texts are looked at up to here, bytes.
const LONGEST: usize = 256 * 1024;

/// Words that speak to a model instead of a reader; looked for after compatibility normalisation, so that wide or styled letters hide none.
static INJECTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes = [
        r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,30}\b(?:previous|above|prior|earlier|preceding|your)\b.{0,30}\b(?:instructions?|prompts?|rules?|messages?|guidelines?|directions?)\b",
        r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,15}\b(?:all|any|every|the)\b.{0,15}\b(?:instructions?|prompts?)\b",
        r"\bdo not (?:follow|obey)\b.{0,30}\b(?:instructions?|prompts?|rules)\b",
        r"\byou are now\b.{0,40}\b(?:assistant|model|ai|bot|chatbot|unrestricted|unfiltered|jailbroken|dan)\b",
        r"\b(?:act as|pretend (?:to be|you are))\b.{0,40}\b(?:assistant|model|ai|chatbot)\b",
        r"\bas an? (?:ai|large language|language) model\b",
        r"\bsystem prompts?\b",
        r"\b(?:reveal|print|repeat|show|output)\b.{0,20}\byour\b.{0,20}\b(?:instructions?|prompt)\b",
        r"\bnew instructions?\s*:",
        r"<\|[a-z_]{2,30}\|>|\[/?INST\]|<</?SYS>>",
        r"(?m:^\s*(?:#{1,6}\s*)?(?:system|assistant)\s*:)",
        r"</?\s*(?:system|assistant|instructions?|untrusted[a-z_-]*)\s*>",
    ];
    Regex::new(&format!("(?is){}", shapes.join("|"))).ok()
});
static MARKUP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)<\s*(?:script|iframe|object|embed|svg|style|link|meta|form|base)\b|<[a-z][^>]{0,2000}[\s/]on[a-z]{3,20}\s*=|\bjavascript:\S|\bvbscript:\S|data:text/html").ok()
});

/// What stands in a record's texts, each kind and place once.
#[must_use]
pub fn findings(subject: &Subject) -> Vec<Finding> {
    let pull = subject.pull_request.as_ref();
    let own = pull
        .map(|pull| pull.title.as_str())
        .filter(|own| *own != subject.title);
    let body = pull
        .and_then(|pull| pull.body.as_deref())
        .filter(|body| Some(*body) != subject.description.as_deref());
    let labels = pull.map_or(String::new(), |pull| pull.labels.join("\n"));
    let evidence: Vec<&str> = subject
        .evidence
        .iter()
        .flat_map(|it| [it.title.as_str(), it.stream.as_str()])
        .collect();
    let mut found = vec![];
    for (place, text) in [
        ("the title", Some(subject.title.as_str())),
        ("the pull request's title", own),
        ("the description", subject.description.as_deref()),
        ("the pull request's text", body),
        ("the business value", subject.business_value.as_deref()),
        ("the labels", Some(labels.as_str())),
        ("the evidence", Some(evidence.join("\n").as_str())),
    ] {
        if let Some(text) = text {
            found.extend(of_text(place, bounded(text, LONGEST)));
        }
    }
    found
}

fn of_text(place: &str, text: &str) -> Vec<Finding> {
    let finding = |kind: &str, what: &str| Finding {
        kind: kind.to_owned(),
        detail: format!("{place} holds {what}"),
    };
    let shown = seen(text);
    let plain: String = shown.nfkc().collect();
    let kinds: BTreeSet<&str> = secrets::kinds(&shown)
        .into_iter()
        .chain(secrets::kinds(&plain))
        .collect();
    let mut found: Vec<Finding> = kinds
        .into_iter()
        .map(|kind| finding("secret", kind))
        .collect();
    if matches(&INJECTION, &plain) {
        found.push(finding("injection", "words that address a model"));
    }
    if text.chars().any(is_bidi) {
        found.push(finding(
            "bidi",
            "letters that change the direction of what is shown",
        ));
    }
    if matches(&MARKUP, &plain) {
        found.push(finding("markup", "markup that a page would run"));
    }
    found
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

/// The text as it may be shown or fenced off in a prompt: hidden and control letters gone, secrets masked, at most `most` letters. Whoever
/// fences it off keeps its own fence out of it. Hidden letters go first: they would keep a secret from being recognised.
#[must_use]
pub fn neutral(text: &str, most: usize) -> String {
    let kept = secrets::masked(&seen(bounded(text, LONGEST)));
    if kept.chars().count() <= most {
        return kept;
    }
    let mut short: String = kept.chars().take(most.saturating_sub(1)).collect();
    if most > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;

//! What a person should see before anything of an untrusted text goes further: secrets, text that addresses a model, letters that
//! hide what is written, markup. A finding says where and what kind, never the thing itself.

use super::{Finding, Subject};
use regex::Regex;
use std::sync::LazyLock;

/// What a secret is replaced by.
const MASK: &str = "[secret]";
/// Texts are looked at up to here, bytes.
const LONGEST: usize = 256 * 1024;

/// Kinds of secrets by their published shapes.
static SECRETS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    [
        ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b"),
        ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
        ("a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?s:.{0,8192}?-----END (?:[A-Z]+ )*PRIVATE KEY-----)?"),
        ("a JSON web token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
        ("a Slack token", r"\bxox[abpors]-[A-Za-z0-9-]{10,}"),
        ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}\b"),
        ("an OpenAI key", r"\bsk-[A-Za-z0-9_-]{20,}"),
        ("a Stripe key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
        ("a password in an address", r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]{3,}@"),
        ("a credential", r#"(?i)\b(?:password|passwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token)\b["']?\s*[:=]\s*["']?[^\s"']{8,}"#),
    ]
    .into_iter()
    .filter_map(|(kind, pattern)| Some((kind, Regex::new(pattern).ok()?)))
    .collect()
});
static INJECTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:ignore|disregard|forget|override)\b.{0,30}\b(?:previous|above|prior|earlier|all|your)\b.{0,30}\b(?:instructions?|prompts?|rules?|messages?)|\byou are now\b|\bsystem prompt\b|<\|(?:im_start|im_end|system|user|assistant|endoftext)\|>|\bact as (?:an?|the)\b.{0,40}\b(?:assistant|model|ai)\b|\[/?INST\]|\bnew instructions?:").ok()
});
static MARKUP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)<\s*(?:script|iframe|object|embed|svg|style|link|meta|form)\b|\bon[a-z]{3,20}\s*=|javascript:|data:text/html").ok()
});

/// What stands in a record's texts, each kind and place once.
#[must_use]
pub fn findings(subject: &Subject) -> Vec<Finding> {
    let pull = subject.pull_request.as_ref();
    let body = pull.and_then(|pull| pull.body.as_deref());
    let mut found = vec![];
    for (place, text) in [
        ("the title", Some(subject.title.as_str())),
        ("the description", subject.description.as_deref().or(body)),
        ("the business value", subject.business_value.as_deref()),
    ] {
        if let Some(text) = text {
            found.extend(of_text(place, bounded(text)));
        }
    }
    found
}

fn of_text(place: &str, text: &str) -> Vec<Finding> {
    let finding = |kind: &str, what: &str| Finding {
        kind: kind.to_owned(),
        detail: format!("{place} holds {what}"),
    };
    let mut found: Vec<Finding> = SECRETS
        .iter()
        .filter(|(_, pattern)| pattern.is_match(text))
        .map(|(kind, _)| finding("secret", kind))
        .collect();
    if matches(&INJECTION, text) {
        found.push(finding("injection", "words that address a model"));
    }
    if text.chars().any(is_bidi) {
        found.push(finding(
            "bidi",
            "letters that change the direction of what is shown",
        ));
    }
    if matches(&MARKUP, text) {
        found.push(finding("markup", "markup that a page would run"));
    }
    found
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

fn bounded(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The text as it may be shown or fenced off in a prompt: secrets masked, hidden and control letters gone, at most `most` letters.
#[must_use]
pub fn neutral(text: &str, most: usize) -> String {
    let mut shown = bounded(text).to_owned();
    for (_, pattern) in SECRETS.iter() {
        if pattern.is_match(&shown) {
            shown = pattern.replace_all(&shown, MASK).into_owned();
        }
    }
    let kept: String = shown
        .chars()
        .filter(|letter| {
            !is_bidi(*letter)
                && !is_hidden(*letter)
                && (!letter.is_control() || matches!(letter, '\n' | '\t'))
        })
        .collect();
    if kept.chars().count() <= most {
        return kept;
    }
    let mut short: String = kept.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Embeddings, overrides, isolates and marks of direction (Unicode TR 9).
fn is_bidi(letter: char) -> bool {
    matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// Letters that show nothing: zero width, tags, interlinear marks.
fn is_hidden(letter: char) -> bool {
    matches!(letter, '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

//! Secrets by the shapes that their issuers publish, and assignments whose name says that the value is one.

use regex::{Captures, Regex};
use std::sync::LazyLock;

/// What a secret is replaced by.
const MASK: &str = "[secret]";

/// Issuers' published shapes. A private key without an end is one up to the end of the text.
const SHAPES: [(&str, &str); 18] = [
    (
        "a private key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]{1,60}-----|\z)",
    ),
    (
        "a GitHub token",
        r"(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})",
    ),
    (
        "a GitLab token",
        r"\bgl(?:pat|ptt|dt|rt|cbt)-[A-Za-z0-9_-]{20,}",
    ),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    (
        "a JSON web token",
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    ),
    (
        "a Slack token",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[0-9]-[A-Za-z0-9-]{10,}",
    ),
    (
        "a Slack webhook",
        r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}",
    ),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}"),
    (
        "a Google OAuth secret",
        r"\bGOCSPX-[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9_-]{20,}",
    ),
    ("a model provider's key", r"\bsk-[A-Za-z0-9_-]{20,}"),
    (
        "a Stripe key",
        r"\b(?:[rs]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}",
    ),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}"),
    ("a PyPI token", r"\bpypi-[A-Za-z0-9_-]{50,}"),
    (
        "a SendGrid key",
        r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    ),
    ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}"),
    ("a DigitalOcean token", r"\bdo[opr]_v1_[a-f0-9]{64}"),
    (
        "a bearer token",
        r"(?i)\bauthorization\b[^\n]{0,10}\b(?:bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{16,}",
    ),
    (
        "a password in an address",
        r"(?i)\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@]{0,200}:[^\s/@]{3,200}@",
    ),
];
/// Every shape, compiled.
static PATTERNS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    SHAPES
        .into_iter()
        .filter_map(|(kind, shape)| Some((kind, Regex::new(shape).ok()?)))
        .collect()
});
/// `DB_PASSWORD=…`, `"apiKey": "…"`, `secret: …`: a name that says what the value is.
static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(?P<name>[a-z0-9_.-]{0,64}(?:passwor[dt]|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[a-z0-9_.-]{0,64})["'`]?[ \t]*(?P<sign>:=|=>|[:=])[ \t]*["'`]?(?P<value>[^\s"'`,;<>()\[\]{}]{8,512})"#,
    )
    .ok()
});

/// The kinds of secrets in a text, each once. Give it a text without hidden letters.
pub fn kinds(text: &str) -> Vec<&'static str> {
    let mut found: Vec<&str> = PATTERNS
        .iter()
        .filter(|(_, pattern)| pattern.is_match(text))
        .map(|(kind, _)| *kind)
        .collect();
    let assigned = ASSIGNMENT
        .as_ref()
        .is_some_and(|pattern| pattern.captures_iter(text).any(|it| is_credential(&it)));
    if assigned {
        found.push("a credential");
    }
    found
}

/// The text with a mask in each secret's place.
pub fn masked(text: &str) -> String {
    let mut shown = text.to_owned();
    for (_, pattern) in PATTERNS.iter() {
        if pattern.is_match(&shown) {
            shown = pattern.replace_all(&shown, MASK).into_owned();
        }
    }
    match ASSIGNMENT.as_ref() {
        Some(pattern) => pattern
            .replace_all(&shown, |found: &Captures<'_>| {
                if is_credential(found) {
                    found[0].replace(&found["value"], MASK)
                } else {
                    found[0].to_owned()
                }
            })
            .into_owned(),
        None => shown,
    }
}

/// Whether the value is one, and no word, variable or placeholder. After `=` a password may be words; prose writes `password: required`.
fn is_credential(found: &Captures<'_>) -> bool {
    /// Bits a letter; English words of this length have fewer than random letters do.
    const LEAST_ENTROPY: f64 = 3.0;
    let (name, value) = (found["name"].to_lowercase(), &found["value"]);
    let placeholder = value.contains("[secret")
        || value.starts_with(['$', '%', '*', '/', '.'])
        || value.contains("://")
        || value.to_lowercase().contains("example")
        || value.chars().all(|letter| value.starts_with(letter));
    if placeholder {
        return false;
    }
    let mixed = value.bytes().any(|it| it.is_ascii_digit())
        && value.bytes().any(|it| it.is_ascii_alphabetic());
    let password = name.contains("passw") || name.contains("passphrase");
    if password && &found["sign"] == "=" {
        return true;
    }
    if password {
        return value.bytes().any(|it| !it.is_ascii_alphabetic()) && !value.ends_with(['.', '!']);
    }
    mixed && entropy(value) >= LEAST_ENTROPY
}

/// Shannon's entropy of a text's letters, bits a letter (A Mathematical Theory of Communication, 1948, §6).
fn entropy(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::<char, f64>::new();
    for letter in text.chars() {
        *counts.entry(letter).or_default() += 1.0;
    }
    let whole: f64 = counts.values().sum();
    counts
        .values()
        .map(|count| -(count / whole) * (count / whole).log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_a_pattern() {
        assert_eq!(PATTERNS.len(), SHAPES.len());
        assert!(ASSIGNMENT.is_some());
    }
}

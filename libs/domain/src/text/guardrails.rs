//! What may not go into a prompt, and what may not leave as a post.
//!
//! Each finding names its rule and the bytes that it rests on, so that an author can see why and a test can see that.

mod banned;
mod fold;
mod hidden;
mod injection;
mod shape;

use super::join;
pub use super::segment::Span;
use crate::tasks::ContentType;
use serde::{Deserialize, Serialize};

/// What is held against a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub rule: Rule,
    pub severity: Severity,
    /// A sentence for the author, which quotes at most a few words of the text.
    pub message: String,
    /// Bytes of the checked text; of a post, of hook, two line ends and body.
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// Text that speaks to the model and would change what it was told.
    PromptInjection,
    /// Characters that are not seen and may change what is read.
    HiddenCharacters,
    /// A phrase that the persona never uses.
    BannedPhrase,
    TooShort,
    TooLong,
    /// Not built as its content type is.
    Structure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The text is held back.
    Block,
    /// The text passes; the post shows the finding.
    Warn,
}

/// Findings in the input of a job, before it reaches a prompt; ordered by place.
#[must_use]
pub fn check_input(input: &str) -> Vec<Finding> {
    let mut findings = hidden::find(input);
    findings.extend(injection::find(input));
    in_order(findings)
}

/// Findings in a post, before it is scored; ordered by place. `banned` are the persona's phrases.
#[must_use]
pub fn check_output(
    content_type: ContentType,
    hook: &str,
    body: &str,
    banned: &[String],
) -> Vec<Finding> {
    let text = join(hook, body);
    let mut findings = banned::find(&text, banned);
    findings.extend(hidden::find(&text));
    findings.extend(shape::find(content_type, hook, body));
    in_order(findings)
}

/// True where a finding holds the text back.
#[must_use]
pub fn blocks(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Block)
}

fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
    findings
}

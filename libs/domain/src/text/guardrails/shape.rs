//! Length and structure of each content type.

use super::{Finding, Rule, Severity, Span, join};
use crate::{tasks::ContentType, text::segment::sentences};

/// Bounds on one content type; lengths in characters.
struct Bounds {
    name: &'static str,
    /// A longer hook is not read before the fold.
    hook: usize,
    shortest: usize,
    /// Above this the network splits or refuses the text.
    usual: usize,
    longest: usize,
    /// Sentences of the body that the type needs to be one.
    sentences: usize,
}

const fn bounds(content_type: ContentType) -> Bounds {
    match content_type {
        // Threads shows 500 characters of one post.
        ContentType::Post => Bounds {
            name: "post",
            hook: 300,
            shortest: 20,
            usual: 500,
            longest: 2_000,
            sentences: 1,
        },
        ContentType::Thread => Bounds {
            name: "thread",
            hook: 300,
            shortest: 80,
            usual: 5_000,
            longest: 10_000,
            sentences: 2,
        },
        ContentType::Announcement => Bounds {
            name: "announcement",
            hook: 300,
            shortest: 20,
            usual: 1_000,
            longest: 4_000,
            sentences: 1,
        },
    }
}

pub fn find(content_type: ContentType, hook: &str, body: &str) -> Vec<Finding> {
    let bounds = bounds(content_type);
    let text = join(hook, body);
    let hook_span = Span {
        start: 0,
        end: hook.len(),
    };
    let body_span = Span {
        start: text.len() - body.len(),
        end: text.len(),
    };
    let whole = Span {
        start: 0,
        end: text.len(),
    };
    let mut findings: Vec<Finding> = lengths(&bounds, &text, whole).into_iter().collect();
    let mut add = |severity, message: String, span| {
        findings.push(Finding {
            rule: Rule::Structure,
            severity,
            message,
            span,
        });
    };
    for (part, name, span) in [(hook, "hook", hook_span), (body, "body", body_span)] {
        if !part.chars().any(char::is_alphanumeric) {
            add(Severity::Block, format!("the {name} has no words"), span);
        }
    }
    let length = hook.chars().count();
    if length > bounds.hook {
        let message = format!(
            "the hook has {length} characters; {} are read at a glance",
            bounds.hook
        );
        add(Severity::Warn, message, hook_span);
    }
    let count = sentences(body).len();
    if count < bounds.sentences {
        let message = format!(
            "the body has {count} sentences; a {} needs {}",
            bounds.name, bounds.sentences
        );
        add(Severity::Warn, message, body_span);
    }
    if !hook.trim().is_empty() && body.trim_start().starts_with(hook.trim()) {
        add(
            Severity::Warn,
            "the body repeats the hook".to_owned(),
            body_span,
        );
    }
    findings
}

fn lengths(bounds: &Bounds, text: &str, span: Span) -> Option<Finding> {
    let length = text.chars().count();
    let name = bounds.name;
    let (rule, severity, message) = if length > bounds.longest {
        let message = format!(
            "{length} characters are more than the {} that a {name} may have",
            bounds.longest
        );
        (Rule::TooLong, Severity::Block, message)
    } else if length > bounds.usual {
        let message = format!(
            "{length} characters are more than the {} of a usual {name}",
            bounds.usual
        );
        (Rule::TooLong, Severity::Warn, message)
    } else if length < bounds.shortest {
        let message = format!(
            "{length} characters are fewer than the {} that a {name} needs",
            bounds.shortest
        );
        (Rule::TooShort, Severity::Block, message)
    } else {
        return None;
    };
    Some(Finding {
        rule,
        severity,
        message,
        span,
    })
}

//! What counts as text from a model, whatever the model is (FAULTS 38).

use crate::{
    failure::invalid_output,
    ports::{Completion, Finish},
};
use domain::tasks::TaskFailure;

/// Longest text that one completion may be, in characters; a content type's own bound is tighter.
pub const MAX_CHARACTERS: usize = 20_000;

/// The completion's text, trimmed and with Unix line ends.
///
/// # Errors
/// `InvalidModelOutput` for a text that is cut off, held back, empty, without a letter or digit, too long, or that holds
/// control characters, bidirectional overrides or the mark of bytes that were no UTF-8.
pub fn accept(part: &str, completion: &Completion) -> Result<String, TaskFailure> {
    match completion.finish {
        Finish::Complete => {}
        Finish::Truncated => {
            return Err(invalid_output(format!(
                "the model's {part} was cut off at its token limit; raise model.maxOutputTokens"
            )));
        }
        Finish::Filtered => {
            return Err(invalid_output(format!(
                "the model's endpoint held its {part} back"
            )));
        }
    }
    let text = completion.text.replace("\r\n", "\n");
    let text = text.trim();
    let problem = if text.is_empty() {
        Some("is empty")
    } else if text.chars().count() > MAX_CHARACTERS {
        Some("is longer than any post may be")
    } else if !text.chars().any(char::is_alphanumeric) {
        Some("holds no letter and no digit")
    } else if text.chars().any(is_forbidden) {
        Some("holds control characters or bytes that are no text")
    } else {
        None
    };
    match problem {
        Some(problem) => Err(invalid_output(format!("the model's {part} {problem}"))),
        None => Ok(text.to_owned()),
    }
}

/// Control characters other than line feed and tab, bidirectional overrides and isolates, noncharacters, and U+FFFD, which
/// stands where a decoder met bytes that were no UTF-8.
fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFD}' | '\u{FDD0}'..='\u{FDEF}')
        || (c as u32 & 0xFFFE) == 0xFFFE
}

#[cfg(test)]
mod tests;

//! First step: the input as it may reach a prompt.

use crate::failure::{INPUT_REJECTED, invalid};
use domain::{
    tasks::TaskFailure,
    text::guardrails::{Severity, check_input},
};

/// The input, trimmed.
///
/// # Errors
/// `InputRejected` for an input that is empty or that carries text which tries to instruct the model.
pub fn ingest(input: &str) -> Result<&str, TaskFailure> {
    let input = input.trim();
    if input.is_empty() {
        return Err(invalid(INPUT_REJECTED, "the input is empty"));
    }
    match check_input(input)
        .into_iter()
        .find(|finding| finding.severity == Severity::Block)
    {
        Some(finding) => Err(invalid(INPUT_REJECTED, finding.message)),
        None => Ok(input),
    }
}

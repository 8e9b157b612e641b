//! Ways in which an attempt ends without a post: the codes that people see in `status.lastError`, each in one place.

use domain::tasks::{FailureClass, TaskFailure};

/// The input carries text that tries to instruct the model.
pub const INPUT_REJECTED: &str = "InputRejected";
/// The prompt version does not render for this task.
pub const PROMPT_INVALID: &str = "PromptInvalid";
/// A gate needs an analysis that exists only for English.
pub const LANGUAGE_UNSUPPORTED: &str = "LanguageUnsupported";
/// What the model or the embedding endpoint answered cannot be a post or a vector.
pub const INVALID_MODEL_OUTPUT: &str = "InvalidModelOutput";
/// The attempt took longer than it may.
pub const TIMEOUT: &str = "Timeout";
/// The store refused what the worker wrote: our own mistake.
pub const STORE_REFUSED: &str = "StoreRefused";

/// Gates' codes, as `reject_task` records them.
pub const DUPLICATE: &str = "Duplicate";
pub const LOW_SCORE: &str = "LowScore";
pub const EMOTION_CONTRACT: &str = "EmotionContract";
pub const GUARDRAIL_HIT: &str = "GuardrailHit";

/// The declaration is wrong: no further attempt.
#[must_use]
pub fn invalid(code: &str, message: impl Into<String>) -> TaskFailure {
    failure(FailureClass::Invalid, code, message)
}

/// Worth another attempt.
#[must_use]
pub fn transient(code: &str, message: impl Into<String>) -> TaskFailure {
    failure(FailureClass::Transient, code, message)
}

/// Our own mistake; counts as an attempt.
#[must_use]
pub fn bug(code: &str, message: impl Into<String>) -> TaskFailure {
    failure(FailureClass::Bug, code, message)
}

/// FAULTS 38: bounded attempts, then dead-lettered.
#[must_use]
pub fn invalid_output(message: impl Into<String>) -> TaskFailure {
    transient(INVALID_MODEL_OUTPUT, message)
}

fn failure(class: FailureClass, code: &str, message: impl Into<String>) -> TaskFailure {
    TaskFailure {
        class,
        code: code.to_owned(),
        message: message.into(),
        retry_after_seconds: None,
    }
}

//! What GitHub tells, as facts: deliveries of webhooks, and the same objects as its REST API answers them.
//!
//! Everything here comes from outside. Sizes and depth are bounded before anything is parsed; what a fact cannot do without is named
//! in the error where it is missing; text is kept as it is, for those who show it to neutralise.

mod events;
mod fields;
mod people;
mod pull;
mod reverts;

use super::{Evidence, PullRequest};
use fields::Fields;
use serde_json::Value;
use thiserror::Error;

/// Longest delivery that is read, bytes.
pub const MAX_BYTES: usize = 5 * 1024 * 1024;
/// Deepest nesting of a delivery; GitHub's own stay below ten.
pub const MAX_DEPTH: usize = 32;
/// Values of a delivery at most; a push of 2,048 commits has about 50,000.
pub const MAX_VALUES: usize = 250_000;

/// How deliveries of one source are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading<'a> {
    /// The source's host; identities are made with it, whatever a payload says of itself.
    pub host: &'a str,
    /// Bots are people too.
    pub include_bots: bool,
}

/// What a delivery tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    PullRequest(Box<PullRequest>),
    Evidence {
        evidence: Box<Evidence>,
        /// A push to the default branch, or no push.
        on_default_branch: bool,
    },
    /// It tells nothing of achievements, for this reason.
    Ignored(&'static str),
}

/// Why a delivery cannot be read. The texts hold names of fields and nothing of their values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    #[error("the delivery is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("the delivery is no UTF-8")]
    NotUtf8,
    #[error("the delivery is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("the delivery has more than {MAX_VALUES} values")]
    TooMany,
    #[error("the delivery is no JSON: line {line}, column {column}")]
    NotJson { line: usize, column: usize },
    #[error("the delivery is no JSON object")]
    NotAnObject,
    #[error("field {0} is missing")]
    Missing(String),
    #[error("field {field} is not {wanted}")]
    Malformed { field: String, wanted: &'static str },
}

/// Reads the bytes of a delivery, whose signature was checked before.
///
/// # Errors
/// [`ReadError`]; the same bytes give the same error each time.
pub fn read_delivery(
    reading: &Reading<'_>,
    event: &str,
    body: &[u8],
) -> Result<Delivery, ReadError> {
    read_event(reading, event, &fields::parse(body)?)
}

/// Reads a delivery that is parsed already, or that was put together of what the REST API answers.
///
/// # Errors
/// As [`read_delivery`].
pub fn read_event(reading: &Reading<'_>, event: &str, body: &Value) -> Result<Delivery, ReadError> {
    let body = Fields::root(body)?;
    match event {
        "pull_request" => Ok(
            match pull::read(
                reading,
                &body.object("repository")?,
                &body.object("pull_request")?,
            )? {
                Some(pull) => Delivery::PullRequest(Box::new(pull)),
                None => Delivery::Ignored("the pull request is not merged"),
            },
        ),
        "push" => events::push(reading, &body),
        "release" => events::release(reading, &body),
        "deployment_status" => events::deployment(reading, &body),
        "ping" => Ok(Delivery::Ignored("a ping")),
        _ => Ok(Delivery::Ignored(
            "an event that tells nothing of achievements",
        )),
    }
}

/// Reads a pull request as a delivery holds it, and as the REST API answers one; an entry of a list has no counts. None where it is
/// not merged.
///
/// # Errors
/// As [`read_delivery`].
pub fn read_pull_request(
    reading: &Reading<'_>,
    repository: &Value,
    pull: &Value,
) -> Result<Option<PullRequest>, ReadError> {
    pull::read(reading, &Fields::root(repository)?, &Fields::root(pull)?)
}

#[cfg(test)]
mod tests;

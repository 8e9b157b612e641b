//! What can go wrong with an endpoint, by what it asks of the attempt.

use async_openai::error::OpenAIError;
use std::time::Duration;

/// Messages hold what the endpoint said of itself, cut short, and never a key or a prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// 429.
    #[error("the endpoint limits the rate of requests")]
    RateLimited { retry_after: Option<Duration> },
    /// 5xx, or nobody answers.
    #[error("the endpoint is not available: {message}")]
    Unavailable {
        message: String,
        retry_after: Option<Duration>,
    },
    #[error("the endpoint did not answer within {0:?}")]
    Timeout(Duration),
    /// An answer that cannot be one: no JSON, too long, fields missing, an empty text.
    #[error("the endpoint's answer is invalid: {why}")]
    InvalidOutput { why: String },
    /// 401 or 403.
    #[error("the endpoint refused the key ({status})")]
    Unauthorized { status: u16 },
    /// The request is wrong: an unknown model, a text that is too long, a bad URL.
    #[error("the endpoint refused the request: {0}")]
    Invalid(String),
}

/// [`ModelError`] without its details, for tables and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelErrorClass {
    RateLimited,
    Unavailable,
    Timeout,
    InvalidOutput,
    Unauthorized,
    Invalid,
}

impl ModelError {
    #[must_use]
    pub fn class(&self) -> ModelErrorClass {
        match self {
            Self::RateLimited { .. } => ModelErrorClass::RateLimited,
            Self::Unavailable { .. } => ModelErrorClass::Unavailable,
            Self::Timeout(_) => ModelErrorClass::Timeout,
            Self::InvalidOutput { .. } => ModelErrorClass::InvalidOutput,
            Self::Unauthorized { .. } => ModelErrorClass::Unauthorized,
            Self::Invalid(_) => ModelErrorClass::Invalid,
        }
    }

    /// How long the endpoint asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    pub(super) fn invalid_output(why: impl Into<String>) -> Self {
        Self::InvalidOutput { why: why.into() }
    }
}

impl From<OpenAIError> for ModelError {
    /// Our transport has judged the response already; what the library adds can only be about the request.
    fn from(error: OpenAIError) -> Self {
        match error {
            OpenAIError::Boxed(error) => match error.downcast::<Self>() {
                Ok(error) => *error,
                Err(error) => Self::Unavailable {
                    message: error.to_string(),
                    retry_after: None,
                },
            },
            OpenAIError::JSONDeserialize(..) => Self::invalid_output("the answer is no JSON"),
            OpenAIError::Reqwest(error) => Self::Invalid(error.without_url().to_string()),
            _ => Self::Invalid("the request could not be built".to_owned()),
        }
    }
}

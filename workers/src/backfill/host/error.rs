//! Ways in which the host does not answer, by what they ask of a backfill.

use std::time::Duration;

/// Characters of the host's own words that are kept.
const MESSAGE_CHARS: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// 401.
    #[error("the token is refused: it was revoked, has expired, or is of another host")]
    Unauthorized,
    /// 403 for want of rights.
    #[error("access is denied: {0}")]
    Forbidden(String),
    /// 404, 410, 451; private things look so to those who may not see them.
    #[error("not found, or hidden from this token")]
    NotFound,
    /// No more requests for longer than this worker waits.
    #[error("the {} rate limit is used up for {} s", if *.secondary { "secondary" } else { "hourly" }, .wait.as_secs())]
    Limited { secondary: bool, wait: Duration },
    /// No connection, no answer in time, or a server's error, repeatedly.
    #[error("the host does not answer: {0}")]
    Unavailable(String),
    /// An answer that is no JSON of the expected shape, repeatedly.
    #[error("the host's answer cannot be read: {0}")]
    Broken(String),
    #[error("the host refused the request with status {0}: {1}")]
    Refused(u16, String),
    /// This worker was asked to stop.
    #[error("asked to stop")]
    Stopped,
}

impl HostError {
    /// The code that people see in the source's status.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden(_) => "Forbidden",
            Self::NotFound => "NotFound",
            Self::Limited {
                secondary: false, ..
            } => "RateLimited",
            Self::Limited { .. } => "SecondaryRateLimited",
            Self::Unavailable(_) => "Unavailable",
            Self::Broken(_) => "InvalidAnswer",
            Self::Refused(..) => "Refused",
            Self::Stopped => "Stopped",
        }
    }

    /// Whether another request, of whatever repository, would meet the same.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::Limited { .. } | Self::Stopped
        )
    }

    /// Whether the same request may be answered better.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Broken(_))
    }

    /// When another backfill may fare better.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Limited { wait, .. } => *wait,
            Self::Unavailable(_) | Self::Broken(_) => Duration::from_secs(300),
            Self::Unauthorized | Self::Forbidden(_) | Self::NotFound | Self::Refused(..) => {
                Duration::from_secs(900)
            }
            Self::Stopped => Duration::ZERO,
        }
    }

    /// Whether the host said anything of its own.
    #[must_use]
    pub fn is_an_answer(&self) -> bool {
        !matches!(self, Self::Unavailable(_) | Self::Stopped)
    }
}

/// One line of bounded length, without control characters and without the token, should the host echo it (FAULTS 60).
#[must_use]
pub fn line(text: &str, token: Option<&str>) -> String {
    let text = match token {
        Some(token) if !token.is_empty() => text.replace(token, "[token]"),
        _ => text.to_owned(),
    };
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MESSAGE_CHARS)
        .collect()
}

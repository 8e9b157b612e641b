//! What the host's headers say of its limits.

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use std::time::Duration;

use super::error::{HostError, line};

/// Where the host limits without saying for how long, as its documentation asks.
const UNTOLD: Duration = Duration::from_secs(60);
/// A wait beyond this is taken as this.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Requests that are left until `reset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub remaining: u64,
    /// Unix seconds, by the host's clock.
    pub reset: i64,
}

impl Budget {
    /// As an answer's headers tell it; none where they do not.
    #[must_use]
    pub fn told(headers: &HeaderMap) -> Option<Self> {
        Some(Self {
            remaining: number(headers, "x-ratelimit-remaining")?,
            reset: number(headers, "x-ratelimit-reset")?,
        })
    }

    /// How long no request may be sent.
    #[must_use]
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        let seconds = u64::try_from(self.reset - now.as_second()).ok()?;
        // A second more, because clocks differ.
        (self.remaining == 0).then(|| Duration::from_secs(seconds + 1).min(LONGEST))
    }
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// What an answer that is no success means.
#[must_use]
pub fn refused(
    status: StatusCode,
    headers: &HeaderMap,
    message: &str,
    now: Timestamp,
) -> HostError {
    let limited = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::FORBIDDEN;
    if limited && let Some(error) = limit(status, headers, message, now) {
        return error;
    }
    match status.as_u16() {
        401 => HostError::Unauthorized,
        403 => HostError::Forbidden(line(message, None)),
        404 | 410 | 451 => HostError::NotFound,
        408 | 500.. => HostError::Unavailable(format!("{status}")),
        other => HostError::Refused(other, line(message, None)),
    }
}

fn limit(
    status: StatusCode,
    headers: &HeaderMap,
    message: &str,
    now: Timestamp,
) -> Option<HostError> {
    let secondary = |wait: Duration| HostError::Limited {
        secondary: true,
        wait: wait.min(LONGEST),
    };
    if let Some(seconds) = number(headers, header::RETRY_AFTER.as_str()) {
        return Some(secondary(Duration::from_secs(seconds)));
    }
    if let Some(budget) = Budget::told(headers).filter(|it| it.remaining == 0) {
        return Some(HostError::Limited {
            secondary: false,
            wait: budget.wait(now).unwrap_or(UNTOLD),
        });
    }
    let said = message.to_lowercase().contains("secondary rate limit");
    (said || status == StatusCode::TOO_MANY_REQUESTS).then(|| secondary(UNTOLD))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let value = HeaderValue::from_str(value).unwrap();
                (http::HeaderName::from_static(name), value)
            })
            .collect()
    }

    fn seen(status: u16, pairs: &[(&'static str, &str)], message: &str) -> HostError {
        let now = Timestamp::from_second(1_000).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        refused(status, &headers(pairs), message, now)
    }

    #[test]
    fn a_403_is_a_limit_or_a_want_of_rights() {
        let limited = |secondary, seconds| HostError::Limited {
            secondary,
            wait: Duration::from_secs(seconds),
        };
        assert_eq!(seen(403, &[("retry-after", "30")], ""), limited(true, 30));
        assert_eq!(seen(429, &[], ""), limited(true, 60));
        assert_eq!(
            seen(403, &[], "You have exceeded a secondary rate limit."),
            limited(true, 60)
        );
        let used_up = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1090"),
        ];
        assert_eq!(seen(403, &used_up, ""), limited(false, 91));
        let left = [
            ("x-ratelimit-remaining", "7"),
            ("x-ratelimit-reset", "1090"),
        ];
        assert_eq!(
            seen(403, &left, "Resource not accessible"),
            HostError::Forbidden("Resource not accessible".to_owned())
        );
    }

    #[test]
    fn absurd_headers_end_in_bounded_waits() {
        for absurd in ["-5", "soon", "18446744073709551616", ""] {
            assert_eq!(
                seen(429, &[("retry-after", absurd)], ""),
                HostError::Limited {
                    secondary: true,
                    wait: UNTOLD
                }
            );
        }
        let far = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "9223372036854775"),
        ];
        assert_eq!(
            seen(403, &far, ""),
            HostError::Limited {
                secondary: false,
                wait: LONGEST
            }
        );
    }

    #[test]
    fn other_answers_say_what_they_are() {
        assert_eq!(seen(401, &[], ""), HostError::Unauthorized);
        assert_eq!(seen(404, &[], ""), HostError::NotFound);
        assert!(matches!(seen(502, &[], ""), HostError::Unavailable(_)));
        assert!(matches!(seen(422, &[], "x"), HostError::Refused(422, _)));
    }

    #[test]
    fn what_is_left_is_waited_for_only_where_nothing_is() {
        let now = Timestamp::from_second(1_000).unwrap();
        let budget = |remaining, reset| Budget { remaining, reset }.wait(now);
        assert_eq!(budget(1, 2_000), None);
        assert_eq!(budget(0, 900), None);
        assert_eq!(budget(0, 1_010), Some(Duration::from_secs(11)));
    }
}

//! Single values: what a text, a number or an address must be to reach a database, a broker or a model.

use super::Invalid;
use url::Url;

/// The host to which a key would be sent.
pub(super) fn host_of(name: &'static str, endpoint: &str) -> Result<String, Invalid> {
    Ok(url_of(name, endpoint)?
        .host_str()
        .unwrap_or_default()
        .to_ascii_lowercase())
}

/// What the URL parser here understands is what stands in the revision, so that no spelling means one host to this check
/// and another to the worker's client.
pub(super) fn url_of(name: &'static str, endpoint: &str) -> Result<Url, Invalid> {
    const MEND: &str = "must be an http or https URL without user, query and fragment, such as https://api.openai.com/v1";
    if endpoint.len() > 2048 || endpoint.chars().any(char::is_control) {
        return Err(field(name, MEND));
    }
    let url = Url::parse(endpoint).map_err(|_| field(name, MEND))?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match url.host_str() {
        Some(host) if plain && !host.is_empty() => Ok(url),
        _ => Err(field(name, MEND)),
    }
}

/// A word or name on one line: not empty, nothing invisible.
pub(super) fn text(name: &'static str, value: &str, max: usize) -> Result<String, Invalid> {
    let value = value.trim();
    if value.is_empty() {
        return Err(field(name, "must not be empty"));
    }
    if value
        .chars()
        .any(|c| c.is_control() || is_direction_mark(c))
    {
        return Err(field(
            name,
            "must not hold control characters or marks of writing direction; type it anew",
        ));
    }
    bounded_text(name, value, max)
}

/// Text of several lines, possibly empty. Postgres stores no NUL.
pub(super) fn prose(name: &'static str, value: &str, max: usize) -> Result<String, Invalid> {
    if value.contains('\0') {
        return Err(field(name, "must not hold the character NUL; remove it"));
    }
    bounded_text(name, value, max)
}

pub(super) fn bounded_text(name: &'static str, value: &str, max: usize) -> Result<String, Invalid> {
    if value.chars().count() > max {
        return Err(field(
            name,
            &format!("has more than {max} characters; shorten it"),
        ));
    }
    Ok(value.to_owned())
}

pub(super) fn bounded<T: TryFrom<i32>>(
    name: &'static str,
    value: i32,
    min: i32,
    max: i32,
) -> Result<T, Invalid> {
    let outside = || field(name, &format!("must be from {min} to {max}, not {value}"));
    if value < min || value > max {
        return Err(outside());
    }
    T::try_from(value).map_err(|_| outside())
}

/// The marks that reorder what a reader sees: Unicode's bidirectional controls.
pub(super) fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn field(field: &'static str, problem: &str) -> Invalid {
    Invalid::Field {
        field,
        problem: problem.to_owned(),
    }
}

//! `X-Hub-Signature-256`: HMAC-SHA-256 of the body's raw bytes, as hexadecimal digits after `sha256=`.

use axum::http::HeaderMap;
use ring::hmac;

const HEADER: &str = "x-hub-signature-256";
const OLD_HEADER: &str = "x-hub-signature";
const PREFIX: &str = "sha256=";
const BYTES: usize = 32;

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Missing,
    /// Only the SHA-1 signature came, which is not taken.
    Sha1Only,
    /// Not 64 hexadecimal digits after `sha256=`, or several signatures.
    Malformed,
    /// Of other bytes, or with another secret.
    Mismatch,
    /// The source names no Secret, or it is not readable here.
    NoSecret,
}

impl Refusal {
    /// What stands on the source, for the person who set the webhook up. A stranger is not told which it was.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Missing => {
                "a delivery had no X-Hub-Signature-256; set the webhook's secret at the host"
            }
            Self::Sha1Only => {
                "a delivery had a SHA-1 signature only; the host must send X-Hub-Signature-256"
            }
            Self::Malformed => "a delivery had a malformed X-Hub-Signature-256",
            Self::Mismatch => {
                "a delivery's signature did not hold; the host's secret must be one of those in the Secret that the source names"
            }
            Self::NoSecret => {
                "a delivery came, but this source has no readable webhook secret; name a Secret in spec.webhook"
            }
        }
    }
}

/// The signature that a request carries.
pub fn read(headers: &HeaderMap) -> Result<[u8; BYTES], Refusal> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Err(if headers.contains_key(OLD_HEADER) {
            Refusal::Sha1Only
        } else {
            Refusal::Missing
        });
    };
    // Two of them contradict each other.
    if values.next().is_some() {
        return Err(Refusal::Malformed);
    }
    value
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix(PREFIX))
        .and_then(digits)
        .ok_or(Refusal::Malformed)
}

/// Whether one of the secrets made this signature of these bytes. All of them are tried, each in a time that depends on nothing but
/// the body's length.
pub fn holds(secrets: &[Vec<u8>], body: &[u8], signature: &[u8; BYTES]) -> bool {
    secrets.iter().fold(false, |held, secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::verify(&key, body, signature).is_ok() | held
    })
}

fn digits(text: &str) -> Option<[u8; BYTES]> {
    let text = text.as_bytes();
    if text.len() != 2 * BYTES {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let mut bytes = [0; BYTES];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = u8::try_from(nibble(pair[0])? * 16 + nibble(pair[1])?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use axum::http::HeaderValue;

    /// The example of the host's own documentation.
    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str =
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn signed(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            HEADER.parse().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )])
    }

    #[test]
    fn the_hosts_own_example_holds_with_any_of_the_secrets() {
        let signature = read(&signed(SIGNATURE)).unwrap();
        for secrets in [
            vec![SECRET.to_vec()],
            vec![b"old".to_vec(), SECRET.to_vec()],
            vec![SECRET.to_vec(), b"new".to_vec()],
        ] {
            assert!(holds(&secrets, BODY, &signature));
            assert!(!holds(&secrets, b"Hello, World! ", &signature));
        }
        assert!(!holds(&[], BODY, &signature));
        assert!(!holds(&[b"other".to_vec()], BODY, &signature));
    }

    /// FAULTS 51
    #[test]
    fn whatever_is_no_sha_256_signature_is_refused() {
        assert_eq!(read(&HeaderMap::new()), Err(Refusal::Missing));
        let old = HeaderMap::from_iter([(
            OLD_HEADER.parse().unwrap(),
            HeaderValue::from_static("sha1=00"),
        )]);
        assert_eq!(read(&old), Err(Refusal::Sha1Only));
        let plus = format!("sha256=+{}", &SIGNATURE[8..]);
        for value in [
            "",
            "sha256=",
            "sha1=757107ea0eb2509fc211221cce984b8a37570b6d",
            &SIGNATURE[..SIGNATURE.len() - 1],
            &SIGNATURE[7..],
            &plus,
        ] {
            assert_eq!(read(&signed(value)), Err(Refusal::Malformed), "{value}");
        }
        let mut twice = signed(SIGNATURE);
        twice.append(HEADER, HeaderValue::from_static(SIGNATURE));
        assert_eq!(read(&twice), Err(Refusal::Malformed));
    }
}

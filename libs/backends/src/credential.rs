//! Where a secret comes from: a value, or a mounted file that is read anew whenever it is used, because it rotates.

use secrecy::{ExposeSecret, SecretString};
use std::{io, path::PathBuf};

/// The largest file that is taken for a credential, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Debug, Clone)]
pub enum Credential {
    Fixed(SecretString),
    File(PathBuf),
}

impl Credential {
    /// The secret as it stands now, trimmed.
    ///
    /// # Errors
    /// A file that is missing, empty, larger than 64 KiB or no UTF-8; the message names the file and never its content.
    pub fn read(&self) -> io::Result<SecretString> {
        match self {
            Self::Fixed(secret) => Ok(secret.clone()),
            Self::File(path) => read(path).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("credential {}: {error}", path.display()),
                )
            }),
        }
    }
}

impl From<&str> for Credential {
    fn from(secret: &str) -> Self {
        Self::Fixed(SecretString::from(secret.to_owned()))
    }
}

fn read(path: &std::path::Path) -> io::Result<SecretString> {
    if std::fs::metadata(path)?.len() > MAX_BYTES {
        return Err(io::Error::other("the file is too large"));
    }
    let text = SecretString::from(std::fs::read_to_string(path)?);
    match text.expose_secret().trim() {
        "" => Err(io::Error::other("the file is empty")),
        trimmed => Ok(SecretString::from(trimmed.to_owned())),
    }
}

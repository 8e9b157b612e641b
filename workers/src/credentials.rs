//! Files that the operator mounts: credentials of the namespace, and API keys. Read anew where they rotate.

use anyhow::{Context, ensure};
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// The largest file that is taken for a credential, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// A directory that holds one secret a file.
#[derive(Debug, Clone)]
pub struct SecretDirectory(PathBuf);

impl SecretDirectory {
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The trimmed content of a file.
    ///
    /// # Errors
    /// A file that is missing, empty, too large or no UTF-8; the message names the file and never its content.
    pub fn read(&self, name: &str) -> anyhow::Result<SecretString> {
        read(&self.path(name)).with_context(|| format!("credential {}", self.path(name).display()))
    }

    /// The content of a file that may be absent.
    #[must_use]
    pub fn read_optional(&self, name: &str) -> Option<SecretString> {
        self.read(name).ok()
    }
}

fn read(path: &Path) -> anyhow::Result<SecretString> {
    ensure!(
        std::fs::metadata(path)?.len() <= MAX_BYTES,
        "the file is larger than {MAX_BYTES} bytes"
    );
    let text = std::fs::read_to_string(path)?;
    let trimmed = text.trim();
    ensure!(!trimmed.is_empty(), "the file is empty");
    Ok(SecretString::from(trimmed.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_secret_is_trimmed_and_read_anew_and_its_error_never_holds_it() {
        let directory =
            std::env::temp_dir().join(format!("worker-secrets-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&directory).unwrap();
        let secrets = SecretDirectory::new(&directory);
        assert!(format!("{:#}", secrets.read("model").unwrap_err()).contains("model"));
        std::fs::write(directory.join("model"), "first\n").unwrap();
        assert_eq!(secrets.read("model").unwrap().expose_secret(), "first");
        std::fs::write(directory.join("model"), "second").unwrap();
        assert_eq!(secrets.read("model").unwrap().expose_secret(), "second");
        std::fs::write(directory.join("model"), b"canary\xff").unwrap();
        assert!(!format!("{:#}", secrets.read("model").unwrap_err()).contains("canary"));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}

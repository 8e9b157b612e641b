//! Files that the operator mounts: credentials of the namespace, and API keys.

use backends::credential::Credential;
use secrecy::SecretString;
use std::path::PathBuf;

/// A directory that holds one secret a file. Files are read anew at each use, because they rotate.
#[derive(Debug, Clone)]
pub struct SecretDirectory(PathBuf);

impl SecretDirectory {
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The file of that name, to be read when it is used.
    #[must_use]
    pub fn credential(&self, name: &str) -> Credential {
        Credential::File(self.0.join(name))
    }

    /// The trimmed content of a file.
    ///
    /// # Errors
    /// A file that is missing, empty, too large or no UTF-8; the message names the file and never its content.
    pub fn read(&self, name: &str) -> std::io::Result<SecretString> {
        self.credential(name).read()
    }
}

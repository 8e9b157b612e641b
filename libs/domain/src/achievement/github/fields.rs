//! Bounded JSON, and its fields by name, so that an error can say which one is missing.

use super::{MAX_BYTES, MAX_DEPTH, MAX_VALUES, ReadError};
use crate::achievement::Visibility;
use jiff::Timestamp;
use serde_json::Value;

/// Characters of a title that are kept.
const TITLE: usize = 500;
/// Longest URL that is kept, bytes.
const URL: usize = 2_000;
/// Longest name of a branch, tag or environment that is kept, characters.
const NAME: usize = 255;

/// Parses a delivery whose length, depth and number of values are bounded: a small one can otherwise fill the memory or the stack.
pub fn parse(body: &[u8]) -> Result<Value, ReadError> {
    if body.len() > MAX_BYTES {
        return Err(ReadError::TooLong);
    }
    let text = std::str::from_utf8(body).map_err(|_| ReadError::NotUtf8)?;
    measure(text.as_bytes())?;
    serde_json::from_str(text).map_err(|error| ReadError::NotJson {
        line: error.line(),
        column: error.column(),
    })
}

/// Counts brackets and commas outside of strings. What is no JSON may be counted wrongly; the parser refuses it afterwards.
fn measure(json: &[u8]) -> Result<(), ReadError> {
    let (mut depth, mut values) = (0_usize, 1_usize);
    let (mut text, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            _ if text => {}
            b'{' | b'[' => {
                depth += 1;
                values += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(ReadError::TooDeep);
        }
        if values > MAX_VALUES {
            return Err(ReadError::TooMany);
        }
    }
    Ok(())
}

/// An object of a delivery, with the way to it.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    path: String,
    told: &'a Value,
}

impl<'a> Fields<'a> {
    pub fn root(told: &'a Value) -> Result<Self, ReadError> {
        if !told.is_object() {
            return Err(ReadError::NotAnObject);
        }
        Ok(Self {
            path: String::new(),
            told,
        })
    }

    /// What stands there, null where nothing does.
    pub fn value(&self, name: &str) -> &'a Value {
        self.told.get(name).unwrap_or(&Value::Null)
    }

    pub fn object(&self, name: &str) -> Result<Self, ReadError> {
        let told = self.present(name)?;
        if !told.is_object() {
            return Err(self.malformed(name, "an object"));
        }
        Ok(Self {
            path: self.name_of(name),
            told,
        })
    }

    pub fn list(&self, name: &str) -> &'a [Value] {
        self.value(name).as_array().map_or(&[], Vec::as_slice)
    }

    pub fn id(&self, name: &str) -> Result<i64, ReadError> {
        self.present(name)?
            .as_i64()
            .filter(|id| *id > 0)
            .ok_or_else(|| self.malformed(name, "a positive number"))
    }

    /// A count; what is none, or too large to be one, is not told.
    pub fn count(&self, name: &str) -> Option<u32> {
        u32::try_from(self.value(name).as_u64()?).ok()
    }

    pub fn text(&self, name: &str) -> Result<&'a str, ReadError> {
        self.present(name)?
            .as_str()
            .filter(|text| !text.trim().is_empty())
            .ok_or_else(|| self.malformed(name, "a text"))
    }

    pub fn optional(&self, name: &str) -> Option<&'a str> {
        self.text(name).ok()
    }

    /// The name of a branch, tag or environment.
    pub fn name(&self, name: &str) -> Result<String, ReadError> {
        Ok(self.text(name)?.chars().take(NAME).collect())
    }

    /// The first line with something on it.
    pub fn title(&self, name: &str) -> Option<String> {
        let line = self.value(name).as_str()?.trim().lines().next()?.trim_end();
        (!line.is_empty()).then(|| line.chars().take(TITLE).collect())
    }

    pub fn time(&self, name: &str) -> Result<Timestamp, ReadError> {
        self.text(name)?
            .parse()
            .map_err(|_| self.malformed(name, "a time"))
    }

    /// A hash of a commit.
    pub fn sha(&self, name: &str) -> Option<String> {
        self.value(name)
            .as_str()
            .filter(|sha| is_sha(sha))
            .map(str::to_owned)
    }

    /// An address to show; one of another scheme could be a script.
    pub fn url(&self, name: &str) -> Result<String, ReadError> {
        let url = self.text(name)?;
        let web = ["https://", "http://"].iter().any(|it| {
            url.get(..it.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(it))
        });
        if !web || url.len() > URL || url.chars().any(|it| it.is_whitespace() || it.is_control()) {
            return Err(self.malformed(name, "an http(s) URL"));
        }
        Ok(url.to_owned())
    }

    /// `owner/name` of a repository.
    pub fn full_name(&self) -> Result<String, ReadError> {
        let name = self.text("full_name")?;
        let part = |part: &str| {
            (1..=100).contains(&part.len())
                && part
                    .bytes()
                    .all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it))
        };
        match name.split_once('/') {
            Some((owner, repository)) if part(owner) && part(repository) => Ok(name.to_owned()),
            _ => Err(self.malformed("full_name", "owner/name")),
        }
    }

    /// Of a repository. What is not known to be public is private.
    pub fn visibility(&self) -> Visibility {
        match (
            self.value("visibility").as_str(),
            self.value("private").as_bool(),
        ) {
            (Some("public") | None, Some(false)) | (Some("public"), None) => Visibility::Public,
            (Some("internal"), _) => Visibility::Internal,
            _ => Visibility::Private,
        }
    }

    pub fn malformed(&self, name: &str, wanted: &'static str) -> ReadError {
        ReadError::Malformed {
            field: self.name_of(name),
            wanted,
        }
    }

    fn present(&self, name: &str) -> Result<&'a Value, ReadError> {
        match self.value(name) {
            Value::Null => Err(ReadError::Missing(self.name_of(name))),
            told => Ok(told),
        }
    }

    fn name_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

/// 40 (SHA-1) or 64 (SHA-256) hexadecimal digits in lower case.
fn is_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text
            .bytes()
            .all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
}

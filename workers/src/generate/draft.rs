//! The text as it grows. A hook becomes a draft by adding a body, and nothing takes either away again: the program that this
//! one replaces let the body's step overwrite the draft, and its posts had no hook.

/// The first sentence or two, written first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook(String);

/// Hook and body, both accepted by [`super::output`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    hook: String,
    body: String,
}

impl Hook {
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The only way to a draft.
    #[must_use]
    pub fn with_body(self, body: String) -> Draft {
        Draft { hook: self.0, body }
    }
}

impl Draft {
    #[must_use]
    pub fn hook(&self) -> &str {
        &self.hook
    }

    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The whole post: what is embedded, moderated, analysed and hashed.
    #[must_use]
    pub fn text(&self) -> String {
        domain::text::join(&self.hook, &self.body)
    }
}

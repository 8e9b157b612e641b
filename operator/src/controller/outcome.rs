//! What a reconcile that got to its end came to.

use std::time::Duration;

/// What was done, for metrics; when to look again; what to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    /// When to look again without being told; none where only a change or a trigger matters.
    pub again: Option<Duration>,
    /// What people shall read in the object's events.
    pub notices: Vec<Notice>,
    /// The backends in which something was mended, one entry a thing: values of the label `backend`.
    pub repairs: Vec<&'static str>,
}

/// The words of the metric's label `outcome`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Reality matches the resource.
    #[default]
    Applied,
    /// Something that it refers to is not there yet.
    Waiting,
    /// Suspended, paused or gone: nothing was done.
    Skipped,
    /// Only a person can move it on; the status says so.
    Refused,
}

impl Verdict {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Waiting => "waiting",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
        }
    }
}

/// An event about the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub warning: bool,
    /// One word in PascalCase.
    pub reason: &'static str,
    /// One sentence; it holds no secret.
    pub note: String,
}

impl Notice {
    #[must_use]
    pub fn normal(reason: &'static str, note: impl Into<String>) -> Self {
        Self {
            warning: false,
            reason,
            note: note.into(),
        }
    }

    #[must_use]
    pub fn warning(reason: &'static str, note: impl Into<String>) -> Self {
        Self {
            warning: true,
            reason,
            note: note.into(),
        }
    }
}

impl Outcome {
    /// Nothing more to do before something changes.
    #[must_use]
    pub fn done() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            ..Self::default()
        }
    }

    /// Look again after this time, where some.
    #[must_use]
    pub fn after(mut self, again: Option<Duration>) -> Self {
        self.again = again;
        self
    }

    #[must_use]
    pub fn telling(mut self, notices: Vec<Notice>) -> Self {
        self.notices = notices;
        self
    }
}

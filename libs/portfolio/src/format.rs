//! What a portfolio can be written as.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Csv,
    Markdown,
    Html,
    Pdf,
    /// Plain text that fits into one post of LinkedIn.
    Linkedin,
}

/// How much of it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Template {
    /// Totals and the ten achievements that stand first.
    #[default]
    ExecutiveSummary,
    /// All achievements by category, with the components of their scores and the evidence of each.
    TechnicalPortfolio,
    /// Everything that is known, the newest first.
    FullArchive,
}

/// A word that names no format or template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be one of {}", known.join(", "))]
pub struct UnknownName {
    what: &'static str,
    known: Vec<&'static str>,
}

impl Format {
    pub const ALL: [Self; 6] = [
        Self::Json,
        Self::Csv,
        Self::Markdown,
        Self::Html,
        Self::Pdf,
        Self::Linkedin,
    ];

    /// The word of requests: `json`, `csv`, `markdown`, `html`, `pdf`, `linkedin`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Linkedin => "linkedin",
        }
    }

    /// For `Content-Type`.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Pdf => "application/pdf",
            Self::Linkedin => "text/plain; charset=utf-8",
        }
    }

    /// Of a file's name, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Linkedin => "txt",
        }
    }
}

impl Template {
    pub const ALL: [Self; 3] = [
        Self::ExecutiveSummary,
        Self::TechnicalPortfolio,
        Self::FullArchive,
    ];

    /// The word of requests: `executive-summary`, `technical-portfolio`, `full-archive`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExecutiveSummary => "executive-summary",
            Self::TechnicalPortfolio => "technical-portfolio",
            Self::FullArchive => "full-archive",
        }
    }

    /// As a heading.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::ExecutiveSummary => "Executive summary",
            Self::TechnicalPortfolio => "Technical portfolio",
            Self::FullArchive => "Full archive",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

impl fmt::Display for Template {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownName;

    fn from_str(word: &str) -> Result<Self, UnknownName> {
        let known = Self::ALL.map(Self::name).to_vec();
        Self::ALL
            .into_iter()
            .find(|format| format.name() == word)
            .ok_or(UnknownName {
                what: "format",
                known,
            })
    }
}

impl FromStr for Template {
    type Err = UnknownName;

    fn from_str(word: &str) -> Result<Self, UnknownName> {
        let known = Self::ALL.map(Self::name).to_vec();
        Self::ALL
            .into_iter()
            .find(|template| template.name() == word)
            .ok_or(UnknownName {
                what: "template",
                known,
            })
    }
}

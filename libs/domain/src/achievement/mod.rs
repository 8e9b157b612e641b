//! Achievements: what was accomplished, by what evidence, and what that is worth by one versioned formula.
//!
//! Pure, like everything here: webhook and backfill turn what a host tells into [`PullRequest`] and [`Evidence`]; analysis turns a
//! [`Subject`] into an [`Analysis`].

mod analysis;
mod facts;
mod filters;
pub mod github;
mod settings;

pub use analysis::{
    Analysis, BusinessValue, Component, Figure, FigureBasis, Finding, Period, Score,
};
pub use facts::{
    Category, Evidence, EvidenceKind, FileChange, Overrides, Person, PullRequest, Role, Subject,
    Visibility,
};
pub use settings::{EmbeddingSettings, Filters, PublishSettings, SourceSettings};

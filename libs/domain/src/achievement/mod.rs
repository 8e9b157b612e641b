//! Achievements: what was accomplished, by what evidence, and what that is worth by one versioned formula.
//!
//! Pure, like everything here: webhook and backfill turn what a host tells into [`PullRequest`] and [`Evidence`]; analysis turns a
//! [`Subject`] into an [`Analysis`].

mod analyse;
mod analysis;
mod business_value;
mod category;
mod complexity;
mod facts;
mod files;
mod filters;
pub mod findings;
pub mod github;
mod impact;
mod prose;
mod settings;

pub use analyse::{FORMULA_VERSION, analyse};
pub use analysis::{
    Analysis, BusinessValue, Component, Figure, FigureBasis, Finding, Period, Score,
};
pub use business_value::{
    SPRINT_WEEKS, WORKING_DAYS, WORKING_WEEKS, hours_a_year, incidents_a_year, money_a_year,
};
pub use facts::{
    Category, Evidence, EvidenceKind, FileChange, Overrides, Person, PullRequest, Role, Subject,
    Visibility,
};
pub use settings::{EmbeddingSettings, Filters, PublishSettings, SourceSettings};

#[cfg(test)]
mod tests;

//! What a portfolio is made of. The caller reads the records; nothing here is looked up.

use domain::achievement::{Analysis, Category, Person, Visibility};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Achievements on their way to a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Portfolio {
    /// Heading of the document; where it is blank, the person's or the namespace's name makes one.
    pub title: String,
    pub namespace: String,
    /// Login whose achievements these are; absent for everybody's.
    pub person: Option<String>,
    /// What was completed from then on was asked for.
    pub since: Option<Timestamp>,
    /// What was completed before then was asked for.
    pub until: Option<Timestamp>,
    /// When the records were read. A document knows no other clock.
    pub as_of: Timestamp,
    /// In any order; each template has its own. Records that are hidden, deleted, reverted or duplicates are not among them.
    pub items: Vec<Item>,
    pub left_out: LeftOut,
}

/// Records that fit what was asked for and still are not told; the document says how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct LeftOut {
    /// Of repositories that are not public, where these were not asked for.
    pub private: u64,
    /// Linked to an earlier record of the same work.
    pub duplicates: u64,
    /// Taken back by another pull request.
    pub reverted: u64,
    /// Hidden by a person.
    pub hidden: u64,
    /// Beyond what one document holds.
    pub beyond_limit: u64,
}

/// One achievement: the row with the values in force, and what analysis concluded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    pub id: Uuid,
    /// Untrusted text.
    pub title: String,
    /// Untrusted text: the description in force.
    pub summary: Option<String>,
    pub category: Category,
    /// What is not public is marked in every document.
    pub visibility: Visibility,
    /// Part of the portfolio that a person put it into.
    pub section: Option<String>,
    /// 0 to 100; the higher stands first. 50 where nobody set it.
    pub display_priority: i32,
    pub people: Vec<Person>,
    /// `owner/name`
    pub repository: Option<String>,
    /// Of the pull request.
    pub number: Option<i64>,
    /// Made a link only if it is http or https.
    pub url: Option<String>,
    pub started_at: Option<Timestamp>,
    /// When it was merged, for a pull request.
    pub completed_at: Option<Timestamp>,
    /// Labels.
    pub tags: Vec<String>,
    /// Where it was told from: the column `source_type`.
    pub source: String,
    /// Absent until it is analysed; then its figures are shown as absent.
    pub analysis: Option<Analysis>,
}

impl Item {
    /// Points of the impact; absent until it is analysed.
    #[must_use]
    pub fn impact(&self) -> Option<i32> {
        self.analysis
            .as_ref()
            .map(|analysis| analysis.impact.points)
    }

    /// Whether anybody may see where it comes from.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.visibility == Visibility::Public
    }
}

//! What analysis concludes, with the evidence of each conclusion.

use super::facts::Category;
use serde::{Deserialize, Serialize};

/// Everything that analysis says of one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// Of the formula that made it; another version is another score.
    pub formula_version: i32,
    pub category: Category,
    /// Why: a label, the word of the title, a person, or that nothing told.
    pub category_reason: String,
    pub impact: Score,
    pub complexity: Score,
    pub business_value: BusinessValue,
    /// Things that a person should look at before anything of it is published: secrets, text that addresses a model.
    pub findings: Vec<Finding>,
    /// Hours between start and completion; elapsed time, never effort. Absent with a reason in `notes`.
    pub elapsed_hours: Option<f64>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// Σ of the points of its components, 0–100; never scaled up where evidence is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    pub points: i32,
    /// Sum of the caps of the components for which there is evidence: "evidenced: X of 100 points".
    pub evidenced: i32,
    pub components: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    pub name: String,
    /// 0 to `cap`; 0 where there is no evidence.
    pub points: i32,
    pub cap: i32,
    /// Sentences that name what was counted; empty where there is none.
    pub evidence: Vec<String>,
    /// Why there is no evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
}

/// What the text says of its worth; nothing here is invented.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct BusinessValue {
    pub figures: Vec<Figure>,
    /// Why a text that looks like a value was not read as one.
    pub unparsed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// A decimal number in `unit`, as text.
    pub amount: String,
    /// ISO 4217 code for money; `hours`; `incidents`.
    pub unit: String,
    pub period: Period,
    pub basis: FigureBasis,
    /// The words it was read from.
    pub quote: String,
    pub confidence_bp: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    Once,
    Day,
    Week,
    Sprint,
    Month,
    Year,
}

/// What stands behind a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FigureBasis {
    /// The text says so.
    Claimed,
    /// The text says how it was measured.
    Measured,
    /// It points at where it can be checked.
    Linked,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// secret, injection, bidi, markup.
    pub kind: String,
    /// Where and what, without the thing itself.
    pub detail: String,
}

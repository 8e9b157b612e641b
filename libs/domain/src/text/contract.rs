//! The emotion contract: which movements a post may make, and how much of each emotion it must or may hold.

use super::{
    emotion::Emotion,
    trajectory::{EmotionReport, Trajectory},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a persona demands of the emotions of a post. Empty lists demand nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EmotionContract {
    /// Allowed movements; empty allows all.
    pub trajectories: Vec<Trajectory>,
    pub bounds: Vec<EmotionBound>,
}

/// Bounds on the average of one emotion over the segments of a post, in basis points of 0 to 1; both ends allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmotionBound {
    pub emotion: Emotion,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_bp: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bp: Option<u16>,
}

/// One demand that a post does not keep; its display is a sentence that the model can act upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    Trajectory {
        found: Trajectory,
        allowed: Vec<Trajectory>,
    },
    TooLittle {
        emotion: Emotion,
        found_bp: u16,
        min_bp: u16,
    },
    TooMuch {
        emotion: Emotion,
        found_bp: u16,
        max_bp: u16,
    },
}

impl EmotionContract {
    /// Compares a post with the contract.
    ///
    /// # Errors
    /// Every demand that the post does not keep, the movement first.
    pub fn check(&self, report: &EmotionReport) -> Result<(), Vec<Violation>> {
        let mut violations = Vec::new();
        if !self.trajectories.is_empty() && !self.trajectories.contains(&report.trajectory) {
            violations.push(Violation::Trajectory {
                found: report.trajectory,
                allowed: self.trajectories.clone(),
            });
        }
        violations.extend(self.bounds.iter().filter_map(|bound| bound.check(report)));
        if violations.is_empty() {
            Ok(())
        } else {
            Err(violations)
        }
    }
}

impl EmotionBound {
    fn check(&self, report: &EmotionReport) -> Option<Violation> {
        let found_bp = basis_points(report.averages.get(self.emotion));
        let emotion = self.emotion;
        if let Some(min_bp) = self.min_bp.filter(|min| found_bp < *min) {
            return Some(Violation::TooLittle {
                emotion,
                found_bp,
                min_bp,
            });
        }
        let max_bp = self.max_bp.filter(|max| found_bp > *max)?;
        Some(Violation::TooMuch {
            emotion,
            found_bp,
            max_bp,
        })
    }
}

/// A share of 0 to 1 in basis points.
fn basis_points(share: f64) -> u16 {
    (share.clamp(0.0, 1.0) * 10_000.0).round() as u16
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trajectory { found, allowed } => {
                let allowed: Vec<&str> = allowed.iter().map(|one| one.as_str()).collect();
                let allowed = allowed.join(" or ");
                write!(formatter, "the sentiment is {found} and must be {allowed}")
            }
            Self::TooLittle {
                emotion,
                found_bp,
                min_bp,
            } => write!(
                formatter,
                "the text holds {} % {emotion} and must hold at least {} %",
                percent(*found_bp),
                percent(*min_bp)
            ),
            Self::TooMuch {
                emotion,
                found_bp,
                max_bp,
            } => write!(
                formatter,
                "the text holds {} % {emotion} and may hold at most {} %",
                percent(*found_bp),
                percent(*max_bp)
            ),
        }
    }
}

fn percent(basis_points: u16) -> f64 {
    f64::from(basis_points) / 100.0
}

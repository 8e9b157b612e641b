//! Records of achievements as resources declare them and stand for them.

pub mod declared;

pub use declared::{AchievementMark, AchievementRow, DeclaredAchievement, RecordKey};

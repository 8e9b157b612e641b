//! Records of achievements as resources declare them and stand for them.

pub mod analyses;
pub mod announcements;
pub mod declared;
pub mod jobs;
pub mod points;
pub mod sources;
mod totals;
pub mod wanted;

pub use analyses::SweptAnalyses;
pub use announcements::Announcement;
pub use declared::{AchievementMark, AchievementRow, DeclaredAchievement, RecordKey};
pub use jobs::SourceWork;
pub use points::PendingAchievement;
pub use sources::{SourceMark, SourceRecord, SourceRow};
pub use wanted::ResourceChange;

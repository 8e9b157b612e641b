//! The rules of an AchievementSource, each with a sentence that says how to mend.

use kube::core::Rule;

#[must_use]
pub fn github_stands() -> Rule {
    Rule::new("self == oldSelf").message(
        "spec.github cannot change, because records and cursors belong to it; create an AchievementSource with another name",
    )
}

/// From five minutes to thirty days.
#[must_use]
pub fn interval_is_bounded() -> Rule {
    let number = "int(self.substring(0, self.size() - 1))";
    Rule::new(format!(
        "self.endsWith('m') ? ({number} >= 5 && {number} <= 43200) : self.endsWith('h') ? {number} <= 720 : {number} <= 30"
    ))
    .message("backfill.every must be between 5m and 30d, for example 6h")
}

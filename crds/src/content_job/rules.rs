//! The transition rules of a ContentJob, built from the field's name so that all say the same sentence.

use kube::core::Rule;

const WAY_OUT: &str = "cannot change once the ContentJob exists; create one with another name";

/// A field that is always there (required, or with a default) keeps its value.
#[must_use]
pub fn unchanged(field: &str) -> Rule {
    Rule::new(format!("self.{field} == oldSelf.{field}"))
        .message(format!("spec.{field} {WAY_OUT}").as_str())
}

/// An optional field keeps its value, and is neither added nor removed.
#[must_use]
pub fn unchanged_optional(field: &str) -> Rule {
    Rule::new(format!(
        "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    ))
    .message(format!("spec.{field} {WAY_OUT}").as_str())
}

/// A cancelled run stays cancelled; another `runId` is another run.
#[must_use]
pub fn cancel_is_final() -> Rule {
    Rule::new(
        "!oldSelf.cancel || self.cancel || has(self.runId) != has(oldSelf.runId) \
         || (has(self.runId) && self.runId != oldSelf.runId)",
    )
    .message(
        "spec.cancel cannot be taken back for the same run; set spec.runId to a new value as well",
    )
}

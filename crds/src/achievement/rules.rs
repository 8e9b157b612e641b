//! The rules of an Achievement, each with a sentence that says how to mend.

use kube::core::Rule;

#[must_use]
pub fn source_stands() -> Rule {
    Rule::new("self == oldSelf").message(
        "spec.source cannot change, because the record is found by it; create an Achievement with another name",
    )
}

#[must_use]
pub fn pull_requests_are_named() -> Rule {
    Rule::new("self.type != 'GitHubPR' || (has(self.repository) && has(self.number))").message(
        "a GitHubPR needs repository and number, for example repository: acme/shop and number: 42; add both, or set type: Manual",
    )
}

#[must_use]
pub fn only_pull_requests_are_numbered() -> Rule {
    Rule::new("self.type == 'GitHubPR' || (!has(self.number) && !has(self.repositoryId))").message(
        "number and repositoryId belong to type GitHubPR; remove them, or set type: GitHubPR",
    )
}

#[must_use]
pub fn what_nobody_tells_has_a_title() -> Rule {
    Rule::new("self.source.type == 'GitHubPR' || has(self.facts.title)").message(
        "an achievement of type Manual or CI needs facts.title, because no host tells one; add it",
    )
}

#[must_use]
pub fn times_run_forwards() -> Rule {
    Rule::new(
        "!has(self.startedAt) || !has(self.completedAt) || self.completedAt >= self.startedAt",
    )
    .message("facts.completedAt must not be before facts.startedAt; correct one of the two")
}

#[must_use]
pub fn is_not_its_own_duplicate() -> Rule {
    Rule::new("!has(self.spec.duplicateOf) || self.spec.duplicateOf != self.metadata.name")
        .message("spec.duplicateOf names the achievement itself; name the other one, or none")
}

/// A link that a browser may be sent to.
#[must_use]
pub fn is_link() -> Rule {
    Rule::new("isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != '' && !self.contains('@')")
        .message("url must be an http or https address without a user, such as https://github.com/acme/shop/pull/42")
}

//! What a source takes of what its host tells. Webhook and backfill both ask here, so that both collect the same.

use super::{Evidence, EvidenceKind, Person, PullRequest, Role, SourceSettings};

impl SourceSettings {
    /// Why a pull request is not taken; none where it is.
    #[must_use]
    pub fn refuses_pull_request(&self, pull: &PullRequest) -> Option<&'static str> {
        let filters = &self.filters;
        let has = |labels: &[String]| {
            labels.iter().any(|it| {
                pull.labels
                    .iter()
                    .any(|label| label.eq_ignore_ascii_case(it))
            })
        };
        if !self.takes_repository(&pull.repository) {
            Some("another repository")
        } else if !self.takes_branch(&pull.base_ref, pull.default_branch) {
            Some("another base branch")
        } else if self.since.is_some_and(|since| pull.merged_at < since) {
            Some("merged before spec.since")
        } else if !filters.include_labels.is_empty() && !has(&filters.include_labels) {
            Some("none of the labels")
        } else if has(&filters.exclude_labels) {
            Some("an excluded label")
        } else if !filters.include_bots && !pull.people.iter().any(is_author) {
            Some("the author is a bot, or unknown")
        } else if !self.takes_people(pull.people.iter().filter(|it| is_author(it))) {
            Some("another author")
        } else {
            None
        }
    }

    /// Why evidence is not taken; none where it is. Whose it is does not matter here: it may contain anybody's pull request. A push
    /// to a branch that `branches` does not name is taken where `default_branch` says that it went to the default one.
    #[must_use]
    pub fn refuses_evidence(
        &self,
        evidence: &Evidence,
        default_branch: bool,
    ) -> Option<&'static str> {
        if !self.takes_repository(&evidence.repository) {
            Some("another repository")
        } else if evidence.kind == EvidenceKind::Push
            && !self.takes_branch(&evidence.stream, default_branch)
        {
            Some("another branch")
        } else if self.since.is_some_and(|since| evidence.at < since) {
            Some("before spec.since")
        } else {
            None
        }
    }

    /// Whether the source is of this repository (`owner/name`).
    #[must_use]
    pub fn takes_repository(&self, full_name: &str) -> bool {
        let Some((owner, name)) = full_name.split_once('/') else {
            return false;
        };
        let name = name.to_lowercase();
        let wanted = &self.filters.repositories;
        owner.eq_ignore_ascii_case(&self.owner)
            && self
                .repository
                .as_ref()
                .is_none_or(|it| it.eq_ignore_ascii_case(&name))
            && (wanted.is_empty() || wanted.iter().any(|it| matches(&it.to_lowercase(), &name)))
    }

    /// Whether a branch is taken; without `branches` only the default one.
    #[must_use]
    pub fn takes_branch(&self, branch: &str, default_branch: bool) -> bool {
        let wanted = &self.filters.branches;
        if wanted.is_empty() {
            default_branch
        } else {
            wanted.iter().any(|it| matches(it, branch))
        }
    }

    /// Whether one of these people is among those whose work is collected.
    pub fn takes_people<'a>(&self, mut people: impl Iterator<Item = &'a Person>) -> bool {
        let wanted = &self.filters.people;
        wanted.is_empty()
            || people.any(|person| {
                wanted
                    .iter()
                    .any(|it| it.eq_ignore_ascii_case(&person.login))
            })
    }
}

fn is_author(person: &Person) -> bool {
    matches!(person.role, Role::Author | Role::CoAuthor)
}

/// `*` stands for any characters, also for none.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(place) = rest.find(part) else {
            return false;
        };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests;

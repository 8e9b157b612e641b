//! Rules that several kinds share, built here so that all say the same sentence.

use kube::core::Rule;

/// Longest name that leaves room for what the operator appends; see [`super::meta::NAME_MAX`].
#[must_use]
pub fn name_is_short() -> Rule {
    Rule::new("self.metadata.name.size() <= 50").message(
        "metadata.name may have at most 50 characters, because names of queues, collections and Jobs are built from it; \
         choose a shorter one",
    )
}

/// Dots separate the parts of queue names and routing keys.
#[must_use]
pub fn name_has_no_dot() -> Rule {
    Rule::new("!self.metadata.name.contains('.')")
        .message("metadata.name may not hold a dot; use a hyphen")
}

/// Base URL of an API: without a user, whose password everybody could read, and without what would cut off a path.
#[must_use]
pub fn is_base_url() -> Rule {
    Rule::new(
        "isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != '' \
         && !self.contains('@') && !self.contains('?') && !self.contains('#')",
    )
    .message(
        "endpoint must be an http or https URL without user, query and fragment, such as https://api.openai.com/v1",
    )
}

//! Whether a Secret of a user may be used: its label names the purpose, its annotation the host, and it has the key.
//!
//! Who may write a Persona but not read Secrets must not be able to send a key to a host of his own. So it is the Secret,
//! not the Persona, that says where its key may go. Values are looked at for presence alone and never kept.

use crate::persona::validate::SecretNeed;
use crds::{
    Reason,
    common::meta::{ANNOTATION_HOSTS, LABEL_USE, host_is_allowed},
};
use k8s_openapi::api::core::v1::Secret;

/// Why a Secret cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretProblem {
    pub reason: Reason,
    pub message: String,
}

/// Checks one need against the Secret as it was read; absent where there is none of that name.
///
/// # Errors
/// The first thing that is wrong, with how to mend it.
pub fn check(need: &SecretNeed, secret: Option<&Secret>) -> Result<(), SecretProblem> {
    let purpose = need.purpose.as_str();
    let name = &need.name;
    let problem = |reason, message| Err(SecretProblem { reason, message });
    let Some(secret) = secret else {
        return problem(
            Reason::SecretNotFound,
            format!(
                "Secret {name:?}, which holds the key for {purpose}, does not exist in this namespace; create it"
            ),
        );
    };
    let label = secret
        .metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(LABEL_USE));
    if !label.is_some_and(|label| need.purpose.is_allowed_by(label)) {
        return problem(
            Reason::SecretNotLabelled,
            format!(
                "Secret {name:?} does not allow the use for {purpose}; add the label {LABEL_USE}: {purpose}"
            ),
        );
    }
    let hosts = secret
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(ANNOTATION_HOSTS));
    if !hosts.is_some_and(|hosts| host_is_allowed(hosts, &need.host)) {
        return problem(
            Reason::SecretHostNotAllowed,
            format!(
                "Secret {name:?} does not allow its key to be sent to {}; add the host to the annotation {ANNOTATION_HOSTS}",
                need.host
            ),
        );
    }
    let filled = secret
        .data
        .as_ref()
        .and_then(|data| data.get(&need.key))
        .is_some_and(|value| !value.0.is_empty());
    if !filled {
        return problem(
            Reason::SecretKeyMissing,
            format!(
                "Secret {name:?} has no key {:?}, or an empty one; add it",
                need.key
            ),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;

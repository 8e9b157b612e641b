//! The host's JSON as domain facts. A backfill reads what webhooks tell: each entry is put into the delivery that GitHub would have sent
//! for it, and that is read as the webhook's is, so that both ways give the same values.

use super::comparing::Commit;
use domain::achievement::{
    Evidence, PullRequest, SourceSettings,
    github::{self, Delivery, Reading},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// A repository as the host tells it, with what is looked at by name.
#[derive(Debug, Clone)]
pub struct Repository {
    pub full_name: String,
    pub name: String,
    pub default_branch: String,
    told: Value,
}

impl<'de> Deserialize<'de> for Repository {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let told = Value::deserialize(deserializer)?;
        let text = |name: &'static str| {
            told[name]
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| serde::de::Error::missing_field(name))
        };
        Ok(Self {
            full_name: text("full_name")?,
            name: text("name")?,
            default_branch: text("default_branch")?,
            told,
        })
    }
}

impl Repository {
    /// One of which nothing but the name is looked at.
    #[must_use]
    pub fn named(full_name: &str) -> Self {
        Self {
            full_name: full_name.to_owned(),
            name: String::new(),
            default_branch: String::new(),
            told: Value::Null,
        }
    }
}

/// A push as its delivery would tell it.
#[derive(Debug, Clone, Copy)]
pub struct Pushed<'a> {
    /// `refs/heads/…`
    pub reference: &'a str,
    pub before: &'a str,
    pub after: &'a str,
    pub at: Timestamp,
    pub actor: &'a Value,
    /// Oldest first; empty where they are not known any more.
    pub commits: &'a [Commit],
}

/// A merged pull request that the source takes, from its entry in a list or from itself; none where it is not merged, not wanted, or
/// no pull request.
#[must_use]
pub fn pull_request(
    settings: &SourceSettings,
    repository: &Repository,
    told: &Value,
) -> Option<PullRequest> {
    match github::read_pull_request(&reading(settings), &repository.told, told) {
        Ok(pull) => pull.filter(|it| settings.refuses_pull_request(it).is_none()),
        Err(error) => {
            tracing::warn!(repository = repository.full_name, %error, "a pull request cannot be read");
            None
        }
    }
}

#[must_use]
pub fn push(
    settings: &SourceSettings,
    repository: &Repository,
    pushed: &Pushed<'_>,
) -> Option<Evidence> {
    let commits: Vec<Value> = pushed
        .commits
        .iter()
        .map(|it| {
            json!({
                "id": it.sha,
                "message": it.commit.message,
                "url": it.html_url,
                "timestamp": pushed.at.to_string(),
            })
        })
        .collect();
    // Commits that are not known any more leave the push itself.
    let head = commits
        .last()
        .cloned()
        .unwrap_or_else(|| json!({"id": pushed.after}));
    // A delivery holds the second of the push here.
    let mut told = repository.told.clone();
    told["pushed_at"] = json!(pushed.at.as_second());
    evidence(
        settings,
        "push",
        &json!({
            "ref": pushed.reference,
            "before": pushed.before,
            "after": pushed.after,
            "head_commit": head,
            "commits": commits,
            "sender": pushed.actor,
            "repository": told,
        }),
    )
}

#[must_use]
pub fn release(
    settings: &SourceSettings,
    repository: &Repository,
    told: &Value,
) -> Option<Evidence> {
    let body = json!({"action": "published", "release": told, "repository": repository.told, "sender": told["author"]});
    evidence(settings, "release", &body)
}

/// A deployment with its first status of success.
#[must_use]
pub fn deployment(
    settings: &SourceSettings,
    repository: &Repository,
    told: &Value,
    success: &Value,
) -> Option<Evidence> {
    let body = json!({
        "action": "created",
        "deployment": told,
        "deployment_status": success,
        "repository": repository.told,
        "sender": success["creator"],
    });
    evidence(settings, "deployment_status", &body)
}

/// The host's time of a field.
#[must_use]
pub fn time(told: &Value) -> Option<Timestamp> {
    told.as_str()?.parse().ok()
}

/// A part of a route, whatever a branch or tag is called.
#[must_use]
pub fn encode(part: &str) -> String {
    part.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn evidence(settings: &SourceSettings, event: &str, body: &Value) -> Option<Evidence> {
    match github::read_event(&reading(settings), event, body) {
        Ok(Delivery::Evidence {
            evidence,
            on_default_branch,
        }) => settings
            .refuses_evidence(&evidence, on_default_branch)
            .is_none()
            .then_some(*evidence),
        Ok(Delivery::PullRequest(_) | Delivery::Ignored(_)) => None,
        Err(error) => {
            tracing::warn!(event, %error, "what the host tells cannot be read");
            None
        }
    }
}

fn reading(settings: &SourceSettings) -> Reading<'_> {
    Reading {
        host: &settings.host,
        include_bots: settings.filters.include_bots,
    }
}

#[cfg(test)]
mod tests;

//! Pushes, releases and deployments: evidence of the pull requests that they contain, or records of their own.

use super::{Outcome, Raised, Recorded, finish, storable};
use crate::postgres::StoreError;
use domain::{
    achievement::{Evidence, EvidenceKind, Person, SourceSettings},
    names,
};
use serde::Deserialize;
use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// How long evidence waits for a pull request that contains it, seconds. It waits on, a day at most, until a backfill has caught up.
pub const SETTLE_SECONDS: f64 = 3_600.0;

/// What became of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EvidenceRecorded {
    pub id: Uuid,
    pub outcome: Outcome,
    /// Pull requests that contain it.
    pub linked: i32,
    pub raised: Vec<Raised>,
}

/// Evidence that nothing contains and whose time has come.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Unsettled {
    pub id: Uuid,
    pub namespace: String,
    pub kind: String,
    pub title: String,
    #[sqlx(json)]
    pub people: Vec<Person>,
    /// [`SourceSettings`]
    pub settings: Value,
}

/// The column's word.
#[must_use]
pub fn kind_word(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Push => "push",
        EvidenceKind::Release => "release",
        EvidenceKind::Deployment => "deployment",
    }
}

/// Takes what a host told of an event, and attaches it to the pull requests whose commits it contains.
///
/// # Errors
/// A value that Postgres does not hold, or database errors.
pub async fn record_evidence(
    connection: &mut PgConnection,
    namespace: &str,
    source: Uuid,
    evidence: &Evidence,
) -> Result<EvidenceRecorded, StoreError> {
    let id = names::evidence_id(
        namespace,
        &evidence.host,
        evidence.repository_id,
        kind_word(evidence.kind),
        &evidence.external_id,
    );
    let answer: Value = sqlx::query_scalar("SELECT record_evidence($1, $2, $3, $4, $5)")
        .bind(namespace)
        .bind(source)
        .bind(id)
        .bind(storable(evidence)?)
        .bind(SETTLE_SECONDS)
        .fetch_one(&mut *connection)
        .await?;
    finish(connection, namespace, answer).await
}

/// Evidence that may count alone now, oldest first.
///
/// # Errors
/// Database errors.
pub async fn unsettled(
    connection: &mut PgConnection,
    limit: i64,
) -> Result<Vec<Unsettled>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT event.id, event.namespace, event.kind, event.title, event.people, source.settings
         FROM achievement_evidence event JOIN achievement_sources source ON source.uid = event.source_uid
         WHERE event.settled_at IS NULL AND event.settles_at <= now()
           AND (source.caught_up_at >= event.at OR event.settles_at <= now() - interval '1 day' OR source.gone_at IS NOT NULL)
         ORDER BY event.settles_at LIMIT $1",
    )
    .bind(limit)
    .fetch_all(connection)
    .await?)
}

/// Makes a record of evidence that counts alone; `alone` false says that it does not count by itself either.
///
/// # Errors
/// Database errors.
pub async fn settle(
    connection: &mut PgConnection,
    namespace: &str,
    evidence: Uuid,
    alone: bool,
) -> Result<Recorded, StoreError> {
    let identity = event_identity(evidence);
    let answer: Json<Value> = sqlx::query_scalar("SELECT settle_evidence($1, $2, $3, $4, $5)")
        .bind(namespace)
        .bind(evidence)
        .bind(names::achievement_id(namespace, &identity))
        .bind(&identity)
        .bind(alone)
        .fetch_one(&mut *connection)
        .await?;
    finish(connection, namespace, answer.0).await
}

/// Identity of a record that stands for evidence which counts alone.
#[must_use]
pub fn event_identity(evidence: Uuid) -> String {
    format!("event/{evidence}")
}

/// Whether evidence may count by itself: somebody did it who is no bot and whose work is collected, and it is not the merge of a pull
/// request, which a filter kept out or a backfill brings later.
#[must_use]
pub fn counts_alone(event: &Unsettled) -> bool {
    let settings = serde_json::from_value::<SourceSettings>(event.settings.clone());
    let wanted = settings.is_ok_and(|settings| settings.takes_people(event.people.iter()));
    wanted
        && !(event.people.is_empty() || event.kind == "push" && names_a_pull_request(&event.title))
}

/// `Merge pull request #12 from …`, or a subject that ends with `(#12)`, as the host writes for merges and squashes.
fn names_a_pull_request(title: &str) -> bool {
    if let Some(rest) = title.strip_prefix("Merge pull request #") {
        return digits(rest).is_some();
    }
    title
        .trim_end()
        .rsplit_once("(#")
        .and_then(|(_, rest)| digits(rest))
        == Some(")")
}

/// What follows a number; none where the text begins with none.
fn digits(text: &str) -> Option<&str> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    (count > 0).then(|| &text[count..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_merge_of_a_pull_request_is_known_by_its_subject() {
        for title in [
            "Merge pull request #12 from a/b",
            "Faster start (#7)",
            "Faster (x) (#7) ",
        ] {
            assert!(names_a_pull_request(title), "{title}");
        }
        for title in [
            "Faster start",
            "See (#7) for more",
            "(#)",
            "Merge pull request #",
            "Fix #7",
        ] {
            assert!(!names_a_pull_request(title), "{title}");
        }
    }
}

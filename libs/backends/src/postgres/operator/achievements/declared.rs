//! From a resource to its record, and back to what a status shows.

use crate::postgres::{
    StoreError,
    achievements::{
        ACHIEVEMENTS_CHANNEL, Recorded,
        declare::{Declaration, Origin, declare},
        lock,
        record::tombstone,
    },
    operator::{OperatorStore, achievements::Announcement},
};
use chrono::{DateTime, Utc};
use domain::{
    achievement::{Analysis, Overrides, PublishSettings},
    names,
};
use serde_json::{Map, Value};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// By what the record of a resource is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordKey {
    /// `manual/<namespace uid>/<name>`
    Declared { namespace_uid: Uuid, name: String },
    PullRequest {
        host: String,
        repository: String,
        /// Absent until a host told it.
        repository_id: Option<i64>,
        number: i64,
    },
}

impl RecordKey {
    /// The identity where nothing else is known. One without the repository's id is provisional: it ends where the host tells
    /// of the pull request.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::Declared {
                namespace_uid,
                name,
            } => format!("manual/{namespace_uid}/{name}"),
            Self::PullRequest {
                host,
                repository,
                repository_id,
                number,
            } => match repository_id {
                Some(id) => names::pull_request_identity(host, *id, *number),
                None => format!("github/{host}/{}/{number}", repository.to_lowercase()),
            },
        }
    }
}

/// What a resource says of its record.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredAchievement {
    pub key: RecordKey,
    pub origin: Origin,
    /// What the resource sets; absent fields are left to API and hosts.
    pub overrides: Overrides,
    /// Absent: as the source says.
    pub publish: Option<PublishSettings>,
    /// A person declares it: a deleted record comes back, and a resource that the operator made for it gives way.
    pub revive: bool,
}

/// A record as the controller of its resource sees it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct AchievementRow {
    pub id: Uuid,
    pub identity: String,
    pub title: String,
    pub description: Option<String>,
    pub source_url: Option<String>,
    pub source_type: String,
    pub host: Option<String>,
    pub repository: Option<String>,
    pub repository_id: Option<i64>,
    pub number: Option<i64>,
    pub visibility: String,
    pub category: String,
    pub logins: Vec<String>,
    pub completed_at: Option<DateTime<Utc>>,
    /// A host told of it.
    pub told: bool,
    #[sqlx(json)]
    pub overrides: Overrides,
    #[sqlx(json)]
    pub declared: Overrides,
    #[sqlx(json(nullable))]
    pub publish: Option<PublishSettings>,
    #[sqlx(json(nullable))]
    pub source_publish: Option<PublishSettings>,
    pub source_since: Option<DateTime<Utc>>,
    pub facts_version: i32,
    pub analyzed_version: Option<i32>,
    pub analyzed_at: Option<DateTime<Utc>>,
    #[sqlx(json(nullable))]
    pub analysis: Option<Analysis>,
    /// Why the analysis of these very facts was given up.
    pub failure: Option<String>,
    pub duplicate_of: Option<Uuid>,
    pub duplicate_bp: Option<i32>,
    pub duplicate_name: Option<String>,
    pub reverted_by: Option<Uuid>,
    pub hidden: bool,
    pub portfolio_ready: bool,
    pub resource_uid: Option<Uuid>,
    pub resource_name: Option<String>,
    /// The operator made the resource and wants it.
    pub resource_wanted: bool,
    pub announced_job: Option<String>,
    pub announced_at: Option<DateTime<Utc>>,
    /// What was ordered with `announced_job`.
    #[sqlx(json(nullable))]
    pub announcement: Option<Announcement>,
    /// The ContentJob was seen to be there.
    pub announcement_made: bool,
    pub deleted: bool,
}

/// A record with a resource, and a mark that changes with everything that its status shows.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AchievementMark {
    pub id: Uuid,
    pub namespace: String,
    pub name: String,
    pub mark: String,
}

const ROW: &str = "SELECT record.id, record.identity, record.title, record.description, record.source_url,
        record.source_type::text AS source_type, record.host, record.repository, record.repository_id, record.number, record.visibility, record.category::text AS category, record.logins, record.completed_at,
        record.pull_request IS NOT NULL OR record.identity LIKE 'event/%' AS told, record.overrides, record.declared, record.publish,
        source.settings -> 'publish' AS source_publish, source.created_at AS source_since, record.facts_version, record.analyzed_version,
        record.analyzed_at, record.analysis,
        (SELECT coalesce(task.error_message, task.error_code, 'it failed') FROM achievement_tasks task
            WHERE task.achievement_id = record.id AND task.facts_version = record.facts_version
              AND task.status IN ('failed', 'dead_lettered') LIMIT 1) AS failure,
        record.duplicate_of, record.duplicate_bp, other.resource_name AS duplicate_name, record.reverted_by, record.hidden,
        record.portfolio_ready, record.resource_uid, record.resource_name, record.resource_wanted, record.announced_job,
        record.announced_at, record.announcement, record.announcement_made_at IS NOT NULL AS announcement_made, record.deleted_at IS NOT NULL AS deleted
    FROM achievements record LEFT JOIN achievement_sources source ON source.uid = record.source_uid AND source.gone_at IS NULL
    LEFT JOIN achievements other ON other.id = record.duplicate_of";

impl OperatorStore {
    /// The record that a resource means: of its identity, else the one of that number which a host told of, else the provisional. A
    /// repository that took over the name of another is another repository, where the resource gives its number.
    ///
    /// # Errors
    /// Database errors.
    pub async fn achievement_of(
        &self,
        namespace: &str,
        key: &RecordKey,
    ) -> Result<Option<AchievementRow>, StoreError> {
        let (host, repository, number, repository_id) = match key {
            RecordKey::Declared { .. } => (None, None, None, None),
            RecordKey::PullRequest {
                host,
                repository,
                number,
                repository_id,
            } => {
                let repository = Some(repository.to_lowercase());
                (Some(host), repository, Some(*number), *repository_id)
            }
        };
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "{ROW} WHERE record.namespace = $1 AND (record.identity = $2
                 OR (record.host = $3 AND lower(record.repository) = $4 AND record.number = $5
                     AND ($6::bigint IS NULL OR record.repository_id IS NULL OR record.repository_id = $6)))
             ORDER BY record.pull_request IS NOT NULL DESC, record.identity = $2 DESC, record.told_at DESC NULLS LAST LIMIT 1"
        )))
        .bind(namespace)
        .bind(key.identity())
        .bind(host)
        .bind(repository)
        .bind(number)
        .bind(repository_id)
        .fetch_optional(self.pool())
        .await?)
    }

    /// Id of the living record that an Achievement of this name, or this id, stands for.
    ///
    /// # Errors
    /// Database errors.
    pub async fn achievement_named(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Uuid>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT id FROM achievements WHERE namespace = $1 AND deleted_at IS NULL AND (resource_name = $2 OR id::text = $2)
             ORDER BY id::text = $2 DESC, resource_uid IS NULL LIMIT 1",
        )
        .bind(namespace)
        .bind(name)
        .fetch_optional(self.pool())
        .await?)
    }

    /// Makes the record say what its resource says, and queues its analysis where its facts are new, all in one transaction. What
    /// was declared under a provisional identity moves to the record that a host told of.
    ///
    /// # Errors
    /// A value that Postgres does not hold, database errors, and [`StoreError::EpochLost`].
    pub async fn declare_achievement(
        &self,
        namespace: &str,
        wanted: &DeclaredAchievement,
    ) -> Result<Recorded, StoreError> {
        let row = self.achievement_of(namespace, &wanted.key).await?;
        let identity = row
            .as_ref()
            .map_or_else(|| wanted.key.identity(), |row| row.identity.clone());
        let mut transaction = self.begin().await?;
        lock(&mut transaction, namespace).await?;
        let (overrides, declared) = sqlx::query_as::<_, (Value, Value)>(
            "SELECT overrides, declared FROM achievements WHERE namespace = $1 AND identity = $2 FOR UPDATE",
        )
        .bind(namespace)
        .bind(&identity)
        .fetch_optional(&mut *transaction)
        .await?
        .unwrap_or_default();
        let now = serde_json::to_value(&wanted.overrides)?;
        let recorded = declare(
            &mut transaction,
            namespace,
            &Declaration {
                identity: &identity,
                origin: &wanted.origin,
                overrides: &merge_declared(&overrides, &declared, &now),
                patch: false,
                revive: wanted.revive,
            },
        )
        .await?;
        sqlx::query(
            "UPDATE achievements SET declared = $3, publish = $4, resource_wanted = resource_wanted AND NOT $5,
                 resource_owner = CASE WHEN NOT $5 THEN resource_owner END
             WHERE namespace = $1 AND id = $2 AND ((declared, coalesce(publish, 'null')) IS DISTINCT FROM ($3, coalesce($4, 'null'))
               OR $5 AND (resource_wanted OR resource_owner IS NOT NULL))",
        )
        .bind(namespace)
        .bind(recorded.id)
        .bind(&now)
        .bind(wanted.publish.as_ref().map(serde_json::to_value).transpose()?)
        .bind(wanted.revive)
        .execute(&mut *transaction)
        .await?;
        retire_provisional(&mut transaction, namespace, &wanted.key, &identity).await?;
        transaction.commit().await?;
        Ok(recorded)
    }

    /// A resource is gone from the cluster. The record of a declared one stays; one that the operator made and still wants was
    /// deleted by a person, which leaves a tombstone, unless `parent_gone`: then it went with its source or namespace.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn bury_achievement(&self, uid: Uuid, parent_gone: bool) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let row: Option<(String, Uuid, bool)> = sqlx::query_as(
            "UPDATE achievements SET resource_uid = NULL, resource_owner = NULL, declared = '{}' WHERE resource_uid = $1
             RETURNING namespace, id, resource_wanted",
        )
        .bind(uid)
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some((namespace, id, true)) = row {
            if parent_gone {
                sqlx::query("UPDATE achievements SET resource_wanted = false WHERE id = $1")
                    .bind(id)
                    .execute(&mut *transaction)
                    .await?;
            } else {
                tombstone(&mut transaction, &namespace, id, "resource").await?;
            }
        }
        // Whether a resource shall be made anew is looked at.
        sqlx::query("SELECT pg_notify($1, '')")
            .bind(ACHIEVEMENTS_CHANNEL)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Removes the record of a resource that goes with `deletionPolicy: Delete`. Of a pull request a bare tombstone stays, so that
    /// no backfill brings it back; of what was announced as well, so that it is not announced again.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn purge_achievement(&self, uid: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let row: Option<(String, Uuid, bool)> = sqlx::query_as(
            "SELECT namespace, id, pull_request IS NOT NULL OR identity LIKE 'event/%' OR announced_job IS NOT NULL
             FROM achievements WHERE resource_uid = $1",
        )
        .bind(uid)
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some((namespace, id, remembered)) = row {
            tombstone(&mut transaction, &namespace, id, "resource").await?;
            sqlx::query(
                "UPDATE achievements SET overrides = '{}', declared = '{}', publish = NULL, analysis = NULL, embedding = NULL,
                     analyzed_version = NULL, description = NULL, people = '[]', logins = '{}', resource_uid = NULL,
                     resource_owner = NULL, announcement = NULL
                 WHERE id = $1",
            )
            .bind(id)
            .execute(&mut *transaction)
            .await?;
            if !remembered {
                remove_record(&mut transaction, id).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The marks of all records that have a resource.
    ///
    /// # Errors
    /// Database errors.
    pub async fn achievement_marks(&self) -> Result<Vec<AchievementMark>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT record.id, record.namespace, record.resource_name AS name,
                 concat_ws(' ', record.revision, record.facts_version, record.analyzed_version, record.analyzed_at, record.duplicate_of,
                     record.reverted_by, record.portfolio_ready, record.announced_job, record.deleted_at IS NOT NULL, twin.id, source.publish,
                     EXISTS (SELECT FROM achievement_tasks task WHERE task.achievement_id = record.id
                         AND task.facts_version = record.facts_version AND task.status IN ('failed', 'dead_lettered'))) AS mark
             FROM achievements record
             LEFT JOIN LATERAL (SELECT md5(it.settings ->> 'publish') AS publish FROM achievement_sources it
                 WHERE it.uid = record.source_uid AND it.gone_at IS NULL) source ON true
             LEFT JOIN LATERAL (SELECT other.id FROM achievements other WHERE record.pull_request IS NULL AND record.number IS NOT NULL
                 AND other.namespace = record.namespace AND other.host = record.host AND lower(other.repository) = lower(record.repository)
                 AND other.number = record.number AND other.pull_request IS NOT NULL LIMIT 1) twin ON true
             WHERE record.resource_uid IS NOT NULL AND record.resource_name IS NOT NULL",
        )
        .fetch_all(self.pool())
        .await?)
    }
}

/// What people said of a record, once this resource says `now` where it said `before`: its fields as they are now, without those that
/// it took away, and whatever others set.
fn merge_declared(overrides: &Value, before: &Value, now: &Value) -> Value {
    let empty = Map::new();
    let fields = |value: &'_ Value| value.as_object().cloned().unwrap_or_else(|| empty.clone());
    let (before, now) = (fields(before), fields(now));
    let mut merged = fields(overrides);
    merged.retain(|key, value| now.contains_key(key) || before.get(key) != Some(value));
    merged.extend(now);
    Value::Object(merged)
}

/// A provisional record ends where a host told of its pull request; what was announced of it stays announced.
async fn retire_provisional(
    transaction: &mut Transaction<'static, Postgres>,
    namespace: &str,
    key: &RecordKey,
    kept: &str,
) -> Result<(), StoreError> {
    let RecordKey::PullRequest {
        host,
        repository,
        number,
        ..
    } = key
    else {
        return Ok(());
    };
    let provisional = RecordKey::PullRequest {
        host: host.clone(),
        repository: repository.clone(),
        repository_id: None,
        number: *number,
    }
    .identity();
    if provisional == kept {
        return Ok(());
    }
    let id: Option<Uuid> = sqlx::query_scalar(
        "SELECT id FROM achievements WHERE namespace = $1 AND identity = $2 AND pull_request IS NULL",
    )
    .bind(namespace)
    .bind(&provisional)
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(id) = id else { return Ok(()) };
    sqlx::query(
        "UPDATE achievements AS kept SET announced_job = gone.announced_job, announced_at = gone.announced_at,
             announcement = gone.announcement, announcement_made_at = gone.announcement_made_at
         FROM achievements gone WHERE gone.id = $3 AND gone.announced_job IS NOT NULL
           AND kept.namespace = $1 AND kept.identity = $2 AND kept.announced_job IS NULL",
    )
    .bind(namespace)
    .bind(kept)
    .bind(id)
    .execute(&mut **transaction)
    .await?;
    remove_record(transaction, id).await
}

async fn remove_record(
    transaction: &mut Transaction<'static, Postgres>,
    id: Uuid,
) -> Result<(), StoreError> {
    for statement in [
        "UPDATE achievements SET duplicate_of = NULL, duplicate_bp = NULL WHERE duplicate_of = $1",
        "UPDATE achievements SET superseded_by = NULL WHERE superseded_by = $1",
        "UPDATE achievements SET reverted_by = NULL WHERE reverted_by = $1",
        "DELETE FROM achievements WHERE id = $1",
    ] {
        sqlx::query(statement)
            .bind(id)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_that_is_taken_away_goes_and_what_the_api_set_stays() {
        let overrides = json!({ "title": "mine", "hidden": true });
        let merged = merge_declared(
            &overrides,
            &json!({ "title": "mine" }),
            &json!({ "category": "bugfix" }),
        );
        assert_eq!(merged, json!({ "hidden": true, "category": "bugfix" }));
        // The API changed it since: taking away what the resource said does not take that away.
        let merged = merge_declared(
            &json!({ "title": "the API's" }),
            &json!({ "title": "mine" }),
            &json!({}),
        );
        assert_eq!(merged, json!({ "title": "the API's" }));
    }

    #[test]
    fn identities_tell_pull_requests_and_declared_ones_apart() {
        let key = |repository_id| RecordKey::PullRequest {
            host: "github.com".into(),
            repository: "Acme/Shop".into(),
            repository_id,
            number: 42,
        };
        assert_eq!(key(Some(7)).identity(), "github/github.com/7/42");
        assert_eq!(key(None).identity(), "github/github.com/acme/shop/42");
    }
}

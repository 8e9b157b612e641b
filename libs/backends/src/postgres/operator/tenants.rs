//! What a tenant's credentials must reach, and which tenants still need any.

use super::OperatorStore;
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use domain::names::{EmbeddingSpace, Slot, Tenant, achievements_collection, analysis_queue};
use uuid::Uuid;

/// A tenant's login of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerLogin {
    pub slot: Slot,
    /// When its password was set.
    pub keyed_at: DateTime<Utc>,
    /// Since then, by the database's clock, in seconds.
    pub age_seconds: i64,
}

/// What a tenant's workers may read and write outside Postgres: what its living personas own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantReach {
    /// Sorted.
    pub queues: Vec<String>,
    /// Sorted.
    pub collections: Vec<String>,
}

impl OperatorStore {
    /// The tenant's logins that are not retired, newest password first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn worker_logins(&self, tenant: &Tenant) -> Result<Vec<WorkerLogin>, StoreError> {
        let rows: Vec<(String, DateTime<Utc>, f64)> = sqlx::query_as(
            "SELECT slot, keyed_at, extract(epoch FROM now() - keyed_at)::double precision FROM worker_logins
             WHERE namespace_uid = $1 AND retired_at IS NULL ORDER BY keyed_at DESC",
        )
        .bind(tenant.namespace_uid)
        .fetch_all(self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(slot, keyed_at, age)| WorkerLogin {
                slot: if slot == Slot::A.as_str() {
                    Slot::A
                } else {
                    Slot::B
                },
                keyed_at,
                age_seconds: age as i64,
            })
            .collect())
    }

    /// Queues and collections of the tenant's living personas and of its achievements. Collections of unfinished runs' older revisions are
    /// included, because a persona that changed its embedding model still has tasks for the old one.
    ///
    /// # Errors
    /// Database errors.
    pub async fn tenant_reach(&self, tenant: &Tenant) -> Result<TenantReach, StoreError> {
        let mut queues: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT queue FROM personas WHERE namespace_uid = $1 AND gone_at IS NULL ORDER BY queue",
        )
        .bind(tenant.namespace_uid)
        .fetch_all(self.pool())
        .await?;
        let mut collections: Vec<String> = sqlx::query_scalar(
            "SELECT collection FROM personas WHERE namespace_uid = $1 AND gone_at IS NULL
             UNION
             SELECT revision.spec #>> '{vectors,collection}' FROM personas persona
             JOIN tasks task ON task.persona_uid = persona.uid AND task.status IN ('queued', 'processing', 'parked')
             JOIN persona_revisions revision ON revision.id = task.persona_revision
             WHERE persona.namespace_uid = $1 AND persona.gone_at IS NULL
             UNION
             SELECT collection FROM achievement_sources
             WHERE namespace_uid = $1 AND gone_at IS NULL AND collection IS NOT NULL
             ORDER BY 1",
        )
        .bind(tenant.namespace_uid)
        .fetch_all(self.pool())
        .await?;
        let analyses: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM achievement_sources WHERE namespace_uid = $1 AND gone_at IS NULL)
                 OR EXISTS (SELECT FROM achievement_jobs WHERE namespace_uid = $1 AND source_uid = $2
                     AND (pods > 0 OR not_before > now() - interval '1 hour'))",
        )
        .bind(tenant.namespace_uid)
        .bind(Uuid::nil())
        .fetch_one(self.pool())
        .await?;
        if analyses {
            queues.push(analysis_queue(tenant));
            queues.sort();
            if collections.is_empty() {
                collections.push(no_collection(tenant));
            }
        }
        Ok(TenantReach {
            queues,
            collections,
        })
    }

    /// Tenants with work that is not finished: their short-lived credentials have to be renewed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn working_tenants(&self, install: &str) -> Result<Vec<Tenant>, StoreError> {
        self.tenants(
            install,
            "SELECT DISTINCT run.namespace, run.namespace_uid FROM content_runs run
             WHERE run.finished_at IS NULL AND run.gone_at IS NULL AND NOT run.cancelled
             UNION SELECT namespace, namespace_uid FROM achievement_jobs WHERE pods > 0",
        )
        .await
    }

    /// Tenants whose logins nobody uses any more: no living persona, no living source, and no analysis of records of no source within
    /// the last hour.
    ///
    /// # Errors
    /// Database errors.
    pub async fn forsaken_tenants(&self, install: &str) -> Result<Vec<Tenant>, StoreError> {
        self.tenants(
            install,
            "SELECT DISTINCT login.namespace, login.namespace_uid FROM worker_logins login
             WHERE login.retired_at IS NULL
               AND NOT EXISTS (SELECT FROM personas WHERE namespace_uid = login.namespace_uid AND gone_at IS NULL)
               AND NOT EXISTS (SELECT FROM achievement_sources WHERE namespace_uid = login.namespace_uid AND gone_at IS NULL)
               AND NOT EXISTS (SELECT FROM achievement_jobs WHERE namespace_uid = login.namespace_uid
                   AND source_uid = '00000000-0000-0000-0000-000000000000'
                   AND (pods > 0 OR not_before > now() - interval '1 hour'))",
        )
        .await
    }

    /// Tenants with two logins at once: a rotation is under way.
    ///
    /// # Errors
    /// Database errors.
    pub async fn rotating_tenants(&self, install: &str) -> Result<Vec<Tenant>, StoreError> {
        self.tenants(
            install,
            "SELECT namespace, namespace_uid FROM worker_logins WHERE retired_at IS NULL
             GROUP BY namespace, namespace_uid HAVING count(*) > 1",
        )
        .await
    }

    /// Whether a run that was open when the login was superseded is still open; until then the old login stays.
    ///
    /// # Errors
    /// Database errors.
    pub async fn has_runs_from_before(
        &self,
        tenant: &Tenant,
        moment: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM content_runs WHERE namespace_uid = $1 AND created_at <= $2
                 AND finished_at IS NULL AND gone_at IS NULL AND deadline_at > now())",
        )
        .bind(tenant.namespace_uid)
        .bind(moment)
        .fetch_one(self.pool())
        .await?)
    }

    async fn tenants(&self, install: &str, query: &'static str) -> Result<Vec<Tenant>, StoreError> {
        let rows: Vec<(String, Uuid)> = sqlx::query_as(query).fetch_all(self.pool()).await?;
        Ok(rows
            .into_iter()
            .map(|(namespace, namespace_uid)| Tenant {
                install: install.to_owned(),
                namespace,
                namespace_uid,
            })
            .collect())
    }
}

/// A token must name a collection. Where sources compare nothing it names one that never stands: no embedding has no dimensions.
fn no_collection(tenant: &Tenant) -> String {
    achievements_collection(
        tenant,
        &EmbeddingSpace {
            model: String::new(),
            dimensions: 0,
            distance: String::new(),
        },
    )
}

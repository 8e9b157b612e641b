//! A post as callers see it.

use backends::postgres::api::posts::PostRow;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A post. What is not known is absent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    pub id: Uuid,
    pub persona: String,
    /// Name of the ContentJob.
    pub job: String,
    /// Place within the job, from 0.
    pub index: i32,
    pub hook: String,
    pub body: String,
    /// SHA-256 of the text, hexadecimal.
    pub content_hash: String,
    /// How often it was edited.
    pub revision: i32,
    /// The revision that similarity is judged by; behind `revision` until a worker has embedded the newest.
    pub embedded_revision: i32,
    pub created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Membership>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emotion: Option<String>,
    /// From 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    pub tokens: i64,
    pub model: String,
    /// Whether a stand-in for a model wrote it.
    pub stand_in: bool,
}

/// Where and when a post was published.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    pub at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The network's id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// The experiment that a post takes part in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Membership {
    pub name: String,
    /// Tells experiments of one name apart, one after another.
    pub uid: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
}

impl From<PostRow> for Post {
    fn from(row: PostRow) -> Self {
        let (url, external_id) = (row.published_url, row.external_id);
        Self {
            id: row.id,
            persona: row.persona,
            job: row.job,
            index: row.index,
            hook: row.hook,
            body: row.body,
            content_hash: row.content_hash,
            revision: row.revision,
            embedded_revision: row.embedded_revision,
            created_at: row.created_at,
            edited_at: row.edited_at,
            published: row.published_at.map(|at| Published {
                at,
                url,
                external_id,
            }),
            experiment: row
                .experiment
                .zip(row.experiment_uid)
                .map(|(name, uid)| Membership {
                    name,
                    uid,
                    arm: row.arm,
                }),
            emotion: row.emotion,
            score: row.score_bp.map(|points| f64::from(points) / 100.0),
            tokens: row.tokens_used,
            model: row.model,
            stand_in: row.stand_in,
        }
    }
}

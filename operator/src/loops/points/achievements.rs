//! Points of achievements: those that are missing or say something old are stored, those of deleted records go.

use super::{BATCH, Trouble};
use crate::context::Context;
use backends::{
    class::FailureClass,
    postgres::operator::achievements::PendingAchievement,
    qdrant::{COMPLETED_FIELD, LOGINS_FIELD, PostPoint},
};
use serde_json::{Map, json};

/// One collection after another; one that is missing or refuses does not hold the others back.
pub(super) async fn round(ctx: &Context) -> Result<(), Trouble> {
    for collection in ctx.store.achievement_collections_behind().await? {
        match drain(ctx, &collection).await {
            Err(Trouble::Index(error)) if error.class() != FailureClass::Transient => {
                tracing::warn!(%error, collection, "points of achievements wait until their collection is mended");
            }
            other => other?,
        }
    }
    Ok(())
}

async fn drain(ctx: &Context, collection: &str) -> Result<(), Trouble> {
    while !ctx.process.signals.stop.is_cancelled() {
        let pending = ctx.store.pending_achievements(collection, BATCH).await?;
        let gone = ctx
            .store
            .deleted_achievement_points(collection, BATCH)
            .await?;
        if pending.is_empty() && gone.is_empty() {
            return Ok(());
        }
        if !pending.is_empty() {
            let stored: Vec<_> = pending
                .iter()
                .map(|record| (record.id, record.embedding_version))
                .collect();
            let points = pending.into_iter().map(point).collect();
            ctx.vectors.upsert_posts(collection, points).await?;
            ctx.store
                .note_achievement_points(collection, &stored)
                .await?;
            ctx.process.metrics.sweep.points.inc_by(stored.len() as u64);
        }
        if !gone.is_empty() {
            ctx.vectors.delete_points(collection, &gone).await?;
            ctx.store
                .note_achievement_points_gone(collection, &gone)
                .await?;
        }
    }
    Ok(())
}

/// No text and no title: what a record says stays in Postgres.
fn point(record: PendingAchievement) -> PostPoint {
    let mut payload = Map::from_iter([(LOGINS_FIELD.to_owned(), json!(record.logins))]);
    if let Some(completed) = record.completed_at {
        payload.insert(COMPLETED_FIELD.to_owned(), json!(completed.to_rfc3339()));
    }
    PostPoint {
        id: record.id,
        vector: record.embedding,
        payload,
        version: i64::from(record.embedding_version),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use uuid::Uuid;

    // FAULTS 32, 33: the point's id is the record's own, its version the embedding's.
    #[test]
    fn a_point_says_whose_and_when_and_nothing_of_the_text() {
        let id = domain::names::achievement_id("team", "github/github.com/42/1");
        let made = point(PendingAchievement {
            id,
            embedding: vec![1.0, 0.0],
            embedding_version: 3,
            logins: vec!["maya".into()],
            completed_at: Some("2026-11-02T10:00:00Z".parse().unwrap()),
        });
        assert_eq!((made.id, made.version), (id, 3));
        assert_eq!(
            serde_json::Value::from(made.payload),
            json!({"logins": ["maya"], "completed_at": "2026-11-02T10:00:00+00:00"})
        );
        assert_eq!(id.get_version_num(), 5);
        assert_ne!(id, Uuid::nil());
    }
}

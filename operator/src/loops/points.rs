//! Stores the points of posts that have none: the worker could not, or the collection was made anew (FAULTS 29, 31). Those of
//! achievements are stored here alone.

mod achievements;

use super::{back_off, rest};
use crate::context::Context;
use backends::{
    class::FailureClass,
    postgres::{StoreError, operator::points::PendingPoint},
    qdrant::{PostPoint, VectorError},
};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

/// Points in one write.
const BATCH: i64 = 256;
/// A worker stores the point of its post within this time, or not at all.
const GRACE_SECONDS: f64 = 10.0;
const POLL: Duration = Duration::from_secs(12);

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("Postgres: {0}")]
    Store(#[from] StoreError),
    #[error("Qdrant: {0}")]
    Index(#[from] VectorError),
}

/// Drains until the process does.
pub async fn run(ctx: Arc<Context>) {
    let mut failures = 0;
    loop {
        let goes_on = match round(&ctx).await {
            Ok(()) => {
                failures = 0;
                rest(&ctx, &ctx.process.signals.wakes.points, POLL).await
            }
            Err(error) => {
                failures += 1;
                match &error {
                    Trouble::Store(error) => super::note_store_failure(&ctx, "points", error),
                    Trouble::Index(error) => tracing::warn!(%error, "points wait to be stored"),
                }
                back_off(&ctx, failures).await
            }
        };
        if !goes_on {
            return;
        }
    }
}

/// One collection after another; one that is missing or refuses does not hold the others back.
async fn round(ctx: &Context) -> Result<(), Trouble> {
    for collection in ctx.store.collections_lacking_points(GRACE_SECONDS).await? {
        match drain(ctx, &collection).await {
            Err(Trouble::Index(error)) if error.class() != FailureClass::Transient => {
                tracing::warn!(%error, collection, "points of a collection wait until it is mended");
            }
            other => other?,
        }
    }
    achievements::round(ctx).await
}

async fn drain(ctx: &Context, collection: &str) -> Result<(), Trouble> {
    while !ctx.process.signals.stop.is_cancelled() {
        let pending = ctx.store.pending_points(collection, BATCH).await?;
        if pending.is_empty() {
            return Ok(());
        }
        let stored: Vec<_> = pending
            .iter()
            .map(|post| (post.id, post.embedding_version))
            .collect();
        let last = stored.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        ctx.vectors
            .upsert_posts(collection, pending.into_iter().map(point).collect())
            .await?;
        ctx.store.note_points_stored(&stored).await?;
        ctx.process.metrics.sweep.points.inc_by(stored.len() as u64);
        if last {
            return Ok(());
        }
    }
    Ok(())
}

/// The same point that the worker would have stored.
fn point(post: PendingPoint) -> PostPoint {
    let mut payload = Map::from_iter([
        ("hook".to_owned(), json!(post.hook)),
        ("body".to_owned(), json!(post.body)),
        ("content_hash".to_owned(), json!(post.content_hash)),
        ("persona".to_owned(), json!(post.persona_id)),
        ("timestamp".to_owned(), json!(post.ts.to_rfc3339())),
    ]);
    if let Some(rate) = post.engagement_rate {
        payload.insert("engagement_rate".to_owned(), Value::from(rate));
    }
    PostPoint {
        id: post.id,
        vector: post.embedding,
        payload,
        version: i64::from(post.embedding_version),
    }
}

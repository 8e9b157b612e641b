//! Texts until one becomes a post: write, let the gates judge, commit, then store the point.

use super::{Attempt, Halt};
use crate::{
    generate::{self, Verdict, dedup, objection::Objection, record::Finished},
    ports::{Neighbour, Point},
};
use backends::postgres::worker::CommitOutcome;
use domain::revision::DedupAction;

impl Attempt<'_> {
    /// Every claim begins with the first text again and gives each text the same seed, so that a repeat after a crash writes
    /// what the lost attempt would have written.
    ///
    /// # Errors
    /// The last text's objection once `max_attempts` texts were refused, or what halted the work.
    pub(super) async fn post(&self) -> Result<(), Halt> {
        let texts = u32::try_from(self.task.max_attempts).unwrap_or(1);
        let mut regeneration = 0;
        loop {
            let Some(objection) = self.one_text(regeneration).await? else {
                return Ok(());
            };
            tracing::info!(task = %self.task.id, regeneration, code = objection.code, reason = %objection.message, "text refused");
            regeneration += 1;
            if !objection.regenerate || regeneration >= texts {
                return Err(Halt::Refused(objection));
            }
        }
    }

    /// One text: committed, or a gate's objection.
    async fn one_text(&self, regeneration: u32) -> Result<Option<Objection>, Halt> {
        let work = generate::write_post(
            &self.shop.ports,
            self.task,
            regeneration,
            &self.clock,
            &self.meter,
        );
        let finished = match self.guarded(work).await? {
            Verdict::Refused(objection) => return Ok(Some(objection)),
            Verdict::Finished(finished) => *finished,
        };
        let done = finished.completed(&self.meter.read());
        match self
            .settle("commit the post", || {
                self.shop.tasks.complete(self.task, &done)
            })
            .await?
        {
            CommitOutcome::Committed => {
                self.store_point(&finished).await;
                Ok(None)
            }
            CommitOutcome::Duplicate { of, similarity_bp } => {
                let action: DedupAction = self.task.persona.gates.dedup.action;
                Ok(Some(dedup::objection(
                    Neighbour {
                        id: of,
                        similarity_bp,
                    },
                    action,
                )))
            }
        }
    }

    /// The post stands already: a point that cannot be stored now is stored by the operator's sweep (FAULTS 29, 32).
    async fn store_point(&self, finished: &Finished) {
        if !finished.similarity.index_answered {
            return;
        }
        let point = Point {
            id: finished.post.id,
            vector: finished.embedding.clone(),
            payload: finished.point_payload(),
            version: generate::record::EMBEDDING_VERSION,
        };
        let stored = tokio::select! {
            stored = self.shop.ports.index.upsert(&finished.post.collection, point) => stored.map_err(|error| error.to_string()),
            () = self.shop.stop.work_over() => Err("the worker is stopping".to_owned()),
        };
        let marked = match stored {
            Ok(()) => self
                .shop
                .tasks
                .mark_points_stored(&[(finished.post.id, generate::record::EMBEDDING_VERSION)])
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        if let Err(error) = marked {
            tracing::warn!(post = %finished.post.id, %error, "the point is left to the operator's sweep");
        }
    }
}

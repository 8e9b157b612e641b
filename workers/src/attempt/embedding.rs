//! The embedding of a post that a person edited.

use super::{Attempt, Halt};
use crate::{failure, generate::embed};

impl Attempt<'_> {
    /// Embeds the text that the task pins and stores the result; the point is left to the operator's sweep, which stores it within
    /// seconds. A post that was edited again meanwhile keeps what it has: the newer revision has a task of its own.
    ///
    /// # Errors
    /// What halted the work.
    pub(super) async fn embedding(&self) -> Result<(), Halt> {
        let Some(post) = self.task.payload.post else {
            return Err(Halt::Failed(failure::bug(
                "PostMissing",
                "the task does not say which post it is about",
            )));
        };
        let persona = &self.task.persona;
        let work = embed::embed(
            &*self.shop.ports.embedder,
            persona,
            &self.task.payload.input,
            &self.meter,
        );
        let embedding = self.guarded(work).await?;
        let (reading, _) = self.paid();
        let stored = self
            .settle("store the embedding", || {
                self.shop
                    .tasks
                    .complete_embedding(self.task, &embedding, &reading.usage)
            })
            .await?;
        tracing::info!(post = %post.id, revision = post.revision, version = stored, "edited post embedded");
        Ok(())
    }
}

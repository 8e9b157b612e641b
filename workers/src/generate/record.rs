//! The post as it is stored: everything in it follows from the task and from what the endpoints answered, so that a repeat
//! after a crash stores the same row.

use super::{
    analysis::Analysis, clock::DatabaseClock, dedup::Similarity, prompt::content_type_name,
    write::Written,
};
use crate::meter::Reading;
use backends::postgres::worker::{CompletedPost, PostRecord};
use domain::{digest::sha256_hex, names, tasks::ClaimedTask};
use serde_json::{Map, Value, json};

/// Version of a post's first embedding, which its row and its point share.
pub const EMBEDDING_VERSION: i32 = 1;

/// A text that passed every gate, ready to be committed.
#[derive(Debug, Clone)]
pub struct Finished {
    pub post: PostRecord,
    pub embedding: Vec<f32>,
    pub similarity: Similarity,
    trajectory: Option<Value>,
    written_at: String,
    /// From when on the commit has to compare.
    queried_at: String,
}

/// What the steps made of one text.
pub struct Parts {
    pub written: Written,
    pub analysis: Analysis,
    pub embedding: Vec<f32>,
    pub similarity: Similarity,
    pub queried_at: String,
    pub regeneration: u32,
}

impl Finished {
    #[must_use]
    pub fn new(task: &ClaimedTask, parts: Parts) -> Self {
        let Parts {
            written,
            analysis,
            embedding,
            similarity,
            queried_at,
            regeneration,
        } = parts;
        let metadata = json!({
            "contentType": content_type_name(task.payload.content_type),
            "regenerations": regeneration,
            "seed": names::model_seed(task.id, regeneration),
            "promptDigest": task.prompt.digest,
            "analysis": analysis.state(),
            "similarity": if similarity.index_answered { "index" } else { "newest posts only" },
        });
        let post = PostRecord {
            id: names::post_id(task.id),
            persona: task.persona.name.clone(),
            hook: written.draft.hook().to_owned(),
            body: written.draft.body().to_owned(),
            content_hash: sha256_hex(written.draft.text().as_bytes()),
            model: written.model,
            stand_in: written.stand_in,
            score_bp: analysis.score_bp(),
            score: analysis.score_json(),
            emotion: analysis.dominant(),
            guardrails: analysis.guardrails_json(),
            nearest_id: similarity.nearest.map(|nearest| nearest.id),
            nearest_bp: similarity.nearest.map(|nearest| nearest.similarity_bp),
            duplicate_of: similarity
                .nearest
                .filter(|_| similarity.flagged)
                .map(|nearest| nearest.id),
            // Prices are not known in this version: absent, not nought.
            cost_micros: None,
            collection: task.persona.vectors.collection.clone(),
            embedding_model: task.persona.embedding.model.clone(),
            metadata,
        };
        let written_at = queried_at.clone();
        // Where the index did not answer, the commit must compare with older posts too.
        let queried_at = if similarity.index_answered {
            queried_at
        } else {
            DatabaseClock::beginning()
        };
        Self {
            post,
            embedding,
            similarity,
            trajectory: analysis.trajectory_json(),
            written_at,
            queried_at,
        }
    }

    /// The commit of this post, with the usage of all texts of the claim.
    #[must_use]
    pub fn completed(&self, paid: &Reading) -> CompletedPost {
        let mut post = self.post.clone();
        post.metadata["usageEstimated"] = Value::Bool(paid.estimated);
        CompletedPost {
            post,
            embedding: self.embedding.clone(),
            trajectory: self.trajectory.clone(),
            usage: paid.usage,
            queried_at: self.queried_at.clone(),
        }
    }

    /// What the point says beside its vector; its engagement is not known yet, so it is absent.
    #[must_use]
    pub fn point_payload(&self) -> Map<String, Value> {
        let payload = json!({
            "hook": self.post.hook,
            "body": self.post.body,
            "content_hash": self.post.content_hash,
            "persona": self.post.persona,
            "timestamp": self.written_at,
        });
        if let Value::Object(payload) = payload {
            payload
        } else {
            Map::new()
        }
    }
}

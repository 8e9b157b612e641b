//! Compares a text with the persona's posts.

use super::objection::Objection;
use crate::{
    failure::DUPLICATE,
    ports::{Among, Neighbour, VectorIndex},
};
use domain::revision::{DedupAction, DedupGate, VectorSettings};

/// What the comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Similarity {
    pub nearest: Option<Neighbour>,
    /// The nearest post is a duplicate that the gate keeps and marks.
    pub flagged: bool,
    /// False where the index did not answer (FAULTS 29): then only the commit compares, with the newest posts in Postgres.
    pub index_answered: bool,
}

/// Looks up the nearest of the posts that `among` lets through and applies the gate.
///
/// # Errors
/// The gate's objection to a duplicate.
pub async fn compare(
    index: &dyn VectorIndex,
    space: &VectorSettings,
    vector: &[f32],
    among: Among<'_>,
    gate: &DedupGate,
) -> Result<Similarity, Objection> {
    let answer = index.nearest(space, vector, among, 1).await;
    let nearest = match &answer {
        Ok(neighbours) => neighbours
            .iter()
            .copied()
            .find(|neighbour| neighbour.id != among.excluding),
        Err(down) => {
            tracing::warn!(error = %down, "comparing with committed posts only");
            None
        }
    };
    let index_answered = answer.is_ok();
    match nearest.filter(|neighbour| neighbour.similarity_bp >= i32::from(gate.threshold_bp)) {
        None => Ok(Similarity {
            nearest,
            flagged: false,
            index_answered,
        }),
        Some(_) if gate.action == DedupAction::Flag => Ok(Similarity {
            nearest,
            flagged: true,
            index_answered,
        }),
        Some(twin) => Err(objection(twin, gate.action)),
    }
}

/// The objection to a text that is too near to `twin`.
#[must_use]
pub fn objection(twin: Neighbour, action: DedupAction) -> Objection {
    let percent = f64::from(twin.similarity_bp) / 100.0;
    Objection {
        code: DUPLICATE,
        message: format!("the text is {percent:.2} % similar to post {}", twin.id),
        regenerate: action == DedupAction::Regenerate,
    }
}

//! What a record is compared by: the vector of its text, and the records near it.

use super::{Desk, ports::Around};
use crate::generate::embed::unit_length;
use backends::postgres::worker_achievements::{AnalysisTask, Comparison};
use domain::{
    achievement::{Analysis, Subject},
    tasks::TaskFailure,
};

/// Characters of a text that are embedded; endpoints take some eight thousand tokens.
const TEXT_MAX: usize = 8_000;
/// Before any point was stored: the commit then compares with the rows themselves.
const ALWAYS: &str = "-infinity";

/// What an attempt found out, as it will be committed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conclusion {
    pub analysis: Analysis,
    pub comparison: Option<Comparison>,
    /// From when on the commit compares with rows that the index may not have shown.
    pub queried_at: String,
}

impl Desk {
    /// Embeds the record's text and looks for records of the same people near it. A record that cannot be compared is analysed all the
    /// same, and its notes say why; where the index does not answer, the commit compares with the newest rows (FAULTS 29).
    ///
    /// # Errors
    /// The embedding endpoint's failure, or a vector that cannot be one.
    pub(super) async fn compare(
        &self,
        task: &AnalysisTask,
        mut analysis: Analysis,
    ) -> Result<Conclusion, TaskFailure> {
        let queried_at = task.queried_at.clone();
        let (Some(settings), Some(collection)) = (&task.embedding, &task.collection) else {
            return Ok(left_alone(
                analysis,
                "no embedding is configured",
                queried_at,
            ));
        };
        if task.logins.is_empty() {
            return Ok(left_alone(analysis, "it names no people", queried_at));
        }
        // FAULTS 60: what may be a secret leaves for no other system.
        if analysis.findings.iter().any(|it| it.kind == "secret") {
            return Ok(left_alone(
                analysis,
                "its text may hold a secret",
                queried_at,
            ));
        }
        let answer = self.embedder.embed(settings, &text(&task.subject)).await?;
        let vector = unit_length(answer, settings.dimensions)?;
        let around = Around {
            collection,
            vector: &vector,
            logins: &task.logins,
            excluding: task.subject.id,
            at_least_bp: settings.duplicate_bp,
        };
        let (near, queried_at) = match self.index.near(around).await {
            Ok(near) => (near, queried_at),
            Err(down) => {
                tracing::warn!(task = %task.id, error = %down, "comparing with rows only");
                analysis.notes.push(
                    "compared with the newest records only: the vector index did not answer"
                        .to_owned(),
                );
                (Vec::new(), ALWAYS.to_owned())
            }
        };
        Ok(Conclusion {
            comparison: Some(Comparison {
                model: settings.model.clone(),
                collection: collection.clone(),
                near,
                threshold_bp: settings.duplicate_bp,
                vector,
            }),
            analysis,
            queried_at,
        })
    }
}

fn left_alone(mut analysis: Analysis, why: &str, queried_at: String) -> Conclusion {
    analysis
        .notes
        .push(format!("not compared with other records: {why}"));
    Conclusion {
        analysis,
        comparison: None,
        queried_at,
    }
}

/// Title and description, which is what two tellings of the same work share.
fn text(subject: &Subject) -> String {
    let description = subject.description.as_deref().unwrap_or_default();
    let whole = format!("{}\n\n{description}", subject.title);
    whole.trim().chars().take(TEXT_MAX).collect()
}

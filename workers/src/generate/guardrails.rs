//! Banned phrases, length and structure, and the endpoint's moderation.

use super::{draft::Draft, objection::Objection};
use crate::{failure::GUARDRAIL_HIT, ports::Moderator};
use domain::{
    tasks::{ClaimedTask, TaskFailure},
    text::guardrails::{Finding, Severity, check_output},
};

/// Findings that the post keeps, or the objection of the first guardrail that holds it back.
///
/// The local rules come first: a text that they refuse costs no call.
///
/// # Errors
/// A moderation endpoint that did not answer: what could not be moderated is not posted.
pub async fn check(
    moderator: &dyn Moderator,
    task: &ClaimedTask,
    draft: &Draft,
) -> Result<Result<Vec<Finding>, Objection>, TaskFailure> {
    let banned = &task.persona.voice.banned_phrases;
    let findings = check_output(
        task.payload.content_type,
        draft.hook(),
        draft.body(),
        banned,
    );
    if let Some(block) = findings
        .iter()
        .find(|finding| finding.severity == Severity::Block)
    {
        return Ok(Err(objection(block.message.clone())));
    }
    if let Some(settings) = &task.persona.moderation {
        let moderation = moderator.moderate(settings, &draft.text()).await?;
        if moderation.flagged {
            let categories = moderation.categories.join(", ");
            return Ok(Err(objection(format!(
                "moderation flagged the text: {categories}"
            ))));
        }
    }
    Ok(Ok(findings))
}

fn objection(message: String) -> Objection {
    Objection {
        code: GUARDRAIL_HIT,
        message,
        regenerate: true,
    }
}

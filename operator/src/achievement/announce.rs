//! Announcements: one ContentJob, once for ever, of what has impact enough and may be told.
//!
//! Deciding is pure. What was decided is ordered in the record's row first; the ContentJob is made from that row, under a name that
//! comes from the record's identity. So whichever write is the last one before a crash, there is one job in the end (FAULTS 10).

mod text;

use super::{AchievementWorld, validate::ValidatedAchievement};
use crate::{
    context::FIELD_MANAGER,
    controller::{ReconcileError, time_boxed},
    prompt_template::plan::Problem,
};
use backends::postgres::operator::achievements::{AchievementRow, Announcement};
use crds::{
    Achievement, ContentJob, Persona, Reason,
    common::meta::{LABEL_ACHIEVEMENT, LABEL_INSTALL},
};
use domain::{
    achievement::{PublishSettings, findings::neutral},
    names,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DynamicObject, PostParams},
    core::ApiResource,
};
use serde_json::{Value, json};

/// Whether it is announced, and what it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Not now, and why.
    Not { reason: Reason, message: String },
    /// A person has to say yes, by this digest.
    Approval { digest: String, message: String },
    /// It shall be ordered.
    Order(Announcement),
    /// It was ordered, and its ContentJob was not seen yet.
    Make { job: String },
    /// Its ContentJob was made.
    Announced { job: String },
}

impl Default for Decision {
    fn default() -> Self {
        not(Reason::WaitingForAnalysis, "there is no record yet")
    }
}

fn not(reason: Reason, message: impl Into<String>) -> Decision {
    Decision::Not {
        reason,
        message: message.into(),
    }
}

/// What becomes of the announcement of a record. Only an analysis of the newest facts counts: what it found in an older text says
/// nothing of this one (FAULTS 60).
#[must_use]
pub fn decide(
    achievement: &ValidatedAchievement,
    row: Option<&AchievementRow>,
    problem: Option<&Problem>,
) -> Decision {
    let Some(row) = row else {
        return Decision::default();
    };
    if let Some(job) = row.announced_job.as_ref().filter(|_| row.announcement_made) {
        return Decision::Announced { job: job.clone() };
    }
    if let Some(kept) = kept_back(achievement, row, problem) {
        return kept;
    }
    if let Some(job) = &row.announced_job {
        return Decision::Make { job: job.clone() };
    }
    let Some((settings, persona)) = settings_of(row) else {
        return not(Reason::NotApplicable, "no persona shall announce it");
    };
    let current = row.analyzed_version == Some(row.facts_version);
    let Some(analysis) = row.analysis.as_ref().filter(|_| current) else {
        return not(
            Reason::WaitingForAnalysis,
            "the newest facts wait for their analysis",
        );
    };
    if row.publish.is_none() && !is_since_connected(row) {
        return not(
            Reason::DoneBefore,
            "it was done before its source was connected; set spec.publish to announce it nevertheless",
        );
    }
    if analysis.impact.points < settings.minimum_impact {
        let message = format!(
            "its impact is {}, and {} are needed",
            analysis.impact.points, settings.minimum_impact
        );
        return not(Reason::ImpactTooLow, message);
    }
    let announcement = Announcement {
        persona: persona.clone(),
        text: text::build(row, analysis),
        approved: None,
    };
    approve(achievement, row, settings, announcement)
}

/// What is not public, of category security or has findings needs a person's yes to this very text by this very persona.
fn approve(
    achievement: &ValidatedAchievement,
    row: &AchievementRow,
    settings: &PublishSettings,
    announcement: Announcement,
) -> Decision {
    let Some(why) = why_not_freely(row) else {
        return Decision::Order(announcement);
    };
    if !settings.allow_private {
        let message = format!("{why}, and publish.allowPrivate is not set");
        return not(Reason::NotPublic, message);
    }
    let digest = domain::digest::digest_of(&json!({
        "record": row.id, "persona": announcement.persona, "text": announcement.text,
    }));
    match &achievement.approved {
        Some(named) if *named == digest => Decision::Order(Announcement {
            approved: Some(digest),
            ..announcement
        }),
        named => {
            let stale = named.as_ref().map_or(
                "",
                |_| ", because the digest that the annotation names is of another text",
            );
            let message = format!(
                "{why}; annotate it threads-agent.io/approve with the value of status.approvalDigest{stale}"
            );
            Decision::Approval { digest, message }
        }
    }
}

fn why_not_freely(row: &AchievementRow) -> Option<String> {
    let findings = row.analysis.as_ref().map(|it| it.findings.as_slice());
    if row.visibility != "public" {
        Some(format!("its source is {}", row.visibility))
    } else if row.category == "security" {
        Some("it is of category security".to_owned())
    } else if findings.is_some_and(|findings| !findings.is_empty()) {
        Some("status.findings tells of something in its text".to_owned())
    } else {
        None
    }
}

fn kept_back(
    achievement: &ValidatedAchievement,
    row: &AchievementRow,
    problem: Option<&Problem>,
) -> Option<Decision> {
    if row.deleted {
        return Some(not(Reason::NotApplicable, "the record was deleted"));
    }
    if achievement.suspended {
        return Some(not(Reason::Suspended, "spec.suspend is true"));
    }
    if let Some((reason, message)) = kept_out(row) {
        return Some(not(reason, message));
    }
    problem.map(|problem| not(problem.reason, problem.message.clone()))
}

/// What keeps a record out of portfolios and announcements alike.
#[must_use]
pub fn kept_out(row: &AchievementRow) -> Option<(Reason, &'static str)> {
    if row.hidden {
        Some((Reason::Hidden, "a person hid it"))
    } else if row.duplicate_of.is_some() {
        Some((Reason::Duplicate, "an earlier record says the same"))
    } else if row.reverted_by.is_some() {
        Some((Reason::Reverted, "another pull request took it back"))
    } else {
        None
    }
}

/// Its own word, else its source's.
fn settings_of(row: &AchievementRow) -> Option<(&PublishSettings, &String)> {
    let settings = row.publish.as_ref().or(row.source_publish.as_ref())?;
    Some((settings, settings.persona.as_ref()?))
}

/// A backfill of years must not announce years.
fn is_since_connected(row: &AchievementRow) -> bool {
    match (row.completed_at, row.source_since) {
        (Some(done), Some(since)) => done >= since,
        _ => false,
    }
}

/// Does what the decision asks for; answers what holds then.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer. The next reconcile goes on where this one stopped.
pub async fn settle(
    world: &AchievementWorld,
    object: &Achievement,
    row: &mut Option<AchievementRow>,
    decision: Decision,
) -> Result<Decision, ReconcileError> {
    let Some(row) = row else { return Ok(decision) };
    match decision {
        Decision::Order(announcement) => order(world, object, row, announcement).await,
        Decision::Make { job } => make(world, object, row, job).await,
        other => Ok(other),
    }
}

async fn order(
    world: &AchievementWorld,
    object: &Achievement,
    row: &mut AchievementRow,
    announcement: Announcement,
) -> Result<Decision, ReconcileError> {
    let namespace = object.namespace().unwrap_or_default();
    let personas = Api::<Persona>::namespaced(world.client.clone(), &namespace);
    let found = time_boxed(personas.get_metadata_opt(&announcement.persona)).await?;
    if found.is_none() {
        return Ok(not(
            Reason::PersonaNotFound,
            format!(
                "there is no Persona {:?} in this namespace to announce it",
                announcement.persona
            ),
        ));
    }
    let job = names::announcement_job(&neutral(&row.title, 255), &row.identity);
    let ordered = world
        .store
        .order_announcement(row.id, row.facts_version, &job, &announcement)
        .await?;
    if !ordered {
        return Ok(not(
            Reason::Progressing,
            "the record changed while its announcement was decided",
        ));
    }
    row.announced_job = Some(job.clone());
    row.announced_at = Some(chrono::Utc::now());
    row.announcement = Some(announcement);
    make(world, object, row, job).await
}

/// Makes the job from the row alone. One that is there already is the same job.
async fn make(
    world: &AchievementWorld,
    object: &Achievement,
    row: &mut AchievementRow,
    job: String,
) -> Result<Decision, ReconcileError> {
    let Some(announcement) = &row.announcement else {
        return Ok(Decision::Announced { job });
    };
    let namespace = object.namespace().unwrap_or_default();
    let kind = ApiResource::erase::<ContentJob>(&());
    let api = Api::<DynamicObject>::namespaced_with(world.client.clone(), &namespace, &kind);
    let record = row.id.to_string();
    let manifest = manifest(&world.install, object, &record, &job, announcement);
    let wanted = serde_json::from_value(manifest)
        .map_err(|error| ReconcileError::bug(format!("a job does not serialize: {error}")))?;
    let parameters = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    match time_boxed(api.create(&parameters, &wanted)).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_already_exists() => {
            let found = time_boxed(api.get_opt(&job)).await?;
            let ours = found.is_some_and(|it| it.labels().get(LABEL_ACHIEVEMENT) == Some(&record));
            if !ours {
                let message = format!(
                    "another ContentJob has the name {job} of its announcement; delete that one"
                );
                return Ok(not(Reason::Conflict, message));
            }
        }
        Err(error) => return Err(error.into()),
    }
    world.store.announcement_made(row.id).await?;
    row.announcement_made = true;
    Ok(Decision::Announced { job })
}

fn manifest(
    install: &str,
    object: &Achievement,
    record: &str,
    job: &str,
    announcement: &Announcement,
) -> Value {
    json!({
        "apiVersion": ContentJob::api_version(&()), "kind": ContentJob::kind(&()),
        "metadata": {
            "name": job,
            "namespace": object.namespace(),
            "labels": { LABEL_ACHIEVEMENT: record, LABEL_INSTALL: install },
            "ownerReferences": [{
                "apiVersion": Achievement::api_version(&()), "kind": Achievement::kind(&()),
                "name": object.name_any(), "uid": object.uid(), "controller": true,
            }],
        },
        "spec": {
            "personaRef": { "name": announcement.persona },
            "input": { "text": announcement.text },
            "count": 1,
            "parallelism": 1,
            "contentType": "announcement",
        },
    })
}

#[cfg(test)]
mod tests;

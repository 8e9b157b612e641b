//! From a resource as somebody wrote it to one that later steps can rely on.

use crds::{
    Achievement,
    achievement::{Category as WrittenCategory, Facts, OriginType, PersonRole, TakingPart},
    common::{
        meta::{ANNOTATION_APPROVE, LABEL_ACHIEVEMENT_SOURCE},
        policy::DriftPolicy,
    },
};
use domain::achievement::{Category, Overrides, Person, PublishSettings, Role};
use kube::ResourceExt;
use uuid::Uuid;

/// An achievement whose every part can be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidatedAchievement {
    pub uid: Uuid,
    pub namespace: String,
    pub name: String,
    pub generation: Option<i64>,
    pub source: Source,
    pub url: Option<String>,
    /// What the resource sets; `duplicate_of` is resolved later.
    pub overrides: Overrides,
    pub duplicate_of: Option<String>,
    /// None: as the source says.
    pub publish: Option<PublishSettings>,
    /// The digest that a person's yes names.
    pub approved: Option<String>,
    pub suspended: bool,
    /// Drift is told and left as it is.
    pub report_drift: bool,
    /// The operator made the resource.
    pub collected: bool,
}

/// What stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Manual,
    Ci,
    PullRequest {
        host: String,
        repository: String,
        repository_id: Option<i64>,
        number: i64,
    },
}

/// Why a resource cannot be acted upon. The schema refuses most of this; a stored object may predate a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the resource has no {0}")]
    Absent(&'static str),
    #[error("spec.{field} {problem}")]
    Field {
        field: &'static str,
        problem: &'static str,
    },
}

/// # Errors
/// The first thing that is wrong, with how to mend it.
pub fn validate(achievement: &Achievement) -> Result<ValidatedAchievement, Invalid> {
    let uid = achievement
        .metadata
        .uid
        .as_deref()
        .and_then(|uid| uid.parse().ok())
        .ok_or(Invalid::Absent("uid"))?;
    let namespace = achievement
        .namespace()
        .ok_or(Invalid::Absent("namespace"))?;
    let spec = &achievement.spec;
    let source = source_of(&spec.source)?;
    let mut overrides = facts_of(&spec.facts)?;
    if !matches!(source, Source::PullRequest { .. }) && overrides.title.is_none() {
        return refuse("facts.title", "is missing, and no host tells one; add it");
    }
    overrides.portfolio_section = line("portfolio.section", spec.portfolio.section.as_deref())?;
    overrides.display_priority = spec.portfolio.priority.map(|it| it.clamp(0, 100));
    overrides.hidden = spec.portfolio.hidden;
    Ok(ValidatedAchievement {
        uid,
        namespace,
        name: achievement.name_any(),
        generation: achievement.metadata.generation,
        source,
        url: spec.source.url.clone(),
        overrides,
        duplicate_of: spec.duplicate_of.clone(),
        publish: spec.publish.as_ref().map(|publish| PublishSettings {
            persona: publish.persona_ref.as_ref().map(|it| it.name.clone()),
            minimum_impact: publish.minimum_impact,
            allow_private: publish.allow_private,
        }),
        approved: achievement.annotations().get(ANNOTATION_APPROVE).cloned(),
        suspended: spec.suspend,
        report_drift: spec.drift_policy == DriftPolicy::Report,
        collected: achievement.labels().contains_key(LABEL_ACHIEVEMENT_SOURCE),
    })
}

fn source_of(origin: &crds::achievement::Origin) -> Result<Source, Invalid> {
    match origin.type_ {
        OriginType::Manual => Ok(Source::Manual),
        OriginType::CI => Ok(Source::Ci),
        OriginType::GitHubPR => match (&origin.repository, origin.number) {
            (Some(repository), Some(number)) => Ok(Source::PullRequest {
                host: origin.host().to_lowercase(),
                repository: repository.clone(),
                repository_id: origin.repository_id,
                number,
            }),
            _ => refuse(
                "source",
                "of type GitHubPR needs repository and number; add both",
            ),
        },
    }
}

fn facts_of(facts: &Facts) -> Result<Overrides, Invalid> {
    if let (Some(start), Some(end)) = (&facts.started_at, &facts.completed_at)
        && end.0 < start.0
    {
        return refuse(
            "facts.completedAt",
            "must not be before facts.startedAt; correct one of the two",
        );
    }
    Ok(Overrides {
        title: line("facts.title", facts.title.as_deref())?,
        description: prose("facts.description", facts.description.as_deref())?,
        category: facts.category.map(category_of),
        started_at: facts.started_at.as_ref().map(|time| time.0),
        completed_at: facts.completed_at.as_ref().map(|time| time.0),
        business_value: prose("facts.businessValue", facts.business_value.as_deref())?,
        people: (!facts.people.is_empty()).then(|| facts.people.iter().map(person_of).collect()),
        ..Overrides::default()
    })
}

/// One line, without what hides or reorders text (FAULTS 40).
fn line(field: &'static str, value: Option<&str>) -> Result<Option<String>, Invalid> {
    let Some(value) = value.map(str::trim) else {
        return Ok(None);
    };
    if value.is_empty() {
        return refuse(field, "must not be blank; remove it or write something");
    }
    if value
        .chars()
        .any(|c| c.is_control() || is_direction_mark(c))
    {
        return refuse(
            field,
            "must not hold control characters or marks of writing direction; type it anew",
        );
    }
    Ok(Some(value.to_owned()))
}

/// Postgres stores no NUL.
fn prose(field: &'static str, value: Option<&str>) -> Result<Option<String>, Invalid> {
    if value.is_some_and(|value| value.contains('\0')) {
        return refuse(field, "must not hold the character NUL; remove it");
    }
    Ok(value.map(str::to_owned))
}

fn refuse<T>(field: &'static str, problem: &'static str) -> Result<T, Invalid> {
    Err(Invalid::Field { field, problem })
}

/// Unicode's bidirectional controls.
pub(super) fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn person_of(person: &TakingPart) -> Person {
    Person {
        login: person.login.clone(),
        role: match person.role {
            PersonRole::Author => Role::Author,
            PersonRole::CoAuthor => Role::CoAuthor,
            PersonRole::Assignee => Role::Assignee,
            PersonRole::Reviewer => Role::Reviewer,
            PersonRole::Merger => Role::Merger,
            PersonRole::Releaser => Role::Releaser,
            PersonRole::Deployer => Role::Deployer,
        },
    }
}

fn category_of(category: WrittenCategory) -> Category {
    match category {
        WrittenCategory::Feature => Category::Feature,
        WrittenCategory::Optimization => Category::Optimization,
        WrittenCategory::Bugfix => Category::Bugfix,
        WrittenCategory::Infrastructure => Category::Infrastructure,
        WrittenCategory::Documentation => Category::Documentation,
        WrittenCategory::Testing => Category::Testing,
        WrittenCategory::Security => Category::Security,
        WrittenCategory::Performance => Category::Performance,
        WrittenCategory::Architecture => Category::Architecture,
        WrittenCategory::Content => Category::Content,
        WrittenCategory::Business => Category::Business,
        WrittenCategory::Milestone => Category::Milestone,
        WrittenCategory::Uncategorized => Category::Uncategorized,
    }
}

#[cfg(test)]
mod tests;

//! Reads everything that one reconcile decides by. Nothing here writes.

use super::{
    AchievementWorld,
    validate::{Source, ValidatedAchievement},
};
use crate::{
    controller::{ReconcileError, time_boxed},
    prompt_template::plan::Problem,
    tenancy::home,
};
use backends::postgres::operator::achievements::{AchievementRow, RecordKey};
use crds::{Achievement, Reason};
use kube::Api;

/// What a plan is made from.
#[derive(Debug, Clone)]
pub struct Observed {
    pub key: RecordKey,
    pub row: Option<AchievementRow>,
    /// `none` or a record's id, or why there is none; absent where the resource does not say.
    pub duplicate_of: Option<Result<String, Problem>>,
    /// The record belongs to a resource that lives.
    pub held_by_another: bool,
}

/// None where the namespace is gone.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer: then nothing may be touched.
pub async fn observe(
    world: &AchievementWorld,
    achievement: &ValidatedAchievement,
) -> Result<Option<Observed>, ReconcileError> {
    let Some(key) = key_of(world, achievement).await? else {
        return Ok(None);
    };
    let row = world
        .store
        .achievement_of(&achievement.namespace, &key)
        .await?;
    Ok(Some(Observed {
        held_by_another: held_by_another(world, achievement, row.as_ref()).await?,
        duplicate_of: duplicate_of(world, achievement).await?,
        key,
        row,
    }))
}

async fn key_of(
    world: &AchievementWorld,
    achievement: &ValidatedAchievement,
) -> Result<Option<RecordKey>, ReconcileError> {
    if let Source::PullRequest {
        host,
        repository,
        repository_id,
        number,
    } = &achievement.source
    {
        return Ok(Some(RecordKey::PullRequest {
            host: host.clone(),
            repository: repository.clone(),
            repository_id: *repository_id,
            number: *number,
        }));
    }
    let home = home(&world.client, &world.install, &achievement.namespace).await?;
    Ok(home.map(|home| RecordKey::Declared {
        namespace_uid: home.tenant.namespace_uid,
        name: achievement.name.clone(),
    }))
}

/// A resource that the operator made gives way to one that a person declares.
async fn held_by_another(
    world: &AchievementWorld,
    achievement: &ValidatedAchievement,
    row: Option<&AchievementRow>,
) -> Result<bool, ReconcileError> {
    let Some(row) = row else { return Ok(false) };
    let (Some(holder), Some(name)) = (row.resource_uid, &row.resource_name) else {
        return Ok(false);
    };
    if holder == achievement.uid || (row.resource_wanted && !achievement.collected) {
        return Ok(false);
    }
    let api = Api::<Achievement>::namespaced(world.client.clone(), &achievement.namespace);
    let found = time_boxed(api.get_metadata_opt(name)).await?;
    let uid = found.and_then(|found| found.metadata.uid);
    Ok(uid.is_some_and(|uid| uid.parse() == Ok(holder)))
}

async fn duplicate_of(
    world: &AchievementWorld,
    achievement: &ValidatedAchievement,
) -> Result<Option<Result<String, Problem>>, ReconcileError> {
    let Some(word) = &achievement.duplicate_of else {
        return Ok(None);
    };
    if word == "none" {
        return Ok(Some(Ok(word.clone())));
    }
    let found = world
        .store
        .achievement_named(&achievement.namespace, word)
        .await?;
    Ok(Some(found.map(|id| id.to_string()).ok_or_else(|| {
        Problem::waiting(
            Reason::DuplicateNotFound,
            format!("duplicateOf names {word:?}, but this namespace has no Achievement of that name and no record of that id"),
        )
    })))
}

//! Achievements that the operator makes for a source's most important records, and takes away when they fall out of its bound.

use super::AchievementWorld;
use crate::{
    context::FIELD_MANAGER,
    controller::{ErrorClass, ReconcileError, time_boxed},
};
use backends::postgres::operator::achievements::ResourceChange;
use crds::{
    Achievement, AchievementSource, ContentJob,
    common::{
        condition::ConditionType,
        conditions::is_true,
        meta::{LABEL_ACHIEVEMENT_SOURCE, LABEL_INSTALL},
    },
};
use domain::{achievement::findings::neutral, names};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, DynamicObject, PostParams, Preconditions},
    core::ApiResource,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Makes and takes away what has to be; answers how many records were looked at. A record that cannot be served does not hold up
/// the others; it is looked at again.
///
/// # Errors
/// Postgres does not answer, or this process no longer leads.
pub async fn settle(world: &AchievementWorld) -> Result<usize, ReconcileError> {
    let changes = world.store.resource_changes().await?;
    for change in &changes {
        match settle_one(world, change).await {
            Err(error) if error.class == ErrorClass::Fenced => return Err(error),
            Err(error) => {
                tracing::warn!(namespace = change.namespace, record = %change.id, %error, "its resource is not as it shall be");
            }
            Ok(()) => {}
        }
    }
    Ok(changes.len())
}

async fn settle_one(
    world: &AchievementWorld,
    change: &ResourceChange,
) -> Result<(), ReconcileError> {
    // What was released goes, even where it is wanted again meanwhile: a removal may be under way.
    let released =
        change.resource_owner.is_some() && !change.resource_wanted && change.resource_uid.is_some();
    if change.within && !released {
        make(world, change).await
    } else {
        take_away(world, change).await
    }
}

/// The row first: a crash after it is mended under the same name, and the name is taken once only.
async fn make(world: &AchievementWorld, change: &ResourceChange) -> Result<(), ReconcileError> {
    let granted = change.resource_wanted && change.resource_owner == Some(change.source_uid);
    let name = match &change.resource_name {
        Some(name) if granted => name.clone(),
        _ => names::achievement_resource(&neutral(&change.title, 255), &change.identity),
    };
    if !granted
        && !world
            .store
            .grant_resource(change.id, change.source_uid, &name)
            .await?
    {
        return Ok(());
    }
    if let Some(uid) = ensure(world, change, &name).await? {
        world
            .store
            .note_resource(change.id, change.source_uid, uid)
            .await?;
    }
    Ok(())
}

/// The uid of the resource, as it was made now or before; none where somebody else's object has the name, or ours is on its way out.
async fn ensure(
    world: &AchievementWorld,
    change: &ResourceChange,
    name: &str,
) -> Result<Option<Uuid>, ReconcileError> {
    let kind = ApiResource::erase::<Achievement>(&());
    let api = Api::<DynamicObject>::namespaced_with(world.client.clone(), &change.namespace, &kind);
    let parameters = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    let object = serde_json::from_value(manifest(&world.install, change, name))
        .map_err(|error| ReconcileError::bug(format!("a resource does not serialize: {error}")))?;
    match time_boxed(api.create(&parameters, &object)).await {
        Ok(made) => Ok(uid_of(made.uid())),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {
            let api = achievements(world, change);
            let found = time_boxed(api.get_opt(name))
                .await?
                .filter(|found| is_ours(found, change.source_uid));
            if found.is_none() {
                tracing::warn!(
                    namespace = change.namespace,
                    name,
                    "an Achievement that a person made has the name of a record's resource"
                );
            }
            let living = found.filter(|found| found.metadata.deletion_timestamp.is_none());
            Ok(living.and_then(|found| uid_of(found.uid())))
        }
        Err(error) => Err(error.into()),
    }
}

/// Nothing but where it comes from: all else is for people to add.
fn manifest(install: &str, change: &ResourceChange, name: &str) -> Value {
    let mut source = json!({
        "type": "GitHubPR", "repository": change.repository, "repositoryId": change.repository_id, "number": change.number,
    });
    if change.host != "github.com" {
        source["host"] = json!(change.host);
    }
    let link = change.source_url.as_deref();
    if let Some(url) = link.filter(|url| url.starts_with("https://") && !url.contains('@')) {
        source["url"] = json!(url);
    }
    json!({
        "apiVersion": Achievement::api_version(&()), "kind": Achievement::kind(&()),
        "metadata": {
            "name": name,
            "namespace": change.namespace,
            "labels": { LABEL_ACHIEVEMENT_SOURCE: change.source_name, LABEL_INSTALL: install },
            "ownerReferences": [{
                "apiVersion": AchievementSource::api_version(&()), "kind": AchievementSource::kind(&()),
                "name": change.source_name, "uid": change.source_uid, "controller": true,
            }],
        },
        "spec": { "source": source },
    })
}

/// Released in the row before it is deleted, so that its end is not taken for a person's.
async fn take_away(
    world: &AchievementWorld,
    change: &ResourceChange,
) -> Result<(), ReconcileError> {
    let released = !change.resource_wanted;
    let name = change.resource_name.as_deref().unwrap_or_default();
    let found = time_boxed(achievements(world, change).get_opt(name)).await?;
    let owner = change.resource_owner.unwrap_or_default();
    let found = found.filter(|found| {
        is_ours(found, owner)
            && (change.resource_uid.is_none() || uid_of(found.uid()) == change.resource_uid)
    });
    let Some(found) = found else {
        // What was wanted and known, and is gone, was deleted by a person: the search for orphans leaves its tombstone.
        if released || change.resource_uid.is_none() {
            world.store.want_resource(change.id, false).await?;
            world.store.forget_resource(change.id).await?;
        }
        return Ok(());
    };
    if found.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    if is_touched(&found) {
        if released {
            world.store.want_resource(change.id, true).await?;
        }
        return Ok(());
    }
    if is_announcing(world, &change.namespace, change.announced_job.as_deref()).await? {
        return Ok(());
    }
    if !released {
        world.store.want_resource(change.id, false).await?;
    }
    remove(world, &found).await
}

/// Deletes the very object that was read, in the version that was read: what somebody writes in between keeps it.
///
/// # Errors
/// The API server refuses or does not answer. An object that is gone or has changed is no error.
pub async fn remove(world: &AchievementWorld, found: &Achievement) -> Result<(), ReconcileError> {
    let api = Api::<Achievement>::namespaced(
        world.client.clone(),
        &found.namespace().unwrap_or_default(),
    );
    let parameters = DeleteParams::default().preconditions(Preconditions {
        uid: found.uid(),
        resource_version: found.resource_version(),
    });
    match time_boxed(api.delete(&found.name_any(), &parameters)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether somebody else set a field in it. A status is the operator's own whoever is named for it.
#[must_use]
pub fn is_touched(found: &Achievement) -> bool {
    found.managed_fields().iter().any(|entry| {
        entry.manager.as_deref() != Some(FIELD_MANAGER)
            && entry.subresource.as_deref() != Some("status")
    })
}

/// Made by the operator for this source, as the object that it was then.
fn is_ours(found: &Achievement, source: Uuid) -> bool {
    found.labels().contains_key(LABEL_ACHIEVEMENT_SOURCE)
        && found.owner_references().iter().any(|owner| {
            owner.kind == AchievementSource::kind(&())
                && uid_of(Some(owner.uid.clone())) == Some(source)
        })
}

/// Whether the job of an announcement works. It goes with its resource, so it is let end first.
///
/// # Errors
/// The API server does not answer.
pub async fn is_announcing(
    world: &AchievementWorld,
    namespace: &str,
    job: Option<&str>,
) -> Result<bool, ReconcileError> {
    let Some(name) = job else {
        return Ok(false);
    };
    let api = Api::<ContentJob>::namespaced(world.client.clone(), namespace);
    let job = time_boxed(api.get_opt(name)).await?;
    Ok(job.is_some_and(|job| {
        let conditions = job.status.map(|status| status.conditions);
        !is_true(&conditions.unwrap_or_default(), ConditionType::Finished)
    }))
}

fn achievements(world: &AchievementWorld, change: &ResourceChange) -> Api<Achievement> {
    Api::namespaced(world.client.clone(), &change.namespace)
}

fn uid_of(uid: Option<String>) -> Option<Uuid> {
    uid.and_then(|uid| uid.parse().ok())
}

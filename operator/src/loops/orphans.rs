//! Rows whose owner is gone from the cluster. Under `deletionPolicy: Retain` nothing holds a resource back, so nobody is asked
//! when it goes: its work is ended here and its records stay (FAULTS 3, 44, 46).

use super::rest;
use crate::{
    context::Context,
    controller::{self, ReconcileError, Watched, time_boxed},
};
pub use backends::postgres::operator::runs::OwnerKind as Kind;

use backends::postgres::operator::runs::Owner;
use crds::AchievementSource;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, api::ListParams, runtime::reflector::Store};
use std::{collections::HashSet, sync::Arc, time::Duration};
use uuid::Uuid;

/// Between two looks that nobody asked for. A look reads one list of uids from Postgres and nothing from the API server.
const INTERVAL: Duration = Duration::from_secs(10);

/// Between two questions whether a watch has listed its objects.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Looks for orphans of one kind until the process drains. `living` is the store of that kind's watch.
pub async fn run<K: controller::Kind>(ctx: Arc<Context>, living: Store<Watched<K>>, kind: Kind) {
    if !listed(&living).await {
        return;
    }
    loop {
        if let Err(error) = round(&ctx, &living, kind).await {
            tracing::warn!(?kind, %error, "orphans could not be looked for");
        }
        if !rest(&ctx, &ctx.process.signals.wakes.orphans, INTERVAL).await {
            return;
        }
    }
}

/// Waits for the first listing; false where there will be none.
///
/// The store wakes only who asked last, and the controller asks as well: so this one asks again instead of trusting to be
/// woken.
async fn listed<K: controller::Kind>(living: &Store<Watched<K>>) -> bool {
    loop {
        tokio::time::sleep(ASK_AGAIN).await;
        if let Ok(ready) = tokio::time::timeout(ASK_AGAIN, living.wait_until_ready()).await {
            return ready.is_ok();
        }
    }
}

async fn round<K: controller::Kind>(
    ctx: &Context,
    living: &Store<Watched<K>>,
    kind: Kind,
) -> Result<(), ReconcileError> {
    // The rows are read first: an object that is made after that is in neither list, or in the store alone.
    let thought = ctx.store.owners_thought_alive().await?;
    let seen: HashSet<Uuid> = living
        .state()
        .iter()
        .filter_map(|object| object.metadata.uid.as_deref()?.parse().ok())
        .collect();
    for owner in suspects(thought, &seen, kind) {
        if is_gone::<K>(ctx, &owner).await? {
            tracing::info!(?kind, namespace = owner.namespace, name = owner.name, uid = %owner.uid, "its owner is gone: work ends");
            bury(ctx, &owner).await?;
        }
    }
    Ok(())
}

/// Owners of this kind that no watch has seen.
fn suspects(thought: Vec<Owner>, seen: &HashSet<Uuid>, kind: Kind) -> Vec<Owner> {
    thought
        .into_iter()
        .filter(|owner| owner.kind == kind && !seen.contains(&owner.uid))
        .collect()
}

/// Asks the API server itself before anything ends: a cache that lags must not cost anybody his work.
async fn is_gone<K: controller::Kind>(ctx: &Context, owner: &Owner) -> Result<bool, kube::Error> {
    let api = Api::<K>::namespaced(ctx.client.clone(), &owner.namespace);
    let found = time_boxed(api.get_metadata_opt(&owner.name)).await?;
    let uid = found.and_then(|found| found.metadata.uid);
    Ok(uid.is_none_or(|uid| uid.parse() != Ok(owner.uid)))
}

async fn bury(ctx: &Context, owner: &Owner) -> Result<(), ReconcileError> {
    match owner.kind {
        Kind::Persona => {
            ctx.store.cancel_persona(owner.uid).await?;
            ctx.store.bury_persona(owner.uid, false).await?;
        }
        Kind::ContentJob => {
            ctx.store.bury_job(owner.uid, false, false).await?;
        }
        Kind::Experiment => {
            ctx.store.bury_experiment(owner.uid).await?;
        }
        Kind::Achievement => {
            let made_for = ctx.store.resource_owner(owner.uid).await?;
            let gone = parent_is_gone(&ctx.client, &owner.namespace, made_for).await?;
            ctx.store.bury_achievement(owner.uid, gone).await?;
        }
        Kind::AchievementSource => ctx.store.bury_source(owner.uid).await?,
    }
    Ok(())
}

/// Whether a resource went because its namespace or the source that it was made for goes, and not because somebody deleted it. A
/// source that was made again is another object: what the earlier one owned went with that (FAULTS 45, 46).
async fn parent_is_gone(
    client: &Client,
    namespace: &str,
    source: Option<Uuid>,
) -> Result<bool, kube::Error> {
    let found =
        time_boxed(Api::<Namespace>::all(client.clone()).get_metadata_opt(namespace)).await?;
    if found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()) {
        return Ok(true);
    }
    let Some(source) = source else {
        return Ok(false);
    };
    let sources = Api::<AchievementSource>::namespaced(client.clone(), namespace);
    let sources = time_boxed(sources.list_metadata(&ListParams::default())).await?;
    let lives = sources.items.iter().any(|found| {
        let uid = found.metadata.uid.as_deref();
        found.metadata.deletion_timestamp.is_none()
            && uid.is_some_and(|uid| uid.parse() == Ok(source))
    });
    Ok(!lives)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::controller::testing::MemoryApi;
    use serde_json::json;

    fn owner(uid: u128, kind: Kind) -> Owner {
        Owner {
            uid: Uuid::from_u128(uid),
            namespace: "a".into(),
            name: format!("n{uid}"),
            kind,
        }
    }

    #[test]
    fn only_owners_of_the_kind_that_nobody_has_seen_are_suspected() {
        let thought = vec![
            owner(1, Kind::ContentJob),
            owner(2, Kind::ContentJob),
            owner(3, Kind::Persona),
            owner(4, Kind::Persona),
        ];
        let seen = HashSet::from([Uuid::from_u128(1), Uuid::from_u128(3)]);
        assert_eq!(
            suspects(thought.clone(), &seen, Kind::ContentJob),
            [owner(2, Kind::ContentJob)]
        );
        assert_eq!(
            suspects(thought, &seen, Kind::Persona),
            [owner(4, Kind::Persona)]
        );
    }

    /// FAULTS 44, 46: only the end of the resource alone is a person's doing.
    #[tokio::test]
    async fn what_goes_with_its_source_or_namespace_was_not_deleted_by_a_person() {
        let api = MemoryApi::default();
        let (source, again) = (Uuid::from_u128(3), Uuid::from_u128(4));
        let namespace = "/api/v1/namespaces/a";
        let path = "/apis/threads-agent.io/v1alpha1/namespaces/a/achievementsources/shop";
        let gone = async |source| parent_is_gone(&api.client(), "a", source).await.unwrap();
        assert!(gone(Some(source)).await, "there is no namespace");
        api.put(namespace, json!({ "metadata": { "name": "a" } }));
        assert!(!gone(None).await, "a person made it");
        assert!(gone(Some(source)).await, "there is no source");
        let object = |uid| {
            json!({ "apiVersion": "threads-agent.io/v1alpha1", "kind": "AchievementSource",
                "metadata": { "name": "shop", "namespace": "a", "uid": uid } })
        };
        api.put(path, object(source));
        assert!(!gone(Some(source)).await);
        let mut leaving = object(source);
        leaving["metadata"]["deletionTimestamp"] = json!("2026-11-02T10:00:00Z");
        api.put(path, leaving);
        assert!(gone(Some(source)).await, "the source is on its way out");
        api.put(path, object(again));
        assert!(gone(Some(source)).await, "the source was made again");
    }
}

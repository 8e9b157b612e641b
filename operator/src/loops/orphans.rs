//! Rows whose owner is gone from the cluster. Under `deletionPolicy: Retain` nothing holds a resource back, so nobody is asked
//! when it goes: its work is ended here and its records stay (FAULTS 3, 44, 46).

use super::rest;
use crate::{
    context::Context,
    controller::{self, ReconcileError, Watched, time_boxed},
};
pub use backends::postgres::operator::runs::OwnerKind as Kind;

use backends::postgres::operator::runs::Owner;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, runtime::reflector::Store};
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
            let gone = parent_is_gone(ctx, &owner.namespace).await?;
            ctx.store.bury_achievement(owner.uid, gone).await?;
        }
        Kind::AchievementSource => ctx.store.bury_source(owner.uid).await?,
    }
    Ok(())
}

/// Whether a resource went because its namespace goes, and not because somebody deleted it.
async fn parent_is_gone(ctx: &Context, namespace: &str) -> Result<bool, kube::Error> {
    let found =
        time_boxed(Api::<Namespace>::all(ctx.client.clone()).get_metadata_opt(namespace)).await?;
    Ok(found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}

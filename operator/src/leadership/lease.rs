//! The Lease: taken as soon as it is free, kept, and given back when the process ends.

use super::{LEASE_DURATION, Leadership, RENEW_BEFORE_END, WriteGuard};
use crate::cli::Settings;
use futures::{StreamExt, pin_mut};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, Config, client::ClientBuilder, runtime::watcher};
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use std::time::Duration;
use tokio::{sync::watch, task::JoinHandle};

const RETRY: Duration = Duration::from_secs(2);
const FIRST_RENEWAL_POLL: Duration = Duration::from_millis(20);

/// The Lease as this process holds it.
pub struct Held {
    leads: watch::Receiver<bool>,
    keeper: JoinHandle<kube_lease_manager::Result<LeaseManager>>,
}

impl Held {
    /// Resolves when another holds the Lease, or nobody keeps it any more.
    pub async fn lost(&mut self) {
        // An error is the end of the task that keeps it.
        let _ = self.leads.wait_for(|leads| !leads).await;
    }

    /// Gives the Lease back, so that a standby need not wait for its end.
    pub async fn release(self) {
        drop(self.leads);
        match self.keeper.await {
            Ok(Ok(_)) => tracing::info!("the Lease was released"),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the Lease could not be released; it ends by itself")
            }
            Err(error) => tracing::warn!(%error, "the keeper of the Lease broke"),
        }
    }
}

/// Waits until this process holds the Lease of its install.
///
/// # Errors
/// The client cannot be built; an API server that does not answer is waited for.
pub async fn acquire(
    config: Config,
    settings: &Settings,
    leadership: &Leadership,
) -> anyhow::Result<Held> {
    let client = ClientBuilder::try_from(config)?
        .with_layer(&WriteGuard::Record(leadership.clone()))
        .build();
    let name = lease_name(&settings.install);
    loop {
        match stand(&client, settings, &name).await {
            Ok(Some(manager)) => {
                let (leads, keeper) = manager.watch().await;
                let held = Held { leads, keeper };
                if renewed(leadership).await {
                    return Ok(held);
                }
                held.release().await;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the Lease cannot be read or taken; trying again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Waits for the first renewal by this process. A Lease that was taken has one already; one that an earlier process of this Pod
/// left behind is ours by name, and is renewed within five seconds.
async fn renewed(leadership: &Leadership) -> bool {
    let renewing = async {
        while !leadership.holds() {
            tokio::time::sleep(FIRST_RENEWAL_POLL).await;
        }
    };
    tokio::time::timeout(LEASE_DURATION, renewing).await.is_ok()
}

/// Name of the Lease: two installs in one namespace do not compete.
fn lease_name(install: &str) -> String {
    format!("{install}-operator")
}

/// Stands for the office once: answers the manager where it was taken, none where the Lease came free and the next attempt
/// may take it.
async fn stand(
    client: &Client,
    settings: &Settings,
    name: &str,
) -> kube_lease_manager::Result<Option<LeaseManager>> {
    let manager = LeaseManagerBuilder::new(client.clone(), name)
        .with_namespace(&settings.operator_namespace)
        .with_identity(&settings.pod_name)
        .with_duration(LEASE_DURATION.as_secs())
        .with_grace(RENEW_BEFORE_END.as_secs())
        .build()
        .await?;
    let api = Api::namespaced(client.clone(), &settings.operator_namespace);
    tokio::select! {
        // The manager sleeps until the end of another's Lease; the watch tells when that is released before.
        taken = manager.changed() => if taken? { return Ok(Some(manager)) },
        () = released(api, name) => {}
    }
    Ok(None)
}

/// Resolves when a Lease that was held is held no longer.
async fn released(api: Api<Lease>, name: &str) {
    let mut was_held = false;
    let changes = watcher::watch_object(api, name);
    pin_mut!(changes);
    while let Some(change) = changes.next().await {
        match change {
            Ok(lease) => {
                let held = lease
                    .and_then(|lease| lease.spec?.holder_identity)
                    .is_some_and(|holder| !holder.is_empty());
                if was_held && !held {
                    return;
                }
                was_held |= held;
            }
            Err(error) => {
                tracing::debug!(%error, "the watch of the Lease is opened again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
    std::future::pending().await
}

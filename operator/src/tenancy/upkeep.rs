//! What has to be done to credentials as time passes: tokens renewed while there is work, old logins retired, and
//! everything revoked once a namespace uses nothing any more. Without work it asks only Postgres.

use super::credentials::{ANNOTATION_TENANT, CredentialError, Tenancy};
use crate::{context::Context, controller::time_boxed, loops::jittered};
use backends::postgres::operator::{
    ledger::{Claim, System},
    tenants::WorkerLogin,
};
use domain::names::{Slot, Tenant, worker_login, worker_secret};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{DeleteParams, Preconditions},
};
use std::{sync::Arc, time::Duration};

/// Between two rounds; a token lives three of them.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Does a round now and then every five minutes at most, until the process drains.
pub async fn run(ctx: Arc<Context>, tenancy: Tenancy) {
    let install = &ctx.settings.install;
    loop {
        if let Err(error) = round(&tenancy, install).await {
            tracing::warn!(%error, "credentials are looked after again in the next round");
        }
        tokio::select! {
            () = ctx.process.signals.stop.cancelled() => return,
            () = tokio::time::sleep(jittered(INTERVAL)) => {}
        }
    }
}

/// One round. What fails for one tenant does not keep the others from theirs; the last failure is reported.
///
/// # Errors
/// [`CredentialError`]
pub async fn round(tenancy: &Tenancy, install: &str) -> Result<(), CredentialError> {
    let mut outcome = Ok(());
    for tenant in tenancy.store.forsaken_tenants(install).await? {
        keep_last(&mut outcome, revoke(tenancy, &tenant).await);
    }
    for tenant in tenancy.store.working_tenants(install).await? {
        keep_last(&mut outcome, tenancy.renew(&tenant).await);
    }
    for tenant in tenancy.store.rotating_tenants(install).await? {
        keep_last(&mut outcome, retire_superseded(tenancy, &tenant).await);
    }
    outcome
}

fn keep_last(outcome: &mut Result<(), CredentialError>, next: Result<(), CredentialError>) {
    if next.is_err() {
        *outcome = next;
    }
}

/// Ends the older of two logins once no run is open that was open when the newer one was made.
async fn retire_superseded(tenancy: &Tenancy, tenant: &Tenant) -> Result<(), CredentialError> {
    let logins = tenancy.store.worker_logins(tenant).await?;
    let [newest, older, ..] = logins.as_slice() else {
        return Ok(());
    };
    if tenancy
        .store
        .has_runs_from_before(tenant, newest.keyed_at)
        .await?
    {
        return Ok(());
    }
    end_slot(tenancy, tenant, older.slot, "superseded by rotation").await
}

/// Ends everything that a namespace has.
async fn revoke(tenancy: &Tenancy, tenant: &Tenant) -> Result<(), CredentialError> {
    for WorkerLogin { slot, .. } in tenancy.store.worker_logins(tenant).await? {
        end_slot(
            tenancy,
            tenant,
            slot,
            "the namespace has no Persona any more",
        )
        .await?;
    }
    Ok(())
}

/// The login goes last: its row is what brings the next round here if this one ends early. Once it is retired, the
/// database knows no namespace for it, whatever is still connected.
async fn end_slot(
    tenancy: &Tenancy,
    tenant: &Tenant,
    slot: Slot,
    reason: &str,
) -> Result<(), CredentialError> {
    let login = worker_login(tenant, slot);
    let claim = Claim {
        system: System::RabbitMq,
        name: &login,
        namespace: &tenant.namespace,
        owner: tenant.namespace_uid,
    };
    if let Some(intent) = tenancy.store.intend_destruction(&claim, reason).await? {
        tenancy.users.delete(&login).await?;
        tenancy.store.finish_destruction(intent).await?;
    }
    delete_secret(tenancy, tenant, slot).await?;
    tenancy.store.retire_worker_login(tenant, slot).await?;
    Ok(())
}

/// Deletes the Secret only where it was written for this very namespace: one made again under its name has its own.
async fn delete_secret(tenancy: &Tenancy, tenant: &Tenant, slot: Slot) -> Result<(), kube::Error> {
    let api = Api::<Secret>::namespaced(tenancy.client.clone(), &tenant.namespace);
    let name = worker_secret(&tenant.install, slot);
    let Some(secret) = time_boxed(api.get_opt(&name)).await? else {
        return Ok(());
    };
    let written_for = secret
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(ANNOTATION_TENANT));
    if written_for != Some(&tenant.namespace_uid.to_string()) {
        return Ok(());
    }
    let only_this_one = Preconditions {
        uid: secret.metadata.uid,
        resource_version: secret.metadata.resource_version,
    };
    let parameters = DeleteParams {
        preconditions: Some(only_this_one),
        ..DeleteParams::default()
    };
    match time_boxed(api.delete(&name, &parameters)).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        deleted => deleted.map(|_| ()),
    }
}

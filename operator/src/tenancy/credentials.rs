//! The credentials of a namespace's workers: a Postgres login, a RabbitMQ user, a Qdrant token, in one Secret there.
//!
//! They reach that namespace's own and no more, because its people can read the Secret. Login and user have two slots:
//! rotation makes the other one, and the old one goes when no run that was open then is open any more.

mod secret;

pub(super) use secret::ANNOTATION_TENANT;

use super::{
    endpoints::{BadEndpoint, WorkerEndpoints},
    users::BrokerUsers,
};
use crate::{
    context::{Context, FIELD_MANAGER},
    controller::time_boxed,
};
use backends::{
    postgres::{
        StoreError,
        operator::{
            OperatorStore,
            ledger::{Claim, Ownership, System},
            tenants::{TenantReach, WorkerLogin},
        },
    },
    qdrant::{VectorError, issue_collection_token},
    rabbitmq::BrokerError,
};
use domain::{
    digest::digest_of,
    digest::hex,
    names::{Slot, Tenant, worker_login, worker_secret},
};
use k8s_openapi::{api::core::v1::Secret, jiff::Timestamp};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use secrecy::SecretString;
use secret::Standing;
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// A password is replaced after this.
const ROTATION: Duration = Duration::from_secs(7 * 24 * 3600);
/// Life of a Qdrant token, which cannot be revoked.
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);
/// A token with less than this left is replaced, so that the Pods' mount has it in time.
const TOKEN_RENEWAL: Duration = Duration::from_secs(10 * 60);

/// What a worker Job mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCredentials {
    pub secret_name: String,
    pub slot: Slot,
}

/// Why a namespace's workers have no credentials yet.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error("Postgres: {0}")]
    Store(#[from] StoreError),
    #[error("RabbitMQ: {0}")]
    Broker(#[from] BrokerError),
    #[error("Qdrant: {0}")]
    Vectors(#[from] VectorError),
    #[error("the Kubernetes API: {0}")]
    Kubernetes(#[from] kube::Error),
    #[error("namespace {0} has no living Persona whose queue a worker could read")]
    NothingToReach(String),
    #[error("{name} belongs to {owner}, which had it first")]
    Conflict { name: String, owner: uuid::Uuid },
}

/// Makes, renews and ends the credentials of tenants.
#[derive(Clone)]
pub struct Tenancy {
    pub client: kube::Client,
    pub store: OperatorStore,
    pub users: Arc<dyn BrokerUsers>,
    pub endpoints: WorkerEndpoints,
    /// One at a time: two ContentJobs of a namespace must not key the same login twice.
    gate: Arc<Mutex<()>>,
}

/// Which slot is in use, and whether it has to be keyed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Choice {
    slot: Slot,
    /// When its password was set; none where one has to be made.
    keyed_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl Tenancy {
    /// The tenancy of this process; make one and clone it.
    ///
    /// # Errors
    /// An address of a backing service that no worker could use.
    pub fn of(ctx: &Context) -> Result<Self, BadEndpoint> {
        let services = &ctx.settings.services;
        let endpoints = WorkerEndpoints::new(
            &services.database_url,
            &services.amqp_url,
            &services.qdrant_url,
            services.qdrant_api_key.clone(),
            &ctx.settings.operator_namespace,
        )?;
        Ok(Self::new(
            ctx.client.clone(),
            ctx.store.clone(),
            ctx.broker.management.clone(),
            endpoints,
        ))
    }

    #[must_use]
    pub fn new(
        client: kube::Client,
        store: OperatorStore,
        users: Arc<dyn BrokerUsers>,
        endpoints: WorkerEndpoints,
    ) -> Self {
        Self {
            client,
            store,
            users,
            endpoints,
            gate: Arc::default(),
        }
    }

    /// The Secret that a worker Job of this namespace mounts, with credentials that reach what its personas own now.
    /// Writes nothing where nothing changed.
    ///
    /// # Errors
    /// [`CredentialError`]; safe to repeat from any point.
    pub async fn ensure_worker_credentials(
        &self,
        tenant: &Tenant,
    ) -> Result<WorkerCredentials, CredentialError> {
        let _one_at_a_time = self.gate.lock().await;
        let reach = self.store.tenant_reach(tenant).await?;
        if reach.queues.is_empty() || reach.collections.is_empty() {
            return Err(CredentialError::NothingToReach(tenant.namespace.clone()));
        }
        let choice = choose(&self.store.worker_logins(tenant).await?);
        self.ensure_slot(tenant, choice, &reach).await?;
        Ok(WorkerCredentials {
            secret_name: worker_secret(&tenant.install, choice.slot),
            slot: choice.slot,
        })
    }

    /// Renews the slots that are still in use, the one that is about to be retired included.
    pub(super) async fn renew(&self, tenant: &Tenant) -> Result<(), CredentialError> {
        let _one_at_a_time = self.gate.lock().await;
        let reach = self.store.tenant_reach(tenant).await?;
        if reach.queues.is_empty() || reach.collections.is_empty() {
            return Ok(());
        }
        for (age, login) in self.store.worker_logins(tenant).await?.iter().enumerate() {
            let choice = Choice {
                slot: login.slot,
                keyed_at: Some(login.keyed_at),
            };
            // A superseded login is never keyed anew: that would make it the newest.
            if age == 0 || self.standing(tenant, choice).await?.is_some() {
                self.ensure_slot(tenant, choice, &reach).await?;
            }
        }
        Ok(())
    }

    async fn ensure_slot(
        &self,
        tenant: &Tenant,
        choice: Choice,
        reach: &TenantReach,
    ) -> Result<(), CredentialError> {
        let mut next = match self.standing(tenant, choice).await? {
            Some(standing) => standing,
            // No Secret, or one whose passwords are not those in force: both are set anew, together.
            None => self.key_anew(tenant, choice.slot, reach).await?,
        };
        let scope = digest_of(&(&reach.queues, &reach.collections));
        let now = Timestamp::now().as_second();
        let fresh = next.token_expires - now > TOKEN_RENEWAL.as_secs() as i64;
        if next.reach == scope && fresh {
            return Ok(());
        }
        if next.reach != scope {
            self.users
                .restrict(&worker_login(tenant, choice.slot), &reach.queues)
                .await?;
            next.reach = scope;
        }
        next.token =
            issue_collection_token(&self.endpoints.vectors_key, &reach.collections, TOKEN_LIFE)?;
        next.token_expires = now + TOKEN_LIFE.as_secs() as i64;
        let name = worker_secret(&tenant.install, choice.slot);
        let secret = next.into_secret(&name, tenant, &self.endpoints.vectors);
        let api = Api::<Secret>::namespaced(self.client.clone(), &tenant.namespace);
        time_boxed(api.patch(
            &name,
            &PatchParams::apply(FIELD_MANAGER).force(),
            &Patch::Apply(&secret),
        ))
        .await?;
        Ok(())
    }

    /// The Secret of a slot, where it holds the passwords in force.
    async fn standing(
        &self,
        tenant: &Tenant,
        choice: Choice,
    ) -> Result<Option<Standing>, kube::Error> {
        let api = Api::<Secret>::namespaced(self.client.clone(), &tenant.namespace);
        let found = time_boxed(api.get_opt(&worker_secret(&tenant.install, choice.slot))).await?;
        let standing = found.and_then(|secret| Standing::read(&secret, tenant));
        Ok(standing.filter(|standing| {
            choice
                .keyed_at
                .is_some_and(|keyed_at| standing.keyed_at == stamp(keyed_at))
        }))
    }

    /// Sets new passwords in Postgres and RabbitMQ. The database's word on when comes back with the Secret: where this
    /// process ends in between, the two differ and the next call sets new ones again.
    async fn key_anew(
        &self,
        tenant: &Tenant,
        slot: Slot,
        reach: &TenantReach,
    ) -> Result<Standing, CredentialError> {
        let login = worker_login(tenant, slot);
        let claim = Claim {
            system: System::RabbitMq,
            name: &login,
            namespace: &tenant.namespace,
            owner: tenant.namespace_uid,
        };
        if let Ownership::Other { owner, .. } = self.store.claim_name(&claim).await? {
            return Err(CredentialError::Conflict { name: login, owner });
        }
        let (database_password, broker_password) = (random_password(), random_password());
        let keyed_at = self
            .store
            .ensure_worker_login(tenant, slot, &database_password)
            .await?;
        self.users
            .ensure(&login, &broker_password, &reach.queues)
            .await?;
        self.store.mark_made(&claim, false).await?;
        Ok(Standing {
            keyed_at: stamp(keyed_at),
            reach: digest_of(&(&reach.queues, &reach.collections)),
            token_expires: 0,
            database_url: self.endpoints.database_for(&login, &database_password),
            amqp_url: self.endpoints.broker_for(&login, &broker_password),
            token: SecretString::default(),
        })
    }
}

/// The newest login, unless its password is old and the other slot is free.
fn choose(logins: &[WorkerLogin]) -> Choice {
    let keep = |login: &WorkerLogin| Choice {
        slot: login.slot,
        keyed_at: Some(login.keyed_at),
    };
    match logins {
        [] => Choice {
            slot: Slot::A,
            keyed_at: None,
        },
        [only] if only.age_seconds >= ROTATION.as_secs() as i64 => Choice {
            slot: only.slot.other(),
            keyed_at: None,
        },
        [newest, ..] => keep(newest),
    }
}

fn stamp(moment: chrono::DateTime<chrono::Utc>) -> String {
    moment.timestamp_micros().to_string()
}

/// 256 random bits as hexadecimal digits, which every URL and every password field takes as they are.
fn random_password() -> SecretString {
    SecretString::from(hex(&rand::random::<[u8; 32]>()))
}

#[cfg(test)]
mod tests;

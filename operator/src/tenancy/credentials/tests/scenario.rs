//! Credentials of a namespace from their first use to their last, over a real Postgres and an API server in memory.

use super::super::{secret::*, *};
use crate::{
    persona::testing::{Scenario, UID, tenant},
    tenancy::upkeep,
};
use async_trait::async_trait;
use serde_json::json;
use std::{collections::HashMap, sync::Mutex as SyncMutex};

/// Users by name with the queues that they read.
#[derive(Default)]
struct FakeUsers {
    users: SyncMutex<HashMap<String, Vec<String>>>,
    calls: std::sync::atomic::AtomicUsize,
    down: std::sync::atomic::AtomicBool,
}

impl FakeUsers {
    fn note(&self) -> Result<(), BrokerError> {
        use std::sync::atomic::Ordering::SeqCst;
        self.calls.fetch_add(1, SeqCst);
        if self.down.load(SeqCst) {
            Err(BrokerError::Unavailable("down".into()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl BrokerUsers for FakeUsers {
    async fn ensure(
        &self,
        name: &str,
        _: &SecretString,
        queues: &[String],
    ) -> Result<(), BrokerError> {
        self.note()?;
        self.users
            .lock()
            .unwrap()
            .insert(name.to_owned(), queues.to_vec());
        Ok(())
    }

    async fn restrict(&self, name: &str, queues: &[String]) -> Result<(), BrokerError> {
        self.note()?;
        *self.users.lock().unwrap().get_mut(name).unwrap() = queues.to_vec();
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<(), BrokerError> {
        self.note()?;
        self.users.lock().unwrap().remove(name);
        Ok(())
    }
}

struct World {
    scenario: Scenario,
    users: Arc<FakeUsers>,
    tenancy: Tenancy,
    tenant: Tenant,
}

impl World {
    /// A namespace with one ready persona. The tests' database is an install of its own, so its logins bear that name.
    async fn create() -> Option<Self> {
        let scenario = Scenario::create().await?;
        scenario.converge().await;
        let secret = |text: &str| SecretString::from(text.to_owned());
        let endpoints = WorkerEndpoints::new(
            &secret(&scenario.database.operator_url),
            &secret("amqp://operator:canary@rabbitmq/threads"),
            "http://qdrant:6334",
            secret("qdrant-key-canary"),
            "threads-system",
        )
        .unwrap();
        let users = Arc::new(FakeUsers::default());
        let tenancy = Tenancy::new(
            scenario.world.client.clone(),
            scenario.world.store.clone(),
            users.clone(),
            endpoints,
        );
        let tenant = Tenant {
            install: scenario.database.install.clone(),
            ..tenant()
        };
        Some(Self {
            scenario,
            users,
            tenancy,
            tenant,
        })
    }

    async fn ensure(&self) -> Result<WorkerCredentials, CredentialError> {
        self.tenancy.ensure_worker_credentials(&self.tenant).await
    }

    async fn round(&self) {
        upkeep::round(&self.tenancy, &self.tenant.install)
            .await
            .unwrap();
    }

    fn secret(&self, slot: Slot) -> Option<Secret> {
        let path = format!(
            "/api/v1/namespaces/a/secrets/{}",
            worker_secret(&self.tenant.install, slot)
        );
        let found = self.scenario.api.state().worker_secrets.get(&path).cloned();
        found.map(|secret| serde_json::from_value(secret).unwrap())
    }

    fn value(&self, slot: Slot, key: &str) -> String {
        String::from_utf8(self.secret(slot).unwrap().data.unwrap()[key].0.clone()).unwrap()
    }

    async fn logs_in(&self, slot: Slot) -> bool {
        use backends::postgres::worker::WorkerStore;
        WorkerStore::connect_lazy(&self.value(slot, DATABASE_URL))
            .unwrap()
            .check_schema()
            .await
            .is_ok()
    }

    /// Whether the Secret holds the password that was set last; a Postgres that trusts everybody lets any in.
    async fn agrees(&self, slot: Slot) -> bool {
        let logins = self
            .tenancy
            .store
            .worker_logins(&self.tenant)
            .await
            .unwrap();
        let keyed_at = logins
            .iter()
            .find(|login| login.slot == slot)
            .unwrap()
            .keyed_at;
        self.secret(slot).unwrap().metadata.annotations.unwrap()[ANNOTATION_KEYED]
            == stamp(keyed_at)
    }

    fn writes(&self) -> (usize, usize) {
        (
            self.scenario.api.writes(),
            self.users.calls.load(std::sync::atomic::Ordering::SeqCst),
        )
    }
}

#[tokio::test]
async fn the_first_use_makes_all_four_and_the_second_writes_nothing() {
    let Some(world) = World::create().await else {
        return;
    };
    let credentials = world.ensure().await.unwrap();
    assert_eq!(credentials.slot, Slot::A);
    let login = worker_login(&world.tenant, Slot::A);
    let (queue, _, collection) = world.scenario.names();
    assert_eq!(world.users.users.lock().unwrap()[&login], [queue]);
    assert!(world.logs_in(Slot::A).await, "the login works");
    assert!(world.value(Slot::A, AMQP_URL).contains(&login));
    let token = world.value(Slot::A, QDRANT_TOKEN);
    assert_eq!(token.split('.').count(), 3, "a JWT");
    let claims = world.secret(Slot::A).unwrap();
    assert!(!collection.is_empty() && claims.metadata.annotations.is_some());
    // FAULTS 60: what the operator itself signs in with is not in a tenant's Secret.
    let shown = serde_json::to_string(
        &claims
            .data
            .unwrap()
            .into_values()
            .map(|v| String::from_utf8(v.0).unwrap())
            .collect::<Vec<_>>(),
    );
    assert!(!shown.unwrap().contains("canary"));
    let writes = world.writes();
    for _ in 0..3 {
        assert_eq!(world.ensure().await.unwrap(), credentials);
    }
    assert_eq!(world.writes(), writes);
}

#[tokio::test]
async fn another_persona_widens_the_reach_and_keeps_the_passwords() {
    let Some(world) = World::create().await else {
        return;
    };
    world.ensure().await.unwrap();
    let before = world.value(Slot::A, DATABASE_URL);
    let token = world.value(Slot::A, QDRANT_TOKEN);
    world
        .scenario
        .run(
            "INSERT INTO personas (uid, namespace, namespace_uid, name, queue, collection)
             SELECT gen_random_uuid(), namespace, namespace_uid, 'leo', 'q-leo', 'c-leo' FROM personas",
        )
        .await;
    world.ensure().await.unwrap();
    assert_eq!(
        world
            .users
            .users
            .lock()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(world.value(Slot::A, DATABASE_URL), before);
    assert_ne!(world.value(Slot::A, QDRANT_TOKEN), token);
}

/// Whatever of the four was written when this process ended, the next call makes them agree.
#[tokio::test]
async fn a_lost_secret_or_a_half_done_keying_ends_with_passwords_that_work() {
    let Some(world) = World::create().await else {
        return;
    };
    world
        .users
        .down
        .store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(
        world.ensure().await,
        Err(CredentialError::Broker(_))
    ));
    world
        .users
        .down
        .store(false, std::sync::atomic::Ordering::SeqCst);
    world.ensure().await.unwrap();
    assert!(world.logs_in(Slot::A).await);
    world.scenario.api.state().worker_secrets.clear();
    world.ensure().await.unwrap();
    assert!(world.logs_in(Slot::A).await);
    // A process that set a password and ended before it wrote the Secret.
    world
        .tenancy
        .store
        .ensure_worker_login(&world.tenant, Slot::A, &random_password())
        .await
        .unwrap();
    assert!(!world.agrees(Slot::A).await);
    world.ensure().await.unwrap();
    assert!(world.agrees(Slot::A).await && world.logs_in(Slot::A).await);
}

#[tokio::test]
async fn rotation_keeps_the_old_login_until_its_runs_have_ended() {
    let Some(world) = World::create().await else {
        return;
    };
    world.ensure().await.unwrap();
    let mut superuser = superuser(&world).await;
    age(&mut superuser, "8 days").await;
    open_run(&world).await;
    assert_eq!(world.ensure().await.unwrap().slot, Slot::B);
    world.round().await;
    assert!(
        world.logs_in(Slot::A).await && world.logs_in(Slot::B).await,
        "a Pod may still have slot A mounted"
    );
    assert_eq!(world.ensure().await.unwrap().slot, Slot::B);
    world
        .scenario
        .run("UPDATE content_runs SET finished_at = now()")
        .await;
    let old = world.value(Slot::A, DATABASE_URL);
    world.round().await;
    assert!(world.secret(Slot::A).is_none());
    assert!(
        backends::postgres::worker::WorkerStore::connect_lazy(&old)
            .unwrap()
            .check_schema()
            .await
            .is_err()
    );
    assert!(
        !world
            .users
            .users
            .lock()
            .unwrap()
            .contains_key(&worker_login(&world.tenant, Slot::A))
    );
    assert!(world.logs_in(Slot::B).await);
}

#[tokio::test]
async fn tokens_are_renewed_while_there_is_work_and_an_idle_namespace_costs_nothing() {
    let Some(world) = World::create().await else {
        return;
    };
    world.ensure().await.unwrap();
    let expire = || {
        for secret in world.scenario.api.state().worker_secrets.values_mut() {
            secret["metadata"]["annotations"][ANNOTATION_EXPIRES] = json!("0");
        }
    };
    expire();
    let requests = world.scenario.api.state().requests.len();
    world.round().await;
    assert_eq!(
        world.scenario.api.state().requests.len(),
        requests,
        "nothing was asked of the API server"
    );
    open_run(&world).await;
    world.round().await;
    let expires =
        world.secret(Slot::A).unwrap().metadata.annotations.unwrap()[ANNOTATION_EXPIRES].clone();
    assert!(expires.parse::<i64>().unwrap() > Timestamp::now().as_second() + 800);
}

/// FAULTS 46: with the last persona everything goes.
#[tokio::test]
async fn the_last_use_of_a_namespace_revokes_everything() {
    let Some(world) = World::create().await else {
        return;
    };
    world.ensure().await.unwrap();
    let stolen = world.value(Slot::A, DATABASE_URL);
    world.tenancy.store.bury_persona(UID, false).await.unwrap();
    world.round().await;
    assert!(world.users.users.lock().unwrap().is_empty());
    assert!(world.secret(Slot::A).is_none());
    assert!(
        backends::postgres::worker::WorkerStore::connect_lazy(&stolen)
            .unwrap()
            .check_schema()
            .await
            .is_err()
    );
    assert!(matches!(
        world.ensure().await,
        Err(CredentialError::NothingToReach(_))
    ));
    let writes = world.writes();
    world.round().await;
    assert_eq!(world.writes(), writes);
}

/// FAULTS 45: a namespace made again under its name has a Secret of its own, which the old one's end leaves alone.
#[tokio::test]
async fn the_end_of_a_gone_namespace_leaves_its_successors_secret() {
    let Some(world) = World::create().await else {
        return;
    };
    world.ensure().await.unwrap();
    for secret in world.scenario.api.state().worker_secrets.values_mut() {
        secret["metadata"]["annotations"][ANNOTATION_TENANT] = json!(uuid::Uuid::from_u128(1234));
    }
    world.tenancy.store.bury_persona(UID, false).await.unwrap();
    world.round().await;
    assert!(world.secret(Slot::A).is_some());
    assert!(world.users.users.lock().unwrap().is_empty());
}

async fn superuser(world: &World) -> sqlx::PgConnection {
    use sqlx::Connection;
    sqlx::PgConnection::connect(&world.scenario.database.superuser_url)
        .await
        .unwrap()
}

async fn age(superuser: &mut sqlx::PgConnection, by: &'static str) {
    let moved = sqlx::query("UPDATE worker_logins SET keyed_at = keyed_at - $1::interval").bind(by);
    assert_eq!(moved.execute(superuser).await.unwrap().rows_affected(), 1);
}

async fn open_run(world: &World) {
    world
        .scenario
        .run(
            "INSERT INTO content_runs (id, job_uid, namespace, namespace_uid, name, persona_uid, persona_name, spec_digest, kind,
                 credentials_digest, deadline_at)
             SELECT gen_random_uuid(), gen_random_uuid(), 'a', namespace_uid, 'job', uid, name, 'd', 'generate', 'c',
                 now() + interval '1 hour' FROM personas",
        )
        .await;
}

//! One connection to the cluster under test and to the database behind it.

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::{Event, Namespace};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::{fmt::Debug, time::Duration};

/// Superuser URL of the cluster's Postgres, database `postgres`.
const SUPERUSER_URL: &str = "TEST_POSTGRES_SUPERUSER_URL";
/// Set by `cargo xtask test` when a cluster with the chart is up.
const ENABLED: &str = "TEST_CLUSTER";
/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Cluster {
    pub client: Client,
    /// The product's database, as superuser.
    pub database: PgPool,
    pub database_url: String,
}

impl Cluster {
    /// The cluster under test, or none where there is none (with a line that says so).
    ///
    /// # Errors
    /// A cluster that was announced but cannot be reached.
    pub async fn connect() -> Result<Option<Self>> {
        let (Ok(_), Ok(url)) = (std::env::var(ENABLED), std::env::var(SUPERUSER_URL)) else {
            eprintln!("skipped: no cluster to test against; `cargo xtask test` makes one");
            return Ok(None);
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let base = url.rsplit_once('/').map_or(url.as_str(), |(base, _)| base);
        let database_url = format!("{base}/threads");
        let database = PgPool::connect(&database_url)
            .await
            .context("the product's database")?;
        Ok(Some(Self {
            client: Client::try_default().await?,
            database,
            database_url,
        }))
    }

    /// A namespace of the test's own; one left by an earlier run is removed first.
    ///
    /// # Errors
    /// What the API server answers.
    pub async fn namespace(&self, name: &str) -> Result<String> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        if namespaces.get_opt(name).await?.is_some() {
            self.delete_namespace(name).await?;
        }
        self.apply(
            None,
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}),
        )
        .await?;
        Ok(name.to_owned())
    }

    /// Deletes a namespace and waits until it is gone.
    ///
    /// # Errors
    /// Not gone within the patience.
    pub async fn delete_namespace(&self, name: &str) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let _ = namespaces.delete(name, &DeleteParams::default()).await;
        self.eventually(&format!("namespace {name} is gone"), async || {
            Ok(namespaces.get_opt(name).await?.is_none().then_some(()))
        })
        .await
    }

    /// Server-side apply of one manifest.
    ///
    /// # Errors
    /// What the API server answers, admission messages included.
    pub async fn apply(&self, namespace: Option<&str>, manifest: &Value) -> Result<DynamicObject> {
        let (api, name) = self.dynamic(namespace, manifest)?;
        Ok(api
            .patch(
                &name,
                &PatchParams::apply("e2e").force(),
                &Patch::Apply(manifest),
            )
            .await?)
    }

    /// What the API server says to a manifest without storing it.
    ///
    /// # Errors
    /// The refusal.
    pub async fn dry_run(&self, namespace: &str, manifest: &Value) -> Result<DynamicObject> {
        let (api, name) = self.dynamic(Some(namespace), manifest)?;
        Ok(api
            .patch(
                &name,
                &PatchParams::apply("e2e").force().dry_run(),
                &Patch::Apply(manifest),
            )
            .await?)
    }

    fn dynamic(
        &self,
        namespace: Option<&str>,
        manifest: &Value,
    ) -> Result<(Api<DynamicObject>, String)> {
        let text = |pointer: &str| {
            manifest
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .context(pointer.to_owned())
        };
        let (api_version, kind, name) = (
            text("/apiVersion")?,
            text("/kind")?,
            text("/metadata/name")?,
        );
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
        let api = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        Ok((api, name))
    }

    /// Applies a manifest as Argo CD does, unforced; answers whether anything that Git holds changed by it.
    ///
    /// # Errors
    /// What the API server answers, conflicts included.
    pub async fn reapply(&self, namespace: &str, manifest: &Value) -> Result<bool> {
        let (api, name) = self.dynamic(Some(namespace), manifest)?;
        let held = |object: DynamicObject| {
            let metadata = object.metadata;
            let annotations = metadata.annotations.unwrap_or_default();
            (
                metadata.generation,
                annotations,
                object.data["spec"].clone(),
            )
        };
        let before = held(api.get(&name).await?);
        let params = PatchParams::apply("e2e");
        let after = held(api.patch(&name, &params, &Patch::Apply(manifest)).await?);
        Ok(before != after)
    }

    /// One object of the product's own kinds, as the API server has it.
    ///
    /// # Errors
    /// What the API server answers.
    pub async fn get(&self, namespace: &str, kind: &str, name: &str) -> Result<DynamicObject> {
        let stub = json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": kind, "metadata": {"name": name}});
        let (api, name) = self.dynamic(Some(namespace), &stub)?;
        Ok(api.get(&name).await?)
    }

    /// Waits until a condition of an object of the product's own kinds has a status.
    ///
    /// # Errors
    /// Not within the patience, with the object's status.
    pub async fn wait_for_condition(
        &self,
        namespace: &str,
        kind: &str,
        name: &str,
        condition: &str,
        status: &str,
    ) -> Result<DynamicObject> {
        let stub = json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": kind, "metadata": {"name": name}});
        let (api, name) = self.dynamic(Some(namespace), &stub)?;
        let holds = |object: Option<&DynamicObject>| {
            object.is_some_and(|object| {
                let conditions = object.data["status"]["conditions"].as_array();
                conditions
                    .into_iter()
                    .flatten()
                    .any(|entry| entry["type"] == condition && entry["status"] == status)
            })
        };
        let wait = kube::runtime::wait::await_condition(api.clone(), &name, holds);
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(object) => object?.context("the object vanished"),
            Err(_) => bail!(
                "{kind} {name} never had {condition}={status}: {:#}",
                api.get(&name).await?.data["status"]
            ),
        }
    }

    /// Waits until the named object satisfies `done`; says what it last looked like where it never does.
    ///
    /// # Errors
    /// Not satisfied within the patience.
    pub async fn wait_for<K>(
        &self,
        namespace: &str,
        name: &str,
        what: &str,
        done: impl Fn(&K) -> bool,
    ) -> Result<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
        K::DynamicType: Default,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let wait = kube::runtime::wait::await_condition(api.clone(), name, |object: Option<&K>| {
            object.is_some_and(&done)
        });
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(object) => object?.context("the object vanished"),
            Err(_) => bail!(
                "{name} never came to be {what}: {:#?}",
                api.get_opt(name).await?
            ),
        }
    }

    /// Asks again, a few times a second, until there is an answer: for stores that have no watch.
    ///
    /// # Errors
    /// No answer within the patience, or an error of `ask`.
    pub async fn eventually<T>(
        &self,
        what: &str,
        mut ask: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            if tokio::time::Instant::now() > deadline {
                bail!("not within {PATIENCE:?}: {what}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Reasons of the events that were recorded about an object.
    ///
    /// # Errors
    /// What the API server answers.
    pub async fn event_reasons(&self, namespace: &str, name: &str) -> Result<Vec<String>> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let of_object = ListParams::default().fields(&format!("involvedObject.name={name}"));
        Ok(events
            .list(&of_object)
            .await?
            .items
            .into_iter()
            .filter_map(|event| event.reason)
            .collect())
    }
}

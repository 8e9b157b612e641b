//! An API server in memory for scenarios: objects by path, merge patches with resource versions, lists, and watches that stay
//! open and tell nothing.
#![allow(clippy::unwrap_used)]

use crate::{
    cli::{Cli, Command},
    context::{Broker, Context, Process},
    leadership::Leadership,
    metrics::Metrics,
    signals::{Signals, TriggeredAll, Triggers},
};
use backends::postgres::{operator::OperatorStore, testing::TestDatabase};
use clap::Parser;
use http::{Method, Request, Response, StatusCode};
use kube::{Client, client::Body};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
};
use telemetry::Checks;
use tokio_util::sync::CancellationToken;
use tower::service_fn;

/// Clones share the objects.
#[derive(Clone, Default)]
pub struct MemoryApi(Arc<Mutex<Objects>>);

#[derive(Default)]
pub struct Objects {
    by_path: BTreeMap<String, Value>,
    /// Verb and path of every request but watches.
    pub requests: Vec<(Method, String)>,
    /// How many of the next writes are answered with this code and not done.
    pub refuse: (usize, StatusCode),
    version: u64,
}

impl MemoryApi {
    pub fn objects(&self) -> MutexGuard<'_, Objects> {
        self.0.lock().unwrap()
    }

    /// Puts an object where `path` says, for example `/api/v1/namespaces/a/configmaps/texts`.
    pub fn put(&self, path: &str, mut object: Value) {
        let mut objects = self.objects();
        object["metadata"]["resourceVersion"] = json!(objects.next_version());
        objects.by_path.insert(path.to_owned(), object);
    }

    pub fn remove(&self, path: &str) {
        self.objects().by_path.remove(path);
    }

    pub fn get(&self, path: &str) -> Value {
        self.objects()
            .by_path
            .get(path)
            .cloned()
            .unwrap_or_default()
    }

    /// Paths of all objects of a kind in namespace `a`.
    pub fn paths(&self, plural: &str) -> Vec<String> {
        let within = format!("/apis/threads-agent.io/v1alpha1/namespaces/a/{plural}/");
        let objects = self.objects();
        let paths = objects.by_path.keys();
        paths
            .filter(|path| path.starts_with(&within))
            .cloned()
            .collect()
    }

    pub fn writes(&self) -> usize {
        self.objects()
            .requests
            .iter()
            .filter(|(method, _)| *method != Method::GET)
            .count()
    }

    #[must_use]
    pub fn client(&self) -> Client {
        let api = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move {
                let (parts, body) = request.into_parts();
                if parts
                    .uri
                    .query()
                    .is_some_and(|query| query.contains("watch=true"))
                {
                    std::future::pending::<()>().await;
                }
                let body = body.collect_bytes().await.unwrap_or_default();
                let manager = field_manager(parts.uri.query().unwrap_or_default());
                let (code, answer) =
                    api.objects()
                        .answer(&parts.method, parts.uri.path(), manager, &body);
                let body = Body::from(serde_json::to_vec(&answer).unwrap());
                Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
            }
        });
        Client::new(service, "default")
    }
}

impl Objects {
    fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    fn answer(
        &mut self,
        method: &Method,
        path: &str,
        manager: &str,
        body: &[u8],
    ) -> (StatusCode, Value) {
        self.requests.push((method.clone(), path.to_owned()));
        if *method == Method::GET {
            return match self.by_path.get(path) {
                Some(object) => (StatusCode::OK, object.clone()),
                None => self.list(path),
            };
        }
        if self.refuse.0 > 0 {
            self.refuse.0 -= 1;
            return failure(self.refuse.1);
        }
        let patch: Value = serde_json::from_slice(body).unwrap_or_default();
        match (method, path) {
            (&Method::POST, path)
                if ["/achievements", "/contentjobs", "/jobs"]
                    .iter()
                    .any(|plural| path.ends_with(plural)) =>
            {
                self.create(path, manager, patch)
            }
            (&Method::POST, _) => (StatusCode::CREATED, patch),
            (&Method::DELETE, path) if path.contains("/achievements/") => self.delete(path, &patch),
            (&Method::PATCH, path) => self.patch(path, &patch),
            _ => failure(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    fn create(&mut self, path: &str, manager: &str, mut object: Value) -> (StatusCode, Value) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("{path}/{name}");
        if self.by_path.contains_key(&path) {
            let (code, mut answer) = failure(StatusCode::CONFLICT);
            answer["reason"] = json!("AlreadyExists");
            return (code, answer);
        }
        let metadata = &mut object["metadata"];
        metadata["uid"] = json!(uuid::Uuid::new_v4());
        metadata["generation"] = json!(1);
        metadata["resourceVersion"] = json!(self.next_version());
        metadata["managedFields"] = json!([{ "manager": manager, "operation": "Update" }]);
        self.by_path.insert(path, object.clone());
        (StatusCode::CREATED, object)
    }

    /// As the options' preconditions allow; there are no finalizers.
    fn delete(&mut self, path: &str, options: &Value) -> (StatusCode, Value) {
        let Some(object) = self.by_path.get(path).cloned() else {
            return failure(StatusCode::NOT_FOUND);
        };
        let wanted = &options["preconditions"];
        let differs = ["uid", "resourceVersion"]
            .iter()
            .any(|key| !wanted[key].is_null() && wanted[key] != object["metadata"][key]);
        if differs {
            return failure(StatusCode::CONFLICT);
        }
        self.by_path.remove(path);
        (StatusCode::OK, object)
    }

    /// Cluster-wide and namespaced collections alike: the last part of a collection's path names the resource.
    fn list(&self, path: &str) -> (StatusCode, Value) {
        let plural = path.rsplit('/').next().unwrap_or_default();
        if ![
            "personas",
            "contentjobs",
            "prompttemplates",
            "achievementsources",
        ]
        .contains(&plural)
        {
            return failure(StatusCode::NOT_FOUND);
        }
        let within = path.trim_end_matches(plural);
        let items: Vec<&Value> = self
            .by_path
            .iter()
            .filter(|(path, _)| path.starts_with(within) && path.contains(&format!("/{plural}/")))
            .map(|(_, object)| object)
            .collect();
        (
            StatusCode::OK,
            json!({ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "1" }, "items": items }),
        )
    }

    fn patch(&mut self, path: &str, patch: &Value) -> (StatusCode, Value) {
        let (path, status) = path
            .strip_suffix("/status")
            .map_or((path, false), |path| (path, true));
        let Some(mut object) = self.by_path.get(path).cloned() else {
            return failure(StatusCode::NOT_FOUND);
        };
        let version = &patch["metadata"]["resourceVersion"];
        if !version.is_null() && *version != object["metadata"]["resourceVersion"] {
            return failure(StatusCode::CONFLICT);
        }
        if status {
            merge(&mut object["status"], &patch["status"]);
        } else {
            merge(&mut object, patch);
        }
        object["metadata"]["resourceVersion"] = json!(self.next_version());
        let gone = !object["metadata"]["deletionTimestamp"].is_null()
            && object["metadata"]["finalizers"]
                .as_array()
                .is_none_or(Vec::is_empty);
        if gone {
            self.by_path.remove(path);
        } else {
            self.by_path.insert(path.to_owned(), object.clone());
        }
        (StatusCode::OK, object)
    }
}

/// JSON merge patch, RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

fn field_manager(query: &str) -> &str {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("fieldManager="))
        .unwrap_or("unknown")
}

fn failure(code: StatusCode) -> (StatusCode, Value) {
    let reason = match code {
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        _ => "InternalError",
    };
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure",
        "reason": reason, "code": code.as_u16(), "message": reason,
    });
    (code, status)
}

/// A context over a fresh database; nobody answers for broker and index. None without a Postgres.
pub async fn context(api: &MemoryApi) -> Option<(Arc<Context>, TriggeredAll, TestDatabase)> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let database = TestDatabase::create().await.unwrap()?;
    let store = OperatorStore::lead(&database.operator_url, "test")
        .await
        .unwrap();
    let words = [
        "operator",
        "run",
        "--database-url",
        &database.operator_url,
        "--amqp-url",
        "amqp://u:p@127.0.0.1:1/v",
        "--rabbitmq-management-url",
        "http://u:p@127.0.0.1:1",
        "--qdrant-url",
        "http://127.0.0.1:1",
        "--qdrant-api-key",
        "k",
    ];
    let Command::Run(settings) = Cli::parse_from(words).command else {
        unreachable!()
    };
    let (triggers, triggered) = Triggers::channels();
    let signals = Signals::new(triggers, CancellationToken::new());
    let client = api.client();
    let process = Process::new(
        &client,
        &settings,
        Leadership::assumed(),
        Metrics::new().unwrap(),
        Checks::default(),
        signals,
    );
    let ctx = Context {
        vectors: Context::connect_vectors(&settings),
        broker: Arc::new(Broker::new(&settings).unwrap()),
        process: Arc::new(process),
        settings: Arc::from(settings),
        client,
        store,
    };
    Some((Arc::new(ctx), triggered, database))
}

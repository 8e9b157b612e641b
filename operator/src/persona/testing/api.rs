//! An API server in memory that knows one namespace, one persona, the Secret that it names, and workers' Secrets.

use crds::Persona;
use http::{Method, Request, Response, StatusCode};
use kube::{Client, client::Body};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
};
use tower::service_fn;
use uuid::Uuid;

#[derive(Clone)]
pub struct FakeApi(Arc<Mutex<State>>);

pub struct State {
    /// Null where it is gone.
    pub persona: Value,
    pub secret: Value,
    pub namespace_uid: Uuid,
    /// Workers' Secrets by path.
    pub worker_secrets: HashMap<String, Value>,
    /// Verb and path of every request.
    pub requests: Vec<(Method, String)>,
    /// How many of the next writes are answered with this.
    pub refuse: (usize, StatusCode),
    version: u64,
}

impl FakeApi {
    #[must_use]
    pub fn new(persona: Value, namespace_uid: Uuid) -> Self {
        Self(Arc::new(Mutex::new(State {
            persona,
            secret: super::good_secret(),
            namespace_uid,
            worker_secrets: HashMap::new(),
            requests: Vec::new(),
            refuse: (0, StatusCode::OK),
            version: 10,
        })))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn persona(&self) -> Persona {
        serde_json::from_value(self.state().persona.clone()).unwrap()
    }

    /// Changes the spec as a person would: the generation counts it.
    pub fn edit(&self, pointer: &str, value: Value) {
        let mut state = self.state();
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        state.persona.pointer_mut(parent).unwrap()[last] = value;
        if pointer.starts_with("/spec") {
            let generation = state.persona["metadata"]["generation"].as_i64().unwrap();
            state.persona["metadata"]["generation"] = json!(generation + 1);
        }
        state.touch();
    }

    /// Deletes as kubectl does: at once without finalizers, else by the timestamp.
    pub fn delete(&self) {
        let mut state = self.state();
        state.persona["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        state.touch();
        state.collect();
    }

    pub fn writes(&self) -> usize {
        self.state()
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
                let body = body.collect_bytes().await.unwrap_or_default();
                let (code, answer) = api.state().answer(&parts.method, parts.uri.path(), &body);
                let body = Body::from(serde_json::to_vec(&answer).unwrap());
                Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
            }
        });
        Client::new(service, "default")
    }
}

impl State {
    fn answer(&mut self, method: &Method, path: &str, body: &[u8]) -> (StatusCode, Value) {
        self.requests.push((method.clone(), path.to_owned()));
        if *method != Method::GET && self.refuse.0 > 0 {
            self.refuse.0 -= 1;
            return failure(self.refuse.1);
        }
        let found = |value: &Value| {
            if value.is_null() {
                failure(StatusCode::NOT_FOUND)
            } else {
                (StatusCode::OK, value.clone())
            }
        };
        match (method.as_str(), path) {
            ("GET", "/api/v1/namespaces/a") => found(&json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a", "uid": self.namespace_uid },
            })),
            ("GET", path) if path.ends_with("/secrets/keys") => found(&self.secret),
            (verb, path) if path.contains("/secrets/") && path.contains("-worker-") => {
                self.worker_secret(verb, path, body)
            }
            ("GET", path) if path.ends_with("/personas/maya") => found(&self.persona),
            ("PUT" | "PATCH", path)
                if path.contains("/personas/maya") && !self.persona.is_null() =>
            {
                let body: Value = serde_json::from_slice(body).unwrap();
                let version = &body["metadata"]["resourceVersion"];
                if !version.is_null() && *version != self.persona["metadata"]["resourceVersion"] {
                    return failure(StatusCode::CONFLICT);
                }
                if path.ends_with("/status") {
                    self.write_status(method, &body["status"]);
                } else if let Some(finalizers) = body["metadata"].get("finalizers") {
                    self.persona["metadata"]["finalizers"] = finalizers.clone();
                }
                self.touch();
                let answer = self.persona.clone();
                self.collect();
                (StatusCode::OK, answer)
            }
            _ => failure(StatusCode::NOT_FOUND),
        }
    }

    fn worker_secret(&mut self, verb: &str, path: &str, body: &[u8]) -> (StatusCode, Value) {
        match (verb, self.worker_secrets.get(path)) {
            ("PATCH", _) => {
                let mut secret: Value = serde_json::from_slice(body).unwrap();
                self.touch();
                secret["metadata"]["uid"] = json!(Uuid::from_u128(self.version.into()));
                secret["metadata"]["resourceVersion"] = json!(self.version.to_string());
                self.worker_secrets.insert(path.to_owned(), secret.clone());
                (StatusCode::OK, secret)
            }
            (_, None) => failure(StatusCode::NOT_FOUND),
            ("DELETE", Some(secret)) => {
                let options: Value = serde_json::from_slice(body).unwrap();
                if options["preconditions"]["uid"] != secret["metadata"]["uid"] {
                    return failure(StatusCode::CONFLICT);
                }
                (
                    StatusCode::OK,
                    self.worker_secrets.remove(path).unwrap_or_default(),
                )
            }
            (_, Some(secret)) => (StatusCode::OK, secret.clone()),
        }
    }

    fn write_status(&mut self, method: &Method, status: &Value) {
        if *method == Method::PUT {
            self.persona["status"] = status.clone();
        } else {
            merge(&mut self.persona["status"], status);
        }
    }

    fn touch(&mut self) {
        self.version += 1;
        self.persona["metadata"]["resourceVersion"] = json!(self.version.to_string());
    }

    fn collect(&mut self) {
        let metadata = &self.persona["metadata"];
        let held = metadata["finalizers"]
            .as_array()
            .is_some_and(|finalizers| !finalizers.is_empty());
        if !metadata["deletionTimestamp"].is_null() && !held {
            self.persona = Value::Null;
        }
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

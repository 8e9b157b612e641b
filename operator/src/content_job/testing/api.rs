//! An API server in memory: objects by path, resource versions, merge patches, and refusals on demand.
#![allow(clippy::unwrap_used)]

use http::{Method, Request, Response, StatusCode};
use kube::{Client, client::Body};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
};
use tower::service_fn;

#[derive(Clone, Default)]
pub struct FakeApi(Arc<Mutex<State>>);

#[derive(Default)]
pub struct State {
    /// Objects by path.
    pub objects: BTreeMap<String, Value>,
    /// Verb and path of every request.
    pub requests: Vec<(Method, String)>,
    /// The write after this many is done, and its answer lost.
    pub lose_answer_after: Option<usize>,
    version: u64,
}

impl FakeApi {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Puts an object where it belongs.
    pub fn put(&self, path: &str, object: Value) {
        self.state().objects.insert(path.to_owned(), object);
    }

    pub fn get(&self, path: &str) -> Option<Value> {
        self.state().objects.get(path).cloned()
    }

    /// Objects whose path begins so.
    pub fn under(&self, path: &str) -> Vec<Value> {
        self.state()
            .objects
            .iter()
            .filter(|(name, _)| name.starts_with(path))
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// Changes an object as a person would.
    pub fn edit(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        let mut object = state.objects.remove(path).unwrap();
        change(&mut object);
        if let Some(generation) = object["metadata"]["generation"].as_i64() {
            object["metadata"]["generation"] = json!(generation + 1);
        }
        state.store(path, object);
    }

    /// Writes to paths that hold this text.
    pub fn writes(&self, part: &str) -> usize {
        self.state()
            .requests
            .iter()
            .filter(|(method, path)| *method != Method::GET && path.contains(part))
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
        let answer = match method.as_str() {
            "GET" => {
                return self.objects.get(path).map_or_else(
                    || failure(StatusCode::NOT_FOUND),
                    |found| (StatusCode::OK, found.clone()),
                );
            }
            "POST" => self.create(path, serde_json::from_slice(body).unwrap()),
            "PATCH" => self.patch(path, &serde_json::from_slice(body).unwrap()),
            "DELETE" => self.objects.remove(path).map_or_else(
                || failure(StatusCode::NOT_FOUND),
                |gone| (StatusCode::OK, gone),
            ),
            _ => failure(StatusCode::METHOD_NOT_ALLOWED),
        };
        match self.lose_answer_after {
            Some(0) => {
                self.lose_answer_after = None;
                failure(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Some(left) => {
                self.lose_answer_after = Some(left - 1);
                answer
            }
            None => answer,
        }
    }

    fn create(&mut self, path: &str, mut object: Value) -> (StatusCode, Value) {
        let path = format!("{path}/{}", object["metadata"]["name"].as_str().unwrap());
        if self.objects.contains_key(&path) {
            return failure(StatusCode::CONFLICT);
        }
        object["metadata"]["creationTimestamp"] = json!("2026-11-23T00:00:00Z");
        (StatusCode::CREATED, self.store(&path, object))
    }

    fn patch(&mut self, path: &str, patch: &Value) -> (StatusCode, Value) {
        let path = path.strip_suffix("/status").unwrap_or(path);
        let Some(mut object) = self.objects.get(path).cloned() else {
            return failure(StatusCode::NOT_FOUND);
        };
        let version = &patch["metadata"]["resourceVersion"];
        if !version.is_null() && *version != object["metadata"]["resourceVersion"] {
            return failure(StatusCode::CONFLICT);
        }
        merge(&mut object, patch);
        (StatusCode::OK, self.store(path, object))
    }

    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(format!("v{}", self.version));
        self.objects.insert(path.to_owned(), object.clone());
        object
    }
}

/// JSON merge patch, RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in fields {
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
        StatusCode::CONFLICT => "AlreadyExists",
        _ => "InternalError",
    };
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure",
        "reason": reason, "code": code.as_u16(), "message": reason,
    });
    (code, status)
}

//! Faults and limits that tests set while the stand-in runs, and the routes by which they do.

use crate::{
    generate::Plan,
    routes::BASE,
    shapes,
    world::{Merge, World},
};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// As GitHub answers, with a message that fits the status.
    Status(u16),
    /// 403 with Retry-After, as for too many requests in a short time.
    SecondaryLimit,
    /// Never answers.
    Hang,
    NotJson,
    /// JSON that ends within itself.
    CutOff,
    /// More bytes than anybody wants.
    Huge,
    /// The body stops in the middle and the connection stays open.
    Stall,
}

/// A fault of the calls whose path and query contain a text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: FaultKind,
    #[serde(default)]
    pub path: String,
    /// So many calls; absent for all.
    #[serde(default)]
    pub times: Option<u32>,
    /// Calls that are answered well before.
    #[serde(default)]
    pub after: u32,
    #[serde(default = "one")]
    pub retry_after: u32,
}

fn one() -> u32 {
    1
}

impl Fault {
    #[must_use]
    pub fn new(kind: FaultKind, path: &str) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            times: None,
            after: 0,
            retry_after: 1,
        }
    }

    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    #[must_use]
    pub fn after(self, calls: u32) -> Self {
        Self {
            after: calls,
            ..self
        }
    }

    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self {
            retry_after: seconds,
            ..self
        }
    }
}

/// The faults in force.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Added to every answer, milliseconds.
    pub latency_ms: u64,
    pub list: Vec<Fault>,
}

impl Faults {
    /// The fault of a call, if it shall have one; counts it.
    pub fn take(&mut self, path: &str) -> Option<Fault> {
        let fault = self
            .list
            .iter_mut()
            .find(|it| path.contains(&it.path) && it.times != Some(0))?;
        if let Some(calls) = fault.after.checked_sub(1) {
            fault.after = calls;
            return None;
        }
        fault.times = fault.times.map(|times| times - 1);
        Some(fault.clone())
    }
}

/// Requests that are left, and when there will be more.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    pub limit: u64,
    pub used: u64,
    /// Unix seconds; absent: an hour from the first request.
    pub reset: Option<i64>,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            limit: 1_000_000,
            used: 0,
            reset: None,
        }
    }
}

impl Quota {
    /// Renews itself when its hour is over.
    pub fn tick(&mut self) -> i64 {
        let now = Timestamp::now().as_second();
        if self.reset.is_some_and(|reset| reset <= now) {
            self.used = 0;
            self.reset = None;
        }
        *self.reset.get_or_insert(now + 3600)
    }

    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// What `POST /control` takes; what is left out stays as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    faults: Option<Faults>,
    quota: Option<Quota>,
    /// Accepted tokens; an empty list accepts any.
    tokens: Option<Vec<String>>,
    revoked: Option<Vec<String>>,
}

pub async fn set(State(world): State<Arc<World>>, Json(settings): Json<Settings>) -> StatusCode {
    let mut inner = world.lock();
    if let Some(faults) = settings.faults {
        inner.faults = faults;
    }
    if let Some(quota) = settings.quota {
        inner.quota = quota;
    }
    if let Some(tokens) = settings.tokens {
        inner.tokens = tokens.into_iter().collect();
    }
    if let Some(revoked) = settings.revoked {
        inner.revoked = revoked.into_iter().collect();
    }
    StatusCode::NO_CONTENT
}

pub async fn add(State(world): State<Arc<World>>, Json(plan): Json<Plan>) -> StatusCode {
    world.add(&plan);
    StatusCode::CREATED
}

/// Something to do in a repository now.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deed {
    /// `owner/name`
    repository: String,
    #[serde(default)]
    merge: Option<Merge>,
    /// Tag of a release to publish.
    #[serde(default)]
    release: Option<String>,
    #[serde(default)]
    deploy: bool,
    #[serde(default)]
    push: bool,
}

/// Does it; answers the webhook delivery that GitHub would send for a merge.
pub async fn act(State(world): State<Arc<World>>, Json(deed): Json<Deed>) -> Response {
    let now = Timestamp::now();
    let name = deed.repository.as_str();
    if world.edit(name, |_| ()).is_none() {
        return (StatusCode::NOT_FOUND, "there is no such repository").into_response();
    }
    if deed.push {
        world.push(name, now);
    }
    let number = deed.merge.and_then(|merge| world.merge(name, &merge));
    if let Some(tag) = deed.release {
        world.release(name, &tag, now);
    }
    if deed.deploy {
        world.deploy(name, now, false);
    }
    let delivery = world.edit(name, |repository| {
        let pull = repository
            .pulls
            .iter()
            .find(|it| Some(it.number) == number)?;
        Some(shapes::delivery(BASE, repository, pull))
    });
    Json(delivery.flatten().unwrap_or(Value::Null)).into_response()
}

pub async fn requests(State(world): State<Arc<World>>) -> Json<Value> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (status, path) in &world.lock().asked {
        let path = path.split('?').next().unwrap_or(path);
        *counts.entry(format!("{status} {path}")).or_default() += 1;
    }
    Json(json!(counts))
}

#![allow(clippy::unwrap_used)]

use super::*;
use crate::controller::testing::{MemoryApi, context};
use crds::PromptTemplate;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

const GROUP: &str = "/apis/threads-agent.io/v1alpha1/namespaces/a/prompttemplates";

fn path(name: &str) -> String {
    format!("{GROUP}/{name}")
}

fn template(name: &str) -> Value {
    json!({
        "apiVersion": "threads-agent.io/v1alpha1", "kind": "PromptTemplate",
        "metadata": { "name": name, "namespace": "a", "uid": uuid::Uuid::new_v4(), "generation": 1 },
        "spec": { "versions": [{ "name": "v1", "hook": "h", "body": "b" }] },
    })
}

fn condition(api: &MemoryApi, name: &str, type_: &str) -> Option<(String, String)> {
    let object = api.get(&path(name));
    let all = object["status"]["conditions"].as_array()?.clone();
    let found = all
        .into_iter()
        .find(|condition| condition["type"] == type_)?;
    Some((
        found["status"].as_str()?.to_owned(),
        found["reason"].as_str()?.to_owned(),
    ))
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

fn seen(name: &str) -> Watched<PromptTemplate> {
    serde_json::from_value(template(name)).unwrap()
}

fn driver<F>(ctx: &Arc<Context>, reconcile: F) -> Driver<PromptTemplate, F> {
    Driver {
        ctx: ctx.clone(),
        reconcile,
        failures: Mutex::default(),
        kind: std::marker::PhantomData,
    }
}

/// FAULTS 13 and 14: one panics, one cannot be read; the others are reconciled and the controller goes on.
#[tokio::test]
async fn one_poisonous_object_is_degraded_alone() {
    let api = MemoryApi::default();
    let Some((ctx, triggered, _database)) = context(&api).await else {
        return;
    };
    for index in 0..50 {
        api.put(
            &path(&format!("good-{index}")),
            template(&format!("good-{index}")),
        );
    }
    api.put(&path("panics"), template("panics"));
    let mut unreadable = template("unreadable");
    unreadable["spec"]["versions"] = json!("none");
    api.put(&path("unreadable"), unreadable);

    let reached: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let record = reached.clone();
    let controller = tokio::spawn(run(
        ctx.clone(),
        triggered.templates,
        |controller, _| controller,
        move |object: Arc<PromptTemplate>, _| {
            let record = record.clone();
            async move {
                assert!(object.name_any() != "panics", "a state nobody thought of");
                record.lock().unwrap().insert(object.name_any());
                Ok(Outcome::done())
            }
        },
    ));
    until("all others are reconciled", || {
        reached.lock().unwrap().len() == 50
    })
    .await;
    let degraded = |name: &str| {
        condition(&api, name, "Stalled").map(|(status, reason)| format!("{status} {reason}"))
    };
    until("the panic is told", || {
        degraded("panics").as_deref() == Some("True InternalError")
    })
    .await;
    until("the unreadable one is told", || {
        degraded("unreadable").as_deref() == Some("True SpecInvalid")
    })
    .await;
    assert_eq!(degraded("good-0"), None);

    reached.lock().unwrap().clear();
    ctx.process
        .signals
        .triggers
        .templates
        .reconcile("a", "good-7");
    until("the controller still listens", || {
        reached.lock().unwrap().contains("good-7")
    })
    .await;
    assert!(
        ctx.process.ready.failures().is_empty(),
        "the watch is synced: {:?}",
        ctx.process.ready.failures()
    );
    ctx.process.signals.stop.cancel();
    tokio::time::timeout(Duration::from_secs(20), controller)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

/// FAULTS 4: another wrote in between; the reconcile is repeated with what stands then, and his field stays.
#[tokio::test]
async fn a_conflict_is_repeated_with_the_object_as_it_is_then() {
    let api = MemoryApi::default();
    let Some((ctx, _triggered, _database)) = context(&api).await else {
        return;
    };
    api.put(&path("x"), template("x"));
    let other = api.clone();
    let raced = Arc::new(Mutex::new(false));
    let driver = driver(
        &ctx,
        move |object: Arc<PromptTemplate>, ctx: Arc<Context>| {
            let (other, raced) = (other.clone(), raced.clone());
            async move {
                if !std::mem::replace(&mut *raced.lock().unwrap(), true) {
                    let mut theirs = other.get(&path("x"));
                    theirs["metadata"]["labels"] = json!({ "theirs": "kept" });
                    other.put(&path("x"), theirs);
                }
                let mut after = object.status.clone().unwrap_or_default();
                after.used_by = Some(3);
                let api = Api::<PromptTemplate>::namespaced(ctx.client.clone(), "a");
                let before = object.status.clone().unwrap_or_default();
                crate::controller::patch_status(
                    &api,
                    "x",
                    object.metadata.resource_version.as_deref(),
                    &before,
                    &after,
                )
                .await?;
                Ok(Outcome::done())
            }
        },
    );
    let first = driver.drive(&seen("x")).await;
    assert_ne!(first, Action::await_change(), "it is tried again by itself");
    assert!(api.get(&path("x"))["status"].is_null());
    assert_eq!(driver.drive(&seen("x")).await, Action::await_change());
    assert_eq!(api.get(&path("x"))["status"]["usedBy"], 3);
    assert_eq!(api.get(&path("x"))["metadata"]["labels"]["theirs"], "kept");
}

/// FAULTS 5: the cache still has an object that is gone; nothing is reconciled and nothing written.
#[tokio::test]
async fn an_object_that_is_gone_is_not_reconciled() {
    let api = MemoryApi::default();
    let Some((ctx, _triggered, _database)) = context(&api).await else {
        return;
    };
    let driver = driver(
        &ctx,
        async |_: Arc<PromptTemplate>, _| -> Result<Outcome, ReconcileError> {
            panic!("there is nothing to reconcile")
        },
    );
    assert_eq!(driver.drive(&seen("gone")).await, Action::await_change());
    assert_eq!(api.writes(), 0);
}

/// FAULTS 12: an operator that is fenced out gives its leadership up.
#[tokio::test]
async fn being_fenced_out_ends_the_leadership() {
    let api = MemoryApi::default();
    let Some((ctx, _triggered, _database)) = context(&api).await else {
        return;
    };
    api.put(&path("x"), template("x"));
    let driver = driver(&ctx, async |_: Arc<PromptTemplate>, _| {
        Err(ReconcileError::new(
            ErrorClass::Fenced,
            Reason::DependencyUnavailable,
            "a newer leader writes",
        ))
    });
    assert_eq!(driver.drive(&seen("x")).await, Action::await_change());
    assert!(!ctx.process.leadership.holds());
}

#[tokio::test]
async fn failures_in_a_row_wait_longer_and_success_forgets_them() {
    let api = MemoryApi::default();
    let Some((ctx, _triggered, _database)) = context(&api).await else {
        return;
    };
    api.put(&path("x"), template("x"));
    let fails = Arc::new(Mutex::new(true));
    let failing = fails.clone();
    let driver = driver(&ctx, move |_: Arc<PromptTemplate>, _| {
        let fails = *failing.lock().unwrap();
        async move {
            if fails {
                Err(ReconcileError::transient("down"))
            } else {
                Ok(Outcome::done())
            }
        }
    });
    let key = ("a".to_owned(), "x".to_owned());
    for failures in 1..=3 {
        driver.drive(&seen("x")).await;
        assert_eq!(driver.failures.lock().unwrap().get(&key), Some(&failures));
    }
    *fails.lock().unwrap() = false;
    driver.drive(&seen("x")).await;
    assert!(driver.failures.lock().unwrap().is_empty());
    let counted = |outcome| {
        ctx.process
            .metrics
            .reconciling
            .outcomes
            .with_label_values(&["PromptTemplate", outcome])
            .get()
    };
    assert_eq!((counted("transient"), counted("applied")), (3, 1));
    let metrics = &ctx.process.metrics.reconciling;
    let now =
        |gauges: &prometheus::IntGaugeVec| gauges.with_label_values(&["PromptTemplate"]).get();
    assert_eq!((now(&metrics.failing), now(&metrics.running)), (0, 0));
}

#[tokio::test]
async fn an_event_that_cannot_be_written_is_no_failure() {
    let api = MemoryApi::default();
    let Some((ctx, _triggered, _database)) = context(&api).await else {
        return;
    };
    api.put(&path("x"), template("x"));
    api.objects().refuse = (5, StatusCode::FORBIDDEN);
    let driver = driver(&ctx, async |_: Arc<PromptTemplate>, _| {
        Ok(Outcome::done().telling(vec![Notice::normal("Accepted", "it was")]))
    });
    assert_eq!(driver.drive(&seen("x")).await, Action::await_change());
    let tried = api
        .objects()
        .requests
        .iter()
        .any(|(method, path)| *method == Method::POST && path.ends_with("/events"));
    assert!(tried, "no event was tried");
}

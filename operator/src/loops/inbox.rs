//! Deliveries of webhooks become records and evidence: in the order in which they came, each once, its mark and what it tells in one
//! transaction. What cannot be read is kept as invalid with the reason; what the database refuses is tried again and then given up.

use super::{back_off, note_store_failure, rest};
use crate::{context::Context, metrics::Metrics};
use backends::postgres::{
    ErrorClass, StoreError,
    operator::{
        OperatorStore,
        inbox::{Read, Tells, Waiting},
    },
};
use domain::achievement::{
    SourceSettings,
    github::{Delivery, Reading, read_delivery},
};
use std::{sync::Arc, time::Duration};

/// Deliveries of one transaction.
const BATCH: i64 = 100;
/// The net under lost notifications, and the pace of what is due by time.
const POLL: Duration = Duration::from_secs(60);
/// GitHub delivers again by hand for three days; ids are remembered far longer.
const REMEMBERED_DAYS: i32 = 90;

/// Handles deliveries until the process drains.
pub async fn run(ctx: Arc<Context>) {
    let mut failures = 0;
    loop {
        let goes_on = match round(&ctx.store, &ctx.process.metrics).await {
            Ok(()) => {
                failures = 0;
                rest(&ctx, &ctx.process.signals.wakes.inbox, POLL).await
            }
            Err(error) => {
                failures += 1;
                note_store_failure(&ctx, "inbox", &error);
                back_off(&ctx, failures).await
            }
        };
        if !goes_on {
            return;
        }
    }
}

/// Everything that waits, then what is due.
async fn round(store: &OperatorStore, metrics: &Metrics) -> Result<(), StoreError> {
    loop {
        let waiting = store.waiting_deliveries(BATCH).await?;
        if waiting.is_empty() {
            break;
        }
        let deliveries: Vec<Read> = waiting.iter().map(read).collect();
        match store.handle_deliveries(&deliveries).await {
            Ok(()) => count(metrics, &deliveries),
            Err(error) if error.class() == ErrorClass::Fenced => return Err(error),
            Err(_) => each_alone(store, metrics, &deliveries).await?,
        }
    }
    while store.settle_evidence().await? > 0 {}
    while store.forget_deliveries(REMEMBERED_DAYS).await? > 0 {}
    metrics
        .achievements
        .deliveries_waiting
        .set(store.deliveries_waiting().await?);
    Ok(())
}

/// One of them does not go: the others shall not wait for it.
async fn each_alone(
    store: &OperatorStore,
    metrics: &Metrics,
    deliveries: &[Read],
) -> Result<(), StoreError> {
    for delivery in deliveries {
        match store
            .handle_deliveries(std::slice::from_ref(delivery))
            .await
        {
            Ok(()) => count(metrics, std::slice::from_ref(delivery)),
            Err(error) if error.class() == ErrorClass::Invalid => {
                let given_up = store
                    .note_failed_delivery(delivery.id, &error.to_string())
                    .await?;
                tracing::warn!(delivery = delivery.id, given_up, %error, "a delivery could not be handled");
                if given_up {
                    metrics
                        .achievements
                        .deliveries
                        .with_label_values(&["invalid"])
                        .inc();
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn count(metrics: &Metrics, deliveries: &[Read]) {
    for delivery in deliveries {
        metrics
            .achievements
            .deliveries
            .with_label_values(&[delivery.tells.outcome()])
            .inc();
    }
}

/// What a delivery tells, by the filters that its source has now.
fn read(waiting: &Waiting) -> Read {
    Read {
        id: waiting.id,
        namespace: waiting.namespace.clone(),
        source_uid: waiting.source_uid,
        tells: tells(waiting),
    }
}

fn tells(waiting: &Waiting) -> Tells {
    if waiting.gone {
        return Tells::Ignored;
    }
    let settings: SourceSettings = match serde_json::from_value(waiting.settings.clone()) {
        Ok(settings) => settings,
        Err(error) => return Tells::Invalid(format!("the source's settings: {error}")),
    };
    let reading = Reading {
        host: &settings.host,
        include_bots: settings.filters.include_bots,
    };
    match read_delivery(&reading, &waiting.event, &waiting.body) {
        Ok(Delivery::PullRequest(pull)) => match settings.refuses_pull_request(&pull) {
            Some(_) => Tells::Filtered,
            None => Tells::PullRequest(pull),
        },
        Ok(Delivery::Evidence {
            evidence,
            on_default_branch,
        }) => match settings.refuses_evidence(&evidence, on_default_branch) {
            Some(_) => Tells::Filtered,
            None => Tells::Evidence(evidence),
        },
        Ok(Delivery::Ignored(_)) => Tells::Ignored,
        Err(error) => Tells::Invalid(error.to_string()),
    }
}

#[cfg(test)]
mod tests;

//! Tells people: what was noted is posted to the receiver, many of one sort as one message, until the receiver has taken it.

use super::{jittered, note_store_failure};
use crate::{
    cli::{NotificationFormat, NotificationSettings},
    context::Context,
    metrics::NotificationMetrics,
};
use backends::postgres::{StoreError, operator::OperatorStore};
use chrono::Utc;
use domain::notifications::{Format, Notification, body, signature};
use reqwest::{Client, header::CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use uuid::Uuid;

/// Where nothing is noted, what was put off is looked at this often.
const POLL: Duration = Duration::from_secs(30);
/// Things happen together; what follows within this time goes into the same message.
const BURST: Duration = Duration::from_secs(2);
/// Between two messages: Slack takes one a second.
const PACE: Duration = Duration::from_millis(1100);
const PATIENCE: Duration = Duration::from_secs(10);

/// The receiver and how it is spoken to.
pub struct Receiver {
    http: Client,
    url: SecretString,
    key: Option<SecretString>,
    format: Format,
}

impl Receiver {
    /// None where nobody is to be told.
    ///
    /// # Errors
    /// A URL that is none.
    pub fn new(settings: &NotificationSettings) -> anyhow::Result<Option<Self>> {
        let Some(url) = &settings.notifications_url else {
            return Ok(None);
        };
        let parsed = url::Url::parse(url.expose_secret())
            .map_err(|error| anyhow::anyhow!("NOTIFICATIONS_URL is no URL: {error}"))?;
        anyhow::ensure!(
            matches!(parsed.scheme(), "https" | "http"),
            "NOTIFICATIONS_URL begins with https:// or http://"
        );
        Ok(Some(Self {
            // A redirect would carry the message, and its signature, to somebody else.
            http: Client::builder()
                .timeout(PATIENCE)
                .redirect(reqwest::redirect::Policy::none())
                .build()?,
            url: url.clone(),
            key: settings.notifications_signing_key.clone(),
            format: match settings.notifications_format {
                NotificationFormat::Slack => Format::Slack,
                NotificationFormat::Json => Format::Json,
            },
        }))
    }

    /// Posts one message.
    ///
    /// # Errors
    /// One sentence that holds neither the URL nor the key.
    async fn post(&self, notifications: &[Notification]) -> Result<(), String> {
        let message = body(self.format, notifications).to_string();
        let timestamp = Utc::now().timestamp();
        let mut request = self
            .http
            .post(self.url.expose_secret())
            .header(CONTENT_TYPE, "application/json")
            .header("X-Threads-Timestamp", timestamp);
        if let Some(key) = &self.key {
            let signed = signature(
                key.expose_secret().as_bytes(),
                timestamp,
                message.as_bytes(),
            );
            request = request.header("X-Threads-Signature", signed);
        }
        let answer = request
            .body(message)
            .send()
            .await
            .map_err(|error| format!("it does not answer: {}", error.without_url()))?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(format!("it answers {}", answer.status()))
    }
}

/// Tells until the process drains.
pub async fn run(ctx: Arc<Context>) {
    let receiver = Receiver::new(&ctx.settings.notifications).unwrap_or_else(|error| {
        tracing::error!(%error, "nobody can be told");
        None
    });
    let metrics = &ctx.process.metrics.notifications;
    loop {
        if let Err(error) = round(&ctx.store, receiver.as_ref(), metrics).await {
            note_store_failure(&ctx, "notifications", &error);
        }
        tokio::select! {
            () = ctx.process.signals.stop.cancelled() => return,
            () = ctx.store.notifications_noted() => {}
            () = tokio::time::sleep(jittered(POLL)) => continue,
        }
        tokio::select! {
            () = ctx.process.signals.stop.cancelled() => return,
            () = tokio::time::sleep(BURST) => {}
        }
    }
}

/// Posts what waits; stops at the first message that the receiver does not take.
async fn round(
    store: &OperatorStore,
    receiver: Option<&Receiver>,
    metrics: &NotificationMetrics,
) -> Result<(), StoreError> {
    if let Some(receiver) = receiver {
        let waiting = store.waiting_notifications().await?;
        for (number, group) in groups(waiting).into_iter().enumerate() {
            if number > 0 {
                tokio::time::sleep(PACE).await;
            }
            if !tell(store, receiver, metrics, &group).await? {
                break;
            }
        }
    }
    metrics.waiting.set(store.notifications_waiting().await?);
    store.forget_notifications(receiver.is_some()).await
}

async fn tell(
    store: &OperatorStore,
    receiver: &Receiver,
    metrics: &NotificationMetrics,
    group: &[Notification],
) -> Result<bool, StoreError> {
    let ids: Vec<Uuid> = group.iter().map(|one| one.id).collect();
    let count = |result| {
        let topic = group.first().map_or("failed", |one| one.topic.as_str());
        let told = metrics.told.with_label_values(&[topic, result]);
        told.inc_by(group.len() as u64);
    };
    match receiver.post(group).await {
        Ok(()) => {
            store.mark_notified(&ids).await?;
            count("sent");
            Ok(true)
        }
        Err(why) => {
            tracing::warn!(why, notifications = ids.len(), "people are told later");
            let given_up = store.put_off_notifications(&ids, &why).await?;
            metrics.given_up.inc_by(given_up);
            count("put_off");
            Ok(false)
        }
    }
}

/// One message for each topic, kind and namespace, in the order of the oldest of each.
fn groups(waiting: Vec<Notification>) -> Vec<Vec<Notification>> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Vec<Notification>> = Vec::new();
    for one in waiting {
        let key = (one.topic, one.kind.clone(), one.namespace.clone());
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(one);
    }
    groups
}

#[cfg(test)]
mod tests;

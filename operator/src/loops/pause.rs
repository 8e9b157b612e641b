//! The pause-all switch: the key `paused` of the operator's ConfigMap. The row stops claims, the signal stops Jobs.

use super::back_off;
use crate::context::Context;
use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    runtime::{WatchStreamExt, watcher},
};
use std::sync::Arc;

const KEY: &str = "paused";

/// Follows the switch until the process drains.
pub async fn run(ctx: Arc<Context>) {
    let check = ctx.process.ready.register("watch settings", "not read yet");
    let api = Api::<ConfigMap>::namespaced(ctx.client.clone(), &ctx.settings.operator_namespace);
    let changes = watcher::watch_object(api, &ctx.settings.settings_configmap).default_backoff();
    pin_mut!(changes);
    loop {
        let change = tokio::select! {
            () = ctx.process.signals.stop.cancelled() => return,
            change = changes.next() => change,
        };
        match change {
            Some(Ok(settings)) => {
                check.pass();
                if !obey(&ctx, is_on(settings.as_ref())).await {
                    return;
                }
            }
            Some(Err(error)) => {
                check.fail("the API server does not let it watch, or does not answer");
                tracing::warn!(%error, "the watch of the switches failed and is opened again");
            }
            None => return,
        }
    }
}

/// Writes the row first: a claim that slips through in between is a claim of a moment before. False where the process drains.
async fn obey(ctx: &Context, paused: bool) -> bool {
    let mut failures = 0;
    loop {
        match ctx.store.set_paused(paused).await {
            Ok(changed) => {
                if changed {
                    tracing::warn!(paused, "the pause-all switch was turned");
                }
                ctx.process
                    .signals
                    .paused
                    .send_if_modified(|switch| std::mem::replace(switch, paused) != paused);
                return true;
            }
            Err(error) => {
                failures += 1;
                super::note_store_failure(ctx, "pause", &error);
                if !back_off(ctx, failures).await {
                    return false;
                }
            }
        }
    }
}

/// An absent ConfigMap or key, and any other word than `true`, is off.
fn is_on(settings: Option<&ConfigMap>) -> bool {
    settings
        .and_then(|settings| settings.data.as_ref()?.get(KEY))
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_true_turns_the_switch_on() {
        let with = |value: &str| ConfigMap {
            data: Some([(KEY.to_owned(), value.to_owned())].into()),
            ..ConfigMap::default()
        };
        assert!(is_on(Some(&with("true"))) && is_on(Some(&with(" True\n"))));
        assert!(
            !is_on(Some(&with("false")))
                && !is_on(Some(&with("")))
                && !is_on(Some(&ConfigMap::default()))
                && !is_on(None)
        );
    }
}

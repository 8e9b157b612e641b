//! Which templates the personas refer to: one that begins or ceases to refer to a template changes its `usedBy`.

use crate::context::Context;
use crds::Persona;
use futures::StreamExt;
use kube::{
    Api, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{WatchStreamExt, watcher},
};
use std::{collections::HashMap, sync::Arc};

/// Triggers templates until the process drains. Only the name of the template is kept of each persona.
pub async fn watch(ctx: Arc<Context>) {
    let api = Api::<DeserializeGuard<Persona>>::all(ctx.client.clone());
    let mut changes = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
    let mut followed = Followed::default();
    loop {
        let change = tokio::select! {
            () = ctx.process.signals.stop.cancelled() => return,
            change = changes.next() => change,
        };
        let Some(Ok(change)) = change else { continue };
        for (namespace, template) in followed.apply(change) {
            ctx.process
                .signals
                .triggers
                .templates
                .reconcile(&namespace, &template);
        }
    }
}

/// Template by namespace and persona.
#[derive(Debug, Default)]
struct Followed(HashMap<(String, String), String>);

impl Followed {
    /// The templates, as namespace and name, that the change gave a persona or took one from.
    fn apply(
        &mut self,
        change: watcher::Event<DeserializeGuard<Persona>>,
    ) -> Vec<(String, String)> {
        let (persona, follows) = match change {
            watcher::Event::Apply(persona) | watcher::Event::InitApply(persona) => {
                let follows = persona
                    .0
                    .as_ref()
                    .ok()
                    .map(|persona| persona.spec.prompt_ref.name.clone());
                (persona, follows)
            }
            watcher::Event::Delete(persona) => (persona, None),
            watcher::Event::Init | watcher::Event::InitDone => return Vec::new(),
        };
        let namespace = persona.meta().namespace.clone().unwrap_or_default();
        let key = (namespace.clone(), persona.name_any());
        let before = match &follows {
            Some(template) => self.0.insert(key, template.clone()),
            None => self.0.remove(&key),
        };
        if before == follows {
            return Vec::new();
        }
        before
            .into_iter()
            .chain(follows)
            .map(|template| (namespace.clone(), template))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn persona(template: &str) -> DeserializeGuard<Persona> {
        let object = json!({
            "apiVersion": "threads-agent.io/v1alpha1", "kind": "Persona",
            "metadata": { "name": "maya", "namespace": "a" },
            "spec": {
                "voice": { "displayName": "Maya" },
                "model": { "endpoint": "http://llm/v1", "name": "m", "apiKeySecretRef": { "name": "k" } },
                "embedding": { "endpoint": "http://llm/v1", "model": "e", "secretRef": { "name": "k" } },
                "promptRef": { "name": template }, "vectors": { "dimensions": 8 },
            },
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_persona_that_turns_to_another_template_triggers_both() {
        let mut followed = Followed::default();
        let templates = |changed: Vec<(String, String)>| {
            changed
                .into_iter()
                .map(|(_, name)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            templates(followed.apply(watcher::Event::InitApply(persona("one")))),
            ["one"]
        );
        assert!(
            followed
                .apply(watcher::Event::Apply(persona("one")))
                .is_empty(),
            "its status changed, no more"
        );
        assert_eq!(
            templates(followed.apply(watcher::Event::Apply(persona("two")))),
            ["one", "two"]
        );
        assert_eq!(
            templates(followed.apply(watcher::Event::Delete(persona("two")))),
            ["two"]
        );
        assert!(
            followed
                .apply(watcher::Event::Delete(persona("two")))
                .is_empty()
        );
    }
}

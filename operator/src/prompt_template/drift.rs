//! Finds rows that were changed by hand, and promotions: one query for all templates now and then, and at once when a
//! promotion is told; nothing from the Kubernetes API.

use crate::{context::Context, loops::rest};
use backends::postgres::operator::prompts::TemplateMark;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Between two reads at most; so drift is found and mended within the minute.
const INTERVAL: Duration = Duration::from_secs(30);

/// Triggers templates whose rows changed, until the process drains.
pub async fn run(ctx: Arc<Context>) {
    let mut seen = Marks::default();
    loop {
        match ctx.store.template_marks().await {
            Ok(marks) => {
                for (namespace, name) in seen.changed(marks) {
                    ctx.process
                        .signals
                        .triggers
                        .templates
                        .reconcile(&namespace, &name);
                }
            }
            Err(error) => crate::loops::note_store_failure(&ctx, "templates", &error),
        }
        if !rest(&ctx, &ctx.process.signals.wakes.templates, INTERVAL).await {
            return;
        }
    }
}

/// The last mark of each template by namespace and name; none before the first read.
#[derive(Debug, Default)]
struct Marks(Option<HashMap<(String, String), String>>);

impl Marks {
    /// Templates whose rows differ from the last read. The first read tells nothing: every template is reconciled at the
    /// start anyway. Our own writes are told as well, once.
    fn changed(&mut self, marks: Vec<TemplateMark>) -> Vec<(String, String)> {
        let now: HashMap<_, _> = marks
            .into_iter()
            .map(|mark| ((mark.namespace, mark.name), mark.mark))
            .collect();
        let changed = match &self.0 {
            None => Vec::new(),
            Some(before) => {
                let differing = now
                    .iter()
                    .filter(|(key, mark)| before.get(*key) != Some(mark))
                    .map(|(key, _)| key);
                let gone = before.keys().filter(|key| !now.contains_key(*key));
                differing.chain(gone).cloned().collect()
            }
        };
        self.0 = Some(now);
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_templates_whose_rows_changed_are_triggered() {
        let mark = |name: &str, mark: &str| TemplateMark {
            namespace: "a".into(),
            name: name.into(),
            mark: mark.into(),
        };
        let mut seen = Marks::default();
        let names = |changed: Vec<(String, String)>| {
            changed
                .into_iter()
                .map(|(_, name)| name)
                .collect::<Vec<_>>()
        };
        assert!(
            seen.changed(vec![mark("x", "1"), mark("y", "1")])
                .is_empty()
        );
        assert!(
            seen.changed(vec![mark("x", "1"), mark("y", "1")])
                .is_empty()
        );
        assert_eq!(
            names(seen.changed(vec![mark("x", "2"), mark("y", "1")])),
            ["x"]
        );
        assert_eq!(
            names(seen.changed(vec![mark("y", "1")])),
            ["x"],
            "its rows are gone"
        );
    }
}

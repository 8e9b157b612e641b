//! From changed rows to the reconcile of their sources: one query, nothing of the Kubernetes API.

use crate::{
    context::Context,
    loops::{jittered, note_store_failure},
};
use backends::postgres::operator::achievements::SourceMark;
use std::{collections::HashMap, sync::Arc, time::Duration};
use uuid::Uuid;

/// Between two looks. A look reads one short row a source.
const INTERVAL: Duration = Duration::from_secs(5);

/// Triggers sources until the process drains.
pub(super) async fn run(ctx: Arc<Context>) {
    let mut seen = HashMap::new();
    loop {
        match ctx.store.source_marks().await {
            Ok(marks) => {
                for (namespace, name) in changed(&mut seen, marks) {
                    let triggers = &ctx.process.signals.triggers;
                    triggers.sources.reconcile(&namespace, &name);
                }
            }
            Err(error) => note_store_failure(&ctx, "sources", &error),
        }
        tokio::select! {
            () = ctx.process.signals.stop.cancelled() => return,
            () = tokio::time::sleep(jittered(INTERVAL)) => {}
        }
    }
}

/// Sources, as namespace and name, whose row is new or differs.
fn changed(seen: &mut HashMap<Uuid, String>, marks: Vec<SourceMark>) -> Vec<(String, String)> {
    let before = std::mem::take(seen);
    let mut changed = Vec::new();
    for mark in marks {
        if before.get(&mark.uid) != Some(&mark.mark) {
            changed.push((mark.namespace, mark.name));
        }
        seen.insert(mark.uid, mark.mark);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sources_whose_row_differs_are_told() {
        let mark = |uid, mark: &str| SourceMark {
            uid: Uuid::from_u128(uid),
            namespace: "a".into(),
            name: format!("n{uid}"),
            mark: mark.into(),
        };
        let mut seen = HashMap::new();
        assert_eq!(
            changed(&mut seen, vec![mark(1, "x"), mark(2, "x")]).len(),
            2
        );
        assert_eq!(
            changed(&mut seen, vec![mark(1, "x"), mark(2, "y")]),
            [("a".to_owned(), "n2".to_owned())]
        );
    }
}

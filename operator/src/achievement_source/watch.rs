//! From changed rows to the reconcile of their sources: one query, nothing of the Kubernetes API.

use crate::{
    context::Context,
    loops::{note_store_failure, rest},
};
use backends::postgres::operator::achievements::SourceMark;
use std::{collections::HashMap, sync::Arc, time::Duration};
use uuid::Uuid;

/// Looks are at least this far apart. A look reads one short row a source.
const DEBOUNCE: Duration = Duration::from_millis(950);
/// The net under lost notifications, and under what is told without one: signatures that do not match.
const POLL: Duration = Duration::from_secs(15);

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
        tokio::time::sleep(DEBOUNCE).await;
        if !rest(&ctx, &ctx.process.signals.wakes.sources, POLL).await {
            return;
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

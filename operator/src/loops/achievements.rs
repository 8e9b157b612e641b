//! From changed records to the reconcile of the Achievements that stand for them, and to the Achievements that the operator makes for
//! a source's most important records. One query each; the Kubernetes API is asked only where a resource is not as it shall be.

use super::{back_off, rest};
use crate::{
    achievement::{AchievementWorld, resources},
    context::Context,
    controller::{ErrorClass, ReconcileError},
};
use backends::postgres::operator::achievements::AchievementMark;
use std::{collections::HashMap, sync::Arc, time::Duration};
use uuid::Uuid;

/// Looks at the rows are at least this far apart.
const DEBOUNCE: Duration = Duration::from_millis(950);
/// The net under lost notifications.
const POLL: Duration = Duration::from_secs(60);

/// Triggers achievements, and makes those of sources, until the process drains.
pub async fn run(ctx: Arc<Context>) {
    let world = AchievementWorld::new(&ctx);
    let mut seen = Seen::default();
    let mut failures = 0;
    loop {
        let goes_on = match round(&ctx, &world, &mut seen).await {
            Ok(()) => {
                failures = 0;
                debounce(&ctx).await
                    && rest(&ctx, &ctx.process.signals.wakes.achievements, POLL).await
            }
            Err(error) => {
                failures += 1;
                note_failure(&ctx, &error);
                back_off(&ctx, failures).await
            }
        };
        if !goes_on {
            return;
        }
    }
}

async fn round(
    ctx: &Context,
    world: &AchievementWorld,
    seen: &mut Seen,
) -> Result<(), ReconcileError> {
    for (namespace, name) in seen.changed(ctx.store.achievement_marks().await?) {
        let triggers = &ctx.process.signals.triggers;
        triggers.achievements.reconcile(&namespace, &name);
    }
    resources::settle(world).await?;
    Ok(())
}

/// A newer leader ends this process; anything else is tried again.
fn note_failure(ctx: &Context, error: &ReconcileError) {
    if error.class == ErrorClass::Fenced {
        tracing::error!(%error, "this process no longer leads");
        ctx.process.leadership.lose();
    } else {
        tracing::warn!(%error, "achievements are not looked at; trying again");
    }
}

async fn debounce(ctx: &Context) -> bool {
    tokio::select! {
        () = ctx.process.signals.stop.cancelled() => false,
        () = tokio::time::sleep(DEBOUNCE) => true,
    }
}

/// Marks as they were last seen.
#[derive(Debug, Default)]
struct Seen(HashMap<Uuid, String>);

impl Seen {
    /// Achievements, as namespace and name, whose record is new or differs.
    fn changed(&mut self, marks: Vec<AchievementMark>) -> Vec<(String, String)> {
        let before = std::mem::take(&mut self.0);
        let mut changed = Vec::new();
        for mark in marks {
            if before.get(&mark.id) != Some(&mark.mark) {
                changed.push((mark.namespace, mark.name));
            }
            self.0.insert(mark.id, mark.mark);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_achievements_whose_record_differs_are_told() {
        let mark = |id, mark: &str| AchievementMark {
            id: Uuid::from_u128(id),
            namespace: "a".into(),
            name: format!("n{id}"),
            mark: mark.into(),
        };
        let mut seen = Seen::default();
        assert_eq!(seen.changed(vec![mark(1, "x"), mark(2, "x")]).len(), 2);
        assert_eq!(
            seen.changed(vec![mark(1, "x"), mark(2, "y")]),
            [("a".to_owned(), "n2".to_owned())]
        );
    }
}

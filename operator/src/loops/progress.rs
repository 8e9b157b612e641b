//! From changed tasks to their job's reconcile: at most once a second a job, and only for jobs whose rows differ.

use super::{back_off, rest};
use crate::context::Context;
use backends::postgres::operator::progress::RunMark;
use std::{collections::HashMap, sync::Arc, time::Duration};
use uuid::Uuid;

/// Looks at the rows are at least this far apart, so a job's status is written once a second at most.
const DEBOUNCE: Duration = Duration::from_millis(950);
/// The net under lost notifications, in seconds.
pub const POLL_SECONDS: u64 = 15;

/// Triggers jobs until the process drains.
pub async fn run(ctx: Arc<Context>) {
    let mut seen = Seen::default();
    let mut failures = 0;
    let mut listening = ctx.process.signals.listening.subscribe();
    let poll = Duration::from_secs(POLL_SECONDS);
    loop {
        let goes_on = match ctx.store.run_marks().await {
            Ok(marks) => {
                failures = 0;
                // Every job that goes on says whether it is heard of.
                let all = listening.has_changed().unwrap_or(false);
                listening.mark_unchanged();
                for (namespace, name) in seen.changed(marks, all) {
                    ctx.process
                        .signals
                        .triggers
                        .jobs
                        .reconcile(&namespace, &name);
                }
                debounce(&ctx).await && rest(&ctx, &ctx.process.signals.wakes.progress, poll).await
            }
            Err(error) => {
                failures += 1;
                super::note_store_failure(&ctx, "progress", &error);
                back_off(&ctx, failures).await
            }
        };
        if !goes_on {
            return;
        }
    }
}

async fn debounce(ctx: &Context) -> bool {
    tokio::select! {
        () = ctx.process.signals.stop.cancelled() => false,
        () = tokio::time::sleep(DEBOUNCE) => true,
    }
}

/// Marks of unfinished runs as they were last seen.
#[derive(Debug, Default)]
struct Seen(HashMap<Uuid, RunMark>);

impl Seen {
    /// Jobs, as namespace and name, whose run is new, differs, or is not unfinished any more; `all` counts each unfinished one
    /// as differing.
    fn changed(&mut self, marks: Vec<RunMark>, all: bool) -> Vec<(String, String)> {
        let now: HashMap<Uuid, RunMark> = marks.into_iter().map(|mark| (mark.id, mark)).collect();
        let before = std::mem::replace(&mut self.0, now);
        let differing = self
            .0
            .values()
            .filter(|mark| all || before.get(&mark.id) != Some(mark));
        let ended = before
            .values()
            .filter(|mark| !self.0.contains_key(&mark.id));
        differing
            .chain(ended)
            .map(|mark| (mark.namespace.clone(), mark.name.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(id: u128, mark: &str) -> RunMark {
        RunMark {
            id: Uuid::from_u128(id),
            namespace: "a".into(),
            name: format!("job-{id}"),
            mark: mark.into(),
        }
    }

    #[test]
    fn only_jobs_whose_rows_differ_are_triggered() {
        let mut seen = Seen::default();
        let names = |changed: Vec<(String, String)>| {
            let mut names: Vec<String> = changed.into_iter().map(|(_, name)| name).collect();
            names.sort();
            names
        };
        assert_eq!(
            names(seen.changed(vec![mark(1, "x"), mark(2, "x")], false)),
            ["job-1", "job-2"]
        );
        assert!(
            seen.changed(vec![mark(1, "x"), mark(2, "x")], false)
                .is_empty()
        );
        assert_eq!(
            names(seen.changed(vec![mark(1, "y")], false)),
            ["job-1", "job-2"]
        );
        assert_eq!(
            names(seen.changed(vec![mark(1, "y")], true)),
            ["job-1"],
            "whether it is heard of changed"
        );
        assert_eq!(names(seen.changed(vec![], true)), ["job-1"]);
    }
}

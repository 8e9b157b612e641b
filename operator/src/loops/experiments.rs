//! From outcomes and deadlines to the reconcile of the experiments that they concern. One query reads the marks of all running
//! experiments; nobody asks the Kubernetes API, and no experiment is looked at for nothing.

use super::{back_off, note_store_failure};
use crate::{context::Context, signals::Trigger};
use backends::postgres::operator::experiments::RunningMark;
use crds::Experiment;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Looks at the rows are at least this far apart: a burst of outcomes is one evaluation a second at most.
const DEBOUNCE: Duration = Duration::from_millis(950);
/// The net under lost notifications and lost deadlines.
const POLL: Duration = Duration::from_secs(60);
/// A deadline that stays due although its experiment was reconciled (it stalls, or the reconcile fails) is told again after
/// this time only.
const REMINDER: Duration = Duration::from_secs(30);
/// Added to a deadline, so that it has passed by the database's clock when the rows are read.
const SLACK: Duration = Duration::from_millis(20);

/// Triggers experiments until the process drains.
pub async fn run(ctx: Arc<Context>) {
    let mut seen = Seen::default();
    let mut failures = 0;
    loop {
        let goes_on = match ctx.store.running_experiments().await {
            Ok(marks) => {
                failures = 0;
                let look = seen.look(marks, Instant::now());
                tell(&ctx.process.signals.triggers.experiments, &look.due);
                wait(&ctx, look.again).await
            }
            Err(error) => {
                failures += 1;
                note_store_failure(&ctx, "experiments", &error);
                back_off(&ctx, failures).await
            }
        };
        if !goes_on {
            return;
        }
    }
}

fn tell(trigger: &Trigger<Experiment>, due: &[(String, String)]) {
    for (namespace, name) in due {
        trigger.reconcile(namespace, name);
    }
}

/// At least [`DEBOUNCE`]; then until something is told or due. False where the process drains.
async fn wait(ctx: &Context, again: Duration) -> bool {
    let signals = &ctx.process.signals;
    tokio::select! {
        () = signals.stop.cancelled() => return false,
        () = tokio::time::sleep(DEBOUNCE) => {}
    }
    tokio::select! {
        () = signals.stop.cancelled() => return false,
        () = signals.wakes.experiments.notified() => {}
        () = tokio::time::sleep(again.saturating_sub(DEBOUNCE)) => {}
    }
    true
}

/// What one look at the marks came to.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    /// Experiments, as namespace and name, that have to be reconciled.
    due: Vec<(String, String)>,
    /// When to look again although nobody tells anything.
    again: Duration,
}

#[derive(Debug)]
struct Remembered {
    mark: String,
    told: Instant,
}

/// Marks of running experiments as they were last told.
#[derive(Debug, Default)]
struct Seen(HashMap<Uuid, Remembered>);

impl Seen {
    /// An experiment is due where its mark differs from the one that was last told, or where a deadline has passed since. One
    /// that is seen for the first time was just started, or this process was: it is told as well.
    fn look(&mut self, marks: Vec<RunningMark>, now: Instant) -> Look {
        let mut before = std::mem::take(&mut self.0);
        let mut look = Look {
            due: Vec::new(),
            again: POLL,
        };
        for mark in marks {
            let old = before.remove(&mark.uid);
            let told = match old {
                Some(old) if !is_news(&old, &mark, now) => old.told,
                _ => {
                    look.due.push((mark.namespace.clone(), mark.name.clone()));
                    now
                }
            };
            look.again = look.again.min(next_look(&mark));
            self.0.insert(
                mark.uid,
                Remembered {
                    mark: mark.mark,
                    told,
                },
            );
        }
        look
    }
}

fn is_news(old: &Remembered, mark: &RunningMark, now: Instant) -> bool {
    let quiet = now.duration_since(old.told);
    let passed_for = mark.due_seconds.map_or(-1.0, |seconds| -seconds);
    let passed_since_told = passed_for >= 0.0 && passed_for <= quiet.as_secs_f64();
    old.mark != mark.mark || passed_since_told || (passed_for >= 0.0 && quiet >= REMINDER)
}

/// Until the next deadline of the experiment; one that has passed was told, and is looked at again for the reminder.
fn next_look(mark: &RunningMark) -> Duration {
    match mark.due_seconds {
        Some(seconds) if seconds > 0.0 => {
            Duration::try_from_secs_f64(seconds).map_or(POLL, |due| due + SLACK)
        }
        Some(_) => REMINDER,
        None => POLL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(id: u128, mark: &str, due_seconds: Option<f64>) -> RunningMark {
        RunningMark {
            uid: Uuid::from_u128(id),
            namespace: "a".into(),
            name: format!("experiment-{id}"),
            mark: mark.into(),
            due_seconds,
        }
    }

    fn names(look: &Look) -> Vec<&str> {
        look.due.iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn only_experiments_that_changed_are_told() {
        let (mut seen, now) = (Seen::default(), Instant::now());
        let both = vec![mark(1, "x", None), mark(2, "x", None)];
        assert_eq!(seen.look(both.clone(), now).due.len(), 2);
        assert_eq!(names(&seen.look(both, now)), [""; 0]);
        let one = vec![mark(1, "y", None), mark(2, "x", None)];
        let look = seen.look(one, now);
        assert_eq!((names(&look), look.again), (vec!["experiment-1"], POLL));
    }

    #[test]
    fn a_deadline_is_slept_for_told_once_and_reminded_of() {
        let (mut seen, start) = (Seen::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let look = seen.look(vec![mark(1, "x", Some(10.0))], start);
        assert_eq!(look.again, Duration::from_secs(10) + SLACK);
        assert_eq!(
            names(&seen.look(vec![mark(1, "x", Some(5.0))], at(5))),
            [""; 0]
        );
        assert_eq!(
            names(&seen.look(vec![mark(1, "x", Some(-0.5))], at(11))),
            ["experiment-1"]
        );
        let look = seen.look(vec![mark(1, "x", Some(-2.5))], at(13));
        assert_eq!((names(&look), look.again), (vec![], REMINDER));
        assert_eq!(
            names(&seen.look(vec![mark(1, "x", Some(-32.0))], at(42))),
            ["experiment-1"]
        );
    }
}

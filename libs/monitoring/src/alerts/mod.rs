//! Alerts, each with its runbook and with series on which it must fire and must not.

mod backends;
mod files;
mod operator;
mod work;

pub use files::{RUNBOOKS, checks, rules, runbook, runbooks_index};

/// Who is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody should get up.
    Critical,
    /// Somebody should look within the day.
    Warning,
    /// Worth knowing.
    Info,
}

#[derive(Debug, Clone)]
pub struct Alert {
    pub name: &'static str,
    pub severity: Severity,
    pub expression: String,
    /// How long it must hold, as Prometheus writes durations.
    pub hold: &'static str,
    /// One line; may name labels as `{{ $labels.kind }}`.
    pub summary: &'static str,
    pub runbook: Runbook,
    pub check: Check,
}

/// What to do at three in the morning.
#[derive(Debug, Clone, Copy)]
pub struct Runbook {
    /// What it means for the people who use the product.
    pub meaning: &'static str,
    /// Commands that tell more, one a line.
    pub look: &'static str,
    /// How it is mended, commonest cause first.
    pub mend: &'static str,
}

/// Series for a unit test of promtool, one value a minute.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Series and values on which it fires at the end.
    pub fires: &'static [(&'static str, &'static str)],
    /// The labels that it then has, beside its severity.
    pub labels: &'static [(&'static str, &'static str)],
    /// Series and values on which it does not.
    pub silent: &'static [(&'static str, &'static str)],
}

/// All alerts.
#[must_use]
pub fn all() -> Vec<Alert> {
    [operator::alerts(), backends::alerts(), work::alerts()].concat()
}

impl Severity {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A runbook that names a field or a condition that is not there costs whoever reads it at night the rest of the night.
    #[test]
    fn runbooks_name_what_the_reference_knows() {
        const REFERENCE: &str = include_str!("../../../../docs/api.md");
        for alert in all() {
            let text = [
                alert.runbook.meaning,
                alert.runbook.look,
                alert.runbook.mend,
            ]
            .join(". ");
            for field in text
                .split('`')
                .filter_map(|word| word.strip_prefix("spec."))
            {
                let known = REFERENCE.contains(&format!("| `{field}`"));
                assert!(known, "{} names spec.{field}", alert.name);
            }
            let named = text.split("condition").skip(1).filter_map(|rest| {
                let words = rest.trim_start_matches('s').split(['\n', '.']).next()?;
                Some(
                    words
                        .split([' ', ','])
                        .filter(|word| word.len() > 3 && word.starts_with(char::is_uppercase)),
                )
            });
            for condition in named.flatten() {
                let known = REFERENCE.contains(&format!("| `{condition}` |"));
                assert!(known, "{} names {condition}", alert.name);
            }
        }
    }

    #[test]
    fn every_alert_has_a_name_of_its_own_and_tells_what_to_do() {
        let mut names = BTreeSet::new();
        for alert in all() {
            assert!(names.insert(alert.name), "{}", alert.name);
            assert!(alert.name.starts_with("Threads"), "{}", alert.name);
            for text in [
                alert.runbook.meaning,
                alert.runbook.look,
                alert.runbook.mend,
            ] {
                assert!(text.len() > 20, "{}", alert.name);
            }
            assert!(!alert.check.fires.is_empty() || alert.name == "ThreadsNoLeader");
            assert!(!alert.check.silent.is_empty(), "{}", alert.name);
        }
    }
}

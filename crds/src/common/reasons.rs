//! Which reasons a condition usually has: for documents, and for whoever writes an alert.

use super::condition::ConditionType;
use super::condition::Reason::{self, *};

/// What holds back anything that refers to a prompt.
const PROMPT: &[Reason] = &[
    PromptTemplateNotFound,
    TrackNotFound,
    DigestNotFound,
    PromptInvalid,
    VariableMissing,
    VersionChanged,
];

/// Causes: what a person has to mend, or what is waited for, before a resource can be what it asks for.
pub const CAUSES: &[Reason] = &[
    PersonaNotFound,
    PersonaNotReady,
    PersonaSuspended,
    ExperimentNotFound,
    ExperimentNotRunning,
    VersionNotFound,
    TrackNotManaged,
    ConfigMapNotFound,
    ConfigMapKeyMissing,
    InputInvalid,
    PromptTemplateNotFound,
    TrackNotFound,
    DigestNotFound,
    PromptInvalid,
    VersionChanged,
    VariableMissing,
    SecretNotFound,
    SecretNotLabelled,
    SecretHostNotAllowed,
    SecretKeyMissing,
    DuplicateNotFound,
    AnalysisFailed,
    Conflict,
    Unroutable,
    BudgetExhausted,
    LanguageUnsupported,
    DependencyUnavailable,
    SpecInvalid,
    InternalError,
];

/// The verdicts of an Experiment.
const VERDICTS: &[Reason] = &[
    Winner,
    Loser,
    NoDifference,
    AdoptedByBandit,
    Inconclusive,
    Invalid,
    Cancelled,
];

/// The outcomes of a ContentJob.
const OUTCOMES: &[Reason] = &[AllSucceeded, PartiallySucceeded, NoneSucceeded, Cancelled];

/// Reasons that only a ContentJob has.
pub const OF_JOBS: &[Reason] = &[
    WaitingForWorker,
    ConcurrencyLimited,
    Running,
    WorkerFailed,
    BackingOff,
    NotificationsLost,
    Adopted,
    AllSucceeded,
    PartiallySucceeded,
    NoneSucceeded,
    Cancelled,
];

impl ConditionType {
    /// The reasons that this condition usually has, beside [`CAUSES`] for the three of every kind.
    #[must_use]
    pub fn reasons(self) -> Vec<Reason> {
        let (own, shared): (&[Reason], &[Reason]) = match self {
            Self::Ready => (
                &[
                    Pending,
                    Progressing,
                    AllReady,
                    Running,
                    Suspended,
                    Paused,
                    Deleting,
                    Adopted,
                ],
                &[OUTCOMES, CAUSES].concat(),
            ),
            Self::Reconciling => (
                &[
                    Pending,
                    Progressing,
                    WaitingForWorker,
                    ConcurrencyLimited,
                    Running,
                    WorkerFailed,
                    BackingOff,
                    Suspended,
                    Paused,
                    NotificationsLost,
                    Deleting,
                    AllReady,
                ],
                CAUSES,
            ),
            Self::Stalled => (&[NoneSucceeded, AllReady, Progressing], CAUSES),
            Self::Drifted => (&[InSync, Repaired, DriftReported, NotObserved], &[]),
            Self::QueueReady => (
                &[
                    Succeeded,
                    Progressing,
                    Conflict,
                    Unroutable,
                    DependencyUnavailable,
                ],
                &[],
            ),
            Self::CollectionReady | Self::RowSynced => (
                &[Succeeded, Progressing, Conflict, DependencyUnavailable],
                &[],
            ),
            Self::PromptResolved => (&[Succeeded], PROMPT),
            Self::ModelReachable => (&[NotObserved, Succeeded, ModelUnreachable], &[]),
            Self::BudgetAvailable => (&[NotApplicable, Succeeded, BudgetExhausted], &[]),
            Self::Accepted => (&[Succeeded, Pending, Adopted], CAUSES),
            Self::BudgetReserved => (&[NotApplicable, Succeeded, BudgetExhausted], &[]),
            Self::Queued => (
                &[Succeeded, Progressing, Unroutable, DependencyUnavailable],
                &[],
            ),
            Self::Generated => (&[Succeeded, Progressing, WaitingForWorker, Running], &[]),
            Self::DedupPassed => (&[Succeeded, Progressing, GateRejected, GateFlagged], &[]),
            Self::EmotionPassed => (
                &[
                    NotApplicable,
                    Succeeded,
                    Progressing,
                    GateRejected,
                    LanguageUnsupported,
                ],
                &[],
            ),
            Self::Finished => (&[Progressing, Suspended], OUTCOMES),
            Self::Complete => (&[Progressing], OUTCOMES),
            Self::Failed => (
                &[
                    Progressing,
                    DeadlineExceeded,
                    AttemptsExhausted,
                    SystemFailures,
                ],
                OUTCOMES,
            ),
            Self::DeadLettered => (&[NotApplicable, AttemptsExhausted, SystemFailures], &[]),
            Self::Parsed => (
                &[
                    Succeeded,
                    PromptInvalid,
                    VersionChanged,
                    VariableMissing,
                    ConfigMapNotFound,
                    ConfigMapKeyMissing,
                ],
                &[],
            ),
            Self::TracksInSync => (&[Succeeded, Progressing, TrackNotFound, PromptInvalid], &[]),
            Self::Running => (&[Collecting, NotStarted, Suspended, Paused], VERDICTS),
            Self::DataFresh => (&[NotObserved, Succeeded, TooManyMissing], &[]),
            Self::SampleRatioOK => (&[NotObserved, Succeeded, SampleRatioMismatch], &[]),
            Self::GuardrailsOK => (
                &[
                    NotApplicable,
                    Succeeded,
                    GuardrailUnproven,
                    GuardrailViolated,
                ],
                &[],
            ),
            Self::Powered => (&[NoHistory, Succeeded, NotReachable], &[]),
            Self::DecisionReached => (
                &[NotStarted, Collecting, TooFewEffectiveUnits, TooManyMissing],
                VERDICTS,
            ),
            Self::Promoted => (
                &[
                    NotApplicable,
                    Collecting,
                    AwaitingApproval,
                    WinnerPromoted,
                    RolledBack,
                    TrackNotManaged,
                ],
                &[],
            ),
            Self::SourceVerified => (&[Succeeded, SelfDeclared, NotTold], &[]),
            Self::Recorded => (&[Succeeded, Progressing, DuplicateNotFound], &[]),
            Self::Reachable => (&[NotObserved, Succeeded, HostUnreachable], &[]),
            Self::WebhookVerified => (
                &[
                    NotObserved,
                    NotApplicable,
                    Succeeded,
                    SecretNotFound,
                    SecretNotLabelled,
                    SecretHostNotAllowed,
                    SecretKeyMissing,
                    DependencyUnavailable,
                ],
                &[],
            ),
            Self::CaughtUp => (&[NotObserved, Succeeded, Behind, Suspended], &[]),
            Self::Analyzed => (&[Succeeded, WaitingForAnalysis, AnalysisFailed], &[]),
            Self::PortfolioReady => (
                &[
                    Succeeded,
                    WaitingForAnalysis,
                    Incomplete,
                    Hidden,
                    Duplicate,
                    Reverted,
                ],
                &[],
            ),
            Self::Published => (
                &[
                    Announced,
                    NotApplicable,
                    WaitingForAnalysis,
                    ImpactTooLow,
                    DoneBefore,
                    NotPublic,
                    AwaitingApproval,
                    Hidden,
                    Duplicate,
                    Reverted,
                    Suspended,
                    Progressing,
                ],
                CAUSES,
            ),
        };
        [own, shared].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_belongs_to_a_condition() {
        let used: BTreeSet<_> = ConditionType::ALL
            .iter()
            .flat_map(|type_| type_.reasons())
            .collect();
        let orphans: Vec<_> = Reason::ALL
            .iter()
            .filter(|reason| !used.contains(reason))
            .collect();
        assert!(orphans.is_empty(), "{orphans:?}");
    }

    #[test]
    fn every_word_is_explained_in_a_sentence() {
        for meaning in Reason::ALL
            .iter()
            .map(|r| r.meaning())
            .chain(ConditionType::ALL.iter().map(|t| t.meaning()))
        {
            assert!(meaning.ends_with('.') && meaning.len() > 10, "{meaning:?}");
        }
    }
}

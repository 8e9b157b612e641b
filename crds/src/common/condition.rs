//! The types and reasons of conditions: closed sets, a doc line each. `docs/api.md` is written from them.

/// Declares an enum of words with their meaning, so that the word, its spelling and its explanation stand in one place.
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $word:ident,)+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[doc = $doc])+ $word,)+ }

        impl $name {
            /// Every word, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$word),+];

            /// The word as it stands in a resource.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$word => stringify!($word)),+ }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$word => concat!($($doc),+).trim_ascii()),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// The type of a condition.
    ConditionType {
        /// Everything that the resource asks for is there; for a ContentJob: it ended as asked.
        Ready,
        /// The operator is at work or waits for something that is expected to come.
        Reconciling,
        /// Nothing will move before somebody mends what the message names.
        Stalled,
        /// Something outside differs from the resource; the message names it.
        Drifted,

        /// The queue and its dead-letter queue exist and are bound.
        QueueReady,
        /// The vector collection exists with the settings of `spec.vectors`.
        CollectionReady,
        /// Postgres holds the persona's row and its newest revision.
        RowSynced,
        /// The prompt reference names a version that parses.
        PromptResolved,
        /// The last worker that called the model got an answer; Unknown before the first call.
        ModelReachable,
        /// Today's tokens are not used up.
        BudgetAvailable,

        /// The tasks are written; the job no longer waits for what it refers to.
        Accepted,
        /// The tokens that the tasks may use are reserved.
        BudgetReserved,
        /// The wake-up messages of all tasks were confirmed by the broker.
        Queued,
        /// Every task that was not rejected, failed or cancelled has its text.
        Generated,
        /// No stored post is a duplicate by the persona's threshold.
        DedupPassed,
        /// Every stored post keeps the persona's emotion contract.
        EmotionPassed,
        /// No task will run any more; the reason tells the outcome.
        Finished,
        /// At least one post was stored, or the plan was made.
        Complete,
        /// No task succeeded.
        Failed,
        /// At least one task used up its attempts.
        DeadLettered,

        /// Every version of the template parses.
        Parsed,
        /// Every track names a version that parses, and `status.tracks` shows it.
        TracksInSync,

        /// Tasks are assigned to variants, and outcomes count.
        Running,
        /// Enough of the frozen units have a record, so that silence is not taken for zero.
        DataFresh,
        /// The variants got as many units as their weights say.
        SampleRatioOK,
        /// No variant violates a guardrail.
        GuardrailsOK,
        /// The wanted effect can be found by the maximum duration; Unknown without history.
        Powered,
        /// The experiment ended with a verdict.
        DecisionReached,
        /// A managed track means the version that this experiment put there.
        Promoted,

        /// The host told of the pull request itself, by webhook or backfill.
        SourceVerified,
        /// Postgres holds the record, and it says what the resource says.
        Recorded,
        /// The newest facts were analysed.
        Analyzed,
        /// Portfolios show it.
        PortfolioReady,
        /// A persona announced it.
        Published,

        /// The host answers the source's requests; Unknown before the first.
        Reachable,
        /// A delivery with a good signature came; Unknown before the first.
        WebhookVerified,
        /// Everything merged is known as of the last backfill, and that is not overdue.
        CaughtUp,
    }
}

words! {
    /// The reason of a condition.
    Reason {
        /// The operator has not seen the resource yet.
        Pending,
        /// The operator is making reality match the resource.
        Progressing,
        /// What the condition says holds, and nothing more is to be said.
        Succeeded,
        /// Everything that the resource asks for is there.
        AllReady,
        /// Reality matches the resource.
        InSync,
        /// Something was missing or different, and was put right.
        Repaired,
        /// Something is missing or different; `driftPolicy: Report` leaves it so.
        DriftReported,
        /// The resource is being deleted and its children with it.
        Deleting,
        /// `spec.suspend` is true.
        Suspended,
        /// The pause-all switch of the install is on: no claims, no Jobs.
        Paused,
        /// It does not apply here, for example a gate that is not set.
        NotApplicable,
        /// Nothing has been observed yet.
        NotObserved,
        /// The host of a source does not answer, or refuses.
        HostUnreachable,
        /// The newest backfill did not end in time.
        Behind,

        /// A task waits for a worker.
        WaitingForWorker,
        /// Worker Pods are at the persona's or the cluster's limit; the job has its turn later.
        ConcurrencyLimited,
        /// Worker Pods write posts.
        Running,
        /// A worker Job ended before its tasks did and is replaced after a wait.
        WorkerFailed,
        /// The model asked for a pause (Retry-After) or tasks wait between attempts.
        BackingOff,
        /// All posts were stored, or the plan was made.
        AllSucceeded,
        /// Some posts were stored; others failed or were rejected.
        PartiallySucceeded,
        /// No post was stored.
        NoneSucceeded,
        /// `spec.cancel` ended the job.
        Cancelled,
        /// `spec.timeouts.totalSeconds` passed before all tasks ended.
        DeadlineExceeded,
        /// A task used up `spec.retry.maxAttempts`.
        AttemptsExhausted,
        /// A task failed five times through no fault of its own, for example by lost Pods.
        SystemFailures,
        /// A finished run of the same content was found under this name; nothing ran again.
        Adopted,

        /// No Persona has that name in this namespace.
        PersonaNotFound,
        /// The Persona exists but is not ready.
        PersonaNotReady,
        /// The Persona is suspended.
        PersonaSuspended,
        /// No Experiment has that name in this namespace.
        ExperimentNotFound,
        /// The Experiment has not started, is suspended or has ended.
        ExperimentNotRunning,
        /// The PromptTemplate has no version of that name that parses.
        VersionNotFound,
        /// The track is fixed to a version by its PromptTemplate; only a managed track can be promoted into.
        TrackNotManaged,
        /// The experiment waits for the annotation `threads-agent.io/start`.
        NotStarted,
        /// Units are assigned and mature.
        Collecting,
        /// The effective number of units is still too small for any verdict.
        TooFewEffectiveUnits,
        /// More than 5 % of the matured units have no record.
        TooManyMissing,
        /// The variants did not get as many units as their weights say.
        SampleRatioMismatch,
        /// A variant is worse than a guardrail allows.
        GuardrailViolated,
        /// A guardrail is neither proven nor violated.
        GuardrailUnproven,
        /// The persona has no history to compute power from.
        NoHistory,
        /// The wanted effect cannot be found by the maximum duration.
        NotReachable,
        /// A variant is better than the control.
        Winner,
        /// A variant is worse than the control, or violated a guardrail.
        Loser,
        /// All variants are within the smallest effect that matters.
        NoDifference,
        /// A bandit stopped with little left to gain; no error rate is claimed.
        AdoptedByBandit,
        /// A maximum was reached before the figures said anything.
        Inconclusive,
        /// The data cannot support any verdict.
        Invalid,
        /// A person has to promote by annotation.
        AwaitingApproval,
        /// The winner's version was put into the track.
        WinnerPromoted,
        /// The control's version was put back into the track.
        RolledBack,

        /// Only a person says so; no host stands behind it.
        SelfDeclared,
        /// No webhook and no backfill told of the pull request yet.
        NotTold,
        /// The newest facts wait for their analysis.
        WaitingForAnalysis,
        /// The analysis of the newest facts used up its attempts.
        AnalysisFailed,
        /// A portfolio needs something that the record lacks; the message names it.
        Incomplete,
        /// A person hid it.
        Hidden,
        /// An earlier record says the same.
        Duplicate,
        /// Another pull request took it back.
        Reverted,
        /// Its impact is below `publish.minimumImpact`.
        ImpactTooLow,
        /// It was done before its source was connected, so the source's defaults do not announce it.
        DoneBefore,
        /// It is not public, and `publish.allowPrivate` is not set.
        NotPublic,
        /// The ContentJob that announces it was made.
        Announced,
        /// No Achievement of that name, and no record of that id, is in this namespace.
        DuplicateNotFound,

        /// No ConfigMap has that name in this namespace.
        ConfigMapNotFound,
        /// The ConfigMap has no such key.
        ConfigMapKeyMissing,
        /// The text in the ConfigMap is empty, too long or not UTF-8.
        InputInvalid,
        /// No PromptTemplate has that name in this namespace.
        PromptTemplateNotFound,
        /// The PromptTemplate has no such track.
        TrackNotFound,
        /// The PromptTemplate has no version of that digest.
        DigestNotFound,
        /// A version does not parse or does not render; the message gives part and line.
        PromptInvalid,
        /// The content that a version names in a ConfigMap changed; add a version under a new name.
        VersionChanged,
        /// A version's variable has no value and no default.
        VariableMissing,

        /// No Secret has that name in this namespace.
        SecretNotFound,
        /// The Secret lacks the label `threads-agent.io/use` for this purpose.
        SecretNotLabelled,
        /// The Secret's annotation `threads-agent.io/hosts` does not allow the endpoint's host.
        SecretHostNotAllowed,
        /// The Secret has no such key, or it is empty.
        SecretKeyMissing,

        /// Something of that name belongs to another resource or has other settings.
        Conflict,
        /// The broker could not route a message to the persona's queue.
        Unroutable,
        /// The tokens of the job or of the persona's day are used up.
        BudgetExhausted,
        /// A gate needs an analysis that does not exist for `voice.language`.
        LanguageUnsupported,
        /// Postgres, RabbitMQ, Qdrant or the Kubernetes API does not answer; it is tried again.
        DependencyUnavailable,
        /// The last call to the model failed; `status.lastError` of the ContentJob tells why.
        ModelUnreachable,
        /// The operator sees progress by polling alone, up to 15 seconds late, because the connection that hears of it is lost.
        NotificationsLost,
        /// Posts were rejected by this gate.
        GateRejected,
        /// Posts were kept although this gate spoke against them, and are marked.
        GateFlagged,
        /// The resource holds a value that the schema should have refused.
        SpecInvalid,
        /// The operator met a state that it does not know; its log holds the details.
        InternalError,
    }
}

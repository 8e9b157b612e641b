//! How the parts of the operator wake each other. Nothing here carries data that a restart may not lose: whoever is woken reads
//! the rows or the resource anew.

use crds::{Achievement, AchievementSource, ContentJob, Experiment, Persona, PromptTemplate};
use kube::{Resource, runtime::reflector::ObjectRef};
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Sends objects of one kind to their controller.
#[derive(Debug)]
pub struct Trigger<K: Resource<DynamicType = ()>>(mpsc::UnboundedSender<ObjectRef<K>>);

/// The controller's end of a [`Trigger`].
pub type Triggered<K> = mpsc::UnboundedReceiver<ObjectRef<K>>;

impl<K: Resource<DynamicType = ()>> Clone for Trigger<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Resource<DynamicType = ()>> Trigger<K> {
    /// Asks for one reconcile. Asking several times before it ran is asking once.
    pub fn reconcile(&self, namespace: &str, name: &str) {
        // A closed channel means that the controller has ended, and with it the process.
        let _ = self.0.send(ObjectRef::new(name).within(namespace));
    }
}

/// One trigger a kind.
#[derive(Debug, Clone)]
pub struct Triggers {
    pub personas: Trigger<Persona>,
    pub templates: Trigger<PromptTemplate>,
    pub jobs: Trigger<ContentJob>,
    pub experiments: Trigger<Experiment>,
    pub achievements: Trigger<Achievement>,
    pub sources: Trigger<AchievementSource>,
}

/// The controllers' ends of [`Triggers`].
#[derive(Debug)]
pub struct TriggeredAll {
    pub personas: Triggered<Persona>,
    pub templates: Triggered<PromptTemplate>,
    pub jobs: Triggered<ContentJob>,
    pub experiments: Triggered<Experiment>,
    pub achievements: Triggered<Achievement>,
    pub sources: Triggered<AchievementSource>,
}

impl Triggers {
    #[must_use]
    pub fn channels() -> (Self, TriggeredAll) {
        let (personas, on_personas) = mpsc::unbounded_channel();
        let (templates, on_templates) = mpsc::unbounded_channel();
        let (jobs, on_jobs) = mpsc::unbounded_channel();
        let (experiments, on_experiments) = mpsc::unbounded_channel();
        let (achievements, on_achievements) = mpsc::unbounded_channel();
        let (sources, on_sources) = mpsc::unbounded_channel();
        (
            Self {
                personas: Trigger(personas),
                templates: Trigger(templates),
                jobs: Trigger(jobs),
                experiments: Trigger(experiments),
                achievements: Trigger(achievements),
                sources: Trigger(sources),
            },
            TriggeredAll {
                personas: on_personas,
                templates: on_templates,
                jobs: on_jobs,
                experiments: on_experiments,
                achievements: on_achievements,
                sources: on_sources,
            },
        )
    }
}

/// What wakes the loops. Each holds one permit: being woken while busy means one more round.
#[derive(Debug, Default)]
pub struct Wakes {
    /// Rows were put into the outbox.
    pub outbox: Notify,
    /// Tasks changed: the sweep looks when the next one is due.
    pub sweep: Notify,
    /// Tasks changed: their jobs' statuses may have to follow.
    pub progress: Notify,
    /// A resource was deleted: its rows may be orphans.
    pub orphans: Notify,
    /// Points may wait to be stored.
    pub points: Notify,
    /// An experiment promoted a version: rows of templates differ.
    pub templates: Notify,
    /// Something changed that an experiment depends on.
    pub experiments: Notify,
    /// A post was edited, or a task that embeds one changed.
    pub edits: Notify,
    /// A webhook delivered something.
    pub inbox: Notify,
    /// Records of achievements changed.
    pub achievements: Notify,
    /// Rows of sources changed: their statuses may have to follow.
    pub sources: Notify,
    /// A source, or records without one, may need a worker Job, or one ended.
    pub source_jobs: Notify,
}

/// All signals of the process.
#[derive(Debug, Clone)]
pub struct Signals {
    pub triggers: Triggers,
    pub wakes: Arc<Wakes>,
    /// The pause-all switch; a change reconciles every object.
    pub paused: Arc<watch::Sender<bool>>,
    /// Whether the connection that hears of progress is up; where it is not, polls are all that is left.
    pub listening: Arc<watch::Sender<bool>>,
    /// Cancelled when the process shall drain and end.
    pub stop: CancellationToken,
}

impl Signals {
    #[must_use]
    pub fn new(triggers: Triggers, stop: CancellationToken) -> Self {
        Self {
            triggers,
            wakes: Arc::default(),
            paused: Arc::new(watch::Sender::new(false)),
            listening: Arc::new(watch::Sender::new(true)),
            stop,
        }
    }
}

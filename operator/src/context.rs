//! What reconciles and loops reach. One value for the whole process, shared by `Arc`.

use crate::{cli::Settings, leadership::Leadership, metrics::Metrics, signals::Signals};
use backends::{
    credential::Credential,
    postgres::operator::OperatorStore,
    qdrant::VectorStore,
    rabbitmq::{BrokerAddress, BrokerError, Management, Publisher, Topology},
};
use kube::{
    Client,
    runtime::events::{Recorder, Reporter},
};
use std::sync::Arc;
use telemetry::Checks;

/// Field manager of everything that the operator applies.
pub const FIELD_MANAGER: &str = "threads-operator";

/// Everything that a reconcile or a loop may touch.
#[derive(Clone)]
pub struct Context {
    pub client: Client,
    pub settings: Arc<Settings>,
    /// Every transaction of it proves that this process still leads.
    pub store: OperatorStore,
    pub broker: Arc<Broker>,
    pub vectors: VectorStore,
    pub process: Arc<Process>,
}

/// The broker's three sides; each has a connection of its own.
pub struct Broker {
    pub publisher: Publisher,
    pub topology: Arc<Topology>,
    pub management: Arc<Management>,
}

/// What belongs to the process rather than to one of its backing services.
pub struct Process {
    pub leadership: Leadership,
    pub recorder: Recorder,
    pub metrics: Metrics,
    /// Readiness: watches report here.
    pub ready: Checks,
    pub signals: Signals,
}

impl Broker {
    /// Connects lazily.
    ///
    /// # Errors
    /// A URL that cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, BrokerError> {
        let services = &settings.services;
        let address = |name| BrokerAddress::new(Credential::Fixed(services.amqp_url.clone()), name);
        let vhost = address("").vhost()?;
        Ok(Self {
            publisher: Publisher::new(address("threads-relay")),
            topology: Arc::new(Topology::new(address("threads-topology"))),
            management: Arc::new(Management::new(&services.rabbitmq_management_url, &vhost)?),
        })
    }
}

impl Process {
    #[must_use]
    pub fn new(
        client: &Client,
        settings: &Settings,
        leadership: Leadership,
        metrics: Metrics,
        ready: Checks,
        signals: Signals,
    ) -> Self {
        let reporter = Reporter {
            controller: FIELD_MANAGER.to_owned(),
            instance: Some(settings.pod_name.clone()),
        };
        Self {
            leadership,
            recorder: Recorder::new(client.clone(), reporter),
            metrics,
            ready,
            signals,
        }
    }
}

impl Context {
    /// Whether the pause-all switch is on: no claims, no Jobs; shown with the reason `Paused`.
    #[must_use]
    pub fn paused(&self) -> bool {
        *self.process.signals.paused.borrow()
    }

    /// The client of the vector index with the operator's own key.
    #[must_use]
    pub fn connect_vectors(settings: &Settings) -> VectorStore {
        let services = &settings.services;
        VectorStore::connect(
            &services.qdrant_url,
            Credential::Fixed(services.qdrant_api_key.clone()),
        )
    }
}

//! Broker and vector index as the reconcile sees them.

use super::ports::{
    CollectionSight, PortError, QueuePort, QueueSight, VectorPort, WantedCollection,
};
use async_trait::async_trait;
use backends::{
    qdrant::{CollectionShape, Distance, Ensured, VectorError, VectorStore},
    rabbitmq::{Binding, BrokerError, Deleted, Management, QueueState, Topology},
};
use domain::{
    messages::{DEAD_LETTER_EXCHANGE, TASKS_EXCHANGE},
    names::dead_letter_queue,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// A listing of the broker that is younger than this serves all reconciles: one read for all personas, not one each.
const LISTING_LIFE: Duration = Duration::from_secs(25);
/// The one argument of a queue; all else is policy.
const QUEUE_TYPE: &str = "x-queue-type";

/// Queues and bindings of the virtual host as one read of the management API showed them.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    queues: HashMap<String, QueueState>,
    bindings: HashSet<Binding>,
}

impl Listing {
    #[must_use]
    pub fn new(queues: Vec<QueueState>, bindings: Vec<Binding>) -> Self {
        Self {
            queues: queues
                .into_iter()
                .map(|queue| (queue.name.clone(), queue))
                .collect(),
            bindings: bindings.into_iter().collect(),
        }
    }

    /// How a queue looks that shall be fed by `exchange` under `routing_key`.
    #[must_use]
    pub fn sight(&self, name: &str, exchange: &str, routing_key: &str) -> QueueSight {
        let Some(queue) = self.queues.get(name) else {
            return QueueSight::Absent;
        };
        if queue.kind != "quorum" {
            return QueueSight::Different {
                difference: format!("it is a {} queue", queue.kind),
            };
        }
        let foreign: Vec<&str> = queue
            .arguments
            .iter()
            .map(String::as_str)
            .filter(|name| *name != QUEUE_TYPE)
            .collect();
        if !foreign.is_empty() {
            return QueueSight::Different {
                difference: format!("it has the arguments {}", foreign.join(", ")),
            };
        }
        let ready = queue.messages.saturating_sub(queue.unacknowledged);
        let binding = Binding {
            exchange: exchange.into(),
            queue: name.into(),
            routing_key: routing_key.into(),
        };
        if self.bindings.contains(&binding) {
            QueueSight::Standing { ready }
        } else {
            QueueSight::Unbound { ready }
        }
    }

    /// How a persona's work queue looks.
    #[must_use]
    pub fn work_queue(&self, queue: &str) -> QueueSight {
        self.sight(queue, TASKS_EXCHANGE, queue)
    }

    /// How the dead-letter queue of a work queue looks: dead letters keep the work queue's routing key.
    #[must_use]
    pub fn dead_letter_queue(&self, dead: &str) -> QueueSight {
        self.sight(
            dead,
            DEAD_LETTER_EXCHANGE,
            dead.strip_suffix(".dead").unwrap_or(dead),
        )
    }

    /// Writes down what was just declared.
    fn declared(&mut self, queue: &str) {
        let dead = dead_letter_queue(queue);
        for (name, exchange) in [
            (queue, TASKS_EXCHANGE),
            (dead.as_str(), DEAD_LETTER_EXCHANGE),
        ] {
            self.queues
                .entry(name.to_owned())
                .or_insert_with(|| QueueState {
                    name: name.to_owned(),
                    kind: "quorum".into(),
                    messages: 0,
                    unacknowledged: 0,
                    consumers: 0,
                    policy: None,
                    arguments: vec![QUEUE_TYPE.into()],
                });
            self.bindings.insert(Binding {
                exchange: exchange.into(),
                queue: name.into(),
                routing_key: queue.into(),
            });
        }
    }
}

/// The broker: what is listed comes over the management API, what is declared goes over AMQP.
#[derive(Debug, Clone)]
pub struct BrokerQueues {
    topology: Arc<Topology>,
    management: Arc<Management>,
    listing: Arc<Mutex<Option<(Instant, Listing)>>>,
}

impl BrokerQueues {
    #[must_use]
    pub fn new(topology: Arc<Topology>, management: Arc<Management>) -> Self {
        Self {
            topology,
            management,
            listing: Arc::default(),
        }
    }

    /// Reads queues and bindings anew and keeps them for the reconciles that follow.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn list(&self) -> Result<Listing, BrokerError> {
        let mut kept = self.listing.lock().await;
        self.read(&mut kept).await
    }

    /// Exchanges and the policy of all work queues, where they are missing or different.
    ///
    /// # Errors
    /// The broker does not answer, or an exchange exists with another type.
    pub async fn ensure_shared(&self) -> Result<(), BrokerError> {
        self.topology.ensure_exchanges().await?;
        self.management.ensure_policy().await?;
        Ok(())
    }

    async fn read(&self, kept: &mut Option<(Instant, Listing)>) -> Result<Listing, BrokerError> {
        let (queues, bindings) = tokio::try_join!(
            self.management.list_queues(),
            self.management.list_bindings()
        )?;
        let listing = Listing::new(queues, bindings);
        *kept = Some((Instant::now(), listing.clone()));
        Ok(listing)
    }

    async fn look(
        &self,
        pick: impl FnOnce(&Listing) -> QueueSight + Send,
    ) -> Result<QueueSight, PortError> {
        let mut kept = self.listing.lock().await;
        if let Some((read_at, listing)) = &*kept
            && read_at.elapsed() < LISTING_LIFE
        {
            return Ok(pick(listing));
        }
        Ok(pick(&self.read(&mut kept).await?))
    }
}

#[async_trait]
impl QueuePort for BrokerQueues {
    async fn work_queue(&self, queue: &str) -> Result<QueueSight, PortError> {
        self.look(|listing| listing.work_queue(queue)).await
    }

    async fn dead_letter_queue(&self, queue: &str) -> Result<QueueSight, PortError> {
        self.look(|listing| listing.dead_letter_queue(queue)).await
    }

    async fn declare(&self, queue: &str) -> Result<(), PortError> {
        self.topology.ensure_exchanges().await?;
        self.topology.ensure_work_queue(queue).await?;
        if let Some((_, listing)) = &mut *self.listing.lock().await {
            listing.declared(queue);
        }
        Ok(())
    }

    async fn delete(&self, queue: &str) -> Result<(), PortError> {
        self.topology.purge(queue).await?;
        match self.topology.delete_if_idle(queue).await? {
            Deleted::Deleted | Deleted::Absent => {
                if let Some((_, listing)) = &mut *self.listing.lock().await {
                    listing.queues.remove(queue);
                }
                Ok(())
            }
            Deleted::Kept(depth) => Err(PortError::Unavailable(format!(
                "queue {queue} still has {} messages and {} consumers",
                depth.ready, depth.consumers
            ))),
        }
    }
}

impl From<BrokerError> for PortError {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Conflict(_) => Self::Conflict(error.to_string()),
            _ => Self::Unavailable(format!("RabbitMQ: {error}")),
        }
    }
}

#[async_trait]
impl VectorPort for VectorStore {
    async fn collection(&self, wanted: &WantedCollection) -> Result<CollectionSight, PortError> {
        let shape = shape_of(wanted)?;
        match self.describe(&wanted.name).await {
            Ok(None) => Ok(CollectionSight::Absent),
            Ok(Some(found)) if found.fits(&shape) => Ok(CollectionSight::Standing {
                points: found.points,
            }),
            Ok(Some(found)) => Ok(CollectionSight::Different {
                difference: format!("{} dimensions, {:?}", found.dimensions, found.distance),
            }),
            Err(VectorError::Invalid(difference)) => Ok(CollectionSight::Different { difference }),
            Err(error) => Err(error.into()),
        }
    }

    async fn create(&self, wanted: &WantedCollection) -> Result<(), PortError> {
        match self.ensure(&wanted.name, &shape_of(wanted)?).await? {
            Ensured::Created | Ensured::Matches(_) => Ok(()),
            Ensured::Differs(found) => Err(PortError::Conflict(format!(
                "collection {} exists with other vector settings ({} dimensions, {:?}) and is left as it is",
                wanted.name, found.dimensions, found.distance
            ))),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), PortError> {
        VectorStore::delete(self, name).await?;
        Ok(())
    }
}

fn shape_of(wanted: &WantedCollection) -> Result<CollectionShape, PortError> {
    let distance = match wanted.distance.as_str() {
        "Cosine" => Distance::Cosine,
        "Dot" => Distance::Dot,
        "Euclid" => Distance::Euclid,
        other => return Err(PortError::Conflict(format!("unknown distance {other}"))),
    };
    Ok(CollectionShape {
        dimensions: u64::from(wanted.dimensions),
        distance,
        points: 0,
    })
}

impl From<VectorError> for PortError {
    fn from(error: VectorError) -> Self {
        match error {
            VectorError::Exists(_) => Self::Conflict(error.to_string()),
            _ => Self::Unavailable(format!("Qdrant: {error}")),
        }
    }
}

#[cfg(test)]
mod tests;

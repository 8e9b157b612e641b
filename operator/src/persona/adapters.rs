//! Broker and vector index as the reconcile sees them.

mod listing;

pub use listing::Listing;

use super::ports::{
    CollectionSight, PortError, QueuePort, QueueSight, VectorPort, WantedCollection,
};
use async_trait::async_trait;
use backends::{
    qdrant::{CollectionShape, Distance, Ensured, VectorError, VectorStore},
    rabbitmq::{BrokerError, Deleted, Management, Topology},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// A listing of the broker that is younger than this serves all reconciles: one read for all personas, not one each.
const LISTING_LIFE: Duration = Duration::from_secs(25);

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
                    listing.deleted(queue);
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

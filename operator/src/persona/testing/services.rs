//! A broker and a vector index in memory that can be down, that count writes, and that people can meddle with.

use crate::persona::ports::{
    CollectionSight, PortError, QueuePort, QueueSight, VectorPort, WantedCollection,
};
use async_trait::async_trait;
use domain::names::dead_letter_queue;
use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

#[derive(Default)]
pub struct FakeQueues {
    pub queues: Mutex<HashMap<String, QueueSight>>,
    pub down: AtomicBool,
    pub writes: AtomicUsize,
}

#[derive(Default)]
pub struct FakeVectors {
    pub collections: Mutex<HashMap<String, CollectionSight>>,
    pub down: AtomicBool,
    pub writes: AtomicUsize,
}

fn check(down: &AtomicBool) -> Result<(), PortError> {
    if down.load(Ordering::SeqCst) {
        Err(PortError::Unavailable("nobody answers".into()))
    } else {
        Ok(())
    }
}

impl FakeQueues {
    fn sight(&self, name: &str) -> Result<QueueSight, PortError> {
        check(&self.down)?;
        Ok(self
            .queues
            .lock()
            .unwrap()
            .get(name)
            .cloned()
            .unwrap_or(QueueSight::Absent))
    }

    pub fn standing(&self) -> usize {
        self.queues.lock().unwrap().len()
    }
}

#[async_trait]
impl QueuePort for FakeQueues {
    async fn work_queue(&self, queue: &str) -> Result<QueueSight, PortError> {
        self.sight(queue)
    }

    async fn dead_letter_queue(&self, queue: &str) -> Result<QueueSight, PortError> {
        self.sight(&dead_letter_queue(queue))
    }

    async fn declare(&self, queue: &str) -> Result<(), PortError> {
        check(&self.down)?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        for name in [queue.to_owned(), dead_letter_queue(queue)] {
            let mut queues = self.queues.lock().unwrap();
            let queue = queues.entry(name).or_insert(QueueSight::Absent);
            match queue {
                QueueSight::Different { .. } => {
                    return Err(PortError::Conflict("other arguments".into()));
                }
                QueueSight::Absent => *queue = QueueSight::Standing { ready: 0 },
                QueueSight::Unbound { ready } | QueueSight::Standing { ready } => {
                    *queue = QueueSight::Standing { ready: *ready }
                }
            }
        }
        Ok(())
    }

    async fn delete(&self, queue: &str) -> Result<(), PortError> {
        check(&self.down)?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.queues.lock().unwrap().remove(queue);
        Ok(())
    }
}

#[async_trait]
impl VectorPort for FakeVectors {
    async fn collection(&self, wanted: &WantedCollection) -> Result<CollectionSight, PortError> {
        check(&self.down)?;
        Ok(self
            .collections
            .lock()
            .unwrap()
            .get(&wanted.name)
            .cloned()
            .unwrap_or(CollectionSight::Absent))
    }

    async fn create(&self, wanted: &WantedCollection) -> Result<(), PortError> {
        check(&self.down)?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        let mut collections = self.collections.lock().unwrap();
        collections
            .entry(wanted.name.clone())
            .or_insert(CollectionSight::Standing { points: 0 });
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<(), PortError> {
        check(&self.down)?;
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.collections.lock().unwrap().remove(name);
        Ok(())
    }
}

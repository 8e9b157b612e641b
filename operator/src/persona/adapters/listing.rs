//! The broker as one read of its management API showed it.

use crate::persona::ports::QueueSight;
use backends::rabbitmq::{Binding, QueueState};
use domain::{
    messages::{DEAD_LETTER_EXCHANGE, TASKS_EXCHANGE},
    names::dead_letter_queue,
};
use std::collections::{HashMap, HashSet};

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
    pub fn dead_letter_queue(&self, queue: &str) -> QueueSight {
        self.sight(&dead_letter_queue(queue), DEAD_LETTER_EXCHANGE, queue)
    }

    /// Writes down what was just declared.
    pub(super) fn declared(&mut self, queue: &str) {
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

    /// Writes down what was just deleted.
    pub(super) fn deleted(&mut self, queue: &str) {
        self.queues.remove(queue);
    }
}

#[cfg(test)]
mod tests;

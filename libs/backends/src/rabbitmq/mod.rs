//! The broker: its topology and its users, which are the operator's, the relay's publisher, and the workers' consumer.
//!
//! Publishing and consuming never share a connection: a broker that is short of memory stops reading from a connection that
//! publishes, acknowledgements included (FAULTS 19).

mod connect;
mod consumer;
mod error;
mod management;
mod publisher;
mod topology;

pub use connect::BrokerAddress;
pub use consumer::{Delivery, QueueConsumer};
pub use error::{BrokerError, PublishError};
pub use management::{Binding, Management, QueueState};
pub use publisher::{Exchange, Outgoing, Publisher};
pub use topology::{Deleted, QueueDepth, Topology};

//! What can go wrong with the broker.

use crate::class::FailureClass;
use lapin::{ErrorKind, protocol::AMQPErrorKind, protocol::AMQPSoftError};

#[derive(Debug, Clone, thiserror::Error)]
pub enum BrokerError {
    /// Nobody answers, or the connection broke.
    #[error("the broker did not answer: {0}")]
    Unavailable(String),
    /// User or password are wrong, or the user lacks a right.
    #[error("the broker refused: {0}")]
    Refused(String),
    /// The URL or the file it stands in cannot be used.
    #[error("no usable address of the broker: {0}")]
    Address(String),
    /// What is declared exists with other properties.
    #[error("exists with other properties: {0}")]
    Conflict(String),
    /// There is no such queue, exchange, user or virtual host.
    #[error("missing on the broker: {0}")]
    Missing(String),
    #[error("the broker calls the request wrong: {0}")]
    Invalid(String),
}

impl BrokerError {
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Unavailable(_) => FailureClass::Transient,
            Self::Refused(_) | Self::Address(_) | Self::Missing(_) => FailureClass::Waiting,
            Self::Conflict(_) => FailureClass::Conflict,
            Self::Invalid(_) => FailureClass::Invalid,
        }
    }

    pub(super) fn timed_out(what: &str) -> Self {
        Self::Unavailable(format!("no answer in time while {what}"))
    }
}

impl From<lapin::Error> for BrokerError {
    fn from(error: lapin::Error) -> Self {
        let ErrorKind::ProtocolError(protocol) = error.kind() else {
            return Self::Unavailable(error.to_string());
        };
        let message = protocol.get_message().to_string();
        match protocol.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => Self::Conflict(message),
            AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => Self::Missing(message),
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => Self::Refused(message),
            AMQPErrorKind::Soft(AMQPSoftError::RESOURCELOCKED) => Self::Conflict(message),
            _ => hard(protocol.get_id(), message),
        }
    }
}

/// AMQP 0-9-1 reply codes of connection errors.
fn hard(code: u16, message: String) -> BrokerError {
    const INVALID_PATH: u16 = 402;
    const ACCESS_REFUSED: u16 = 403;
    const NOT_ALLOWED: u16 = 530;
    const NOT_IMPLEMENTED: u16 = 540;
    match code {
        INVALID_PATH | ACCESS_REFUSED | NOT_ALLOWED => BrokerError::Refused(message),
        NOT_IMPLEMENTED => BrokerError::Invalid(message),
        _ => BrokerError::Unavailable(message),
    }
}

/// Why one message is not known to be on its queue. Whatever it is, the message stays in the outbox.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PublishError {
    /// No queue is bound for the routing key (FAULTS 16).
    #[error("no queue takes the routing key: {0}")]
    Unroutable(String),
    /// A queue refused it, being full.
    #[error("a queue refused the message")]
    Nacked,
    /// The broker is short of memory or disk and takes nothing (FAULTS 19).
    #[error("the broker takes no messages: it is short of memory or disk")]
    Blocked,
    /// The confirm did not come, so the message may be on its queue or not (FAULTS 15).
    #[error("not confirmed: {0}")]
    Unconfirmed(BrokerError),
}

impl PublishError {
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Unroutable(_) | Self::Nacked | Self::Blocked => FailureClass::Waiting,
            Self::Unconfirmed(error) => error.class(),
        }
    }
}

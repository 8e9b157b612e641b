//! Why a reconcile did not get to its end, by what that asks for.

use crate::leadership::LeaseExpired;
use backends::{
    class::FailureClass,
    postgres::{ErrorClass as StoreClass, StoreError},
    qdrant::VectorError,
    rabbitmq::BrokerError,
};
use crds::Reason;

/// What a failure asks for; it drives the backoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// A person has to change something; trying again cannot help.
    Invalid,
    /// Something that nobody tells us of has to appear.
    Waiting,
    /// The same may succeed when it is tried again.
    Transient,
    /// Our own mistake.
    Bug,
    /// This process no longer leads, and ends.
    Fenced,
}

impl ErrorClass {
    /// The word in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Waiting => "waiting",
            Self::Transient => "transient",
            Self::Bug => "bug",
            Self::Fenced => "fenced",
        }
    }
}

/// A reconcile's failure. Whatever the status could say of it has been written before.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct ReconcileError {
    pub class: ErrorClass,
    pub reason: Reason,
    /// One sentence for people; it holds no secret.
    pub message: String,
}

impl ReconcileError {
    #[must_use]
    pub fn new(class: ErrorClass, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            class,
            reason,
            message: message.into(),
        }
    }

    #[must_use]
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(
            ErrorClass::Transient,
            Reason::DependencyUnavailable,
            message,
        )
    }

    #[must_use]
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Bug, Reason::InternalError, message)
    }
}

impl From<StoreError> for ReconcileError {
    fn from(error: StoreError) -> Self {
        let message = format!("Postgres: {error}");
        match error.class() {
            StoreClass::Transient | StoreClass::Schema => Self::transient(message),
            StoreClass::Fenced => {
                Self::new(ErrorClass::Fenced, Reason::DependencyUnavailable, message)
            }
            StoreClass::Invalid => Self::bug(message),
        }
    }
}

impl From<kube::Error> for ReconcileError {
    /// A conflict, a timeout and a refusal alike are tried again: the next attempt reads the object anew (FAULTS 4).
    fn from(error: kube::Error) -> Self {
        let message = format!("the Kubernetes API: {error}");
        match &error {
            kube::Error::Api(status) if status.is_invalid() => Self::bug(message),
            kube::Error::Service(cause) if cause.is::<LeaseExpired>() => {
                Self::new(ErrorClass::Fenced, Reason::DependencyUnavailable, message)
            }
            _ => Self::transient(message),
        }
    }
}

impl From<BrokerError> for ReconcileError {
    fn from(error: BrokerError) -> Self {
        of_backend(error.class(), format!("RabbitMQ: {error}"))
    }
}

impl From<VectorError> for ReconcileError {
    fn from(error: VectorError) -> Self {
        of_backend(error.class(), format!("Qdrant: {error}"))
    }
}

fn of_backend(class: FailureClass, message: String) -> ReconcileError {
    match class {
        FailureClass::Transient | FailureClass::Waiting => ReconcileError::transient(message),
        FailureClass::Conflict => {
            ReconcileError::new(ErrorClass::Invalid, Reason::Conflict, message)
        }
        FailureClass::Invalid => ReconcileError::bug(message),
    }
}

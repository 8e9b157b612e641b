//! The systems outside Kubernetes, one module each. Methods are named for their intent and answer typed errors with a class,
//! so that callers decide by class and never by an error's text.

pub mod class;
pub mod credential;
pub mod llm;
pub mod objects;
pub mod postgres;
pub mod qdrant;
pub mod rabbitmq;
pub mod sealed;

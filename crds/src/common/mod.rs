//! Vocabulary that all kinds share.

pub mod condition;
pub mod conditions;
pub mod emotion;
pub mod meta;
pub mod pending;
pub mod policy;
pub mod reasons;
pub mod reference;
pub mod rules;
pub mod schema;
pub mod worker;

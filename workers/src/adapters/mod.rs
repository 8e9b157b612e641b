//! The real systems behind [`crate::ports`].

pub mod tasks;

//! Pure rules of the product: names, messages, prompts, retry decisions and the analysis of text.
//!
//! Nothing here does IO, reads a clock or draws a random number: the same arguments always give the same answer, so that
//! any write that is derived from them can be repeated after a crash.

pub mod achievement;
pub mod digest;
pub mod experiment;
pub mod messages;
pub mod names;
pub mod notifications;
pub mod prompts;
pub mod revision;
pub mod statistics;
pub mod tasks;
pub mod text;

//! What the calls of one claim used. It stands outside the attempt, so that a cancelled attempt is still paid for.

use domain::tasks::TokenUsage;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sums usage over all texts of a claim.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Reading>);

/// What a meter has counted so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    pub usage: TokenUsage,
    /// Some response lacked its usage, so that part was counted here.
    pub estimated: bool,
    /// Model that answered last.
    pub model: Option<String>,
}

impl Meter {
    pub fn completion(
        &self,
        model: &str,
        prompt_tokens: i64,
        completion_tokens: i64,
        estimated: bool,
    ) {
        let mut reading = self.lock();
        reading.usage += TokenUsage {
            prompt_tokens,
            completion_tokens,
            embedding_tokens: 0,
        };
        reading.estimated |= estimated;
        reading.model = Some(model.to_owned());
    }

    pub fn embedding(&self, embedding_tokens: i64, estimated: bool) {
        let mut reading = self.lock();
        reading.usage += TokenUsage {
            embedding_tokens,
            ..TokenUsage::default()
        };
        reading.estimated |= estimated;
    }

    #[must_use]
    pub fn read(&self) -> Reading {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

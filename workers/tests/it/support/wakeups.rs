//! A broker that never says anything.

use async_trait::async_trait;
use worker::ports::Wakeups;

/// No message ever comes: the rows alone must be enough.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silence;

#[async_trait]
impl Wakeups for Silence {
    fn gather(&mut self) {}

    async fn next(&mut self) {
        std::future::pending().await
    }

    async fn settle(&mut self) {}
}

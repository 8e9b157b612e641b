//! The connection that hears notifications; it does nothing else, and goes to the server directly.

use super::PROGRESS_CHANNEL;
use crate::postgres::{
    StoreError,
    achievements::ACHIEVEMENTS_CHANNEL,
    api::webhooks::INBOX_CHANNEL,
    operator::{experiments::OUTCOMES_CHANNEL, prompts::PROMOTIONS_CHANNEL, runs::OUTBOX_CHANNEL},
};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::str::FromStr;

/// What was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Rows were put into the outbox.
    Outbox,
    /// Tasks changed.
    Progress,
    /// Something changed that an experiment depends on: outcomes, publications, assignments.
    Outcomes,
    /// A managed track shall name another version.
    Promotions,
    /// A webhook delivered something.
    Inbox,
    /// Records of achievements changed.
    Achievements,
}

/// Hears all channels.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    /// # Errors
    /// No connection.
    pub async fn connect(dsn: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(dsn)
            .map_err(|_| StoreError::Invalid("the database URL does not parse".to_owned()))?
            .application_name("threads-operator-listener");
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        // A lost connection is told, so that whoever listens can look for what it missed.
        listener.eager_reconnect(false);
        listener
            .listen_all([
                OUTBOX_CHANNEL,
                PROGRESS_CHANNEL,
                OUTCOMES_CHANNEL,
                PROMOTIONS_CHANNEL,
                INBOX_CHANNEL,
                ACHIEVEMENTS_CHANNEL,
            ])
            .await?;
        Ok(Self(listener))
    }

    /// The next notification.
    ///
    /// # Errors
    /// The connection is lost; what was told meanwhile is lost as well.
    pub async fn next(&mut self) -> Result<Heard, StoreError> {
        let heard = self
            .0
            .try_recv()
            .await?
            .ok_or_else(|| StoreError::Invalid("the connection was closed".to_owned()))?;
        Ok(match heard.channel() {
            OUTBOX_CHANNEL => Heard::Outbox,
            OUTCOMES_CHANNEL => Heard::Outcomes,
            PROMOTIONS_CHANNEL => Heard::Promotions,
            INBOX_CHANNEL => Heard::Inbox,
            ACHIEVEMENTS_CHANNEL => Heard::Achievements,
            _ => Heard::Progress,
        })
    }
}

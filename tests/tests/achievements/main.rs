//! Achievements on the real cluster: by webhook, by backfill where a webhook was lost, and on to exports and announcements.
#![allow(clippy::unwrap_used)]

mod github;
mod lost;
mod portfolio;
mod scene;
mod webhook;

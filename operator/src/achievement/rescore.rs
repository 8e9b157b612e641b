//! `operator rescore`: the records of a namespace are analysed once more, by the formula of the workers that run now.

use crate::cli::RescoreSettings;
use backends::postgres::operator::OperatorStore;
use secrecy::ExposeSecret;
use std::io::Write;

/// Queues the tasks and says how many. It publishes nothing: what was announced stays announced.
///
/// # Errors
/// Database errors.
pub async fn run(settings: &RescoreSettings) -> anyhow::Result<()> {
    let store = OperatorStore::read_only(settings.database_url.expose_secret())?;
    let queued = store.rescore(&settings.namespace).await?;
    writeln!(
        std::io::stdout(),
        "queued: {queued}\nnamespace: {}",
        settings.namespace
    )?;
    Ok(())
}

//! `operator experiment recompute`: the last verdict once more, from the stored rows.

use super::tell::word;
use crate::cli::RecomputeSettings;
use anyhow::Context as _;
use backends::postgres::operator::OperatorStore;
use domain::experiment::evaluate;
use secrecy::ExposeSecret;
use std::io::Write;

/// Prints verdict, digest and sentence of the stored rows, and whether they equal what was recorded.
///
/// # Errors
/// No such experiment, nothing was evaluated or the details were pruned, or the two differ.
pub async fn run(settings: &RecomputeSettings) -> anyhow::Result<()> {
    let store = OperatorStore::read_only(settings.database_url.expose_secret())?;
    let row = store
        .experiment_named(&settings.namespace, &settings.name)
        .await?
        .context("there is no experiment of this name")?;
    let stored = row
        .evaluation
        .context("the experiment was never evaluated")?;
    let gathered = store
        .counted_evidence(row.uid)
        .await?
        .context("the details of its units were pruned, so that nothing can be recomputed")?;
    let again = evaluate(&row.design, &gathered.evidence);
    let equal = again.verdict == stored.verdict && again.inputs_digest == stored.inputs_digest;
    writeln!(
        std::io::stdout(),
        "verdict: {}\ninputsDigest: {}\nunits: {}\nsentence: {}\nequal: {}",
        word(again.verdict),
        again.inputs_digest,
        gathered.evidence.units.len(),
        again.sentence,
        if equal { "yes" } else { "no" },
    )?;
    anyhow::ensure!(
        equal,
        "what is stored is {} with the digest {}",
        word(stored.verdict),
        stored.inputs_digest
    );
    Ok(())
}

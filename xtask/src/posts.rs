//! The posts of a ContentJob, as a person reads them.

use crate::{exec, native::services, paths::Instance};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A row of the view `post_listing`.
#[derive(Deserialize)]
struct Row {
    index: i32,
    state: String,
    persona: String,
    hook: Option<String>,
    body: Option<String>,
    score: Option<f64>,
    emotion: Option<String>,
    nearest: Option<String>,
    similarity: Option<f64>,
    tokens: Option<i64>,
    cost_micros: Option<i64>,
    model: Option<String>,
    standin: Option<bool>,
    error: Option<String>,
    experiment: Option<String>,
    arm: Option<String>,
}

pub fn print(instance: &Instance, namespace: &str, job: &str) -> Result<()> {
    // Kubernetes' own rule for names leaves nothing that SQL could take for anything else.
    for name in [namespace, job] {
        ensure!(
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c)),
            "`{name}` is no name that Kubernetes allows"
        );
    }
    ensure!(
        instance.kubeconfig().exists(),
        "the cluster does not run; cargo xtask up starts it"
    );
    let wanted = format!("namespace = '{namespace}' AND job = '{job}'");
    let query = format!(
        "SELECT coalesce(json_agg(l ORDER BY l.index), '[]') FROM post_listing l
        WHERE {wanted} AND run_created_at = (SELECT max(run_created_at) FROM post_listing WHERE {wanted})"
    );
    let text =
        exec::output(services::psql(instance, services::INSTALL)?.args(["-At", "-c", &query]))?;
    let rows: Vec<Row> = serde_json::from_str(text.trim()).context("reading post_listing")?;
    if rows.is_empty() {
        println!(
            "No ContentJob `{job}` with tasks in namespace `{namespace}`; kubectl get contentjobs -A lists them."
        );
        return Ok(());
    }
    if rows.iter().any(|row| row.standin == Some(true)) {
        println!(
            "Written by the offline stand-in model: these texts show that the system works, not how a model writes.\n"
        );
    }
    for row in &rows {
        show(row);
    }
    Ok(())
}

fn show(row: &Row) {
    println!("── {} of {} · {}", row.index + 1, row.persona, row.state);
    if let (Some(hook), Some(body)) = (&row.hook, &row.body) {
        println!("{hook}\n\n{body}\n");
        let unknown = || "unknown".to_owned();
        println!(
            "   score {} · emotion {} · nearest {} · tokens {} · cost {} · model {}",
            row.score
                .map_or_else(unknown, |score| format!("{score:.1}")),
            row.emotion.as_deref().unwrap_or("none"),
            match (&row.nearest, row.similarity) {
                (Some(id), Some(similarity)) => format!("{id} ({similarity:.1} % alike)"),
                _ => "none".to_owned(),
            },
            row.tokens.map_or_else(unknown, |tokens| tokens.to_string()),
            row.cost_micros.map_or_else(
                || "unknown (no price list)".to_owned(),
                |micros| format!("{:.6}", micros as f64 / 1e6)
            ),
            row.model.as_deref().unwrap_or("unknown"),
        );
    }
    if let Some(arm) = &row.arm {
        let experiment = row.experiment.as_deref().unwrap_or("unknown");
        println!("   experiment {experiment} · arm {arm}");
    }
    if let Some(error) = &row.error {
        println!("   {error}");
    }
    println!();
}

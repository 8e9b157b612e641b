//! The posts of a ContentJob, as a person reads them.

use crate::{exec, native::services, paths::Instance};
use anyhow::{Context, Result};
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
}

pub fn print(instance: &Instance, namespace: &str, job: &str) -> Result<()> {
    let query = "SELECT coalesce(json_agg(l ORDER BY l.run_created_at, l.index), '[]') FROM post_listing l
        WHERE l.namespace = :'namespace' AND l.job = :'job'
          AND l.run_created_at = (SELECT max(run_created_at) FROM post_listing WHERE namespace = :'namespace' AND job = :'job')";
    let file = instance.run.join("posts.sql");
    std::fs::write(&file, query).context("the cluster does not run; cargo xtask up starts it")?;
    let mut psql = services::psql(instance, services::INSTALL)?;
    let text = exec::output(
        psql.args([
            "-At",
            "-v",
            &format!("namespace={namespace}"),
            "-v",
            &format!("job={job}"),
            "-f",
        ])
        .arg(&file),
    )?;
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
    if let Some(error) = &row.error {
        println!("   {error}");
    }
    println!();
}

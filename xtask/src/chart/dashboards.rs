//! Dashboards as the chart sends them: each a ConfigMap that holds the generated file unchanged.

use super::{folder, rendered};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;

pub fn all() -> Result<()> {
    let rendered = rendered(&[
        "--set=monitoring.dashboards.enabled=true".into(),
        "--show-only=templates/dashboards.yaml".into(),
    ])?;
    let maps: Vec<Value> = serde_saphyr::from_multiple(&rendered).context("as YAML")?;
    let mut sent = 0;
    for map in &maps {
        for (file, text) in map["data"].as_object().into_iter().flatten() {
            let sends: Value = serde_json::from_str(text.as_str().unwrap_or_default())
                .with_context(|| format!("{file} as the chart sends it"))?;
            let generated = fs::read(folder().join("monitoring/dashboards").join(file))
                .with_context(|| file.clone())?;
            ensure!(
                sends == serde_json::from_slice::<Value>(&generated)?,
                "{file} is sent otherwise than it was generated"
            );
            sent += 1;
        }
    }
    let generated = fs::read_dir(folder().join("monitoring/dashboards"))?.count();
    ensure!(
        sent == generated,
        "{sent} of {generated} dashboards are sent"
    );
    Ok(())
}

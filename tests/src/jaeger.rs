//! Traces as Jaeger has them.

use anyhow::{Context, Result};
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where traces are read.
pub struct Jaeger {
    http: Client,
    base: String,
}

/// One span, with the name of its parent where Jaeger has that.
#[derive(Debug, Clone)]
pub struct Span {
    pub service: String,
    pub name: String,
    /// Name of the parent, or its id where it was sent to nobody.
    pub parent: Option<String>,
    pub tags: BTreeMap<String, Value>,
    /// Log lines that hang on the span.
    pub events: usize,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Trace>,
}

#[derive(Deserialize)]
struct Trace {
    spans: Vec<Raw>,
    processes: BTreeMap<String, Process>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    service_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(rename = "spanID")]
    id: String,
    operation_name: String,
    #[serde(default)]
    references: Vec<Reference>,
    #[serde(rename = "processID")]
    process: String,
    tags: Vec<Tag>,
    #[serde(default)]
    logs: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "spanID")]
    id: String,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    value: Value,
}

impl Jaeger {
    /// None where the environment names no Jaeger.
    #[must_use]
    pub fn connect() -> Option<Self> {
        let Ok(base) = std::env::var("TEST_JAEGER_URL") else {
            eprintln!("skipped: TEST_JAEGER_URL is not set; `cargo xtask test` sets it");
            return None;
        };
        Some(Self {
            http: Client::new(),
            base,
        })
    }

    /// The spans of a trace that have arrived; none of a trace that nobody sent.
    ///
    /// # Errors
    /// Jaeger does not answer, or in another form.
    pub async fn trace(&self, id: &str) -> Result<Vec<Span>> {
        let url = format!("{}/api/traces/{id}", self.base);
        let answered = self.http.get(url).send().await?;
        if answered.status() == http::StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        let answer: Answer = serde_json::from_slice(&answered.error_for_status()?.bytes().await?)?;
        let trace = answer
            .data
            .into_iter()
            .next()
            .context("an answer without a trace")?;
        let names: BTreeMap<String, String> = (trace.spans.iter())
            .map(|span| (span.id.clone(), span.operation_name.clone()))
            .collect();
        let spans = trace.spans.into_iter().map(|raw| Span {
            service: (trace.processes.get(&raw.process))
                .map_or_else(String::new, |process| process.service_name.clone()),
            parent: (raw.references.first())
                .map(|parent| names.get(&parent.id).unwrap_or(&parent.id).clone()),
            name: raw.operation_name,
            tags: raw
                .tags
                .into_iter()
                .map(|tag| (tag.key, tag.value))
                .collect(),
            events: raw.logs.map_or(0, |logs| logs.len()),
        });
        Ok(spans.collect())
    }
}

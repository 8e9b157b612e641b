//! `--model-endpoint`: a real model behind the examples, and what has to be opened for it.

use crate::{exec, paths, paths::Instance};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Where the endpoint's key is read from, so that it shows in no list of processes.
const KEY_VARIABLE: &str = "MODEL_API_KEY";
/// Secret of the examples' namespace that holds the key.
const SECRET: &str = "model-endpoint-key";

#[derive(Args)]
#[group(skip)]
pub struct Options {
    /// Base URL of an OpenAI-compatible endpoint that writes the examples' posts; its key is read from MODEL_API_KEY.
    #[arg(long, value_name = "URL", requires = "model")]
    model_endpoint: Option<String>,
    /// Name of the model at that endpoint.
    #[arg(long, value_name = "NAME", requires = "model_endpoint")]
    model: Option<String>,
}

/// A real model in place of the stand-in.
pub struct Endpoint {
    url: String,
    model: String,
    host: String,
    key: String,
    /// Whether Pods must reach addresses that are not this cluster's own.
    pub outside: bool,
}

impl Endpoint {
    /// The endpoint that was asked for, if one was.
    pub fn of(options: &Options, instance: &Instance) -> Result<Option<Self>> {
        let (Some(url), Some(model)) = (&options.model_endpoint, &options.model) else {
            return Ok(None);
        };
        let host = host_of(url)?;
        if ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"].contains(&host) {
            bail!(
                "a Pod cannot reach {host} of this machine; let the server listen on {} and name that address",
                instance.host_address()
            );
        }
        Ok(Some(Self {
            url: url.clone(),
            model: model.clone(),
            outside: host != instance.host_address(),
            host: host.to_owned(),
            key: std::env::var(KEY_VARIABLE).unwrap_or_else(|_| "none".to_owned()),
        }))
    }

    /// What a person should know that this opens.
    pub fn notice(&self) -> String {
        let mut text = format!(
            "The posts are written by {} at {}: the examples' texts and prompts are sent there, with the key of Secret default/{SECRET}.",
            self.model, self.host
        );
        if self.outside {
            text.push_str(
                "\nFor that, every Pod of this cluster may now reach addresses outside of it and look any name up; `cargo xtask up` without the option closes both again.",
            );
        }
        text.push_str("\nEmbeddings and moderation still come from the offline stand-in.");
        text
    }

    /// Turns the examples into ones that use this model. Another endpoint or model is another run of each job.
    fn rewrite(&self, object: &mut Value) {
        match object["kind"].as_str() {
            Some("Persona") => {
                object["spec"]["model"]["endpoint"] = json!(self.url);
                object["spec"]["model"]["name"] = json!(self.model);
                object["spec"]["model"]["apiKeySecretRef"] = json!({"name": SECRET});
            }
            Some("ContentJob") => {
                let digest = Sha256::digest(format!("{} {}", self.url, self.model));
                object["spec"]["runId"] = json!(format!(
                    "model-{:02x}{:02x}{:02x}",
                    digest[0], digest[1], digest[2]
                ));
            }
            _ => {}
        }
    }

    fn secret(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {
                "name": SECRET, "namespace": "default",
                "labels": {"threads-agent.io/use": "model"},
                "annotations": {"threads-agent.io/hosts": self.host},
            },
            "stringData": {"api-key": self.key},
        })
    }
}

/// The examples as one list of manifests, for the model that was asked for.
pub fn examples(
    kubectl: &Path,
    instance: &Instance,
    endpoint: Option<&Endpoint>,
) -> Result<String> {
    let rendered = exec::output(
        std::process::Command::new(kubectl)
            .env("KUBECONFIG", instance.kubeconfig())
            .args([
                "create",
                "--dry-run=client",
                "-o",
                "json",
                "-n",
                "default",
                "-k",
            ])
            .arg(paths::project().join("examples")),
    )?;
    let mut items = Vec::new();
    for document in serde_json::Deserializer::from_str(&rendered).into_iter::<Value>() {
        match document.context("reading the rendered examples")? {
            mut list if list["kind"] == "List" => {
                items.extend(
                    list["items"]
                        .as_array_mut()
                        .map(std::mem::take)
                        .unwrap_or_default(),
                );
            }
            object => items.push(object),
        }
    }
    if let Some(endpoint) = endpoint {
        items.iter_mut().for_each(|object| endpoint.rewrite(object));
        items.insert(0, endpoint.secret());
    }
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string())
}

/// Host of an http or https URL, without user and port.
fn host_of(url: &str) -> Result<&str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .with_context(|| format!("`{url}` does not begin with http:// or https://"))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        bail!("the URL must not hold a user; put the key into {KEY_VARIABLE}");
    }
    let host = match authority.find(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or_default(),
    };
    anyhow::ensure!(!host.is_empty(), "`{url}` names no host");
    Ok(host)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_host_of_a_url_is_what_stands_before_port_and_path() {
        assert_eq!(
            host_of("https://api.openai.com/v1").unwrap(),
            "api.openai.com"
        );
        assert_eq!(
            host_of("http://10.241.255.1:9000/v1").unwrap(),
            "10.241.255.1"
        );
        assert_eq!(host_of("http://[fd00::1]:80/v1").unwrap(), "[fd00::1]");
        assert!(host_of("ftp://x/v1").is_err());
        assert!(host_of("https://key@host/v1").is_err());
        assert!(host_of("http:///v1").is_err());
    }

    #[test]
    fn a_real_model_changes_personas_and_begins_another_run() {
        let endpoint = Endpoint {
            url: "https://api.example.com/v1".into(),
            model: "m".into(),
            host: "api.example.com".into(),
            key: "k".into(),
            outside: true,
        };
        let mut persona = json!({"kind": "Persona", "spec": {"model": {"endpoint": "http://llm", "name": "s", "maxOutputTokens": 400}}});
        endpoint.rewrite(&mut persona);
        assert_eq!(
            persona["spec"]["model"]["endpoint"],
            "https://api.example.com/v1"
        );
        assert_eq!(persona["spec"]["model"]["maxOutputTokens"], 400);
        let mut job = json!({"kind": "ContentJob", "spec": {}});
        endpoint.rewrite(&mut job);
        assert!(job["spec"]["runId"].as_str().unwrap().starts_with("model-"));
        assert_eq!(
            endpoint.secret()["metadata"]["annotations"]["threads-agent.io/hosts"],
            "api.example.com"
        );
    }
}

//! The stand-in of GitHub that the cluster's workers reach.

use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::{Value, json};

pub struct GitHub {
    http: Client,
    pub url: String,
}

impl GitHub {
    /// None where there is no cluster.
    pub fn connect() -> Option<Self> {
        let url = std::env::var("TEST_GITHUB_URL").ok()?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        Some(Self {
            http: Client::new(),
            url,
        })
    }

    /// Host as a Secret's annotation names it.
    pub fn host(&self) -> String {
        url::Url::parse(&self.url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// An empty repository; one of the same name is forgotten.
    pub async fn repository(&self, owner: &str, name: &str) -> Result<()> {
        let plan = json!({"owner": owner, "name": name});
        self.control("/control/repositories", &plan).await.map(drop)
    }

    /// Something happens in a repository; answers the delivery that GitHub would send for a merge.
    pub async fn happens(&self, deed: &Value) -> Result<Value> {
        self.control("/control/deeds", deed).await
    }

    async fn control(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self
            .http
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await?
            .error_for_status()
            .context("the stand-in of GitHub")?;
        Ok(serde_json::from_str(&answer.text().await?).unwrap_or(Value::Null))
    }
}

//! The product's REST API, as a caller with a key of one namespace sees it.

use crate::Cluster;
use anyhow::{Context, Result, ensure};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use sha2::Sha256;

/// Base URL of the API of the cluster under test.
const URL: &str = "TEST_API_URL";
/// The same for achievements and webhooks.
const ACHIEVEMENTS_URL: &str = "TEST_ACHIEVEMENTS_URL";

pub struct Api {
    http: Client,
    base: String,
    key: String,
}

impl Api {
    /// With a key of its own for `namespace`.
    ///
    /// # Errors
    /// No URL, or a key that could not be made.
    pub async fn connect(cluster: &Cluster, namespace: &str) -> Result<Self> {
        Self::at(URL, cluster, namespace).await
    }

    /// The same for achievements.
    ///
    /// # Errors
    /// No URL, or a key that could not be made.
    pub async fn of_achievements(cluster: &Cluster, namespace: &str) -> Result<Self> {
        Self::at(ACHIEVEMENTS_URL, cluster, namespace).await
    }

    async fn at(url: &str, cluster: &Cluster, namespace: &str) -> Result<Self> {
        Ok(Self {
            http: Client::new(),
            base: std::env::var(url).with_context(|| url.to_owned())?,
            key: cluster.api_key(namespace).await?,
        })
    }

    /// Delivers a webhook, signed with `secret`; answers its status and text.
    ///
    /// # Errors
    /// No answer.
    pub async fn deliver(
        &self,
        path: &str,
        (event, id): (&str, &str),
        secret: &str,
        body: &Value,
    ) -> Result<(StatusCode, String)> {
        let body = body.to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
        mac.update(body.as_bytes());
        let digest: String = mac
            .finalize()
            .into_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let answer = self
            .http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-github-delivery", id)
            .header("x-hub-signature-256", format!("sha256={digest}"))
            .body(body)
            .send()
            .await?;
        Ok((answer.status(), answer.text().await?))
    }

    /// # Errors
    /// Another answer than success, with what it says.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, "application/json", String::new())
            .await
    }

    /// # Errors
    /// Another answer than success, with what it says.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, "application/json", body.to_string())
            .await
    }

    /// # Errors
    /// Another answer than success, with what it says.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(Method::PUT, path, "application/json", body.to_string())
            .await
    }

    /// What a link leads to; no key goes along.
    ///
    /// # Errors
    /// Another answer than success.
    pub async fn download(link: &str) -> Result<Vec<u8>> {
        let answer = Client::new().get(link).send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }

    /// Sends outcomes, one JSON object a line; answers what became of them.
    ///
    /// # Errors
    /// Another answer than success, with what it says.
    pub async fn outcomes(&self, lines: &str) -> Result<Value> {
        self.call(
            Method::POST,
            "/outcomes",
            "application/x-ndjson",
            lines.to_owned(),
        )
        .await
    }

    async fn call(&self, method: Method, path: &str, kind: &str, body: String) -> Result<Value> {
        let (status, text) = self.raw(method.clone(), path, kind, body).await?;
        ensure!(
            status.is_success(),
            "{method} {path} answered {status}: {text}"
        );
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Status and text of an answer, whatever it is.
    ///
    /// # Errors
    /// No answer.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: String,
    ) -> Result<(StatusCode, String)> {
        let answer = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.key)
            .header("content-type", kind)
            .body(body)
            .send()
            .await?;
        Ok((answer.status(), answer.text().await?))
    }
}

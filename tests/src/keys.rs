//! API keys, made as `api keys create` makes them.

use crate::Cluster;
use anyhow::{Context, Result};
use api::key::{ApiKey, Pepper, Verb};
use backends::postgres::api::keys::{KeyStore, NewKey};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use secrecy::ExposeSecret;

const VERBS: [Verb; 7] = [
    Verb::PostsRead,
    Verb::PostsWrite,
    Verb::OutcomesWrite,
    Verb::ExperimentsRead,
    Verb::ExperimentsWrite,
    Verb::AchievementsRead,
    Verb::AchievementsWrite,
];

impl Cluster {
    /// A key of one namespace that may do everything there.
    ///
    /// # Errors
    /// No pepper, or no database.
    pub async fn api_key(&self, namespace: &str) -> Result<String> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), "threads-system");
        let data = secrets.get("threads-api").await?.data.unwrap_or_default();
        let pepper = data.get("pepper").context("pepper in Secret threads-api")?;
        let pepper = Pepper::new(String::from_utf8(pepper.0.clone())?.into())?;
        let key = ApiKey::generate();
        let verbs = VERBS.map(|verb| verb.as_str().to_owned());
        KeyStore::connect(&self.database_url)
            .await?
            .create(&NewKey {
                id: &key.id,
                namespace,
                name: "e2e",
                verbs: &verbs,
                hash: &pepper.hash(&key),
                expires_at: None,
            })
            .await?;
        Ok(key.expose().expose_secret().to_owned())
    }
}

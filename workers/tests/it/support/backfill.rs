//! A source of the repository `acme/shop` on the stand-in of GitHub's REST API, filled within this process.
#![allow(clippy::unwrap_used)]

use super::analysis::Office;
use backends::postgres::worker::WorkerStore;
use clap::Parser;
use github_dev::{Fault, Plan, Running};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};
use uuid::Uuid;
use worker::{
    backfill::{
        Ending,
        cli::Settings,
        host::{Patience, TransportSettings},
        run::backfill,
    },
    stop::Stop,
};

pub const TOKEN: &str = "ghp_canary0123456789";

pub struct Scene {
    pub office: Office,
    pub stand: Running,
    pub files: PathBuf,
}

impl Scene {
    /// With so many merged pull requests; none where no Postgres was offered.
    pub async fn create(pulls: u32) -> Option<Self> {
        // Fails only where a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let office = Office::create().await?;
        let stand = Running::start().await.unwrap();
        stand.world.add(&Plan {
            pulls,
            ..Plan::default()
        });
        let files = std::env::temp_dir().join(format!("backfill-{}", Uuid::new_v4()));
        for (name, content) in [
            ("credentials/database-url", office.worker_url()),
            ("keys/github", TOKEN.to_owned()),
        ] {
            let file = files.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        let scene = Self {
            office,
            stand,
            files,
        };
        scene.declare(json!({})).await;
        Some(scene)
    }

    /// The source's settings, but for these.
    pub async fn declare(&self, changes: Value) {
        let mut settings = json!({"host": "github.com", "apiBaseUrl": self.stand.api_base_url(), "owner": "acme",
            "repository": "shop", "filters": {"includeBots": true}, "since": null, "backfillEverySeconds": 3600, "resources": 20,
            "embedding": null, "publish": {}, "token": true});
        for (name, value) in changes.as_object().unwrap() {
            settings[name] = value.clone();
        }
        self.office.settings(settings).await;
    }

    pub fn fault(&self, faults: impl IntoIterator<Item = Fault>) {
        self.stand.world.lock().faults.list = faults.into_iter().collect();
    }

    /// One backfill, by a worker of this namespace.
    pub async fn run(&self) -> Ending {
        self.run_as(
            &self.office.worker_url(),
            &Stop::new(Duration::from_secs(20)),
        )
        .await
    }

    pub async fn run_as(&self, database_url: &str, stop: &Stop) -> Ending {
        let settings = Settings::parse_from([
            "worker backfill",
            "--source-uid",
            &self.office.source.to_string(),
            "--credentials-digest",
            "credentials",
            "--keys-dir",
            self.files.join("keys").to_str().unwrap(),
        ]);
        let store = WorkerStore::connect_lazy(database_url).unwrap();
        let patience = Patience {
            limit: Duration::from_secs(2),
            ..Patience::default()
        };
        backfill(
            &settings,
            store,
            &TransportSettings::default(),
            patience,
            stop,
        )
        .await
        .unwrap()
    }

    /// Records of pull requests.
    pub async fn records(&self) -> i64 {
        self.office
            .number("SELECT count(*) FROM achievements WHERE pull_request IS NOT NULL")
            .await
    }

    pub async fn evidence(&self) -> i64 {
        self.office
            .number("SELECT count(*) FROM achievement_evidence")
            .await
    }

    /// How often each pull request itself was answered, most often first.
    pub fn asked_of_each(&self) -> Vec<usize> {
        let mut counts = std::collections::BTreeMap::<String, usize>::new();
        for (status, path) in &self.stand.world.lock().asked {
            let number = path.rsplit('/').next().unwrap_or_default();
            if *status == 200 && path.contains("/pulls/") && number.parse::<i64>().is_ok() {
                *counts.entry(number.to_owned()).or_default() += 1;
            }
        }
        let mut counts: Vec<usize> = counts.into_values().collect();
        counts.sort_unstable_by(|one, other| other.cmp(one));
        counts
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.files);
    }
}

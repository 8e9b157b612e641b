//! `worker backfill` as Kubernetes starts it, over the stand-in of GitHub's REST API and a real Postgres.
#![allow(clippy::unwrap_used)]

use crate::support::analysis::Office;
use github_dev::{Fault, FaultKind, Plan, Running};
use serde_json::json;
use std::{path::PathBuf, process::Command};
use uuid::Uuid;

struct Pod {
    office: Office,
    stand: Running,
    files: PathBuf,
}

impl Pod {
    /// A source of a repository with so many merged pull requests.
    async fn create(pulls: u32) -> Option<Self> {
        let office = Office::create().await?;
        let stand = Running::start().await.unwrap();
        stand.world.add(&Plan {
            pulls,
            ..Plan::default()
        });
        let files = std::env::temp_dir().join(format!("backfill-pod-{}", Uuid::new_v4()));
        for (name, content) in [
            ("credentials/database-url", office.worker_url()),
            ("keys/github", "ghp_canary0123456789".to_owned()),
        ] {
            let file = files.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        let settings = json!({"host": "github.com", "apiBaseUrl": stand.api_base_url(), "owner": "acme", "repository": "shop",
            "filters": {"includeBots": true}, "since": null, "backfillEverySeconds": 3600, "resources": 20, "embedding": null,
            "publish": {}, "token": true});
        office.settings(settings).await;
        Some(Self {
            office,
            stand,
            files,
        })
    }

    /// Runs the program to its end; answers its log.
    async fn run(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
        command
            .arg("backfill")
            .env("RUST_LOG", "info")
            .env("THREADS_SOURCE_UID", self.office.source.to_string())
            .env("THREADS_CREDENTIALS_DIGEST", "credentials")
            .env("POD_NAME", "pod-0")
            .env("CREDENTIALS_DIR", self.files.join("credentials"))
            .env("KEYS_DIR", self.files.join("keys"))
            .env("HTTPS_PROXY", "")
            .env("CA_BUNDLE", "");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        let log = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(0), "{log}");
        assert!(!log.contains("canary"), "FAULTS 60: {log}");
        log
    }

    async fn records(&self) -> i64 {
        self.office
            .number("SELECT count(*) FROM achievements WHERE pull_request IS NOT NULL")
            .await
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.files);
    }
}

/// A lost webhook is found: what was merged is recorded once, however often a backfill runs.
#[tokio::test]
async fn a_backfill_finds_what_was_merged_and_finds_it_once() {
    let Some(pod) = Pod::create(60).await else {
        return;
    };
    let log = pod.run().await;
    assert_eq!(pod.records().await, 60, "{log}");
    let evidence = "SELECT count(*) FROM achievement_evidence";
    let found = pod.office.number(evidence).await;
    assert!(found > 0, "pushes, releases and deployments too: {log}");
    let caught_up = "SELECT count(*) FROM achievement_sources WHERE caught_up_at IS NOT NULL AND reach_error IS NULL";
    assert_eq!(pod.office.number(caught_up).await, 1, "{log}");
    pod.run().await;
    assert_eq!(pod.records().await, 60);
    assert_eq!(pod.office.number(evidence).await, found);
}

/// FAULTS 51: a host that fails in the middle leaves what was read; the next backfill goes on from there.
#[tokio::test]
async fn a_backfill_that_broke_off_goes_on_from_its_cursor() {
    let Some(pod) = Pod::create(250).await else {
        return;
    };
    pod.stand.world.lock().faults.list = vec![
        Fault::new(FaultKind::Status(503), "/pulls")
            .after(1)
            .times(1_000),
    ];
    pod.run().await;
    let first = pod.records().await;
    let error = "SELECT count(*) FROM achievement_sources WHERE reach_error IS NOT NULL";
    assert_eq!(pod.office.number(error).await, 1, "the source says why");
    assert!(first < 250, "{first}");
    pod.stand.world.lock().faults.list = vec![];
    pod.run().await;
    assert_eq!(pod.records().await, 250);
    assert_eq!(pod.office.number(error).await, 0);
}

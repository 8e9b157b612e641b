//! The engagement series against Debian's InfluxDB 1.6, and against the path of InfluxDB 2.
#![allow(clippy::unwrap_used)]

use backends::influx::{Fate, Influx, InfluxSettings, Lines};
use reqwest::Client;
use serde_json::Value;
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path, query_param},
};

const PROGRAM: &str = "/usr/bin/influxd";
const PATIENCE: Duration = Duration::from_secs(30);

/// A private server; the process and its data go with it.
struct Server {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Server {
    /// None where it is not installed.
    async fn start() -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            eprintln!("skipped: no InfluxDB; `cargo xtask test` installs it");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("influx-{}", Uuid::new_v4().simple()));
        fs::create_dir_all(&folder).unwrap();
        let (port, backup) = (free_port(), free_port());
        let data = folder.display();
        let configuration = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{backup}\"\n[meta]\ndir = \"{data}/meta\"\n[data]\ndir = \"{data}/data\"\nwal-dir = \"{data}/wal\"\n[http]\nbind-address = \"127.0.0.1:{port}\"\nlog-enabled = false\n[monitor]\nstore-enabled = false\n"
        );
        fs::write(folder.join("influx.conf"), configuration).unwrap();
        let process = run(&folder);
        let server = Self {
            process,
            folder,
            port,
        };
        server.answers().await;
        server.query("CREATE DATABASE threads").await;
        Some(server)
    }

    async fn answers(&self) {
        let ping = format!("http://127.0.0.1:{}/ping", self.port);
        eventually("InfluxDB answers", async || {
            http().get(&ping).send().await.is_ok()
        })
        .await;
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    async fn restart(&mut self) {
        self.process = run(&self.folder);
        self.answers().await;
    }

    async fn query(&self, statement: &str) -> Value {
        let mut url = self.url("query");
        url.query_pairs_mut().append_pair("q", statement);
        let answered = http().post(url).send().await.unwrap();
        serde_json::from_slice(&answered.bytes().await.unwrap()).unwrap()
    }

    fn url(&self, route: &str) -> reqwest::Url {
        format!("http://127.0.0.1:{}/{route}?db=threads", self.port)
            .parse()
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn run(folder: &Path) -> Child {
    Command::new(PROGRAM)
        .arg("-config")
        .arg(folder.join("influx.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A client needs a provider of cryptography, which each binary installs.
fn http() -> Client {
    // Fails only where one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Points by what became of them.
#[derive(Default)]
struct Counts([AtomicU64; 2]);

impl Counts {
    fn of(&self, fate: Fate) -> u64 {
        self.0[fate as usize].load(Ordering::SeqCst)
    }
}

fn start(url: reqwest::Url, authorization: Option<&str>) -> (Influx, Arc<Counts>) {
    let _ = http();
    let counts = Arc::new(Counts::default());
    let told = counts.clone();
    let settings = InfluxSettings {
        url,
        authorization: authorization.map(Into::into),
    };
    let counted = Arc::new(move |fate: Fate, count| {
        told.0[fate as usize].fetch_add(count, Ordering::SeqCst);
    });
    (Influx::start(&settings, counted).unwrap().0, counts)
}

fn point(post: &str, value: u32) -> Lines {
    Lines {
        text: format!("engagement,metric=likes,post={post} value={value} 1795514400000000000\n")
            .into_bytes(),
        count: 1,
    }
}

#[tokio::test]
async fn points_are_written_dropped_while_it_is_away_and_written_again() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let (influx, counts) = start(server.url("write"), None);
    influx.offer(point("a", 12));
    influx.offer(point("b", 3));
    eventually("both are written", async || counts.of(Fate::Written) == 2).await;
    let answer = server.query("SELECT sum(value) FROM engagement").await;
    let series = &answer["results"][0]["series"][0];
    assert_eq!(series["values"][0][1], 15.0, "{answer}");

    server.kill();
    influx.offer(point("c", 1));
    eventually("it is dropped", async || counts.of(Fate::Dropped) == 1).await;
    server.restart().await;
    influx.offer(point("d", 1));
    eventually("writing goes on", async || counts.of(Fate::Written) == 3).await;
}

#[tokio::test]
async fn a_refusal_is_counted_and_loses_its_own_batch_only() {
    let Some(server) = Server::start().await else {
        return;
    };
    let (influx, counts) = start(server.url("write"), None);
    influx.offer(Lines {
        text: b"no line protocol\n".to_vec(),
        count: 1,
    });
    eventually("it is dropped", async || counts.of(Fate::Dropped) == 1).await;
    influx.offer(point("a", 1));
    eventually("the next is written", async || {
        counts.of(Fate::Written) == 1
    })
    .await;
}

#[tokio::test]
async fn the_path_and_token_of_version_2_are_settings() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/api/v2/write"))
        .and(query_param("org", "acme"))
        .and(query_param("bucket", "threads"))
        .and(query_param("precision", "ns"))
        .and(header("authorization", "Token t"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let url = format!("{}/api/v2/write?org=acme&bucket=threads", server.uri());
    let (influx, counts) = start(url.parse().unwrap(), Some("Token t"));
    influx.offer(point("a", 1));
    eventually("it is written", async || counts.of(Fate::Written) == 1).await;
}

/// A receiver that hangs costs points, never memory and never the caller's time.
#[tokio::test]
async fn what_there_is_no_room_for_is_dropped_at_once() {
    let server = MockServer::start().await;
    let hangs = ResponseTemplate::new(204).set_delay(Duration::from_secs(60));
    Mock::given(method("POST"))
        .respond_with(hangs)
        .mount(&server)
        .await;
    let (influx, counts) = start(server.uri().parse().unwrap(), None);
    for _ in 0..40 {
        influx.offer(Lines {
            count: 5_000,
            ..point("a", 1)
        });
    }
    assert!(counts.of(Fate::Dropped) >= 20 * 5_000);
}

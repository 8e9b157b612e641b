//! InfluxDB's line protocol over HTTP: lines are written in batches or dropped, and nobody ever waits for the receiver.
//!
//! Source: <https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_tutorial/>.

use bytes::Bytes;
use reqwest::{Client, Url, header};
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinHandle,
    time::timeout,
};

/// Lines of one request; what InfluxDB recommends.
const BATCH_LINES: u64 = 5_000;
/// Lines wait this long for company.
const LINGER: Duration = Duration::from_secs(1);
/// A receiver that takes longer is away.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Offers that wait while a request is under way; further ones are dropped.
const WAITING: usize = 16;

/// Where lines are written.
#[derive(Debug, Clone)]
pub struct InfluxSettings {
    /// URL with path and query, for example `http://influx:8086/write?db=threads` or
    /// `https://influx/api/v2/write?org=acme&bucket=threads`; `precision=ns` is added.
    pub url: Url,
    /// Value of the header `Authorization`, for example `Token …` or `Basic …`.
    pub authorization: Option<SecretString>,
}

/// What became of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Written,
    /// The receiver refused them, was away, or too many waited for it.
    Dropped,
}

/// Lines that were offered together.
#[derive(Debug)]
pub struct Lines {
    /// Line protocol, each line ended by a line feed.
    pub text: Vec<u8>,
    pub count: u64,
}

/// Hears what became of lines.
pub type Counted = Arc<dyn Fn(Fate, u64) + Send + Sync>;

/// One hand on the writer.
#[derive(Clone)]
pub struct Influx {
    offers: mpsc::Sender<Lines>,
    counted: Counted,
}

impl std::fmt::Debug for Influx {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Influx").finish_non_exhaustive()
    }
}

impl Influx {
    /// Starts to write in the background; the task ends, after what waits, when the last hand is gone.
    ///
    /// # Errors
    /// An `authorization` that is no value of a header, or certificates that cannot be read.
    pub fn start(
        settings: &InfluxSettings,
        counted: Counted,
    ) -> Result<(Self, JoinHandle<()>), String> {
        let writer = Writer::new(settings, counted.clone())?;
        let (offers, waiting) = mpsc::channel(WAITING);
        let writing = tokio::spawn(writer.run(waiting));
        Ok((Self { offers, counted }, writing))
    }

    /// Never waits and never fails: what there is no room for is counted as dropped.
    pub fn offer(&self, lines: Lines) {
        if lines.count == 0 {
            return;
        }
        if let Err(TrySendError::Full(lines) | TrySendError::Closed(lines)) =
            self.offers.try_send(lines)
        {
            (self.counted)(Fate::Dropped, lines.count);
        }
    }
}

struct Writer {
    http: Client,
    url: Url,
    counted: Counted,
    /// Whether the last batch was dropped: the log tells of the first and of the end only.
    away: bool,
}

impl Writer {
    fn new(settings: &InfluxSettings, counted: Counted) -> Result<Self, String> {
        let mut headers = header::HeaderMap::new();
        if let Some(authorization) = &settings.authorization {
            let mut value = header::HeaderValue::from_str(authorization.expose_secret())
                .map_err(|_| "the authorization is no value of a header".to_owned())?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let http = Client::builder()
            .default_headers(headers)
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        let mut url = settings.url.clone();
        url.query_pairs_mut().append_pair("precision", "ns");
        Ok(Self {
            http,
            url,
            counted,
            away: false,
        })
    }

    async fn run(mut self, mut offers: mpsc::Receiver<Lines>) {
        while let Some(mut batch) = offers.recv().await {
            let gathering = async {
                while batch.count < BATCH_LINES {
                    let Some(more) = offers.recv().await else {
                        break;
                    };
                    batch.text.extend_from_slice(&more.text);
                    batch.count += more.count;
                }
            };
            // Elapsed: what came so far is the batch.
            let _ = timeout(LINGER, gathering).await;
            self.write(batch).await;
        }
    }

    async fn write(&mut self, batch: Lines) {
        let sent = self
            .http
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Bytes::from(batch.text))
            .send()
            .await;
        // The URL may hold a password: neither it nor an answer's body is told.
        let trouble = match sent {
            Ok(answered) if answered.status().is_success() => None,
            Ok(answered) => Some(format!("it answered {}", answered.status())),
            Err(error) => Some(error.without_url().to_string()),
        };
        let fate = trouble.as_ref().map_or(Fate::Written, |_| Fate::Dropped);
        (self.counted)(fate, batch.count);
        match trouble {
            Some(trouble) if !self.away => {
                tracing::warn!(
                    trouble,
                    "InfluxDB takes nothing; points are dropped until it does"
                );
            }
            None if self.away => tracing::info!("InfluxDB takes points again"),
            _ => {}
        }
        self.away = fate == Fate::Dropped;
    }
}

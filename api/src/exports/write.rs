//! One export: from records to an object.

use super::ExportRequest;
use backends::{
    objects::{Objects, Presented},
    postgres::api::{
        ApiStore,
        achievements::{AchievementRow, ClaimedExport, LeftOutRecords, WrittenExport},
    },
};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use jiff::Timestamp;
use portfolio::{Item, LeftOut, Portfolio, RenderError};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::{self, Write};
use tokio::sync::mpsc;

/// Bytes that go to the object store at once.
const PIECE: usize = 64 * 1024;
/// Pieces between the writer of the document and the object store.
const PIECES_AHEAD: usize = 4;

/// Why nothing was written.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The same request may succeed when it is tried again.
    Later(String),
    Never(String),
}

pub(super) async fn write(
    store: &ApiStore,
    objects: &Objects,
    claimed: &ClaimedExport,
) -> Result<WrittenExport, Trouble> {
    let request: ExportRequest = serde_json::from_value(claimed.request.clone())
        .map_err(|error| Trouble::Never(format!("its request cannot be read: {error}")))?;
    let portfolio = read(store, claimed, &request).await?;
    let left_out = serde_json::to_value(portfolio.left_out).unwrap_or_default();
    let items = i32::try_from(portfolio.items.len()).unwrap_or(i32::MAX);

    let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
    let (template, format) = (request.template, request.format);
    let rendering = tokio::task::spawn_blocking(move || {
        let mut pieces = Pieces::new(sender);
        let rendered = portfolio::render(&portfolio, template, format, &mut pieces);
        let rendered = rendered.and_then(|()| Ok(pieces.flush()?));
        if let Err(error) = &rendered {
            pieces.break_off(error.to_string());
        }
        rendered
    });
    let file_name = format!("{}-{}.{}", claimed.namespace, template, format.extension());
    let presented = Presented {
        media_type: format.media_type(),
        file_name: &file_name,
    };
    let stored = objects.store(&claimed.object_key, presented, pieces).await;
    match rendering.await {
        // The store went away first; its own error says why.
        Ok(Ok(()) | Err(RenderError::Write(_))) => {}
        Ok(Err(error)) => return Err(Trouble::Never(error.to_string())),
        Err(error) => {
            return Err(Trouble::Never(format!(
                "the document was not made: {error}"
            )));
        }
    }
    let stored = stored.map_err(|error| Trouble::Later(error.to_string()))?;
    Ok(WrittenExport {
        bytes: i64::try_from(stored.bytes).unwrap_or(i64::MAX),
        sha256: stored.sha256,
        items,
        left_out,
    })
}

async fn read(
    store: &ApiStore,
    claimed: &ClaimedExport,
    request: &ExportRequest,
) -> Result<Portfolio, Trouble> {
    let filter = request
        .filter()
        .map_err(|_| Trouble::Never("its request names an unknown category".to_owned()))?;
    let found = store
        .portfolio_records(&claimed.namespace, &filter, request.sort(), request.limit())
        .await
        .map_err(|error| Trouble::Later(format!("the records could not be read: {error}")))?;
    Ok(Portfolio {
        items: found.records.into_iter().map(item).collect(),
        left_out: left_out(found.left_out),
        ..request.head(&claimed.namespace, claimed.created_at)
    })
}

fn item(row: AchievementRow) -> Item {
    Item {
        id: row.id,
        title: row.title,
        summary: row.description,
        category: lenient(Some(Value::from(row.category))).unwrap_or_default(),
        visibility: lenient(Some(Value::from(row.visibility))).unwrap_or_default(),
        section: row.portfolio_section,
        display_priority: row.display_priority,
        people: lenient(Some(row.people)).unwrap_or_default(),
        repository: row.repository,
        number: row.number,
        url: row.source_url,
        started_at: row.started_at.and_then(time),
        completed_at: row.completed_at.and_then(time),
        tags: lenient(row.labels).unwrap_or_default(),
        source: row.source_type,
        analysis: lenient(row.analysis),
    }
}

/// What another version wrote and this one cannot read is shown as absent.
fn lenient<T: DeserializeOwned>(value: Option<Value>) -> Option<T> {
    serde_json::from_value(value?)
        .inspect_err(|error| tracing::warn!(%error, "a part of a record cannot be read"))
        .ok()
}

fn left_out(counts: LeftOutRecords) -> LeftOut {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    LeftOut {
        private: count(counts.private),
        duplicates: count(counts.duplicates),
        reverted: count(counts.reverted),
        hidden: count(counts.hidden),
        beyond_limit: count(counts.beyond_limit),
    }
}

pub(super) fn time(at: DateTime<Utc>) -> Option<Timestamp> {
    Timestamp::from_microsecond(at.timestamp_micros()).ok()
}

/// A writer that sends what it is given in pieces.
struct Pieces {
    sender: mpsc::Sender<Result<Bytes, String>>,
    waiting: BytesMut,
}

impl Pieces {
    fn new(sender: mpsc::Sender<Result<Bytes, String>>) -> Self {
        Self {
            sender,
            waiting: BytesMut::new(),
        }
    }

    /// Nothing of it shall be stored.
    fn break_off(&self, why: String) {
        let _ = self.sender.blocking_send(Err(why));
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = self.waiting.split().freeze();
        self.sender
            .blocking_send(Ok(piece))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

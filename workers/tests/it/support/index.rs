//! A vector index in memory.

use super::CrashPoint;
use async_trait::async_trait;
use domain::revision::VectorSettings;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use uuid::Uuid;
use worker::ports::{Among, IndexDown, Neighbour, Point, VectorIndex};

/// Points of all collections, by collection and id.
pub struct MemoryIndex {
    crash: CrashPoint,
    points: Mutex<BTreeMap<(String, Uuid), Point>>,
    down: AtomicBool,
}

impl MemoryIndex {
    #[must_use]
    pub fn new(crash: CrashPoint) -> Self {
        Self {
            crash,
            points: Mutex::default(),
            down: AtomicBool::new(false),
        }
    }

    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// Puts a point there without a call.
    pub fn insert(&self, collection: &str, id: Uuid, vector: Vec<f32>) {
        self.lock().insert(
            (collection.to_owned(), id),
            Point {
                id,
                vector,
                payload: serde_json::Map::new(),
                version: 1,
            },
        );
    }

    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, Uuid), Point>> {
        self.points.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answers(&self) -> Result<(), IndexDown> {
        if self.down.load(Ordering::SeqCst) {
            Err(IndexDown("connection refused".to_owned()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl VectorIndex for MemoryIndex {
    async fn nearest(
        &self,
        space: &VectorSettings,
        vector: &[f32],
        among: Among<'_>,
        limit: u32,
    ) -> Result<Vec<Neighbour>, IndexDown> {
        self.crash.moment().await;
        self.answers()?;
        let mut found: Vec<Neighbour> = self
            .lock()
            .values_of(&space.collection)
            .filter(|point| point.id != among.excluding)
            .filter(
                |point| match (among.before, point.payload.get("timestamp")) {
                    (Some(before), Some(written)) => written.as_str() < Some(before),
                    _ => true,
                },
            )
            .map(|point| Neighbour {
                id: point.id,
                similarity_bp: cosine_bp(&point.vector, vector),
            })
            .collect();
        found.sort_by_key(|neighbour| -neighbour.similarity_bp);
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn upsert(&self, collection: &str, point: Point) -> Result<(), IndexDown> {
        self.crash.moment().await;
        self.answers()?;
        self.lock().insert((collection.to_owned(), point.id), point);
        self.crash.moment().await;
        Ok(())
    }
}

trait Collections {
    fn values_of(&self, collection: &str) -> impl Iterator<Item = &Point>;
}

impl Collections for BTreeMap<(String, Uuid), Point> {
    fn values_of(&self, collection: &str) -> impl Iterator<Item = &Point> {
        self.range((collection.to_owned(), Uuid::nil())..=(collection.to_owned(), Uuid::max()))
            .map(|(_, point)| point)
    }
}

/// Cosine similarity in basis points.
#[must_use]
pub fn cosine_bp(a: &[f32], b: &[f32]) -> i32 {
    let dot = |x: &[f32], y: &[f32]| {
        x.iter()
            .zip(y)
            .map(|(x, y)| f64::from(*x) * f64::from(*y))
            .sum::<f64>()
    };
    let scale = (dot(a, a) * dot(b, b)).sqrt();
    if scale > 0.0 {
        (10_000.0 * dot(a, b) / scale).round() as i32
    } else {
        0
    }
}

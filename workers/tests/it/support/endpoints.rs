//! Model, moderation and embedding endpoints that answer from a function of the request.

use super::CrashPoint;
use async_trait::async_trait;
use domain::{
    digest::sha256_hex,
    revision::{EndpointSettings, ModelSettings},
    tasks::TaskFailure,
};
use std::sync::{Mutex, MutexGuard, PoisonError};
use worker::ports::{
    ChatRequest, Completion, Embedder, Embedding, Finish, Model, Moderation, Moderator,
};

type Answer<Q, A> = Box<dyn FnMut(&Q) -> Result<A, TaskFailure> + Send>;

/// A model that answers as its script says, and remembers what it was asked.
pub struct ScriptedModel {
    crash: CrashPoint,
    script: Mutex<Answer<ChatRequest, Completion>>,
    asked: Mutex<Vec<ChatRequest>>,
}

/// A completion that ended well and used 10 + 5 tokens.
#[must_use]
pub fn completion(text: impl Into<String>) -> Completion {
    Completion {
        text: text.into(),
        model: "writer-1".to_owned(),
        stand_in: true,
        finish: Finish::Complete,
        usage: Some((10, 5)),
    }
}

impl ScriptedModel {
    /// Writes plain sentences that depend on seed and prompt alone.
    #[must_use]
    pub fn new(crash: CrashPoint) -> Self {
        let script: Answer<ChatRequest, Completion> =
            Box::new(|request| Ok(completion(sentences(request))));
        Self {
            crash,
            script: Mutex::new(script),
            asked: Mutex::default(),
        }
    }

    /// Replaces what the model answers.
    pub fn answer(
        &self,
        script: impl FnMut(&ChatRequest) -> Result<Completion, TaskFailure> + Send + 'static,
    ) {
        *lock(&self.script) = Box::new(script);
    }

    #[must_use]
    pub fn asked(&self) -> Vec<ChatRequest> {
        lock(&self.asked).clone()
    }
}

#[async_trait]
impl Model for ScriptedModel {
    async fn complete(
        &self,
        _: &ModelSettings,
        request: &ChatRequest,
    ) -> Result<Completion, TaskFailure> {
        self.crash.moment().await;
        lock(&self.asked).push(request.clone());
        let answer = lock(&self.script)(request);
        self.crash.moment().await;
        answer
    }
}

/// Words by seed and prompt, so that texts of different tasks differ in most words.
fn sentences(request: &ChatRequest) -> String {
    const WORDS: [&str; 32] = [
        "harbour", "lantern", "compiler", "orchard", "velvet", "signal", "granite", "teacher",
        "window", "copper", "thunder", "ledger", "pebble", "saddle", "meadow", "engine", "puzzle",
        "ribbon", "silver", "timber", "walnut", "yellow", "zephyr", "anchor", "bridge", "candle",
        "desert", "feather", "garden", "hammer", "island", "jacket",
    ];
    const ENDINGS: [&str; 8] = ["", "s", "ed", "ing", "er", "y", "ly", "al"];
    let digest = sha256_hex(format!("{}/{}", request.seed, request.user).as_bytes());
    // Two hexadecimal digits choose a word and its ending, so that two texts share few words.
    let words: Vec<String> = (0..32)
        .filter_map(|place| usize::from_str_radix(&digest[2 * place..2 * place + 2], 16).ok())
        .map(|byte| {
            format!(
                "{}{}",
                WORDS[byte % WORDS.len()],
                ENDINGS[byte / WORDS.len()]
            )
        })
        .collect();
    words
        .chunks(8)
        .map(|chunk| format!("The {}.", chunk.join(" ")))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A moderation endpoint that lets everything pass unless told otherwise.
pub struct OpenModerator {
    crash: CrashPoint,
    script: Mutex<Answer<str, Moderation>>,
}

impl OpenModerator {
    #[must_use]
    pub fn new(crash: CrashPoint) -> Self {
        Self {
            crash,
            script: Mutex::new(Box::new(|_| Ok(Moderation::default()))),
        }
    }

    /// Replaces what the endpoint answers.
    pub fn answer(
        &self,
        script: impl FnMut(&str) -> Result<Moderation, TaskFailure> + Send + 'static,
    ) {
        *lock(&self.script) = Box::new(script);
    }
}

#[async_trait]
impl Moderator for OpenModerator {
    async fn moderate(&self, _: &EndpointSettings, text: &str) -> Result<Moderation, TaskFailure> {
        self.crash.moment().await;
        lock(&self.script)(text)
    }
}

/// An embedding endpoint that counts words by hash: texts with the same words are near each other.
pub struct HashEmbedder {
    crash: CrashPoint,
    script: Mutex<Option<Answer<str, Embedding>>>,
}

impl HashEmbedder {
    #[must_use]
    pub fn new(crash: CrashPoint) -> Self {
        Self {
            crash,
            script: Mutex::new(None),
        }
    }

    /// Replaces what the endpoint answers.
    pub fn answer(
        &self,
        script: impl FnMut(&str) -> Result<Embedding, TaskFailure> + Send + 'static,
    ) {
        *lock(&self.script) = Some(Box::new(script));
    }
}

#[async_trait]
impl Embedder for HashEmbedder {
    async fn embed(
        &self,
        _: &EndpointSettings,
        dimensions: u32,
        text: &str,
    ) -> Result<Embedding, TaskFailure> {
        self.crash.moment().await;
        let scripted = lock(&self.script).as_mut().map(|script| script(text));
        let answer = scripted.unwrap_or_else(|| Ok(word_counts(dimensions as usize, text)));
        self.crash.moment().await;
        answer
    }
}

fn word_counts(dimensions: usize, text: &str) -> Embedding {
    let mut vector = vec![0.01_f32; dimensions];
    for word in text.split_whitespace() {
        // FNV-1a, which needs no more than a line.
        let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        vector[usize::try_from(hash >> 16).unwrap_or(0) % dimensions] += 1.0;
    }
    Embedding {
        vector,
        tokens: Some(7),
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

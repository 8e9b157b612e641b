//! The routes: chat completions, embeddings, moderations, and what tests read and set.

use crate::{
    compose,
    control::{Control, Settings},
    embedding,
    faults::{Fault, Faults, Kind},
};
use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Marks every answer as the stand-in's.
const LABEL: &str = "llm-dev stand-in";
const HANG: Duration = Duration::from_secs(600);
/// Bytes of an answer that is too large to be wanted.
const HUGE: usize = 16 * 1024 * 1024;

/// What the calls share.
#[derive(Default)]
struct Desk {
    faults: Faults,
    control: Control,
}

impl Desk {
    /// Counts the call, waits as long as is set, and answers the fault that it shall have.
    async fn admit(&self, route: &str, model: &str) -> Option<Fault> {
        self.faults.count(route, model);
        tokio::time::sleep(self.control.latency()).await;
        self.control.take_fault().or_else(|| self.faults.of(model))
    }
}

pub fn router() -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/embeddings", post(embeddings))
        .route("/v1/moderations", post(moderations))
        .route_layer(middleware::from_fn(authorized))
        .route("/healthz", get(|| async { "ok" }))
        .route("/control", post(control))
        .route("/control/requests", get(requests))
        .layer(middleware::map_response(labelled))
        .with_state(Arc::new(Desk::default()))
}

async fn labelled(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert("x-stand-in", HeaderValue::from_static("llm-dev"));
    response
}

async fn authorized(headers: HeaderMap, request: Request, next: Next) -> Response {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if given.is_none_or(|key| key.trim().is_empty()) {
        return failure(StatusCode::UNAUTHORIZED, "no API key was given");
    }
    next.run(request).await
}

#[derive(Deserialize)]
struct ChatRequest {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    seed: i64,
    #[serde(alias = "max_completion_tokens")]
    max_tokens: Option<u32>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: String,
}

async fn chat(State(desk): State<Arc<Desk>>, Json(request): Json<ChatRequest>) -> Response {
    let fault = desk.admit("chat", &request.model).await;
    let conversation: String = request
        .messages
        .iter()
        .map(|message| message.content.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    if let Some(fault) = fault {
        return fault_answer(fault).await;
    }
    let task = request
        .messages
        .iter()
        .rev()
        .find(|message| message.role == "user")
        .map_or("", |message| message.content.as_str());
    let mut text = compose::answer(task, request.seed, &conversation);
    let mut finish = "stop";
    if let Some(limit) = request.max_tokens {
        let words: Vec<&str> = text.split_whitespace().collect();
        // About three quarters of a word a token.
        let allowed = (limit as usize * 3).div_ceil(4);
        if words.len() > allowed {
            (text, finish) = (words[..allowed].join(" "), "length");
        }
    }
    let (prompt_tokens, completion_tokens) = (tokens(&conversation), tokens(&text));
    Json(json!({
        "id": format!("chatcmpl-standin-{:016x}", compose::hash(&[&conversation, &request.seed.to_string()])),
        "object": "chat.completion", "created": 0, "model": request.model, "system_fingerprint": LABEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": null}, "finish_reason": finish, "logprobs": null}],
        "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": prompt_tokens + completion_tokens}
    }))
    .into_response()
}

#[derive(Deserialize)]
struct EmbeddingRequest {
    model: String,
    input: Input,
    dimensions: Option<usize>,
    encoding_format: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
}

impl Input {
    fn texts(&self) -> Vec<&str> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts.iter().map(String::as_str).collect(),
        }
    }
}

async fn embeddings(
    State(desk): State<Arc<Desk>>,
    Json(request): Json<EmbeddingRequest>,
) -> Response {
    let fault = desk.admit("embeddings", &request.model).await;
    if let Some(fault) = fault {
        return fault_answer(fault).await;
    }
    let dimensions = request.dimensions.unwrap_or(1536);
    if !(1..=65_536).contains(&dimensions) {
        return failure(
            StatusCode::BAD_REQUEST,
            "dimensions must be between 1 and 65536",
        );
    }
    let texts = request.input.texts();
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = embedding::embed(text, dimensions);
            let value = if request.encoding_format.as_deref() == Some("base64") {
                let bytes: Vec<u8> = vector
                    .iter()
                    .flat_map(|number| number.to_le_bytes())
                    .collect();
                json!(BASE64_STANDARD.encode(bytes))
            } else {
                json!(vector)
            };
            json!({"object": "embedding", "index": index, "embedding": value})
        })
        .collect();
    let used: u32 = texts.iter().map(|text| tokens(text)).sum();
    Json(json!({"object": "list", "data": data, "model": request.model, "usage": {"prompt_tokens": used, "total_tokens": used}}))
        .into_response()
}

#[derive(Deserialize)]
struct ModerationRequest {
    #[serde(default)]
    model: String,
    input: Input,
}

/// Words that the stand-in flags, with the category it names.
const FLAGGED: [(&str, &str); 4] = [
    ("kill yourself", "self-harm/instructions"),
    ("bomb recipe", "illicit/violent"),
    ("i hate all", "hate"),
    ("flag-this-text", "harassment"),
];
const CATEGORIES: [&str; 5] = [
    "hate",
    "harassment",
    "self-harm/instructions",
    "illicit/violent",
    "violence",
];

async fn moderations(
    State(desk): State<Arc<Desk>>,
    Json(request): Json<ModerationRequest>,
) -> Response {
    let fault = desk.admit("moderations", &request.model).await;
    if let Some(fault) = fault {
        return fault_answer(fault).await;
    }
    let everything = desk.control.flags_everything();
    let texts = request.input.texts();
    let results: Vec<Value> = texts.iter().map(|text| judge(text, everything)).collect();
    Json(json!({"id": "modr-standin", "model": request.model, "results": results})).into_response()
}

/// One text's verdict; with `always` it is harassment whatever it says.
fn judge(text: &str, always: bool) -> Value {
    let lower = text.to_lowercase();
    let hit = |category: &str| {
        (always && category == "harassment")
            || FLAGGED
                .iter()
                .any(|(phrase, named)| *named == category && lower.contains(phrase))
    };
    let categories: serde_json::Map<String, Value> = CATEGORIES
        .iter()
        .map(|category| ((*category).to_owned(), json!(hit(category))))
        .collect();
    let scores: serde_json::Map<String, Value> = CATEGORIES
        .iter()
        .map(|category| {
            let score = if hit(category) { 0.99 } else { 0.01 };
            ((*category).to_owned(), json!(score))
        })
        .collect();
    let flagged = CATEGORIES.iter().any(|category| hit(category));
    json!({"flagged": flagged, "categories": categories, "category_scores": scores, "category_applied_input_types": {}})
}

async fn control(State(desk): State<Arc<Desk>>, Json(settings): Json<Settings>) -> Response {
    if !settings.is_known() {
        return failure(StatusCode::BAD_REQUEST, "malformed names no fault");
    }
    desk.control.set(settings);
    StatusCode::NO_CONTENT.into_response()
}

async fn requests(State(desk): State<Arc<Desk>>) -> Json<Value> {
    Json(json!(desk.faults.counts()))
}

async fn fault_answer(fault: Fault) -> Response {
    let chat = |content: &str, finish: &str| {
        Json(json!({"id": "chatcmpl-standin-fault", "object": "chat.completion", "created": 0, "model": LABEL, "system_fingerprint": LABEL,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}))
        .into_response()
    };
    match fault.kind {
        Kind::Status(code) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = failure(status, "a fault that was asked for");
            if matches!(code, 429 | 503) {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(fault.retry_after));
            }
            response
        }
        Kind::Hang => {
            tokio::time::sleep(HANG).await;
            failure(StatusCode::GATEWAY_TIMEOUT, "it hung as asked")
        }
        Kind::NotJson => (StatusCode::OK, "<html>this is no JSON</html>").into_response(),
        Kind::CutOff => (
            [(header::CONTENT_TYPE, "application/json")],
            r#"{"object": "chat.completion", "choices": [{"message": {"content": "This ends in the mid"#,
        )
            .into_response(),
        Kind::Empty => chat("   ", "stop"),
        Kind::Truncated => chat("This text ends in the middle of a", "length"),
        Kind::Nonsense => chat("\u{0}\u{1}\u{2} . . . !!! ???", "stop"),
        Kind::Huge => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "application/json")],
            Body::from(vec![b'x'; HUGE]),
        )
            .into_response(),
    }
}

fn failure(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"error": {"message": message, "type": "stand_in", "param": null, "code": status.as_str()}}))).into_response()
}

/// About four characters a token, as for English.
fn tokens(text: &str) -> u32 {
    u32::try_from(text.chars().count().div_ceil(4)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

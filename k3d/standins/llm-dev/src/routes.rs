//! The routes: chat completions, embeddings, moderations, and what tests read and set.

use crate::{
    compose, embedding,
    faults::{Faults, Kind},
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

pub fn router() -> Router {
    let faults = Arc::new(Faults::default());
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/embeddings", post(embeddings))
        .route("/v1/moderations", post(moderations))
        .route_layer(middleware::from_fn(authorized))
        .route("/healthz", get(|| async { "ok" }))
        .route("/control/requests", get(requests))
        .layer(middleware::map_response(labelled))
        .with_state(faults)
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

async fn chat(State(faults): State<Arc<Faults>>, Json(request): Json<ChatRequest>) -> Response {
    faults.count("chat", &request.model);
    let conversation: String = request
        .messages
        .iter()
        .map(|message| message.content.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    if let Some(fault) = faults.of(&request.model) {
        return fault_answer(fault.kind, fault.retry_after).await;
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
    State(faults): State<Arc<Faults>>,
    Json(request): Json<EmbeddingRequest>,
) -> Response {
    faults.count("embeddings", &request.model);
    if let Some(fault) = faults.of(&request.model) {
        return fault_answer(fault.kind, fault.retry_after).await;
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
    State(faults): State<Arc<Faults>>,
    Json(request): Json<ModerationRequest>,
) -> Response {
    faults.count("moderations", &request.model);
    if let Some(fault) = faults.of(&request.model) {
        return fault_answer(fault.kind, fault.retry_after).await;
    }
    let results: Vec<Value> = request
        .input
        .texts()
        .iter()
        .map(|text| {
            let lower = text.to_lowercase();
            let hit: Vec<&str> = FLAGGED.iter().filter(|(phrase, _)| lower.contains(phrase)).map(|(_, category)| *category).collect();
            let categories: serde_json::Map<String, Value> =
                CATEGORIES.iter().map(|category| ((*category).to_owned(), json!(hit.contains(category)))).collect();
            let scores: serde_json::Map<String, Value> = CATEGORIES
                .iter()
                .map(|category| ((*category).to_owned(), json!(if hit.contains(category) { 0.99 } else { 0.01 })))
                .collect();
            json!({"flagged": !hit.is_empty(), "categories": categories, "category_scores": scores, "category_applied_input_types": {}})
        })
        .collect();
    Json(json!({"id": "modr-standin", "model": request.model, "results": results})).into_response()
}

async fn requests(State(faults): State<Arc<Faults>>) -> Json<Value> {
    Json(json!(faults.counts()))
}

async fn fault_answer(kind: Kind, retry_after: u32) -> Response {
    let chat = |content: &str, finish: &str| {
        Json(json!({"id": "chatcmpl-standin-fault", "object": "chat.completion", "created": 0, "model": LABEL, "system_fingerprint": LABEL,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}))
        .into_response()
    };
    match kind {
        Kind::Status(code) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = failure(status, "a fault that was asked for");
            if code == 429 {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
            }
            response
        }
        Kind::Hang => {
            tokio::time::sleep(HANG).await;
            failure(StatusCode::GATEWAY_TIMEOUT, "it hung as asked")
        }
        Kind::NotJson => (StatusCode::OK, "<html>this is no JSON</html>").into_response(),
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

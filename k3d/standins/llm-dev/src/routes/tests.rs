#![allow(clippy::unwrap_used)]
use super::*;
use axum::{body::to_bytes, http::Method};
use tower::ServiceExt;

const HOOK: &str =
    "Write the opening line of a post. The subject: our build takes four minutes now";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

async fn call(router: &Router, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !key.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let request = request
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 2 * HUGE).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

async fn ask(router: &Router, path: &str, body: Value) -> Answer {
    call(router, Method::POST, path, "any", &body).await
}

async fn complete(router: &Router, model: &str, seed: i64) -> Answer {
    let messages = json!([
        {"role": "system", "content": "You are Maya. Your tone: warm"},
        {"role": "user", "content": HOOK},
    ]);
    let body = json!({"model": model, "seed": seed, "messages": messages});
    ask(router, "/v1/chat/completions", body).await
}

#[tokio::test]
async fn a_completion_is_repeatable_and_says_whose_it_is() {
    let router = router();
    let first = complete(&router, "writer", 1).await;
    assert_eq!(first.text, complete(&router, "writer", 1).await.text);
    assert_ne!(first.text, complete(&router, "writer", 2).await.text);
    assert_eq!(first.headers["x-stand-in"], "llm-dev");
    let answer = first.json();
    assert_eq!(answer["model"], "writer");
    assert_eq!(answer["system_fingerprint"], LABEL);
    assert!(answer["usage"]["completion_tokens"].as_i64().unwrap() > 5);
}

#[tokio::test]
async fn without_a_key_nothing_is_answered() {
    let router = router();
    for path in ["/v1/chat/completions", "/v1/embeddings", "/v1/moderations"] {
        for key in ["", " "] {
            let answer = call(&router, Method::POST, path, key, &json!({})).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        }
    }
    let health = call(&router, Method::GET, "/healthz", "", &json!({})).await;
    assert_eq!(health.status, StatusCode::OK);
}

#[tokio::test]
async fn faults_in_the_name_hit_that_model_only() {
    let router = router();
    let faulty = "writer?fault=429&times=2&retry_after=3";
    for _ in 0..2 {
        let answer = complete(&router, faulty, 1).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers[header::RETRY_AFTER], "3");
        assert_eq!(complete(&router, "writer", 1).await.status, StatusCode::OK);
    }
    assert_eq!(complete(&router, faulty, 1).await.status, StatusCode::OK);
    let overloaded = complete(&router, "writer?fault=529", 1).await;
    assert_eq!(overloaded.status.as_u16(), 529);
}

#[tokio::test]
async fn malformed_answers_are_malformed_each_in_its_own_way() {
    let router = router();
    for name in ["not_json", "cut_off"] {
        let answer = complete(&router, &format!("m?fault={name}"), 1).await;
        assert!(
            serde_json::from_str::<Value>(&answer.text).is_err(),
            "{name}"
        );
    }
    let content = |answer: Answer| answer.json()["choices"][0]["message"]["content"].to_string();
    let empty = content(complete(&router, "m?fault=empty", 1).await);
    assert_eq!(empty.trim_matches('"').trim(), "");
    let truncated = complete(&router, "m?fault=truncated", 1).await.json();
    assert_eq!(truncated["choices"][0]["finish_reason"], "length");
    assert!(complete(&router, "m?fault=huge", 1).await.text.len() >= HUGE);
}

#[tokio::test]
async fn a_hang_does_not_end_by_itself() {
    let router = router();
    let hanging = complete(&router, "m?fault=hang", 1);
    let waited = tokio::time::timeout(Duration::from_millis(300), hanging).await;
    assert!(waited.is_err());
}

#[tokio::test]
async fn control_fails_the_next_calls_of_whatever_model_and_counts_all() {
    let router = router();
    let settings = json!({"fail_next": 1, "status": 503, "retry_after": 9});
    let set = ask(&router, "/control", settings).await;
    assert_eq!(set.status, StatusCode::NO_CONTENT);
    let failed = complete(&router, "writer", 1).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(failed.headers[header::RETRY_AFTER], "9");
    assert_eq!(complete(&router, "writer", 1).await.status, StatusCode::OK);

    ask(
        &router,
        "/control",
        json!({"fail_next": 1, "malformed": "not_json"}),
    )
    .await;
    assert!(complete(&router, "writer", 1).await.text.starts_with('<'));
    let unknown = ask(&router, "/control", json!({"malformed": "typo"})).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);

    let counts = call(&router, Method::GET, "/control/requests", "", &json!({})).await;
    assert_eq!(counts.json()["chat writer"], 3);
}

#[tokio::test]
async fn moderation_flags_its_words_or_everything_when_told_to() {
    let router = router();
    let moderate = async |text: &str| {
        let body = json!({"model": "m", "input": text});
        ask(&router, "/v1/moderations", body).await.json()["results"][0].clone()
    };
    assert_eq!(moderate("A calm note.").await["flagged"], false);
    let flagged = moderate("Here: FLAG-THIS-TEXT").await;
    assert_eq!(flagged["flagged"], true);
    assert_eq!(flagged["categories"]["harassment"], true);
    assert_eq!(flagged["categories"]["violence"], false);
    ask(&router, "/control", json!({"flag_moderation": true})).await;
    assert_eq!(moderate("A calm note.").await["flagged"], true);
    ask(&router, "/control", json!({})).await;
    assert_eq!(moderate("A calm note.").await["flagged"], false);
}

#[tokio::test]
async fn an_embedding_is_the_same_as_numbers_and_as_base64() {
    let router = router();
    let embed = async |format: &str| {
        let body =
            json!({"model": "e", "input": "a text", "dimensions": 16, "encoding_format": format});
        ask(&router, "/v1/embeddings", body).await.json()["data"][0]["embedding"].clone()
    };
    let numbers: Vec<f32> = serde_json::from_value(embed("float").await).unwrap();
    assert_eq!(numbers.len(), 16);
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    assert_eq!(embed("base64").await, json!(BASE64_STANDARD.encode(bytes)));
    let none = ask(
        &router,
        "/v1/embeddings",
        json!({"model": "e", "input": "x", "dimensions": 0}),
    );
    assert_eq!(none.await.status, StatusCode::BAD_REQUEST);
}

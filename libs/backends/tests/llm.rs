//! The model client against the stand-in `llm-dev`, or whatever `TEST_LLM_URL` names (with `/v1`); without it each test says that
//! it was skipped. Against a mock, with everything that an endpoint may answer, it is tried beside the code.
#![allow(clippy::unwrap_used)]

use backends::llm::{
    CallLimits, Finish, ModelClient, ModelEndpoint, ModelError, ModelErrorClass, ModelTransport,
    Prompt, TransportSettings,
};
use std::time::{Duration, Instant};

const MODEL: &str = "stand-in-writer";
const DIMENSIONS: u32 = 1536;

/// A client whose model name asks the stand-in for a fault.
fn client(fault: &str, total: Duration) -> Option<ModelClient> {
    let Ok(base_url) = std::env::var("TEST_LLM_URL") else {
        eprintln!("skipped: TEST_LLM_URL names no endpoint");
        return None;
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let limits = CallLimits {
        total,
        ..CallLimits::default()
    };
    let transport = ModelTransport::new(&TransportSettings {
        limits,
        ..TransportSettings::default()
    })
    .unwrap();
    let endpoint = ModelEndpoint {
        base_url,
        model: format!("{MODEL}{fault}"),
        api_key: "canary-key".to_owned().into(),
    };
    Some(ModelClient::new(endpoint, &transport).unwrap())
}

fn patient(fault: &str) -> Option<ModelClient> {
    client(fault, Duration::from_secs(20))
}

fn prompt(user: &str, seed: i64) -> Prompt {
    Prompt {
        system: "You write short posts.".to_owned(),
        user: user.to_owned(),
        seed,
        temperature: 0.7,
        max_tokens: 400,
    }
}

async fn error(fault: &str) -> Option<ModelError> {
    let error = patient(fault)?
        .complete(&prompt("canary-prompt", 1))
        .await
        .unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(
        !told.contains("canary"),
        "the error tells the key or the prompt: {told}"
    );
    Some(error)
}

#[tokio::test]
async fn the_same_seed_writes_the_same_text_and_says_who_wrote_it() {
    let Some(client) = patient("") else { return };
    let first = client
        .complete(&prompt("Write about launches.", 7))
        .await
        .unwrap();
    let repeated = client
        .complete(&prompt("Write about launches.", 7))
        .await
        .unwrap();
    assert_eq!(first, repeated);
    assert_eq!(first.model, MODEL);
    assert_eq!(first.finish, Finish::Complete);
    assert!(first.stand_in, "the stand-in is not known as one");
    assert!(first.usage_known && first.prompt_tokens > 0 && first.completion_tokens > 0);
    assert!(!first.text.trim().is_empty());
}

#[tokio::test]
async fn a_low_token_limit_is_reported_as_truncation() {
    let Some(client) = patient("") else { return };
    let prompt = Prompt {
        max_tokens: 3,
        ..prompt("Write about launches.", 1)
    };
    assert_eq!(
        client.complete(&prompt).await.unwrap().finish,
        Finish::Truncated
    );
}

#[tokio::test]
async fn embeddings_have_the_asked_dimensions_and_tell_texts_apart() {
    let Some(client) = patient("") else { return };
    let here = client
        .embed("We launched our product today.", DIMENSIONS)
        .await
        .unwrap();
    let again = client
        .embed("We launched our product today.", DIMENSIONS)
        .await
        .unwrap();
    let there = client
        .embed("Cats sleep most of the day.", DIMENSIONS)
        .await
        .unwrap();
    assert_eq!(here.vector.len(), DIMENSIONS as usize);
    assert_eq!(here.vector, again.vector);
    assert!(here.tokens.is_some_and(|tokens| tokens > 0));
    let cosine = |a: &[f32], b: &[f32]| {
        let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        let norm = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
        dot / (norm(a) * norm(b))
    };
    assert!(cosine(&here.vector, &there.vector) < 0.9);
}

#[tokio::test]
async fn moderation_names_the_categories_of_a_bad_text() {
    let Some(client) = patient("") else { return };
    assert!(
        !client
            .moderate("A quiet post about tea.")
            .await
            .unwrap()
            .flagged
    );
    let bad = client.moderate("flag-this-text please").await.unwrap();
    assert!(bad.flagged);
    assert_eq!(bad.categories, ["harassment"]);
}

/// FAULTS 37
#[tokio::test]
async fn a_rate_limit_carries_its_wait_and_the_next_call_succeeds() {
    let fault = format!(
        "?fault=429&times=1&retry_after=7&run={}",
        uuid::Uuid::new_v4()
    );
    let Some(client) = patient(&fault) else {
        return;
    };
    let error = client.complete(&prompt("x", 1)).await.unwrap_err();
    assert_eq!(error.class(), ModelErrorClass::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    client
        .complete(&prompt("x", 1))
        .await
        .expect("exactly one request was made before this one");
}

/// FAULTS 37, 38
#[tokio::test]
async fn each_fault_has_its_class() {
    for (fault, class) in [
        ("?fault=500", ModelErrorClass::Unavailable),
        ("?fault=529", ModelErrorClass::Unavailable),
        ("?fault=401", ModelErrorClass::Unauthorized),
        ("?fault=400", ModelErrorClass::Invalid),
        ("?fault=not_json", ModelErrorClass::InvalidOutput),
        ("?fault=empty", ModelErrorClass::InvalidOutput),
        ("?fault=huge", ModelErrorClass::InvalidOutput),
    ] {
        let Some(error) = error(fault).await else {
            return;
        };
        assert_eq!(error.class(), class, "{fault}: {error:?}");
    }
}

/// FAULTS 37: an endpoint that hangs costs no more than the limit.
#[tokio::test]
async fn a_hanging_endpoint_is_given_up_at_the_limit() {
    let limit = Duration::from_millis(500);
    let Some(client) = client("?fault=hang", limit) else {
        return;
    };
    let began = Instant::now();
    let error = client.complete(&prompt("x", 1)).await.unwrap_err();
    assert_eq!(error.class(), ModelErrorClass::Timeout, "{error:?}");
    assert!(began.elapsed() < limit * 6, "it took {:?}", began.elapsed());
}

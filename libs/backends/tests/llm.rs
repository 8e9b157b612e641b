//! The model client against a real OpenAI-compatible endpoint: the stand-in `llm-dev`, or any other. Needs `TEST_LLM_URL` (with its
//! `/v1`); without it every test says so and passes. Faults need the stand-in, and are skipped where another answers.
#![allow(clippy::unwrap_used)]

use backends::llm::{
    CallLimits, Completion, Finish, ModelClient, ModelEndpoint, ModelError, ModelErrorClass,
    ModelTransport, Prompt, TransportSettings,
};
use secrecy::SecretString;
use std::time::Duration;

const DIMENSIONS: u32 = 256;

fn named(variable: &str, default: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| default.to_owned())
}

fn client(model: &str) -> Option<ModelClient> {
    let Ok(base_url) = std::env::var("TEST_LLM_URL") else {
        eprintln!("skipped: TEST_LLM_URL names no endpoint");
        return None;
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let limits = CallLimits {
        total: Duration::from_secs(2),
        ..CallLimits::default()
    };
    let settings = TransportSettings {
        limits,
        ..TransportSettings::default()
    };
    let endpoint = ModelEndpoint {
        base_url,
        model: model.to_owned(),
        api_key: SecretString::from(named("TEST_LLM_API_KEY", "any")),
    };
    Some(ModelClient::new(endpoint, &ModelTransport::new(&settings).unwrap()).unwrap())
}

fn writer() -> Option<ModelClient> {
    client(&named("TEST_LLM_MODEL", "stand-in-writer"))
}

fn prompt(seed: i64) -> Prompt {
    Prompt {
        system: "You are Maya. Your tone: warm, plain".to_owned(),
        user: "Write the opening line of a post. The subject: our build takes four minutes now."
            .to_owned(),
        seed,
        temperature: 0.7,
        max_tokens: 200,
    }
}

async fn complete(client: &ModelClient, seed: i64) -> Completion {
    client.complete(&prompt(seed)).await.unwrap()
}

/// A client whose every call fails in that way, where the endpoint is the stand-in.
async fn faulty(fault: &str) -> Option<ModelClient> {
    if !complete(&writer()?, 1).await.stand_in {
        eprintln!("skipped: the endpoint has no faults on demand");
        return None;
    }
    client(&format!("stand-in-writer?fault={fault}"))
}

#[tokio::test]
async fn a_completion_has_a_text_a_model_and_its_usage() {
    let Some(client) = writer() else { return };
    let answer = complete(&client, 1).await;
    assert!(!answer.text.trim().is_empty() && !answer.model.is_empty());
    assert_eq!(answer.finish, Finish::Complete);
    assert!(answer.usage_known && answer.prompt_tokens > 0 && answer.completion_tokens > 0);
    if answer.stand_in {
        assert_eq!(complete(&client, 1).await, answer, "one seed, two texts");
        assert_ne!(complete(&client, 2).await.text, answer.text);
        let length = answer.text.chars().count();
        assert!((30..=220).contains(&length), "{}", answer.text);
    }
}

#[tokio::test]
async fn similar_texts_are_nearer_than_others() {
    let Some(client) = client(&named("TEST_EMBEDDING_MODEL", "stand-in-embedding")) else {
        return;
    };
    let embed = async |text: &str| client.embed(text, DIMENSIONS).await.unwrap().vector;
    let first = embed("We cached what never changes and the build became fast.").await;
    let near = embed("We cached what never changes, so the build became quick.").await;
    let far = embed("Gardens need water in August.").await;
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    assert!(
        (cosine(&first, &first) - 1.0).abs() < 1e-3,
        "no unit vector"
    );
    assert!(cosine(&first, &near) > cosine(&first, &far) + 0.1);
}

#[tokio::test]
async fn a_harmless_text_is_not_flagged() {
    let Some(client) = client(&named("TEST_MODERATION_MODEL", "stand-in-moderation")) else {
        return;
    };
    let verdict = client.moderate("Our build takes four minutes now.").await;
    assert!(!verdict.unwrap().flagged);
    if complete(&client, 1).await.stand_in {
        let verdict = client.moderate("flag-this-text").await.unwrap();
        assert_eq!(verdict.categories, ["harassment"]);
    }
}

/// FAULTS 37
#[tokio::test]
async fn limits_and_outages_have_their_class_and_their_wait() {
    let Some(limited) = faulty("429&retry_after=7").await else {
        return;
    };
    let error = limited.complete(&prompt(1)).await.unwrap_err();
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(error, ModelError::RateLimited { retry_after });
    for status in ["500", "529"] {
        let error = faulty(status).await.unwrap().complete(&prompt(1)).await;
        assert_eq!(error.unwrap_err().class(), ModelErrorClass::Unavailable);
    }
    let hanging = faulty("hang").await.unwrap().complete(&prompt(1)).await;
    assert_eq!(hanging.unwrap_err().class(), ModelErrorClass::Timeout);
}

/// FAULTS 38
#[tokio::test]
async fn malformed_answers_are_invalid_output_or_told_apart() {
    for fault in ["not_json", "cut_off", "empty", "huge"] {
        let Some(client) = faulty(fault).await else {
            return;
        };
        let error = client.complete(&prompt(1)).await.unwrap_err();
        assert_eq!(error.class(), ModelErrorClass::InvalidOutput, "{fault}");
    }
    let truncated = complete(&faulty("truncated").await.unwrap(), 1).await;
    assert_eq!(truncated.finish, Finish::Truncated);
    // Well-formed nonsense is for the pipeline to find.
    complete(&faulty("nonsense").await.unwrap(), 1).await;
}

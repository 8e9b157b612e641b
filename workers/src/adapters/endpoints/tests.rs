//! Over HTTP: what an endpoint answers is what the row will say.
#![allow(clippy::unwrap_used)]
use super::*;
use backends::llm::{CallLimits, TransportSettings};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_partial_json, header, path},
};

struct Stage {
    server: MockServer,
    endpoints: Endpoints,
    settings: EndpointSettings,
    keys: std::path::PathBuf,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.keys);
    }
}

impl Stage {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let keys = std::env::temp_dir().join(format!("worker-keys-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&keys).unwrap();
        for name in ["model", "embedding", "moderation"] {
            std::fs::write(keys.join(name), format!("canary-{name}\n")).unwrap();
        }
        let server = MockServer::start().await;
        let limits = CallLimits {
            total: Duration::from_millis(300),
            ..CallLimits::default()
        };
        let transport = ModelTransport::new(&TransportSettings {
            limits,
            ..TransportSettings::default()
        })
        .unwrap();
        let secret = domain::revision::SecretKey {
            name: "llm".into(),
            key: "api-key".into(),
        };
        let settings = EndpointSettings {
            endpoint: format!("{}/v1", server.uri()),
            model: "writer".into(),
            secret,
        };
        Self {
            endpoints: Endpoints::new(transport, SecretDirectory::new(&keys)),
            server,
            settings,
            keys,
        }
    }

    async fn completes(&self, answer: ResponseTemplate) -> Result<Completion, TaskFailure> {
        self.server.reset().await;
        Mock::given(path("/v1/chat/completions"))
            .respond_with(answer)
            .mount(&self.server)
            .await;
        let settings = ModelSettings {
            endpoint: self.settings.clone(),
            temperature_bp: 7000,
            max_output_tokens: 50,
        };
        let request = ChatRequest {
            system: "be brief".into(),
            user: "write".into(),
            seed: 42,
        };
        self.endpoints.complete(&settings, &request).await
    }
}

fn completion(content: &str) -> Value {
    json!({
        "model": "writer-2", "choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
    })
}

#[tokio::test]
async fn a_completion_carries_text_usage_model_and_the_stand_in_mark() {
    let stage = Stage::new().await;
    let answer = ResponseTemplate::new(200)
        .set_body_json(completion("Hello."))
        .insert_header("x-stand-in", "true");
    let completion = stage.completes(answer).await.unwrap();
    assert_eq!(
        (completion.text.as_str(), completion.model.as_str()),
        ("Hello.", "writer-2")
    );
    assert_eq!(
        (completion.usage, completion.stand_in, completion.finish),
        (Some((12, 3)), true, Finish::Complete)
    );
}

#[tokio::test]
async fn the_request_carries_the_seed_the_settings_and_its_own_key() {
    let stage = Stage::new().await;
    Mock::given(path("/v1/chat/completions"))
        .and(header("authorization", "Bearer canary-model"))
        .and(body_partial_json(
            json!({"seed": 42, "model": "writer", "max_tokens": 50, "temperature": 0.7}),
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(completion("Hello.")))
        .mount(&stage.server)
        .await;
    let settings = ModelSettings {
        endpoint: stage.settings.clone(),
        temperature_bp: 7000,
        max_output_tokens: 50,
    };
    let request = ChatRequest {
        system: "be brief".into(),
        user: "write".into(),
        seed: 42,
    };
    stage.endpoints.complete(&settings, &request).await.unwrap();
}

#[tokio::test]
async fn faults_37_and_38_each_failure_has_its_class_code_and_wait_and_never_the_key() {
    let stage = Stage::new().await;
    let cases = [
        (
            ResponseTemplate::new(429).insert_header("retry-after", "7"),
            FailureClass::Transient,
            "RateLimited",
            Some(7),
        ),
        (
            ResponseTemplate::new(500),
            FailureClass::Transient,
            "Unavailable",
            None,
        ),
        (
            ResponseTemplate::new(529).insert_header("retry-after", "2"),
            FailureClass::Transient,
            "Unavailable",
            Some(2),
        ),
        (
            ResponseTemplate::new(200).set_delay(Duration::from_secs(5)),
            FailureClass::Transient,
            "Timeout",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_string("{\"choices\": 7"),
            FailureClass::Transient,
            "InvalidModelOutput",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_bytes(b"\xff\xfe".to_vec()),
            FailureClass::Transient,
            "InvalidModelOutput",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"choices": []})),
            FailureClass::Transient,
            "InvalidModelOutput",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_string("x".repeat(2 << 20)),
            FailureClass::Transient,
            "InvalidModelOutput",
            None,
        ),
        (
            ResponseTemplate::new(401),
            FailureClass::Waiting,
            "Unauthorized",
            None,
        ),
        (
            ResponseTemplate::new(404),
            FailureClass::Invalid,
            "RequestRefused",
            None,
        ),
    ];
    for (answer, class, code, wait) in cases {
        let failure = stage.completes(answer).await.unwrap_err();
        assert_eq!(
            (
                failure.class,
                failure.code.as_str(),
                failure.retry_after_seconds
            ),
            (class, code, wait),
            "{failure:?}"
        );
        assert!(!failure.message.contains("canary"), "{failure:?}");
    }
}

#[tokio::test]
async fn a_missing_key_is_waited_for() {
    let stage = Stage::new().await;
    std::fs::remove_file(stage.keys.join("embedding")).unwrap();
    let failure = stage
        .endpoints
        .embed(&stage.settings, 3, "text")
        .await
        .unwrap_err();
    assert_eq!(
        (failure.class, failure.code.as_str()),
        (FailureClass::Waiting, "Unauthorized")
    );
}

#[tokio::test]
async fn embeddings_and_moderation_use_keys_of_their_own() {
    let stage = Stage::new().await;
    Mock::given(path("/v1/embeddings"))
        .and(header("authorization", "Bearer canary-embedding"))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({"data": [{"embedding": [0.0, 1.0, 0.5]}], "usage": {"prompt_tokens": 4, "total_tokens": 4}}),
        ))
        .mount(&stage.server)
        .await;
    Mock::given(path("/v1/moderations"))
        .and(header("authorization", "Bearer canary-moderation"))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({"results": [{"flagged": true, "categories": {"hate": true, "violence": false}}]}),
        ))
        .mount(&stage.server)
        .await;
    let embedding = stage
        .endpoints
        .embed(&stage.settings, 3, "text")
        .await
        .unwrap();
    assert_eq!(
        (embedding.vector, embedding.tokens),
        (vec![0.0, 1.0, 0.5], Some(4))
    );
    let moderation = stage
        .endpoints
        .moderate(&stage.settings, "text")
        .await
        .unwrap();
    assert_eq!(
        (moderation.flagged, moderation.categories),
        (true, vec!["hate".to_owned()])
    );
}

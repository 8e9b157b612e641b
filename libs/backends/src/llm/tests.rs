#![allow(clippy::unwrap_used)]
use super::{transport::parse_retry_after, *};
use std::time::Duration;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_partial_json, header, method, path},
};

const KEY: &str = "canary-key";

fn transport(limits: CallLimits) -> ModelTransport {
    let _ = rustls::crypto::ring::default_provider().install_default();
    ModelTransport::new(&TransportSettings {
        limits,
        ..Default::default()
    })
    .unwrap()
}

fn client(base_url: &str, limits: CallLimits) -> ModelClient {
    let endpoint = ModelEndpoint {
        base_url: base_url.to_owned(),
        model: "writer".to_owned(),
        api_key: SecretString::from(KEY.to_owned()),
    };
    ModelClient::new(endpoint, &transport(limits)).unwrap()
}

fn prompt() -> Prompt {
    Prompt {
        system: "You are Maya.".to_owned(),
        user: "Write a hook.".to_owned(),
        seed: 42,
        temperature: 0.7,
        max_tokens: 100,
    }
}

fn completion(content: &str) -> serde_json::Value {
    json!({
        "model": "writer-1",
        "choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
    })
}

async fn answering(response: ResponseTemplate) -> (MockServer, ModelClient) {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(response)
        .mount(&server)
        .await;
    let client = client(&format!("{}/v1", server.uri()), CallLimits::default());
    (server, client)
}

async fn error_of(response: ResponseTemplate) -> ModelError {
    let (server, client) = answering(response).await;
    let error = client.complete(&prompt()).await.unwrap_err();
    assert_eq!(
        server.received_requests().await.unwrap().len(),
        1,
        "the rows do the retrying"
    );
    assert!(!format!("{error:?} {error}").contains(KEY));
    error
}

#[tokio::test]
async fn a_completion_is_asked_for_once_with_seed_and_limits() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/chat/completions"))
        .and(header("authorization", "Bearer canary-key"))
        .and(body_partial_json(json!({
            "model": "writer", "seed": 42, "temperature": 0.7, "max_tokens": 100,
            "messages": [{"role": "system", "content": "You are Maya."}, {"role": "user", "content": "Write a hook."}],
        })))
        .respond_with(ResponseTemplate::new(200).set_body_json(completion("A hook.")))
        .expect(1)
        .mount(&server)
        .await;
    // With a slash at its end, as people write it.
    let client = client(&format!("{}/v1/", server.uri()), CallLimits::default());
    let answer = client.complete(&prompt()).await.unwrap();
    assert_eq!(
        answer,
        Completion {
            text: "A hook.".to_owned(),
            prompt_tokens: 12,
            completion_tokens: 5,
            usage_known: true,
            model: "writer-1".to_owned(),
            finish: Finish::Complete,
            stand_in: false,
        }
    );
}

#[tokio::test]
async fn a_stand_in_is_known_by_its_header_or_its_fingerprint() {
    let by_header = ResponseTemplate::new(200)
        .insert_header("x-stand-in", "llm-dev")
        .set_body_json(completion("x"));
    assert!(
        answering(by_header)
            .await
            .1
            .complete(&prompt())
            .await
            .unwrap()
            .stand_in
    );
    let mut body = completion("x");
    body["system_fingerprint"] = json!("llm-dev stand-in");
    let by_print = ResponseTemplate::new(200).set_body_json(body);
    assert!(
        answering(by_print)
            .await
            .1
            .complete(&prompt())
            .await
            .unwrap()
            .stand_in
    );
    // A model that claims the field in its body only is none.
    let honest = ResponseTemplate::new(200).set_body_json(completion("I am a stand-in"));
    assert!(
        !answering(honest)
            .await
            .1
            .complete(&prompt())
            .await
            .unwrap()
            .stand_in
    );
}

/// FAULTS 37
#[tokio::test]
async fn rate_limits_and_outages_carry_the_wait_that_was_asked_for() {
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "7");
    let error = error_of(limited).await;
    assert_eq!(error.class(), ModelErrorClass::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    for status in [500, 503, 529] {
        let error = error_of(ResponseTemplate::new(status)).await;
        assert_eq!(error.class(), ModelErrorClass::Unavailable, "{status}");
        assert_eq!(error.retry_after(), None);
    }
}

#[test]
fn retry_after_is_seconds_or_a_date_and_bounded() {
    assert_eq!(parse_retry_after("120"), Some(Duration::from_secs(120)));
    assert_eq!(
        parse_retry_after("999999999"),
        Some(Duration::from_secs(86_400))
    );
    assert_eq!(
        parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"),
        Some(Duration::ZERO)
    );
    let soon = (chrono::Utc::now() + chrono::TimeDelta::seconds(90))
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string();
    let wait = parse_retry_after(&soon).unwrap();
    assert!((85..=90).contains(&wait.as_secs()), "{wait:?}");
    assert_eq!(parse_retry_after("soon"), None);
    assert_eq!(parse_retry_after("-1"), None);
}

#[tokio::test]
async fn a_refused_key_and_a_wrong_request_are_told_apart() {
    let message = json!({"error": {"message": format!("Incorrect API key: {KEY}")}});
    let refused = ResponseTemplate::new(401).set_body_json(message);
    assert_eq!(
        error_of(refused).await,
        ModelError::Unauthorized { status: 401 }
    );
    let unknown = json!({"error": {"message": "no model writer\nhere"}});
    let error = error_of(ResponseTemplate::new(404).set_body_json(unknown)).await;
    assert_eq!(
        error,
        ModelError::Invalid("404: no model writer here".to_owned())
    );
}

/// FAULTS 38
#[tokio::test]
async fn what_cannot_be_an_answer_is_invalid_output() {
    let ok = || ResponseTemplate::new(200);
    for response in [
        ok().set_body_string("<html>"),
        ok().set_body_string(""),
        ok().set_body_string(r#"{"choices": [{"message": {"content": "cut o"#),
        ok().set_body_json(json!([1])),
        ok().set_body_json(json!({"choices": []})),
        ok().set_body_json(json!({"choices": [{"message": {"content": 7}}]})),
        ok().set_body_json(completion("  \n")),
    ] {
        let error = error_of(response).await;
        assert_eq!(error.class(), ModelErrorClass::InvalidOutput, "{error}");
    }
}

#[tokio::test]
async fn a_huge_answer_is_cut_off() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(completion(&"x".repeat(5000))))
        .mount(&server)
        .await;
    let limits = CallLimits {
        response_bytes: 4096,
        ..CallLimits::default()
    };
    let error = client(&server.uri(), limits)
        .complete(&prompt())
        .await
        .unwrap_err();
    assert_eq!(
        error,
        ModelError::InvalidOutput {
            why: "the answer is longer than 4096 bytes".to_owned()
        }
    );
}

#[tokio::test]
async fn an_endpoint_that_hangs_times_out_and_one_that_is_away_is_unavailable() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    Mock::given(method("POST"))
        .respond_with(slow)
        .mount(&server)
        .await;
    let limits = CallLimits {
        total: Duration::from_millis(200),
        ..CallLimits::default()
    };
    let error = client(&server.uri(), limits)
        .complete(&prompt())
        .await
        .unwrap_err();
    assert_eq!(error, ModelError::Timeout(limits.total));

    let away = client("http://127.0.0.1:9/v1", CallLimits::default());
    let error = away.complete(&prompt()).await.unwrap_err();
    assert_eq!(error.class(), ModelErrorClass::Unavailable, "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = ResponseTemplate::new(307).insert_header("location", "http://127.0.0.1:9/");
    assert_eq!(error_of(elsewhere).await.class(), ModelErrorClass::Invalid);
}

#[tokio::test]
async fn lengths_filters_and_refusals_are_told_from_an_end() {
    for (reason, finish) in [
        ("length", Finish::Truncated),
        ("content_filter", Finish::Filtered),
    ] {
        let mut body = completion("some");
        body["choices"][0]["finish_reason"] = json!(reason);
        let (_server, client) = answering(ResponseTemplate::new(200).set_body_json(body)).await;
        assert_eq!(client.complete(&prompt()).await.unwrap().finish, finish);
    }
    let mut body = completion("");
    body["choices"][0]["message"] = json!({"content": null, "refusal": "no"});
    let (_server, client) = answering(ResponseTemplate::new(200).set_body_json(body)).await;
    assert_eq!(
        client.complete(&prompt()).await.unwrap().finish,
        Finish::Filtered
    );
}

#[tokio::test]
async fn usage_that_is_absent_or_negative_is_not_known() {
    for usage in [
        json!(null),
        json!({"prompt_tokens": -5, "completion_tokens": 1}),
    ] {
        let mut body = completion("x");
        body["usage"] = usage;
        let (_server, client) = answering(ResponseTemplate::new(200).set_body_json(body)).await;
        let answer = client.complete(&prompt()).await.unwrap();
        assert!(!answer.usage_known);
        assert_eq!((answer.prompt_tokens, answer.completion_tokens), (0, 0));
    }
}

#[tokio::test]
async fn embeddings_come_as_base64_or_as_numbers_and_are_checked() {
    let embed = |embedding: serde_json::Value| async move {
        let body = json!({"data": [{"embedding": embedding}], "usage": {"prompt_tokens": 3}});
        let (_server, client) = answering(ResponseTemplate::new(200).set_body_json(body)).await;
        client.embed("text", 2).await
    };
    let wanted = Embedding {
        vector: vec![1.0, -0.5],
        tokens: Some(3),
    };
    assert_eq!(embed(json!([1.0, -0.5])).await.unwrap(), wanted);
    assert_eq!(embed(json!("AACAPwAAAL8=")).await.unwrap(), wanted);
    for wrong in [
        json!([1.0]),
        json!([0.0, 0.0]),
        json!([1e39, 1.0]),
        json!("AACAPw=="),
        json!("AACAPwAA"),
        json!("!"),
        json!(null),
    ] {
        let error = embed(wrong.clone()).await.unwrap_err();
        assert_eq!(error.class(), ModelErrorClass::InvalidOutput, "{wrong}");
    }
}

#[tokio::test]
async fn a_moderation_names_what_was_flagged() {
    let body = json!({"results": [{"flagged": true, "categories": {"hate": true, "violence": false, "new": null}}]});
    let (_server, client) = answering(ResponseTemplate::new(200).set_body_json(body)).await;
    let verdict = client.moderate("text").await.unwrap();
    assert_eq!(verdict.categories, ["hate"]);
    assert!(verdict.flagged);
    let (_server, client) =
        answering(ResponseTemplate::new(200).set_body_json(json!({"results": []}))).await;
    let error = client.moderate("text").await.unwrap_err();
    assert_eq!(error.class(), ModelErrorClass::InvalidOutput);
}

#[test]
fn urls_and_keys_that_cannot_be_used_are_refused_before_a_call() {
    let transport = transport(CallLimits::default());
    for (base_url, key) in [
        ("not a url", KEY),
        ("file:///etc/passwd", KEY),
        ("http://host/v1", ""),
        ("http://host/v1", "canary-key\nx: y"),
    ] {
        let endpoint = ModelEndpoint {
            base_url: base_url.to_owned(),
            model: "m".to_owned(),
            api_key: SecretString::from(key.to_owned()),
        };
        let error = ModelClient::new(endpoint, &transport).unwrap_err();
        assert_eq!(error.class(), ModelErrorClass::Invalid);
        assert!(!format!("{error:?}").contains(KEY));
    }
}

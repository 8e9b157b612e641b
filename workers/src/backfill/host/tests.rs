#![allow(clippy::unwrap_used)]

use super::*;
use github_dev::{Fault, FaultKind, Plan, Running};
use serde_json::Value;

const TOKEN: &str = "ghp_canary0123456789";

fn host(stand: &Running, token: Option<&str>, transport: &TransportSettings) -> Host {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let patience = Patience {
        limit: Duration::from_secs(2),
        ..Patience::default()
    };
    Host::new(
        &stand.api_base_url(),
        token.map(SecretString::from),
        transport,
        patience,
        Stop::new(Duration::from_secs(1)),
    )
    .unwrap()
}

async fn stand() -> Running {
    let stand = Running::start().await.unwrap();
    stand.world.add(&Plan {
        pulls: 3,
        ..Plan::default()
    });
    stand
}

async fn asked(stand: &Running, fault: Option<Fault>) -> Result<Reply<Value>, HostError> {
    stand.world.lock().faults.list = fault.into_iter().collect();
    let quick = TransportSettings {
        total: Duration::from_millis(300),
        response_bytes: 1024 * 1024,
        ..TransportSettings::default()
    };
    host(stand, Some(TOKEN), &quick)
        .get("/repos/acme/shop")
        .await
}

/// FAULTS 60: the token goes to the host and nowhere else.
#[tokio::test]
async fn a_revoked_token_is_refused_once_and_never_told() {
    let stand = stand().await;
    assert!(asked(&stand, None).await.is_ok());
    stand.world.lock().revoked.insert(TOKEN.to_owned());
    stand.world.forget_asked();
    let error = asked(&stand, None).await.unwrap_err();
    assert_eq!(error, HostError::Unauthorized);
    assert_eq!(stand.world.answered("/repos/"), 1);
    let host = host(&stand, Some(TOKEN), &TransportSettings::default());
    assert!(!format!("{host:?}{error:?}{error}").contains("canary"));
    assert_eq!(
        line(&format!("bad token {TOKEN}\n"), Some(TOKEN)),
        "bad token [token] "
    );
}

#[tokio::test]
async fn what_passes_is_asked_again_and_what_stays_is_told_after_bounded_tries() {
    let stand = stand().await;
    for kind in [
        FaultKind::Status(502),
        FaultKind::NotJson,
        FaultKind::CutOff,
        FaultKind::Hang,
        FaultKind::Stall,
        FaultKind::Huge,
    ] {
        let passing = Fault::new(kind, "/repos/").times(2);
        assert!(asked(&stand, Some(passing)).await.is_ok(), "{kind:?}");
        let error = asked(&stand, Some(Fault::new(kind, "/repos/")))
            .await
            .unwrap_err();
        assert!(error.is_passing(), "{kind:?}: {error}");
    }
    let fault = Fault::new(FaultKind::Status(502), "/repos/");
    stand.world.forget_asked();
    assert!(asked(&stand, Some(fault)).await.is_err());
    assert_eq!(stand.world.answered("/repos/"), 4);
}

#[tokio::test]
async fn a_short_limit_is_waited_for_and_a_long_one_ends_it() {
    let stand = stand().await;
    let short = Fault::new(FaultKind::SecondaryLimit, "/repos/").times(1);
    let before = std::time::Instant::now();
    assert!(asked(&stand, Some(short)).await.is_ok());
    assert!(before.elapsed() >= Duration::from_secs(1));
    let long = Fault::new(FaultKind::SecondaryLimit, "/repos/").retry_after(600);
    assert_eq!(
        asked(&stand, Some(long)).await.unwrap_err(),
        HostError::Limited {
            secondary: true,
            wait: Duration::from_secs(600)
        }
    );
}

#[tokio::test]
async fn a_used_up_limit_is_known_before_it_is_met() {
    let stand = stand().await;
    stand.world.lock().quota.limit = 1;
    let host = host(&stand, Some(TOKEN), &TransportSettings::default());
    let _: Reply<Value> = host.get("/repos/acme/shop").await.unwrap();
    let error = host.get::<Value>("/repos/acme/shop").await.unwrap_err();
    assert_eq!(error.code(), "RateLimited");
    // The second request was never sent.
    assert_eq!(stand.world.answered("/repos/"), 1);
}

#[tokio::test]
async fn an_unchanged_answer_is_known_by_its_etag() {
    let stand = stand().await;
    let host = host(&stand, None, &TransportSettings::default());
    let first: Reply<Value> = host.get("/repos/acme/shop").await.unwrap();
    let again = host
        .get_if_changed::<Value>("/repos/acme/shop", first.etag.as_deref())
        .await
        .unwrap();
    assert!(again.is_none());
}

#[tokio::test]
async fn a_renamed_repository_is_followed_and_another_host_is_not() {
    let stand = stand().await;
    stand.world.rename("acme/shop", "store").unwrap();
    let moved = asked(&stand, None).await.unwrap();
    assert_eq!(moved.body["full_name"], "acme/store");
    let host = host(&stand, Some(TOKEN), &TransportSettings::default());
    let mut headers = HeaderMap::new();
    headers.insert(
        "location",
        HeaderValue::from_static("http://evil.test/repositories/1"),
    );
    assert!(host.moved(&headers).is_err());
}

#[test]
fn links_are_read() {
    let header =
        r#"<https://h/repos?page=1>; rel="prev", <https://h/repos?a=b&page=3>; rel="next""#;
    let next = next_link(header).unwrap();
    assert_eq!(parameter(&next, "page").as_deref(), Some("3"));
    assert_eq!(next_link(r#"<https://h/repos?page=1>; rel="last""#), None);
}

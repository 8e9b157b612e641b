#![allow(clippy::unwrap_used)]

use super::super::{observe::WebhookSecrets, validate::validate};
use super::*;
use backends::postgres::operator::achievements::SourceRow;
use crds::Reason;
use domain::names::Tenant;
use serde_json::json;
use uuid::Uuid;

fn source() -> ValidatedSource {
    validate(
        &serde_json::from_value(json!({
            "apiVersion": "threads-agent.io/v1alpha1", "kind": "AchievementSource",
            "metadata": { "name": "shop", "namespace": "a", "uid": Uuid::from_u128(1) },
            "spec": { "github": { "owner": "acme" } },
        }))
        .unwrap(),
    )
    .unwrap()
}

fn row(keys: Option<&str>) -> SourceRow {
    SourceRow {
        settings_digest: digest_of(&source().settings),
        credentials_digest: String::new(),
        suspended: false,
        webhook_keys_digest: keys.map(str::to_owned),
        webhook_verified_at: None,
        webhook_error: None,
        last_delivery_at: None,
        reached_at: None,
        unreachable: None,
        caught_up_at: None,
        collected: 0,
        analysed: 0,
        waiting: 0,
    }
}

fn observed(row: Option<SourceRow>, webhook: Option<Result<WebhookSecrets, Problem>>) -> Observed {
    Observed {
        tenant: Tenant {
            install: "threads".into(),
            namespace: "a".into(),
            namespace_uid: Uuid::from_u128(9),
        },
        row,
        webhook,
        secrets: Ok(()),
        credentials_digest: String::new(),
    }
}

fn secrets(digest: &str) -> Option<Result<WebhookSecrets, Problem>> {
    Some(Ok(WebhookSecrets {
        values: vec![b"secret".to_vec()],
        digest: digest.into(),
    }))
}

#[test]
fn a_row_that_says_what_the_resource_says_is_left_alone() {
    assert!(plan(&source(), &observed(None, None)).sync);
    let same = plan(&source(), &observed(Some(row(Some("v1"))), secrets("v1")));
    assert_eq!((same.sync, same.keys), (false, Keys::Keep));
    let suspended = ValidatedSource {
        suspended: true,
        ..source()
    };
    assert!(plan(&suspended, &observed(Some(row(None)), None)).sync);
}

#[test]
fn a_rotated_secret_is_sealed_and_one_that_may_not_be_used_any_more_is_removed() {
    let rotated = plan(&source(), &observed(Some(row(Some("v1"))), secrets("v2")));
    assert_eq!(rotated.keys, Keys::Seal);
    let gone = Problem::waiting(Reason::SecretNotFound, "gone".into());
    let lost = plan(&source(), &observed(Some(row(Some("v1"))), Some(Err(gone))));
    assert_eq!(lost.keys, Keys::Remove);
    assert_eq!(lost.problems[0].reason, Reason::SecretNotFound);
    let unnamed = plan(&source(), &observed(Some(row(Some("v1"))), None));
    assert_eq!(unnamed.keys, Keys::Remove);
}

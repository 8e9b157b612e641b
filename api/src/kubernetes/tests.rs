#![allow(clippy::unwrap_used)]

use super::*;
use http::{Request, Response, StatusCode};
use kube::client::Body;
use tower_test::mock;

/// A cluster that gives one answer, and what it was asked.
async fn answering(
    status: u16,
    body: Value,
    call: impl AsyncFnOnce(Cluster) -> Result<(), Problem>,
) -> (String, String, Result<(), Problem>) {
    let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    let cluster = Cluster::new(Client::new(service, "default"));
    let serve = async {
        let (request, send) = handle.next_request().await.expect("a call");
        let asked = request.uri().to_string();
        let bytes = request.into_body().collect_bytes().await.expect("a body");
        send.send_response(
            Response::builder()
                .status(StatusCode::from_u16(status).unwrap())
                .body(Body::from(body.to_string().into_bytes()))
                .unwrap(),
        );
        (asked, String::from_utf8_lossy(&bytes).into_owned())
    };
    let ((asked, sent), result) = tokio::join!(serve, call(cluster));
    (asked, sent, result)
}

/// FAULTS 4 and 42: what another manager owns is answered with its name and never taken.
#[tokio::test]
async fn a_field_of_another_manager_is_a_conflict_that_names_it() {
    let conflict = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Conflict", "code": 409,
        "message": "Apply failed with 1 conflict: conflict with \"argocd-controller\": .spec.hypothesis",
        "details": {"causes": [{"reason": "FieldManagerConflict", "field": ".spec.hypothesis",
            "message": "conflict with \"argocd-controller\""}]}
    });
    let (asked, sent, result) = answering(409, conflict, async |cluster| {
        cluster
            .apply("team", "hooks", &json!({"hypothesis": "x"}), true)
            .await
            .map(drop)
    })
    .await;
    assert!(
        asked.contains("/namespaces/team/experiments/hooks"),
        "{asked}"
    );
    assert!(
        asked.contains("fieldManager=threads-api") && !asked.contains("force=true"),
        "{asked}"
    );
    assert!(sent.contains("threads-agent.io/start"), "{sent}");
    let problem = serde_json::to_value(result.unwrap_err()).unwrap();
    assert_eq!(problem["status"], 409);
    assert_eq!(problem["managers"], json!(["argocd-controller"]));
    assert_eq!(problem["fields"], json!(["spec.hypothesis"]));
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("argocd-controller")
    );
}

#[tokio::test]
async fn what_the_schema_refuses_is_the_callers_fault() {
    for (code, expected) in [
        (422, 422),
        (400, 400),
        (403, 403),
        (404, 404),
        (413, 413),
        (401, 503),
        (418, 503),
    ] {
        let body = json!({"kind": "Status", "status": "Failure", "reason": "x", "code": code, "message": "one control"});
        let (_, _, result) = answering(code, body, async |cluster| {
            cluster
                .apply("team", "hooks", &json!({}), false)
                .await
                .map(drop)
        })
        .await;
        assert_eq!(result.unwrap_err().status().as_u16(), expected, "{code}");
    }
}

/// FAULTS 55: a name never leaves its place in the path.
#[test]
fn a_name_that_could_be_a_path_is_refused() {
    for name in [
        "",
        "..",
        "a/b",
        "a?x",
        "A",
        "-a",
        "a-",
        "a.b",
        "a\u{0}",
        "ä",
        &"a".repeat(51),
    ] {
        assert!(check_name(name).is_err(), "{name}");
    }
    for name in ["a", "hooks-2", &"a".repeat(50)] {
        assert!(check_name(name).is_ok(), "{name}");
    }
}

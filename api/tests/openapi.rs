//! The OpenAPI document that is committed is that of the routes.
#![allow(clippy::unwrap_used)]

use serde_json::Value;

#[test]
fn the_committed_document_is_fresh() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let standing = std::fs::read_to_string(file).unwrap();
    assert!(
        standing == api::document().unwrap(),
        "docs/openapi.json is stale; run: cargo xtask gen"
    );
}

#[test]
fn every_route_names_the_verb_that_it_needs_and_how_it_fails() {
    let document: Value = serde_json::from_str(&api::document().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 15, "{}", paths.len());
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let signed = path.starts_with("/webhooks/");
            let verb = operation["security"][0]["key"][0].as_str();
            assert!(
                signed != verb.is_some_and(|verb| verb.contains(':')),
                "{method} {path}"
            );
            let failure = &operation["responses"]["default"]["content"]["application/problem+json"];
            assert!(failure.is_object(), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
    }
}

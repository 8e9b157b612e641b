#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::json;

fn pod(namespace: &str, app: &str) -> End {
    End::Pod {
        namespace: namespace.into(),
        namespace_labels: [("name".to_owned(), namespace.to_owned())].into(),
        labels: [("app".to_owned(), app.to_owned())].into(),
    }
}

fn policy(spec: Value) -> Value {
    json!({ "metadata": { "namespace": "a" }, "spec": spec })
}

fn tcp(policies: &[Value], from: &End, to: &End, port: u64) -> bool {
    passes(policies, from, to, port, "TCP").unwrap()
}

#[test]
fn nothing_is_closed_without_a_policy() {
    assert!(tcp(&[], &pod("a", "x"), &pod("b", "y"), 80));
}

#[test]
fn a_policy_closes_its_direction_alone() {
    let closed = [policy(
        json!({ "podSelector": {}, "policyTypes": ["Ingress"] }),
    )];
    assert!(!tcp(&closed, &pod("b", "y"), &pod("a", "x"), 80));
    assert!(tcp(&closed, &pod("a", "x"), &pod("b", "y"), 80));
}

#[test]
fn policies_add_up_and_ports_protocols_and_peers_are_held() {
    let policies = [
        policy(json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] })),
        policy(
            json!({ "podSelector": { "matchLabels": { "app": "x" } }, "policyTypes": ["Egress"], "egress": [
            { "ports": [{ "port": 53, "protocol": "UDP" }],
              "to": [{ "namespaceSelector": { "matchLabels": { "name": "dns" } }, "podSelector": { "matchLabels": { "app": "dns" } } }] },
            { "ports": [{ "port": 443 }], "to": [{ "ipBlock": { "cidr": "10.0.0.0/8", "except": ["10.9.0.0/16"] } }] },
        ] }),
        ),
    ];
    let x = pod("a", "x");
    assert!(passes(&policies, &x, &pod("dns", "dns"), 53, "UDP").unwrap());
    assert!(!tcp(&policies, &x, &pod("dns", "dns"), 53));
    assert!(!passes(&policies, &x, &pod("dns", "other"), 53, "UDP").unwrap());
    assert!(!passes(&policies, &pod("a", "z"), &pod("dns", "dns"), 53, "UDP").unwrap());
    let address = |text: &str| End::Address(text.parse().unwrap());
    assert!(tcp(&policies, &x, &address("10.1.2.3"), 443));
    assert!(!tcp(&policies, &x, &address("10.9.2.3"), 443));
    assert!(!tcp(&policies, &x, &address("192.0.2.1"), 443));
    // A peer without a namespaceSelector is of the policy's own namespace.
    let own = [policy(
        json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [
        { "from": [{ "podSelector": { "matchLabels": { "app": "y" } } }] }] }),
    )];
    assert!(tcp(&own, &pod("a", "y"), &x, 80));
    assert!(!tcp(&own, &pod("b", "y"), &x, 80));
}

#[test]
fn what_is_not_understood_is_no_permission() {
    let odd = [policy(
        json!({ "podSelector": { "matchExpressions": [] }, "policyTypes": ["Ingress"] }),
    )];
    assert!(passes(&odd, &pod("b", "y"), &pod("a", "x"), 80, "TCP").is_err());
}

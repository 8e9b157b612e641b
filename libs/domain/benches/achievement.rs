//! One record's analysis: as a pull request usually is, and with texts of a megabyte that are hard to read.
//!
//! `cargo bench -p threads-domain --bench achievement`
#![allow(clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::achievement::{Subject, analyse};
use serde_json::json;
use std::hint::black_box;

const MEGABYTE: usize = 1_048_576;
const USUAL: &str = "Invoices were rounded twice, so that some were a cent too high.\n\nFixes #12. Saves support about 3 hours a week.\n\n\
    ```rust\nassert_eq!(total, 3);\n```\n<!-- Saves N hours -->\n";

/// A merged pull request with this text.
fn record(body: &str) -> Subject {
    serde_json::from_value(json!({
        "id": "00000000-0000-0000-0000-000000000001", "title": "fix: rounding of invoices", "description": body,
        "people": [{ "login": "ada", "role": "author" }, { "login": "bob", "role": "reviewer" }],
        "startedAt": "2026-01-01T00:00:00Z", "completedAt": "2026-01-02T12:00:00Z", "visibility": "public", "evidence": [],
        "pullRequest": {
            "host": "github.com", "repositoryId": 1, "repository": "acme/shop", "number": 40, "title": "fix: rounding of invoices",
            "body": body, "url": "https://github.com/acme/shop/pull/40", "visibility": "public", "baseRef": "main",
            "defaultBranch": true, "labels": ["bug", "priority/high"], "people": [], "createdAt": "2026-01-01T00:00:00Z",
            "mergedAt": "2026-01-02T12:00:00Z", "updatedAt": "2026-01-02T12:00:00Z", "mergeCommitSha": null, "headSha": null,
            "commits": 3, "comments": 2, "reviewComments": 4, "additions": 120, "deletions": 30, "changedFiles": 2,
            "files": [{ "path": "src/invoice.rs", "additions": 120, "deletions": 30, "status": "modified" }], "reverts": null,
        },
    }))
    .unwrap()
}

fn analysis(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("achievement");
    group.sample_size(20);
    let mut measure = |name: &str, body: &str| {
        let record = record(body);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| analyse(black_box(&record))));
    };
    measure("usual text", USUAL);
    for (name, text) in [
        ("1 MB of prose", USUAL),
        ("1 MB of statements", "Saves 3 hours a week. "),
        ("1 MB of amounts in one line", "$1 "),
        ("1 MB of digits", "9"),
        ("1 MB of hidden letters", "\u{202E}\u{200B}"),
        ("1 MB of assignments", "password=a1b2c3d4e5 "),
    ] {
        measure(name, &text.repeat(MEGABYTE / text.len()));
    }
    group.finish();
}

criterion_group!(benches, analysis);
criterion_main!(benches);

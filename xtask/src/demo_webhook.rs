//! `demo-webhook`: a delivery as GitHub sends it when a pull request is merged, for trying a source without a repository.

use crate::{exec, forward::Forwarding, native::kubectl, paths::Instance};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{fs, process::Command};

/// Port of the API that takes webhooks.
const PORT: u16 = 8090;
/// The repository that the delivery pretends to come from has a number that no repository of GitHub has.
const REPOSITORY_ID: i64 = 9_007_199_254_740_000;

#[derive(Args)]
pub struct Options {
    /// Name of the AchievementSource.
    #[arg(default_value = "shop")]
    source: String,
    /// Its namespace.
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// Number of the pull request; the same one again is the same achievement.
    #[arg(long, default_value_t = 42)]
    number: i64,
    /// Title of the pull request.
    #[arg(long, default_value = "feat: customers export their invoices")]
    title: String,
    /// Text of the pull request.
    #[arg(
        long,
        default_value = "Closes #17.\n\nSaves the accounting team 6 hours a week."
    )]
    body: String,
}

/// Sends the delivery and says what became of it.
pub fn send(instance: &Instance, options: &Options) -> Result<()> {
    let source = read(instance, options, "achievementsource", &options.source)?;
    let path = source["status"]["webhookPath"].as_str().context(
        "the source has no status.webhookPath yet; kubectl describe achievementsource says why",
    )?;
    let reference = &source["spec"]["webhook"]["secretRef"];
    let name = reference["name"]
        .as_str()
        .context("the source names no webhook secret: spec.webhook.secretRef")?;
    let key = reference["keys"][0].as_str().unwrap_or("webhook-secret");
    let secret = secret(instance, options, name, key)?;
    let delivery = delivery(&source, options).to_string();
    let answer = post(instance, path, &delivery, &signature(&secret, &delivery)?)?;
    println!("{answer}");
    println!("kubectl get achievements -n {}", options.namespace);
    Ok(())
}

fn read(instance: &Instance, options: &Options, kind: &str, name: &str) -> Result<Value> {
    let text = exec::output(kubectl(instance).args([
        "-n",
        &options.namespace,
        "get",
        kind,
        name,
        "-o",
        "json",
    ]))?;
    Ok(serde_json::from_str(&text)?)
}

fn secret(instance: &Instance, options: &Options, name: &str, key: &str) -> Result<String> {
    let template = format!("go-template={{{{index .data {key:?} | base64decode}}}}");
    let secret = exec::output(kubectl(instance).args([
        "-n",
        &options.namespace,
        "get",
        "secret",
        name,
        "-o",
        &template,
    ]))?;
    ensure!(!secret.is_empty(), "Secret {name} has no key {key}");
    Ok(secret)
}

/// The fields of GitHub's own delivery that anybody reads, under its names.
fn delivery(source: &Value, options: &Options) -> Value {
    let github = &source["spec"]["github"];
    let owner = github["owner"].as_str().unwrap_or("acme");
    let name = github["repository"].as_str().unwrap_or("demo");
    let merged = now();
    let user = |login: &str| json!({"login": login, "type": "User"});
    json!({
        "action": "closed", "number": options.number,
        "repository": {"id": REPOSITORY_ID, "name": name, "full_name": format!("{owner}/{name}"), "private": false,
            "visibility": "public", "default_branch": "main", "owner": user(owner)},
        "pull_request": {
            "number": options.number, "state": "closed", "merged": true, "title": options.title, "body": options.body,
            "html_url": format!("https://github.com/{owner}/{name}/pull/{}", options.number),
            "user": user("ada"), "merged_by": user("grace"), "assignees": [user("ada")], "requested_reviewers": [user("grace")],
            "labels": [{"name": "feature"}, {"name": "customer"}],
            "base": {"ref": "main", "sha": sha("base", options.number)},
            "head": {"ref": "export-invoices", "sha": sha("head", options.number)},
            "merge_commit_sha": sha("merge", options.number),
            "created_at": "2026-01-05T09:00:00Z", "updated_at": merged, "merged_at": merged, "closed_at": merged,
            "commits": 7, "comments": 3, "review_comments": 9, "additions": 412, "deletions": 88, "changed_files": 14,
        },
        "sender": user("grace"),
    })
}

/// Forty hexadecimal digits, the same for the same pull request.
fn sha(what: &str, number: i64) -> String {
    use sha2::Digest;
    let digest = Sha256::digest(format!("{what} {number}"));
    digest
        .iter()
        .take(20)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn now() -> String {
    exec::output(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]))
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

fn signature(secret: &str, body: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).context("the secret")?;
    mac.update(body.as_bytes());
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("sha256={hex}"))
}

fn post(instance: &Instance, path: &str, body: &str, signature: &str) -> Result<String> {
    let forwarding = Forwarding::open(instance, PORT)?;
    let file = instance.run.join("demo-webhook.json");
    fs::write(&file, body)?;
    let id: [u8; 16] = rand::random();
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let answer = exec::output(Command::new("curl").args([
        "-sS",
        "--max-time",
        "30",
        "-w",
        "\n%{http_code}",
        "-H",
        "Content-Type: application/json",
        "-H",
        "X-GitHub-Event: pull_request",
        "-H",
        &format!("X-GitHub-Delivery: {id}"),
        "-H",
        &format!("X-Hub-Signature-256: {signature}"),
        "--data-binary",
        &format!("@{}", file.display()),
        &format!("http://{}{path}", forwarding.address),
    ]));
    let _ = fs::remove_file(&file);
    let answer = answer?;
    let (body, code) = answer.rsplit_once('\n').unwrap_or(("", &answer));
    if !code.trim().starts_with('2') {
        bail!("the API answered {}: {}", code.trim(), body.trim());
    }
    Ok(format!("{} {}", code.trim(), body.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's documentation on validating deliveries.
    #[test]
    fn deliveries_are_signed_as_github_signs_them() {
        assert_eq!(
            signature("It's a Secret to Everybody", "Hello, World!").unwrap_or_default(),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}

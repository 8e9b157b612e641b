//! Pushes, releases and deployments.

use super::{Delivery, ReadError, Reading, fields::Fields, people::People};
use crate::achievement::{Evidence, EvidenceKind, Role};
use jiff::Timestamp;
use serde_json::Value;

/// Commits of a push that the host tells at most; of a larger one they are not all known.
const PUSH_COMMITS: usize = 2_048;

/// Commits that came onto a branch.
pub fn push(reading: &Reading<'_>, body: &Fields<'_>) -> Result<Delivery, ReadError> {
    let Some(branch) = body.text("ref")?.strip_prefix("refs/heads/") else {
        return Ok(Delivery::Ignored("a push of something else than a branch"));
    };
    if body.value("deleted") == true {
        return Ok(Delivery::Ignored("a branch was deleted"));
    }
    let after = body.sha("after").ok_or_else(|| match body.text("after") {
        Err(error) => error,
        Ok(_) => body.malformed("after", "the hash of a commit"),
    })?;
    let commits = body.list("commits");
    if commits.is_empty() && body.value("head_commit").is_null() {
        return Ok(Delivery::Ignored("a push without commits"));
    }
    let head = body.object("head_commit")?;
    let mut shas: Vec<String> = commits
        .iter()
        .filter_map(|commit| Fields::root(commit).ok()?.sha("id"))
        .chain([after.clone()])
        .collect();
    shas.sort();
    shas.dedup();
    let repository = body.object("repository")?;
    let at = match pushed_at(&repository) {
        Some(at) => at,
        None => head.time("timestamp")?,
    };
    let mut people = People::new(reading);
    people.add(body.value("sender"), Role::Author);
    let evidence = Evidence {
        title: head
            .title("message")
            .unwrap_or_else(|| format!("Push to {branch}")),
        url: head.url("url").ok(),
        stream: branch.chars().take(255).collect(),
        sha: Some(after.clone()),
        shas: (commits.len() < PUSH_COMMITS).then_some(shas),
        people: people.list(),
        ..bare(reading, &repository, EvidenceKind::Push, after, at)?
    };
    Ok(Delivery::Evidence {
        evidence: Box::new(evidence),
        on_default_branch: repository.value("default_branch").as_str() == Some(branch),
    })
}

/// A published release. Its tag may have been there long before, so no commit of it is known here.
pub fn release(reading: &Reading<'_>, body: &Fields<'_>) -> Result<Delivery, ReadError> {
    if body.text("action")? != "published" {
        return Ok(Delivery::Ignored("the release is not being published"));
    }
    let release = body.object("release")?;
    if release.value("draft") == true {
        return Ok(Delivery::Ignored("the release is a draft"));
    }
    let tag = release.name("tag_name")?;
    let mut people = People::new(reading);
    people.add(release.value("author"), Role::Releaser);
    let evidence = Evidence {
        title: release.title("name").unwrap_or_else(|| tag.clone()),
        url: release.url("html_url").ok(),
        stream: tag,
        people: people.list(),
        ..bare(
            reading,
            &body.object("repository")?,
            EvidenceKind::Release,
            release.id("id")?.to_string(),
            release.time("published_at")?,
        )?
    };
    Ok(Delivery::Evidence {
        evidence: Box::new(evidence),
        on_default_branch: true,
    })
}

/// A deployment that succeeded.
pub fn deployment(reading: &Reading<'_>, body: &Fields<'_>) -> Result<Delivery, ReadError> {
    let status = body.object("deployment_status")?;
    if status.text("state")? != "success" {
        return Ok(Delivery::Ignored(
            "the deployment did not succeed, or not yet",
        ));
    }
    let deployment = body.object("deployment")?;
    let environment = deployment.name("environment")?;
    let mut people = People::new(reading);
    people.add(deployment.value("creator"), Role::Deployer);
    let url = ["environment_url", "log_url", "target_url"]
        .iter()
        .find_map(|name| status.url(name).ok());
    let evidence = Evidence {
        title: format!("Deployment to {environment}"),
        url,
        stream: environment,
        sha: deployment.sha("sha"),
        people: people.list(),
        ..bare(
            reading,
            &body.object("repository")?,
            EvidenceKind::Deployment,
            deployment.id("id")?.to_string(),
            status.time("created_at")?,
        )?
    };
    Ok(Delivery::Evidence {
        evidence: Box::new(evidence),
        on_default_branch: true,
    })
}

/// What all of them have.
fn bare(
    reading: &Reading<'_>,
    repository: &Fields<'_>,
    kind: EvidenceKind,
    external_id: String,
    at: Timestamp,
) -> Result<Evidence, ReadError> {
    Ok(Evidence {
        kind,
        host: reading.host.to_lowercase(),
        repository_id: repository.id("id")?,
        repository: repository.full_name()?,
        external_id,
        title: String::new(),
        url: None,
        stream: String::new(),
        sha: None,
        shas: None,
        at,
        people: Vec::new(),
    })
}

/// A delivery of a push has the second of the push in its repository; the REST API has a text there, which is of the newest push.
fn pushed_at(repository: &Fields<'_>) -> Option<Timestamp> {
    match repository.value("pushed_at") {
        Value::Number(seconds) => Timestamp::from_second(seconds.as_i64()?).ok(),
        _ => None,
    }
}

//! GitHub's JSON, as its documentation of REST API version 2022-11-28 shows it: the fields that clients read, with GitHub's
//! names, types and nulls. URLs start with `base`.

use crate::repository::{Commit, Deployment, File, Pull, Push, Release, Repository, id};
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

/// GitHub tells whole seconds.
fn time(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}

pub fn user(login: &str) -> Value {
    let kind = if login.ends_with("[bot]") {
        "Bot"
    } else {
        "User"
    };
    json!({
        "login": login,
        "id": id(&["user", login]),
        "node_id": format!("U_{login}"),
        "avatar_url": "",
        "html_url": format!("https://github.com/{login}"),
        "type": kind,
        "site_admin": false,
    })
}

pub fn repository(base: &str, it: &Repository) -> Value {
    let name = it.full_name();
    let mut owner = user(&it.owner);
    if it.organization {
        owner["type"] = json!("Organization");
    }
    let newest = it.commits.last().map_or(it.created_at, |commit| commit.at);
    json!({
        "id": it.id,
        "node_id": format!("R_{}", it.id),
        "name": it.name,
        "full_name": name,
        "private": it.private,
        "visibility": if it.private { "private" } else { "public" },
        "owner": owner,
        "html_url": format!("https://github.com/{name}"),
        "description": "Stand-in repository: everything in it is invented.",
        "fork": false,
        "url": format!("{base}/repos/{name}"),
        "default_branch": it.default_branch,
        "archived": false,
        "disabled": false,
        "created_at": time(it.created_at),
        "updated_at": time(newest),
        "pushed_at": time(newest),
        "stargazers_count": 0,
        "language": "Rust",
        "topics": [],
    })
}

/// As the list of pull requests holds it.
pub fn pull_summary(base: &str, repository: &Repository, it: &Pull) -> Value {
    let name = repository.full_name();
    let labels: Vec<Value> = it
        .labels
        .iter()
        .map(|label| json!({"id": id(&["label", label]), "name": label, "color": "ededed", "default": false, "description": null}))
        .collect();
    let assignees: Vec<Value> = it.assignees.iter().map(|login| user(login)).collect();
    let closed_at = (!it.open).then(|| time(it.merged_at.unwrap_or(it.updated_at)));
    let full = self::repository(base, repository);
    json!({
        "url": format!("{base}/repos/{name}/pulls/{}", it.number),
        "id": id(&["pull", &name, &it.number.to_string()]),
        "node_id": format!("PR_{}", it.number),
        "html_url": format!("https://github.com/{name}/pull/{}", it.number),
        "diff_url": format!("https://github.com/{name}/pull/{}.diff", it.number),
        "number": it.number,
        "state": if it.open { "open" } else { "closed" },
        "locked": false,
        "title": it.title,
        "user": user(&it.author),
        "body": it.body,
        "created_at": time(it.created_at),
        "updated_at": time(it.updated_at),
        "closed_at": closed_at,
        "merged_at": it.merged_at.map(time),
        "merge_commit_sha": it.merge_sha,
        "assignee": assignees.first(),
        "assignees": assignees,
        "requested_reviewers": [],
        "requested_teams": [],
        "labels": labels,
        "milestone": null,
        "draft": false,
        "head": {
            "label": format!("{}:change-{}", repository.owner, it.number),
            "ref": format!("change-{}", it.number),
            "sha": it.head_sha,
            "user": user(&repository.owner),
            "repo": full,
        },
        "base": {
            "label": format!("{}:{}", repository.owner, it.base),
            "ref": it.base,
            "sha": repository.commits.first().map(|commit| &commit.sha),
            "user": user(&repository.owner),
            "repo": full,
        },
        "author_association": "MEMBER",
        "auto_merge": null,
        "active_lock_reason": null,
    })
}

/// As the pull request itself is told: the summary and what was counted.
pub fn pull(base: &str, repository: &Repository, it: &Pull) -> Value {
    let mut told = pull_summary(base, repository, it);
    let more = json!({
        "merged": it.merged_at.is_some(),
        "mergeable": null,
        "rebaseable": null,
        "mergeable_state": "unknown",
        "merged_by": it.merged_at.map(|_| user(&it.merged_by)),
        "comments": it.comments,
        "review_comments": it.review_comments,
        "maintainer_can_modify": false,
        "commits": it.commits,
        "additions": it.files.iter().map(|file| file.additions).sum::<u32>(),
        "deletions": it.files.iter().map(|file| file.deletions).sum::<u32>(),
        "changed_files": it.files.len(),
    });
    if let (Value::Object(told), Value::Object(more)) = (&mut told, more) {
        told.extend(more);
    }
    told
}

/// Body of the webhook that GitHub sends when this pull request is merged.
pub fn delivery(base: &str, repository: &Repository, it: &Pull) -> Value {
    json!({
        "action": "closed",
        "number": it.number,
        "pull_request": pull(base, repository, it),
        "repository": self::repository(base, repository),
        "sender": user(&it.merged_by),
    })
}

pub fn file(it: &File) -> Value {
    json!({
        "sha": id(&["blob", &it.path]).to_string(),
        "filename": it.path,
        "status": it.status,
        "additions": it.additions,
        "deletions": it.deletions,
        "changes": it.additions + it.deletions,
        "blob_url": "",
        "raw_url": "",
        "contents_url": "",
        "patch": format!("@@ -1,{} +1,{} @@ stand-in", it.deletions, it.additions),
    })
}

pub fn commit(base: &str, repository: &str, it: &Commit) -> Value {
    let signature = json!({
        "name": it.author,
        "email": format!("{}@users.noreply.github.com", it.author),
        "date": time(it.at),
    });
    json!({
        "sha": it.sha,
        "node_id": format!("C_{}", it.sha),
        "commit": {
            "author": signature,
            "committer": signature,
            "message": it.message,
            "comment_count": 0,
        },
        "url": format!("{base}/repos/{repository}/commits/{}", it.sha),
        "html_url": format!("https://github.com/{repository}/commit/{}", it.sha),
        "author": user(&it.author),
        "committer": user(&it.author),
        "parents": [],
    })
}

pub fn release(base: &str, repository: &Repository, it: &Release) -> Value {
    let name = repository.full_name();
    json!({
        "url": format!("{base}/repos/{name}/releases/{}", it.id),
        "html_url": format!("https://github.com/{name}/releases/tag/{}", it.tag),
        "id": it.id,
        "node_id": format!("RE_{}", it.id),
        "author": user(&it.author),
        "tag_name": it.tag,
        "target_commitish": repository.default_branch,
        "name": it.name,
        "draft": it.draft,
        "prerelease": it.prerelease,
        "created_at": time(it.created_at),
        "published_at": it.published_at.map(time),
        "assets": [],
        "body": "Stand-in release notes.",
    })
}

pub fn deployment(base: &str, repository: &Repository, it: &Deployment) -> Value {
    let name = repository.full_name();
    json!({
        "url": format!("{base}/repos/{name}/deployments/{}", it.id),
        "id": it.id,
        "node_id": format!("DE_{}", it.id),
        "sha": it.sha,
        "ref": repository.default_branch,
        "task": "deploy",
        "payload": {},
        "original_environment": it.environment,
        "environment": it.environment,
        "description": null,
        "creator": user(&it.creator),
        "created_at": time(it.created_at),
        "updated_at": time(it.updated_at()),
        "statuses_url": format!("{base}/repos/{name}/deployments/{}/statuses", it.id),
        "repository_url": format!("{base}/repos/{name}"),
        "transient_environment": false,
        "production_environment": true,
    })
}

/// Newest first.
pub fn statuses(it: &Deployment) -> Vec<Value> {
    let told = it.statuses.iter().rev().map(|(state, at)| {
        json!({
            "id": id(&["status", &it.id.to_string(), state]),
            "node_id": format!("DES_{}", it.id),
            "state": state,
            "creator": user(&it.creator),
            "description": "",
            "environment": it.environment,
            "target_url": "",
            "log_url": "",
            "environment_url": "",
            "created_at": time(*at),
            "updated_at": time(*at),
        })
    });
    told.collect()
}

pub fn activity(it: &Push) -> Value {
    json!({
        "id": it.id,
        "node_id": format!("PSH_{}", it.id),
        "before": it.before,
        "after": it.after,
        "ref": format!("refs/heads/{}", it.branch),
        "timestamp": time(it.at),
        "activity_type": it.happened.as_str(),
        "actor": user(&it.actor),
    })
}

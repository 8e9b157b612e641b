//! Merged pull requests.

use super::{ReadError, Reading, fields::Fields, people::People, reverts};
use crate::achievement::{PullRequest, Role};

/// Characters of a body that are kept; GitHub takes no longer one.
const BODY: usize = 65_536;
/// Labels that are kept, and characters of each.
const LABELS: (usize, usize) = (100, 100);

/// None where it is not merged. Any action tells of a merged one: an edited title counts as well.
pub fn read(
    reading: &Reading<'_>,
    repository: &Fields<'_>,
    pull: &Fields<'_>,
) -> Result<Option<PullRequest>, ReadError> {
    if pull.value("merged_at").is_null() || pull.value("merged") == false {
        return Ok(None);
    }
    let base = pull.object("base")?;
    let head = pull.object("head").ok();
    let (merged_at, number, base_ref) = (
        pull.time("merged_at")?,
        pull.id("number")?,
        base.name("ref")?,
    );
    let title = pull
        .title("title")
        .ok_or_else(|| match pull.text("title") {
            Err(error) => error,
            Ok(_) => pull.malformed("title", "a text"),
        })?;
    let body = pull
        .optional("body")
        .map(|body| body.chars().take(BODY).collect::<String>());
    let full_name = repository.full_name()?;
    let reverts = reverts::find(
        &reverts::Text {
            repository: &full_name,
            title: &title,
            body: body.as_deref().unwrap_or_default(),
            branch: head
                .as_ref()
                .and_then(|it| it.optional("ref"))
                .unwrap_or_default(),
        },
        number,
    );
    let mut people = People::new(reading);
    people.add(pull.value("user"), Role::Author);
    people.add(pull.value("merged_by"), Role::Merger);
    for assignee in pull.list("assignees") {
        people.add(assignee, Role::Assignee);
    }
    Ok(Some(PullRequest {
        host: reading.host.to_lowercase(),
        repository_id: repository.id("id")?,
        repository: full_name,
        number,
        title,
        url: pull.url("html_url")?,
        visibility: repository.visibility(),
        default_branch: repository.value("default_branch").as_str() == Some(&base_ref),
        base_ref,
        labels: labels(pull),
        people: people.list(),
        // As it is told, even after the merge: whoever drops a time says so on the record.
        created_at: pull.time("created_at").ok(),
        merged_at,
        // What was told of a merge was told after it.
        updated_at: pull.time("updated_at").unwrap_or(merged_at).max(merged_at),
        merge_commit_sha: pull.sha("merge_commit_sha"),
        head_sha: head.and_then(|it| it.sha("sha")),
        commits: pull.count("commits"),
        comments: pull.count("comments"),
        review_comments: pull.count("review_comments"),
        additions: pull.count("additions"),
        deletions: pull.count("deletions"),
        changed_files: pull.count("changed_files"),
        files: None,
        reverts,
        body,
    }))
}

/// In one order, whatever the order in which they are told.
fn labels(pull: &Fields<'_>) -> Vec<String> {
    let mut labels: Vec<String> = pull
        .list("labels")
        .iter()
        .filter_map(|label| label["name"].as_str())
        .map(|name| name.trim().chars().take(LABELS.1).collect())
        .filter(|name: &String| !name.is_empty())
        .collect();
    labels.sort();
    labels.dedup();
    labels.truncate(LABELS.0);
    labels
}

//! Repositories of any size from a seed: the same plan gives the same repository, byte for byte.

use crate::repository::{
    Commit, Deployment, File, Happened, Pull, Push, Release, Repository, id, sha,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// A repository to make.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    pub owner: String,
    pub organization: bool,
    pub name: String,
    pub private: bool,
    /// Merged ones; beside them every twentieth is closed without a merge.
    pub pulls: u32,
    /// A release after so many merges; 0 for none.
    pub release_every: u32,
    /// A deployment after so many merges; 0 for none. Every third fails.
    pub deploy_every: u32,
    /// A push past pull requests after so many merges; 0 for none.
    pub push_every: u32,
    /// Of the first pull request; the next ones follow every 40 minutes.
    pub since: Timestamp,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            owner: "acme".to_owned(),
            organization: false,
            name: "shop".to_owned(),
            private: false,
            pulls: 0,
            release_every: 25,
            deploy_every: 10,
            push_every: 15,
            since: Timestamp::from_second(1_735_689_600).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}

const STEP: SignedDuration = SignedDuration::from_mins(40);
const PEOPLE: [&str; 6] = [
    "ada",
    "grace",
    "edsger",
    "barbara",
    "dependabot[bot]",
    "linus",
];
const KINDS: [(&str, &str); 8] = [
    ("feat: add", "feature"),
    ("fix: repair", "bug"),
    ("perf: speed up", "performance"),
    ("docs: describe", "documentation"),
    ("test: cover", "tests"),
    ("refactor: simplify", "refactoring"),
    ("security: harden", "security"),
    ("ci: build", "ci"),
];
const THINGS: [&str; 7] = [
    "checkout",
    "search index",
    "invoice export",
    "login page",
    "rate limiter",
    "image cache",
    "mail queue",
];
const WORTH: [&str; 5] = [
    "Saves 3 hours a week for support.",
    "Cuts p99 latency from 900 ms to 120 ms.",
    "Avoids about 2 incidents a month.",
    "Nothing a user sees.",
    "Saves $1,200 per month in hosting.",
];

/// What the plan describes.
#[must_use]
pub fn repository(plan: &Plan) -> Repository {
    let name = format!("{}/{}", plan.owner, plan.name);
    let mut made = Repository {
        id: id(&["repository", &name]),
        owner: plan.owner.clone(),
        organization: plan.organization,
        name: plan.name.clone(),
        private: plan.private,
        default_branch: "main".to_owned(),
        created_at: plan.since,
        commits: vec![Commit {
            sha: sha(&[&name, "first"]),
            message: "Initial commit".to_owned(),
            author: "ada".to_owned(),
            at: plan.since,
        }],
        pulls: Vec::new(),
        releases: Vec::new(),
        deployments: Vec::new(),
        pushes: Vec::new(),
    };
    let mut at = plan.since;
    let mut number = 0;
    for merged in 1..=plan.pulls {
        number += 1;
        at += STEP;
        let pull = pull(&name, number, at);
        merge(&mut made, &pull);
        made.pulls.push(pull);
        if merged % 20 == 0 {
            number += 1;
            made.pulls.push(unmerged(&name, number, at));
        }
        let due = |every: u32| every > 0 && merged % every == 0;
        if due(plan.push_every) {
            push(&mut made, at + SignedDuration::from_mins(5), Happened::Push);
        }
        if due(plan.release_every) {
            release(&mut made, at + SignedDuration::from_mins(10));
        }
        if due(plan.deploy_every) {
            let fails = (merged / plan.deploy_every).is_multiple_of(3);
            deploy(&mut made, at + SignedDuration::from_mins(15), fails);
        }
    }
    made
}

fn pull(repository: &str, number: i64, merged_at: Timestamp) -> Pull {
    let dice = id(&[repository, "dice", &number.to_string()]) as usize;
    let (verb, label) = KINDS[dice % KINDS.len()];
    let thing = THINGS[dice / 8 % THINGS.len()];
    let person = |shift: usize| PEOPLE[(dice / 64 + shift) % PEOPLE.len()].to_owned();
    let files = (0..1 + dice % 7)
        .map(|file| File {
            path: format!("src/{}/part_{file}.rs", thing.replace(' ', "_")),
            additions: (dice / (file + 3) % 120) as u32,
            deletions: (dice / (file + 7) % 40) as u32,
            status: if file == 0 { "added" } else { "modified" }.to_owned(),
        })
        .collect();
    Pull {
        number,
        title: format!("{verb} {thing} ({number})"),
        body: (!dice.is_multiple_of(11))
            .then(|| format!("Stand-in text. {}", WORTH[dice / 512 % WORTH.len()])),
        author: person(0),
        merged_by: person(1),
        assignees: if dice.is_multiple_of(3) {
            vec![person(2)]
        } else {
            vec![]
        },
        labels: vec![label.to_owned()],
        base: "main".to_owned(),
        created_at: merged_at - SignedDuration::from_hours(2 + (dice % 90) as i64),
        updated_at: merged_at,
        merged_at: Some(merged_at),
        open: false,
        head_sha: sha(&[repository, "head", &number.to_string()]),
        merge_sha: Some(sha(&[repository, "merge", &number.to_string()])),
        commits: 1 + (dice % 9) as u32,
        comments: (dice % 5) as u32,
        review_comments: (dice % 13) as u32,
        files,
    }
}

fn unmerged(repository: &str, number: i64, at: Timestamp) -> Pull {
    Pull {
        merged_at: None,
        merge_sha: None,
        ..pull(repository, number, at)
    }
}

/// Puts the pull request's merge commit on the default branch.
pub fn merge(repository: &mut Repository, pull: &Pull) {
    let (Some(sha), Some(at)) = (pull.merge_sha.clone(), pull.merged_at) else {
        return;
    };
    let message = format!("{} (#{})", pull.title, pull.number);
    grow(
        repository,
        sha,
        message,
        pull.merged_by.clone(),
        at,
        Happened::PullRequestMerge,
    );
}

/// A commit past pull requests.
pub fn push(repository: &mut Repository, at: Timestamp, happened: Happened) {
    let sha = sha(&[&repository.full_name(), "push", &at.to_string()]);
    let message = "Mend a typo\n\nPushed past review.".to_owned();
    grow(repository, sha, message, "grace".to_owned(), at, happened);
}

fn grow(
    repository: &mut Repository,
    sha: String,
    message: String,
    author: String,
    at: Timestamp,
    happened: Happened,
) {
    let before = repository
        .commits
        .last()
        .map_or_else(|| "0".repeat(40), |commit| commit.sha.clone());
    repository.pushes.push(Push {
        id: id(&["activity", &sha]),
        branch: repository.default_branch.clone(),
        before,
        after: sha.clone(),
        actor: author.clone(),
        at,
        happened,
    });
    repository.commits.push(Commit {
        sha,
        message,
        author,
        at,
    });
}

/// A release of what the default branch holds.
pub fn release(repository: &mut Repository, at: Timestamp) {
    let tag = format!("v1.{}.0", repository.releases.len());
    publish(repository, tag, at);
}

/// As [`release`], with a tag of one's own.
pub fn publish(repository: &mut Repository, tag: String, at: Timestamp) {
    let Some(newest) = repository.commits.last() else {
        return;
    };
    repository.releases.push(Release {
        id: id(&["release", &repository.full_name(), &tag]),
        name: format!("Release {tag}"),
        tag,
        sha: newest.sha.clone(),
        author: "barbara".to_owned(),
        draft: false,
        prerelease: false,
        created_at: newest.at,
        published_at: Some(at),
    });
}

/// A deployment of what the default branch holds.
pub fn deploy(repository: &mut Repository, at: Timestamp, fails: bool) {
    let Some(newest) = repository.commits.last() else {
        return;
    };
    let end = if fails { "failure" } else { "success" };
    repository.deployments.push(Deployment {
        id: id(&["deployment", &newest.sha, &at.to_string()]),
        environment: "production".to_owned(),
        sha: newest.sha.clone(),
        creator: "edsger".to_owned(),
        created_at: at,
        statuses: vec![
            ("in_progress".to_owned(), at + SignedDuration::from_secs(5)),
            (end.to_owned(), at + SignedDuration::from_secs(95)),
        ],
    });
}

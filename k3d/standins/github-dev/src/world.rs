//! Everything that the stand-in knows, behind one lock.

use crate::{
    control::{Faults, Quota},
    generate::{self, Plan},
    repository::{File, Happened, Pull, Repository, id, sha},
};
use jiff::Timestamp;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Repositories, tokens, limits, faults and what was asked so far.
#[derive(Debug, Default)]
pub struct World(Mutex<Inner>);

#[derive(Debug, Default)]
pub struct Inner {
    /// By full name in lower case.
    pub repositories: BTreeMap<String, Repository>,
    /// Old full name in lower case → id of the repository that was renamed.
    pub renamed: BTreeMap<String, i64>,
    /// Accepted ones; while there are none, any is.
    pub tokens: BTreeSet<String>,
    pub revoked: BTreeSet<String>,
    pub quota: Quota,
    pub faults: Faults,
    /// Answers by `status path`, and in order.
    pub asked: Vec<(u16, String)>,
}

/// A pull request to merge now, or when its times say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Merge {
    /// The next free one where absent.
    pub number: Option<i64>,
    pub title: String,
    pub body: Option<String>,
    pub author: Option<String>,
    pub labels: Vec<String>,
    pub base: Option<String>,
    pub files: Vec<File>,
    pub created_at: Option<Timestamp>,
    pub merged_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

impl World {
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds, or replaces, the repository that the plan describes.
    pub fn add(&self, plan: &Plan) {
        let made = generate::repository(plan);
        self.lock()
            .repositories
            .insert(made.full_name().to_lowercase(), made);
    }

    /// Changes a repository; none where there is no such one.
    pub fn edit<T>(&self, full_name: &str, change: impl FnOnce(&mut Repository) -> T) -> Option<T> {
        self.lock()
            .repositories
            .get_mut(&full_name.to_lowercase())
            .map(change)
    }

    /// Merges a pull request; answers its number.
    pub fn merge(&self, full_name: &str, merge: &Merge) -> Option<i64> {
        self.edit(full_name, |repository| {
            let pull = merged(repository, merge);
            let number = pull.number;
            repository.pulls.retain(|other| other.number != number);
            generate::merge(repository, &pull);
            repository.pulls.push(pull);
            number
        })
    }

    /// Publishes a release of what the default branch holds.
    pub fn release(&self, full_name: &str, tag: &str, at: Timestamp) -> Option<()> {
        self.edit(full_name, |it| generate::publish(it, tag.to_owned(), at))
    }

    /// Deploys what the default branch holds; answers the deployment's id.
    pub fn deploy(&self, full_name: &str, at: Timestamp, fails: bool) -> Option<i64> {
        self.edit(full_name, |repository| {
            generate::deploy(repository, at, fails);
            repository.deployments.last().map(|it| it.id)
        })?
    }

    /// Pushes a commit past pull requests; answers it.
    pub fn push(&self, full_name: &str, at: Timestamp) -> Option<String> {
        self.edit(full_name, |repository| {
            generate::push(repository, at, Happened::Push);
            repository.commits.last().map(|it| it.sha.clone())
        })?
    }

    /// Gives a repository another name; GitHub redirects from the old one.
    pub fn rename(&self, full_name: &str, name: &str) -> Option<()> {
        let mut inner = self.lock();
        let mut moved = inner.repositories.remove(&full_name.to_lowercase())?;
        name.clone_into(&mut moved.name);
        inner.renamed.insert(full_name.to_lowercase(), moved.id);
        inner
            .repositories
            .insert(moved.full_name().to_lowercase(), moved);
        Some(())
    }

    /// How often a path that contains the text was answered with another status than 304.
    #[must_use]
    pub fn answered(&self, text: &str) -> usize {
        self.count(|status, path| status != 304 && path.contains(text))
    }

    /// How many answers were as asked.
    #[must_use]
    pub fn count(&self, of: impl Fn(u16, &str) -> bool) -> usize {
        self.lock()
            .asked
            .iter()
            .filter(|(status, path)| of(*status, path))
            .count()
    }

    /// Forgets what was asked.
    pub fn forget_asked(&self) {
        self.lock().asked.clear();
    }
}

fn merged(repository: &Repository, merge: &Merge) -> Pull {
    let known = repository.pulls.iter().map(|it| it.number).max();
    let number = merge.number.unwrap_or(known.unwrap_or(0) + 1);
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let merged_at = merge.merged_at.unwrap_or(now);
    let author = merge.author.clone().unwrap_or_else(|| "ada".to_owned());
    let name = repository.full_name();
    Pull {
        number,
        title: merge.title.clone(),
        body: merge.body.clone(),
        merged_by: author.clone(),
        author,
        assignees: Vec::new(),
        labels: merge.labels.clone(),
        base: merge
            .base
            .clone()
            .unwrap_or_else(|| repository.default_branch.clone()),
        created_at: merge.created_at.unwrap_or(merged_at),
        updated_at: merge.updated_at.unwrap_or(merged_at),
        merged_at: Some(merged_at),
        open: false,
        head_sha: sha(&[&name, "head", &number.to_string()]),
        merge_sha: Some(sha(&[&name, "merge", &number.to_string()])),
        commits: 1,
        comments: 0,
        review_comments: (id(&[&name, &number.to_string()]) % 5) as u32,
        files: merge.files.clone(),
    }
}

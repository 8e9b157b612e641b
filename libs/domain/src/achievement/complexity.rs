//! How much there was to hold in mind, 0–100: counts of the change, each bounded by a logarithm. How long it took is no part of it:
//! elapsed time is not effort.

use super::{Component, FileChange, PullRequest, Score, Subject, files::left_out};
use std::collections::{BTreeMap, BTreeSet};

/// Names, caps, and the count from which a component has its whole cap.
const LINES: Scale = Scale {
    name: "lines",
    cap: 30,
    full: 2_000,
};
const FILES: Scale = Scale {
    name: "files",
    cap: 20,
    full: 60,
};
const FOLDERS: Scale = Scale {
    name: "folders",
    cap: 10,
    full: 20,
};
const LANGUAGES: Scale = Scale {
    name: "languages",
    cap: 10,
    full: 6,
};
const COMMITS: Scale = Scale {
    name: "commits",
    cap: 15,
    full: 40,
};
const DISCUSSION: Scale = Scale {
    name: "discussion",
    cap: 15,
    full: 60,
};
const SCALES: [&Scale; 6] = [&LINES, &FILES, &FOLDERS, &LANGUAGES, &COMMITS, &DISCUSSION];

#[derive(Debug)]
struct Scale {
    name: &'static str,
    cap: i32,
    full: u64,
}

impl Scale {
    /// `cap · ln(1 + count) / ln(1 + full)`, rounded down, at most the cap.
    fn points(&self, count: u64) -> i32 {
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let points =
            (f64::from(self.cap) * (count as f64).ln_1p() / (self.full as f64).ln_1p()) as i32;
        points.clamp(0, self.cap)
    }

    fn counted(&self, count: u64, sentence: String) -> Component {
        Component {
            name: self.name.to_owned(),
            points: self.points(count),
            cap: self.cap,
            evidence: vec![sentence],
            absent: None,
        }
    }

    fn absent(&self, reason: &str) -> Component {
        Component {
            name: self.name.to_owned(),
            points: 0,
            cap: self.cap,
            evidence: vec![],
            absent: Some(reason.to_owned()),
        }
    }
}

/// The score of a change, and what was left out of it.
#[must_use]
pub fn complexity(subject: &Subject) -> (Score, Vec<String>) {
    let Some(pull) = &subject.pull_request else {
        let absent = SCALES.map(|scale| scale.absent("there is no pull request to count"));
        return (Score::of(absent.to_vec()), vec![]);
    };
    let mut notes = vec![];
    let mut components = match &pull.files {
        Some(files) => of_files(files, &mut notes),
        None => of_counts(pull, &mut notes),
    };
    components.push(count(&COMMITS, pull.commits, "commits"));
    let discussion = match (pull.comments, pull.review_comments) {
        (None, None) => None,
        (comments, reviews) => Some(comments.unwrap_or(0).saturating_add(reviews.unwrap_or(0))),
    };
    components.push(count(&DISCUSSION, discussion, "comments"));
    (Score::of(components), notes)
}

fn of_files(files: &[FileChange], notes: &mut Vec<String>) -> Vec<Component> {
    let mut dropped: BTreeMap<&str, u64> = BTreeMap::new();
    let mut written = vec![];
    for file in files {
        match left_out(file) {
            Some(reason) => *dropped.entry(reason).or_default() += 1,
            None => written.push(file),
        }
    }
    notes.extend(
        dropped
            .iter()
            .map(|(reason, count)| format!("complexity leaves out {count} {reason}")),
    );
    let lines: u64 = written
        .iter()
        .map(|file| u64::from(file.additions) + u64::from(file.deletions))
        .sum();
    let folders: BTreeSet<&str> = written.iter().map(|file| folder(&file.path)).collect();
    let languages: BTreeSet<String> = written
        .iter()
        .filter_map(|file| ending(&file.path))
        .collect();
    let (files, folders, languages) = (
        written.len() as u64,
        folders.len() as u64,
        languages.len() as u64,
    );
    vec![
        LINES.counted(lines, format!("{lines} lines were added or removed")),
        FILES.counted(files, format!("{files} files were changed")),
        FOLDERS.counted(folders, format!("{folders} folders were touched")),
        LANGUAGES.counted(
            languages,
            format!("{languages} kinds of files, by their endings"),
        ),
    ]
}

fn of_counts(pull: &PullRequest, notes: &mut Vec<String>) -> Vec<Component> {
    let lines = match (pull.additions, pull.deletions) {
        (None, None) => None,
        (added, removed) => Some(added.unwrap_or(0).saturating_add(removed.unwrap_or(0))),
    };
    if lines.is_some() || pull.changed_files.is_some() {
        notes.push(
            "the files are not known: generated and vendored ones are counted in complexity"
                .to_owned(),
        );
    }
    vec![
        count(&LINES, lines, "lines, added or removed"),
        count(&FILES, pull.changed_files, "changed files"),
        FOLDERS.absent("the files are not known"),
        LANGUAGES.absent("the files are not known"),
    ]
}

fn count(scale: &Scale, count: Option<u32>, what: &str) -> Component {
    count.map_or_else(
        || scale.absent("the host did not tell"),
        |count| scale.counted(u64::from(count), format!("{count} {what}")),
    )
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// What a file's name ends with, in lower case; `.gitignore` has none.
fn ending(path: &str) -> Option<String> {
    let (name, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    (!name.is_empty() && !ending.is_empty()).then(|| ending.to_lowercase())
}

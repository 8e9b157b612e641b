//! A made-up team's portfolio for the example, the tests and the benchmark: real analysis of pull requests that never were.

use domain::achievement::{
    Category, Evidence, EvidenceKind, FileChange, Person, PullRequest, Role, Subject, Visibility,
    analyse,
};
use jiff::{Timestamp, ToSpan};
use portfolio::{Item, LeftOut, Portfolio};
use uuid::Uuid;

mod stories;
use stories::{STORIES, Story};

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// So many achievements, the same at each call.
pub fn portfolio(items: usize) -> Portfolio {
    Portfolio {
        title: "Platform engineering, 2026".to_owned(),
        namespace: "team-harbour".to_owned(),
        person: None,
        since: Some(at("2026-01-01T00:00:00Z")),
        until: None,
        as_of: at("2026-11-23T16:35:00Z"),
        items: (0..items).map(item).collect(),
        left_out: LeftOut {
            private: 0,
            duplicates: 3,
            reverted: 1,
            hidden: 0,
            beyond_limit: 0,
        },
    }
}

/// Without achievements.
#[allow(dead_code)]
pub fn empty() -> Portfolio {
    Portfolio {
        title: String::new(),
        items: vec![],
        left_out: LeftOut::default(),
        since: None,
        ..portfolio(0)
    }
}

/// The `index`-th achievement; the stories come round, with other numbers each time.
pub fn item(index: usize) -> Item {
    let story = &STORIES[index % STORIES.len()];
    let round = index / STORIES.len();
    let subject = subject(story, index, round);
    // Every seventeenth is not analysed yet.
    let analysis = (index % 17 != 16).then(|| analyse(&subject));
    Item {
        id: Uuid::from_u128(0x0a57_0000_0000_4000_8000_0000_0000_0000 + index as u128),
        title: subject.title.clone(),
        summary: subject.description.clone(),
        category: analysis
            .as_ref()
            .map_or(Category::Uncategorized, |analysis| analysis.category),
        visibility: subject.visibility,
        section: story.section.map(str::to_owned),
        display_priority: if index == 2 { 90 } else { 50 },
        people: subject.people.clone(),
        repository: Some(story.repository.to_owned()),
        number: Some(120 + index as i64),
        url: Some(format!(
            "https://github.com/{}/pull/{}",
            story.repository,
            120 + index
        )),
        started_at: subject.started_at,
        completed_at: subject.completed_at,
        tags: story.labels.iter().map(|it| (*it).to_owned()).collect(),
        source: "github_pr".to_owned(),
        analysis,
    }
}

fn subject(story: &Story, index: usize, round: usize) -> Subject {
    let merged = at("2026-11-20T14:12:00Z")
        .checked_sub(((index * 53) as i64 * 3).hours())
        .expect("a time");
    let opened = merged
        .checked_sub(((index % 9) as i64 * 11 + 2).hours())
        .expect("a time");
    let started = (index % 11 != 10).then_some(opened);
    let title = if round == 0 {
        story.title.to_owned()
    } else {
        format!("{} (part {})", story.title, round + 1)
    };
    let people = people(index);
    let pull = PullRequest {
        host: "github.com".to_owned(),
        repository_id: 7_001,
        repository: story.repository.to_owned(),
        number: 120 + index as i64,
        title: title.clone(),
        body: Some(story.body.to_owned()),
        url: format!(
            "https://github.com/{}/pull/{}",
            story.repository,
            120 + index
        ),
        visibility: story.visibility,
        base_ref: "main".to_owned(),
        default_branch: true,
        labels: story.labels.iter().map(|it| (*it).to_owned()).collect(),
        people: people.clone(),
        created_at: started,
        merged_at: merged,
        updated_at: merged,
        merge_commit_sha: Some(format!("{index:040x}")),
        head_sha: None,
        commits: Some(1 + (index as u32 * 7) % 23),
        comments: Some((index as u32 * 5) % 14),
        review_comments: Some((index as u32 * 3) % 9),
        additions: Some(40 + (index as u32 * 131) % 1_900),
        deletions: Some(5 + (index as u32 * 37) % 400),
        changed_files: Some(2 + (index as u32) % 30),
        files: (index % 3 != 1).then(|| files(index)),
        reverts: None,
    };
    Subject {
        id: Uuid::from_u128(index as u128),
        title,
        description: Some(story.body.to_owned()),
        category: None,
        people,
        started_at: started,
        completed_at: Some(merged),
        visibility: story.visibility,
        business_value: None,
        evidence: evidence(story, index, merged),
        pull_request: Some(pull),
    }
}

fn people(index: usize) -> Vec<Person> {
    const LOGINS: [&str; 6] = ["ada", "lin-wei", "marisol", "tomasz", "noor", "jbeck"];
    let person = |offset: usize, role: Role| Person {
        login: LOGINS[(index + offset) % LOGINS.len()].to_owned(),
        role,
    };
    let mut people = vec![person(0, Role::Author)];
    if !index.is_multiple_of(4) {
        people.push(person(1, Role::Reviewer));
    }
    if index.is_multiple_of(5) {
        people.push(person(3, Role::Reviewer));
    }
    people
}

fn files(index: usize) -> Vec<FileChange> {
    let file = |path: String, additions: u32| FileChange {
        path,
        additions,
        deletions: additions / 4,
        status: "modified".to_owned(),
    };
    let mut files: Vec<FileChange> = (0..3 + index % 11)
        .map(|it| {
            let ending = ["rs", "sql", "yaml", "md"][it % 4];
            let path = format!("crates/part{}/src/file{it}.{ending}", it % 5);
            file(path, 30 + (it * index) as u32 % 200)
        })
        .collect();
    files.push(file("Cargo.lock".to_owned(), 900));
    files
}

fn evidence(story: &Story, index: usize, merged: Timestamp) -> Vec<Evidence> {
    let evidence = |kind: EvidenceKind, stream: &str| Evidence {
        kind,
        host: "github.com".to_owned(),
        repository_id: 7_001,
        repository: story.repository.to_owned(),
        external_id: format!("{index}-{stream}"),
        title: stream.to_owned(),
        url: None,
        stream: stream.to_owned(),
        sha: None,
        shas: None,
        at: merged,
        people: vec![],
    };
    let mut told = vec![];
    if index % 3 != 2 {
        told.push(evidence(
            EvidenceKind::Release,
            &format!("v2.{}.0", index % 40),
        ));
    }
    if index.is_multiple_of(2) {
        told.push(evidence(EvidenceKind::Deployment, "production"));
    }
    told
}

/// What is not known to be public is private.
pub const PRIVATE: Visibility = Visibility::Private;

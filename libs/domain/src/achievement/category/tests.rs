#![allow(clippy::unwrap_used)]

use super::*;
use crate::achievement::tests::subject;
use rstest::rstest;

#[rstest]
#[case("feat(api)!: list orders", Category::Feature)]
#[case("chore(deps): bump serde", Category::Infrastructure)]
#[case("chore: tidy", Category::Uncategorized)]
#[case("[Docs] How to install", Category::Documentation)]
#[case("Fix the rounding of totals", Category::Bugfix)]
#[case("Add a page of orders", Category::Feature)]
#[case("Add unit tests for the parser", Category::Testing)]
#[case("Adds the missing docs", Category::Documentation)]
#[case("Build a checkout", Category::Uncategorized)]
#[case("Test drive: new landing page", Category::Uncategorized)]
#[case("Security review: nothing to do", Category::Uncategorized)]
#[case("Bump serde from 1.0.1 to 1.0.2", Category::Infrastructure)]
#[case("Refactor the parser", Category::Optimization)]
#[case("", Category::Uncategorized)]
#[case(":::", Category::Uncategorized)]
fn titles_tell(#[case] title: &str, #[case] category: Category) {
    let mut record = subject();
    record.title = title.into();
    assert_eq!(super::category(&record).0, category, "{title}");
}

#[rstest]
#[case(&["kind/bug"], Category::Bugfix)]
#[case(&["C-enhancement"], Category::Feature)]
#[case(&["type: documentation"], Category::Documentation)]
#[case(&["ci/cd"], Category::Infrastructure)]
#[case(&["docs", "security"], Category::Security)]
#[case(&["needs: docs"], Category::Uncategorized)]
#[case(&["needs-test", "no-docs"], Category::Uncategorized)]
#[case(&["good first issue"], Category::Uncategorized)]
fn labels_tell(#[case] labels: &[&str], #[case] category: Category) {
    let mut record = subject();
    record.pull_request.as_mut().unwrap().labels =
        labels.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(super::category(&record).0, category, "{labels:?}");
}

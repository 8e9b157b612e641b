#![allow(clippy::unwrap_used)]

use super::*;

fn map(text: &str) -> ConfigMap {
    ConfigMap {
        data: Some([("body".to_owned(), text.to_owned())].into()),
        ..ConfigMap::default()
    }
}

#[test]
fn what_is_missing_is_waited_for_and_what_is_wrong_has_to_be_mended() {
    let problem = |map: Option<&ConfigMap>, key| text_of(map, "texts", key).unwrap_err();
    assert_eq!(
        (problem(None, "body").reason, problem(None, "body").waits),
        (Reason::ConfigMapNotFound, true)
    );
    let other = problem(Some(&map("x")), "hook");
    assert_eq!(
        (other.reason, other.waits),
        (Reason::ConfigMapKeyMissing, true)
    );
    for text in ["", "  \n", "a\u{0}b", &"x".repeat(TEXT_MAX + 1)] {
        let wrong = problem(Some(&map(text)), "body");
        assert_eq!(
            (wrong.reason, wrong.waits),
            (Reason::PromptInvalid, false),
            "{text:.9?}"
        );
    }
    assert_eq!(
        text_of(Some(&map(&"ä".repeat(TEXT_MAX))), "texts", "body")
            .unwrap()
            .chars()
            .count(),
        TEXT_MAX
    );
}

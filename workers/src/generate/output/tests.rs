#![allow(clippy::unwrap_used)]
use super::*;

fn completion(text: &str, finish: Finish) -> Completion {
    Completion {
        text: text.to_owned(),
        model: "m".into(),
        stand_in: false,
        finish,
        usage: None,
    }
}

fn refused(text: &str) -> String {
    let failure = accept("hook", &completion(text, Finish::Complete)).unwrap_err();
    assert_eq!(failure.code, "InvalidModelOutput");
    failure.message
}

#[test]
fn a_text_is_trimmed_and_gets_unix_line_ends() {
    assert_eq!(
        accept("body", &completion("  one\r\ntwo\t!\n", Finish::Complete)).unwrap(),
        "one\ntwo\t!"
    );
}

#[test]
fn text_in_any_script_is_text() {
    for text in [
        "早上好",
        "Здравствуйте 👋🏽",
        "e\u{301}te\u{301}",
        "مرحبا",
        "👩‍👩‍👧 7",
    ] {
        assert_eq!(
            accept("hook", &completion(text, Finish::Complete)).unwrap(),
            text
        );
    }
}

#[test]
fn faults_38_output_that_is_no_text_is_refused() {
    assert!(refused("").contains("empty"));
    assert!(refused(" \n\t\u{a0}").contains("empty"));
    assert!(refused("... !?").contains("no letter"));
    assert!(refused("a\0b").contains("control"));
    assert!(refused("a\u{1b}[31mb").contains("control"));
    assert!(refused("abc\u{202e}def").contains("control"));
    assert!(refused("caf\u{fffd}").contains("control"));
    assert!(refused("x\u{1fffe}").contains("control"));
    assert!(refused(&"a".repeat(MAX_CHARACTERS + 1)).contains("longer"));
}

#[test]
fn faults_38_a_truncated_text_is_refused_and_says_how_to_mend_it() {
    let failure = accept("body", &completion("half a sent", Finish::Truncated)).unwrap_err();
    assert_eq!(failure.code, "InvalidModelOutput");
    assert!(
        failure.message.contains("maxOutputTokens"),
        "{}",
        failure.message
    );
}

#[test]
fn faults_38_a_filtered_text_is_refused() {
    assert_eq!(
        accept("body", &completion("text", Finish::Filtered))
            .unwrap_err()
            .code,
        "InvalidModelOutput"
    );
}

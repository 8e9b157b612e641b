//! Score, emotion report and contract of whole posts.
#![allow(clippy::unwrap_used)]

use domain::text::{
    analyse,
    contract::{EmotionBound, EmotionContract},
    emotion::Emotion,
    score::{Factor, FactorName, ScoreReport, score},
    trajectory::{EmotionReport, MODEL_VERSION, Trajectory},
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

const HOOK: &str = "Why did we stop shipping on Fridays?";
const BODY: &str = "You will not believe it. We lost 12 nights of sleep. What do you think?";

fn factor(report: &ScoreReport, name: FactorName) -> &Factor {
    report
        .factors
        .iter()
        .find(|factor| factor.name == name)
        .unwrap()
}

fn value(hook: &str, body: &str, name: FactorName) -> u16 {
    factor(&score("en", hook, body), name).value_bp.unwrap()
}

#[test]
fn the_total_is_the_weighted_sum_of_eight_factors() {
    let report = score("en", HOOK, BODY);
    assert_eq!(report.factors.len(), 8);
    assert_eq!(
        report
            .factors
            .iter()
            .map(|factor| u32::from(factor.weight_bp))
            .sum::<u32>(),
        10_000
    );
    let sum: f64 = report
        .factors
        .iter()
        .map(|factor| f64::from(factor.weight_bp) * f64::from(factor.value_bp.unwrap()) / 10_000.0)
        .sum();
    assert!((f64::from(report.total_bp.unwrap()) - sum).abs() <= 0.5);
    assert_eq!(report.reason, None);
}

#[test]
fn every_factor_above_nought_shows_its_evidence() {
    let report = score("en", HOOK, BODY);
    for factor in &report.factors {
        assert_eq!(
            factor.value_bp.unwrap() > 0,
            !factor.evidence.is_empty(),
            "{factor:?}"
        );
    }
    let hook = factor(&report, FactorName::HookStrength);
    assert_eq!(
        hook.evidence,
        [
            "a question",
            "speaks to the reader: “we”",
            "tension: “stop”",
            "brief: 7 words"
        ]
    );
    assert_eq!(hook.value_bp, Some(10_000));
}

#[rstest]
#[case("", 0)]
#[case("Plain words stand here.", 4_000)]
#[case("Your plain words stand here.", 8_000)]
#[case("Are your plain words here?", 10_000)]
fn two_and_a_half_cues_make_a_full_hook(#[case] hook: &str, #[case] expected: u16) {
    assert_eq!(value(hook, "Body.", FactorName::HookStrength), expected);
}

#[rstest]
#[case(25, 5_000)]
#[case(50, 10_000)]
#[case(125, 10_000)]
#[case(200, 4_000)]
#[case(400, 0)]
fn length_is_full_from_50_to_125_words(#[case] words: usize, #[case] expected: u16) {
    assert_eq!(
        value("", &"word ".repeat(words), FactorName::Length),
        expected
    );
}

#[rstest]
#[case(2, 4_000)]
#[case(5, 10_000)]
#[case(15, 10_000)]
#[case(19, 8_000)]
#[case(60, 3_000)]
fn readability_is_full_from_5_to_15_words_a_sentence(#[case] words: usize, #[case] expected: u16) {
    let sentence = format!("{}. ", vec!["Word"; words].join(" "));
    assert_eq!(
        value("", &sentence.repeat(3), FactorName::Readability),
        expected
    );
}

#[test]
fn counted_factors_rise_with_each_cue_to_their_full_number() {
    let authority = |body| value("", body, FactorName::Authority);
    assert_eq!(authority("A plain text."), 0);
    assert_eq!(authority("A study."), 3_333);
    assert_eq!(authority("A study with 40 people."), 6_667);
    assert_eq!(authority("A study with 40 people, published."), 10_000);
    assert_eq!(
        authority("A study with 40 people, published by experts."),
        10_000
    );
}

#[rstest]
#[case("de")]
#[case("pt-BR")]
#[case("")]
fn another_language_has_neither_lexical_factors_nor_total(#[case] language: &str) {
    let report = score(language, HOOK, BODY);
    assert_eq!(
        (report.total_bp, report.reason.as_deref()),
        (None, Some("LanguageUnsupported"))
    );
    let present: Vec<FactorName> = report
        .factors
        .iter()
        .filter(|factor| factor.value_bp.is_some())
        .map(|factor| factor.name)
        .collect();
    assert_eq!(present, [FactorName::Readability, FactorName::Length]);
}

#[test]
fn a_language_without_spaces_has_no_factor_at_all() {
    let report = score("ja-JP", "なぜ？", "理由は簡単です。");
    assert!(
        report
            .factors
            .iter()
            .all(|factor| factor.value_bp.is_none() && factor.evidence.is_empty())
    );
}

#[rstest]
#[case("en")]
#[case("en-GB")]
#[case("EN-us")]
fn english_is_analysed_in_every_region(#[case] language: &str) {
    let analysis = analyse(language, HOOK, BODY);
    assert!(analysis.emotion.is_ok() && analysis.score.total_bp.is_some());
}

#[test]
fn another_language_has_no_emotion_and_says_why() {
    let unsupported = analyse("de", HOOK, BODY).emotion.unwrap_err();
    assert_eq!(
        (unsupported.language.as_str(), unsupported.reason()),
        ("de", "LanguageUnsupported")
    );
}

#[rstest]
#[case(
    "We failed and everyone was sad. It was awful. Then it got better. Now we are happy and proud!",
    Trajectory::Rising
)]
#[case(
    "We were happy and proud. It was a lovely year. Then sales fell. Now it is a terrible, sad mess.",
    Trajectory::Falling
)]
#[case(
    "The parcel is on the table. The table is in the hall. The hall is on the first floor.",
    Trajectory::Stable
)]
#[case(
    "I love it! I hate it! I love it so much! It is horrible and awful.",
    Trajectory::Volatile
)]
#[case("I love it!", Trajectory::Stable)]
#[case("", Trajectory::Stable)]
fn the_movement_is_what_a_reader_would_say(#[case] text: &str, #[case] expected: Trajectory) {
    let report = EmotionReport::of(text);
    assert_eq!(report.trajectory, expected, "{report:?}");
}

#[test]
fn peaks_and_valleys_are_the_inner_extrema() {
    let report = EmotionReport::of("It was bad. I love this! It was bad. It is fine.");
    assert_eq!(
        (report.peaks.as_slice(), report.valleys.as_slice()),
        ([1].as_slice(), [2].as_slice())
    );
    assert!(report.variance > 0.0);
}

#[test]
fn segments_are_sentences_with_their_place() {
    let text = "We are happy 🎉. He was e.g. Bob!\n\nAre you sad?";
    let report = EmotionReport::of(text);
    let sentences: Vec<&str> = report
        .segments
        .iter()
        .map(|segment| &text[segment.span.start..segment.span.end])
        .collect();
    assert_eq!(
        sentences,
        ["We are happy 🎉.", "He was e.g. Bob!", "Are you sad?"]
    );
    assert_eq!(report.segment_count, 3);
    assert_eq!(report.dominant, Some(Emotion::Joy));
}

#[test]
fn columns_are_those_of_the_table() {
    let columns = EmotionReport::of("What a joyful day. It is over.").columns();
    let names: Vec<&str> = columns
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = vec![
        "model_version",
        "segment_count",
        "trajectory_type",
        "segments",
    ];
    expected.extend([
        "joy_avg",
        "anger_avg",
        "fear_avg",
        "sadness_avg",
        "surprise_avg",
        "disgust_avg",
    ]);
    expected.extend([
        "anticipation_avg",
        "trust_avg",
        "sentiment_positive",
        "sentiment_negative",
    ]);
    expected.extend(["sentiment_neutral", "sentiment_compound"]);
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(
        (&columns["model_version"], &columns["segment_count"]),
        (&json!(MODEL_VERSION), &json!(2))
    );
    assert!(columns["joy_avg"].as_f64().unwrap() > 0.2);
}

fn contract(value: serde_json::Value) -> EmotionContract {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_contract_is_read_from_the_words_of_the_resource() {
    let read = contract(json!({
        "trajectories": ["rising"],
        "bounds": [{"emotion": "joy", "minBp": 2500, "maxBp": 10_000}],
    }));
    let joy = EmotionBound {
        emotion: Emotion::Joy,
        min_bp: Some(2_500),
        max_bp: Some(10_000),
    };
    assert_eq!(
        read,
        EmotionContract {
            trajectories: vec![Trajectory::Rising],
            bounds: vec![joy]
        }
    );
    assert_eq!(contract(serde_json::to_value(&read).unwrap()), read);
    assert_eq!(contract(json!({})), EmotionContract::default());
}

#[test]
fn a_contract_names_everything_that_is_not_kept() {
    let report = EmotionReport::of("What a joyful, wonderful day.");
    assert_eq!(EmotionContract::default().check(&report), Ok(()));
    assert_eq!(
        contract(json!({"bounds": [{"emotion": "joy", "minBp": 5000}]})).check(&report),
        Ok(())
    );
    let violations = contract(json!({
        "trajectories": ["rising", "falling"],
        "bounds": [{"emotion": "joy", "maxBp": 100}, {"emotion": "trust", "minBp": 100}],
    }))
    .check(&report)
    .unwrap_err();
    let sentences: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences[0],
        "the sentiment is stable and must be rising or falling"
    );
    assert!(
        sentences[1].ends_with("% joy and may hold at most 1 %"),
        "{sentences:?}"
    );
    assert_eq!(
        sentences[2],
        "the text holds 0 % trust and must hold at least 1 %"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_post_stays_within_bounds_and_repeats_itself(hook in any::<String>(), body in "(\\PC|\\s|happy |sad[.] |why[?] |not ){0,60}") {
        let analysis = analyse("en", &hook, &body);
        let report = analysis.emotion.as_ref().unwrap();
        let text = format!("{hook}\n\n{body}");
        for segment in &report.segments {
            prop_assert!(text.get(segment.span.start..segment.span.end).is_some_and(|sentence| !sentence.is_empty()));
        }
        prop_assert_eq!(report.segment_count, report.segments.len());
        prop_assert!((0.0..=1.0).contains(&report.variance));
        prop_assert!((-1.0..=1.0).contains(&report.sentiment.compound));
        for emotion in Emotion::ALL {
            prop_assert!((0.0..=1.0).contains(&report.averages.get(emotion)));
        }
        prop_assert!(analysis.score.total_bp.unwrap() <= 10_000);
        prop_assert!(analysis.score.factors.iter().all(|factor| factor.value_bp.unwrap() <= 10_000));
        prop_assert_eq!(analysis.clone(), analyse("en", &hook, &body));
        let stored = serde_json::to_string(report).unwrap();
        prop_assert_eq!(&serde_json::from_str::<EmotionReport>(&stored).unwrap(), report);
    }
}

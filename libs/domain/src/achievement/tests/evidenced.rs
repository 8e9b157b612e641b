//! No text makes points of nothing: what a text is worth stands in it, bounded, and is told as claimed.

use super::*;
use crate::achievement::business_value::described;
use proptest::prelude::*;

/// Words that are in some statement, and anything else, so that some of the texts state something and some nearly do.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "saves|worth|cuts|reduces|earned|could|not|costs|from|to|per|a|every|about|measured|by",
        3 => "[$€£]?[0-9]{1,3}([.,][0-9]{1,3}){0,2}(k|m|bn| million)?",
        3 => "hours?|minutes|days|USD|EUR|dollars|incidents|outages|fewer|revenue",
        2 => "week|day|sprint|month|year|quarter|weekly|annually",
        1 => "https://example\\.org/[a-z]{1,5}",
        1 => "[.!?;\n]",
        1 => "\\PC{0,6}",
        1 => "[0-9]{1,40}",
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.join(" "))
}

fn part<'a>(analysis: &'a Analysis, name: &str) -> &'a Component {
    let mut components = analysis.impact.components.iter();
    components.find(|it| it.name == name).unwrap()
}

/// The points that are not of a text.
fn others(analysis: &Analysis) -> i32 {
    analysis.impact.points
        - part(analysis, "claimed value").points
        - part(analysis, "measured value").points
}

fn saying(text: &str) -> Subject {
    Subject {
        description: Some(text.to_owned()),
        ..subject()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Every point of a text has a figure behind it, every figure words of the text, and every amount digits of those words.
    #[test]
    fn no_text_makes_points_without_evidence(text in text()) {
        let analysis = analyse(&saying(&text));
        prop_assert_eq!(analysis.formula_version, FORMULA_VERSION);
        prop_assert_eq!(others(&analysis), 15);
        prop_assert!((0..=100).contains(&analysis.impact.points));
        for component in &analysis.impact.components {
            prop_assert!((0..=component.cap).contains(&component.points));
            prop_assert_eq!(component.points > 0, !component.evidence.is_empty(), "{:?}", component);
            prop_assert_eq!(component.absent.is_some(), component.evidence.is_empty());
        }
        let figures = &analysis.business_value.figures;
        let stated = part(&analysis, "claimed value").points + part(&analysis, "measured value").points;
        prop_assert_eq!(stated > 0, !figures.is_empty());
        for figure in figures {
            prop_assert!(figure.quote.contains(|letter: char| letter.is_ascii_digit()), "{:?}", figure);
            prop_assert!(text.contains(figure.quote.trim_matches('…').trim()), "{:?} in {text:?}", figure);
        }
    }

    /// Whatever a text claims, alone it is worth ten points at most, and each of them says that it is claimed.
    #[test]
    fn claims_never_add_more_than_ten_points(text in text()) {
        let claims = text.replace("https://", "").replace("measured", "");
        let (silent, boast) = (analyse(&subject()), analyse(&saying(&claims)));
        prop_assert!(boast.impact.points - silent.impact.points <= 10, "{:?}", boast.impact);
        for sentence in &part(&boast, "claimed value").evidence {
            prop_assert!(sentence.starts_with("claimed: ") || sentence.starts_with("and "), "{sentence}");
        }
    }

    /// A text that is longer by a sentence of its own, before or after, is never worth less.
    #[test]
    fn another_statement_lowers_nothing(text in text(), hours in 1..500_u32, before: bool, linked: bool) {
        let link = if linked { ": https://example.org/measured" } else { "" };
        let more = format!("Saves {hours} hours a week{link}");
        let longer = if before { format!("{more}\n{text}") } else { format!("{text}\n{more}") };
        let (short, long) = (analyse(&saying(&text)), analyse(&saying(&longer)));
        prop_assert!(long.impact.points >= short.impact.points, "{text:?}: {:?} {:?}", short.impact, long.impact);
        prop_assert!(long.impact.evidenced >= short.impact.evidenced);
    }

    /// What webhook and backfill tell twice counts once, and the same facts give the same analysis.
    #[test]
    fn a_replay_scores_the_same(text in text(), tags in prop::collection::vec("v[0-9]", 0..4), people in prop::collection::vec("[a-c]", 0..4)) {
        let mut told = saying(&text);
        told.evidence = tags.iter().flat_map(|tag| [evidence("release", tag), evidence("deployment", tag)]).collect();
        told.people.extend(people.into_iter().map(|login| Person { login, role: Role::Reviewer }));
        let first = analyse(&told);
        prop_assert_eq!(&analyse(&told), &first);
        let mut again = told.clone();
        again.evidence.extend(told.evidence.clone());
        again.people.extend(told.people.clone());
        again.description = Some(format!("{text}\n\n{text}"));
        let (once, twice) = (first.impact.components.iter(), analyse(&again).impact.components);
        for (one, other) in once.zip(&twice) {
            prop_assert_eq!(one.points, other.points, "{:?} {:?}", one, other);
        }
    }

    /// A statement that is weakened is no statement any more, and the record says why.
    #[test]
    fn a_weakened_statement_stays_unread_with_a_reason(hours in 2..500_u32, weak in prop::sample::select(vec![
        "It could save N hours a week", "Saves up to N hours a week", "Saves N-900 hours a week", "It never saved N hours a week",
        "Will it save N hours a week?", "Saves N days a week", "Saves N hours a week per developer", "Saves $N per quarter",
        "The plan costs $N a month", "Saves N,5 hours a week", "If it saves N hours a week",
    ])) {
        let text = weak.replace('N', &hours.to_string());
        let value = described(&text);
        prop_assert!(value.figures.is_empty(), "{text}: {value:?}");
        prop_assert!(!value.unparsed.is_empty(), "{text}");
        prop_assert_eq!(analyse(&saying(&text)).impact.points, 15);
    }
}

/// Many small claims before it hide no measured figure.
#[test]
fn claims_crowd_no_measurement_out() {
    let claims: String = (1..=60)
        .map(|hours| format!("Saves {hours} hours a week.\n"))
        .collect();
    let measured = "Billing shows that it saves $900 a month";
    let alone = analyse(&saying(measured));
    let crowded = analyse(&saying(&format!("{claims}{measured}")));
    assert_eq!(
        part(&crowded, "measured value"),
        part(&alone, "measured value")
    );
    assert_eq!(part(&crowded, "claimed value").points, 10);
    let unread = &crowded.business_value.unparsed;
    assert_eq!(unread.len(), 1, "{unread:?}");
}

/// FAULTS 53: a megabyte of whatever kind is read in bounded time and leaves a bounded result.
#[test]
fn a_megabyte_leaves_a_bounded_analysis() {
    for text in [
        "Saves 3 hours a week. ",
        "$1 ",
        "9",
        "from 3 to ",
        "\u{202E}\u{200B}",
        "<!-- ",
        "```\n",
        "é€𝔘 ",
        "password=a1b2c3d4e5 ",
    ] {
        let mut huge = saying(&text.repeat(1_048_576 / text.len()));
        huge.business_value = huge.description.clone();
        let told = serde_json::to_string(&analyse(&huge)).unwrap();
        assert!(told.len() < 32 * 1024, "{text:?}: {}", told.len());
    }
}

/// What somebody declares as the value is read alone: neither description nor the pull request's text adds to it. A blank one hides
/// nothing.
#[test]
fn a_declared_value_wins_over_what_texts_say() {
    let mut record = saying("Saves 9 hours a week");
    record.pull_request.as_mut().unwrap().body = Some("Saves 7 hours a week".into());
    let amounts = |record: &Subject| -> Vec<String> {
        let figures = analyse(record).business_value.figures;
        figures.into_iter().map(|figure| figure.amount).collect()
    };
    assert_eq!(amounts(&record), ["9"]);
    record.business_value = Some("3 hours a week".into());
    assert_eq!(amounts(&record), ["3"]);
    record.business_value = Some(" ".into());
    record.description = Some(String::new());
    assert_eq!(amounts(&record), ["7"]);
}

#![allow(clippy::unwrap_used)]

use super::*;

fn rows() -> Vec<&'static str> {
    LIST.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn every_row_is_read_and_fits_the_lookup() {
    for row in rows() {
        let (_, head, kind, weight) = parse(row).unwrap_or_else(|| panic!("{row:?} is not read"));
        assert!((0.2..=1.0).contains(&weight), "{row:?}");
        assert_eq!(head, head.to_ascii_lowercase());
        for form in forms(head, kind) {
            assert!(form.len() <= LONGEST, "{form:?}");
            assert!(lookup(form.as_bytes()).unwrap().is_emotional(), "{form:?}");
        }
    }
}

#[test]
fn no_headword_stands_twice_under_one_emotion() {
    let mut heads: Vec<(Emotion, &str)> = rows()
        .iter()
        .filter_map(|row| parse(row))
        .map(|(emotion, head, ..)| (emotion, head))
        .collect();
    heads.sort_by_key(|(emotion, head)| (*emotion as usize, *head));
    let twice: Vec<_> = heads.windows(2).filter(|two| two[0] == two[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn every_emotion_has_at_least_fifty_headwords() {
    for emotion in Emotion::ALL {
        let count = rows()
            .iter()
            .filter_map(|row| parse(row))
            .filter(|(one, ..)| *one == emotion)
            .count();
        assert!(count >= 50, "{emotion}: {count}");
    }
}

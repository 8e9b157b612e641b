#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn cut(pieces: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
    let mut lines = Lines::default();
    let mut found = Vec::new();
    let mut note = |cut: Cut| {
        found.push(match cut {
            Cut::Line(line) => Some(line.to_vec()),
            Cut::TooLong => None,
        });
    };
    for piece in pieces {
        lines.push(piece);
        while let Some(cut) = lines.next() {
            note(cut);
        }
    }
    if let Some(cut) = lines.last() {
        note(cut);
    }
    found
}

#[test]
fn a_line_that_is_too_long_is_skipped_and_the_next_one_is_read() {
    let long = vec![b'x'; 3 * MAX_LINE];
    for pieces in [
        vec![long.as_slice(), b"\nnext\n"],
        vec![&long[..MAX_LINE + 1], b"\nnext"],
        vec![[long.as_slice(), b"\r\nnext\r\n"].concat().leak() as &[u8]],
    ] {
        assert_eq!(cut(&pieces), [None, Some(b"next".to_vec())]);
    }
    assert_eq!(cut(&[&long]), [None]);
    assert_eq!(
        cut(&[&long[..MAX_LINE], b"\n"]),
        [Some(long[..MAX_LINE].to_vec())]
    );
    assert!(cut(&[]).is_empty());
}

proptest! {
    #[test]
    fn where_the_stream_is_broken_makes_no_difference(
        text in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200), at in 0usize..200,
    ) {
        let at = at.min(text.len());
        prop_assert_eq!(cut(&[&text[..at], &text[at..]]), cut(&[&text]));
    }
}

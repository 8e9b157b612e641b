use super::*;

fn hits(sentence: &str, emotion: Emotion) -> f64 {
    read(sentence)[emotion as usize]
}

#[test]
fn a_plain_word_counts_with_its_weight() {
    assert_eq!(hits("We are happy.", Emotion::Joy), 1.0);
    assert_eq!(hits("The parcel is on the table.", Emotion::Joy), 0.0);
}

#[test]
fn a_negation_within_three_words_denies_and_hints_at_the_opposite() {
    assert_eq!(hits("I am not happy", Emotion::Joy), 0.0);
    assert_eq!(hits("I am not happy", Emotion::Sadness), 0.5);
    assert_eq!(hits("I don’t feel really happy", Emotion::Joy), 0.0);
    assert_eq!(hits("not one of my friends is happy", Emotion::Joy), 1.0);
}

#[test]
fn a_clause_end_and_but_stop_a_negation() {
    assert_eq!(hits("No, happy", Emotion::Joy), 1.0);
    assert_eq!(hits("not today but happy", Emotion::Joy), 1.0);
}

#[test]
fn intensifiers_raise_and_dampeners_lower() {
    assert_eq!(hits("so happy", Emotion::Joy), 1.4);
    assert_eq!(hits("slightly happy", Emotion::Joy), 0.6);
}

#[test]
fn a_negation_inside_a_phrase_is_part_of_it() {
    assert_eq!(hits("I can't wait", Emotion::Anticipation), 1.0);
    assert_eq!(hits("I CAN’T WAIT!", Emotion::Anticipation), 1.0);
    assert_eq!(hits("never looking forward", Emotion::Anticipation), 0.0);
}

#[test]
fn emotional_words_are_given_as_written() {
    assert_eq!(
        emotional_words("(HAPPY) and Sad, on a table"),
        ["HAPPY", "Sad"]
    );
}

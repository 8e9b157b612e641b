use super::*;
use rstest::rstest;

#[rstest]
#[case("worry", Kind::Verb, &["worry", "worries", "worried", "worrying"])]
#[case("love", Kind::Verb, &["love", "loves", "loved", "loving"])]
#[case("sob", Kind::Verb, &["sob", "sobs", "sobbed", "sobbing"])]
#[case("fail", Kind::Verb, &["fail", "fails", "failed", "failing"])]
#[case("enjoy", Kind::Verb, &["enjoy", "enjoys", "enjoyed", "enjoying"])]
#[case("thrash", Kind::Verb, &["thrash", "thrashes", "thrashed", "thrashing"])]
#[case("agree", Kind::Verb, &["agree", "agrees", "agreed", "agreeing"])]
#[case("sad", Kind::Adjective, &["sad", "sadder", "saddest", "sadly"])]
#[case("happy", Kind::Adjective, &["happy", "happier", "happiest", "happily"])]
#[case("miserable", Kind::Adjective, &["miserable", "miserabler", "miserablest", "miserably"])]
#[case("tragic", Kind::Adjective, &["tragic", "tragicer", "tragicest", "tragically"])]
#[case("ally", Kind::Noun, &["ally", "allies"])]
#[case("wept", Kind::Fixed, &["wept"])]
fn forms_are_spelt_as_in_english(
    #[case] head: &str,
    #[case] kind: Kind,
    #[case] expected: &[&str],
) {
    assert_eq!(forms(head, kind), expected);
}

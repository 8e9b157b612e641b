#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn a_worker_reads_exactly_its_queues() {
    assert_eq!(exactly::<&str>(&[]), "^$");
    assert_eq!(
        exactly(&["content.generation.a.b-01", "x"]),
        r"^(content\.generation\.a\.b-01|x)$"
    );
}

#[test]
fn passwords_with_reserved_characters_survive_the_url() {
    assert_eq!(decoded("p%40ss%2Fword%"), "p@ss/word%");
    let url = SecretString::from("http://a:canary%40@/x".to_owned());
    assert!(!format!("{:?}", Management::new(&url, "threads")).contains("canary"));
}

#![allow(clippy::unwrap_used)]

use super::*;

fn pepper() -> Pepper {
    Pepper::new("a pepper of sixteen bytes".to_owned().into()).unwrap()
}

#[test]
fn a_made_key_reads_back_as_itself() {
    for _ in 0..200 {
        let key = ApiKey::generate();
        let text = key.expose();
        let read = ApiKey::parse(text.expose_secret()).unwrap();
        assert_eq!(read.id, key.id);
        assert!(pepper().verify(&read, Some(&pepper().hash(&key))));
    }
}

#[test]
fn another_secret_another_id_or_another_pepper_does_not_pass() {
    let (key, other) = (ApiKey::generate(), ApiKey::generate());
    let stored = pepper().hash(&key);
    assert!(!pepper().verify(&other, Some(&stored)));
    let renamed = ApiKey {
        id: other.id.clone(),
        ..key.clone()
    };
    assert!(!pepper().verify(&renamed, Some(&stored)));
    let salted = Pepper::new("another pepper of the kind".to_owned().into()).unwrap();
    assert!(!salted.verify(&key, Some(&stored)));
    assert!(!pepper().verify(&key, None));
    assert!(!pepper().verify(&key, Some(&[])));
    assert!(!pepper().verify(&key, Some(&stored[..31])));
}

#[test]
fn what_is_no_key_is_not_parsed() {
    let good = ApiKey::generate().expose();
    let good = good.expose_secret();
    for text in [
        "",
        "ta",
        "ta_",
        "ta__",
        "ta_x_y",
        &good[1..],
        &good[..good.len() - 1],
        &format!("{good}A"),
        &good.replacen("ta_", "tb_", 1),
        &format!(" {good}"),
        &good.replace(|c: char| c.is_ascii_digit(), "\u{0661}"),
        "ta_'; DROP TABLE_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        if text != good {
            assert!(ApiKey::parse(text).is_none(), "{text}");
        }
    }
}

#[test]
fn a_key_does_not_show_in_debug_output() {
    let key = ApiKey::generate();
    let text = key.expose();
    let secret = text.expose_secret().rsplit_once('_').unwrap().1.to_owned();
    assert!(!format!("{key:?} {:?}", pepper()).contains(&secret));
}

#[test]
fn a_short_pepper_is_refused() {
    assert!(Pepper::new("short".to_owned().into()).is_err());
}

#![allow(clippy::unwrap_used)]

mod scenario;

use super::{secret::*, *};
use secrecy::ExposeSecret;

fn login(slot: Slot, age_days: i64) -> WorkerLogin {
    WorkerLogin {
        slot,
        keyed_at: chrono::DateTime::UNIX_EPOCH,
        age_seconds: age_days * 24 * 3600,
    }
}

#[test]
fn rotation_goes_to_the_other_slot_and_waits_for_the_old_one_to_retire() {
    let slot_of = |logins: &[WorkerLogin]| {
        let choice = choose(logins);
        (choice.slot, choice.keyed_at.is_none())
    };
    assert_eq!(slot_of(&[]), (Slot::A, true));
    assert_eq!(slot_of(&[login(Slot::B, 6)]), (Slot::B, false));
    assert_eq!(slot_of(&[login(Slot::B, 7)]), (Slot::A, true));
    assert_eq!(
        slot_of(&[login(Slot::A, 7), login(Slot::B, 14)]),
        (Slot::A, false),
        "B is not free yet"
    );
}

#[test]
fn passwords_are_256_bits_that_need_no_encoding() {
    let (one, two) = (random_password(), random_password());
    assert_eq!(one.expose_secret().len(), 64);
    assert!(one.expose_secret().chars().all(|c| c.is_ascii_hexdigit()));
    assert_ne!(one.expose_secret(), two.expose_secret());
}

fn tenant(uid: u128) -> Tenant {
    Tenant {
        install: "threads".into(),
        namespace: "a".into(),
        namespace_uid: uuid::Uuid::from_u128(uid),
    }
}

fn standing() -> Standing {
    let secret = |text: &str| SecretString::from(text.to_owned());
    Standing {
        keyed_at: "1".into(),
        reach: "digest".into(),
        token_expires: 900,
        database_url: secret("postgres://l:p@h/d"),
        amqp_url: secret("amqp://l:p@h/v"),
        token: secret("token"),
    }
}

#[test]
fn a_secret_is_read_back_as_it_was_written_and_only_for_its_own_namespace() {
    let secret = standing().into_secret("threads-worker-a", &tenant(1), "http://qdrant");
    let back = Standing::read(&secret, &tenant(1)).unwrap();
    assert_eq!((back.keyed_at.as_str(), back.token_expires), ("1", 900));
    assert_eq!(back.database_url.expose_secret(), "postgres://l:p@h/d");
    // FAULTS 45: a namespace that was made again does not take its predecessor's for its own.
    assert!(Standing::read(&secret, &tenant(2)).is_none());
    let mut holed = secret;
    holed.data.as_mut().unwrap().remove(AMQP_URL);
    assert!(
        Standing::read(&holed, &tenant(1)).is_none(),
        "a Secret that somebody edited is written anew"
    );
}

#![allow(clippy::unwrap_used)]

use super::*;

const PEPPER: &[u8] = b"a pepper of more than sixteen bytes";

fn sealer() -> Sealer {
    Sealer::new(PEPPER).unwrap()
}

fn secrets() -> Vec<Vec<u8>> {
    vec![b"the old one".to_vec(), vec![0, 255, 10], Vec::new()]
}

#[test]
fn what_was_sealed_for_a_source_opens_for_it_in_its_order() {
    let source = Uuid::from_u128(1);
    let sealed = sealer().seal(&secrets(), source).unwrap();
    assert_eq!(sealer().open(&sealed, source), Ok(secrets()));
    assert_eq!(
        sealer().open(&sealer().seal(&[], source).unwrap(), source),
        Ok(Vec::new())
    );
}

#[test]
fn another_source_another_pepper_and_any_changed_byte_open_nothing() {
    let source = Uuid::from_u128(1);
    let sealed = sealer().seal(&secrets(), source).unwrap();
    assert_eq!(
        sealer().open(&sealed, Uuid::from_u128(2)),
        Err(SealError::Open)
    );
    let other = Sealer::new(b"another pepper of enough bytes").unwrap();
    assert_eq!(other.open(&sealed, source), Err(SealError::Open));
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert_eq!(
            sealer().open(&changed, source),
            Err(SealError::Open),
            "byte {index}"
        );
        assert_eq!(
            sealer().open(&sealed[..index], source),
            Err(SealError::Open),
            "cut at {index}"
        );
    }
}

/// FAULTS 60: what rests in the database, and what a log may print, holds neither secret nor key.
#[test]
fn the_sealed_form_shows_nothing_and_differs_each_time() {
    let source = Uuid::from_u128(1);
    let canary = vec![b"canary".to_vec()];
    let (first, second) = (
        sealer().seal(&canary, source).unwrap(),
        sealer().seal(&canary, source).unwrap(),
    );
    assert_ne!(first, second);
    assert!(!first.windows(6).any(|part| part == b"canary"));
    assert_eq!(format!("{:?}", sealer()), "Sealer(..)");
}

#[test]
fn a_short_pepper_is_refused() {
    assert_eq!(Sealer::new(b"short").err(), Some(SealError::ShortPepper));
}

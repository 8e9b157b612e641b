//! How often the emotion lexicon finds the emotion that an author meant, over sentences it was not made from.
#![allow(clippy::unwrap_used)]

use domain::text::emotion::{Emotion, Emotions};

const LABELLED: &str = include_str!("../data/emotion_labelled.tsv");

/// One emotion, or none.
type Label = Option<Emotion>;

fn labelled() -> Vec<(Label, &'static str)> {
    LABELLED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (label, sentence) = line.split_once('\t').unwrap();
            let emotion = Emotion::ALL.into_iter().find(|one| one.as_str() == label);
            assert!(emotion.is_some() || label == "none", "{line:?}");
            (emotion, sentence)
        })
        .collect()
}

/// Harmonic mean of precision and recall of one label.
fn f1(pairs: &[(Label, Label)], label: Label) -> f64 {
    let count = |test: &dyn Fn(&(Label, Label)) -> bool| pairs.iter().filter(|pair| test(pair)).count() as f64;
    let hits = count(&|(meant, found)| *meant == label && *found == label);
    let all = count(&|(meant, _)| *meant == label) + count(&|(_, found)| *found == label);
    if all == 0.0 { 0.0 } else { 2.0 * hits / all }
}

#[test]
fn the_lexicon_finds_the_meant_emotion_well_above_chance() {
    let pairs: Vec<(Label, Label)> = labelled()
        .into_iter()
        .map(|(meant, sentence)| (meant, Emotions::of(sentence).dominant()))
        .collect();
    assert!(pairs.len() >= 120);
    let right = pairs.iter().filter(|(meant, found)| meant == found).count();
    let accuracy = right as f64 / pairs.len() as f64;
    let labels: Vec<Label> = Emotion::ALL.into_iter().map(Some).chain([None]).collect();
    for &label in &labels {
        println!("{:<12} F1 {:.3}", label.map_or("none", Emotion::as_str), f1(&pairs, label));
    }
    let macro_f1 = labels.iter().map(|label| f1(&pairs, *label)).sum::<f64>() / labels.len() as f64;
    println!("{right} of {} right: accuracy {accuracy:.3}, macro-F1 {macro_f1:.3}", pairs.len());
    assert!(accuracy >= FLOOR && macro_f1 >= FLOOR);
}

/// A little under what was measured when the lexicon was written; always naming one label would give 0.11.
const FLOOR: f64 = 0.5;

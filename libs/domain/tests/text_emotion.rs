//! How often the dominant emotion is the one that a reader names, on committed labelled sentences.
//!
//! `cargo test -p threads-domain --test text_emotion -- --nocapture` prints the figures.
#![allow(clippy::unwrap_used)]

use domain::text::emotion::{Emotion, Emotions};

const LABELLED: &str = include_str!("../data/emotion_labelled.tsv");
/// Eight emotions and `none`.
const CLASSES: usize = Emotion::ALL.len() + 1;
const NONE: usize = Emotion::ALL.len();

struct Sentence {
    split: &'static str,
    class: usize,
    text: &'static str,
}

/// Sentences by labelled class (row) and found class (column).
#[derive(Default)]
struct Confusion([[u32; CLASSES]; CLASSES]);

impl Confusion {
    fn of(split: &str) -> Self {
        let mut confusion = Self::default();
        for sentence in sentences().filter(|sentence| sentence.split == split) {
            let found = class_of(Emotions::of(sentence.text).dominant());
            confusion.0[sentence.class][found] += 1;
            if std::env::var_os("SHOW_MISSES").is_some() && found != sentence.class {
                println!(
                    "{split} {} read as {}: {}",
                    name(sentence.class),
                    name(found),
                    sentence.text
                );
            }
        }
        confusion
    }

    fn accuracy(&self) -> f64 {
        let right: u32 = (0..CLASSES).map(|class| self.0[class][class]).sum();
        let all: u32 = self.0.iter().flatten().sum();
        f64::from(right) / f64::from(all)
    }

    /// Harmonic mean of precision and recall; nought where the class is never found.
    fn f1(&self, class: usize) -> f64 {
        let right = f64::from(self.0[class][class]);
        let labelled: u32 = self.0[class].iter().sum();
        let found: u32 = self.0.iter().map(|row| row[class]).sum();
        2.0 * right / f64::from(labelled + found)
    }

    fn macro_f1(&self) -> f64 {
        (0..CLASSES).map(|class| self.f1(class)).sum::<f64>() / CLASSES as f64
    }

    /// Of the sentences that were read as some emotion, the share whose label it is.
    fn precision_when_found(&self) -> f64 {
        let right: u32 = (0..NONE).map(|class| self.0[class][class]).sum();
        let found: u32 = self
            .0
            .iter()
            .map(|row| row[..NONE].iter().sum::<u32>())
            .sum();
        f64::from(right) / f64::from(found)
    }

    fn print(&self, split: &str) {
        println!(
            "{split}: accuracy {:.3}, macro-F1 {:.3}, right where any emotion was found {:.3}",
            self.accuracy(),
            self.macro_f1(),
            self.precision_when_found()
        );
        for class in 0..CLASSES {
            println!(
                "  {:<12} F1 {:.3}  {:?}",
                name(class),
                self.f1(class),
                self.0[class]
            );
        }
    }
}

fn sentences() -> impl Iterator<Item = Sentence> {
    LABELLED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let [split, label, text] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            let class = (0..CLASSES).find(|class| name(*class) == label).unwrap();
            Sentence { split, class, text }
        })
}

fn class_of(emotion: Option<Emotion>) -> usize {
    emotion.map_or(NONE, |emotion| emotion as usize)
}

fn name(class: usize) -> &'static str {
    Emotion::ALL
        .get(class)
        .map_or("none", |emotion| emotion.as_str())
}

#[test]
fn the_dominant_emotion_is_mostly_the_one_that_a_reader_names() {
    for split in ["tune", "test"] {
        Confusion::of(split).print(split);
    }
    let test = Confusion::of("test");
    assert!(test.accuracy() >= 0.80, "accuracy {:.3}", test.accuracy());
    assert!(test.macro_f1() >= 0.80, "macro-F1 {:.3}", test.macro_f1());
    assert!(
        test.precision_when_found() >= 0.90,
        "precision {:.3}",
        test.precision_when_found()
    );
}

#[test]
fn every_class_has_sentences_in_both_splits_and_none_stands_twice() {
    for (split, least) in [("tune", 8), ("test", 20)] {
        for class in 0..CLASSES {
            let count = sentences()
                .filter(|sentence| sentence.split == split && sentence.class == class)
                .count();
            assert!(
                count >= least,
                "{split} has {count} sentences of {}",
                name(class)
            );
        }
    }
    let mut texts: Vec<&str> = sentences().map(|sentence| sentence.text).collect();
    let count = texts.len();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), count);
}

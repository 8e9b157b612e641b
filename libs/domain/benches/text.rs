//! Sentiment and emotions of the committed corpus, beside Python's vaderSentiment.
//!
//! `cargo bench -p threads-domain --bench text`; with `PEER_PYTHON` naming a Python that has vaderSentiment 3.3.2, the peer
//! runs in the same command and the ratio is printed. Both sides take one sentence a call on one core; the peer answers
//! sentiment alone.
#![allow(clippy::unwrap_used)]

use criterion::{Criterion, Throughput};
use domain::text::{analyse, emotion::Emotions, sentiment};
use serde_json::Value;
use std::{hint::black_box, process::Command, time::Duration, time::Instant};

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
const CORPUS: &str = include_str!("../data/sentiment_corpus.txt");
/// Passes of which the best counts. The peer takes the best of its passes too, in CPU time, so that a busy machine does not
/// slow it in the comparison.
const PASSES: usize = 200;

fn lines() -> Vec<&'static str> {
    CORPUS.split('\n').filter(|line| !line.is_empty()).collect()
}

fn pass(lines: &[&str]) {
    for line in lines {
        black_box(sentiment::score(black_box(line)));
        black_box(Emotions::of(black_box(line)));
    }
}

fn corpus(criterion: &mut Criterion) {
    let lines = lines();
    let mut group = criterion.benchmark_group("text");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function("sentiment and emotions of the corpus", |bencher| {
        bencher.iter(|| pass(&lines))
    });
    group.bench_function("sentiment of the corpus", |bencher| {
        bencher.iter(|| {
            for line in &lines {
                black_box(sentiment::score(black_box(line)));
            }
        });
    });
    group.throughput(Throughput::Elements(1));
    let body = lines[..12].join(" ");
    group.bench_function("whole analysis of one post", |bencher| {
        bencher.iter(|| analyse("en", black_box(lines[100]), black_box(&body)));
    });
    group.finish();
}

/// Time of the best pass over the corpus.
fn best(lines: &[&str]) -> Duration {
    let timed = |_| {
        let start = Instant::now();
        pass(lines);
        start.elapsed()
    };
    (0..PASSES).map(timed).min().unwrap()
}

fn against_peer(python: &std::ffi::OsStr) {
    let answer = Command::new(python)
        .arg(format!("{FOLDER}/benches/peer_vader.py"))
        .arg(format!("{FOLDER}/data/sentiment_corpus.txt"))
        .output()
        .unwrap();
    assert!(
        answer.status.success(),
        "{}",
        String::from_utf8_lossy(&answer.stderr)
    );
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    let lines = lines();
    let compounds = answer["compounds"].as_array().unwrap();
    assert_eq!(compounds.len(), lines.len());
    for (line, compound) in lines.iter().zip(compounds) {
        let ours = sentiment::score(line).compound;
        assert!(
            (ours - compound.as_f64().unwrap()).abs() < 5e-5,
            "{line:?}: {ours}, not {compound}"
        );
    }
    let peer = answer["seconds"].as_f64().unwrap();
    let ours = best(&lines).as_secs_f64();
    let count = lines.len() as f64;
    println!(
        "compound scores of all {} sentences equal Python's to four digits",
        lines.len()
    );
    println!(
        "vaderSentiment (sentiment):      {:>12.0} sentences/s",
        count / peer
    );
    println!(
        "domain (sentiment and emotions): {:>12.0} sentences/s",
        count / ours
    );
    println!("ratio: {:.1}", peer / ours);
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    corpus(&mut criterion);
    criterion.final_summary();
    match std::env::var_os("PEER_PYTHON") {
        Some(python) => against_peer(&python),
        None => println!("PEER_PYTHON is not set: the peer was not run"),
    }
}

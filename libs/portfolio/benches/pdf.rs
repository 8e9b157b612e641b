//! The PDF of 200 achievements; the goal of the product is at most 2 s.

#![allow(clippy::unwrap_used)]

#[path = "../tests/sample/mod.rs"]
mod sample;

use criterion::{Criterion, criterion_group, criterion_main};
use portfolio::{Format, Template, render};
use std::hint::black_box;

fn pdf(criterion: &mut Criterion) {
    let portfolio = sample::portfolio(200);
    let mut group = criterion.benchmark_group("pdf");
    group.sample_size(10);
    for template in [Template::TechnicalPortfolio, Template::FullArchive] {
        group.bench_function(format!("200 achievements, {template}"), |bencher| {
            bencher.iter(|| {
                let mut bytes = vec![];
                render(black_box(&portfolio), template, Format::Pdf, &mut bytes).unwrap();
                bytes.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pdf);
criterion_main!(benches);

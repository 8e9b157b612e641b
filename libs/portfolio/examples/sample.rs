//! Writes a made-up portfolio in all formats and templates to a folder:
//! `cargo run -p threads-portfolio --example sample -- --items 40 --to target/portfolio`. `--format pdf` writes only that one.

#![allow(clippy::unwrap_used)]

#[path = "../tests/sample/mod.rs"]
mod sample;

use portfolio::{Format, Portfolio, Template, render};
use std::{
    collections::HashMap,
    fs,
    io::BufWriter,
    path::{Path, PathBuf},
    time::Instant,
};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options: HashMap<&str, &str> = words
        .chunks_exact(2)
        .map(|pair| (pair[0].as_str(), pair[1].as_str()))
        .collect();
    let items = options.get("--items").map_or(40, |it| it.parse().unwrap());
    let only: Option<Format> = options.get("--format").map(|it| it.parse().unwrap());
    let folder = PathBuf::from(options.get("--to").unwrap_or(&"target/portfolio"));
    fs::create_dir_all(&folder).unwrap();
    let portfolio = sample::portfolio(items);
    for format in Format::ALL {
        if only.is_none_or(|only| only == format) {
            for template in Template::ALL {
                write(&folder, &portfolio, template, format, template.name());
            }
            let empty = sample::empty();
            write(&folder, &empty, Template::ExecutiveSummary, format, "empty");
        }
    }
    // Linux alone tells it.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find(|line| line.starts_with("VmHWM:")) {
        println!("{items} achievements; peak resident memory, {peak}");
    }
}

fn write(folder: &Path, portfolio: &Portfolio, template: Template, format: Format, name: &str) {
    let path = folder.join(format!("{name}.{}", format.extension()));
    let begun = Instant::now();
    let mut file = BufWriter::new(fs::File::create(&path).unwrap());
    render(portfolio, template, format, &mut file).unwrap();
    drop(file);
    let bytes = fs::metadata(&path).unwrap().len();
    println!("{} {bytes} bytes in {:?}", path.display(), begun.elapsed());
}

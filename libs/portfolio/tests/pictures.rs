//! A small portfolio as it reads. A change of what stands in `tests/pictures` is a change that somebody looked at: with `UPDATE=1` in the
//! environment the files are written anew.

mod sample;

use portfolio::{Format, Template, render};
use std::{fs, path::Path};

fn compare(template: Template, format: Format) {
    let mut bytes = vec![];
    render(&sample::portfolio(3), template, format, &mut bytes).expect("a document");
    let name = format!("tests/pictures/{template}.{}", format.extension());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &bytes).expect("written");
    }
    let expected = fs::read_to_string(&path).expect("the file that was looked at");
    let told = String::from_utf8(bytes).expect("UTF-8");
    assert!(
        told == expected,
        "{} reads otherwise:\n{told}",
        path.display()
    );
}

#[test]
fn markdown_reads_as_it_was_looked_at() {
    compare(Template::ExecutiveSummary, Format::Markdown);
    compare(Template::TechnicalPortfolio, Format::Markdown);
}

#[test]
fn a_post_reads_as_it_was_looked_at() {
    compare(Template::ExecutiveSummary, Format::Linkedin);
}

#[test]
fn a_table_reads_as_it_was_looked_at() {
    compare(Template::FullArchive, Format::Csv);
}

#[test]
fn json_reads_as_it_was_looked_at() {
    compare(Template::FullArchive, Format::Json);
}

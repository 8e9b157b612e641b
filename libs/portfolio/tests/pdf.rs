//! The PDF, read back by another library.

mod sample;

use lopdf::{Document, Object};
use portfolio::{Format, Portfolio, Template, render};

fn pdf(portfolio: &Portfolio, template: Template) -> Document {
    let mut bytes = vec![];
    render(portfolio, template, Format::Pdf, &mut bytes).expect("a PDF");
    Document::load_mem(&bytes).expect("a PDF")
}

fn text(document: &Document) -> String {
    let pages: Vec<u32> = document.get_pages().keys().copied().collect();
    document.extract_text(&pages).expect("text")
}

/// Targets of all links.
fn links(document: &Document) -> Vec<String> {
    let targets = document.objects.values().filter_map(|object| {
        let action = object.as_dict().ok()?.get(b"A").ok()?;
        let action = document.dereference(action).ok()?.1.as_dict().ok()?;
        let uri = action.get(b"URI").ok()?.as_str().ok()?;
        Some(String::from_utf8_lossy(uri).into_owned())
    });
    targets.collect()
}

#[test]
fn pages_are_numbered_and_texts_are_found() {
    let document = pdf(&sample::portfolio(40), Template::TechnicalPortfolio);
    let pages = document.get_pages().len();
    assert!((12..=40).contains(&pages), "{pages}");
    for number in 1..=pages {
        let page = document
            .extract_text(&[u32::try_from(number).expect("a number")])
            .expect("text");
        assert!(
            page.contains(&format!("{number} of {pages}")),
            "page {number}: {page}"
        );
    }
    let text = text(&document);
    for words in [
        "Platform engineering, 2026",
        "Technical portfolio",
        "read replica",
        "claimed",
        "evidenced: ",
    ] {
        assert!(text.contains(words), "{words}");
    }
}

#[test]
fn each_achievement_is_linked_and_stands_in_the_outline() {
    let portfolio = sample::portfolio(12);
    let document = pdf(&portfolio, Template::FullArchive);
    let links = links(&document);
    for item in &portfolio.items {
        assert!(
            links.contains(item.url.as_ref().expect("an address")),
            "{links:?}"
        );
    }
    let titles: Vec<String> = document
        .objects
        .values()
        .filter_map(|object| object.as_dict().ok())
        .filter(|it| it.has(b"Dest") || it.has(b"Parent") && it.has(b"Title"))
        .filter_map(|it| match it.get(b"Title") {
            Ok(Object::String(title, _)) => Some(String::from_utf8_lossy(title).into_owned()),
            _ => None,
        })
        .collect();
    // Twelve achievements, the year, the cover.
    assert_eq!(titles.len(), 14, "{titles:?}");
}

#[test]
fn it_is_dated_by_the_data() {
    let mut portfolio = sample::portfolio(1);
    let mut first = vec![];
    render(&portfolio, Template::FullArchive, Format::Pdf, &mut first).expect("a PDF");
    assert!(String::from_utf8_lossy(&first).contains("D:20261123163500"));
    portfolio.as_of = sample::at("2025-01-02T03:04:05Z");
    let mut later = vec![];
    render(&portfolio, Template::FullArchive, Format::Pdf, &mut later).expect("a PDF");
    assert!(String::from_utf8_lossy(&later).contains("D:20250102030405"));
}

#[test]
fn letters_without_a_glyph_show_a_sign_and_the_document_says_so() {
    let mut portfolio = sample::portfolio(1);
    assert!(!text(&pdf(&portfolio, Template::FullArchive)).contains("stands for a letter"));
    portfolio.items[0].title = "日本語 🚢 deployed".to_owned();
    let text = text(&pdf(&portfolio, Template::FullArchive));
    assert!(text.contains("stands for a letter"), "{text}");
    assert!(text.contains("deployed"), "{text}");
}

#[test]
fn a_word_without_end_and_a_text_without_end_are_broken() {
    let mut portfolio = sample::portfolio(1);
    portfolio.items[0].title = "x".repeat(300);
    portfolio.items[0].summary = Some(format!(
        "https://example.com/{}\n\n{}",
        "y".repeat(5_000),
        "word ".repeat(2_900)
    ));
    let document = pdf(&portfolio, Template::FullArchive);
    assert!(document.get_pages().len() >= 3);
}

//! What holds for every format and template.

mod sample;

use domain::achievement::Visibility;
use portfolio::{Format, LINKEDIN_LONGEST, Portfolio, Template, render};

fn bytes(portfolio: &Portfolio, template: Template, format: Format) -> Vec<u8> {
    let mut bytes = vec![];
    render(portfolio, template, format, &mut bytes).expect("a document");
    bytes
}

/// What a reader sees, of a PDF too.
fn text(portfolio: &Portfolio, template: Template, format: Format) -> String {
    let bytes = bytes(portfolio, template, format);
    if format != Format::Pdf {
        return String::from_utf8(bytes).expect("UTF-8");
    }
    let document = lopdf::Document::load_mem(&bytes).expect("a PDF");
    let pages: Vec<u32> = document.get_pages().keys().copied().collect();
    document.extract_text(&pages).expect("text")
}

fn everywhere() -> impl Iterator<Item = (Template, Format)> {
    let formats = |template| Format::ALL.map(|format| (template, format));
    Template::ALL.into_iter().flat_map(formats)
}

fn single(title: &str, summary: &str) -> Portfolio {
    let mut portfolio = sample::portfolio(1);
    portfolio.items[0].title = title.to_owned();
    portfolio.items[0].summary = Some(summary.to_owned());
    portfolio
}

#[test]
fn the_same_portfolio_gives_the_same_bytes() {
    let portfolio = sample::portfolio(15);
    let mut turned = portfolio.clone();
    turned.items.reverse();
    for (template, format) in everywhere() {
        let first = bytes(&portfolio, template, format);
        assert_eq!(
            first,
            bytes(&portfolio, template, format),
            "{template} {format}"
        );
        // The order in which records were read is no part of what a document says.
        assert_eq!(
            first,
            bytes(&turned, template, format),
            "{template} {format}"
        );
    }
}

#[test]
fn a_portfolio_without_achievements_is_a_document_too() {
    let empty = sample::empty();
    for (template, format) in everywhere() {
        let text = text(&empty, template, format);
        if format != Format::Csv {
            assert!(
                text.contains("Achievements of team-harbour"),
                "{template} {format}: {text}"
            );
        }
        if !matches!(format, Format::Csv | Format::Json) {
            assert!(
                text.contains("no achievements to tell yet"),
                "{template} {format}: {text}"
            );
        }
    }
}

#[test]
fn what_is_only_claimed_says_so_in_every_format() {
    let mut portfolio = sample::portfolio(5);
    portfolio.items.drain(..4);
    for (template, format) in everywhere() {
        let text = text(&portfolio, template, format);
        assert!(text.contains("claimed"), "{template} {format}: {text}");
    }
}

#[test]
fn what_is_not_public_is_marked_in_every_format() {
    let mut portfolio = sample::portfolio(1);
    for (template, format) in everywhere() {
        let text = text(&portfolio, template, format);
        let marked = text.contains("\"private\":true")
            || text.contains("[private]")
            || text.contains("`private`");
        assert!(!marked, "{template} {format}: {text}");
    }
    portfolio.items[0].visibility = Visibility::Private;
    for (template, format) in everywhere() {
        let text = text(&portfolio, template, format);
        let mark = match format {
            Format::Json => "\"private\":true",
            Format::Csv => "\"private\",\"yes\"",
            Format::Markdown => "`private`",
            Format::Html => "<span class=\"mark private\">private</span>",
            Format::Linkedin => "[private]",
            Format::Pdf => "private",
        };
        assert!(text.contains(mark), "{template} {format}: {text}");
    }
}

#[test]
fn an_achievement_without_analysis_shows_no_figure_and_says_why() {
    let mut portfolio = sample::portfolio(1);
    portfolio.items[0].analysis = None;
    for (template, format) in everywhere() {
        let text = text(&portfolio, template, format);
        assert!(
            text.contains("not analysed yet"),
            "{template} {format}: {text}"
        );
    }
}

/// FAULTS 60: a secret that stands in a pull request's text reaches no export.
#[test]
fn fault_60_canary_secrets_reach_no_document() {
    let canary = "ghp_CANARY0123456789abcdefghijklmnopqrstuv";
    let split = "ghp_CANARY0123456789\u{200B}abcdefghijklmnopqrstuv";
    let mut portfolio = single(
        &format!("rotate {canary}"),
        &format!("it was {split}, now gone"),
    );
    portfolio.title = format!("Portfolio of {canary}");
    portfolio.items[0].tags = vec![canary.to_owned()];
    portfolio.items[0].url = Some(format!("https://{canary}:{canary}@example.com/"));
    let analysis = portfolio.items[0].analysis.as_mut().expect("analysed");
    analysis.notes.push(canary.to_owned());
    analysis.impact.components[0]
        .evidence
        .push(canary.to_owned());
    for (template, format) in everywhere() {
        let text = text(&portfolio, template, format);
        assert!(!text.contains("CANARY"), "{template} {format}: {text}");
    }
}

/// FAULTS 54: what looks like a template's own marks is text.
#[test]
fn fault_54_marks_of_templates_are_literal() {
    let portfolio = single("{{ 7 * 7 }} {% include \"x\" %} ${x} %s", "nothing");
    for (template, format) in everywhere() {
        let text = text(&portfolio, template, format);
        assert!(
            text.contains("7 * 7") || text.contains("7 \\* 7"),
            "{template} {format}: {text}"
        );
        assert!(!text.contains("49 "), "{template} {format}");
    }
}

#[test]
fn control_letters_and_changes_of_direction_are_taken_out() {
    let portfolio = single(
        "a\u{0}b\u{1b}c\u{202E}d\u{2066}e\u{85}f",
        "x\u{202D}y\u{7}z",
    );
    for (template, format) in everywhere() {
        let text = text(&portfolio, template, format);
        let bad = |letter: &char| matches!(letter, '\u{0}' | '\u{7}' | '\u{1b}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        assert_eq!(text.chars().find(bad), None, "{template} {format}");
    }
}

#[test]
fn only_addresses_of_the_web_become_links() {
    for address in [
        "javascript:alert(1)",
        "https://example.com/\" onclick=x",
        "data:text/html,x",
        "file:///etc/passwd",
    ] {
        let mut portfolio = sample::portfolio(1);
        portfolio.items[0].url = Some(address.to_owned());
        for (template, format) in everywhere() {
            let text = text(&portfolio, template, format);
            assert!(!text.contains(address), "{template} {format}: {text}");
        }
    }
}

#[test]
fn a_post_is_never_longer_than_linkedin_takes() {
    for items in [1, 9, 120] {
        let mut portfolio = sample::portfolio(items);
        for item in &mut portfolio.items {
            item.title = "🚢 ".repeat(200);
        }
        for template in Template::ALL {
            let post = text(&portfolio, template, Format::Linkedin);
            assert!(
                post.encode_utf16().count() <= LINKEDIN_LONGEST,
                "{template}"
            );
        }
    }
}

#[test]
fn names_of_formats_and_templates_are_read_as_they_are_written() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
        assert_eq!(serde_json::to_value(format).expect("json"), format.name());
    }
    for template in Template::ALL {
        assert_eq!(template.name().parse(), Ok(template));
        assert_eq!(
            serde_json::to_value(template).expect("json"),
            template.name()
        );
    }
    let refused = "docx".parse::<Format>().expect_err("no format").to_string();
    assert!(
        refused.starts_with("format must be one of json, csv"),
        "{refused}"
    );
}

#[test]
fn a_summary_tells_ten_and_counts_all() {
    let portfolio = sample::portfolio(30);
    let json = bytes(&portfolio, Template::ExecutiveSummary, Format::Json);
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["schemaVersion"], 1);
    assert_eq!(json["achievements"].as_array().map(Vec::len), Some(10));
    assert_eq!(json["totals"]["achievements"], 30);
    assert_eq!(json["untold"], 20);
    // The one that a person put first.
    assert_eq!(json["achievements"][0]["number"], 122);
}

#[test]
fn nothing_is_added_up_across_bases() {
    let portfolio = sample::portfolio(14);
    let json = bytes(&portfolio, Template::FullArchive, Format::Json);
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let figures: Vec<_> = portfolio
        .items
        .iter()
        .filter_map(|item| item.analysis.as_ref())
        .flat_map(|analysis| &analysis.business_value.figures)
        .collect();
    let counted: u64 = json["totals"]["values"]
        .as_array()
        .expect("values")
        .iter()
        .filter_map(|value| value["figures"].as_u64())
        .sum();
    assert_eq!(counted, figures.len() as u64);
    let kinds: std::collections::BTreeSet<String> = json["totals"]["values"]
        .as_array()
        .expect("values")
        .iter()
        .map(|it| format!("{}{}{}", it["basis"], it["unit"], it["yearly"]))
        .collect();
    assert_eq!(
        Some(kinds.len()),
        json["totals"]["values"].as_array().map(Vec::len)
    );
}

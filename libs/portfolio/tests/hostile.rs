//! Whatever stands in a record stays text: in a spreadsheet, on a page, in Markdown, in a PDF.

mod sample;

use portfolio::{Format, Portfolio, Template, render};
use proptest::prelude::*;

fn text(portfolio: &Portfolio, template: Template, format: Format) -> String {
    let mut bytes = vec![];
    render(portfolio, template, format, &mut bytes).expect("a document");
    String::from_utf8(bytes).expect("UTF-8")
}

/// Texts that mean harm, among any others.
fn hostile() -> impl Strategy<Value = String> {
    let bad = prop::sample::select(vec![
        "=cmd|'/c calc'!A1",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r\n=1",
        ";=1",
        "\"",
        "\"\n=1",
        ",",
        "<script>alert(1)</script>",
        "</style><script>",
        "<img src=x onerror=alert(1)>",
        "&lt;script",
        "]]>",
        "--><script>",
        "`",
        "```",
        "~~~",
        "](javascript:x)",
        "| --- |",
        "\u{202E}",
        "\u{FEFF}=1",
        "＝1",
        "\u{0}",
        "<ScRiPt ",
        "'\"><svg onload=x>",
        "# x",
        "1. x",
        "- x",
        "    <script>",
    ]);
    let part = prop_oneof![bad.prop_map(str::to_owned), "\\PC{0,12}", any::<String>()];
    prop::collection::vec(part, 1..5).prop_map(|parts| parts.join(""))
}

fn of(title: String, summary: String, other: String) -> Portfolio {
    let mut portfolio = sample::portfolio(1);
    portfolio.title.clone_from(&title);
    portfolio.namespace.clone_from(&other);
    portfolio.person = Some(other.clone());
    let item = &mut portfolio.items[0];
    item.title = title;
    item.section = Some(other.clone());
    item.repository = Some(other.clone());
    item.url = Some(format!("https://example.com/{other}"));
    item.tags = vec![other.clone()];
    item.source.clone_from(&other);
    item.people[0].login.clone_from(&other);
    let analysis = item.analysis.as_mut().expect("analysed");
    analysis.notes = vec![other.clone()];
    analysis.category_reason.clone_from(&other);
    analysis.business_value.figures[0]
        .quote
        .clone_from(&summary);
    analysis.business_value.figures[0].unit.clone_from(&other);
    analysis.impact.components[0].evidence = vec![other];
    item.summary = Some(summary);
    portfolio
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_cell_begins_a_formula(title in hostile(), summary in hostile(), other in hostile()) {
        let portfolio = of(title, summary, other);
        for template in Template::ALL {
            let table = text(&portfolio, template, Format::Csv);
            prop_assert!(table.ends_with("\r\n"));
            // A spreadsheet set to another language takes semicolons for what parts cells.
            for separator in [b',', b';'] {
                let mut reader = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .flexible(true)
                    .delimiter(separator)
                    .from_reader(table.as_bytes());
                for row in reader.records() {
                    for cell in &row.expect("a row") {
                        let first = cell.trim_start().chars().next();
                        let bad = first.is_some_and(|it| "=+-@\t\r＝＋－＠".contains(it));
                        prop_assert!(!bad, "{cell:?} by {:?}", char::from(separator));
                    }
                }
            }
            let rows = csv::Reader::from_reader(table.as_bytes()).records().count();
            prop_assert_eq!(rows, 1);
        }
    }

    #[test]
    fn no_page_holds_markup_of_a_record(title in hostile(), summary in hostile(), other in hostile()) {
        let portfolio = of(title, summary, other);
        let plain = text(&of("a".into(), "b".into(), "c".into()), Template::FullArchive, Format::Html);
        let page = text(&portfolio, Template::FullArchive, Format::Html);
        let lower = page.to_lowercase();
        for bad in ["<script", "<img", "<iframe", "<!--", "javascript:x\""] {
            prop_assert!(!lower.contains(bad), "{bad}");
        }
        // A record cannot add an element: only blocks of its description and the link may come or go.
        for element in ["<article", "<style", "<svg", "<meta", "<dl", "<table", "<h3"] {
            prop_assert_eq!(page.matches(element).count(), plain.matches(element).count(), "{}", element);
        }
    }

    #[test]
    fn no_markdown_holds_markup_of_a_record(title in hostile(), summary in hostile(), other in hostile()) {
        let markdown = text(&of(title, summary, other), Template::FullArchive, Format::Markdown);
        let mut in_code = false;
        for line in markdown.lines() {
            if line.starts_with("> ~~~") {
                in_code = !in_code;
            } else if !in_code {
                let rest = line.strip_prefix('>').unwrap_or(line).replace("](<https://", "");
                prop_assert!(!rest.contains('<'), "{line}");
            }
        }
        prop_assert_eq!(markdown.lines().filter(|line| line.starts_with("# ")).count(), 1);
        prop_assert_eq!(markdown.lines().filter(|line| line.starts_with("### ")).count(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_text_can_be_typeset(title in hostile(), summary in hostile(), other in hostile()) {
        let portfolio = of(title, summary, other);
        let mut bytes = vec![];
        render(&portfolio, Template::FullArchive, Format::Pdf, &mut bytes).expect("a PDF");
        let document = lopdf::Document::load_mem(&bytes).expect("a PDF");
        prop_assert!(!document.get_pages().is_empty());
    }
}

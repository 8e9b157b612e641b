//! Untrusted text as it may be shown: secrets masked, hidden, bidirectional and control letters gone, lengths bounded. Every format
//! reads only what went through here.

use crate::model::{Item, Portfolio};
use domain::achievement::{Analysis, Component, Figure, Finding, Person, Score, findings::neutral};

/// Letters of a heading, of a sentence, and of a description at most.
const HEADING: usize = 300;
const SENTENCE: usize = 600;
const SUMMARY: usize = 20_000;
/// Letters of an address; longer ones are shown cut and are no links.
const ADDRESS: usize = 2_000;
/// Members of each list of one item.
const MEMBERS: usize = 200;

/// The head of a document, its texts fit to be shown.
pub struct Head {
    pub title: String,
    pub namespace: String,
    pub person: Option<String>,
    pub since: Option<jiff::Timestamp>,
    pub until: Option<jiff::Timestamp>,
    pub as_of: jiff::Timestamp,
    pub left_out: crate::LeftOut,
}

pub fn head(portfolio: &Portfolio) -> Head {
    let namespace = line(&portfolio.namespace, HEADING);
    let person = portfolio
        .person
        .as_ref()
        .map(|person| line(person, HEADING))
        .filter(|person| !person.is_empty());
    let title = line(&portfolio.title, HEADING);
    let title = if title.is_empty() {
        format!("Achievements of {}", person.as_ref().unwrap_or(&namespace))
    } else {
        title
    };
    Head {
        title,
        namespace,
        person,
        since: portfolio.since,
        until: portfolio.until,
        as_of: portfolio.as_of,
        left_out: portfolio.left_out,
    }
}

/// The item with every text fit to be shown.
pub fn item(item: &Item) -> Item {
    let title = line(&item.title, HEADING);
    Item {
        title: if title.is_empty() {
            "(without a title)".to_owned()
        } else {
            title
        },
        summary: item
            .summary
            .as_deref()
            .map(paragraphs)
            .filter(|summary| !summary.is_empty()),
        section: item.section.as_deref().map(|it| line(it, HEADING)),
        people: item.people.iter().take(MEMBERS).map(person).collect(),
        repository: item.repository.as_deref().map(|it| line(it, HEADING)),
        url: item.url.as_deref().and_then(address),
        tags: lines(&item.tags, HEADING),
        source: line(&item.source, HEADING),
        analysis: item.analysis.as_ref().map(analysis),
        ..item.clone_without_texts()
    }
}

fn person(person: &Person) -> Person {
    Person {
        login: line(&person.login, HEADING),
        role: person.role,
    }
}

fn analysis(analysis: &Analysis) -> Analysis {
    let value = &analysis.business_value;
    Analysis {
        formula_version: analysis.formula_version,
        category: analysis.category,
        category_reason: line(&analysis.category_reason, SENTENCE),
        impact: score(&analysis.impact),
        complexity: score(&analysis.complexity),
        business_value: domain::achievement::BusinessValue {
            figures: value.figures.iter().take(MEMBERS).map(figure).collect(),
            unparsed: lines(&value.unparsed, SENTENCE),
        },
        findings: analysis
            .findings
            .iter()
            .take(MEMBERS)
            .map(finding)
            .collect(),
        elapsed_hours: analysis.elapsed_hours.filter(|hours| hours.is_finite()),
        notes: lines(&analysis.notes, SENTENCE),
    }
}

fn score(score: &Score) -> Score {
    Score {
        points: score.points,
        evidenced: score.evidenced,
        components: score
            .components
            .iter()
            .take(MEMBERS)
            .map(component)
            .collect(),
    }
}

fn component(component: &Component) -> Component {
    Component {
        name: line(&component.name, HEADING),
        points: component.points,
        cap: component.cap,
        evidence: lines(&component.evidence, SENTENCE),
        absent: component.absent.as_deref().map(|it| line(it, SENTENCE)),
    }
}

fn figure(figure: &Figure) -> Figure {
    Figure {
        amount: line(&figure.amount, HEADING),
        unit: line(&figure.unit, HEADING),
        quote: line(&figure.quote, SENTENCE),
        ..figure.clone()
    }
}

fn finding(finding: &Finding) -> Finding {
    Finding {
        kind: line(&finding.kind, HEADING),
        detail: line(&finding.detail, SENTENCE),
    }
}

fn lines(texts: &[String], most: usize) -> Vec<String> {
    texts
        .iter()
        .take(MEMBERS)
        .map(|text| line(text, most))
        .filter(|text| !text.is_empty())
        .collect()
}

/// On one line, white space drawn together.
pub fn line(text: &str, most: usize) -> String {
    let joined = neutral(text, most.saturating_mul(4));
    let words: Vec<&str> = joined.split_whitespace().collect();
    neutral(&words.join(" "), most)
}

/// Lines kept, at most one empty line between two paragraphs.
fn paragraphs(text: &str) -> String {
    let shown = neutral(text, SUMMARY);
    let mut kept: Vec<&str> = vec![];
    for line in shown.lines().map(str::trim_end) {
        if !line.is_empty() || kept.last().is_some_and(|last| !last.is_empty()) {
            kept.push(line);
        }
    }
    kept.join("\n").trim().to_owned()
}

/// An address that a reader may be sent to: http or https, visible ASCII without letters that RFC 3986 leaves out or that a masked
/// secret brought. Anything else is no address.
fn address(text: &str) -> Option<String> {
    let shown = neutral(text.trim(), ADDRESS);
    let rest = shown
        .strip_prefix("https://")
        .or_else(|| shown.strip_prefix("http://"))?;
    let harmless = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}[]".contains(&byte);
    (!rest.is_empty() && rest.bytes().all(harmless)).then_some(shown)
}

impl Item {
    fn clone_without_texts(&self) -> Self {
        Self {
            id: self.id,
            title: String::new(),
            summary: None,
            category: self.category,
            visibility: self.visibility,
            section: None,
            display_priority: self.display_priority,
            people: vec![],
            repository: None,
            number: self.number,
            url: None,
            started_at: self.started_at,
            completed_at: self.completed_at,
            tags: vec![],
            source: String::new(),
            analysis: None,
        }
    }
}

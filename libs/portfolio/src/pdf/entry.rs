//! One achievement.

use super::{
    brick::{Anchor, Brick, Ink},
    fonts::Face,
    pages::{LEFT, MEASURE},
    paragraph::{Span, Style},
    setter::{ASIDE, BODY, CODE, Column, LABEL, SOFT, STRONG, Setter, bar, link, span},
};
use crate::{
    prose::Block,
    view::{Gauge, Stated, Table, View},
};

/// Of the two scores beside the title.
const SCORE: f32 = 62.0;
const SCORE_GAP: f32 = 14.0;
const SIDE: f32 = 2.0 * SCORE + SCORE_GAP;
/// Of the names of figures.
const NAMES: f32 = 78.0;
/// Lines of prose are no longer than is read easily.
const PROSE: f32 = 420.0;

pub fn set(setter: &mut Setter, view: &View, is_first: bool) {
    if !is_first {
        setter.rule(Ink::Hair, 0.6, 15.0);
    }
    head(setter, view, if is_first { 8.0 } else { 10.0 });
    description(setter, &view.description);
    figures(setter, view);
    for table in &view.tables {
        components(setter, table);
    }
    for (index, note) in view.notes.iter().enumerate() {
        let space = if index == 0 { 7.0 } else { 1.0 };
        setter.paragraph(&[span(note, ASIDE)], Column::WHOLE, space);
    }
}

/// Title and what it is on the left, scores on the right.
fn head(setter: &mut Setter, view: &View, space_before: f32) {
    let title = Style {
        face: Face::Semibold,
        size: 13.0,
        ink: Ink::Text,
    };
    let mut brick = Brick {
        space_before,
        keeps_next: true,
        anchor: Some(Anchor {
            level: 1,
            title: view.title.clone(),
        }),
        ..Brick::default()
    };
    let left = Column {
        leading: 1.2,
        ..Column::new(LEFT, MEASURE - SIDE - 24.0)
    };
    let ordinal = Style {
        face: Face::Regular,
        ink: Ink::Soft,
        ..title
    };
    let mut spans = vec![
        span(format!("{}  ", view.ordinal), ordinal),
        span(&view.title, title),
    ];
    if let Some(mark) = view.mark {
        let private = Style {
            ink: Ink::Private,
            size: 9.0,
            ..STRONG
        };
        spans.push(span(format!("  {mark}"), private));
    }
    let y = setter.set(&mut brick, &spans, left, 0.0);
    let meta = Column {
        leading: 1.34,
        ..left
    };
    setter.set(&mut brick, &meta_spans(view), meta, y + 1.0);
    scores(setter, &mut brick, view);
    setter.pages.lay(brick);
}

fn meta_spans(view: &View) -> Vec<Span> {
    let linked = Style {
        ink: Ink::Accent,
        ..SOFT
    };
    let place = match (&view.url, &view.place) {
        (Some(url), Some(place)) => Some(link(place, url, linked)),
        (Some(url), None) => Some(link(url, url, linked)),
        (None, Some(place)) => Some(span(place, SOFT)),
        (None, None) => None,
    };
    let completed = match &view.completed {
        Ok(text) | Err(text) => text,
    };
    let parts = [
        Some(span(view.category, SOFT)),
        Some(span(completed, SOFT)),
        place,
        view.people.as_ref().map(|people| span(people, SOFT)),
    ];
    let mut spans = vec![];
    for part in parts.into_iter().flatten() {
        if !spans.is_empty() {
            spans.push(span("  ·  ", SOFT));
        }
        spans.push(part);
    }
    spans
}

fn scores(setter: &mut Setter, brick: &mut Brick, view: &View) {
    let x = LEFT + MEASURE - SIDE;
    match (&view.impact, &view.complexity) {
        (Ok(impact), Ok(complexity)) => {
            score(setter, brick, x, "Impact", *impact);
            let x = x + SCORE + SCORE_GAP;
            score(setter, brick, x, "Complexity", *complexity);
        }
        (Err(reason), _) | (_, Err(reason)) => {
            let column = Column::new(x, SIDE);
            let y = setter.set(brick, &[span("Impact and complexity", LABEL)], column, 0.0);
            let absent = span(format!("absent: {reason}"), ASIDE);
            setter.set(brick, &[absent], column, y + 1.0);
        }
    }
}

fn score(setter: &mut Setter, brick: &mut Brick, x: f32, name: &str, gauge: Gauge) {
    let number = Style {
        face: Face::Semibold,
        size: 17.0,
        ink: Ink::Text,
    };
    let small = Style { size: 8.0, ..SOFT };
    let column = Column::new(x, SCORE + 6.0);
    let y = setter.set(brick, &[span(name, LABEL)], column, 0.0);
    let spans = [
        span(gauge.points.to_string(), number),
        span(" of 100", small),
    ];
    let y = setter.set(brick, &spans, column, y - 3.0);
    let shares = [(gauge.evidenced, Ink::Tint), (gauge.points, Ink::Accent)];
    bar(brick, x, y - 1.0, SCORE, &shares);
    let evidenced = span(format!("evidenced: {}", gauge.evidenced), small);
    setter.set(brick, &[evidenced], column, y + 3.5);
}

fn description(setter: &mut Setter, blocks: &[Block]) {
    let column = Column {
        width: PROSE,
        ..Column::WHOLE
    };
    for block in blocks {
        match block {
            Block::Heading(text) => {
                let mut brick = Brick::after(7.0);
                setter.set(&mut brick, &[span(text, STRONG)], column, 0.0);
                brick.keeps_next = true;
                setter.pages.lay(brick);
            }
            Block::Paragraph(text) => setter.paragraph(&[span(text, BODY)], column, 5.0),
            Block::Point(text) => point(setter, text, column),
            Block::Code(text) => {
                let indented = Column {
                    leading: 1.4,
                    ..Column::new(LEFT + 10.0, MEASURE - 20.0)
                };
                for (index, line) in text.lines().enumerate() {
                    let space = if index == 0 { 5.0 } else { 0.0 };
                    setter.paragraph(&[span(line, CODE)], indented, space);
                }
            }
        }
    }
}

fn point(setter: &mut Setter, text: &str, column: Column) {
    let indented = Column {
        x: column.x + 12.0,
        width: column.width - 12.0,
        ..column
    };
    let lines = setter.lines(&[span(text, BODY)], indented.width);
    let count = lines.len();
    for (index, line) in lines.into_iter().enumerate() {
        let mut brick = Brick::after(if index == 0 { 3.0 } else { 0.0 });
        if index == 0 {
            setter.set(&mut brick, &[span("–", SOFT)], column, 0.3);
        }
        brick.set(line, indented.x, 0.0, BODY.size, indented.leading);
        brick.keeps_next = count > 1 && (index == 0 || index + 2 == count);
        setter.pages.lay(brick);
    }
}

fn figures(setter: &mut Setter, view: &View) {
    match &view.value {
        Ok(figures) => {
            for (index, figure) in figures.iter().enumerate() {
                let name = if index == 0 { "Value" } else { "" };
                row(
                    setter,
                    name,
                    &stated(figure),
                    if index == 0 { 8.0 } else { 2.0 },
                );
            }
        }
        Err(reason) => row(setter, "Value", &[absent(reason)], 8.0),
    }
    let elapsed = match &view.elapsed {
        Ok(span_of_time) => span(span_of_time, SMALL),
        Err(reason) => absent(reason),
    };
    row(setter, "Elapsed time", &[elapsed], 2.0);
    for (name, value) in &view.facts {
        row(setter, name, &[span(value, SMALL)], 2.0);
    }
}

const SMALL: Style = Style { size: 9.5, ..BODY };

fn absent(reason: &str) -> Span {
    span(format!("absent: {reason}"), ASIDE)
}

fn stated(figure: &Stated) -> Vec<Span> {
    let basis = Style {
        ink: if figure.is_claimed {
            Ink::Claim
        } else {
            Ink::Soft
        },
        size: 9.0,
        ..STRONG
    };
    vec![
        span(format!("{}  ", figure.text), SMALL),
        span(figure.basis, basis),
        span(format!("  confidence {}  ", figure.confidence), SOFT),
        span(format!("“{}”", figure.quote), ASIDE),
    ]
}

/// A name and its value beside it.
fn row(setter: &mut Setter, name: &str, value: &[Span], space_before: f32) {
    let mut brick = Brick::after(space_before);
    let names = Column::new(LEFT, NAMES);
    setter.set(&mut brick, &[span(name, LABEL)], names, 1.0);
    let values = Column::new(LEFT + NAMES, MEASURE - NAMES);
    setter.set(&mut brick, value, values, 0.0);
    setter.pages.lay(brick);
}

/// The components for which there is evidence, one a row, then those without.
fn components(setter: &mut Setter, table: &Table) {
    if !table.rows.is_empty() {
        let mut brick = Brick::after(11.0);
        let heading = span(format!("{}: evidence", table.name), LABEL);
        setter.set(&mut brick, &[heading], Column::WHOLE, 0.0);
        brick.height += 2.0;
        brick.keeps_next = true;
        setter.pages.lay(brick);
    }
    for component in &table.rows {
        let mut brick = Brick::default();
        brick.fill(LEFT, 0.0, MEASURE, 0.4, Ink::Hair);
        let names = Column::new(LEFT, NAMES);
        setter.set(&mut brick, &[span(&component.name, SMALL)], names, 2.5);
        let share = component.points.saturating_mul(100) / component.cap.max(1);
        bar(&mut brick, LEFT + NAMES, 7.5, 44.0, &[(share, Ink::Accent)]);
        let points = [
            span(component.points.to_string(), SMALL),
            span(format!(" of {}", component.cap), SOFT),
        ];
        setter.set_right(&mut brick, &points, LEFT + NAMES + 88.0, 2.5);
        let evidence = Column::new(LEFT + NAMES + 104.0, MEASURE - NAMES - 104.0);
        let style = Style { size: 9.0, ..BODY };
        let spans = [span(&component.evidence, style)];
        setter.set(&mut brick, &spans, evidence, 2.8);
        brick.height += 2.0;
        setter.pages.lay(brick);
    }
    if !table.without.is_empty() {
        let text = format!(
            "{} without evidence: {}.",
            table.name,
            table.without.join(", ")
        );
        setter.paragraph(&[span(text, ASIDE)], Column::WHOLE, 4.0);
    }
}

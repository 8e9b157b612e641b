//! The head of the first page.

use super::{
    brick::{Anchor, Brick, Ink},
    fonts::Face,
    pages::{LEFT, MEASURE},
    paragraph::Style,
    setter::{BODY, Column, LABEL, SOFT, STRONG, Setter, bar, span},
};
use crate::cover::{self, Cover};

/// Sums that are told at most; there are three bases and a few units.
const SUMS: usize = 40;

pub fn set(setter: &mut Setter, cover: &Cover) {
    title(setter, cover);
    if cover.is_empty {
        setter.rule(Ink::Hair, 0.6, 26.0);
        setter.paragraph(&[span(cover::EMPTY, BODY)], Column::WHOLE, 14.0);
    } else {
        facts(setter, cover);
        sums(setter, cover);
    }
    for (index, sentence) in cover.left_out.iter().enumerate() {
        let space = if index == 0 { 16.0 } else { 1.0 };
        setter.paragraph(&[span(sentence, SOFT)], Column::WHOLE, space);
    }
}

fn title(setter: &mut Setter, cover: &Cover) {
    let kicker = Style {
        ink: Ink::Accent,
        size: 10.0,
        ..LABEL
    };
    let heading = Style {
        face: Face::Semibold,
        size: 27.0,
        ink: Ink::Text,
    };
    let mut brick = Brick {
        anchor: Some(Anchor {
            level: 0,
            title: cover.kicker.to_owned(),
        }),
        keeps_next: true,
        ..Brick::default()
    };
    brick.fill(LEFT, 0.0, 34.0, 2.4, Ink::Accent);
    let tight = Column {
        leading: 1.12,
        ..Column::WHOLE
    };
    let y = setter.set(
        &mut brick,
        &[span(cover.kicker, kicker)],
        Column::WHOLE,
        12.0,
    );
    let y = setter.set(&mut brick, &[span(&cover.title, heading)], tight, y + 2.0);
    let whose = span(cover.lines.join("  ·  "), Style { size: 10.0, ..SOFT });
    setter.set(&mut brick, &[whose], Column::WHOLE, y + 6.0);
    setter.pages.lay(brick);
}

/// Numbers side by side under a line.
fn facts(setter: &mut Setter, cover: &Cover) {
    let number = Style {
        face: Face::Semibold,
        size: 20.0,
        ink: Ink::Text,
    };
    let mut brick = Brick::after(18.0);
    brick.fill(LEFT, 0.0, MEASURE, 0.6, Ink::Hair);
    let count = u8::try_from(cover.facts.len()).unwrap_or(u8::MAX).max(1);
    let width = MEASURE / f32::from(count);
    let mut x = LEFT;
    for (name, value) in &cover.facts {
        let column = Column::new(x, width - 6.0);
        let y = setter.set(&mut brick, &[span(value, number)], column, 8.0);
        setter.set(&mut brick, &[span(*name, SOFT)], column, y - 3.0);
        x += width;
    }
    let bottom = brick.height + 8.0;
    brick.fill(LEFT, bottom, MEASURE, 0.6, Ink::Hair);
    setter.pages.lay(brick);
}

/// Categories on the left, stated values on the right.
fn sums(setter: &mut Setter, cover: &Cover) {
    let gap = 32.0;
    let half = (MEASURE - gap) / 2.0;
    let small = Style { size: 9.5, ..BODY };
    let mut brick = Brick::after(16.0);
    let left = Column::new(LEFT, half);
    let mut y = setter.set(&mut brick, &[span("By category", LABEL)], left, 0.0) + 4.0;
    for (name, count, share) in &cover.categories {
        let names = Column::new(LEFT, 86.0);
        let end = setter.set(&mut brick, &[span(*name, small)], names, y);
        let share = i32::try_from(*share).unwrap_or(0);
        let middle = y + 4.8;
        let bars = half - 86.0 - 26.0;
        bar(
            &mut brick,
            LEFT + 86.0,
            middle,
            bars,
            &[(share, Ink::Accent)],
        );
        let number = span(count.to_string(), small);
        setter.set_right(&mut brick, &[number], LEFT + half, y);
        y = end + 1.0;
    }
    if !cover.values.is_empty() {
        let right = Column::new(LEFT + half + gap, half);
        let mut y = setter.set(&mut brick, &[span("Stated value", LABEL)], right, 0.0) + 4.0;
        for sum in cover.values.iter().take(SUMS) {
            let basis = Style {
                ink: if sum.is_claimed {
                    Ink::Claim
                } else {
                    Ink::Soft
                },
                size: 9.0,
                ..STRONG
            };
            let spans = [
                span(format!("{}  ", sum.text), small),
                span(sum.basis, basis),
                span(format!("  {}", sum.figures), SOFT),
            ];
            y = setter.set(&mut brick, &spans, right, y) + 1.0;
        }
    }
    setter.pages.lay(brick);
}

//! Text blocks to bricks: what the cover and the achievements have in common.

use super::{
    brick::{Brick, Ink},
    fonts::Face,
    pages::{LEFT, MEASURE, Pages},
    paragraph::{self, Line, Span, Style},
    shape::Shaper,
};
use std::rc::Rc;

pub const BODY: Style = Style {
    face: Face::Regular,
    size: 10.0,
    ink: Ink::Text,
};
pub const SOFT: Style = Style {
    ink: Ink::Soft,
    size: 9.0,
    ..BODY
};
pub const STRONG: Style = Style {
    face: Face::Semibold,
    ..BODY
};
pub const ASIDE: Style = Style {
    face: Face::Italic,
    ink: Ink::Soft,
    size: 9.0,
};
pub const LABEL: Style = Style {
    face: Face::Semibold,
    size: 8.0,
    ink: Ink::Soft,
};
pub const CODE: Style = Style {
    face: Face::Mono,
    size: 7.5,
    ink: Ink::Text,
};

/// What bricks are set with.
pub struct Setter {
    pub shaper: Shaper,
    pub pages: Pages,
}

/// Where a text stands and how close its lines are.
#[derive(Clone, Copy)]
pub struct Column {
    pub x: f32,
    pub width: f32,
    /// Height of a line in sizes of the letters.
    pub leading: f32,
}

impl Column {
    pub const WHOLE: Self = Self {
        x: LEFT,
        width: MEASURE,
        leading: 1.38,
    };

    pub const fn new(x: f32, width: f32) -> Self {
        Self {
            x,
            width,
            leading: 1.34,
        }
    }
}

pub fn span(text: impl Into<String>, style: Style) -> Span {
    Span {
        text: text.into(),
        style,
        link: None,
    }
}

pub fn link(text: impl Into<String>, url: &str, style: Style) -> Span {
    Span {
        text: text.into(),
        style,
        link: Some(Rc::from(url)),
    }
}

impl Setter {
    pub fn lines(&mut self, spans: &[Span], width: f32) -> Vec<Line> {
        paragraph::lines(&mut self.shaper, spans, width)
    }

    /// Sets all lines into the brick from `y` on; gives where they end.
    pub fn set(&mut self, brick: &mut Brick, spans: &[Span], column: Column, y: f32) -> f32 {
        let size = largest(spans);
        let mut end = y;
        for line in self.lines(spans, column.width) {
            end += brick.set(line, column.x, end, size, column.leading);
        }
        end
    }

    /// One line that ends at `right`.
    pub fn set_right(&mut self, brick: &mut Brick, spans: &[Span], right: f32, y: f32) -> f32 {
        let size = largest(spans);
        let mut end = y;
        for line in self.lines(spans, MEASURE) {
            let x = right - line.width;
            end += brick.set(line, x, end, size, 1.34);
        }
        end
    }

    /// Lays a text, line by line, so that it may run over pages; neither its first nor its last line stands alone.
    pub fn paragraph(&mut self, spans: &[Span], column: Column, space_before: f32) {
        let size = largest(spans);
        let lines = self.lines(spans, column.width);
        let count = lines.len();
        for (index, line) in lines.into_iter().enumerate() {
            let mut brick = Brick::after(if index == 0 { space_before } else { 0.0 });
            brick.set(line, column.x, 0.0, size, column.leading);
            brick.keeps_next = count > 1 && (index == 0 || index + 2 == count);
            self.pages.lay(brick);
        }
    }

    /// A line over the whole width, between what stands on one page.
    pub fn rule(&mut self, ink: Ink, thickness: f32, space_before: f32) {
        let mut brick = Brick::after(space_before);
        brick.fill(LEFT, 0.0, MEASURE, thickness, ink);
        brick.keeps_next = true;
        brick.is_separator = true;
        self.pages.lay(brick);
    }
}

fn largest(spans: &[Span]) -> f32 {
    spans.iter().map(|span| span.style.size).fold(0.0, f32::max)
}

/// A bar of hundredths: what could have been, and what is.
pub fn bar(brick: &mut Brick, x: f32, y: f32, width: f32, shares: &[(i32, Ink)]) {
    brick.fill(x, y, width, 3.2, Ink::Hair);
    for (hundredths, ink) in shares {
        let share = f32::from(u8::try_from((*hundredths).clamp(0, 100)).unwrap_or(0)) / 100.0;
        brick.fill(x, y, width * share, 3.2, *ink);
    }
}

//! Text to lines, by the line breaking of Unicode (UAX 14). A word that is wider than the line is broken between letters.

use super::{
    brick::Ink,
    fonts::Face,
    shape::{Piece, Run, Shaper},
};
use std::rc::Rc;
use unicode_linebreak::{BreakOpportunity, linebreaks};
use unicode_segmentation::UnicodeSegmentation;

/// How letters look. Sizes are in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    pub face: Face,
    pub size: f32,
    pub ink: Ink,
}

/// Text of one style; a link where it has a target.
#[derive(Debug, Clone)]
pub struct Span {
    pub text: String,
    pub style: Style,
    pub link: Option<Rc<str>>,
}

/// Glyphs of one style and face at their place in the line.
#[derive(Debug)]
pub struct Placed {
    pub run: Run,
    pub style: Style,
    pub link: Option<Rc<str>>,
    /// From the beginning of the line, points.
    pub x: f32,
}

impl Placed {
    pub fn width(&self) -> f32 {
        self.run.width * self.style.size
    }
}

#[derive(Debug, Default)]
pub struct Line {
    pub placed: Vec<Placed>,
    pub width: f32,
}

/// What is not broken: a piece of a word in one style.
struct Atom {
    piece: Rc<Piece>,
    span: usize,
    text: String,
    /// Points, with and without the blanks at its end.
    width: f32,
    bare: f32,
}

/// The lines of `spans`, none wider than `width` unless a single letter is. No text gives no line.
pub fn lines(shaper: &mut Shaper, spans: &[Span], width: f32) -> Vec<Line> {
    let mut lines = vec![];
    let mut line: Vec<Atom> = vec![];
    let mut used = 0.0;
    for (word, must_end) in words(shaper, spans) {
        let (whole, bare) = measure(&word);
        if used + bare > width && !line.is_empty() {
            lines.push(finished(spans, std::mem::take(&mut line)));
            used = 0.0;
        }
        if bare > width {
            for letter in letters(shaper, spans, &word) {
                if used + letter.bare > width && !line.is_empty() {
                    lines.push(finished(spans, std::mem::take(&mut line)));
                    used = 0.0;
                }
                used += letter.width;
                line.push(letter);
            }
        } else {
            used += whole;
            line.extend(word);
        }
        if must_end {
            lines.push(finished(spans, std::mem::take(&mut line)));
            used = 0.0;
        }
    }
    if !line.is_empty() {
        lines.push(finished(spans, line));
    }
    lines
}

/// Width with and without the blanks at the end.
fn measure(word: &[Atom]) -> (f32, f32) {
    let whole: f32 = word.iter().map(|atom| atom.width).sum();
    let end = word.last().map_or(0.0, |atom| atom.width - atom.bare);
    (whole, whole - end)
}

/// The text between two opportunities to break, each with whether the line must end there.
fn words(shaper: &mut Shaper, spans: &[Span]) -> Vec<(Vec<Atom>, bool)> {
    let text: String = spans.iter().map(|span| span.text.as_str()).collect();
    let mut ends = vec![];
    let mut end = 0;
    for span in spans {
        end += span.text.len();
        ends.push(end);
    }
    let mut words = vec![];
    let (mut from, mut span) = (0, 0);
    for (to, opportunity) in linebreaks(&text) {
        let mut word = vec![];
        while from < to {
            while span < ends.len() && ends[span] <= from {
                span += 1;
            }
            let stop = ends.get(span).map_or(to, |end| to.min(*end));
            word.push(atom(shaper, spans, span, &text[from..stop]));
            from = stop;
        }
        let must_end = opportunity == BreakOpportunity::Mandatory && to < text.len();
        words.push((word, must_end));
    }
    words
}

fn atom(shaper: &mut Shaper, spans: &[Span], span: usize, text: &str) -> Atom {
    let text = text.trim_end_matches(['\n', '\r']);
    let style = spans[span].style;
    let bare = text.trim_end();
    let piece = shaper.shape(style.face, text);
    let width = piece.width() * style.size;
    let bare = if bare.len() == text.len() {
        width
    } else {
        shaper.shape(style.face, bare).width() * style.size
    };
    Atom {
        piece,
        span,
        text: text.to_owned(),
        width,
        bare,
    }
}

/// The letters of a word, one atom each.
fn letters(shaper: &mut Shaper, spans: &[Span], word: &[Atom]) -> Vec<Atom> {
    let mut letters = vec![];
    for part in word {
        for letter in part.text.graphemes(true) {
            letters.push(atom(shaper, spans, part.span, letter));
        }
    }
    letters
}

/// Places the atoms side by side; neighbours that run from right to left change places.
fn finished(spans: &[Span], mut atoms: Vec<Atom>) -> Line {
    let mut from = 0;
    while from < atoms.len() {
        let length = atoms[from..]
            .iter()
            .take_while(|atom| atom.piece.is_right_to_left)
            .count();
        atoms[from..from + length].reverse();
        from += length.max(1);
    }
    let width = measure(&atoms).1;
    let mut line = Line {
        placed: vec![],
        width,
    };
    let mut x = 0.0;
    for atom in atoms {
        let span = &spans[atom.span];
        for run in &atom.piece.runs {
            let width = run.width * span.style.size;
            match line.placed.last_mut() {
                Some(last)
                    if last.run.font == run.font
                        && last.style == span.style
                        && last.link == span.link =>
                {
                    last.run.append(run);
                }
                _ => line.placed.push(Placed {
                    run: run.clone(),
                    style: span.style,
                    link: span.link.clone(),
                    x,
                }),
            }
            x += width;
        }
    }
    line
}

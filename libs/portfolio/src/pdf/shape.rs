//! Letters to glyphs. A piece of text is shaped once for each style and remembered; widths are in units of the size of the letters.

use super::fonts::{Face, Fonts};
use krilla::{
    surface::Location,
    text::{Glyph as DrawnGlyph, GlyphId},
};
use rustybuzz::{Direction, UnicodeBuffer};
use std::{collections::HashMap, ops::Range, rc::Rc};
use unicode_segmentation::UnicodeSegmentation;

/// What stands for a letter that no face holds. What is copied out of the document is still the letter.
const MISSING: &str = "□";

/// One glyph, small: a document holds all of them until its pages are counted.
#[derive(Debug, Clone, Copy)]
pub struct Glyph {
    id: u16,
    advance: f32,
    x: f32,
    y: f32,
    /// Bytes of the run's text that it stands for.
    from: u32,
    to: u32,
}

/// Glyphs of one face, in the order in which they are drawn.
#[derive(Debug, Clone)]
pub struct Run {
    pub font: usize,
    pub text: String,
    pub glyphs: Vec<Glyph>,
    /// In units of the size.
    pub width: f32,
}

#[derive(Debug)]
pub struct Piece {
    pub runs: Vec<Run>,
    pub is_right_to_left: bool,
}

impl Piece {
    pub fn width(&self) -> f32 {
        self.runs.iter().map(|run| run.width).sum()
    }
}

pub struct Shaper {
    pub fonts: Fonts,
    /// Looked up only, never walked through: its order shows nowhere.
    known: HashMap<(Face, String), Rc<Piece>>,
    /// Whether a letter was met that no face holds.
    pub met_missing: bool,
}

/// Pieces that are remembered at most.
const REMEMBERED: usize = 50_000;

impl Shaper {
    pub fn new(fonts: Fonts) -> Self {
        Self {
            fonts,
            known: HashMap::new(),
            met_missing: false,
        }
    }

    /// The glyphs of `text`, which is one word or less and holds no line break.
    pub fn shape(&mut self, face: Face, text: &str) -> Rc<Piece> {
        let key = (face, text.to_owned());
        if let Some(piece) = self.known.get(&key) {
            return Rc::clone(piece);
        }
        let piece = Rc::new(self.shaped(face, text));
        if self.known.len() < REMEMBERED {
            self.known.insert(key, Rc::clone(&piece));
        }
        piece
    }

    fn shaped(&mut self, face: Face, text: &str) -> Piece {
        let mut runs: Vec<Run> = vec![];
        let mut is_right_to_left = false;
        let mut pending: Option<(usize, String)> = None;
        for cluster in text.graphemes(true) {
            let cluster = if cluster.chars().all(char::is_whitespace) {
                " "
            } else {
                cluster
            };
            let found = self.fonts.holding(face, cluster);
            let goes_on =
                matches!((&pending, found), (Some((font, _)), Some(same)) if *font == same);
            if !goes_on && let Some((font, text)) = pending.take() {
                runs.push(self.run(font, text, &mut is_right_to_left));
            }
            match (&mut pending, found) {
                (Some((_, text)), Some(_)) => text.push_str(cluster),
                (_, Some(font)) => pending = Some((font, cluster.to_owned())),
                (_, None) => runs.push(self.missing(cluster)),
            }
        }
        if let Some((font, text)) = pending {
            runs.push(self.run(font, text, &mut is_right_to_left));
        }
        if is_right_to_left {
            runs.reverse();
        }
        Piece {
            runs,
            is_right_to_left,
        }
    }

    fn run(&self, font: usize, text: String, is_right_to_left: &mut bool) -> Run {
        let shaper = self.fonts.shaper(font);
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(&text);
        buffer.guess_segment_properties();
        *is_right_to_left |= buffer.direction() == Direction::RightToLeft;
        let shaped = rustybuzz::shape(shaper, &[], buffer);
        let unit = f32::from(u16::try_from(shaper.units_per_em()).unwrap_or(1_000)).max(1.0);
        #[allow(clippy::cast_precision_loss)]
        let scaled = |units: i32| units as f32 / unit;
        let mut starts: Vec<u32> = shaped.glyph_infos().iter().map(|it| it.cluster).collect();
        starts.sort_unstable();
        starts.dedup();
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let glyphs: Vec<Glyph> = shaped
            .glyph_infos()
            .iter()
            .zip(shaped.glyph_positions())
            .map(|(info, position)| {
                let next = starts.partition_point(|start| *start <= info.cluster);
                Glyph {
                    id: u16::try_from(info.glyph_id).unwrap_or(0),
                    advance: scaled(position.x_advance),
                    x: scaled(position.x_offset),
                    y: scaled(position.y_offset),
                    from: info.cluster,
                    to: starts.get(next).copied().unwrap_or(end),
                }
            })
            .collect();
        let width = glyphs.iter().map(|glyph| glyph.advance).sum();
        Run {
            font,
            text,
            glyphs,
            width,
        }
    }

    /// The sign drawn, the letter as its text.
    fn missing(&mut self, cluster: &str) -> Run {
        self.met_missing = true;
        let mut run = self.run(Fonts::for_missing(), MISSING.to_owned(), &mut false);
        for glyph in &mut run.glyphs {
            glyph.from = 0;
            glyph.to = u32::try_from(cluster.len()).unwrap_or(u32::MAX);
        }
        run.text = cluster.to_owned();
        run
    }
}

impl Run {
    /// Goes on with `other`, which has the same face.
    pub fn append(&mut self, other: &Self) {
        let by = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.push_str(&other.text);
        self.glyphs.extend(other.glyphs.iter().map(|glyph| Glyph {
            from: glyph.from.saturating_add(by),
            to: glyph.to.saturating_add(by),
            ..*glyph
        }));
        self.width += other.width;
    }
}

impl DrawnGlyph for Glyph {
    fn glyph_id(&self) -> GlyphId {
        GlyphId::new(u32::from(self.id))
    }

    fn text_range(&self) -> Range<usize> {
        self.from as usize..self.to as usize
    }

    fn x_advance(&self, size: f32) -> f32 {
        self.advance * size
    }

    fn x_offset(&self, size: f32) -> f32 {
        self.x * size
    }

    fn y_offset(&self, size: f32) -> f32 {
        self.y * size
    }

    fn y_advance(&self, _: f32) -> f32 {
        0.0
    }

    fn location(&self) -> Option<Location> {
        None
    }
}

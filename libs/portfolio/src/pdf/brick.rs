//! What pages are built of: bricks that are never broken, laid one under the other.

use super::paragraph::{Line, Placed};
use std::rc::Rc;

/// The colours of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Text,
    Soft,
    Accent,
    /// What is only claimed.
    Claim,
    /// What is not public.
    Private,
    /// Lines and the ground of bars.
    Hair,
    Tint,
}

/// A thing on a page; `y` goes down from the top of its brick, later of its page. Points.
#[derive(Debug)]
pub enum Mark {
    Text {
        placed: Placed,
        x: f32,
        baseline: f32,
    },
    Box {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        ink: Ink,
    },
    Link {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        url: Rc<str>,
    },
}

/// Where the outline leads to.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// 0 for a part, 1 for an achievement.
    pub level: u8,
    pub title: String,
}

#[derive(Debug, Default)]
pub struct Brick {
    /// Left out at the top of a page.
    pub space_before: f32,
    pub height: f32,
    /// Never the last on its page.
    pub keeps_next: bool,
    /// Left out where it would be the first on its page.
    pub is_separator: bool,
    pub anchor: Option<Anchor>,
    pub marks: Vec<Mark>,
}

impl Brick {
    pub fn after(space_before: f32) -> Self {
        Self {
            space_before,
            ..Self::default()
        }
    }

    /// Sets `line` with its left end at `x` and its top at `y`; gives the height it took. `leading` is that height in sizes of the letters.
    pub fn set(&mut self, line: Line, x: f32, y: f32, size: f32, leading: f32) -> f32 {
        let height = size * leading;
        // The baseline stands where the letters look centred in the line's height.
        let baseline = y + height * 0.5 + size * 0.32;
        for placed in line.placed {
            if let Some(url) = &placed.link {
                self.marks.push(Mark::Link {
                    x: x + placed.x,
                    y: baseline - placed.style.size * 0.8,
                    width: placed.width(),
                    height: placed.style.size * 1.1,
                    url: Rc::clone(url),
                });
            }
            self.marks.push(Mark::Text {
                x: x + placed.x,
                baseline,
                placed,
            });
        }
        self.height = self.height.max(y + height);
        height
    }

    pub fn fill(&mut self, x: f32, y: f32, width: f32, height: f32, ink: Ink) {
        if width > 0.0 && height > 0.0 {
            self.marks.push(Mark::Box {
                x,
                y,
                width,
                height,
                ink,
            });
        }
        self.height = self.height.max(y + height);
    }
}

impl Mark {
    /// Moved down by `by`.
    pub fn lowered(mut self, by: f32) -> Self {
        match &mut self {
            Self::Text { baseline, .. } => *baseline += by,
            Self::Box { y, .. } | Self::Link { y, .. } => *y += by,
        }
        self
    }
}

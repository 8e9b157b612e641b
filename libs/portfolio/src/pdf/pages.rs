//! Bricks to pages.

use super::brick::{Anchor, Brick, Mark};

/// A4, points.
pub const WIDTH: f32 = 595.28;
pub const HEIGHT: f32 = 841.89;
pub const LEFT: f32 = 54.0;
pub const TOP: f32 = 56.0;
/// Room at the bottom, the footer's included.
const BOTTOM: f32 = 66.0;
/// Between the margins.
pub const MEASURE: f32 = WIDTH - 2.0 * LEFT;
const ROOM: f32 = HEIGHT - TOP - BOTTOM;

#[derive(Default)]
pub struct Pages {
    pub pages: Vec<Vec<Mark>>,
    /// Anchor, page from 0, distance from the top of the page.
    pub anchors: Vec<(Anchor, usize, f32)>,
    /// Bricks that wait for the one after them.
    waiting: Vec<Brick>,
    used: f32,
}

impl Pages {
    pub fn lay(&mut self, brick: Brick) {
        let waits = brick.keeps_next;
        self.waiting.push(brick);
        if !waits {
            self.settle();
        }
    }

    /// Lays what still waits. At least one page stands.
    pub fn finish(&mut self) {
        self.settle();
        if self.pages.is_empty() {
            self.pages.push(vec![]);
        }
    }

    /// Together on this page, on the next, or, where they are taller than any page, one by one.
    fn settle(&mut self) {
        let bricks = std::mem::take(&mut self.waiting);
        let needed: f32 = bricks
            .iter()
            .map(|brick| brick.space_before + brick.height)
            .sum();
        if self.pages.is_empty() || (self.used + needed > ROOM && needed <= ROOM) {
            self.turn();
        }
        for brick in bricks {
            if self.used > 0.0 && self.used + brick.space_before + brick.height > ROOM {
                self.turn();
            }
            self.place(brick);
        }
    }

    fn turn(&mut self) {
        // A page that nothing stands on yet is not turned.
        if self.pages.last().is_none_or(|page| !page.is_empty()) {
            self.pages.push(vec![]);
        }
        self.used = 0.0;
    }

    fn place(&mut self, brick: Brick) {
        if brick.is_separator && self.used == 0.0 {
            return;
        }
        if self.used > 0.0 {
            self.used += brick.space_before;
        }
        let top = TOP + self.used;
        let number = self.pages.len().saturating_sub(1);
        if let Some(anchor) = brick.anchor {
            self.anchors.push((anchor, number, top));
        }
        if let Some(page) = self.pages.last_mut() {
            page.extend(brick.marks.into_iter().map(|mark| mark.lowered(top)));
        }
        self.used += brick.height;
    }
}

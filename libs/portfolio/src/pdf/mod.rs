//! The portfolio as a PDF: A4, set in the fonts that are compiled in, with links, an outline and numbered pages. It is laid out as a
//! whole, because each page says how many there are.

mod brick;
mod draw;
mod entry;
mod fonts;
mod front;
mod pages;
mod paragraph;
mod setter;
mod shape;

use crate::{RenderError, cover, select::Document, view, words};
use brick::{Anchor, Brick, Ink};
use fonts::{Face, Fonts};
use pages::{LEFT, MEASURE, Pages};
use paragraph::Style;
use setter::{Column, SOFT, Setter, span};
use shape::Shaper;
use std::io::Write;

const MISSING: &str = "□ stands for a letter that the fonts of this document do not hold; the HTML and JSON forms have it.";

pub fn write(document: &Document<'_>, out: &mut impl Write) -> Result<(), RenderError> {
    let mut setter = Setter {
        shaper: Shaper::new(Fonts::load()?),
        pages: Pages::default(),
    };
    front::set(&mut setter, &cover::of(document));
    let mut ordinal = 0;
    for group in &document.chosen.groups {
        heading(&mut setter, &group.heading);
        for (index, item) in group.items().enumerate() {
            ordinal += 1;
            entry::set(&mut setter, &view::of(document, &item, ordinal), index == 0);
        }
    }
    setter.rule(Ink::Hair, 0.6, 26.0);
    setter.paragraph(&[span(words::METHOD, SOFT)], Column::WHOLE, 8.0);
    if setter.shaper.met_missing {
        setter.paragraph(&[span(MISSING, SOFT)], Column::WHOLE, 4.0);
    }
    setter.pages.finish();
    out.write_all(&draw::document(setter, document.head)?)?;
    Ok(())
}

/// Of a group, over a line.
fn heading(setter: &mut Setter, text: &str) {
    let style = Style {
        face: Face::Semibold,
        size: 17.0,
        ink: Ink::Text,
    };
    let mut brick = Brick {
        anchor: Some(Anchor {
            level: 0,
            title: text.to_owned(),
        }),
        ..Brick::after(30.0)
    };
    let y = setter.set(&mut brick, &[span(text, style)], Column::WHOLE, 0.0);
    brick.fill(LEFT, y + 3.0, MEASURE, 1.2, Ink::Accent);
    brick.keeps_next = true;
    setter.pages.lay(brick);
}

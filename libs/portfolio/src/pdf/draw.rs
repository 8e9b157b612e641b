//! Pages to the bytes of a PDF.

use super::{
    brick::{Anchor, Brick, Ink, Mark},
    pages::{HEIGHT, LEFT, MEASURE, WIDTH},
    setter::{SOFT, Setter, span},
};
use crate::{RenderError, clean::Head, prose};
use jiff::tz::TimeZone;
use krilla::{
    Document,
    action::{Action, LinkAction},
    annotation::{Annotation, LinkAnnotation, Target},
    color::rgb,
    destination::XyzDestination,
    geom::{PathBuilder, Point, Rect},
    metadata::{DateTime, Metadata},
    outline::{Outline, OutlineNode},
    page::{Page, PageSettings},
    paint::Fill,
};

/// Distance of the footer from the top of the page.
const FOOTER: f32 = HEIGHT - 44.0;
/// Letters of the title in the footer.
const FOOTER_TITLE: usize = 80;

/// All pages with their footers, links and outline.
pub fn document(mut setter: Setter, head: &Head) -> Result<Vec<u8>, RenderError> {
    let mut document = Document::new();
    let pages = std::mem::take(&mut setter.pages.pages);
    let count = pages.len();
    for (index, mut marks) in pages.into_iter().enumerate() {
        marks.extend(footer(&mut setter, &head.title, index + 1, count));
        let settings = PageSettings::from_wh(WIDTH, HEIGHT)
            .ok_or_else(|| RenderError::Pdf("the page has no size".to_owned()))?;
        let mut page = document.start_page_with(settings);
        draw(&setter, &mut page, &marks);
        links(&mut page, &marks);
        page.finish();
    }
    document.set_outline(outline(&setter.pages.anchors));
    document.set_metadata(metadata(head));
    document
        .finish()
        .map_err(|error| RenderError::Pdf(format!("{error:?}")))
}

fn footer(setter: &mut Setter, title: &str, number: usize, count: usize) -> Vec<Mark> {
    let mut brick = Brick::default();
    let small = super::paragraph::Style { size: 8.0, ..SOFT };
    brick.fill(LEFT, 0.0, MEASURE, 0.4, Ink::Hair);
    let title = span(prose::cut(title, FOOTER_TITLE), small);
    for line in setter.lines(&[title], MEASURE - 60.0).into_iter().take(1) {
        brick.set(line, LEFT, 5.0, small.size, 1.34);
    }
    let number = span(format!("{number} of {count}"), small);
    setter.set_right(&mut brick, &[number], LEFT + MEASURE, 5.0);
    let marks = brick.marks.into_iter();
    marks.map(|mark| mark.lowered(FOOTER)).collect()
}

fn draw(setter: &Setter, page: &mut Page<'_>, marks: &[Mark]) {
    let mut surface = page.surface();
    for mark in marks {
        match mark {
            Mark::Text {
                placed,
                x,
                baseline,
            } => {
                surface.set_fill(Some(fill(placed.style.ink)));
                surface.draw_glyphs(
                    Point::from_xy(*x, *baseline),
                    &placed.run.glyphs,
                    setter.shaper.fonts.font(placed.run.font),
                    &placed.run.text,
                    placed.style.size,
                    false,
                );
            }
            Mark::Box {
                x,
                y,
                width,
                height,
                ink,
            } => {
                let mut path = PathBuilder::new();
                if let Some(area) = Rect::from_xywh(*x, *y, *width, *height) {
                    path.push_rect(area);
                }
                if let Some(path) = path.finish() {
                    surface.set_fill(Some(fill(*ink)));
                    surface.draw_path(&path);
                }
            }
            Mark::Link { .. } => {}
        }
    }
    surface.finish();
}

fn links(page: &mut Page<'_>, marks: &[Mark]) {
    for mark in marks {
        if let Mark::Link {
            x,
            y,
            width,
            height,
            url,
        } = mark
            && let Some(area) = Rect::from_xywh(*x, *y, *width, *height)
        {
            let target = Target::Action(Action::Link(LinkAction::new(url.to_string())));
            let annotation = LinkAnnotation::new(area, target);
            page.add_annotation(Annotation::new_link(annotation, Some(url.to_string())));
        }
    }
}

/// On white paper each ink but those of lines and bars has a contrast of at least 4.5.
fn fill(ink: Ink) -> Fill {
    let (red, green, blue) = match ink {
        Ink::Text => (0x1d, 0x21, 0x26),
        Ink::Soft => (0x5a, 0x62, 0x6c),
        Ink::Accent => (0x0b, 0x5f, 0x6b),
        Ink::Claim => (0x8a, 0x4b, 0x00),
        Ink::Private => (0x7a, 0x1f, 0x3d),
        Ink::Hair => (0xdd, 0xda, 0xd2),
        Ink::Tint => (0xb0, 0xd0, 0xd3),
    };
    Fill {
        paint: rgb::Color::new(red, green, blue).into(),
        ..Fill::default()
    }
}

/// Parts, with their achievements below them.
fn outline(anchors: &[(Anchor, usize, f32)]) -> Outline {
    let mut outline = Outline::new();
    let mut part: Option<OutlineNode> = None;
    for (anchor, page, top) in anchors {
        let place = XyzDestination::new(*page, Point::from_xy(LEFT, (top - 8.0).max(0.0)));
        let node = OutlineNode::new(anchor.title.clone(), place);
        match &mut part {
            Some(part) if anchor.level > 0 => part.push_child(node),
            _ => {
                if let Some(before) = part.replace(node) {
                    outline.push_child(before);
                }
            }
        }
    }
    if let Some(last) = part {
        outline.push_child(last);
    }
    outline
}

/// Dated by the data, not by the clock.
fn metadata(head: &Head) -> Metadata {
    let at = head.as_of.to_zoned(TimeZone::UTC);
    let part = |number: i8| u8::try_from(number).unwrap_or(0);
    let date = DateTime::new(u16::try_from(at.year()).unwrap_or(0))
        .month(part(at.month()))
        .day(part(at.day()))
        .hour(part(at.hour()))
        .minute(part(at.minute()))
        .second(part(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let metadata = Metadata::new()
        .title(head.title.clone())
        .language("en".to_owned())
        .creator("Threads-Agent".to_owned())
        .creation_date(date);
    match &head.person {
        Some(person) => metadata.authors(vec![person.clone()]),
        None => metadata,
    }
}

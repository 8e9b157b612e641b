//! The portfolio as one HTML page: nothing is loaded, nothing runs, everything from a record is escaped. It reads well on a phone, in the
//! dark and on paper.

use crate::{
    RenderError,
    cover::{self, Cover},
    prose::Block,
    select::Document,
    view::{self, Gauge, View},
    words,
};
use askama::Template;
use std::io::Write;

const STYLE: &str = include_str!("../templates/style.css");

#[derive(Template)]
#[template(path = "head.html")]
struct Head<'a> {
    cover: &'a Cover,
    style: &'static str,
    empty: &'static str,
}

#[derive(Template)]
#[template(path = "group.html")]
struct Group<'a> {
    heading: &'a str,
    count: usize,
}

#[derive(Template)]
#[template(path = "achievement.html")]
struct Achievement<'a> {
    view: &'a View,
    scores: [Shown<'a>; 2],
}

/// A score with its name.
struct Shown<'a> {
    name: &'static str,
    class: &'static str,
    gauge: &'a Result<Gauge, String>,
}

#[derive(Template)]
#[template(path = "foot.html")]
struct Foot {
    method: &'static str,
}

pub fn write(document: &Document<'_>, out: &mut impl Write) -> Result<(), RenderError> {
    let head = Head {
        cover: &cover::of(document),
        style: STYLE,
        empty: cover::EMPTY,
    };
    out.write_all(head.render()?.as_bytes())?;
    let mut ordinal = 0;
    for group in &document.chosen.groups {
        let heading = Group {
            heading: &group.heading,
            count: group.len(),
        };
        out.write_all(heading.render()?.as_bytes())?;
        for item in group.items() {
            ordinal += 1;
            let view = view::of(document, &item, ordinal);
            out.write_all(achievement(&view).render()?.as_bytes())?;
        }
    }
    let foot = Foot {
        method: words::METHOD,
    };
    out.write_all(foot.render()?.as_bytes())?;
    Ok(())
}

fn achievement(view: &View) -> Achievement<'_> {
    let scores = [
        Shown {
            name: "Impact",
            class: "impact",
            gauge: &view.impact,
        },
        Shown {
            name: "Complexity",
            class: "complexity",
            gauge: &view.complexity,
        },
    ];
    Achievement { view, scores }
}

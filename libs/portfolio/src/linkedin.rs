//! The portfolio as the text of one LinkedIn post: plain, and never longer than LinkedIn takes.

use crate::{
    RenderError, cover, prose,
    select::{Document, Group},
    view::{self, View},
    words,
};
use std::io::Write;

/// What a post of LinkedIn holds, counted in UTF-16 units, which is never fewer than letters.
pub const LONGEST: usize = 3_000;
/// Letters of a title and of a sentence.
const TITLE: usize = 160;
const SENTENCE: usize = 120;
const METHOD: &str = "Impact is of 100 points and counts only what there is evidence for. “Claimed” means that a text says so and nobody checked it.";

pub fn write(document: &Document<'_>, out: &mut impl Write) -> Result<(), RenderError> {
    let mut post = opening(document);
    let groups = document.chosen.groups.iter();
    let mut left = document.told();
    for item in groups.flat_map(Group::items) {
        let entry = entry(&view::of(document, &item, 1));
        let end = closing(document.chosen.untold + left - 1);
        if length(&post) + length(&entry) + length(&end) > LONGEST {
            break;
        }
        post.push_str(&entry);
        left -= 1;
    }
    post.push_str(&closing(document.chosen.untold + left));
    out.write_all(post.as_bytes())?;
    Ok(())
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn opening(document: &Document<'_>) -> String {
    let cover = cover::of(document);
    let title = prose::cut(&cover.title, TITLE);
    if cover.is_empty {
        return format!("{title}\n\n{}\n", cover::EMPTY);
    }
    let facts: Vec<String> = cover
        .facts
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let mut text = format!("{title}\n\n{}\n", facts.join(" · "));
    for sum in cover.values.iter().take(4) {
        text.push_str(&format!("{} ({}, {})\n", sum.text, sum.basis, sum.figures));
    }
    text
}

fn entry(view: &View) -> String {
    let mark = view
        .mark
        .map(|mark| format!(" [{mark}]"))
        .unwrap_or_default();
    let impact = match &view.impact {
        Ok(gauge) => format!("impact {} of 100", gauge.points),
        Err(reason) => format!("impact absent: {reason}"),
    };
    let title = prose::cut(&view.title, TITLE);
    let mut text = format!("\n▸ {title}{mark}\n   {} · {impact}\n", view.category);
    if let Ok(figures) = &view.value {
        for figure in figures.iter().take(2) {
            text.push_str(&format!("   {} ({})\n", figure.text, figure.basis));
        }
    }
    let best = view
        .tables
        .first()
        .and_then(|table| table.rows.iter().max_by_key(|row| row.points));
    if let Some(best) = best {
        let evidence = prose::cut(&best.evidence, SENTENCE);
        text.push_str(&format!("   {evidence}\n"));
    }
    text
}

fn closing(untold: usize) -> String {
    let more = if untold > 0 {
        format!("\n… and {}\n", words::count(untold, "further achievement"))
    } else {
        String::new()
    };
    format!("{more}\n{METHOD}\n")
}

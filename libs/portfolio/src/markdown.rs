//! The portfolio as Markdown (CommonMark with GitHub's tables). Whatever comes from a record is escaped: it can make no heading, no link,
//! no markup.

use crate::{
    RenderError,
    cover::{self, Cover},
    prose::Block,
    select::Document,
    view::{self, Stated, Table, View},
    words,
};
use std::io::Write;

pub fn write(document: &Document<'_>, out: &mut impl Write) -> Result<(), RenderError> {
    front(&cover::of(document), out)?;
    let mut ordinal = 0;
    for group in &document.chosen.groups {
        writeln!(out, "\n## {}", escaped(&group.heading))?;
        for item in group.items() {
            ordinal += 1;
            achievement(&view::of(document, &item, ordinal), out)?;
        }
    }
    writeln!(out, "\n---\n\n{}", words::METHOD)?;
    Ok(())
}

fn front(cover: &Cover, out: &mut impl Write) -> Result<(), RenderError> {
    writeln!(out, "# {}\n\n**{}**", escaped(&cover.title), cover.kicker)?;
    for line in &cover.lines {
        writeln!(out, "· {}", escaped(line))?;
    }
    if cover.is_empty {
        writeln!(out, "\n{}", cover::EMPTY)?;
    } else {
        let (names, values): (Vec<&str>, Vec<&str>) = cover
            .facts
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .unzip();
        writeln!(out, "\n| {} |", names.join(" | "))?;
        writeln!(out, "|{}", " --- |".repeat(names.len()))?;
        writeln!(out, "| {} |", values.join(" | "))?;
        let categories: Vec<String> = cover
            .categories
            .iter()
            .map(|(name, count, _)| format!("{name} {count}"))
            .collect();
        writeln!(out, "\n{}", categories.join(" · "))?;
    }
    if !cover.values.is_empty() {
        writeln!(out, "\nStated value:\n")?;
    }
    for sum in &cover.values {
        let basis = marked(sum.basis, sum.is_claimed);
        writeln!(out, "- {} — {basis}, {}", escaped(&sum.text), sum.figures)?;
    }
    for sentence in &cover.left_out {
        writeln!(out, "\n{sentence}")?;
    }
    Ok(())
}

fn achievement(view: &View, out: &mut impl Write) -> Result<(), RenderError> {
    let mark = view
        .mark
        .map(|mark| format!(" `{mark}`"))
        .unwrap_or_default();
    let title = escaped(&view.title);
    writeln!(
        out,
        "\n### {}. {title}{mark}\n\n{}",
        view.ordinal,
        meta(view)
    )?;
    description(view, out)?;
    writeln!(out)?;
    for (name, gauge) in [("Impact", &view.impact), ("Complexity", &view.complexity)] {
        match gauge {
            Ok(gauge) => writeln!(
                out,
                "- {name}: **{}** of 100 (evidenced: {} of 100 points)",
                gauge.points, gauge.evidenced
            )?,
            Err(reason) => writeln!(out, "- {name}: absent, {}", escaped(reason))?,
        }
    }
    match &view.elapsed {
        Ok(span) => writeln!(out, "- Elapsed time: {span}")?,
        Err(reason) => writeln!(out, "- Elapsed time: absent, {}", escaped(reason))?,
    }
    match &view.value {
        Ok(figures) => {
            for figure in figures {
                writeln!(out, "- Value: {}", stated(figure))?;
            }
        }
        Err(reason) => writeln!(out, "- Value: absent, {}", escaped(reason))?,
    }
    for (name, value) in &view.facts {
        writeln!(out, "- {name}: {}", escaped(value))?;
    }
    for note in &view.notes {
        writeln!(out, "- Note: {}", escaped(note))?;
    }
    for components in &view.tables {
        table(components, out)?;
    }
    Ok(())
}

/// One line: category, day, place as a link, people.
fn meta(view: &View) -> String {
    let completed = match &view.completed {
        Ok(day) => format!("completed {day}"),
        Err(reason) => reason.clone(),
    };
    let words = view.place.as_deref().map(escaped);
    let place = match (&view.url, words) {
        (Some(url), words) => {
            let words = words.unwrap_or_else(|| escaped(url));
            Some(format!("[{words}](<{url}>)"))
        }
        (None, words) => words,
    };
    [
        Some(view.category.to_owned()),
        Some(completed),
        place,
        view.people.as_deref().map(escaped),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" · ")
}

/// As a quotation: it is what somebody wrote, not what this document says.
fn description(view: &View, out: &mut impl Write) -> Result<(), RenderError> {
    let mut before: Option<&Block> = None;
    for block in &view.description {
        let list = |block: &Block| matches!(block, Block::Point(_));
        match before {
            None => writeln!(out)?,
            Some(before) if list(before) && list(block) => {}
            Some(_) => writeln!(out, ">")?,
        }
        match block {
            Block::Heading(text) => writeln!(out, "> **{}**", escaped(text))?,
            Block::Paragraph(text) => writeln!(out, "> {}", escaped(text))?,
            Block::Point(text) => writeln!(out, "> - {}", escaped(text))?,
            Block::Code(text) => code(text, out)?,
        }
        before = Some(block);
    }
    Ok(())
}

/// Between fences that the text cannot close.
fn code(text: &str, out: &mut impl Write) -> Result<(), RenderError> {
    let longest = text.split(|letter| letter != '~').map(str::len).max();
    let fence = "~".repeat(longest.unwrap_or(0).max(2) + 1);
    writeln!(out, "> {fence}")?;
    for line in text.lines() {
        writeln!(out, "> {line}")?;
    }
    writeln!(out, "> {fence}")?;
    Ok(())
}

fn stated(figure: &Stated) -> String {
    format!(
        "{} — {}, confidence {}: “{}”",
        escaped(&figure.text),
        marked(figure.basis, figure.is_claimed),
        figure.confidence,
        escaped(&figure.quote)
    )
}

fn marked(basis: &str, is_claimed: bool) -> String {
    if is_claimed {
        format!("**{basis}**")
    } else {
        basis.to_owned()
    }
}

fn table(table: &Table, out: &mut impl Write) -> Result<(), RenderError> {
    if !table.rows.is_empty() {
        writeln!(out, "\n| {} | Points | Evidence |", table.name)?;
        writeln!(out, "| --- | --- | --- |")?;
    }
    for row in &table.rows {
        let (name, evidence) = (escaped(&row.name), escaped(&row.evidence));
        let (points, cap) = (row.points, row.cap);
        writeln!(out, "| {name} | {points} of {cap} | {evidence} |")?;
    }
    if !table.without.is_empty() {
        let without = escaped(&table.without.join(", "));
        writeln!(out, "\n{} without evidence: {without}.", table.name)?;
    }
    Ok(())
}

/// Text that means only itself. `<`, `>` and `&` become entities, so that a renderer that takes HTML in Markdown finds none.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let number = text.bytes().take_while(u8::is_ascii_digit).count();
    for (at, letter) in text.char_indices() {
        let begins = at == 0 && matches!(letter, '#' | '-' | '+' | '=');
        let ends_number = number > 0 && at == number && matches!(letter, '.' | ')');
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(letter);
            }
            _ if begins || ends_number => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    out
}

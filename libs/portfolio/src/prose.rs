//! Descriptions of pull requests as blocks of plain text. They are written in Markdown; what a page shows of it is headings, paragraphs,
//! points of lists and code, without marks inside a line. Nothing of it becomes markup of the document.

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Heading(String),
    Paragraph(String),
    /// A point of a list.
    Point(String),
    /// Lines as they stand.
    Code(String),
}

impl Block {
    pub fn text(&self) -> &str {
        match self {
            Self::Heading(text) | Self::Paragraph(text) | Self::Point(text) | Self::Code(text) => {
                text
            }
        }
    }

    fn text_mut(&mut self) -> &mut String {
        match self {
            Self::Heading(text) | Self::Paragraph(text) | Self::Point(text) | Self::Code(text) => {
                text
            }
        }
    }
}

/// The first paragraph or point, at most so many letters.
pub fn lead(text: &str, most: usize) -> Option<String> {
    let blocks = blocks(text, usize::MAX);
    let first = blocks
        .iter()
        .find(|block| matches!(block, Block::Paragraph(_) | Block::Point(_)))?;
    Some(cut(first.text(), most))
}

/// At most `most` letters; an ellipsis says where it was cut.
pub fn blocks(text: &str, most: usize) -> Vec<Block> {
    let mut read = Reader::default();
    for line in without_comments(text).lines() {
        read.line(line);
    }
    let mut left = most;
    let mut kept = vec![];
    for mut block in read.blocks {
        let length = block.text().chars().count();
        if length == 0 {
            continue;
        }
        if length > left {
            *block.text_mut() = cut(block.text(), left.max(1));
            kept.push(block);
            break;
        }
        left -= length;
        kept.push(block);
    }
    kept
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    in_code: bool,
    /// Whether the next line goes on with the block before it.
    open: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let trimmed = line.trim();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            self.in_code = !self.in_code;
            self.open = false;
        } else if self.in_code {
            self.code(line.trim_end());
        } else if trimmed.is_empty() || is_rule(trimmed) {
            self.open = false;
        } else if let Some(heading) = heading(trimmed) {
            self.blocks.push(Block::Heading(inline(heading)));
            self.open = false;
        } else if let Some(point) = point(trimmed) {
            self.blocks.push(Block::Point(inline(point)));
            self.open = true;
        } else {
            self.prose(trimmed);
        }
    }

    fn code(&mut self, line: &str) {
        match self.blocks.last_mut() {
            Some(Block::Code(code)) if self.open => {
                code.push('\n');
                code.push_str(line);
            }
            _ => self.blocks.push(Block::Code(line.to_owned())),
        }
        self.open = true;
    }

    fn prose(&mut self, line: &str) {
        let line = inline(line.trim_start_matches("> "));
        match self.blocks.last_mut() {
            Some(Block::Paragraph(text) | Block::Point(text))
                if self.open && !begins_number(&line) =>
            {
                text.push(' ');
                text.push_str(&line);
            }
            _ => self.blocks.push(Block::Paragraph(line)),
        }
        self.open = true;
    }
}

fn heading(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    (rest.len() < line.len() && rest.starts_with(' ')).then(|| rest.trim_matches(['#', ' ']))
}

fn point(line: &str) -> Option<&str> {
    ["- ", "* ", "+ ", "• "]
        .iter()
        .find_map(|mark| line.strip_prefix(mark))
        .map(str::trim)
}

fn is_rule(line: &str) -> bool {
    line.len() >= 3 && (line.bytes().all(|it| it == b'-') || line.bytes().all(|it| it == b'*'))
}

fn begins_number(line: &str) -> bool {
    let rest = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    rest.len() < line.len() && (rest.starts_with(". ") || rest.starts_with(") "))
}

/// Templates of pull requests are full of them.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

/// Without the marks of emphasis and code; of a link only its words.
fn inline(line: &str) -> String {
    let plain = line.replace("**", "").replace('`', "");
    let mut out = String::with_capacity(plain.len());
    let mut rest = plain.as_str();
    while let Some((before, words, after)) = link(rest) {
        out.push_str(before.strip_suffix('!').unwrap_or(before));
        out.push_str(words);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What stands before, in and after the first `[words](target)`.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let middle = text.find("](")?;
    let open = text[..middle].rfind('[')?;
    let end = middle + text[middle..].find(')')?;
    Some((&text[..open], &text[open + 1..middle], &text[end + 1..]))
}

/// At most `most` letters, cut between words where one ends in the last third.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let short: String = text.chars().take(most.saturating_sub(1)).collect();
    let end = short
        .rfind(char::is_whitespace)
        .filter(|end| *end > short.len() * 2 / 3)
        .unwrap_or(short.len());
    format!("{}…", short[..end].trim_end_matches([' ', ',', '.', ';']))
}

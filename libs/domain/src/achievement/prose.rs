//! What somebody wrote in a text, without what only stands in its source: comments of Markdown, where templates keep their examples, and
//! fenced code.

/// Marks of a fence (CommonMark 0.31, §4.5).
const FENCES: [&str; 2] = ["```", "~~~"];

/// The lines that a reader sees as prose. A comment or a fence that is not closed goes to the end, as a page shows it.
#[must_use]
pub fn prose(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    let mut comment = false;
    for line in text.lines() {
        let start = line.trim_start();
        if let Some(mark) = fence {
            if start.starts_with(mark) {
                fence = None;
            }
            continue;
        }
        fence = FENCES
            .into_iter()
            .find(|mark| !comment && opens(start, mark));
        if fence.is_none() {
            comment = without_comments(line, comment, &mut kept);
            kept.push('\n');
        }
    }
    kept
}

/// A fence of backticks has none in the rest of its line: that would be a span of code.
fn opens(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark)
        .is_some_and(|rest| mark == "~~~" || !rest.trim_start_matches('`').contains('`'))
}

/// Whether the line ends within a comment.
fn without_comments(mut line: &str, mut comment: bool, kept: &mut String) -> bool {
    loop {
        let mark = if comment { "-->" } else { "<!--" };
        let (before, after) = match line.split_once(mark) {
            Some((before, after)) => (before, Some(after)),
            None => (line, None),
        };
        if !comment {
            kept.push_str(before);
        }
        let Some(after) = after else { return comment };
        (line, comment) = (after, !comment);
    }
}

#[cfg(test)]
mod tests {
    use super::prose;
    use rstest::rstest;

    #[rstest]
    #[case("a <!-- Saves $5 --> b", "a  b\n")]
    #[case("a <!-- x\ny --> b\nc", "a \n b\nc\n")]
    #[case("a <!-- never closed\nb", "a \n\n")]
    #[case("a\n```sh\nCloses #1\n```\nb", "a\nb\n")]
    #[case("~~~\nx\n```\n~~~\nb", "b\n")]
    #[case("```x``` b", "```x``` b\n")]
    #[case("```\n<!-- x\n```\nb", "b\n")]
    fn comments_and_code_are_no_prose(#[case] text: &str, #[case] read: &str) {
        assert_eq!(prose(text), read);
    }
}

//! Which pull request another one takes back. The host's button writes `Reverts owner/name#12` into the body, names the branch
//! `revert-12-…` and the title `Revert "…"`; people write `Reverts #12`, or the address.

/// What a pull request says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    pub repository: &'a str,
    pub title: &'a str,
    pub body: &'a str,
    pub branch: &'a str,
}

/// The number of an earlier pull request of the same repository. Of several that the body names none is taken: what takes several back
/// cannot be told in one number.
pub fn find(text: &Text<'_>, own: i64) -> Option<i64> {
    let earlier = |number: &i64| (1..own).contains(number);
    let mut named = text
        .body
        .lines()
        .filter_map(|line| of_line(line, text.repository));
    if let Some(first) = named.next() {
        return first.filter(|number| earlier(number) && named.all(|other| other == Some(*number)));
    }
    let quoted = strip(text.title.trim(), "revert")?;
    strip(text.branch, "revert-")
        .and_then(leading_number)
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with('-'))
        .map(|(number, _)| number)
        .or_else(|| of_title(quoted))
        .filter(earlier)
}

/// `Reverts <reference>`, the whole line but for a full stop; without a number where the reference leads elsewhere.
fn of_line(line: &str, repository: &str) -> Option<Option<i64>> {
    let line = line.trim();
    let rest = strip(line, "reverts").or_else(|| strip(line, "revert"))?;
    let reference = rest.strip_prefix(':').unwrap_or(rest);
    if !reference.starts_with(char::is_whitespace) {
        return None;
    }
    number_of(reference.trim().trim_end_matches('.'), repository)
}

/// ` "Subject (#12)"` of a squash that is taken back, or ` #12`. A revert of a revert quotes the number of neither for sure.
fn of_title(quoted: &str) -> Option<i64> {
    let quoted = quoted.trim_start_matches(':').trim();
    if let Some(rest) = quoted.strip_prefix('#') {
        return leading_number(rest).map(|(number, _)| number);
    }
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let (_, rest) = inner.rsplit_once("(#")?;
    leading_number(rest)
        .filter(|(_, rest)| *rest == ")")
        .map(|(number, _)| number)
}

/// `#12`, `owner/name#12` or `https://…/owner/name/pull/12`.
fn number_of(reference: &str, repository: &str) -> Option<Option<i64>> {
    let (before, digits) = reference
        .rsplit_once('#')
        .or_else(|| reference.rsplit_once("/pull/"))?;
    let here = before.is_empty()
        || before.eq_ignore_ascii_case(repository)
        || before.contains("://") && {
            let (before, own) = (before.to_lowercase(), repository.to_lowercase());
            before
                .strip_suffix(&own)
                .is_some_and(|it| it.ends_with('/'))
        };
    leading_number(digits)
        .filter(|(_, rest)| rest.is_empty())
        .map(|(number, _)| here.then_some(number))
}

fn leading_number(text: &str) -> Option<(i64, &str)> {
    let end = text
        .find(|it: char| !it.is_ascii_digit())
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// What follows a word in ASCII, whatever its case.
fn strip<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.get(..word.len())?;
    start
        .eq_ignore_ascii_case(word)
        .then(|| &text[word.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reverts(title: &str, body: &str, branch: &str) -> Option<i64> {
        let text = Text {
            repository: "acme/shop",
            title,
            body,
            branch,
        };
        find(&text, 20)
    }

    #[test]
    fn a_revert_is_known_by_body_branch_or_title() {
        for body in [
            "Reverts acme/shop#12",
            "It broke.\r\n\r\nreverts #12.\r\n",
            "Reverts: https://github.com/Acme/shop/pull/12",
            "Revert #12",
        ] {
            assert_eq!(reverts("Anything", body, ""), Some(12), "{body}");
        }
        assert_eq!(
            reverts("Revert \"Faster\"", "", "revert-12-faster"),
            Some(12)
        );
        assert_eq!(reverts("Revert \"Faster (#12)\"", "", "x"), Some(12));
        assert_eq!(reverts("revert: #12", "", "x"), Some(12));
    }

    #[test]
    fn what_is_no_revert_of_an_earlier_one_here_is_none() {
        for (title, body, branch) in [
            ("Revert \"x\"", "Reverts other/shop#12", "revert-12-x"),
            ("Revert \"x\"", "Reverts #12\nReverts #13", "revert-12-x"),
            ("Revert \"x\"", "Reverts #20", ""),
            ("Revert \"x\"", "Reverts #0", ""),
            ("Revert \"x\"", "Reverts #99999999999999999999", ""),
            (
                "Revert \"x\"",
                "Reverts https://evil.test/notacme/shop/pull/12",
                "",
            ),
            ("Faster", "This reverts the habit of #12", "revert-12-x"),
            ("Reverting #12 was wrong", "", ""),
            ("Revert", "", "revert-12x"),
            ("", "", ""),
        ] {
            assert_eq!(
                reverts(title, body, branch),
                None,
                "{title} {body} {branch}"
            );
        }
    }
}

//! The table of docs/values.md, from the comments of chart/values.yaml.

use super::folder;
use crate::paths;
use anyhow::{Context, Result, ensure};
use std::{fmt::Write, fs};

const HEAD: &str = "# Values of the chart

Generated from the comments of chart/values.yaml by `cargo xtask gen`; do not edit.

| value | default | what it is |
|---|---|---|
";

/// Compares, or writes.
pub fn table(check: bool) -> Result<()> {
    let values = fs::read_to_string(folder().join("values.yaml")).context("chart/values.yaml")?;
    let wanted = document(&values);
    let file = paths::project().join("docs/values.md");
    if fs::read_to_string(&file).is_ok_and(|standing| standing == wanted) {
        return Ok(());
    }
    ensure!(!check, "docs/values.md is stale; run: cargo xtask gen");
    Ok(fs::write(file, wanted)?)
}

/// One row a leaf. A comment belongs to the key below it; a folder's comment stands in a row of its own.
fn document(values: &str) -> String {
    let lines: Vec<&str> = values.lines().collect();
    let (mut text, mut path, mut comment) =
        (HEAD.to_owned(), Vec::<(usize, &str)>::new(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if let Some(said) = trimmed.strip_prefix('#') {
            comment.push(said.trim());
            continue;
        }
        let Some((key, value)) = entry(trimmed) else {
            comment.clear();
            continue;
        };
        path.retain(|(depth, _)| *depth < indent);
        path.push((indent, key));
        let name: Vec<&str> = path.iter().map(|(_, key)| *key).collect();
        let said = comment.join(" ").replace('|', "\\|");
        comment.clear();
        let next = lines.get(at + 1).map_or("", |line| line.trim_start());
        let value = match value {
            "" if next.starts_with("- ") => "a list; see chart/values.yaml",
            "" => "",
            value => value,
        };
        if value.is_empty() && said.is_empty() {
            continue;
        }
        let shown = if value.is_empty() || value.starts_with("a list") {
            value.to_owned()
        } else {
            format!("`{value}`")
        };
        let _ = writeln!(text, "| `{}` | {shown} | {said} |", name.join("."));
    }
    text
}

/// Key and value of a line that is an entry of a map.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let is_key = !key.is_empty() && key.chars().all(|it| it.is_ascii_alphanumeric());
    (is_key && (value.is_empty() || value.starts_with(' '))).then(|| (key, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_belong_to_what_stands_below_them() {
        let table = document(
            "# The Pods.\nreplicas: 1\n\nimage:\n  # Where it is.\n  # Or not.\n  repository: a/b\n  secrets: []\nrest: {}\n",
        );
        let rows: Vec<&str> = table.lines().skip(6).collect();
        assert_eq!(
            rows,
            [
                "| `replicas` | `1` | The Pods. |",
                "| `image.repository` | `a/b` | Where it is. Or not. |",
                "| `image.secrets` | `[]` |  |",
                "| `rest` | `{}` |  |",
            ]
        );
    }
}

//! Golden renderings: what an install with certain values sends to the cluster, committed to be read in a review.

use super::{folder, render};
use anyhow::{Context, Result, ensure};
use std::fs;

/// Values files, and the renderings that they have to give.
pub const CASES: [(&str, &str); 4] = [
    ("values.yaml", "default"),
    ("values-dev.yaml", "dev"),
    ("values-ha.yaml", "ha"),
    ("ci/everything.yaml", "everything"),
];

/// Compares, or writes. The kinds' definitions are left out: they are generated, and committed as they are.
pub fn all(check: bool) -> Result<()> {
    let golden = folder().join("ci/golden");
    fs::create_dir_all(&golden).context("chart/ci/golden")?;
    let mut stale = Vec::new();
    for (values, name) in CASES {
        let rendered = without_definitions(&render(values)?);
        let file = golden.join(format!("{name}.yaml"));
        if fs::read_to_string(&file).is_ok_and(|standing| standing == rendered) {
            continue;
        }
        if check {
            stale.push(name);
        } else {
            fs::write(&file, rendered)?;
        }
    }
    ensure!(
        stale.is_empty(),
        "the chart renders something else than chart/ci/golden holds ({}); if that is meant, run: cargo xtask gen",
        stale.join(", ")
    );
    Ok(())
}

fn without_definitions(rendered: &str) -> String {
    let kept = rendered
        .split("\n---\n")
        .filter(|document| !document.contains("\nkind: CustomResourceDefinition\n"));
    let kept: Vec<&str> = kept.map(str::trim_end).collect();
    kept.join("\n---\n") + "\n"
}

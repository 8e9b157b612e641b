//! Writes what follows from the Rust types: the chart's definitions and docs/api.md. `--check` only compares.

mod docs;
mod manifest;

use anyhow::{Context, Result, bail};
use clap::Parser;
use std::path::{Path, PathBuf};

/// Writes chart/templates/crds/*.yaml and docs/api.md from the Rust types.
#[derive(Parser)]
struct Arguments {
    /// Writes nothing; fails and names the files that are stale.
    #[arg(long)]
    check: bool,
    /// Root of the repository.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."))]
    root: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let stale = build_files()?
        .into_iter()
        .map(|(path, text)| Ok((settle(&arguments, &path, &text)?, path)))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .filter_map(|(changed, path)| changed.then(|| path.display().to_string()))
        .collect::<Vec<_>>();
    if arguments.check && !stale.is_empty() {
        bail!(
            "stale, run `cargo xtask gen` and commit: {}",
            stale.join(", ")
        );
    }
    for path in stale {
        println!("wrote {path}");
    }
    Ok(())
}

/// Every generated file, by its path from the root.
fn build_files() -> Result<Vec<(PathBuf, String)>> {
    let definitions = threads_crds::definitions();
    let mut files = definitions
        .iter()
        .map(|crd| {
            let path =
                Path::new("chart/templates/crds").join(format!("{}.yaml", crd.spec.names.plural));
            Ok((path, manifest::build_template(crd)?))
        })
        .collect::<Result<Vec<_>>>()?;
    files.push((
        PathBuf::from("docs/api.md"),
        docs::build_reference(&definitions),
    ));
    Ok(files)
}

/// Compares one file, writes it unless `--check` is given, and says whether it differed.
fn settle(arguments: &Arguments, path: &Path, text: &str) -> Result<bool> {
    let target = arguments.root.join(path);
    if std::fs::read_to_string(&target).is_ok_and(|old| old == text) {
        return Ok(false);
    }
    if !arguments.check {
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("making {}", folder.display()))?;
        }
        std::fs::write(&target, text).with_context(|| format!("writing {}", target.display()))?;
    }
    Ok(true)
}

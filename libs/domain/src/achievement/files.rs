//! Which files of a change somebody wrote: generated, vendored and lock files are left out, and so are files that only moved.

use super::FileChange;

/// Names of lock files.
const LOCKS: [&str; 24] = [
    "cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lockb",
    "go.sum",
    "poetry.lock",
    "pipfile.lock",
    "uv.lock",
    "composer.lock",
    "gemfile.lock",
    "flake.lock",
    "packages.lock.json",
    "bun.lock",
    "deno.lock",
    "pdm.lock",
    "mix.lock",
    "pubspec.lock",
    "podfile.lock",
    "package.resolved",
    "chart.lock",
    "gradle.lockfile",
    ".terraform.lock.hcl",
];
/// Folders of other people's code, and of what tools write.
const FOLDERS: [&str; 11] = [
    "vendor",
    "node_modules",
    "third_party",
    "third-party",
    "dist",
    "generated",
    "__generated__",
    "__snapshots__",
    "testdata",
    "bower_components",
    ".yarn",
];
/// Ends of names of generated files.
const ENDS: [&str; 12] = [
    ".pb.go",
    "_pb2.py",
    "_pb2_grpc.py",
    ".pb.cc",
    ".pb.h",
    ".g.dart",
    ".min.js",
    ".min.css",
    ".snap",
    ".map",
    "_generated.go",
    ".designer.cs",
];

/// Why a file does not count; none where somebody wrote it.
#[must_use]
pub fn left_out(file: &FileChange) -> Option<&'static str> {
    let path = file.path.to_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    if LOCKS.contains(&name) {
        Some("lock files")
    } else if path
        .rsplit('/')
        .skip(1)
        .any(|folder| FOLDERS.contains(&folder))
    {
        Some("vendored or generated folders")
    } else if ENDS.iter().any(|end| name.ends_with(end))
        || name.starts_with("zz_generated")
        || name.contains(".generated.")
    {
        Some("generated files")
    } else if file.status == "renamed" && file.additions == 0 && file.deletions == 0 {
        Some("files that only moved")
    } else {
        None
    }
}

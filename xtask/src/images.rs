//! The images: which programs they hold, and how those are built.

use crate::{
    exec, native,
    oci::{self, CA_BUNDLE, Image, sha256},
    paths,
    progress::Step,
};
use anyhow::{Result, ensure};
use std::{fs, path::PathBuf, process::Command};

/// Rust's name of the target; naming it keeps the static flag from build scripts and proc macros.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// How everything that goes into an image is built.
pub const PROFILE: [&str; 5] = ["--locked", "--profile", "image", "--target", TARGET];
/// How programs are linked that are published. A static program that may be loaded anywhere relocates itself, by a table of 24
/// bytes an address: nearly two megabytes of the operator. Packed, it is a bitmap; needs glibc 2.36 or newer where it is built.
const PUBLISHED_FLAGS: &str =
    "-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs";
/// What is published.
const PUBLISHED: [&str; 3] = ["operator", "worker", "api"];
/// All at once: another choice of packages would choose other features, and compile most dependencies twice.
const PROGRAMS: [&str; 20] = [
    "-p",
    "threads-operator",
    "--bin",
    "operator",
    "-p",
    "threads-worker",
    "--bin",
    "worker",
    "-p",
    "llm-dev",
    "--bin",
    "llm-dev",
    "-p",
    "github-dev",
    "--bin",
    "github-dev",
    "-p",
    "threads-api",
    "--bin",
    "api",
];
/// User and group of every process in an image.
const USER: &str = "65532:65532";

/// Builds operator, worker, API and the stand-ins of model and GitHub as static binaries. No link-time optimisation: these images are local.
pub fn build_binaries(step: &Step) -> Result<()> {
    step.say("compiling operator, worker, API and stand-ins");
    exec::logged(
        cargo()?.arg("build").args(PROFILE).args(PROGRAMS),
        &step.log,
    )
}

/// Builds the programs as they are published, with link-time optimisation, and tells how large their images are.
pub fn published() -> Result<()> {
    let packages = PUBLISHED.map(|program| format!("threads-{program}"));
    let done = cargo()?
        .env("RUSTFLAGS", PUBLISHED_FLAGS)
        .args(["build", "--locked", "--profile", "dist", "--target", TARGET])
        .args(packages.iter().flat_map(|package| ["-p", package.as_str()]))
        .args(PUBLISHED.iter().flat_map(|program| ["--bin", *program]))
        .status()?;
    ensure!(done.success(), "the programs were not built; see above");
    for program in PUBLISHED {
        let folder = target_folder()?.join(TARGET).join("dist");
        let mut image = of_program(program);
        image.files[0].1 = folder.join(program);
        let archive = oci::archive(&image, &folder.join("images"))?;
        let bytes = fs::metadata(&archive.path)?.len();
        println!("{program}: {:.1} MB", bytes as f64 / 1e6);
    }
    Ok(())
}

/// Cargo as the images are built with it: static, and into the cache.
pub fn cargo() -> Result<Command> {
    let mut command = Command::new("cargo");
    command
        .current_dir(paths::project())
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_TARGET_DIR", target_folder()?);
    Ok(command)
}

/// A binary that [`build_binaries`] built.
pub fn binary(name: &str) -> PathBuf {
    let target = target_folder().unwrap_or_default();
    target.join(TARGET).join("image").join(name)
}

/// In the cache, not in the project: another clone, and the tests', finds the dependencies compiled.
fn target_folder() -> Result<PathBuf> {
    Ok(paths::home()?.join("target"))
}

/// The image that is nothing but one static program with the CA bundle.
pub fn of_program(program: &str) -> Image {
    Image {
        name: format!("docker.io/threads-agent/{program}:dev"),
        files: vec![
            (program.to_owned(), binary(program)),
            (
                CA_BUNDLE.trim_start_matches('/').to_owned(),
                CA_BUNDLE.into(),
            ),
        ],
        entrypoint: format!("/{program}"),
        user: USER,
    }
}

/// The images that the cluster itself needs.
pub fn of_cluster(step: &Step) -> Result<Vec<Image>> {
    let source = paths::project().join("k3d/native/pause.c");
    let pause = native::build::bin().join(format!("pause-{}", &sha256(&fs::read(&source)?)[..12]));
    if !pause.is_file() {
        let half = pause.with_extension("building");
        exec::logged(
            Command::new("cc")
                .args(["-static", "-Os", "-o"])
                .arg(&half)
                .arg(source),
            &step.log,
        )?;
        fs::rename(&half, &pause)?;
    }
    let program = |name: &str, path: &str, file: PathBuf| Image {
        name: name.to_owned(),
        files: vec![(path.to_owned(), file)],
        entrypoint: format!("/{path}"),
        user: "0",
    };
    Ok(vec![
        program(native::node::PAUSE_IMAGE, "pause", pause),
        program(
            native::dns::IMAGE,
            "coredns",
            native::build::bin().join("coredns"),
        ),
    ])
}

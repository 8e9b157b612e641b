//! Container images without a registry and without Docker: OCI archives of one layer, from static binaries.

use crate::{exec, native, paths, progress::Step};
use anyhow::{Context, Result};
use oci_spec::image::{
    Arch, ConfigBuilder, DescriptorBuilder, ImageConfigurationBuilder, ImageIndexBuilder,
    ImageManifestBuilder, MediaType, Os, RootFsBuilder, Sha256Digest,
};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    str::FromStr,
};

/// Rust's name of the target; naming it keeps the static flag from build scripts and proc macros.
const TARGET: &str = "x86_64-unknown-linux-gnu";
const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// User and group of every process in an image.
const USER: &str = "65532:65532";

/// What goes into one image.
pub struct Image {
    pub name: String,
    /// (path in the image, file that becomes it)
    pub files: Vec<(String, PathBuf)>,
    pub entrypoint: String,
    pub user: &'static str,
}

/// An archive that containerd imports.
pub struct Archive {
    pub path: PathBuf,
    /// Changes when and only when the content does.
    pub digest: String,
}

/// Builds operator, worker and the stand-in model as static binaries. No link-time optimisation: these images are local.
pub fn build_binaries(step: &Step) -> Result<()> {
    step.say("compiling operator, worker and stand-in model");
    exec::logged(
        Command::new("cargo")
            .current_dir(paths::project())
            .env("RUSTFLAGS", "-C target-feature=+crt-static")
            .env("CARGO_TARGET_DIR", target_folder()?)
            .args([
                "build",
                "--locked",
                "--profile",
                "image",
                "--target",
                TARGET,
            ])
            .args([
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
            ]),
        &step.log,
    )
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

/// Writes the archive of an image. Equal files give equal bytes.
pub fn archive(image: &Image, folder: &Path) -> Result<Archive> {
    fs::create_dir_all(folder)?;
    let layer = layer(&image.files)?;
    let layer_digest = sha256(&layer);
    let config = ImageConfigurationBuilder::default()
        .architecture(Arch::Amd64)
        .os(Os::Linux)
        .config(
            ConfigBuilder::default()
                .entrypoint(vec![image.entrypoint.clone()])
                .env(vec![
                    "PATH=/".to_owned(),
                    format!("SSL_CERT_FILE={CA_BUNDLE}"),
                ])
                .user(image.user)
                .build()?,
        )
        .rootfs(
            RootFsBuilder::default()
                .typ("layers")
                .diff_ids(vec![format!("sha256:{layer_digest}")])
                .build()?,
        )
        .history(Vec::new())
        .build()?
        .to_string()?
        .into_bytes();
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageManifest)
        .config(descriptor(MediaType::ImageConfig, &config)?.build()?)
        .layers(vec![descriptor(MediaType::ImageLayer, &layer)?.build()?])
        .build()?
        .to_string()?
        .into_bytes();
    let named = HashMap::from([("io.containerd.image.name".to_owned(), image.name.clone())]);
    let index = ImageIndexBuilder::default()
        .schema_version(2_u32)
        .manifests(vec![
            descriptor(MediaType::ImageManifest, &manifest)?
                .annotations(named)
                .build()?,
        ])
        .build()?
        .to_string()?
        .into_bytes();

    let short = image
        .name
        .rsplit('/')
        .next()
        .unwrap_or("image")
        .replace(':', "-");
    let path = folder.join(format!("{short}.tar"));
    // Renamed when whole: another instance may import the same archive at the same moment.
    let half = folder.join(format!("{short}.{}.part", std::process::id()));
    let mut tar = tar::Builder::new(fs::File::create(&half)?);
    append(
        &mut tar,
        "oci-layout",
        br#"{"imageLayoutVersion":"1.0.0"}"#,
        0o644,
    )?;
    append(&mut tar, "index.json", &index, 0o644)?;
    for blob in [&layer, &config, &manifest] {
        append(
            &mut tar,
            &format!("blobs/sha256/{}", sha256(blob)),
            blob,
            0o644,
        )?;
    }
    tar.finish()?;
    fs::rename(&half, &path)?;
    Ok(Archive {
        path,
        digest: sha256(&manifest),
    })
}

fn layer(files: &[(String, PathBuf)]) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, source) in files {
        let bytes = fs::read(source).with_context(|| format!("reading {}", source.display()))?;
        append(&mut tar, path, &bytes, 0o755)?;
    }
    Ok(tar.into_inner()?)
}

fn append<W: std::io::Write>(
    tar: &mut tar::Builder<W>,
    path: &str,
    bytes: &[u8],
    mode: u32,
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_cksum();
    tar.append_data(&mut header, path, bytes)?;
    Ok(())
}

fn descriptor(media: MediaType, bytes: &[u8]) -> Result<DescriptorBuilder> {
    let digest = Sha256Digest::from_str(&sha256(bytes))?;
    Ok(DescriptorBuilder::default()
        .media_type(media)
        .digest(digest)
        .size(bytes.len() as u64))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

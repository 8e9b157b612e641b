//! Container images without a registry and without Docker: OCI archives of one layer.

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
    str::FromStr,
};

/// Where certificates lie, on the machine and in an image alike.
pub const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

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

/// The archive of an image, written anew only where one of its files is another than last time.
pub fn archive(image: &Image, folder: &Path) -> Result<Archive> {
    fs::create_dir_all(folder)?;
    let short = image
        .name
        .rsplit('/')
        .next()
        .unwrap_or("image")
        .replace(':', "-");
    let path = folder.join(format!("{short}.tar"));
    let note = folder.join(format!("{short}.of"));
    let sources = fingerprint(image)?;
    if let Ok(text) = fs::read_to_string(&note)
        && let Some((digest, of)) = text.split_once('\n')
        && of == sources
        && path.is_file()
    {
        return Ok(Archive {
            path,
            digest: digest.to_owned(),
        });
    }
    let _ = fs::remove_file(&note);
    let digest = write_archive(image, &path)?;
    fs::write(note, format!("{digest}\n{sources}"))?;
    Ok(Archive { path, digest })
}

/// Sizes and times of the files, by which a build that changed one is noticed.
fn fingerprint(image: &Image) -> Result<String> {
    let mut text = format!("{} {} {}", image.name, image.entrypoint, image.user);
    for (path, source) in &image.files {
        let found =
            fs::metadata(source).with_context(|| format!("reading {}", source.display()))?;
        let changed = found.modified()?.duration_since(std::time::UNIX_EPOCH)?;
        text.push_str(&format!(
            "\n{path} {} {} {}",
            source.display(),
            found.len(),
            changed.as_nanos()
        ));
    }
    Ok(text)
}

/// Writes the archive and answers the manifest's digest. Equal files give equal bytes.
fn write_archive(image: &Image, path: &Path) -> Result<String> {
    let layer = Blob::of(layer(&image.files)?);
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
                .diff_ids(vec![format!("sha256:{}", layer.digest)])
                .build()?,
        )
        .history(Vec::new())
        .build()?
        .to_string()?;
    let config = Blob::of(config.into_bytes());
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageManifest)
        .config(config.descriptor(MediaType::ImageConfig)?.build()?)
        .layers(vec![layer.descriptor(MediaType::ImageLayer)?.build()?])
        .build()?
        .to_string()?;
    let manifest = Blob::of(manifest.into_bytes());
    let named = HashMap::from([("io.containerd.image.name".to_owned(), image.name.clone())]);
    let index = ImageIndexBuilder::default()
        .schema_version(2_u32)
        .manifests(vec![
            manifest
                .descriptor(MediaType::ImageManifest)?
                .annotations(named)
                .build()?,
        ])
        .build()?
        .to_string()?
        .into_bytes();

    // Renamed when whole: another instance may import the same archive at the same moment.
    let half = path.with_extension(format!("{}.part", std::process::id()));
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
            &format!("blobs/sha256/{}", blob.digest),
            &blob.bytes,
            0o644,
        )?;
    }
    tar.finish()?;
    fs::rename(&half, path)?;
    Ok(manifest.digest)
}

/// Bytes with their digest, which is slow enough to be reckoned once.
struct Blob {
    bytes: Vec<u8>,
    digest: String,
}

impl Blob {
    fn of(bytes: Vec<u8>) -> Self {
        let digest = sha256(&bytes);
        Self { bytes, digest }
    }

    fn descriptor(&self, media: MediaType) -> Result<DescriptorBuilder> {
        Ok(DescriptorBuilder::default()
            .media_type(media)
            .digest(Sha256Digest::from_str(&self.digest)?)
            .size(self.bytes.len() as u64))
    }
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

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_archive_names_its_image_and_changes_with_its_files_only() {
        let folder = std::env::temp_dir().join(format!("xtask-image-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("program");
        let image = Image {
            name: "docker.io/threads-agent/x:1".into(),
            files: vec![("program".into(), file.clone())],
            entrypoint: "/program".into(),
            user: "0",
        };
        fs::write(&file, "one").unwrap();
        let first = archive(&image, &folder).unwrap();
        assert_eq!(archive(&image, &folder).unwrap().digest, first.digest);
        fs::write(&file, "other").unwrap();
        let other = archive(&image, &folder).unwrap();
        assert_ne!(other.digest, first.digest);
        let names: Vec<String> = tar::Archive::new(fs::File::open(&other.path).unwrap())
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(names[..2], ["oci-layout", "index.json"]);
        assert!(names.contains(&format!("blobs/sha256/{}", other.digest)));
        fs::remove_dir_all(folder).unwrap();
    }
}

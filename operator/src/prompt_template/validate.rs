//! From a resource as somebody wrote it to one that later steps can rely on.

use crds::{
    PromptTemplate,
    common::{policy::DriftPolicy, reference::ConfigMapKeyRef},
    prompt_template::{PromptTrack, PromptVersion},
};
use kube::ResourceExt;
use std::collections::BTreeSet;
use uuid::Uuid;

/// A template whose every part is present and can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatedTemplate {
    pub uid: Uuid,
    pub namespace: String,
    pub name: String,
    pub generation: Option<i64>,
    pub versions: Vec<WantedVersion>,
    pub tracks: Vec<WantedTrack>,
    pub suspended: bool,
    /// Drift is told and left as it is.
    pub report_drift: bool,
}

/// A track, and who says which version it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTrack {
    pub name: String,
    /// The spec's own version; where the track is managed, the one that it names until an experiment promotes another.
    pub version: String,
    pub managed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedVersion {
    pub name: String,
    /// Empty where no system message is sent.
    pub system: String,
    pub hook: Text,
    pub body: Text,
}

/// Where a template's text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    Inline(String),
    ConfigMap(ConfigMapKeyRef),
}

impl ValidatedTemplate {
    /// The ConfigMap keys that the versions name, each once.
    #[must_use]
    pub fn references(&self) -> BTreeSet<(&str, &str)> {
        let texts = self
            .versions
            .iter()
            .flat_map(|version| [&version.hook, &version.body]);
        texts
            .filter_map(|text| match text {
                Text::Inline(_) => None,
                Text::ConfigMap(key) => Some((key.name.as_str(), key.key.as_str())),
            })
            .collect()
    }
}

/// Why a resource cannot be acted upon. The schema refuses most of this; a stored object may predate a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the resource has no {0}")]
    Absent(&'static str),
    #[error("version {0:?} stands twice in spec.versions; remove one of the two")]
    Twice(String),
    #[error("version {version:?} needs exactly one of {part} and {part}From")]
    Source { version: String, part: &'static str },
    #[error(
        "version {version:?}: {part} holds the character NUL, which cannot be stored; remove it"
    )]
    Nul { version: String, part: &'static str },
    #[error("track {track:?} names version {version:?}, which is not in spec.versions")]
    Track { track: String, version: String },
}

/// # Errors
/// The first thing that is wrong, with how to mend it.
pub fn validate(template: &PromptTemplate) -> Result<ValidatedTemplate, Invalid> {
    let uid = template
        .metadata
        .uid
        .as_deref()
        .and_then(|uid| uid.parse().ok())
        .ok_or(Invalid::Absent("uid"))?;
    let namespace = template.namespace().ok_or(Invalid::Absent("namespace"))?;
    let spec = &template.spec;
    let mut names = BTreeSet::new();
    let mut versions = Vec::with_capacity(spec.versions.len());
    for version in &spec.versions {
        if !names.insert(version.name.as_str()) {
            return Err(Invalid::Twice(version.name.clone()));
        }
        versions.push(validate_version(version)?);
    }
    let tracks = spec
        .tracks
        .iter()
        .map(|track| validate_track(track, &names))
        .collect::<Result<_, _>>()?;
    Ok(ValidatedTemplate {
        uid,
        namespace,
        name: template.name_any(),
        generation: template.metadata.generation,
        versions,
        tracks,
        suspended: spec.suspend,
        report_drift: spec.drift_policy == DriftPolicy::Report,
    })
}

fn validate_track(track: &PromptTrack, versions: &BTreeSet<&str>) -> Result<WantedTrack, Invalid> {
    let (track_name, version) = (track.name.clone(), track.named_version().to_owned());
    if !versions.contains(version.as_str()) {
        return Err(Invalid::Track {
            track: track_name,
            version,
        });
    }
    Ok(WantedTrack {
        name: track_name,
        version,
        managed: track.managed.is_some(),
    })
}

fn validate_version(version: &PromptVersion) -> Result<WantedVersion, Invalid> {
    let name = &version.name;
    let checked = |part, text: &str| match text.contains('\0') {
        true => Err(Invalid::Nul {
            version: name.clone(),
            part,
        }),
        false => Ok(text.to_owned()),
    };
    let source =
        |part, inline: &Option<String>, from: &Option<ConfigMapKeyRef>| match (inline, from) {
            (Some(text), None) => Ok(Text::Inline(checked(part, text)?)),
            (None, Some(key)) => Ok(Text::ConfigMap(key.clone())),
            _ => Err(Invalid::Source {
                version: name.clone(),
                part,
            }),
        };
    Ok(WantedVersion {
        name: name.clone(),
        system: checked("system", version.system.as_deref().unwrap_or_default())?,
        hook: source("hook", &version.hook, &version.hook_from)?,
        body: source("body", &version.body, &version.body_from)?,
    })
}

#[cfg(test)]
mod tests;

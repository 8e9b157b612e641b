//! What has to be written so that the rows match the resource. Pure.

use super::{
    observe::Observed,
    validate::{Text, ValidatedTemplate, WantedVersion},
};
use backends::postgres::operator::prompts::{TemplateRows, TrackRecord, VersionRecord, VersionRow};
use crds::{PromptTemplateStatus, Reason};
use domain::{digest::digest_of, prompts::PromptSource};

/// What keeps a version or a track from being usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// True where what is missing may yet appear by itself.
    pub waits: bool,
    pub reason: Reason,
    pub message: String,
}

impl Problem {
    #[must_use]
    pub fn waiting(reason: Reason, message: String) -> Self {
        Self {
            waits: true,
            reason,
            message,
        }
    }

    #[must_use]
    pub fn of_person(reason: Reason, message: String) -> Self {
        Self {
            waits: false,
            reason,
            message,
        }
    }
}

/// What apply is to do, and what stands in the way of more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Versions that parse; those that have no row yet get one.
    pub versions: Vec<VersionRecord>,
    /// The tracks as they shall be.
    pub tracks: Vec<TrackRecord>,
    pub version_problems: Vec<Problem>,
    pub track_problems: Vec<Problem>,
    /// Rows that once stood and no longer do.
    pub drift: Option<String>,
    /// Whether the rows are to be written at all.
    pub write: bool,
}

/// Identity of a version: its three texts, and the template whose they are, so that two templates with the same texts have
/// rows of their own, and one that is made again under its name finds its own again.
#[must_use]
pub fn version_digest(template: &str, source: &PromptSource) -> String {
    digest_of(&(template, source.digest()))
}

#[must_use]
pub fn plan(template: &ValidatedTemplate, observed: &Observed) -> Plan {
    if template.suspended {
        return Plan::default();
    }
    let mut plan = Plan {
        drift: drift(observed),
        ..Plan::default()
    };
    for version in &template.versions {
        match plan_version(template, version, observed) {
            Ok(record) => plan.versions.push(record),
            Err(problem) => plan.version_problems.push(problem),
        }
    }
    for track in &template.tracks {
        match plan_track(&plan.versions, &observed.rows, &track.name, &track.version) {
            Ok(record) => plan.tracks.push(record),
            Err(problem) => plan.track_problems.push(problem),
        }
    }
    plan.write = !(template.report_drift && plan.drift.is_some());
    plan
}

fn plan_version(
    template: &ValidatedTemplate,
    version: &WantedVersion,
    observed: &Observed,
) -> Result<VersionRecord, Problem> {
    let name = &version.name;
    let text = |text: &Text| match text {
        Text::Inline(text) => Ok(text.clone()),
        Text::ConfigMap(key) => match observed.texts.get(&(key.name.clone(), key.key.clone())) {
            Some(Ok(text)) => Ok(text.clone()),
            Some(Err(problem)) => Err(Problem {
                message: format!("version {name:?}: {}", problem.message),
                ..problem.clone()
            }),
            None => Err(Problem::waiting(
                Reason::ConfigMapNotFound,
                format!("version {name:?}: ConfigMap {:?} was not read", key.name),
            )),
        },
    };
    let source = PromptSource {
        system: version.system.clone(),
        hook: text(&version.hook)?,
        body: text(&version.body)?,
    };
    source.check().map_err(|error| {
        Problem::of_person(
            Reason::PromptInvalid,
            format!("version {name:?}: {error}; mend it in a new version"),
        )
    })?;
    let digest = version_digest(&template.name, &source);
    let from_config_map = [&version.hook, &version.body]
        .iter()
        .any(|text| matches!(text, Text::ConfigMap(_)));
    if from_config_map && was_other(&observed.rows, name, &digest) {
        let message = format!(
            "version {name:?}: the text in its ConfigMap changed, but versions never do; what was first read stays in use. Put the \
             new text under another key and add a version that names it"
        );
        return Err(Problem::of_person(Reason::VersionChanged, message));
    }
    Ok(VersionRecord {
        name: name.clone(),
        digest,
        source,
    })
}

/// Whether rows of this version exist and none of them has this content.
fn was_other(rows: &TemplateRows, version: &str, digest: &str) -> bool {
    let mut of_version = rows
        .versions
        .iter()
        .filter(|row| row.version == version)
        .peekable();
    of_version.peek().is_some() && of_version.all(|row| row.digest != digest)
}

/// A track follows its version; where that is not usable now it keeps what was last good.
fn plan_track(
    versions: &[VersionRecord],
    rows: &TemplateRows,
    name: &str,
    version: &str,
) -> Result<TrackRecord, Problem> {
    let to = |version: &str, digest: &str| TrackRecord {
        name: name.to_owned(),
        version: version.to_owned(),
        digest: digest.to_owned(),
    };
    if let Some(good) = versions.iter().find(|good| good.name == version) {
        return Ok(to(version, &good.digest));
    }
    if let Some(last) = last_good(rows, version) {
        return Ok(to(version, &last.digest));
    }
    if let Some(old) = rows.tracks.iter().find(|row| row.track == name) {
        return Ok(to(&old.version, &old.digest));
    }
    Err(Problem::waiting(
        Reason::PromptInvalid,
        format!("track {name:?} names version {version:?}, which cannot be used yet"),
    ))
}

/// The newest row of a version.
#[must_use]
pub fn last_good<'a>(rows: &'a TemplateRows, version: &str) -> Option<&'a VersionRow> {
    rows.versions
        .iter()
        .filter(|row| row.version == version)
        .max_by_key(|row| row.number)
}

/// Compares the rows with what the status says of the same generation: our own writes change both.
fn drift(observed: &Observed) -> Option<String> {
    let PromptTemplateStatus {
        versions, tracks, ..
    } = observed.seen.as_ref()?;
    let missing = versions
        .iter()
        .filter(|seen| {
            !observed
                .rows
                .versions
                .iter()
                .any(|row| row.digest == seen.digest)
        })
        .map(|seen| format!("the row of version {:?} is missing", seen.name));
    let moved = tracks
        .iter()
        .filter(|seen| {
            !observed
                .rows
                .tracks
                .iter()
                .any(|row| row.track == seen.name && row.digest == seen.digest)
        })
        .map(|seen| {
            format!(
                "track {:?} does not name version {:?}",
                seen.name, seen.version
            )
        });
    let all: Vec<String> = missing.chain(moved).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

#[cfg(test)]
mod tests;

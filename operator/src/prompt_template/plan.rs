//! What has to be written so that the rows match the resource. Pure.

use super::{
    observe::Observed,
    validate::{Text, ValidatedTemplate, WantedTrack, WantedVersion},
};
use backends::postgres::operator::prompts::{
    PromotedVersion, TemplateRows, TrackRecord, VersionRecord, VersionRow,
};
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
    /// Which version each track of the spec shall name, and at whose word.
    pub words: Vec<TrackWord>,
    pub version_problems: Vec<Problem>,
    pub track_problems: Vec<Problem>,
    /// Rows that once stood and no longer do.
    pub drift: Option<String>,
    /// Whether the rows are to be written at all.
    pub write: bool,
}

/// Who says which version a track names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackWord {
    pub track: String,
    pub version: String,
    pub managed: bool,
    /// `spec`, or `experiment/<name>`.
    pub by: String,
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
        let word = word_of(track, template, &plan.versions, observed);
        match plan_track(&plan.versions, &observed.rows, &track.name, &word.version) {
            Ok(record) => plan.tracks.push(record),
            Err(problem) => plan.track_problems.push(problem),
        }
        plan.words.push(word);
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

/// The spec's word holds for a fixed track. A managed one names what was promoted last of the versions that still stand, else
/// what it began with.
fn word_of(
    track: &WantedTrack,
    template: &ValidatedTemplate,
    versions: &[VersionRecord],
    observed: &Observed,
) -> TrackWord {
    let stands = |promoted: &&PromotedVersion| {
        let declared = template
            .versions
            .iter()
            .any(|version| version.name == promoted.version);
        // A version that was taken out and added again under its name is another one.
        let digest = versions
            .iter()
            .find(|version| version.name == promoted.version)
            .map(|version| version.digest.as_str())
            .or_else(|| {
                last_good(&observed.rows, &promoted.version).map(|row| row.digest.as_str())
            });
        declared && promoted.track == track.name && digest == Some(&promoted.digest)
    };
    let promoted = observed
        .promoted
        .iter()
        .filter(|_| track.managed)
        .find(stands);
    TrackWord {
        track: track.name.clone(),
        version: promoted.map_or(&track.version, |it| &it.version).clone(),
        managed: track.managed,
        by: promoted.map_or_else(
            || "spec".to_owned(),
            |it| format!("experiment/{}", it.experiment),
        ),
    }
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

//! PromptTemplate: which prompts are in use.

pub mod status;

pub use status::{CONDITIONS, PromptTemplateStatus, TrackStatus, VersionStatus};

use crate::common::policy::{DeletionPolicy, DriftPolicy};
use crate::common::reference::ConfigMapKeyRef;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Prompts in immutable versions, and tracks that say which version is in use.
///
/// A version has a template for each model call: `hook` asks for the opening line, `body` for the rest, and `system` stands
/// before both. Templates are minijinja (Jinja2's syntax). They see `input`, `persona.displayName`, `persona.tone`,
/// `persona.styleGuide`, `persona.language`, `contentType`, `index` (from 1), `count`, `variables.NAME`, and the body's
/// template sees `hook` as well. A name that is not defined is an error, never an empty text.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "threads-agent.io",
    version = "v1alpha1",
    kind = "PromptTemplate",
    plural = "prompttemplates",
    shortname = "pt",
    category = "threads",
    namespaced,
    status = "PromptTemplateStatus",
    derive = "PartialEq",
    cel,
    doc = "A PromptTemplate holds prompts in immutable versions, and tracks that say which version is in use. A version has a template for each model call: `hook` asks for the opening line, `body` for the rest, and `system` stands before both. Templates are minijinja (Jinja2's syntax). They see `input`, `persona.displayName`, `persona.tone`, `persona.styleGuide`, `persona.language`, `contentType`, `index` (from 1), `count` and `variables.NAME`; the template `body` sees `hook` as well. A name that is not defined is an error, never an empty text.",
    validation = crate::common::rules::name_is_short(),
    validation = crate::common::rules::name_has_no_dot(),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#, description = "Whether all versions parse and all tracks name one."),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, description = "Why it is ready or not."),
    printcolumn(name = "Versions", type_ = "integer", json_path = ".status.versionCount", description = "Versions that parse."),
    printcolumn(name = "Production", type_ = "string", json_path = r#".status.tracks[?(@.name=="production")].version"#, description = "Version of the track production."),
    printcolumn(name = "UsedBy", type_ = "integer", json_path = ".status.usedBy", description = "Personas and unfinished ContentJobs that refer to it."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Time since it was made.")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "!has(self.tracks) || self.tracks.all(track, self.versions.exists(version, \
     version.name == (has(track.version) ? track.version : (has(track.managed) ? track.managed.initial : ''))))",
    "every track must name a version of spec.versions; add the version or point the track at another",
))]
pub struct PromptTemplateSpec {
    /// The versions, one to ten. A version's content never changes: add a new one and move a track to it.
    #[schemars(length(min = 1, max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub versions: Vec<PromptVersion>,
    /// Names for versions in use, for example `production` and `canary`, at most ten. A Persona that names a track follows
    /// it as it moves; tasks keep the version they were made with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub tracks: Vec<PromptTrack>,
    /// Values that the templates use as `variables.NAME`, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub variables: Vec<PromptVariable>,
    /// True stops the operator from moving tracks and reading versions anew; what is in use stays in use.
    #[serde(default)]
    pub suspend: bool,
    /// What becomes of the records on deletion. Retain (the default) keeps the rows of all versions. Delete removes those
    /// that no task was made with.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// What happens where the rows no longer match. Repair (the default) puts them right; Report only says so in the
    /// condition Drifted.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
}

/// One version of the prompts; it never changes.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self == oldSelf", "a version cannot change; add one under a new name and point a track at it"))]
#[x_kube(validation = ("has(self.hook) != has(self.hookFrom)", "give exactly one of hook and hookFrom"))]
#[x_kube(validation = ("has(self.body) != has(self.bodyFrom)", "give exactly one of body and bodyFrom"))]
pub struct PromptVersion {
    /// Name of the version, for example `v2`.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Template of the system message of both calls, at most 16384 characters. Absent: none is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16_384))]
    pub system: Option<String>,
    /// Template of the first call, which asks for the hook, at most 32768 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32_768))]
    pub hook: Option<String>,
    /// ConfigMap key that holds the template `hook`. Its content may not change either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_from: Option<ConfigMapKeyRef>,
    /// Template of the second call, which asks for the body and may use `hook`, at most 32768 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32_768))]
    pub body: Option<String>,
    /// ConfigMap key that holds the template `body`. Its content may not change either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_from: Option<ConfigMapKeyRef>,
}

/// A name for a version in use: fixed to one by `version`, or moved by experiments where it is `managed`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "has(self.version) != has(self.managed)",
    "give exactly one of version (fixed here) and managed (moved by experiments)",
))]
pub struct PromptTrack {
    /// Name of the track, for example `production`.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Name of the version that it means; experiments cannot move it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub version: Option<String>,
    /// Experiments move it; until one does it means the initial version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedTrack>,
}

/// A track that experiments move.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ManagedTrack {
    /// Name of the version that it means before any promotion.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub initial: String,
}

impl PromptTrack {
    /// The version that the spec itself names: the fixed one, or the initial one of a managed track.
    #[must_use]
    pub fn named_version(&self) -> &str {
        self.version
            .as_deref()
            .or(self
                .managed
                .as_ref()
                .map(|managed| managed.initial.as_str()))
            .unwrap_or_default()
    }
}

/// A value that templates use.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "!(self.required && has(self.default))",
    "a variable is required or has a default, not both; remove one of the two",
))]
pub struct PromptVariable {
    /// Name, as in `{{ variables.audience }}`.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-zA-Z_][a-zA-Z0-9_]*$")
    )]
    pub name: String,
    /// What it is for.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub description: String,
    /// True if a prompt cannot do without it: a ContentJob must give it in `spec.variables`.
    #[serde(default)]
    pub required: bool,
    /// Value where none is given; absent means the empty text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub default: Option<String>,
}

//! Names that stand in metadata: group, labels, annotations, finalizer. Each is written here and nowhere else.

/// API group of all kinds.
pub const GROUP: &str = "threads-agent.io";
/// The one stored version.
pub const VERSION: &str = "v1alpha1";
/// Category of all kinds: `kubectl get threads`.
pub const CATEGORY: &str = "threads";
/// Longest `metadata.name`, in characters: names of queues, collections and Jobs are built from it.
pub const NAME_MAX: usize = 50;

/// Finalizer that `deletionPolicy: Delete` puts on a resource.
pub const FINALIZER: &str = "threads-agent.io/cleanup";

/// Label on a Secret: the purposes for which resources of its namespace may use it, joined by dots.
pub const LABEL_USE: &str = "threads-agent.io/use";
/// Annotation on a Secret: the hosts to which its key may be sent, joined by commas.
pub const ANNOTATION_HOSTS: &str = "threads-agent.io/hosts";

/// Label on child objects: the Persona's name.
pub const LABEL_PERSONA: &str = "threads-agent.io/persona";
/// Label on child objects: the ContentJob's name.
pub const LABEL_CONTENT_JOB: &str = "threads-agent.io/content-job";
/// Label on Achievements that the operator made, and on the ContentJobs that announce them: the AchievementSource's name.
pub const LABEL_ACHIEVEMENT_SOURCE: &str = "threads-agent.io/achievement-source";
/// Label on ContentJobs that announce: id of the record.
pub const LABEL_ACHIEVEMENT: &str = "threads-agent.io/achievement";
/// Label on child objects: the install's identity.
pub const LABEL_INSTALL: &str = "threads-agent.io/install";
/// Prefix that users' labels for worker Pods may not take.
pub const RESERVED_PREFIX: &str = "threads-agent.io/";

/// Annotation on a ContentJob: `failed` queues its failed tasks once more.
pub const ANNOTATION_RETRY: &str = "threads-agent.io/retry";
/// Annotation on a ContentJob: `failed` gives its failed tasks up, so that they count as cancelled.
pub const ANNOTATION_DISCARD: &str = "threads-agent.io/discard";
/// Annotation on a ContentJob: the `traceparent` of W3C Trace Context whose trace its first run continues.
pub const ANNOTATION_TRACEPARENT: &str = "threads-agent.io/traceparent";
/// Annotation on an Experiment: any value starts it.
pub const ANNOTATION_START: &str = "threads-agent.io/start";
/// Annotation on an Experiment: any value ends it without a decision.
pub const ANNOTATION_CANCEL: &str = "threads-agent.io/cancel";
/// Annotation on an Experiment: the value of `status.inputsDigest` promotes the winner under `decision.mode: Manual`.
pub const ANNOTATION_PROMOTE: &str = "threads-agent.io/promote";
/// Annotation on an Achievement: the value of `status.approvalDigest` is a person's yes to its announcement.
pub const ANNOTATION_APPROVE: &str = "threads-agent.io/approve";
/// Annotation on a resource that is being deleted: `true` lets it go although cleaning up fails. It is audited.
pub const ANNOTATION_ABANDON: &str = "threads-agent.io/abandon";
/// Annotation on a resource with `deletionPolicy: Delete`: `true` erases posts and usage as well.
pub const ANNOTATION_ERASE: &str = "threads-agent.io/erase";
/// Annotation on a namespace, to be set before anything is applied in it: the uid of the gone namespace of the same name
/// whose runs, personas and posts it adopts.
pub const ANNOTATION_ADOPT: &str = "threads-agent.io/adopts";

/// What a Secret may be used for; the words of [`LABEL_USE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretPurpose {
    Model,
    Embedding,
    Moderation,
    /// Token with which a source reads its host.
    Github,
    /// Secrets by which deliveries are verified; no worker mounts them.
    Webhook,
}

impl SecretPurpose {
    /// The word in the label, which is also the name of the file that the worker mounts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Embedding => "embedding",
            Self::Moderation => "moderation",
            Self::Github => "github",
            Self::Webhook => "webhook",
        }
    }

    /// Whether a label's value, for example `model.embedding`, names this purpose.
    #[must_use]
    pub fn is_allowed_by(self, label: &str) -> bool {
        label.split('.').any(|word| word == self.as_str())
    }
}

/// Whether the value of [`ANNOTATION_HOSTS`] allows `host`; case does not matter, blanks around a name are ignored.
#[must_use]
pub fn host_is_allowed(annotation: &str, host: &str) -> bool {
    annotation
        .split(',')
        .any(|name| name.trim().eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests;

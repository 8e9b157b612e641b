//! A gate's no to one text.

/// Why a text may not become a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// `Duplicate`, `LowScore`, `EmotionContract` or `GuardrailHit`.
    pub code: &'static str,
    /// One sentence for people.
    pub message: String,
    /// Whether another text may be asked for.
    pub regenerate: bool,
}

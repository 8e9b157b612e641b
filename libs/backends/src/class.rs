//! What a failure of a backing service asks of its caller.

/// Callers decide by this and never by an error's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// The request is wrong; the same one fails again.
    Invalid,
    /// Something that is expected to come is not there yet: a collection, a credential, room in memory.
    Waiting,
    /// The same request may succeed when it is tried again.
    Transient,
    /// What exists differs from what was asked for, and is kept as it is.
    Conflict,
}

//! The gates over score and emotion.

use super::{analysis::Analysis, objection::Objection};
use domain::{
    revision::{Gates, PersonaRevision},
    tasks::TaskFailure,
};

pub fn check_language(_persona: &PersonaRevision) -> Result<(), TaskFailure> {
    Ok(())
}

pub fn judge(_gates: &Gates, _analysis: &Analysis) -> Option<Objection> {
    None
}

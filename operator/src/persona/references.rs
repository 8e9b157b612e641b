//! Which personas follow which template, so that a template that changes reconciles its personas. The watch keeps no specs;
//! every persona is reconciled once after the start, and that is when this is filled.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

/// Template by persona, a map for each namespace.
type Followed = HashMap<String, BTreeMap<String, String>>;

#[derive(Debug, Clone, Default)]
pub struct PromptReferences(Arc<Mutex<Followed>>);

impl PromptReferences {
    /// The persona follows this template from now on.
    pub fn note(&self, namespace: &str, persona: &str, template: &str) {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followed
            .entry(namespace.to_owned())
            .or_default()
            .insert(persona.to_owned(), template.to_owned());
    }

    /// The persona is gone.
    pub fn forget(&self, namespace: &str, persona: &str) {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(personas) = followed.get_mut(namespace) {
            personas.remove(persona);
            if personas.is_empty() {
                followed.remove(namespace);
            }
        }
    }

    /// The personas that follow a template.
    #[must_use]
    pub fn of(&self, namespace: &str, template: &str) -> Vec<String> {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let personas = followed.get(namespace).into_iter().flatten();
        personas
            .filter(|(_, follows)| *follows == template)
            .map(|(persona, _)| persona.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_finds_its_personas_of_its_own_namespace() {
        let references = PromptReferences::default();
        for (namespace, persona, template) in [
            ("a", "maya", "launch"),
            ("a", "leo", "other"),
            ("b", "maya", "launch"),
        ] {
            references.note(namespace, persona, template);
        }
        assert_eq!(references.of("a", "launch"), ["maya"]);
        references.note("a", "maya", "other");
        assert_eq!(references.of("a", "other"), ["leo", "maya"]);
        references.forget("a", "leo");
        assert_eq!(references.of("a", "other"), ["maya"]);
        assert!(references.of("a", "launch").is_empty());
    }
}

//! Prompt templates: minijinja with strict undefined variables and a bound on work.

use crate::{digest::digest_of, revision::Voice, tasks::Prompt};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Instructions that one rendering may take before it is stopped.
const FUEL: u64 = 50_000;
/// Longest rendered prompt, in bytes; more does not reach a model.
pub const MAX_RENDERED_BYTES: usize = 256 * 1024;

/// The parts of one prompt version. The digest of this value is the identity of the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptSource {
    pub system: String,
    pub hook: String,
    pub body: String,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    #[error("the {part} template does not parse: {reason}")]
    Syntax { part: &'static str, reason: String },
    #[error("the {part} template uses a variable that is not defined: {reason}")]
    Undefined { part: &'static str, reason: String },
    #[error("the {part} template takes too many steps to render; simplify its loops")]
    TooExpensive { part: &'static str },
    #[error("the {part} template renders to more than {MAX_RENDERED_BYTES} bytes")]
    TooLong { part: &'static str },
    #[error("the {part} template does not render: {reason}")]
    Render { part: &'static str, reason: String },
}

/// What a rendering may refer to beside the variables that the template declares.
#[derive(Debug, Clone, Serialize)]
pub struct PromptContext<'a> {
    pub input: &'a str,
    pub persona: PersonaContext<'a>,
    #[serde(rename = "contentType")]
    pub content_type: &'a str,
    /// Place of the post in its job, from 1.
    pub index: i32,
    pub count: i32,
    /// The hook that was written; only the body's template sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<&'a str>,
    pub variables: &'a Map<String, Value>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonaContext<'a> {
    pub display_name: &'a str,
    pub language: &'a str,
    pub tone: &'a str,
    pub style_guide: &'a str,
}

impl<'a> From<&'a Voice> for PersonaContext<'a> {
    fn from(voice: &'a Voice) -> Self {
        Self {
            display_name: &voice.display_name,
            language: &voice.language,
            tone: &voice.tone,
            style_guide: &voice.style_guide,
        }
    }
}

impl PromptSource {
    /// SHA-256 (hexadecimal) over the three parts.
    #[must_use]
    pub fn digest(&self) -> String {
        digest_of(self)
    }

    /// Parses all parts without rendering them.
    ///
    /// # Errors
    /// The first part that is not a template.
    pub fn check(&self) -> Result<(), PromptError> {
        let environment = environment();
        for (part, source) in [
            ("system", &self.system),
            ("hook", &self.hook),
            ("body", &self.body),
        ] {
            environment
                .template_from_str(source)
                .map_err(|error| PromptError::Syntax {
                    part,
                    reason: describe(&error),
                })?;
        }
        Ok(())
    }
}

/// Which part of a prompt is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    System,
    Hook,
    Body,
}

/// Renders one part of a prompt.
///
/// # Errors
/// A template that does not parse, names an undefined variable, runs out of fuel or grows too long.
pub fn render(
    prompt: &Prompt,
    part: Part,
    context: &PromptContext<'_>,
) -> Result<String, PromptError> {
    let (name, source) = match part {
        Part::System => ("system", &prompt.system),
        Part::Hook => ("hook", &prompt.hook),
        Part::Body => ("body", &prompt.body),
    };
    let environment = environment();
    let template = environment
        .template_from_str(source)
        .map_err(|error| PromptError::Syntax {
            part: name,
            reason: describe(&error),
        })?;
    let text = template
        .render(minijinja::value::Serde(context))
        .map_err(|error| match error.kind() {
            ErrorKind::UndefinedError => PromptError::Undefined {
                part: name,
                reason: describe(&error),
            },
            ErrorKind::OutOfFuel => PromptError::TooExpensive { part: name },
            _ => PromptError::Render {
                part: name,
                reason: describe(&error),
            },
        })?;
    if text.len() > MAX_RENDERED_BYTES {
        return Err(PromptError::TooLong { part: name });
    }
    Ok(text)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment
}

fn describe(error: &minijinja::Error) -> String {
    let what = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("{what} (line {line})"),
        None => what,
    }
}

#[cfg(test)]
mod tests;

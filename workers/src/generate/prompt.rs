//! Renders the parts of a task's prompt.

use crate::failure::{PROMPT_INVALID, invalid};
use domain::{
    prompts::{self, Part, PromptContext},
    tasks::{ClaimedTask, ContentType, TaskFailure},
};

/// One task's prompt with everything that its templates may refer to.
#[derive(Debug, Clone, Copy)]
pub struct TaskPrompt<'a> {
    task: &'a ClaimedTask,
    input: &'a str,
}

impl<'a> TaskPrompt<'a> {
    #[must_use]
    pub fn new(task: &'a ClaimedTask, input: &'a str) -> Self {
        Self { task, input }
    }

    /// # Errors
    /// `PromptInvalid`.
    pub fn system(&self) -> Result<String, TaskFailure> {
        self.render(Part::System, None)
    }

    /// # Errors
    /// `PromptInvalid`.
    pub fn hook(&self) -> Result<String, TaskFailure> {
        self.render(Part::Hook, None)
    }

    /// The body's template sees the hook that was written.
    ///
    /// # Errors
    /// `PromptInvalid`.
    pub fn body(&self, hook: &str) -> Result<String, TaskFailure> {
        self.render(Part::Body, Some(hook))
    }

    fn render(&self, part: Part, hook: Option<&str>) -> Result<String, TaskFailure> {
        let task = self.task;
        let context = PromptContext {
            input: self.input,
            persona: (&task.persona.voice).into(),
            content_type: content_type_name(task.payload.content_type),
            index: task.index.saturating_add(1),
            count: task.payload.count,
            hook,
            variables: &task.prompt.variables,
        };
        prompts::render(&task.prompt, part, &context)
            .map_err(|error| invalid(PROMPT_INVALID, error.to_string()))
    }
}

/// The word that templates, metadata and users see.
#[must_use]
pub fn content_type_name(content_type: ContentType) -> &'static str {
    match content_type {
        ContentType::Post => "post",
        ContentType::Thread => "thread",
        ContentType::Announcement => "announcement",
    }
}

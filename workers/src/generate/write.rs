//! The two model calls of a text: hook, then body.

use super::{
    draft::{Draft, Hook},
    output,
    prompt::TaskPrompt,
};
use crate::{
    meter::Meter,
    ports::{ChatRequest, Completion, Model},
    tokens,
};
use domain::{revision::ModelSettings, tasks::TaskFailure};

/// Longest name of a model that is recorded, in characters; endpoints name themselves.
const MAX_MODEL_NAME: usize = 200;

/// The hook and body that a model wrote, and which model it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub draft: Draft,
    /// Model that wrote the body, by its own word.
    pub model: String,
    /// Either part came from an offline stand-in.
    pub stand_in: bool,
}

/// Who writes: a model, its settings, the seed of this text, and where usage is counted.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    pub model: &'a dyn Model,
    pub settings: &'a ModelSettings,
    pub seed: i64,
    pub meter: &'a Meter,
}

impl Writer<'_> {
    /// Asks for the hook, then for a body that follows it.
    ///
    /// # Errors
    /// `PromptInvalid`, `InvalidModelOutput`, or the endpoint's failure.
    pub async fn write(&self, prompt: TaskPrompt<'_>) -> Result<Written, TaskFailure> {
        let system = prompt.system()?;
        let (hook, first) = self.part("hook", &system, prompt.hook()?).await?;
        let hook = Hook::new(hook);
        let asked = prompt.body(hook.as_str())?;
        let (body, second) = self.part("body", &system, asked).await?;
        Ok(Written {
            draft: hook.with_body(body),
            model: model_name(&second.model, &self.settings.endpoint.model),
            stand_in: first.stand_in || second.stand_in,
        })
    }

    async fn part(
        &self,
        part: &str,
        system: &str,
        user: String,
    ) -> Result<(String, Completion), TaskFailure> {
        let request = ChatRequest {
            system: system.to_owned(),
            user,
            seed: self.seed,
        };
        let completion = self.model.complete(self.settings, &request).await?;
        self.count(&request, &completion);
        Ok((output::accept(part, &completion)?, completion))
    }

    /// A text that is refused later was paid for all the same.
    fn count(&self, request: &ChatRequest, completion: &Completion) {
        let model = model_name(&completion.model, &self.settings.endpoint.model);
        match completion.usage {
            Some((prompt, answer)) => {
                self.meter
                    .completion(&model, prompt.max(0), answer.max(0), false)
            }
            None => {
                let prompt = tokens::estimate(&request.system) + tokens::estimate(&request.user);
                self.meter
                    .completion(&model, prompt, tokens::estimate(&completion.text), true);
            }
        }
    }
}

/// The answering model's own name where it is usable, else the one that was asked for.
fn model_name(answered: &str, asked: &str) -> String {
    let clean: String = answered
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_MODEL_NAME)
        .collect();
    if clean.is_empty() {
        asked.to_owned()
    } else {
        clean
    }
}

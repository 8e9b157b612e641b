//! The rules of an Experiment, each with a sentence that says how to mend.

use kube::core::Rule;

/// From the start on, what was designed stands. A rule of the root, because it looks at the old status.
#[must_use]
pub fn design_stands() -> Rule {
    let always = [
        "hypothesis",
        "personaRef",
        "variants",
        "allocation",
        "unit",
        "objective",
        "analysis",
        "stopping",
        "decision",
        "canary",
    ];
    let optional = ["guardrails", "secondary"];
    let mut parts: Vec<String> = always
        .iter()
        .map(|field| format!("self.spec.{field} == oldSelf.spec.{field}"))
        .collect();
    parts.extend(optional.iter().map(|field| {
        format!(
            "has(self.spec.{field}) == has(oldSelf.spec.{field}) && (!has(self.spec.{field}) || \
             self.spec.{field} == oldSelf.spec.{field})"
        )
    }));
    Rule::new(format!(
        "!has(oldSelf.status) || !has(oldSelf.status.startedAt) || ({})",
        parts.join(" && ")
    ))
    .message(
        "the design cannot change once the experiment has started, because figures of two designs cannot be added; create an \
         Experiment with another name (suspend, ttlSecondsAfterFinished and the policies may change)",
    )
}

#[must_use]
pub fn one_control() -> Rule {
    Rule::new("self.variants.exists_one(variant, variant.control)").message(
        "exactly one variant must be the control; set control: true on the one that the others are compared with",
    )
}

#[must_use]
pub fn weights_sum_up() -> Rule {
    Rule::new("self.variants.map(variant, variant.weightBp).sum() == 10000").message(
        "the weights of all variants must sum to 10000 basis points; for two equal variants give 5000 each",
    )
}

#[must_use]
pub fn promotion_names_versions_of_its_template() -> Rule {
    Rule::new(
        "!has(self.decision.template) || self.variants.all(variant, has(variant.prompt) && variant.prompt.template == self.decision.template)",
    )
    .message(
        "an experiment that promotes compares versions of one template; give every variant a prompt of decision.template, or leave \
         decision.template out",
    )
}

#[must_use]
pub fn no_bandit_at_a_fixed_horizon() -> Rule {
    Rule::new("!(self.allocation.mode == 'Bandit' && self.analysis.engine == 'FixedHorizon')").message(
        "a bandit moves the weights by what it sees, which a test at a fixed horizon does not allow; choose engine Sequential or \
         Bayesian, or allocation Fixed",
    )
}

#[must_use]
pub fn metric_fits_unit() -> Rule {
    Rule::new("(self.objective.metric.type == 'Proportion') == (self.unit == 'Participant')").message(
        "a Proportion counts participants, Mean and Ratio count posts; set unit: Participant for a Proportion and unit: Post for \
         the others",
    )
}

#[must_use]
pub fn covariates_fit_unit() -> Rule {
    Rule::new(
        "!has(self.analysis.covariates) || self.analysis.covariates.all(covariate, (covariate == 'OwnPast') == (self.unit == 'Participant'))",
    )
    .message(
        "OwnPast belongs to unit Participant; Slot, Weekday and TrailingMean belong to unit Post; remove what does not fit",
    )
}

#[must_use]
pub fn window_fits_into_maximum() -> Rule {
    Rule::new(
        "self.stopping.maxDurationSeconds > self.stopping.minDurationSeconds && \
         self.stopping.maxDurationSeconds > self.objective.attributionWindowSeconds",
    )
    .message(
        "stopping.maxDurationSeconds must be above stopping.minDurationSeconds and objective.attributionWindowSeconds, else nothing \
         can mature before the end; raise it",
    )
}

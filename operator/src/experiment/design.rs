//! From the words of the resource to those of the domain.

use super::validate::{Target, WantedVariant};
use crds::experiment::{self as spec, ExperimentSpec, Variant};
use domain::experiment as domain_words;
use domain::experiment::{Allocation, Arm, Design, Guardrail, Metric, Stopping};

/// What all weights sum to, in basis points.
const WHOLE: u32 = 10_000;

/// The design, or in a sentence why there is none.
///
/// # Errors
/// Arms that cannot be randomized over.
pub fn design_of(spec: &ExperimentSpec) -> Result<Design, String> {
    let arms: Vec<Arm> = spec
        .variants
        .iter()
        .map(|variant| Arm {
            name: variant.name.clone(),
            control: variant.control,
            weight_bp: count(variant.weight_bp),
        })
        .collect();
    check(&arms)?;
    let objective = &spec.objective;
    let analysis = &spec.analysis;
    Ok(Design {
        arms,
        unit: match spec.unit {
            spec::UnitKind::Post => domain_words::UnitKind::Post,
            spec::UnitKind::Participant => domain_words::UnitKind::Participant,
        },
        allocation: match spec.allocation.mode {
            spec::AllocationMode::Fixed => Allocation::Fixed,
            spec::AllocationMode::Bandit => Allocation::Bandit {
                floor_bp: count(spec.allocation.floor_bp),
                cadence_seconds: spec.allocation.cadence_seconds.max(1).into(),
            },
        },
        metric: metric_of(&objective.metric),
        direction: direction_of(objective.direction),
        estimand: match objective.estimand {
            spec::Estimand::PerTask => domain_words::Estimand::PerTask,
            spec::Estimand::AmongPublished => domain_words::Estimand::AmongPublished,
        },
        attribution_seconds: objective.attribution_window_seconds.into(),
        ingest_grace_seconds: objective.ingest_grace_seconds.into(),
        publish_deadline_seconds: objective.publish_deadline_seconds.into(),
        feed: objective.feed.clone(),
        guardrails: spec
            .guardrails
            .iter()
            .map(|guardrail| Guardrail {
                name: guardrail.name.clone(),
                metric: metric_of(&guardrail.metric),
                direction: direction_of(guardrail.direction),
                margin_bp: count(guardrail.margin_bp),
                relative: guardrail.relative,
            })
            .collect(),
        secondary: spec
            .secondary
            .iter()
            .map(|secondary| metric_of(&secondary.metric))
            .collect(),
        engine: match analysis.engine {
            spec::Engine::Sequential => domain_words::Engine::Sequential,
            spec::Engine::FixedHorizon => domain_words::Engine::FixedHorizon,
            spec::Engine::Bayesian => domain_words::Engine::Bayesian,
        },
        alpha_bp: count(analysis.alpha_bp),
        power_bp: count(analysis.power_bp),
        mde_bp: count(analysis.mde_bp),
        planned_units: count(analysis.planned_units).into(),
        probability_best_bp: count(analysis.probability_best_bp),
        loss_threshold_bp: count(analysis.loss_threshold_bp),
        covariates: analysis
            .covariates
            .iter()
            .copied()
            .map(covariate_of)
            .collect(),
        stopping: Stopping {
            min_seconds: spec.stopping.min_duration_seconds.into(),
            max_seconds: spec.stopping.max_duration_seconds.into(),
            min_units_per_arm: count(spec.stopping.min_units_per_arm).into(),
            max_units: spec.stopping.max_units.map(|units| count(units).into()),
            max_tokens: spec.stopping.max_tokens,
        },
        decision: match spec.decision.mode {
            spec::DecisionMode::Manual => domain_words::DecisionMode::Manual,
            spec::DecisionMode::AutoPromote => domain_words::DecisionMode::AutoPromote,
            spec::DecisionMode::AutoRollback => domain_words::DecisionMode::AutoRollback,
        },
    })
}

/// A number that the schema does not let be negative.
fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn covariate_of(covariate: spec::Covariate) -> domain_words::Covariate {
    match covariate {
        spec::Covariate::Slot => domain_words::Covariate::Slot,
        spec::Covariate::Weekday => domain_words::Covariate::Weekday,
        spec::Covariate::TrailingMean => domain_words::Covariate::TrailingMean,
        spec::Covariate::OwnPast => domain_words::Covariate::OwnPast,
    }
}

/// What admission refuses; a stored object may predate it.
fn check(arms: &[Arm]) -> Result<(), String> {
    let controls = arms.iter().filter(|arm| arm.control).count();
    let whole: u64 = arms.iter().map(|arm| u64::from(arm.weight_bp)).sum();
    if arms.len() < 2 {
        return Err("spec.variants needs at least two variants; add one".to_owned());
    }
    if controls != 1 {
        return Err(format!(
            "exactly one variant must be the control, {controls} are; set control: true on one"
        ));
    }
    if whole != u64::from(WHOLE) {
        return Err(format!(
            "the weights of all variants must sum to {WHOLE} basis points, they sum to {whole}"
        ));
    }
    Ok(())
}

fn metric_of(metric: &spec::Metric) -> Metric {
    Metric {
        kind: match metric.type_ {
            spec::MetricType::Proportion => domain_words::MetricKind::Proportion,
            spec::MetricType::Mean => domain_words::MetricKind::Mean,
            spec::MetricType::Ratio => domain_words::MetricKind::Ratio,
        },
        numerator: metric.numerator.clone(),
        denominator: metric.denominator.clone(),
    }
}

fn direction_of(direction: spec::Direction) -> domain_words::Direction {
    match direction {
        spec::Direction::Increase => domain_words::Direction::Increase,
        spec::Direction::Decrease => domain_words::Direction::Decrease,
    }
}

#[must_use]
pub fn variant_of(variant: &Variant) -> WantedVariant {
    WantedVariant {
        name: variant.name.clone(),
        version: variant
            .prompt
            .as_ref()
            .map(|prompt| (prompt.template.clone(), prompt.version.clone())),
        variables: variant
            .dimensions
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect(),
    }
}

/// Where a promotion goes; none where the experiment names no track.
#[must_use]
pub fn target_of(spec: &ExperimentSpec) -> Option<Target> {
    let decision = &spec.decision;
    Some(Target {
        template: decision.template.clone()?,
        track: decision.track.clone()?,
    })
}

//! `GET /experiments/{name}/results`

use super::{NO_SUCH_EXPERIMENT, list::ExperimentView};
use crate::{
    access::{Caller, ExperimentsRead},
    input::PathOf,
    kubernetes::check_name,
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use domain::experiment::{ArmFigures, Comparison, Design, Evaluation, GuardrailFigures};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What was found out. Nothing here is worked out by the API: these are the figures that decided.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    #[serde(flatten)]
    experiment: ExperimentView,
    /// One sentence that names the figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    sentence: Option<String>,
    arms: Vec<ArmView>,
    /// Each arm against the control.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    comparisons: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    guardrails: Option<Vec<Value>>,
    /// Anytime p-values of the tests for a sample-ratio mismatch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    sample_ratio: Option<Value>,
    /// What the verdict does not claim.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs_digest: Option<String>,
    /// Outcomes by what became of them.
    outcomes: BTreeMap<String, i64>,
    /// What is not known, each with its reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unknown: BTreeMap<&'static str, &'static str>,
}

/// An arm with its figures, as far as there are any.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArmView {
    name: String,
    control: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    figures: Option<Value>,
}

/// Reads what an experiment found out.
#[utoipa::path(get, path = "/experiments/{name}/results", tag = "experiments", params(("name" = String, Path)),
    security(("key" = ["experiments:read"])),
    responses((status = 200, body = Results), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn read_results(
    State(app): State<App>,
    caller: Caller<ExperimentsRead>,
    PathOf(name): PathOf<String>,
) -> Result<Json<Results>, Problem> {
    check_name(&name)?;
    let results = app
        .store
        .experiment_results(&caller.namespace, &name)
        .await?
        .ok_or_else(|| Problem::not_found(NO_SUCH_EXPERIMENT))?;
    let mut unknown = BTreeMap::new();
    let experiment = ExperimentView::from(results.summary);
    if results.evaluation.is_none() {
        let why = match experiment.state {
            "draft" => "the experiment has not started",
            _ => "no unit has matured and been evaluated yet",
        };
        unknown.insert("figures", why);
    }
    let (design, evaluation) = (&results.design, results.evaluation.as_ref());
    Ok(Json(Results {
        sentence: evaluation.map(|evaluation| evaluation.sentence.clone()),
        arms: arms(design, evaluation),
        comparisons: evaluation.map(|evaluation| {
            let comparisons = evaluation.comparisons.iter();
            comparisons.map(|one| named(design, one.arm, one)).collect()
        }),
        guardrails: evaluation.map(|evaluation| {
            let guardrails = evaluation.guardrails.iter();
            guardrails.map(|one| named(design, one.arm, one)).collect()
        }),
        sample_ratio: evaluation.map(|evaluation| json_of(&evaluation.ratio_mismatch)),
        notes: evaluation
            .map(|evaluation| evaluation.notes.clone())
            .unwrap_or_default(),
        inputs_digest: evaluation.map(|evaluation| evaluation.inputs_digest.clone()),
        outcomes: results.fates,
        experiment,
        unknown,
    }))
}

fn arms(design: &Design, evaluation: Option<&Evaluation>) -> Vec<ArmView> {
    let figures = |place: usize| -> Option<&ArmFigures> { evaluation?.arms.get(place) };
    let arms = design.arms.iter().enumerate();
    arms.map(|(place, arm)| ArmView {
        name: arm.name.clone(),
        control: arm.control,
        figures: figures(place).map(json_of),
    })
    .collect()
}

/// Figures of one arm, under its name instead of its place.
trait OfArm: Serialize {}
impl OfArm for Comparison {}
impl OfArm for GuardrailFigures {}

fn named(design: &Design, arm: usize, figures: &impl OfArm) -> Value {
    let mut value = json_of(figures);
    value["arm"] = design.arms.get(arm).map(|arm| arm.name.clone()).into();
    value
}

/// What is absent in the figures is absent here.
fn json_of(value: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    value
}

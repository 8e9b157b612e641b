//! Default values, one function a number, because serde asks for functions.

use super::{Allocation, AllocationMode, Analysis, Canary, Engine, Stopping};

macro_rules! numbers {
    ($($name:ident = $value:literal;)+) => { $(pub(super) fn $name() -> i32 { $value })+ };
}

numbers! {
    twenty = 20;
    hundred = 100;
    two_hundred = 200;
    five_hundred = 500;
    thousand = 1000;
    eight_thousand = 8000;
    nine_thousand_five_hundred = 9500;
    hour = 3_600;
    day = 86_400;
    two_days = 172_800;
    week = 604_800;
    four_weeks = 2_419_200;
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn default_feed() -> String {
    "default".into()
}

impl Default for Allocation {
    fn default() -> Self {
        Self {
            mode: AllocationMode::Fixed,
            floor_bp: thousand(),
            cadence_seconds: hour(),
        }
    }
}

impl Default for Analysis {
    fn default() -> Self {
        Self {
            engine: Engine::Sequential,
            alpha_bp: five_hundred(),
            power_bp: eight_thousand(),
            mde_bp: thousand(),
            planned_units: two_hundred(),
            probability_best_bp: nine_thousand_five_hundred(),
            loss_threshold_bp: hundred(),
            covariates: Vec::new(),
        }
    }
}

impl Default for Stopping {
    fn default() -> Self {
        Self {
            min_duration_seconds: day(),
            max_duration_seconds: four_weeks(),
            min_units_per_arm: twenty(),
            max_units: None,
            max_tokens: None,
        }
    }
}

impl Default for Canary {
    fn default() -> Self {
        Self {
            enabled: false,
            period_seconds: day(),
            relabels: thousand(),
        }
    }
}

//! P(best), expected loss and value remaining from joint draws.
//!
//! Sources: expected loss as C. Stucchi (2015), "Bayesian A/B testing at VWO", section 4; value remaining as S. L. Scott
//! (2015), "Multi-armed bandit experiments in the online service economy", section 2.2. The draws are those of
//! [`super::draws`].

use serde::{Deserialize, Serialize};

use super::Direction;
use super::bayes::Posterior;
use super::draws::Table;
use super::seeds::Seeded;

/// Draws that [`compare`] is meant to be called with: P(best) is then within ±.01.
pub const DEFAULT_DRAWS: usize = 4096;

/// What is believed of one arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ArmBelief {
    /// P(this arm is the best); sums to 1 over arms.
    pub probability_best: f64,
    /// E[best − this arm] ≥ 0 in units of the metric: what choosing this arm costs on average.
    pub expected_loss: f64,
}

/// Result of [`compare`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub arms: Vec<ArmBelief>,
    /// The arm with the highest P(best); the first of equals.
    pub leader: usize,
    /// 95th percentile of (best − leader)/|leader|: what another arm may still have over the leader, relative.
    pub value_remaining: f64,
}

/// Compares arms by `draws` joint draws (see [`super::draws`]), a pure function of its arguments.
///
/// `None` without arms or draws.
#[must_use]
pub fn compare(
    posteriors: &[Posterior],
    direction: Direction,
    draws: usize,
    seed: u64,
) -> Option<Comparison> {
    if posteriors.is_empty() || draws == 0 {
        return None;
    }
    let values = joint_draws(posteriors, direction, draws, seed);
    let mut arms = vec![
        ArmBelief {
            probability_best: 0.0,
            expected_loss: 0.0
        };
        posteriors.len()
    ];
    let weight = (draws as f64).recip();
    for draw in 0..draws {
        let best = values
            .iter()
            .map(|arm| arm[draw])
            .fold(f64::NEG_INFINITY, f64::max);
        let winners = values.iter().filter(|arm| arm[draw] >= best).count() as f64;
        for (belief, arm) in arms.iter_mut().zip(&values) {
            belief.expected_loss += (best - arm[draw]) * weight;
            if arm[draw] >= best {
                belief.probability_best += weight / winners;
            }
        }
    }
    let leader = (1..arms.len()).fold(0, |leader, arm| {
        if arms[arm].probability_best > arms[leader].probability_best {
            arm
        } else {
            leader
        }
    });
    Some(Comparison {
        value_remaining: value_remaining(&values, leader),
        arms,
        leader,
    })
}

/// Draws per arm, turned so that larger is better.
fn joint_draws(
    posteriors: &[Posterior],
    direction: Direction,
    draws: usize,
    seed: u64,
) -> Vec<Vec<f64>> {
    let mut seeded = Seeded::from_u64(seed);
    posteriors
        .iter()
        .map(|posterior| {
            let mut values = Table::new(posterior).draw(posterior, draws, &mut seeded);
            values
                .iter_mut()
                .for_each(|value| *value *= direction.sign());
            values
        })
        .collect()
}

fn value_remaining(values: &[Vec<f64>], leader: usize) -> f64 {
    let draws = values[leader].len();
    let mut remaining: Vec<f64> = (0..draws)
        .map(|draw| {
            let best = values
                .iter()
                .map(|arm| arm[draw])
                .fold(f64::NEG_INFINITY, f64::max);
            let gain = best - values[leader][draw];
            if gain > 0.0 {
                (gain / values[leader][draw].abs()).min(f64::MAX)
            } else {
                0.0
            }
        })
        .collect();
    let rank = (draws * 95).div_ceil(100).clamp(1, draws) - 1;
    *remaining.select_nth_unstable_by(rank, f64::total_cmp).1
}

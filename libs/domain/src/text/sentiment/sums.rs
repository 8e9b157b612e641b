//! From valences to the four numbers.

use super::Sentiment;

/// Emphasis of one exclamation mark, from the authors' measurements; at most four count.
const EXCLAMATION: f64 = 0.292;
/// Emphasis of one of two or three question marks, likewise; more give [`QUESTIONS`] in all.
const QUESTION: f64 = 0.18;
const QUESTIONS: f64 = 0.96;
/// Approximates the highest sum that is expected; bends the compound into −1 to 1.
const ALPHA: f64 = 15.0;

pub fn combine(valences: &[f64], text: &str) -> Sentiment {
    if valences.is_empty() {
        return Sentiment::default();
    }
    let emphasis = emphasis(text);
    let mut sum = compensated_sum(valences);
    if sum > 0.0 {
        sum += emphasis;
    } else if sum < 0.0 {
        sum -= emphasis;
    }
    let (mut positive, mut negative, mut neutral) = (0.0, 0.0, 0.0);
    for valence in valences {
        // A neutral word counts as one, so the others are given one more.
        if *valence > 0.0 {
            positive += valence + 1.0;
        } else if *valence < 0.0 {
            negative += valence - 1.0;
        } else {
            neutral += 1.0;
        }
    }
    if positive > f64::abs(negative) {
        positive += emphasis;
    } else if positive < f64::abs(negative) {
        negative -= emphasis;
    }
    let total = positive + f64::abs(negative) + neutral;
    Sentiment {
        positive: round::<3>(positive / total),
        negative: round::<3>(f64::abs(negative / total)),
        neutral: round::<3>(neutral / total),
        compound: round::<4>((sum / (sum * sum + ALPHA).sqrt()).clamp(-1.0, 1.0)),
    }
}

fn emphasis(text: &str) -> f64 {
    let (mut exclamations, mut questions) = (0_u32, 0_u32);
    for byte in text.bytes() {
        exclamations += u32::from(byte == b'!');
        questions += u32::from(byte == b'?');
    }
    let asked = match questions {
        0 | 1 => 0.0,
        2 | 3 => f64::from(questions) * QUESTION,
        _ => QUESTIONS,
    };
    f64::from(exclamations.min(4)) * EXCLAMATION + asked
}

/// Neumaier's sum, which Python's `sum` has been since 3.12.
fn compensated_sum(values: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for &value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() {
            (sum - next) + value
        } else {
            (value - next) + sum
        };
        sum = next;
    }
    sum + lost
}

/// Rounds to `DIGITS` decimals as Python does: by the exact value, of ties the even digit.
fn round<const DIGITS: usize>(value: f64) -> f64 {
    let scale = 10_f64.powi(DIGITS as i32);
    let scaled = value * scale;
    // Close to a tie the product's own rounding could decide, so there the exact decimals are asked.
    let rounded = if ((scaled - scaled.floor()) - 0.5).abs() < 1e-6 {
        format!("{value:.DIGITS$}").parse().unwrap_or(value)
    } else {
        scaled.round() / scale
    };
    // Minus nought would be written as `-0.0`.
    rounded + 0.0
}

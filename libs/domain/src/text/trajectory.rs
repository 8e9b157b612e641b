//! How emotions and sentiment move through a post.

use super::{
    emotion::{Emotion, Emotions},
    segment::{Span, mean, sentences},
    sentiment::{self, Sentiment},
    words::round4,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;

/// Names lexicons and rules together; another version of either gets another name, so that stored rows stay apart.
pub const MODEL_VERSION: &str = "lexicon-2026.11";

/// Change between the first and the last third from which a text rises or falls, in units of the compound sentiment (−1 to 1).
const MOVEMENT: f64 = 0.25;
/// Change between neighbours below which a turn is no turn.
const SWING: f64 = 0.3;
/// Population variance of the compound sentiment from which a text with two turns is volatile.
const VOLATILE_VARIANCE: f64 = 0.12;

/// The movement of the sentiment from the beginning to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trajectory {
    Rising,
    Falling,
    Stable,
    /// Up and down at least twice, by much.
    Volatile,
}

/// One sentence with what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    pub span: Span,
    pub sentiment: Sentiment,
    pub emotions: Emotions,
}

/// The emotions of one post.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmotionReport {
    pub segment_count: usize,
    pub trajectory: Trajectory,
    /// Mean over the segments, 0 to 1 each.
    pub averages: Emotions,
    /// Mean over the segments.
    pub sentiment: Sentiment,
    /// The emotion with the highest average; absent where no word speaks of any.
    pub dominant: Option<Emotion>,
    /// Segments whose compound sentiment is above that of both neighbours.
    pub peaks: Vec<usize>,
    /// Segments whose compound sentiment is below that of both neighbours.
    pub valleys: Vec<usize>,
    /// Population variance of the segments' compound sentiment, 0 to 1.
    pub variance: f64,
    pub segments: Vec<Segment>,
}

impl EmotionReport {
    /// Reads a text sentence by sentence; an empty text has no segments and is stable.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let segments: Vec<Segment> = sentences(text)
            .into_iter()
            .map(|span| {
                let sentence = &text[span.start..span.end];
                Segment {
                    span,
                    sentiment: sentiment::score(sentence),
                    emotions: Emotions::of(sentence),
                }
            })
            .collect();
        Self::from_segments(segments)
    }

    fn from_segments(segments: Vec<Segment>) -> Self {
        let series: Vec<f64> = segments
            .iter()
            .map(|segment| segment.sentiment.compound)
            .collect();
        let variance = variance(&series);
        let averages = Emotions::each(|emotion| {
            mean(segments.iter().map(|segment| segment.emotions.get(emotion)))
        });
        let average = |part: fn(&Sentiment) -> f64| {
            mean(segments.iter().map(|segment| part(&segment.sentiment)))
        };
        Self {
            segment_count: segments.len(),
            trajectory: Trajectory::of(&series, variance),
            sentiment: Sentiment {
                positive: average(|sentiment| sentiment.positive),
                negative: average(|sentiment| sentiment.negative),
                neutral: average(|sentiment| sentiment.neutral),
                compound: average(|sentiment| sentiment.compound),
            },
            dominant: averages.dominant(),
            averages,
            peaks: extrema(&series, |middle, side| middle > side),
            valleys: extrema(&series, |middle, side| middle < side),
            variance: round4(variance),
            segments,
        }
    }

    /// The columns of table `emotion_trajectories` that follow from the text.
    #[must_use]
    pub fn columns(&self) -> Value {
        let mut columns = Map::new();
        columns.insert("model_version".to_owned(), json!(MODEL_VERSION));
        columns.insert("segment_count".to_owned(), json!(self.segment_count));
        columns.insert("trajectory_type".to_owned(), json!(self.trajectory));
        for emotion in Emotion::ALL {
            let average = json!(self.averages.get(emotion));
            columns.insert(format!("{emotion}_avg"), average);
        }
        for (name, value) in [
            ("positive", self.sentiment.positive),
            ("negative", self.sentiment.negative),
            ("neutral", self.sentiment.neutral),
            ("compound", self.sentiment.compound),
        ] {
            columns.insert(format!("sentiment_{name}"), json!(value));
        }
        columns.insert("segments".to_owned(), json!(self.segments));
        Value::Object(columns)
    }
}

impl Trajectory {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Falling => "falling",
            Self::Stable => "stable",
            Self::Volatile => "volatile",
        }
    }

    /// Volatile before rising and falling: a text that goes up and down does neither, whatever its ends are.
    fn of(series: &[f64], variance: f64) -> Self {
        if variance >= VOLATILE_VARIANCE && turns(series) >= 2 {
            return Self::Volatile;
        }
        let third = series.len().div_ceil(3);
        if series.len() < 2 {
            return Self::Stable;
        }
        let first = mean(series[..third].iter().copied());
        let last = mean(series[series.len() - third..].iter().copied());
        match last - first {
            change if change >= MOVEMENT => Self::Rising,
            change if change <= -MOVEMENT => Self::Falling,
            _ => Self::Stable,
        }
    }
}

impl fmt::Display for Trajectory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Changes of direction, where each leg is at least [`SWING`] high.
fn turns(series: &[f64]) -> usize {
    let Some((&first, rest)) = series.split_first() else {
        return 0;
    };
    let (mut low, mut high) = (first, first);
    let mut upward = None;
    let mut turns = 0;
    for &value in rest {
        low = low.min(value);
        high = high.max(value);
        let now = match upward {
            None | Some(false) if value - low >= SWING => true,
            None | Some(true) if high - value >= SWING => false,
            _ => continue,
        };
        turns += usize::from(upward.is_some());
        upward = Some(now);
        (low, high) = (value, value);
    }
    turns
}

fn variance(series: &[f64]) -> f64 {
    if series.is_empty() {
        return 0.0;
    }
    let count = series.len() as f64;
    let mean = series.iter().sum::<f64>() / count;
    series
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / count
}

/// Indices of strict local extrema; the ends have one neighbour alone and are none.
fn extrema(series: &[f64], beyond: fn(f64, f64) -> bool) -> Vec<usize> {
    series
        .windows(3)
        .enumerate()
        .filter(|(_, three)| beyond(three[1], three[0]) && beyond(three[1], three[2]))
        .map(|(index, _)| index + 1)
        .collect()
}

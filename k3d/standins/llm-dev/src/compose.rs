//! Text out of fixed parts, chosen by a hash of the request: the same request gets the same text.

use crate::{phrases, topics};
use sha2::{Digest, Sha256};

/// Words in a prompt by which a request for a body is told from one for a hook.
const BODY_CUES: [&str; 5] = [
    "body that follows",
    "continue this",
    "it opens with",
    "answer the question",
    "write the body",
];

/// The answer to one prompt.
pub fn answer(task: &str, seed: i64, conversation: &str) -> String {
    let mut dice = Dice::new(&[task, &seed.to_string(), conversation]);
    let topics = topics::of(task);
    let lower = task.to_lowercase();
    let asks = lower.contains("question");
    if BODY_CUES.iter().any(|cue| lower.contains(cue)) {
        body(&mut dice, &topics, asks)
    } else {
        sentence(&phrases::HOOKS, asks, &mut dice, &topics)
    }
}

fn body(dice: &mut Dice, topics: &[String], asks: bool) -> String {
    let parts: [(&[&str], bool); 5] = [
        (&phrases::SCENES, false),
        (&phrases::FINDINGS, false),
        (&phrases::DETAILS, false),
        (&phrases::LESSONS, false),
        (&phrases::CLOSINGS, asks),
    ];
    let sentences: Vec<String> = parts
        .iter()
        .map(|(bank, asks)| sentence(bank, *asks, dice, topics))
        .collect();
    sentences.join(" ")
}

/// One filled sentence of a bank; only a question where one is asked for.
fn sentence(bank: &[&str], asks: bool, dice: &mut Dice, topics: &[String]) -> String {
    let fitting: Vec<&str> = bank
        .iter()
        .copied()
        .filter(|sentence| !asks || sentence.contains('?'))
        .collect();
    clean(&fill(dice.pick(&fitting), dice, topics))
}

/// Puts topics and details into the marked places of a sentence.
fn fill(sentence: &str, dice: &mut Dice, topics: &[String]) -> String {
    let mut text = sentence.to_owned();
    while let Some(start) = text.find('{') {
        let Some(end) = text[start..].find('}').map(|end| start + end) else {
            break;
        };
        let word = match &text[start + 1..end] {
            "topic" => topics
                .get(dice.roll(topics.len()))
                .cloned()
                .unwrap_or_else(|| "work".to_owned()),
            "number" => (dice.roll(46) + 3).to_string(),
            "person" => dice.pick(&phrases::PEOPLE).to_owned(),
            "day" => dice.pick(&phrases::DAYS).to_owned(),
            "thing" => dice.pick(&phrases::THINGS).to_owned(),
            "feeling" => dice.pick(&phrases::FEELINGS).to_owned(),
            _ => String::new(),
        };
        text.replace_range(start..=end, &word);
    }
    text
}

fn clean(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// A stream of choices that depends on nothing but its input.
struct Dice {
    state: u64,
}

impl Dice {
    fn new(parts: &[&str]) -> Self {
        Self { state: hash(parts) }
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `sides`; 0 where there is no side.
    fn roll(&mut self, sides: usize) -> usize {
        if sides == 0 {
            0
        } else {
            usize::try_from(self.next() % sides as u64).unwrap_or(0)
        }
    }

    fn pick<'a>(&mut self, bank: &[&'a str]) -> &'a str {
        bank.get(self.roll(bank.len())).copied().unwrap_or_default()
    }
}

/// The first eight bytes of SHA-256 over the parts.
pub fn hash(parts: &[&str]) -> u64 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let bytes = digest.finalize();
    bytes
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::embed;

    const SUBJECT: &str =
        "The subject: We moved our build from forty minutes to four by caching what never changes.";

    #[test]
    fn the_same_request_gets_the_same_text_and_another_seed_another() {
        let prompt = format!("Write the opening line. {SUBJECT}");
        assert_eq!(answer(&prompt, 1, ""), answer(&prompt, 1, ""));
        assert_ne!(answer(&prompt, 1, ""), answer(&prompt, 2, ""));
    }

    #[test]
    fn two_hundred_posts_of_one_subject_are_rarely_near_duplicates() {
        let vectors: Vec<Vec<f32>> = (0..200)
            .map(|seed| {
                let hook = answer(&format!("Write the opening line. {SUBJECT}"), seed, "");
                let body = answer(
                    &format!("Continue this post. It opens with: {hook} {SUBJECT}"),
                    seed,
                    "",
                );
                assert!((30..=220).contains(&hook.chars().count()), "{hook}");
                assert!(
                    (40..=130).contains(&body.split_whitespace().count()),
                    "{body}"
                );
                embed(&format!("{hook}\n\n{body}"), 1536)
            })
            .collect();
        let near = vectors
            .iter()
            .enumerate()
            .filter(|(index, a)| {
                vectors[..*index]
                    .iter()
                    .any(|b| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>() > 0.9)
            })
            .count();
        assert!(near <= 4, "{near} of 200 are near duplicates");
    }
}

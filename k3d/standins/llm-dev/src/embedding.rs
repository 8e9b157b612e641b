//! Embeddings by hashing: words and the character trigrams to pentagrams of a text, each to a place and a sign. Texts that share
//! words share places, so similar texts really are near each other.

use crate::compose::hash;

/// Share of a word beside its character n-grams.
const WORD_WEIGHT: f32 = 2.0;

/// A unit vector of `dimensions` numbers; of an empty text the first unit vector.
pub fn embed(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions];
    let lower = text.to_lowercase();
    for word in lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        add(&mut vector, &["word", word], WORD_WEIGHT * rarity(word));
        let padded: Vec<char> = std::iter::once(' ')
            .chain(word.chars())
            .chain([' '])
            .collect();
        for size in 3..=5 {
            for gram in padded.windows(size) {
                add(
                    &mut vector,
                    &["gram", &gram.iter().collect::<String>()],
                    0.5 * rarity(word),
                );
            }
        }
    }
    let length = vector
        .iter()
        .map(|number| number * number)
        .sum::<f32>()
        .sqrt();
    if length == 0.0 {
        vector[0] = 1.0;
        return vector;
    }
    vector.iter_mut().for_each(|number| *number /= length);
    vector
}

/// Short words are everywhere and say little.
fn rarity(word: &str) -> f32 {
    match word.chars().count() {
        0..=3 => 0.2,
        4..=5 => 0.7,
        _ => 1.0,
    }
}

fn add(vector: &mut [f32], feature: &[&str], weight: f32) {
    let hash = hash(feature);
    let place = usize::try_from(hash % vector.len() as u64).unwrap_or(0);
    vector[place] += if hash >> 63 == 0 { weight } else { -weight };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        embed(a, 1536)
            .iter()
            .zip(embed(b, 1536))
            .map(|(x, y)| x * y)
            .sum()
    }

    #[test]
    fn similar_texts_are_near_and_others_are_far() {
        let a = "We cached what never changes and the build became fast.";
        assert!(
            cosine(
                a,
                "We cached what never changes and the build became quick."
            ) > 0.8
        );
        assert!(cosine(a, "Gardens need water in August.") < 0.3);
        assert!((cosine(a, a) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn an_empty_text_still_has_a_direction() {
        assert_eq!(embed("", 4), vec![1.0, 0.0, 0.0, 0.0]);
    }
}

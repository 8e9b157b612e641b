//! The text's embedding, checked before anything compares or stores it.

use crate::{
    failure::invalid_output,
    meter::Meter,
    ports::{Embedder, Embedding},
    tokens,
};
use domain::{revision::PersonaRevision, tasks::TaskFailure};

/// Asks for the embedding of `text` in the persona's vector space.
///
/// # Errors
/// `InvalidModelOutput` for a vector of another length, with a number that is not finite, or without any direction; or the
/// endpoint's failure.
pub async fn embed(
    embedder: &dyn Embedder,
    persona: &PersonaRevision,
    text: &str,
    meter: &Meter,
) -> Result<Vec<f32>, TaskFailure> {
    let dimensions = persona.vectors.dimensions;
    let embedding = embedder.embed(&persona.embedding, dimensions, text).await?;
    match embedding.tokens {
        Some(tokens) => meter.embedding(tokens.max(0), false),
        None => meter.embedding(tokens::estimate(text), true),
    }
    check(embedding, dimensions)
}

fn check(Embedding { vector, .. }: Embedding, dimensions: u32) -> Result<Vec<f32>, TaskFailure> {
    if vector.len() != dimensions as usize {
        return Err(invalid_output(format!(
            "the embedding has {} dimensions, the persona's collection has {dimensions}; set vectors.dimensions to the model's size",
            vector.len()
        )));
    }
    // The sum of squares is what similarity divides by: it must be a number, and not zero.
    let square: f64 = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
    if !square.is_finite() || square < f64::from(f32::MIN_POSITIVE) {
        return Err(invalid_output(
            "the embedding is zero or holds numbers that are not finite",
        ));
    }
    Ok(vector)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn checked(vector: Vec<f32>) -> Result<Vec<f32>, TaskFailure> {
        check(
            Embedding {
                vector,
                tokens: None,
            },
            3,
        )
    }

    #[test]
    fn a_vector_of_the_right_size_passes_unchanged() {
        assert_eq!(checked(vec![0.0, -0.5, 2.0]).unwrap(), vec![0.0, -0.5, 2.0]);
    }

    #[test]
    fn faults_30_a_wrong_dimension_never_reaches_the_collection() {
        for vector in [vec![], vec![1.0; 2], vec![1.0; 4]] {
            assert_eq!(checked(vector).unwrap_err().code, "InvalidModelOutput");
        }
    }

    #[test]
    fn faults_38_a_vector_without_direction_or_with_no_numbers_is_refused() {
        for vector in [
            vec![0.0; 3],
            vec![1.0, f32::NAN, 0.0],
            vec![f32::INFINITY, 0.0, 0.0],
            vec![1e-30; 3],
        ] {
            assert_eq!(checked(vector).unwrap_err().code, "InvalidModelOutput");
        }
    }
}

//! The text's embedding, checked before anything compares or stores it.

use crate::{
    failure::invalid_output,
    meter::Meter,
    ports::{Embedder, Embedding},
    tokens,
};
use domain::{revision::PersonaRevision, tasks::TaskFailure};

/// Asks for the embedding of `text` in the persona's vector space; it has unit length.
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
    unit_length(embedding, dimensions)
}

/// Checks what an endpoint answered for a collection of that many dimensions.
///
/// # Errors
/// `InvalidModelOutput`, see [`embed`].
pub(crate) fn unit_length(
    Embedding { vector, .. }: Embedding,
    dimensions: u32,
) -> Result<Vec<f32>, TaskFailure> {
    if vector.len() != dimensions as usize {
        return Err(invalid_output(format!(
            "the embedding has {} dimensions, its collection has {dimensions}; declare the model's size",
            vector.len()
        )));
    }
    // Unit length makes the three distances of an index tell the same similarity, and takes nothing from a direction.
    let length = vector
        .iter()
        .map(|x| f64::from(*x) * f64::from(*x))
        .sum::<f64>()
        .sqrt();
    if !length.is_finite() || length < f64::from(f32::MIN_POSITIVE) {
        return Err(invalid_output(
            "the embedding is zero or holds numbers that are not finite",
        ));
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "vectors are stored with single precision"
    )]
    Ok(vector
        .iter()
        .map(|x| (f64::from(*x) / length) as f32)
        .collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn checked(vector: Vec<f32>) -> Result<Vec<f32>, TaskFailure> {
        unit_length(
            Embedding {
                vector,
                tokens: None,
            },
            3,
        )
    }

    #[test]
    fn a_vector_of_the_right_size_keeps_its_direction_and_gets_unit_length() {
        assert_eq!(checked(vec![0.0, -3.0, 4.0]).unwrap(), vec![0.0, -0.6, 0.8]);
        assert_eq!(checked(vec![0.0, 0.0, 1e-30]).unwrap(), vec![0.0, 0.0, 1.0]);
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
        ] {
            assert_eq!(checked(vector).unwrap_err().code, "InvalidModelOutput");
        }
    }
}

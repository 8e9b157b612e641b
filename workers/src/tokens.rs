//! Estimates of token counts, where no response says them.

/// Tokens of a text by the `o200k_base` encoding. Other models differ by some percent, so the figure is always labelled an
/// estimate. The encoding's table is built once, on the first call.
#[must_use]
pub fn estimate(text: &str) -> i64 {
    i64::try_from(
        tiktoken_rs::o200k_base_singleton()
            .encode_ordinary(text)
            .len(),
    )
    .unwrap_or(i64::MAX)
}

//! Estimates of token counts, where no response says them.

/// Tokens of a text by the `cl100k_base` encoding. Other models differ by some percent, so the figure is always labelled an
/// estimate. The encoding's table is built once, on the first call; its successor's would double what it adds to the binary.
#[must_use]
pub fn estimate(text: &str) -> i64 {
    let tokens = tiktoken_rs::cl100k_base_singleton().encode_ordinary(text);
    i64::try_from(tokens.len()).unwrap_or(i64::MAX)
}

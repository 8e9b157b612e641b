//! Why a document could not be written.

/// What can go wrong while a document is written. Whatever stands in a portfolio is no reason.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("the document cannot be written: {0}")]
    Write(#[from] std::io::Error),
    #[error("the table cannot be written: {0}")]
    Table(#[from] ::csv::Error),
    #[error("the record cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the page cannot be put together: {0}")]
    Page(#[from] askama::Error),
    /// A defect of the typesetting, not of the data.
    #[error("the PDF cannot be put together: {0}")]
    Pdf(String),
}

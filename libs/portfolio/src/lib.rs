//! Portfolios of achievements as documents: the same items as JSON, CSV, Markdown, HTML, PDF or text for a LinkedIn post.
//!
//! Pure: no file, no clock, no chance, no order of a hash map. The same [`Portfolio`] gives the same bytes. What comes from pull
//! requests is untrusted text: secrets in it are masked, hidden and control letters taken out, and each format escapes what it would
//! take for its own. What is only claimed says so in every format; what is absent says why.

mod clean;
mod cover;
mod csv;
mod error;
mod format;
mod html;
mod json;
mod linkedin;
mod markdown;
mod model;
mod pdf;
mod prose;
mod select;
mod totals;
mod view;
mod words;

pub use error::RenderError;
pub use format::{Format, Template, UnknownName};
pub use json::SCHEMA_VERSION;
pub use linkedin::LONGEST as LINKEDIN_LONGEST;
pub use model::{Item, LeftOut, Portfolio};

use std::io::Write;

/// Writes the portfolio to `out`. All formats but PDF and LinkedIn, which are laid out as a whole, are written item by item.
///
/// # Errors
/// `out` refused bytes, or the PDF could not be put together.
pub fn render(
    portfolio: &Portfolio,
    template: Template,
    format: Format,
    out: &mut impl Write,
) -> Result<(), RenderError> {
    let head = clean::head(portfolio);
    let chosen = select::choose(portfolio, template);
    let document = select::Document {
        template,
        totals: totals::of(&portfolio.items),
        head: &head,
        chosen,
    };
    match format {
        Format::Json => json::write(&document, out),
        Format::Csv => csv::write(&document, out),
        Format::Markdown => markdown::write(&document, out),
        Format::Html => html::write(&document, out),
        Format::Linkedin => linkedin::write(&document, out),
        Format::Pdf => pdf::write(&document, out),
    }
}

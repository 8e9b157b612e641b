//! Portfolios: what was accomplished, as JSON, CSV, Markdown, HTML, PDF and text for LinkedIn. No IO: the same input gives the
//! same bytes.

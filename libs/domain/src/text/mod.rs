//! Analysis of text (being written).

pub mod contract;

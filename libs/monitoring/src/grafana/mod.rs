//! Dashboards as values, and as the JSON that Grafana 11 and newer load.

mod json;

/// One dashboard.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Stays the same for ever: links and imports know it by this.
    pub uid: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub rows: Vec<Row>,
}

/// A headline and what is below it.
#[derive(Debug, Clone)]
pub struct Row {
    pub title: &'static str,
    pub panels: Vec<Panel>,
}

#[derive(Debug, Clone)]
pub struct Panel {
    pub title: &'static str,
    /// What it tells, and when to worry.
    pub description: &'static str,
    pub view: View,
    pub unit: Unit,
    pub queries: Vec<Query>,
    /// Of the 24 columns of a row.
    pub width: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    TimeSeries,
    /// One above the other, where the parts make a whole.
    Stacked,
    Stat,
    Table,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    PerSecond,
    Seconds,
    Bytes,
    /// Of 1.
    Share,
    /// Millionths of a currency.
    Micros,
}

#[derive(Debug, Clone)]
pub enum Query {
    Prometheus {
        expression: String,
        legend: &'static str,
    },
    /// Against the views of schema `grafana`; one row a line.
    Table { sql: &'static str },
    /// The same with a column `time`, and values.
    Series { sql: &'static str },
}

/// A query of Prometheus; the legend names labels as `{{label}}`.
#[must_use]
pub fn query(expression: String, legend: &'static str) -> Query {
    Query::Prometheus { expression, legend }
}

impl Panel {
    #[must_use]
    pub fn new(
        title: &'static str,
        description: &'static str,
        view: View,
        unit: Unit,
        queries: Vec<Query>,
    ) -> Self {
        let width = match view {
            View::Stat => 4,
            View::TimeSeries | View::Stacked => 12,
            View::Table => 24,
        };
        Self {
            title,
            description,
            view,
            unit,
            queries,
            width,
        }
    }
}

impl Dashboard {
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| &row.panels)
    }

    /// Whether it needs the data source of Postgres.
    #[must_use]
    pub fn reads_postgres(&self) -> bool {
        self.panels()
            .flat_map(|panel| &panel.queries)
            .any(|query| !matches!(query, Query::Prometheus { .. }))
    }
}

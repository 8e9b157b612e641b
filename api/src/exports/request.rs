//! What is asked for, as it is kept in the row.

use crate::{input::check_name, problem::Problem, routes::word};
use backends::postgres::api::achievements::{AchievementFilter, AchievementSort};
use chrono::{DateTime, Utc};
use domain::achievement::Visibility;
use portfolio::{Format, Template};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A portfolio to write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// Of the caller's choice, so that a repeated request makes no second export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Uuid>,
    /// json, csv, markdown, html, pdf or linkedin.
    #[schema(value_type = String)]
    pub format: Format,
    /// executive-summary (the default), technical-portfolio or full-archive.
    #[serde(default)]
    #[schema(value_type = String)]
    pub template: Template,
    /// Heading, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// Login of somebody who had a part in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    /// `owner/name`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    /// feature, bugfix, security …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    /// 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_impact_score: Option<i32>,
    /// Completed at or after this time (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<DateTime<Utc>>,
    /// Completed before this time (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<DateTime<Utc>>,
    /// True takes what is not public as well; it is marked in the document. False is the default.
    #[serde(default)]
    include_private: bool,
}

impl ExportRequest {
    /// Its id: the same key of the same namespace is the same export.
    pub fn id(&self, namespace: &str) -> Uuid {
        self.key
            .map_or_else(Uuid::now_v7, |key| Uuid::new_v5(&key, namespace.as_bytes()))
    }

    /// Refuses values out of bounds, with how to mend them.
    pub fn check(&self) -> Result<(), Problem> {
        if let Some(title) = &self.title {
            check_name("title", title, 200)?;
        }
        for (field, value) in [("person", &self.person), ("repository", &self.repository)] {
            if let Some(value) = value {
                check_name(field, value, 253)?;
            }
        }
        if self
            .min_impact_score
            .is_some_and(|it| !(0..=100).contains(&it))
        {
            return Err(Problem::unprocessable(
                "min_impact_score must be from 0 to 100",
            ));
        }
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return Err(Problem::unprocessable("from must lie before to"));
        }
        self.filter().map(drop)
    }

    /// Which records it takes. A full archive holds what is not analysed yet as well.
    pub fn filter(&self) -> Result<AchievementFilter, Problem> {
        Ok(AchievementFilter {
            category: word("category", self.category.as_deref())?,
            min_impact_score: self.min_impact_score,
            portfolio_ready: (self.template != Template::FullArchive).then_some(true),
            person: self.person.clone(),
            repository: self.repository.clone(),
            visibility: (!self.include_private).then_some(Visibility::Public),
            from: self.from,
            to: self.to,
            ..AchievementFilter::default()
        })
    }

    /// Which records are kept where there are too many.
    pub fn sort(&self) -> AchievementSort {
        match self.template {
            Template::FullArchive => AchievementSort::NewestFirst,
            Template::ExecutiveSummary | Template::TechnicalPortfolio => AchievementSort::Portfolio,
        }
    }

    /// Most records of one document. A PDF is laid out as a whole.
    pub fn limit(&self) -> i64 {
        match self.format {
            Format::Pdf => 1_000,
            _ => 5_000,
        }
    }

    /// The document without its items.
    pub(super) fn head(&self, namespace: &str, as_of: DateTime<Utc>) -> portfolio::Portfolio {
        portfolio::Portfolio {
            title: self.title.clone().unwrap_or_default(),
            namespace: namespace.to_owned(),
            person: self.person.clone(),
            since: self.from.and_then(super::write::time),
            until: self.to.and_then(super::write::time),
            as_of: super::write::time(as_of).unwrap_or_default(),
            items: Vec::new(),
            left_out: portfolio::LeftOut::default(),
        }
    }
}

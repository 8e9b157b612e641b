//! `GET /achievements/`, `GET /achievements/{id}`, `GET /portfolio/ready`

use super::view::Achievement;
use crate::{
    access::{AchievementsRead, Caller},
    input::{PathOf, QueryOf, check_name, check_text},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use backends::postgres::api::achievements::{AchievementFilter, AchievementSort};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

pub const NO_SUCH: &str = "this namespace has no such achievement";
const DEFAULT_PAGE: i64 = 20;
const MAX_PAGE: i64 = 100;
/// Beyond it a filter is the better way.
const LAST_PAGE: i64 = 10_000;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// From 1.
    page: Option<i64>,
    /// 1 to 100; 20 where absent.
    per_page: Option<i64>,
    /// feature, bugfix, security …
    category: Option<String>,
    /// 0 to 100; 0 takes those too that were not analysed yet.
    min_impact_score: Option<i32>,
    portfolio_ready: Option<bool>,
    /// Login of somebody who had a part in it.
    person: Option<String>,
    /// `owner/name`
    repository: Option<String>,
    /// public, internal or private.
    visibility: Option<String>,
    /// Name of the AchievementSource that told it.
    source: Option<String>,
    /// Completed at or after this time (RFC 3339).
    from: Option<DateTime<Utc>>,
    /// Completed before this time (RFC 3339).
    to: Option<DateTime<Utc>>,
    /// Part of the title or description.
    search: Option<String>,
    /// Hidden and reverted ones and duplicates too.
    everything: Option<bool>,
    /// completed_at (the default) or impact_score.
    sort_by: Option<String>,
    /// desc (the default) or asc.
    order: Option<String>,
}

/// A page of achievements.
#[derive(Debug, Serialize, ToSchema)]
pub struct AchievementList {
    items: Vec<Achievement>,
    /// How many the filter takes in all.
    total: i64,
    page: i64,
    per_page: i64,
    pages: i64,
}

impl ListQuery {
    /// What the query asks for, without its page and order.
    pub fn filter(&self) -> Result<AchievementFilter, Problem> {
        for (field, value) in [
            ("person", &self.person),
            ("repository", &self.repository),
            ("source", &self.source),
        ] {
            if let Some(value) = value {
                check_name(field, value, 253)?;
            }
        }
        if let Some(search) = &self.search {
            check_text("search", search, 200)?;
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
        Ok(AchievementFilter {
            category: word("category", self.category.as_deref())?,
            min_impact_score: self.min_impact_score,
            portfolio_ready: self.portfolio_ready,
            person: self.person.clone(),
            repository: self.repository.clone(),
            visibility: word("visibility", self.visibility.as_deref())?,
            source: self.source.clone(),
            from: self.from,
            to: self.to,
            search: self.search.clone(),
            everything: self.everything.unwrap_or(false),
        })
    }

    fn sort(&self) -> Result<AchievementSort, Problem> {
        let by = self.sort_by.as_deref().unwrap_or("completed_at");
        match (by, self.order.as_deref().unwrap_or("desc")) {
            ("completed_at", "desc") => Ok(AchievementSort::NewestFirst),
            ("completed_at", "asc") => Ok(AchievementSort::OldestFirst),
            ("impact_score", "desc") => Ok(AchievementSort::HighestImpact),
            ("impact_score", "asc") => Ok(AchievementSort::LowestImpact),
            _ => Err(Problem::unprocessable(
                "sort_by must be completed_at or impact_score, and order must be desc or asc",
            )),
        }
    }

    fn page(&self) -> Result<(i64, i64), Problem> {
        let (page, per_page) = (
            self.page.unwrap_or(1),
            self.per_page.unwrap_or(DEFAULT_PAGE),
        );
        if !(1..=LAST_PAGE).contains(&page) {
            return Err(Problem::unprocessable(format!(
                "page must be from 1 to {LAST_PAGE}; narrow the list by a filter"
            )));
        }
        if !(1..=MAX_PAGE).contains(&per_page) {
            return Err(Problem::unprocessable(format!(
                "per_page must be from 1 to {MAX_PAGE}"
            )));
        }
        Ok((page, per_page))
    }
}

/// A word of a closed list, as it is written in JSON.
pub fn word<T: DeserializeOwned>(field: &str, text: Option<&str>) -> Result<Option<T>, Problem> {
    text.map(|text| serde_json::from_value(serde_json::Value::from(text)))
        .transpose()
        .map_err(|error| Problem::unprocessable(format!("{field}: {error}")))
}

/// Lists achievements.
///
/// Hidden and reverted ones and duplicates are left out unless `everything` is true.
#[utoipa::path(get, path = "/achievements/", tag = "achievements", params(ListQuery), security(("key" = ["achievements:read"])),
    responses((status = 200, body = AchievementList), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_achievements(
    State(app): State<App>,
    caller: Caller<AchievementsRead>,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<AchievementList>, Problem> {
    let (filter, sort) = (query.filter()?, query.sort()?);
    page_of(&app, &caller.namespace, &filter, sort, query.page()?).await
}

/// Lists what portfolios show.
///
/// Analysed and completed achievements, by display priority and then by impact; filters as of the whole list.
#[utoipa::path(get, path = "/portfolio/ready", tag = "achievements", params(ListQuery), security(("key" = ["achievements:read"])),
    responses((status = 200, body = AchievementList), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn portfolio_ready(
    State(app): State<App>,
    caller: Caller<AchievementsRead>,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<AchievementList>, Problem> {
    let filter = AchievementFilter {
        portfolio_ready: Some(true),
        ..query.filter()?
    };
    let sort = match (&query.sort_by, &query.order) {
        (None, None) => AchievementSort::Portfolio,
        _ => query.sort()?,
    };
    page_of(&app, &caller.namespace, &filter, sort, query.page()?).await
}

async fn page_of(
    app: &App,
    namespace: &str,
    filter: &AchievementFilter,
    sort: AchievementSort,
    (page, per_page): (i64, i64),
) -> Result<Json<AchievementList>, Problem> {
    let window = ((page - 1) * per_page, per_page);
    let found = app
        .store
        .achievements(namespace, filter, sort, window)
        .await?;
    Ok(Json(AchievementList {
        items: found.items.into_iter().map(Achievement::from).collect(),
        total: found.total,
        page,
        per_page,
        pages: (found.total + per_page - 1) / per_page,
    }))
}

/// Reads an achievement.
#[utoipa::path(get, path = "/achievements/{id}", tag = "achievements", params(("id" = Uuid, Path)), security(("key" = ["achievements:read"])),
    responses((status = 200, body = Achievement), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn read_achievement(
    State(app): State<App>,
    caller: Caller<AchievementsRead>,
    PathOf(id): PathOf<Uuid>,
) -> Result<Json<Achievement>, Problem> {
    let row = app.store.achievement(&caller.namespace, id).await?;
    row.map(|row| Json(row.into()))
        .ok_or_else(|| Problem::not_found(NO_SUCH))
}

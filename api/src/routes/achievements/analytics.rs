//! `GET /portfolio/stats`, `/analytics/impact` and `/analytics/timeline`

use super::list::ListQuery;
use crate::{
    access::{AchievementsRead, Caller},
    input::{QueryOf, check_name},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use backends::postgres::api::achievements::{AchievementFilter, Statistics, Step};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Of one category.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryShare {
    category: String,
    count: i64,
    portfolio_ready: i64,
    /// Of those that were analysed; absent where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_impact: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    highest_impact: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_complexity: Option<f64>,
}

/// Achievements with an impact from `from` to `to`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImpactBand {
    from: i32,
    to: i32,
    count: i64,
}

/// What the totals leave out; one may be left out for several reasons.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftOut {
    duplicates: i64,
    reverted: i64,
    hidden: i64,
    /// Counted, but without points as yet.
    not_analysed: i64,
}

/// Figures over many achievements; duplicates, reverted and hidden ones are left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct Figures {
    total: i64,
    portfolio_ready: i64,
    categories: Vec<CategoryShare>,
    impact: Vec<ImpactBand>,
    left_out: LeftOut,
    /// When this was counted.
    as_of: DateTime<Utc>,
}

impl Figures {
    fn new(statistics: Statistics, as_of: DateTime<Utc>) -> Self {
        let categories = &statistics.categories;
        Self {
            as_of,
            total: categories.iter().map(|it| it.count).sum(),
            portfolio_ready: categories.iter().map(|it| it.portfolio_ready).sum(),
            impact: statistics
                .bands
                .iter()
                .map(|band| ImpactBand {
                    from: band.from,
                    to: if band.from == 80 { 100 } else { band.from + 19 },
                    count: band.count,
                })
                .collect(),
            left_out: LeftOut {
                duplicates: statistics.left_out.duplicates,
                reverted: statistics.left_out.reverted,
                hidden: statistics.left_out.hidden,
                not_analysed: statistics.left_out.not_analysed,
            },
            categories: statistics
                .categories
                .into_iter()
                .map(|it| CategoryShare {
                    category: it.category,
                    count: it.count,
                    portfolio_ready: it.portfolio_ready,
                    mean_impact: it.mean_impact,
                    highest_impact: it.highest_impact,
                    mean_complexity: it.mean_complexity,
                })
                .collect(),
        }
    }
}

/// Tells the totals of the whole portfolio.
///
/// They are counted anew within about a minute of a change: `as_of` says when. `/analytics/impact` counts when it is asked.
#[utoipa::path(get, path = "/portfolio/stats", tag = "achievements", security(("key" = ["achievements:read"])),
    responses((status = 200, body = Figures), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn portfolio_stats(
    State(app): State<App>,
    caller: Caller<AchievementsRead>,
) -> Result<Json<Figures>, Problem> {
    let (statistics, as_of) = app.store.portfolio_totals(&caller.namespace).await?;
    Ok(Json(Figures::new(statistics, as_of)))
}

/// Shows how impact is spread.
///
/// Filters as of the list; page and order are not used.
#[utoipa::path(get, path = "/analytics/impact", tag = "achievements", params(ListQuery), security(("key" = ["achievements:read"])),
    responses((status = 200, body = Figures), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn impact(
    State(app): State<App>,
    caller: Caller<AchievementsRead>,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<Figures>, Problem> {
    let statistics = app
        .store
        .achievement_statistics(&caller.namespace, &query.filter()?)
        .await?;
    Ok(Json(Figures::new(statistics, Utc::now())))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// week, month (where absent), quarter or year.
    interval: Option<String>,
    /// Login of somebody who had a part in it.
    person: Option<String>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

/// What was completed in one step of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineStep {
    /// Its beginning, UTC.
    from: DateTime<Utc>,
    count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_impact: Option<f64>,
}

/// Steps in which something was completed, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Timeline {
    interval: String,
    items: Vec<TimelineStep>,
}

/// Shows what was completed when.
#[utoipa::path(get, path = "/analytics/timeline", tag = "achievements", params(TimelineQuery), security(("key" = ["achievements:read"])),
    responses((status = 200, body = Timeline), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn timeline(
    State(app): State<App>,
    caller: Caller<AchievementsRead>,
    QueryOf(query): QueryOf<TimelineQuery>,
) -> Result<Json<Timeline>, Problem> {
    let interval = query.interval.unwrap_or_else(|| "month".to_owned());
    let step = match interval.as_str() {
        "week" => Step::Week,
        "month" => Step::Month,
        "quarter" => Step::Quarter,
        "year" => Step::Year,
        _ => {
            return Err(Problem::unprocessable(
                "interval must be week, month, quarter or year",
            ));
        }
    };
    if let Some(person) = &query.person {
        check_name("person", person, 253)?;
    }
    let filter = AchievementFilter {
        person: query.person,
        from: query.from,
        to: query.to,
        ..AchievementFilter::default()
    };
    let points = app
        .store
        .achievement_timeline(&caller.namespace, &filter, step)
        .await?;
    let items = points
        .into_iter()
        .map(|point| TimelineStep {
            from: point.from,
            count: point.count,
            mean_impact: point.mean_impact,
        })
        .collect();
    Ok(Json(Timeline { interval, items }))
}

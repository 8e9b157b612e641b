//! `PUT` and `DELETE /achievements/{id}`

use super::{
    fields::{AchievementFields, checked},
    list::NO_SUCH,
    view::Achievement,
};
use crate::{
    access::{AchievementsWrite, Caller},
    input::{JsonBody, PathOf},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State, http::StatusCode};
use backends::postgres::api::achievements::Refused;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Changes an achievement field by field.
///
/// What a person sets wins over what webhook and backfill tell; null takes it away again. Where an Achievement stands for the
/// record, change that: 409 names it.
#[utoipa::path(put, path = "/achievements/{id}", tag = "achievements", params(("id" = Uuid, Path)), request_body = AchievementFields,
    security(("key" = ["achievements:write"])),
    responses((status = 200, body = Achievement), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn change_achievement(
    State(app): State<App>,
    caller: Caller<AchievementsWrite>,
    PathOf(id): PathOf<Uuid>,
    JsonBody(fields): JsonBody<Map<String, Value>>,
) -> Result<Json<Achievement>, Problem> {
    let fields = checked(fields)?;
    let changed = app
        .store
        .change_achievement(&caller.namespace, id, &fields)
        .await?;
    changed.map(|row| Json(row.into())).map_err(refused)
}

/// Deletes an achievement.
///
/// A tombstone stays, so that no webhook and no backfill brings it back.
#[utoipa::path(delete, path = "/achievements/{id}", tag = "achievements", params(("id" = Uuid, Path)),
    security(("key" = ["achievements:write"])),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_achievement(
    State(app): State<App>,
    caller: Caller<AchievementsWrite>,
    PathOf(id): PathOf<Uuid>,
) -> Result<StatusCode, Problem> {
    let deleted = app
        .store
        .delete_achievement(&caller.namespace, id, &format!("key {}", caller.key_id))
        .await?;
    deleted.map(|()| StatusCode::NO_CONTENT).map_err(refused)
}

fn refused(reason: Refused) -> Problem {
    match reason {
        Refused::Missing => Problem::not_found(NO_SUCH),
        Refused::Resource(name) => Problem::conflict(format!(
            "the Achievement {name} says what stands in this record; change or delete it with kubectl or in Git"
        ))
        .with("resource", name),
    }
}

//! `POST /achievements/`

use super::{
    fields::{AchievementFields, checked},
    list::word,
    view::Achievement,
};
use crate::{
    access::{AchievementsWrite, Caller},
    input::{JsonBody, check_name},
    problem::Problem,
    state::App,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use backends::postgres::api::achievements::NewAchievement;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// What somebody says of an achievement that no source told of; `title` is needed.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewFields {
    /// Of the caller's choice, so that a repeated request makes no second record.
    key: Option<Uuid>,
    /// Where it can be seen, at most 500 characters.
    source_url: Option<String>,
    /// public, internal or private (the default).
    visibility: Option<String>,
    #[serde(flatten)]
    #[schema(value_type = AchievementFields)]
    fields: Map<String, Value>,
}

/// Declares an achievement.
///
/// It is analysed soon afterwards. The same `key` again makes no second record.
#[utoipa::path(post, path = "/achievements/", tag = "achievements", request_body = NewFields, security(("key" = ["achievements:write"])),
    responses((status = 201, body = Achievement), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_achievement(
    State(app): State<App>,
    caller: Caller<AchievementsWrite>,
    JsonBody(new): JsonBody<NewFields>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Achievement>), Problem> {
    if !new.fields.get("title").is_some_and(Value::is_string) {
        return Err(Problem::unprocessable(
            "title is missing: say in a few words what was accomplished",
        )
        .with("field", "title"));
    }
    let fields = checked(new.fields)?;
    if let Some(url) = &new.source_url {
        check_name("source_url", url, 500)?;
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(Problem::unprocessable(
                "source_url must begin with https:// or http://",
            ));
        }
    }
    let wanted = NewAchievement {
        key: new.key.unwrap_or_else(Uuid::now_v7),
        url: new.source_url.as_deref(),
        visibility: word("visibility", new.visibility.as_deref())?.unwrap_or_default(),
        fields: &fields,
    };
    let row = app
        .store
        .create_achievement(&caller.namespace, &wanted)
        .await?;
    let location = format!("/achievements/{}", row.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(row.into()),
    ))
}

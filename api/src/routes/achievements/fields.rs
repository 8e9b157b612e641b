//! What a person says of a record, checked field by field.

use crate::{
    input::{check_name, check_text},
    problem::Problem,
};
use chrono::{DateTime, Utc};
use domain::achievement::{Category, Person};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

const MOST_PEOPLE: usize = 50;

/// What a person says of a record. A field that is absent stays as it is; null takes the person's word away, so that what the
/// source tells shows again.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub struct AchievementFields {
    /// 1 to 255 characters.
    title: Option<String>,
    /// At most 20,000 characters.
    description: Option<String>,
    /// feature, bugfix, security …
    category: Option<String>,
    started_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    /// As text, for example `saves 3 hours a week`; at most 2,000 characters.
    business_value: Option<String>,
    /// `[{login, role}]`, at most 50.
    #[schema(value_type = Option<Vec<Object>>)]
    people: Option<Value>,
    /// 1 to 100 characters.
    portfolio_section: Option<String>,
    /// 0 to 100; higher comes first.
    display_priority: Option<i32>,
    hidden: Option<bool>,
    /// `none`, or the id of the record that says the same.
    duplicate_of: Option<String>,
}

/// The fields under the names of [`domain::achievement::Overrides`].
///
/// # Errors
/// 422 that names the field and what it must be.
pub fn checked(fields: Map<String, Value>) -> Result<Value, Problem> {
    let mut said = Map::new();
    for (name, value) in fields {
        let Some(stored) = stored_as(&name) else {
            return Err(Problem::unprocessable(format!(
                "{name} is no field that can be set; see docs/openapi.json for those that can"
            ))
            .with("field", name));
        };
        if !value.is_null() {
            check(&name, &value).map_err(|problem| problem.with("field", name.as_str()))?;
        }
        said.insert(stored.to_owned(), value);
    }
    check_order(&said)?;
    Ok(Value::Object(said))
}

fn stored_as(name: &str) -> Option<&'static str> {
    Some(match name {
        "title" => "title",
        "description" => "description",
        "category" => "category",
        "started_at" => "startedAt",
        "completed_at" => "completedAt",
        "business_value" => "businessValue",
        "people" => "people",
        "portfolio_section" => "portfolioSection",
        "display_priority" => "displayPriority",
        "hidden" => "hidden",
        "duplicate_of" => "duplicateOf",
        _ => return None,
    })
}

fn check(name: &str, value: &Value) -> Result<(), Problem> {
    match name {
        "title" => check_name(name, text(name, value)?, 255),
        "description" => check_text(name, text(name, value)?, 20_000),
        "business_value" => check_text(name, text(name, value)?, 2_000),
        "portfolio_section" => check_name(name, text(name, value)?, 100),
        "category" => typed::<Category>(name, value).map(drop),
        "started_at" | "completed_at" => typed::<DateTime<Utc>>(name, value).map(drop),
        "hidden" => typed::<bool>(name, value).map(drop),
        "display_priority" => match typed::<i32>(name, value)? {
            0..=100 => Ok(()),
            _ => Err(Problem::unprocessable(
                "display_priority must be from 0 to 100",
            )),
        },
        "duplicate_of" => match text(name, value)? {
            "none" => Ok(()),
            id if id.parse::<Uuid>().is_ok() => Ok(()),
            _ => Err(Problem::unprocessable(
                "duplicate_of must be `none` or the id of a record",
            )),
        },
        _ => people(value),
    }
}

fn people(value: &Value) -> Result<(), Problem> {
    let people: Vec<Person> = typed("people", value)?;
    if people.len() > MOST_PEOPLE {
        return Err(Problem::unprocessable(format!(
            "people must be at most {MOST_PEOPLE}"
        )));
    }
    people
        .iter()
        .try_for_each(|person| check_name("people.login", &person.login, 100))
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, Problem> {
    value
        .as_str()
        .ok_or_else(|| Problem::unprocessable(format!("{name} must be text")))
}

fn typed<T: DeserializeOwned>(name: &str, value: &Value) -> Result<T, Problem> {
    T::deserialize(value)
        .map_err(|error| Problem::unprocessable(format!("{name} does not fit: {error}")))
}

fn check_order(said: &Map<String, Value>) -> Result<(), Problem> {
    let at = |name: &str| -> Option<DateTime<Utc>> { said.get(name)?.as_str()?.parse().ok() };
    match (at("startedAt"), at("completedAt")) {
        (Some(start), Some(end)) if end < start => Err(Problem::unprocessable(
            "completed_at must not lie before started_at",
        )),
        _ => Ok(()),
    }
}

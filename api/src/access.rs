//! Who calls. A route that takes a [`Caller`] cannot be reached without a key that has its permission.

use crate::{
    key::{ApiKey, Verb},
    problem::Problem,
    state::App,
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use std::marker::PhantomData;

/// A permission as a type, so that a route's signature says what it needs.
pub trait Permission: Send {
    const VERB: Verb;
}

macro_rules! permissions {
    ($($name:ident),*) => {$(
        #[doc = concat!("[`Verb::", stringify!($name), "`]")]
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}
        impl Permission for $name {
            const VERB: Verb = Verb::$name;
        }
    )*};
}

permissions!(
    PostsRead,
    PostsWrite,
    OutcomesWrite,
    ExperimentsRead,
    ExperimentsWrite,
    AchievementsRead,
    AchievementsWrite
);

/// The holder of a valid key that has permission `P`.
#[derive(Debug, Clone)]
pub struct Caller<P> {
    /// The only namespace that the request may touch.
    pub namespace: String,
    /// Readable part of the key.
    pub key_id: String,
    permission: PhantomData<P>,
}

/// One answer for every key that does not hold, so that nobody learns which part was right.
const REFUSED: &str = "send a valid key as `Authorization: Bearer ta_…`; keys are made with `api keys create` and may be expired or revoked";

impl<P: Permission> FromRequestParts<App> for Caller<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let key = bearer(&parts.headers)
            .and_then(ApiKey::parse)
            .ok_or_else(|| Problem::unauthorized(REFUSED))?;
        let row = app.store.key(&key.id).await?;
        let matches = app
            .pepper
            .verify(&key, row.as_ref().map(|row| row.hash.as_slice()));
        let Some(row) = row.filter(|row| matches && row.valid) else {
            return Err(Problem::unauthorized(REFUSED));
        };
        let verb = P::VERB.as_str();
        if !row.verbs.iter().any(|allowed| allowed == verb) {
            return Err(Problem::forbidden(format!(
                "this key lacks the verb {verb}; make one that has it"
            ))
            .with("verb", verb));
        }
        Ok(Self {
            namespace: row.namespace,
            key_id: row.id,
            permission: PhantomData,
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    // Two of them contradict each other.
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

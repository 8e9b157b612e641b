//! GitHub's REST API through octocrab: one request at a time, as its documentation asks; retries, limits and conditions in one place.

mod error;
mod limits;
mod transport;

pub use error::{HostError, line};
pub use transport::TransportSettings;

use crate::{backoff::Backoff, stop::Stop};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use jiff::Timestamp;
use limits::Budget;
use octocrab::{AuthState, Octocrab, OctocrabBuilder, service::middleware::base_uri::BaseUriLayer};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use transport::{Transport, TransportError};

const API_VERSION: &str = "2022-11-28";
/// Hops from a renamed repository to its new name.
const HOPS: usize = 3;

/// How much this worker bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries of a request that the host does not answer well.
    pub tries: u32,
    /// A limit that lasts longer ends the backfill; the next one goes on.
    pub limit: Duration,
    /// Limits that are waited for in one request.
    pub limits: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 4,
            limit: Duration::from_secs(120),
            limits: 4,
        }
    }
}

/// An answer with what its headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<T> {
    pub body: T,
    pub etag: Option<String>,
    /// URL of the next page.
    pub next: Option<String>,
}

/// The host as one source sees it.
#[derive(Debug)]
pub struct Host {
    octocrab: Octocrab,
    base: Uri,
    token: Option<SecretString>,
    patience: Patience,
    budget: Mutex<Option<Budget>>,
    stop: Stop,
}

impl Host {
    /// # Errors
    /// A base URL that is none, a proxy or a CA bundle that cannot be used, a token that cannot be sent.
    pub fn new(
        base_url: &str,
        token: Option<SecretString>,
        transport: &TransportSettings,
        patience: Patience,
        stop: Stop,
    ) -> anyhow::Result<Self> {
        let base: Uri = base_url.parse()?;
        anyhow::ensure!(
            base.scheme().is_some() && base.authority().is_some(),
            "the API base URL has no scheme or no host"
        );
        let auth = match &token {
            Some(token) => {
                let sendable = HeaderValue::from_str(token.expose_secret()).is_ok();
                anyhow::ensure!(sendable, "the token cannot be sent in a header");
                AuthState::AccessToken {
                    token: token.clone(),
                }
            }
            None => AuthState::None,
        };
        let built = OctocrabBuilder::new_empty()
            .with_service(Transport::new(transport)?)
            .with_layer(&BaseUriLayer::new(base.clone()))
            .with_auth(auth)
            .build();
        let octocrab = match built {
            Ok(octocrab) => octocrab,
            Err(never) => match never {},
        };
        Ok(Self {
            octocrab,
            base,
            token,
            patience,
            budget: Mutex::default(),
            stop,
        })
    }

    /// The JSON at a route of the API.
    ///
    /// # Errors
    /// Everything that [`HostError`] names, after the tries and waits that are borne.
    pub async fn get<T: DeserializeOwned>(&self, route: &str) -> Result<Reply<T>, HostError> {
        match self.get_if_changed(route, None).await? {
            Some(reply) => Ok(reply),
            None => Err(HostError::Broken("304 to no condition".to_owned())),
        }
    }

    /// As [`Host::get`]; none where the answer still has that ETag. Such an answer is not charged to the rate limit.
    ///
    /// # Errors
    /// As [`Host::get`].
    pub async fn get_if_changed<T: DeserializeOwned>(
        &self,
        route: &str,
        etag: Option<&str>,
    ) -> Result<Option<Reply<T>>, HostError> {
        let (mut tries, mut limits, mut backoff) = (1, 0, Backoff::default());
        loop {
            self.await_budget().await?;
            match self.request(route, etag).await {
                Err(error) if error.is_passing() && tries < self.patience.tries => {
                    tracing::debug!(route, %error, "asking again");
                    tries += 1;
                    self.pause(backoff.step()).await?;
                }
                Err(HostError::Limited { wait, .. })
                    if wait <= self.patience.limit && limits < self.patience.limits =>
                {
                    tracing::info!(route, seconds = wait.as_secs(), "waiting for a rate limit");
                    limits += 1;
                    self.pause(wait).await?;
                }
                answered => return answered,
            }
        }
    }

    /// Waits out a used-up rate limit before it is met, or says that it lasts too long.
    async fn await_budget(&self) -> Result<(), HostError> {
        if self.stop.is_requested() {
            return Err(HostError::Stopped);
        }
        let budget = *self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(wait) = budget.and_then(|it| it.wait(Timestamp::now())) else {
            return Ok(());
        };
        if wait > self.patience.limit {
            return Err(HostError::Limited {
                secondary: false,
                wait,
            });
        }
        tracing::info!(
            seconds = wait.as_secs(),
            "waiting for the hourly rate limit"
        );
        self.pause(wait).await
    }

    async fn pause(&self, wait: Duration) -> Result<(), HostError> {
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.stop.requested() => Err(HostError::Stopped),
        }
    }

    async fn request<T: DeserializeOwned>(
        &self,
        route: &str,
        etag: Option<&str>,
    ) -> Result<Option<Reply<T>>, HostError> {
        let mut route = route.to_owned();
        for _ in 0..=HOPS {
            let (status, headers, body) = self.send(&route, etag).await?;
            if let Some(budget) = Budget::told(&headers) {
                *self.budget.lock().unwrap_or_else(PoisonError::into_inner) = Some(budget);
            }
            if status == StatusCode::NOT_MODIFIED {
                return Ok(None);
            }
            if status.is_redirection() {
                route = self.moved(&headers)?;
                continue;
            }
            return self.read(status, &headers, &body).map(Some);
        }
        Err(HostError::Broken("it redirects in a circle".to_owned()))
    }

    async fn send(
        &self,
        route: &str,
        etag: Option<&str>,
    ) -> Result<(StatusCode, HeaderMap, String), HostError> {
        let mut asked = HeaderMap::new();
        let accept = HeaderValue::from_static("application/vnd.github+json");
        asked.insert(header::ACCEPT, accept);
        let version = HeaderValue::from_static(API_VERSION);
        asked.insert("x-github-api-version", version);
        if let Some(Ok(etag)) = etag.map(HeaderValue::from_str) {
            asked.insert(header::IF_NONE_MATCH, etag);
        }
        let response = self
            .octocrab
            ._get_with_headers(route, Some(asked))
            .await
            .map_err(|error| self.failed(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self
            .octocrab
            .body_to_string(response)
            .await
            .map_err(|_| HostError::Broken("it is not UTF-8".to_owned()))?;
        Ok((status, headers, body))
    }

    fn read<T: DeserializeOwned>(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &str,
    ) -> Result<Reply<T>, HostError> {
        let token = self.token.as_ref().map(ExposeSecret::expose_secret);
        if !status.is_success() {
            #[derive(serde::Deserialize)]
            struct Said {
                message: String,
            }
            let said = serde_json::from_str(body).map_or_else(
                |_| status.to_string(),
                |Said { message }| line(&message, token),
            );
            return Err(limits::refused(status, headers, &said, Timestamp::now()));
        }
        // The parser's own message may quote what it read.
        let body = serde_json::from_str(body).map_err(|error| {
            HostError::Broken(format!(
                "{:?} error at line {} column {}",
                error.classify(),
                error.line(),
                error.column()
            ))
        })?;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Ok(Reply {
            body,
            etag: text(header::ETAG).map(str::to_owned),
            next: text(header::LINK).and_then(next_link),
        })
    }

    /// The route to which a renamed repository moved; only where it is still this host's, because the token goes with it.
    fn moved(&self, headers: &HeaderMap) -> Result<String, HostError> {
        let place: Option<Uri> = headers
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse().ok());
        let elsewhere = || HostError::Broken("it redirects to another host".to_owned());
        let place = place.ok_or_else(elsewhere)?;
        let same = place.authority().is_none()
            || (place.scheme() == self.base.scheme() && place.authority() == self.base.authority());
        match place.path_and_query() {
            Some(route) if same => Ok(route.as_str().to_owned()),
            _ => Err(elsewhere()),
        }
    }

    fn failed(&self, error: &octocrab::Error) -> HostError {
        let token = self.token.as_ref().map(ExposeSecret::expose_secret);
        if let octocrab::Error::Service { source, .. } = error
            && let Some(error) = source.downcast_ref::<TransportError>()
        {
            return match error {
                TransportError::Failed(message) => HostError::Unavailable(line(message, token)),
                TransportError::TooLong(_) | TransportError::CutOff => {
                    HostError::Broken(error.to_string())
                }
            };
        }
        HostError::Unavailable(line(&error.to_string(), token))
    }
}

/// The URL of the relation `next` of a Link header (RFC 8288, as GitHub writes it).
fn next_link(header: &str) -> Option<String> {
    header.split(',').find_map(|link| {
        let (url, parameters) = link.split_once(';')?;
        let is_next = parameters
            .split(';')
            .any(|it| it.trim().trim_matches('"') == "rel=\"next" || it.trim() == "rel=next");
        is_next.then(|| {
            url.trim()
                .trim_start_matches('<')
                .trim_end_matches('>')
                .to_owned()
        })
    })
}

/// The value of a parameter of an URL's query, as it stands there: it is sent again as it is.
#[must_use]
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or(query);
    let value = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)?
        .1;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests;

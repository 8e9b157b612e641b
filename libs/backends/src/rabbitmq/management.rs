//! The operator's side over the management API: what AMQP cannot list, and users and policies.

use super::BrokerError;
use domain::messages::DEAD_LETTER_EXCHANGE;
use rabbitmq_http_client::{
    api::{Client, ClientBuilder},
    commons::{BindingDestinationType, PolicyTarget},
    error::HttpClientError,
    password_hashing::{base64_encoded_salted_password_hash_sha256, salt},
    requests::{Permissions, PolicyDefinition, PolicyParams, UserParams},
};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Name of the one policy of all work queues.
const POLICY: &str = "threads-work-queues";
/// Work queues, and not their `.dead`: the last part of a work queue's name has no dot.
const POLICY_PATTERN: &str = r"^content\.generation\.[^.]+\.[^.]+$";
/// The net under the rows' own attempt limits, well above the largest of them.
const DELIVERY_LIMIT: u32 = 50;
/// Matches nothing, for rights that a user does not have.
const NOTHING: &str = "^$";

/// A queue as the management API saw it some seconds ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    pub name: String,
    /// `quorum`, `classic` or `stream`.
    pub kind: String,
    /// Waiting and being worked on.
    pub messages: u64,
    pub unacknowledged: u64,
    pub consumers: u32,
    /// Policy in force.
    pub policy: Option<String>,
    /// Names of the arguments that it was declared with.
    pub arguments: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Binding {
    pub exchange: String,
    pub queue: String,
    pub routing_key: String,
}

/// The management API of one virtual host.
pub struct Management {
    client: Client<String, String, String>,
    vhost: String,
}

impl Management {
    /// Takes a URL with user and password, for example `http://operator:secret@rabbitmq:15672`.
    ///
    /// # Errors
    /// [`BrokerError::Address`]; the message holds no part of the URL.
    pub fn new(url: &SecretString, vhost: &str) -> Result<Self, BrokerError> {
        let unusable = |why: &str| BrokerError::Address(format!("the management URL {why}"));
        let mut url: Url = url
            .expose_secret()
            .parse()
            .map_err(|_| unusable("is no URL"))?;
        let user = decoded(url.username());
        let password = decoded(url.password().unwrap_or_default());
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return Err(unusable("has no host"));
        }
        let endpoint = format!("{}/api", url.as_str().trim_end_matches('/'));
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|_| unusable("cannot be used"))?;
        let client = ClientBuilder::new()
            .with_endpoint(endpoint)
            .with_basic_auth_credentials(user, password)
            .with_client(http)
            .build()
            .map_err(|_| unusable("is not http or https"))?;
        Ok(Self {
            client,
            vhost: vhost.to_owned(),
        })
    }

    /// All queues of the virtual host, in one read.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn list_queues(&self) -> Result<Vec<QueueState>, BrokerError> {
        let queues = self.client.list_queues_in(&self.vhost).await?;
        Ok(queues
            .into_iter()
            .map(|queue| QueueState {
                name: queue.name,
                kind: queue.queue_type,
                messages: queue.message_count,
                unacknowledged: queue.unacknowledged_message_count,
                consumers: u32::from(queue.consumer_count),
                policy: queue.policy.filter(|policy| !policy.is_empty()),
                arguments: queue.arguments.0.keys().cloned().collect(),
            })
            .collect())
    }

    /// All bindings of queues to named exchanges, in one read.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn list_bindings(&self) -> Result<Vec<Binding>, BrokerError> {
        let bindings = self.client.list_bindings_in(&self.vhost).await?;
        Ok(bindings
            .into_iter()
            .filter(|binding| {
                binding.destination_type == BindingDestinationType::Queue
                    && !binding.source.is_empty()
            })
            .map(|binding| Binding {
                exchange: binding.source,
                queue: binding.destination,
                routing_key: binding.routing_key,
            })
            .collect())
    }

    /// Names of the exchanges.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn list_exchanges(&self) -> Result<Vec<String>, BrokerError> {
        let exchanges = self.client.list_exchanges_in(&self.vhost).await?;
        Ok(exchanges
            .into_iter()
            .map(|exchange| exchange.name)
            .collect())
    }

    /// Names of all users of the broker.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn list_users(&self) -> Result<Vec<String>, BrokerError> {
        let users = self.client.list_users().await?;
        Ok(users.into_iter().map(|user| user.name).collect())
    }

    /// Creates a user or sets its password, and lets it read these queues and nothing else: no declaring, no publishing, no
    /// other queue, not the dead letters of its own.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn ensure_worker_user<S: AsRef<str>>(
        &self,
        name: &str,
        password: &SecretString,
        queues: &[S],
    ) -> Result<(), BrokerError> {
        let hash = base64_encoded_salted_password_hash_sha256(&salt(), password.expose_secret());
        self.client
            .create_user(&UserParams::without_tags(name, &hash))
            .await?;
        self.set_readable_queues(name, queues).await
    }

    /// Sets which queues an existing user may read.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn set_readable_queues<S: AsRef<str>>(
        &self,
        name: &str,
        queues: &[S],
    ) -> Result<(), BrokerError> {
        let read = exactly(queues);
        let permissions = Permissions {
            user: name,
            vhost: &self.vhost,
            configure: NOTHING,
            write: NOTHING,
            read: &read,
        };
        Ok(self.client.declare_permissions(&permissions).await?)
    }

    /// Deletes a user, which ends its connections; one that is not there is no error.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn delete_user(&self, name: &str) -> Result<(), BrokerError> {
        Ok(self.client.delete_user(name, true).await?)
    }

    /// Makes the policy of the work queues what it shall be; answers whether it had to be changed.
    ///
    /// Dead letters go to `tasks.dead` under their own routing key, at least once, which needs `reject-publish`.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn ensure_policy(&self) -> Result<bool, BrokerError> {
        let definition = definition();
        match self.client.get_policy(&self.vhost, POLICY).await {
            Ok(found)
                if found.pattern == POLICY_PATTERN
                    && PolicyDefinition::from(found.definition.clone()) == definition =>
            {
                return Ok(false);
            }
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
        // Not `quorum_queues`, which brokers before 3.12 do not know.
        let policy = PolicyParams::new(&self.vhost, POLICY, POLICY_PATTERN, definition)
            .apply_to(PolicyTarget::Queues);
        self.client.declare_policy(&policy).await?;
        Ok(true)
    }
}

impl std::fmt::Debug for Management {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Management")
            .field("vhost", &self.vhost)
            .finish_non_exhaustive()
    }
}

impl From<HttpClientError> for BrokerError {
    fn from(error: HttpClientError) -> Self {
        let said = error
            .error_details()
            .and_then(|details| details.reason())
            .map_or_else(|| error.to_string(), str::to_owned);
        if error.is_not_found() {
            return Self::Missing(said);
        }
        match error.status_code() {
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Self::Refused(said),
            Some(StatusCode::CONFLICT) => Self::Conflict(said),
            Some(status) if status.is_client_error() => Self::Invalid(said),
            Some(_) => Self::Unavailable(said),
            None => match error {
                // Its words hold the URL, though not the password.
                HttpClientError::RequestError { error, .. } => {
                    Self::Unavailable(error.without_url().to_string())
                }
                other => Self::Invalid(other.to_string()),
            },
        }
    }
}

fn definition() -> PolicyDefinition {
    [
        ("delivery-limit", Value::from(DELIVERY_LIMIT)),
        ("dead-letter-exchange", Value::from(DEAD_LETTER_EXCHANGE)),
        ("dead-letter-strategy", Value::from("at-least-once")),
        ("overflow", Value::from("reject-publish")),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// A regular expression that matches exactly these names.
fn exactly<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        return NOTHING.to_owned();
    }
    let names: Vec<_> = names.iter().map(|name| escaped(name.as_ref())).collect();
    format!("^({})$", names.join("|"))
}

fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len() * 2);
    for c in name.chars() {
        if !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Undoes percent-encoding; what is none stays.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests;

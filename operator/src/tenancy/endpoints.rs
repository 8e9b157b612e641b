//! Where workers connect: the operator's own addresses, under another login and as seen from another namespace.

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// The operator's addresses of the backing services.
#[derive(Clone)]
pub struct WorkerEndpoints {
    database: Url,
    broker: Url,
    pub vectors: String,
    /// Signs the tokens of workers; it never leaves the operator.
    pub vectors_key: SecretString,
}

/// An address that no worker could use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the URL of {0} does not parse or has no host")]
pub struct BadEndpoint(&'static str);

impl WorkerEndpoints {
    /// Takes the operator's URLs. A host without a dot is a Service of the operator's namespace and gets its name there,
    /// because the same word means another Service, or none, in a tenant's namespace.
    ///
    /// # Errors
    /// A URL that does not parse; the message holds no part of it.
    pub fn new(
        database_url: &SecretString,
        amqp_url: &SecretString,
        qdrant_url: &str,
        qdrant_key: SecretString,
        operator_namespace: &str,
    ) -> Result<Self, BadEndpoint> {
        Ok(Self {
            database: qualified(database_url.expose_secret(), operator_namespace)
                .ok_or(BadEndpoint("Postgres"))?,
            broker: qualified(amqp_url.expose_secret(), operator_namespace)
                .ok_or(BadEndpoint("RabbitMQ"))?,
            vectors: qualified(qdrant_url, operator_namespace)
                .map(|url| url.as_str().trim_end_matches('/').to_owned())
                .ok_or(BadEndpoint("Qdrant"))?,
            vectors_key: qdrant_key,
        })
    }

    /// The database as a worker login reaches it.
    #[must_use]
    pub fn database_for(&self, login: &str, password: &SecretString) -> SecretString {
        signed_in(&self.database, login, password)
    }

    /// The broker as a worker user reaches it.
    #[must_use]
    pub fn broker_for(&self, login: &str, password: &SecretString) -> SecretString {
        signed_in(&self.broker, login, password)
    }
}

impl std::fmt::Debug for WorkerEndpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerEndpoints")
            .field("vectors", &self.vectors)
            .finish_non_exhaustive()
    }
}

fn qualified(url: &str, namespace: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    // Schemes that the URL standard does not know keep an address as an opaque name.
    let short = match url.host()? {
        Host::Domain(host) => {
            !host.contains('.') && host != "localhost" && host.parse::<std::net::IpAddr>().is_err()
        }
        Host::Ipv4(_) | Host::Ipv6(_) => false,
    };
    if short {
        let host = format!("{}.{namespace}.svc", url.host_str()?);
        url.set_host(Some(&host)).ok()?;
    }
    Some(url)
}

/// The URL under another login. A login or password in the query would win over the one in front, so both go.
fn signed_in(url: &Url, login: &str, password: &SecretString) -> SecretString {
    let mut url = url.clone();
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| key != "user" && key != "password")
        .map(|(k, v)| (k.into(), v.into()))
        .collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    // Both only fail for a URL without a host, which `qualified` does not let through.
    let _ = url.set_username(login);
    let _ = url.set_password(Some(password.expose_secret()));
    SecretString::from(url.to_string())
}

#[cfg(test)]
mod tests;

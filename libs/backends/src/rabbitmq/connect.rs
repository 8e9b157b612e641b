//! One way to open a connection, with a bound on the time it takes.

use super::BrokerError;
use crate::credential::Credential;
use lapin::{
    Channel, Connection, ConnectionProperties, runtime, tcp::OwnedTLSConfig, uri::AMQPUri,
};
use secrecy::ExposeSecret;
use std::{path::PathBuf, time::Duration};

/// Bound on the handshake and on each request that is answered.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Heartbeat in seconds where the URL names none: a peer that vanished is noticed after two of them.
const HEARTBEAT: u16 = 10;

/// Where the broker is and who we are to it.
#[derive(Debug, Clone)]
pub struct BrokerAddress {
    /// An AMQP URL with user, password and virtual host. One in a file is read anew at each connection.
    pub url: Credential,
    /// PEM file with the certificates that are trusted, for amqps.
    pub ca_bundle: Option<PathBuf>,
    /// Shown in the broker's list of connections.
    pub name: String,
}

impl BrokerAddress {
    #[must_use]
    pub fn new(url: Credential, name: &str) -> Self {
        Self {
            url,
            ca_bundle: None,
            name: name.to_owned(),
        }
    }

    /// The virtual host that the URL names, for [`super::Management`].
    ///
    /// # Errors
    /// [`BrokerError::Address`]
    pub fn vhost(&self) -> Result<String, BrokerError> {
        Ok(self.uri()?.vhost)
    }

    fn uri(&self) -> Result<AMQPUri, BrokerError> {
        let url = self
            .url
            .read()
            .map_err(|error| BrokerError::Address(error.to_string()))?;
        url.expose_secret()
            .parse()
            // The parser's words hold the URL, and with it the password.
            .map_err(|_| BrokerError::Address("it is no AMQP URL".to_owned()))
    }

    pub(super) async fn connect(&self) -> Result<Connection, BrokerError> {
        let mut uri = self.uri()?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        let cert_chain =
            match &self.ca_bundle {
                None => None,
                Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
                    BrokerError::Address(format!("{}: {error}", path.display()))
                })?),
            };
        let tls = OwnedTLSConfig {
            identity: None,
            cert_chain,
        };
        // No automatic recovery: our own loops reconnect, with the credential as it stands then.
        let properties =
            ConnectionProperties::default().with_connection_name(self.name.as_str().into());
        let connecting = Connection::connect_uri_with_config(
            uri,
            properties,
            tls,
            runtime::default_runtime().map_err(BrokerError::from)?,
        );
        match tokio::time::timeout(CALL_TIMEOUT, connecting).await {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(BrokerError::timed_out("connecting")),
        }
    }
}

/// Runs a request on a channel within the time bound.
pub(super) async fn bounded<T>(
    what: &str,
    request: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(CALL_TIMEOUT, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(BrokerError::timed_out(what)),
    }
}

/// A connection that is opened when it is needed and again when it broke.
#[derive(Debug)]
pub(super) struct Link {
    address: BrokerAddress,
    connection: Option<Connection>,
}

impl Link {
    pub(super) fn new(address: BrokerAddress) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    /// A new channel, on a new connection where the old one is gone.
    pub(super) async fn channel(&mut self) -> Result<Channel, BrokerError> {
        if let Some(connection) = &self.connection {
            if connection.status().connected() {
                match bounded("opening a channel", connection.create_channel()).await {
                    Ok(channel) => return Ok(channel),
                    Err(error) => tracing::debug!(%error, "the connection is of no use any more"),
                }
            }
            self.drop_connection();
        }
        let connection = self.address.connect().await?;
        let channel = bounded("opening a channel", connection.create_channel()).await?;
        self.connection = Some(connection);
        Ok(channel)
    }

    /// Whether the broker said that it takes no messages now.
    pub(super) fn blocked(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.status().blocked())
    }

    /// Forgets the connection; what was in flight on it is lost to us.
    pub(super) fn drop_connection(&mut self) {
        self.connection = None;
    }

    /// Says good-bye to the broker.
    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let closing = connection.close(200, "bye".into());
            if let Err(error) = bounded("closing", closing).await {
                tracing::debug!(%error, "the connection did not close in order");
            }
        }
    }
}

//! `api keys …`: under the operator's login, since the API's own role may only read keys.

use crate::{
    cli::{CreateKey, KeyCommand, KeyStoreSettings, ListKeys, RevokeKey},
    key::{ApiKey, Pepper},
};
use anyhow::{Context, Result, ensure};
use backends::postgres::api::keys::{KeyRow, KeyStore, NewKey};
use secrecy::ExposeSecret;

/// Longest name of a namespace (RFC 1123 label) and of a key.
const MAX_NAME: usize = 63;

pub async fn run(command: KeyCommand) -> Result<()> {
    match command {
        KeyCommand::Create(command) => create(command).await,
        KeyCommand::Revoke(command) => revoke(command).await,
        KeyCommand::List(command) => list(command).await,
    }
}

/// Prints the key alone on standard output, so that a script can keep it; what belongs to it goes to standard error.
async fn create(command: CreateKey) -> Result<()> {
    ensure!(
        is_namespace(&command.namespace),
        "`{}` is no name of a Kubernetes namespace",
        command.namespace
    );
    ensure!(
        !command.name.is_empty()
            && command.name.chars().count() <= MAX_NAME
            && !command.name.chars().any(char::is_control),
        "the name must have 1 to {MAX_NAME} characters, none of them a control character"
    );
    ensure!(
        command.expires.is_none_or(|at| at > chrono::Utc::now()),
        "--expires lies in the past"
    );
    let pepper = Pepper::new(command.pepper.api_key_pepper)?;
    let key = ApiKey::generate();
    let mut verbs: Vec<String> = command
        .verbs
        .iter()
        .map(|verb| verb.as_str().to_owned())
        .collect();
    verbs.sort();
    verbs.dedup();
    connect(&command.store)
        .await?
        .create(&NewKey {
            id: &key.id,
            namespace: &command.namespace,
            name: &command.name,
            verbs: &verbs,
            hash: &pepper.hash(&key),
            expires_at: command.expires,
        })
        .await
        .context("the key was not stored")?;
    eprintln!(
        "key {} of {}: {} in namespace {}. It is shown this once.",
        key.id,
        command.name,
        verbs.join(", "),
        command.namespace
    );
    println!("{}", key.expose().expose_secret());
    Ok(())
}

async fn revoke(command: RevokeKey) -> Result<()> {
    let id = ApiKey::parse(&command.id).map_or(command.id, |key| key.id);
    let revoked = connect(&command.store).await?.revoke(&id).await?;
    ensure!(revoked, "there is no key of the id {id} that still holds");
    println!("revoked {id}");
    Ok(())
}

async fn list(command: ListKeys) -> Result<()> {
    let keys = connect(&command.store)
        .await?
        .list(command.namespace.as_deref())
        .await?;
    for key in keys {
        println!("{}", line(&key));
    }
    Ok(())
}

fn line(key: &KeyRow) -> String {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", at.format("%F %T")),
        (None, Some(at)) if !key.valid => format!("expired {}", at.format("%F %T")),
        (None, Some(at)) => format!("until {}", at.format("%F %T")),
        (None, None) => "valid".to_owned(),
    };
    format!(
        "{}  {}  {}  {}  {state}",
        key.id,
        key.namespace,
        key.name,
        key.verbs.join(",")
    )
}

async fn connect(settings: &KeyStoreSettings) -> Result<KeyStore> {
    KeyStore::connect(settings.keys_database_url.expose_secret())
        .await
        .context("the database does not answer")
}

/// An RFC 1123 label.
fn is_namespace(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty()
        && name.len() <= MAX_NAME
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

//! `probe`: asks addresses whether they answer well. For `helm test`, whose Pod has no shell to do it with.

use anyhow::{Context, Result, bail, ensure};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use url::Url;

/// For one address.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read: readiness is told in a few lines.
const MOST: u64 = 64 * 1024;

/// Asks each plain http address once, and prints what it said.
///
/// # Errors
/// The first that does not answer with 200 within ten seconds, with what it said.
pub async fn run(addresses: &[Url]) -> Result<()> {
    for address in addresses {
        let said = timeout(PATIENCE, ask(address))
            .await
            .with_context(|| format!("{address} gave no answer in {PATIENCE:?}"))?
            .with_context(|| format!("{address} was not reached"))?;
        ensure!(said.starts_with("HTTP/1.1 200 "), "{address} says: {said}");
        println!("{address} answers well");
    }
    Ok(())
}

async fn ask(address: &Url) -> Result<String> {
    let (Some(host), Some(port)) = (address.host_str(), address.port_or_known_default()) else {
        bail!("it names no host");
    };
    ensure!(address.scheme() == "http", "only http is asked");
    let mut stream = TcpStream::connect((host, port)).await?;
    let path = address.path();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut said = Vec::new();
    stream.take(MOST).read_to_end(&mut said).await?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

#[cfg(test)]
mod tests;

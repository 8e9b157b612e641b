//! The REST API of a cluster, through a port that `kubectl` forwards.

use crate::{deploy::NAMESPACE, native::kubectl, paths::Instance};
use anyhow::{Context, Result};
use std::{
    io::{self, BufRead, BufReader},
    process::{Child, Stdio},
    thread,
};

const SERVICE: &str = "service/threads-agent-api";

/// A port of this machine that leads to one of the API's; it ends when dropped.
pub struct Forwarding {
    child: Child,
    /// Host and port on this machine.
    pub address: String,
}

impl Forwarding {
    /// Leads to `port` of the API's Service.
    pub fn open(instance: &Instance, port: u16) -> Result<Self> {
        let mut child = kubectl(instance)
            .args([
                "-n",
                NAMESPACE,
                "port-forward",
                SERVICE,
                &format!(":{port}"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting kubectl port-forward")?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            let mut output = BufReader::new(output);
            output.read_line(&mut line)?;
            // It tells of each connection, and would end with the first one that nobody reads of.
            thread::spawn(move || io::copy(&mut output, &mut io::sink()));
        }
        let mut forwarding = Self {
            child,
            address: String::new(),
        };
        forwarding.address = forwarded(&line).with_context(|| {
            format!("{SERVICE} in namespace {NAMESPACE} cannot be reached; does the API run?")
        })?;
        Ok(forwarding)
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        // Whatever fails here failed because it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in `Forwarding from 127.0.0.1:40123 -> 8080`.
fn forwarded(line: &str) -> Option<String> {
    let rest = line.strip_prefix("Forwarding from ")?;
    let (address, _) = rest.split_once(" -> ")?;
    Some(address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::forwarded;

    #[test]
    fn the_port_that_was_given_is_read() {
        assert_eq!(
            forwarded("Forwarding from 127.0.0.1:40123 -> 8080\n").as_deref(),
            Some("127.0.0.1:40123")
        );
        assert_eq!(forwarded("error: no Pod\n"), None);
        assert_eq!(forwarded(""), None);
    }
}

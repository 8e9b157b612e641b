//! The REST API of a cluster, through a port that `kubectl` forwards.

use crate::{
    exec,
    native::{kubectl, pki},
    paths::Instance,
};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
};

const NAMESPACE: &str = "threads-system";
const SERVICE: &str = "service/threads-agent-api";

/// Ends the forwarding and forgets the key when dropped.
pub struct Client {
    forwarding: Child,
    address: String,
    /// Holds the header with the key, which is on no command line.
    header: PathBuf,
    body: PathBuf,
}

impl Client {
    /// Makes a key of the namespace, or takes the one in `THREADS_KEY`.
    pub fn connect(instance: &Instance, namespace: &str) -> Result<Self> {
        let key = match std::env::var("THREADS_KEY") {
            Ok(key) => key,
            Err(_) => make_key(namespace)?,
        };
        let name = |what: &str| {
            instance
                .run
                .join(format!("audience-{}.{what}", std::process::id()))
        };
        let (header, body) = (name("header"), name("body"));
        pki::write_private(&header, &format!("Authorization: Bearer {}\n", key.trim()))?;
        let mut forwarding = kubectl(instance)
            .args(["-n", NAMESPACE, "port-forward", SERVICE, ":8080"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting kubectl port-forward")?;
        let mut line = String::new();
        if let Some(output) = forwarding.stdout.take() {
            let mut output = BufReader::new(output);
            output.read_line(&mut line)?;
            // It tells of each connection, and would end with the first one that nobody reads of.
            thread::spawn(move || io::copy(&mut output, &mut io::sink()));
        }
        let mut client = Self {
            forwarding,
            address: String::new(),
            header,
            body,
        };
        client.address = forwarded(&line).with_context(|| {
            format!("{SERVICE} in namespace {NAMESPACE} cannot be reached; does the API run?")
        })?;
        Ok(client)
    }

    pub fn get(&self, path: &str) -> Result<String> {
        self.call(&[], path)
    }

    pub fn post(&self, path: &str, content_type: &str, body: &str) -> Result<String> {
        fs::write(&self.body, body)?;
        let (content_type, body) = (
            format!("Content-Type: {content_type}"),
            format!("@{}", self.body.display()),
        );
        self.call(
            &["-X", "POST", "-H", &content_type, "--data-binary", &body],
            path,
        )
    }

    fn call(&self, options: &[&str], path: &str) -> Result<String> {
        let header = format!("@{}", self.header.display());
        let mut command = Command::new("curl");
        command
            .args([
                "-sS",
                "--max-time",
                "60",
                "-w",
                "\n%{http_code}",
                "-H",
                &header,
            ])
            .args(options)
            .arg(format!("http://{}{path}", self.address));
        let answer = exec::output(&mut command)?;
        let (body, code) = answer.rsplit_once('\n').unwrap_or(("", &answer));
        if !code.trim().starts_with('2') {
            bail!("{path} answered {}: {}", code.trim(), body.trim());
        }
        Ok(body.to_owned())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Whatever fails here failed because it is gone already.
        let _ = self.forwarding.kill();
        let _ = self.forwarding.wait();
        let _ = fs::remove_file(&self.header);
        let _ = fs::remove_file(&self.body);
    }
}

/// By the command that people use, so that there is one way to make keys.
fn make_key(namespace: &str) -> Result<String> {
    let program = std::env::current_exe()?;
    let key = exec::output(Command::new(program).args([
        "api-key",
        "--namespace",
        namespace,
        "--name",
        "synthetic-audience",
        "--verbs",
        "posts:read,posts:write,outcomes:write",
    ]))?;
    Ok(key)
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

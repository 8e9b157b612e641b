//! The REST API of a cluster, with a key of its own.

use crate::{exec, forward::Forwarding, native::pki, paths::Instance};
use anyhow::{Result, bail};
use std::{fs, path::PathBuf, process::Command};

/// Ends the forwarding and forgets the key when dropped.
pub struct Client {
    address: String,
    _forwarding: Forwarding,
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
        let forwarding = Forwarding::open(instance, 8080)?;
        Ok(Self {
            address: forwarding.address.clone(),
            _forwarding: forwarding,
            header,
            body,
        })
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

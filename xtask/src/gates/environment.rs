//! What the tests are told of the instance.

use crate::{
    api,
    native::{
        objects,
        services::{INSTALL, Passwords},
        standins, traces,
    },
    paths::Instance,
};
use anyhow::{Context, Result};
use std::fs;

/// Where the tests find the instance.
pub fn environment(instance: &Instance) -> Result<Vec<(String, String)>> {
    let passwords = Passwords::of(instance)?;
    let node = instance.node_address();
    let pairs = [
        ("KUBECONFIG", instance.kubeconfig().display().to_string()),
        ("TEST_CLUSTER", instance.name.clone()),
        (
            "TEST_POSTGRES_SUPERUSER_URL",
            format!(
                "postgres://postgres:{}@{node}:5432/postgres",
                passwords.superuser
            ),
        ),
        (
            "TEST_AMQP_URL",
            format!(
                "amqp://{INSTALL}:{}@{node}:5672/{INSTALL}",
                passwords.rabbitmq
            ),
        ),
        (
            "TEST_RABBITMQ_MANAGEMENT_URL",
            format!("http://{INSTALL}:{}@{node}:15672", passwords.rabbitmq),
        ),
        ("TEST_QDRANT_URL", format!("http://{node}:6334")),
        ("TEST_QDRANT_API_KEY", passwords.qdrant),
        ("TEST_API_URL", format!("http://{node}:{}", api::NODE_PORT)),
        (
            "TEST_ACHIEVEMENTS_URL",
            format!("http://{node}:{}", api::ACHIEVEMENTS_NODE_PORT),
        ),
        ("TEST_LLM_URL", format!("http://{node}:8000/v1")),
        (
            "TEST_GITHUB_URL",
            format!("http://{node}:{}", standins::GITHUB_PORT),
        ),
        ("TEST_OBJECT_STORE_URL", objects::address(instance)),
        ("TEST_OBJECT_STORE_ACCESS_KEY_ID", INSTALL.to_owned()),
        ("TEST_OBJECT_STORE_SECRET_ACCESS_KEY", passwords.objects),
        ("TEST_OBJECT_STORE_BUCKET", objects::TEST_BUCKET.to_owned()),
        ("TEST_JAEGER_URL", traces::address(instance)),
        ("TEST_XTASK", own_copy(instance)?),
    ];
    Ok(pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
}

/// A copy of this program for tests that restart a backing service: the build may replace the original meanwhile.
fn own_copy(instance: &Instance) -> Result<String> {
    let copy = instance.run.join("xtask");
    fs::copy("/proc/self/exe", &copy).context("copying this program for the tests")?;
    Ok(copy.display().to_string())
}

//! A namespace's worker Secrets, as its own people can read them.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, api::ListParams};
use threads_e2e::Cluster;
use url::Url;

/// The content of one Secret `threads-worker-*`, with addresses that the test reaches from outside of the cluster.
pub struct Stolen {
    pub database_url: String,
    pub amqp_url: String,
    /// The management API of the broker under the stolen name.
    pub management_url: String,
    pub qdrant_url: String,
    pub qdrant_token: String,
}

impl Stolen {
    pub async fn all_of(cluster: &Cluster, namespace: &str) -> Vec<Self> {
        let secrets = Api::<Secret>::namespaced(cluster.client.clone(), namespace);
        let found = secrets.list(&ListParams::default()).await.unwrap();
        found.into_iter().filter_map(Self::read).collect()
    }

    fn read(secret: Secret) -> Option<Self> {
        if !secret.metadata.name?.starts_with("threads-worker-") {
            return None;
        }
        let data = secret.data?;
        let value = |key: &str| String::from_utf8(data[key].0.clone()).unwrap();
        let amqp = value("amqp-url");
        Some(Self {
            database_url: outside(&value("database-url"), "TEST_POSTGRES_SUPERUSER_URL"),
            management_url: impersonated("TEST_RABBITMQ_MANAGEMENT_URL", &amqp),
            amqp_url: outside(&amqp, "TEST_AMQP_URL"),
            qdrant_url: env("TEST_QDRANT_URL"),
            qdrant_token: value("qdrant-token"),
        })
    }
}

pub fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// The stolen URL at the address by which the test reaches the same server.
fn outside(stolen: &str, reachable: &str) -> String {
    let (mut url, address) = (parse(stolen), parse(&env(reachable)));
    url.set_host(address.host_str()).unwrap();
    url.set_port(address.port()).unwrap();
    url.into()
}

/// The reachable URL with the user and the password of the stolen one.
fn impersonated(reachable: &str, stolen: &str) -> String {
    let (mut url, stolen) = (parse(&env(reachable)), parse(stolen));
    url.set_username(stolen.username()).unwrap();
    url.set_password(stolen.password()).unwrap();
    url.into()
}

fn parse(url: &str) -> Url {
    url.parse().expect("a URL")
}

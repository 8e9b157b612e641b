#![allow(clippy::unwrap_used)]

use super::*;

fn endpoints(database: &str) -> WorkerEndpoints {
    let secret = |text: &str| SecretString::from(text.to_owned());
    WorkerEndpoints::new(
        &secret(database),
        &secret("amqp://threads:operator-canary@rabbitmq:5672/threads"),
        "http://qdrant:6334",
        secret("key-canary"),
        "threads-system",
    )
    .unwrap()
}

#[test]
fn workers_get_their_own_login_and_a_name_that_their_namespace_resolves() {
    let endpoints = endpoints(
        "postgres://threads_operator:operator-canary@postgres:5432/threads?sslmode=disable",
    );
    let password = SecretString::from("p".repeat(64));
    let database = endpoints.database_for("threads_a_01_a", &password);
    assert_eq!(
        database.expose_secret(),
        &format!(
            "postgres://threads_a_01_a:{}@postgres.threads-system.svc:5432/threads?sslmode=disable",
            "p".repeat(64)
        )
    );
    let broker = endpoints.broker_for("threads_a_01_a", &password);
    assert!(
        broker
            .expose_secret()
            .ends_with("@rabbitmq.threads-system.svc:5672/threads")
    );
    assert_eq!(endpoints.vectors, "http://qdrant.threads-system.svc:6334");
}

/// FAULTS 60: nothing of the operator's own login is left in what tenants can read.
#[test]
fn the_operators_own_login_does_not_reach_a_tenant() {
    for database in [
        "postgres://threads_operator:operator-canary@db.example.com/threads",
        "postgres://db.example.com/threads?user=threads_operator&password=operator-canary",
    ] {
        let url =
            endpoints(database).database_for("login", &SecretString::from("password".to_owned()));
        assert!(
            !url.expose_secret().contains("operator"),
            "{}",
            url.expose_secret()
        );
        assert!(
            url.expose_secret()
                .starts_with("postgres://login:password@db.example.com/threads")
        );
    }
    assert!(!format!("{:?}", endpoints("postgres://h/d")).contains("canary"));
}

#[test]
fn addresses_and_full_names_stay_as_they_are() {
    for host in ["127.0.0.1", "[::1]", "localhost", "db.example.com"] {
        let url = endpoints(&format!("postgres://u:p@{host}:1/d"))
            .database_for("l", &SecretString::from("p".to_owned()));
        assert_eq!(url.expose_secret(), &format!("postgres://l:p@{host}:1/d"));
    }
}

//! Throw-away databases for tests against a real Postgres, one install each, so that tests never meet.

use super::{StoreError, migrate};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::time::Duration;
use uuid::Uuid;

/// Superuser URL of the Postgres that tests may use; tests that need one are skipped where it is not set.
pub const SUPERUSER_URL: &str = "TEST_POSTGRES_SUPERUSER_URL";

/// A migrated database with its own roles; its name is the install's.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    pub install: String,
    pub superuser_url: String,
    pub operator_url: String,
    base: String,
}

impl TestDatabase {
    /// A fresh database, or none where no Postgres was offered (with a line that says so).
    ///
    /// # Errors
    /// A Postgres that was offered but does not do what is asked.
    pub async fn create() -> Result<Option<Self>, StoreError> {
        let Ok(superuser) = std::env::var(SUPERUSER_URL) else {
            eprintln!(
                "skipped: {SUPERUSER_URL} is not set, so there is no Postgres to test against"
            );
            return Ok(None);
        };
        let install = format!("t{}", &Uuid::new_v4().simple().to_string()[..12]);
        let base = superuser
            .rsplit_once('/')
            .map_or(superuser.as_str(), |(base, _)| base)
            .to_owned();
        let mut connection = PgConnection::connect(&superuser).await?;
        for statement in [
            format!("CREATE ROLE {install}_migrate LOGIN CREATEROLE PASSWORD 'test-password'"),
            format!("CREATE ROLE {install}_operator LOGIN PASSWORD 'test-password'"),
            format!("CREATE DATABASE {install} OWNER {install}_migrate"),
        ] {
            connection.execute(AssertSqlSafe(statement)).await?;
        }
        let database = Self {
            superuser_url: format!("{base}/{install}"),
            operator_url: login_url(
                &base,
                &format!("{install}_operator"),
                "test-password",
                &install,
            ),
            install: install.clone(),
            base: base.clone(),
        };
        migrate::migrate(
            &login_url(
                &base,
                &format!("{install}_migrate"),
                "test-password",
                &install,
            ),
            Duration::from_secs(5),
        )
        .await?;
        Ok(Some(database))
    }

    /// URL of another login of this database.
    #[must_use]
    pub fn url_of(&self, login: &str, password: &str) -> String {
        login_url(&self.base, login, password, &self.install)
    }
}

/// `base` is `postgres://user[:password]@host:port`.
fn login_url(base: &str, login: &str, password: &str, database: &str) -> String {
    let host = base.rsplit_once('@').map_or(base, |(_, host)| host);
    format!("postgres://{login}:{password}@{host}/{database}")
}

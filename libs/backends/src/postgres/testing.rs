//! Throw-away databases for tests against a real Postgres, one install each, so that tests never meet.

use super::{StoreError, migrate};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::time::Duration;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Superuser URL of the Postgres that tests may use; tests that need one are skipped where it is not set.
pub const SUPERUSER_URL: &str = "TEST_POSTGRES_SUPERUSER_URL";

/// What the comment of a test's database begins with; the id of the process follows.
const OWNED_BY: &str = "of test process ";

static LEFT_BEHIND: OnceCell<()> = OnceCell::const_new();

/// A migrated database with its own roles; its name is the install's.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    pub install: String,
    pub superuser_url: String,
    pub operator_url: String,
    base: String,
}

/// Of the logins that every test database has.
const PASSWORD: &str = "test-password";

impl TestDatabase {
    /// A fresh database, or none where no Postgres was offered (with a line that says so).
    ///
    /// # Errors
    /// A Postgres that was offered but does not do what is asked.
    pub async fn create() -> Result<Option<Self>, StoreError> {
        let Some(database) = Self::empty().await? else {
            return Ok(None);
        };
        migrate::migrate(&database.migrate_url(), Duration::from_secs(5)).await?;
        Ok(Some(database))
    }

    /// The same before any migration.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn empty() -> Result<Option<Self>, StoreError> {
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
        LEFT_BEHIND
            .get_or_try_init(|| drop_left_behind(&mut connection))
            .await?;
        for statement in [
            format!("CREATE ROLE {install}_migrate LOGIN CREATEROLE PASSWORD '{PASSWORD}'"),
            format!("CREATE ROLE {install}_operator LOGIN PASSWORD '{PASSWORD}'"),
            format!("CREATE DATABASE {install} OWNER {install}_migrate"),
            format!(
                "COMMENT ON DATABASE {install} IS '{OWNED_BY}{}'",
                std::process::id()
            ),
        ] {
            connection.execute(AssertSqlSafe(statement)).await?;
        }
        Ok(Some(Self {
            superuser_url: format!("{base}/{install}"),
            operator_url: login_url(&base, &format!("{install}_operator"), PASSWORD, &install),
            install,
            base,
        }))
    }

    /// URL of the login that owns the schema.
    #[must_use]
    pub fn migrate_url(&self) -> String {
        self.url_of(&format!("{}_migrate", self.install), PASSWORD)
    }

    /// URL of another login of this database.
    #[must_use]
    pub fn url_of(&self, login: &str, password: &str) -> String {
        login_url(&self.base, login, password, &self.install)
    }
}

/// Drops what test programs that have ended left: hundreds of databases of one run would fill a small disk. A test cannot do it
/// itself, because its stores outlive the handle.
async fn drop_left_behind(connection: &mut PgConnection) -> Result<(), StoreError> {
    let databases: Vec<(String, String)> = sqlx::query_as(
        "SELECT datname::text, shobj_description(oid, 'pg_database') FROM pg_database
         WHERE shobj_description(oid, 'pg_database') LIKE $1 || '%'",
    )
    .bind(OWNED_BY)
    .fetch_all(&mut *connection)
    .await?;
    for (database, owner) in databases {
        let process = owner.trim_start_matches(OWNED_BY);
        if !std::path::Path::new("/proc").join(process).exists() {
            let statement = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
            // Another test program may be dropping it at the same moment.
            if let Err(error) = connection.execute(AssertSqlSafe(statement)).await {
                eprintln!("{database} was left where it is: {error}");
            }
        }
    }
    Ok(())
}

/// `base` is `postgres://user[:password]@host:port`.
fn login_url(base: &str, login: &str, password: &str, database: &str) -> String {
    let host = base.rsplit_once('@').map_or(base, |(_, host)| host);
    format!("postgres://{login}:{password}@{host}/{database}")
}

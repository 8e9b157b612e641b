//! Postgres and RabbitMQ as private instances inside the network namespace, with data of their own.

use super::kubectl;
use crate::{exec, k3d, paths::Instance, process, progress::Step};
use anyhow::{Context, Result};
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command, time::Duration};

/// Debian keeps each major version apart.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";
/// Identity of the install: name of the database and of the vhost.
pub const INSTALL: &str = "threads";

/// The passwords of an instance, drawn once.
pub struct Passwords {
    pub superuser: String,
    pub migrate: String,
    pub operator: String,
    pub api: String,
    /// What API keys are hashed with.
    pub pepper: String,
    pub rabbitmq: String,
    pub qdrant: String,
    /// Secret key of the object store; its access key is the install's name.
    pub objects: String,
}

impl Passwords {
    pub fn of(instance: &Instance) -> Result<Self> {
        let draw = |name: &str| -> Result<String> {
            let file = instance.run.join(format!("{name}.password"));
            if let Ok(password) = fs::read_to_string(&file)
                && password.len() == 48
            {
                return Ok(password);
            }
            let mut bytes = [0_u8; 24];
            std::io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut bytes)?;
            let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            super::pki::write_private(&file, &password)?;
            Ok(password)
        };
        Ok(Self {
            superuser: draw("superuser")?,
            migrate: draw("migrate")?,
            operator: draw("operator")?,
            api: draw("api")?,
            pepper: draw("pepper")?,
            rabbitmq: draw("rabbitmq")?,
            qdrant: draw("qdrant")?,
            objects: draw("objects")?,
        })
    }
}

/// `psql` as superuser on the product's database.
pub fn psql(instance: &Instance, database: &str) -> Result<Command> {
    let options = [
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-U",
        "postgres",
        "-d",
        database,
    ];
    if k3d::made(instance) {
        let mut command = kubectl(instance);
        command
            .args([
                "-n",
                "threads-system",
                "exec",
                "statefulset/postgres",
                "--",
                "psql",
            ])
            .args(options);
        return Ok(command);
    }
    let mut command = Command::new("psql");
    command
        .env("PGPASSWORD", Passwords::of(instance)?.superuser)
        .args(options)
        .args(["-h", &instance.node_address()]);
    Ok(command)
}

/// Programs of the newest installed Postgres.
fn postgres_bin() -> Result<String> {
    let newest = fs::read_dir(POSTGRES_VERSIONS)?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .context("no Postgres is installed; apt-get install -y postgresql")?;
    Ok(format!("{POSTGRES_VERSIONS}/{newest}/bin"))
}

pub fn start_postgres(instance: &Instance, step: &Step) -> Result<()> {
    let bin = postgres_bin()?;
    let data = owned_folder(instance, "postgres", "postgres")?;
    let passwords = Passwords::of(instance)?;
    if !data.join("complete").exists() {
        step.say("making the database cluster");
        if data.join("PG_VERSION").exists() {
            fs::remove_dir_all(&data)?;
            owned_folder(instance, "postgres", "postgres")?;
        }
        // initdb reads the password as the user postgres, and wants its own folder empty.
        let waiting = instance.run.join("initdb.password");
        fs::copy(instance.run.join("superuser.password"), &waiting)?;
        exec::output(Command::new("chown").arg("postgres").arg(&waiting))?;
        exec::logged(
            as_user("postgres", &format!("{bin}/initdb"))
                .args([
                    "--username=postgres",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                ])
                .arg(format!("--pwfile={}", waiting.display()))
                .arg(format!("--pgdata={}", data.display())),
            &step.log,
        )?;
        fs::remove_file(&waiting)?;
        fs::write(data.join("pg_hba.conf"), "host all all all scram-sha-256\n")?;
        fs::write(data.join("complete"), "")?;
    }
    let mut server = process::inside(instance, "setpriv");
    server
        .args([
            "--reuid=postgres",
            "--regid=postgres",
            "--init-groups",
            &format!("{bin}/postgres"),
        ])
        .arg("-D")
        .arg(&data)
        .args([
            "-c",
            "listen_addresses=*",
            "-c",
            "unix_socket_directories=",
            "-c",
            "max_connections=200",
            "-c",
            "shared_buffers=64MB",
        ]);
    if instance.name == "test" {
        server.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
    }
    process::ensure(instance, "postgres", &mut server)?;
    step.wait_until("Postgres", Duration::from_secs(30), || {
        psql(instance, "postgres")
            .is_ok_and(|mut psql| exec::succeeds(psql.args(["-c", "SELECT 1"])))
    })?;
    let file = instance.run.join("setup.sql");
    super::pki::write_private(&file, &setup_sql(&passwords))?;
    let done = exec::logged(psql(instance, "postgres")?.arg("-f").arg(&file), &step.log);
    let _ = fs::remove_file(&file);
    done
}

/// The roles and the database, for `psql`; it may run again.
pub fn setup_sql(passwords: &Passwords) -> String {
    format!(
        "SELECT 'CREATE ROLE {INSTALL}_migrate LOGIN CREATEROLE' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{INSTALL}_migrate') \\gexec
SELECT 'CREATE ROLE {INSTALL}_operator LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{INSTALL}_operator') \\gexec
SELECT 'CREATE ROLE {INSTALL}_api LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{INSTALL}_api') \\gexec
ALTER ROLE {INSTALL}_migrate PASSWORD '{}';
ALTER ROLE {INSTALL}_operator PASSWORD '{}';
ALTER ROLE {INSTALL}_api PASSWORD '{}';
SELECT 'CREATE DATABASE {INSTALL} OWNER {INSTALL}_migrate' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{INSTALL}') \\gexec
",
        passwords.migrate, passwords.operator, passwords.api
    )
}

pub fn start_rabbitmq(instance: &Instance, step: &Step) -> Result<()> {
    let folder = owned_folder(instance, "rabbitmq", "rabbitmq")?;
    let passwords = Passwords::of(instance)?;
    let node = instance.node_address();
    fs::write(
        folder.join("rabbitmq.conf"),
        format!(
            "listeners.tcp.1 = {node}:5672
management.tcp.ip = {node}
management.tcp.port = 15672
default_vhost = {INSTALL}
default_user = {INSTALL}
default_pass = {}
default_user_tags.administrator = true
loopback_users = none
vm_memory_high_watermark.absolute = 1GiB
disk_free_limit.absolute = 100MB
management.rates_mode = none
",
            passwords.rabbitmq
        ),
    )?;
    fs::write(folder.join("enabled_plugins"), "[rabbitmq_management].\n")?;
    exec::output(Command::new("chown").args(["-R", "rabbitmq"]).arg(&folder))?;
    let mut broker = process::inside(instance, "setpriv");
    broker
        .args([
            "--reuid=rabbitmq",
            "--regid=rabbitmq",
            "--init-groups",
            "/usr/lib/rabbitmq/bin/rabbitmq-server",
        ])
        .current_dir(&folder)
        .env("HOME", &folder)
        .env("RABBITMQ_NODENAME", "rabbit@localhost")
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env(
            "RABBITMQ_ENABLED_PLUGINS_FILE",
            folder.join("enabled_plugins"),
        )
        .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", folder.join("log"))
        .env("RABBITMQ_PID_FILE", folder.join("pid"))
        .env("ERL_EPMD_ADDRESS", "127.0.0.1");
    process::ensure(instance, "rabbitmq", &mut broker)?;
    step.wait_until("RabbitMQ", Duration::from_secs(60), || {
        exec::succeeds(Command::new("curl").args([
            "-sf",
            "-u",
            &format!("{INSTALL}:{}", passwords.rabbitmq),
            &format!("http://{node}:15672/api/health/checks/virtual-hosts"),
        ]))
    })
}

fn owned_folder(instance: &Instance, name: &str, user: &str) -> Result<PathBuf> {
    let folder = instance.run.join(name);
    fs::create_dir_all(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    exec::output(Command::new("chown").arg(user).arg(&folder))
        .with_context(|| format!("there is no user `{user}`"))?;
    Ok(folder)
}

fn as_user(user: &str, program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args([
            &format!("--reuid={user}"),
            &format!("--regid={user}"),
            "--init-groups",
            program,
        ])
        .current_dir("/");
    command
}

//! Where things lie: the project, the cache of what was built, and the state of each running instance.

use anyhow::{Context, Result, bail};
use std::{
    env,
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The project's root folder: what Cargo says, else where the command was called.
pub fn project() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    manifest
        .as_deref()
        .and_then(Path::parent)
        .map(Path::to_path_buf)
        .or_else(|| env::current_dir().ok())
        .unwrap_or_default()
}

/// What was built and what runs, outside the project: `$THREADS_AGENT_HOME`, else the user's cache folder.
pub fn home() -> Result<PathBuf> {
    if let Some(home) = env::var_os("THREADS_AGENT_HOME") {
        return Ok(PathBuf::from(home));
    }
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("neither HOME nor XDG_CACHE_HOME is set; set THREADS_AGENT_HOME to a folder for builds and state")?;
    Ok(cache.join("threads-agent"))
}

/// Waits for a lock file of the cache; it is free again when the answer is dropped or this process ends, however it ends.
pub fn lock(name: &str) -> Result<File> {
    let path = home()?.join(format!("{name}.lock"));
    fs::create_dir_all(home()?)?;
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("waiting for another `cargo xtask` ({name})");
        file.lock()
            .with_context(|| format!("locking {}", path.display()))?;
    }
    Ok(file)
}

/// One cluster with its services; instances stand side by side, each in a network namespace of its own.
#[derive(Debug, Clone)]
pub struct Instance {
    pub name: String,
    /// 1 to 9: the third digit of its addresses.
    pub index: u8,
    /// Its state: data, certificates, sockets, process ids.
    pub run: PathBuf,
    /// Its logs; they outlive it.
    pub logs: PathBuf,
}

impl Instance {
    /// What `up` leaves running.
    pub fn dev() -> Result<Self> {
        Self::named("dev")
    }

    /// What `test` makes and removes.
    pub fn test() -> Result<Self> {
        Self::named("test")
    }

    pub fn named(name: &str) -> Result<Self> {
        let index = match name {
            "dev" => 1,
            "test" => 2,
            other => bail!("there is no instance `{other}`; there are `dev` and `test`"),
        };
        // Not below a home folder: the databases' own users must be able to walk here.
        let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        let state = match env::var_os("THREADS_AGENT_STATE") {
            Some(folder) => PathBuf::from(folder),
            None if root => PathBuf::from("/var/lib/threads-agent"),
            // The k3d engine needs no root.
            None => home()?.join("run"),
        };
        Ok(Self {
            name: name.to_owned(),
            index,
            run: state.join(name),
            logs: home()?.join("logs").join(name),
        })
    }

    pub fn create_folders(&self) -> Result<()> {
        for folder in [&self.run, &self.logs] {
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        Ok(())
    }

    /// Keeps two commands from changing the instance at once; held until the answer is dropped.
    pub fn lock(&self) -> Result<File> {
        lock(&self.name)
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.run.join("admin.kubeconfig")
    }

    /// Address of the node: the API server and all backing services listen here.
    pub fn node_address(&self) -> String {
        format!("10.24{}.255.2", self.index)
    }

    /// The host's end of the pair of interfaces.
    pub fn host_address(&self) -> String {
        format!("10.24{}.255.1", self.index)
    }

    /// Prefix of the pods' /24.
    pub fn pod_prefix(&self) -> String {
        format!("10.24{}.0", self.index)
    }

    /// Name of the network namespace, of the host's interface and of the cgroup.
    pub fn namespace(&self) -> String {
        format!("ta-{}", self.name)
    }
}

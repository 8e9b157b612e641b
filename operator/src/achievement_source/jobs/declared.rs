//! Worker Jobs of records that have no source, in namespaces where no source works: what people declare there is analysed all the
//! same. Such a namespace names no embedding, so these records are compared with no other, and their notes say so.

use super::{SourceJob, Task, Trouble, build, create, ensure_queue, failed, name_of, settle};
use crate::{
    context::Context,
    controller::time_boxed,
    loops::note_store_failure,
    tenancy::{Tenancy, home},
};
use async_trait::async_trait;
use backends::postgres::operator::achievements::SourceWork;
use domain::names::{Tenant, analysis_queue};
use k8s_openapi::api::batch::v1::Job;
use kube::Api;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// A namespace that was gone is looked for again after this: its records stay, and may be its successor's.
const GONE: Duration = Duration::from_secs(600);

/// What a worker finds in its namespace.
#[async_trait]
trait Ground: Send + Sync {
    /// Makes sure of the queue and of the credentials; answers the name of their Secret.
    async fn prepare(&self, tenant: &Tenant, queue: &str) -> Result<String, Trouble>;
}

struct Backing {
    ctx: Arc<Context>,
    tenancy: Tenancy,
}

#[async_trait]
impl Ground for Backing {
    async fn prepare(&self, tenant: &Tenant, queue: &str) -> Result<String, Trouble> {
        ensure_queue(&self.ctx, tenant, queue).await?;
        let credentials = self.tenancy.ensure_worker_credentials(tenant).await;
        credentials
            .map(|credentials| credentials.secret_name)
            .map_err(|error| Trouble::Waits(error.to_string()))
    }
}

/// Makes and follows these Jobs.
pub struct Analyses {
    ctx: Arc<Context>,
    ground: Arc<dyn Ground>,
    /// Namespaces that were gone, and when they were looked for.
    gone: HashMap<String, Instant>,
}

impl Analyses {
    pub fn new(ctx: Arc<Context>, tenancy: Tenancy) -> Self {
        let ground = Arc::new(Backing {
            ctx: ctx.clone(),
            tenancy,
        });
        Self::on(ctx, ground)
    }

    fn on(ctx: Arc<Context>, ground: Arc<dyn Ground>) -> Self {
        Self {
            ctx,
            ground,
            gone: HashMap::new(),
        }
    }

    /// One look at the rows; answers whether everything worked and nothing waits for a worker Pod. Nothing is asked of the Kubernetes API where none waits and no Job
    /// was granted.
    pub async fn round(&mut self) -> bool {
        let work = match self.ctx.store.unsourced_work().await {
            Ok(work) => work,
            Err(error) => {
                note_store_failure(&self.ctx, "declared records", &error);
                return false;
            }
        };
        let mut worked = true;
        self.gone.retain(|_, looked| looked.elapsed() < GONE);
        for work in work {
            let outcome = if work.granted {
                self.follow(&work).await.map(|()| true)
            } else {
                self.grant(&work).await
            };
            worked &= outcome.unwrap_or_else(|error| {
                tracing::warn!(namespace = work.namespace, %error, "the Job that analyses declared records waits");
                false
            });
        }
        worked
    }

    async fn home(&self, namespace: &str) -> Result<Option<Tenant>, Trouble> {
        let install = &self.ctx.settings.install;
        let found = home(&self.ctx.client, install, namespace).await?;
        Ok(found.map(|home| home.tenant))
    }

    /// False where no worker Pod is left.
    async fn grant(&mut self, work: &SourceWork) -> Result<bool, Trouble> {
        if self.gone.contains_key(&work.namespace) {
            return Ok(true);
        }
        let Some(tenant) = self.home(&work.namespace).await? else {
            self.gone.insert(work.namespace.clone(), Instant::now());
            return Ok(true);
        };
        let mut granted = SourceWork {
            namespace_uid: tenant.namespace_uid,
            ..work.clone()
        };
        let limit = self.ctx.settings.workers.max_worker_pods;
        match self.ctx.store.grant_source_job(&granted, limit).await? {
            Some(ordinal) => {
                granted.ordinal = ordinal;
                self.make(&granted, &tenant).await.map(|()| true)
            }
            None => Ok(false),
        }
    }

    /// Makes a Job where a crash came between grant and Job; notes how one ended.
    async fn follow(&self, work: &SourceWork) -> Result<(), Trouble> {
        let api = Api::<Job>::namespaced(self.ctx.client.clone(), &work.namespace);
        if let Some(found) = time_boxed(api.get_opt(&name_of(&self.ctx, work))).await? {
            if let Some(failed) = found.status.as_ref().and_then(failed) {
                settle(&self.ctx, work, failed).await?;
            }
            return Ok(());
        }
        match self.home(&work.namespace).await? {
            Some(tenant) if tenant.namespace_uid == work.namespace_uid => {
                self.make(work, &tenant).await
            }
            // FAULTS 45: a namespace made again under its name is another one, with a grant of its own.
            _ => Ok(settle(&self.ctx, work, false).await?),
        }
    }

    /// What cannot be made now gives its grant back, and waits.
    async fn make(&self, work: &SourceWork, tenant: &Tenant) -> Result<(), Trouble> {
        let made = self.try_to_make(work, tenant).await;
        if matches!(made, Err(Trouble::Waits(_))) {
            settle(&self.ctx, work, true).await?;
        }
        made
    }

    async fn try_to_make(&self, work: &SourceWork, tenant: &Tenant) -> Result<(), Trouble> {
        let queue = analysis_queue(tenant);
        let secret = self.ground.prepare(tenant, &queue).await?;
        let job = build(&SourceJob {
            task: Task::Analyse,
            install: &self.ctx.settings.install,
            image: &self.ctx.settings.workers.worker_image,
            image_pull_policy: &self.ctx.settings.workers.worker_image_pull_policy,
            namespace: &work.namespace,
            owner: None,
            name: &name_of(&self.ctx, work),
            source: None,
            queue: &queue,
            credentials_digest: "",
            credentials_secret: &secret,
        });
        create(&self.ctx, &work.namespace, &job).await
    }
}

#[cfg(test)]
mod tests;

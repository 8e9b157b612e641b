//! Makes reality match the plan. The row comes first, so that Postgres being down means no external write; an entry in
//! the ledger comes before each thing, and the note that it stands after it.

use super::{
    PersonaWorld,
    observe::wanted_collection,
    plan::{Observed, Plan, Step},
    ports::{CollectionSight, PortError, QueueSight},
    status::{Applied, Standing},
    validate::ValidatedPersona,
};
use backends::postgres::{
    StoreError,
    operator::{
        ledger::{Claim, Ownership, System},
        personas::PersonaRecord,
    },
};

/// Carries the plan out, thing by thing; what one service refuses does not keep the others from being made.
///
/// # Errors
/// Postgres does not answer, or a newer leader writes: nothing further was touched.
pub async fn apply(
    world: &PersonaWorld,
    persona: &ValidatedPersona,
    observed: &Observed,
    plan: &Plan,
) -> Result<Applied, StoreError> {
    let (row, revision) = apply_row(world, persona, observed, &plan.row).await?;
    let queue = apply_queues(world, persona, plan).await?;
    let collection = apply_collection(world, persona, &plan.collection).await?;
    let adopted = matches!(plan.collection, Step::Adopt)
        || matches!(
            observed.collection.ownership,
            Ownership::Own { adopted: true, .. }
        );
    let figures = world.store.persona_figures(persona.uid).await?;
    Ok(Applied {
        revision,
        queue_ready: messages(&observed.queue.sight, &queue),
        dead_letters: messages(&observed.dead_letters.sight, &queue),
        points: points(&observed.collection.sight, &collection),
        row,
        queue,
        collection,
        adopted,
        prompt: observed.prompt.clone(),
        secrets: observed.secrets.clone(),
        figures: Some(figures),
        active_workers: world.active_workers(&persona.tenant.namespace, &persona.name),
        selector: world.worker_selector(&persona.name),
        waiting_seconds: note_waits(world, persona, observed).await?,
        unroutable: world.store.refused_reason(persona.uid).await?,
    })
}

async fn apply_row(
    world: &PersonaWorld,
    persona: &ValidatedPersona,
    observed: &Observed,
    step: &Step,
) -> Result<(Standing, Option<i32>), StoreError> {
    match step {
        Step::Keep => Ok((
            Standing::Ready,
            observed.row.as_ref().and_then(|row| row.revision_number),
        )),
        Step::Report { drift } => Ok((
            Standing::Reported {
                drift: drift.clone(),
            },
            None,
        )),
        Step::Create
        | Step::Adopt
        | Step::Repair { .. }
        | Step::Refuse { .. }
        | Step::Wait { .. } => {
            let record = PersonaRecord {
                uid: persona.uid,
                namespace: &persona.tenant.namespace,
                namespace_uid: persona.tenant.namespace_uid,
                name: &persona.name,
                queue: &persona.queue,
                collection: &persona.revision.vectors.collection,
                suspended: persona.suspended,
                tokens_per_day: persona.tokens_per_day,
                revision: &persona.revision,
            };
            let sync = world.store.sync_persona(&record).await?;
            Ok((done(step), Some(sync.revision.number)))
        }
    }
}

/// Queue and dead-letter queue are declared together; what is said of them is the graver of the two.
async fn apply_queues(
    world: &PersonaWorld,
    persona: &ValidatedPersona,
    plan: &Plan,
) -> Result<Standing, StoreError> {
    let steps = [
        (&persona.queue, &plan.queue),
        (&persona.dead_letter_queue, &plan.dead_letters),
    ];
    for (_, step) in steps {
        if let Some(blocked) = blocked(step) {
            return Ok(blocked);
        }
    }
    if steps.iter().all(|(_, step)| matches!(step, Step::Keep)) {
        return Ok(Standing::Ready);
    }
    for (name, _) in steps {
        if let Some(conflict) = enter(world, &claim(persona, System::RabbitMq, name)).await? {
            return Ok(conflict);
        }
    }
    if matches!(plan.queue, Step::Create | Step::Repair { .. }) {
        // Before the queue stands: the relay holds what it cannot route, and nothing is lost if this process ends here.
        world.store.wake_again(persona.uid).await?;
    }
    if let Err(error) = world.services.queues.declare(&persona.queue).await {
        return Ok(refused(error));
    }
    for (name, _) in steps {
        world
            .store
            .mark_made(&claim(persona, System::RabbitMq, name), false)
            .await?;
    }
    Ok(graver(done(&plan.queue), done(&plan.dead_letters)))
}

async fn apply_collection(
    world: &PersonaWorld,
    persona: &ValidatedPersona,
    step: &Step,
) -> Result<Standing, StoreError> {
    if let Some(blocked) = blocked(step) {
        return Ok(blocked);
    }
    if matches!(step, Step::Keep) {
        return Ok(Standing::Ready);
    }
    let wanted = wanted_collection(persona);
    let claim = claim(persona, System::Qdrant, &wanted.name);
    if let Some(conflict) = enter(world, &claim).await? {
        return Ok(conflict);
    }
    if !matches!(step, Step::Adopt) {
        // Before the collection stands: no point can be stored in between, and none is missed if this process ends here.
        world.store.forget_points(&wanted.name).await?;
        if let Err(error) = world.services.vectors.create(&wanted).await {
            return Ok(refused(error));
        }
    }
    world
        .store
        .mark_made(&claim, matches!(step, Step::Adopt))
        .await?;
    Ok(done(step))
}

/// Enters a thing into the ledger; answers the conflict where another was quicker.
async fn enter(world: &PersonaWorld, claim: &Claim<'_>) -> Result<Option<Standing>, StoreError> {
    Ok(match world.store.claim_name(claim).await? {
        Ownership::Other { namespace, owner } => Some(Standing::Conflict {
            message: format!(
                "{} belongs to resource {owner} in namespace {namespace}, which had it first",
                claim.name
            ),
        }),
        Ownership::Free | Ownership::Own { .. } => None,
    })
}

fn claim<'a>(persona: &'a ValidatedPersona, system: System, name: &'a str) -> Claim<'a> {
    Claim {
        system,
        name,
        namespace: &persona.tenant.namespace,
        owner: persona.uid,
    }
}

fn blocked(step: &Step) -> Option<Standing> {
    match step {
        Step::Refuse { conflict } => Some(Standing::Conflict {
            message: conflict.clone(),
        }),
        Step::Wait { why } => Some(Standing::Unavailable {
            message: why.clone(),
        }),
        Step::Report { drift } => Some(Standing::Reported {
            drift: drift.clone(),
        }),
        Step::Keep | Step::Adopt | Step::Create | Step::Repair { .. } => None,
    }
}

fn done(step: &Step) -> Standing {
    match step {
        Step::Repair { drift } => Standing::Repaired {
            drift: drift.clone(),
        },
        _ => Standing::Ready,
    }
}

fn graver(queue: Standing, dead_letters: Standing) -> Standing {
    match (queue, dead_letters) {
        (Standing::Repaired { drift: a }, Standing::Repaired { drift: b }) => Standing::Repaired {
            drift: format!("{a}; {b}"),
        },
        (Standing::Ready, other) | (other, _) => other,
    }
}

fn refused(error: PortError) -> Standing {
    match error {
        PortError::Unavailable(message) => Standing::Unavailable { message },
        PortError::Conflict(message) => Standing::Conflict { message },
    }
}

/// Messages as they were seen, or none in a queue that was just made.
fn messages(sight: &Result<QueueSight, String>, standing: &Standing) -> Option<u64> {
    match (sight, standing) {
        (Ok(QueueSight::Standing { ready } | QueueSight::Unbound { ready }), _) => Some(*ready),
        (Ok(QueueSight::Absent), Standing::Ready | Standing::Repaired { .. }) => Some(0),
        _ => None,
    }
}

fn points(sight: &Result<CollectionSight, String>, standing: &Standing) -> Option<u64> {
    match (sight, standing) {
        (Ok(CollectionSight::Standing { points }), _) => Some(*points),
        (Ok(CollectionSight::Absent), Standing::Ready | Standing::Repaired { .. }) => Some(0),
        _ => None,
    }
}

/// Notes which references are missing; answers for how long the oldest has been.
async fn note_waits(
    world: &PersonaWorld,
    persona: &ValidatedPersona,
    observed: &Observed,
) -> Result<Option<f64>, StoreError> {
    let problems = [
        observed.prompt.as_ref().err(),
        observed.secrets.as_ref().err(),
    ];
    let reasons: Vec<String> = problems
        .into_iter()
        .flatten()
        .map(|problem| problem.reason.as_str().to_owned())
        .collect();
    if reasons.is_empty() && !world.store.waits(persona.uid).await? {
        return Ok(None);
    }
    let waits = world.store.note_waits(persona.uid, &reasons).await?;
    Ok(waits.iter().map(|wait| wait.seconds).reduce(f64::max))
}

//! Tokens are reserved before a task is queued. A task that does not fit is parked and takes no place in any queue.

use super::OUTBOX_CHANNEL;
use crate::postgres::{StoreError, operator::OperatorStore};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// What a reservation came to, in tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reservation {
    /// Queued by this call.
    pub queued: i64,
    /// Left parked: the budget does not hold them now.
    pub parked: i64,
    /// Failed: the run's own limit does not hold them, and nothing of the run is left that could free tokens.
    pub failed: i64,
}

/// The budget of a run, in tokens.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Budget {
    persona_uid: Uuid,
    namespace: String,
    task_tokens: i64,
    /// What the run may still reserve; absent where it has no limit.
    run_left: Option<i64>,
    tokens_per_day: Option<i64>,
    /// Tasks of the run that may still give tokens back.
    open_tasks: i64,
}

impl OperatorStore {
    /// Queues those parked tasks of a run that its budget holds now.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn wake_parked(&self, run: Uuid) -> Result<Reservation, StoreError> {
        let mut transaction = self.begin().await?;
        let reservation = reserve_and_queue(&mut transaction, run).await?;
        transaction.commit().await?;
        Ok(reservation)
    }
}

/// Reserves for as many parked tasks as the budget holds, in the order of their index, and queues those.
pub(super) async fn reserve_and_queue(
    transaction: &mut Transaction<'static, Postgres>,
    run: Uuid,
) -> Result<Reservation, StoreError> {
    let parked: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM tasks WHERE run_id = $1 AND status = 'parked' AND parked_reason = 'BudgetExhausted'
         ORDER BY index FOR UPDATE",
    )
    .bind(run)
    .fetch_all(&mut **transaction)
    .await?;
    if parked.is_empty() {
        return Ok(Reservation::default());
    }
    let budget: Budget = sqlx::query_as(
        "SELECT run.persona_uid, run.namespace, run.task_tokens, run.tokens_limit - run.tokens_reserved - run.tokens_spent AS run_left,
             persona.tokens_per_day,
             (SELECT count(*) FROM tasks WHERE run_id = run.id AND status IN ('queued', 'processing')) AS open_tasks
         FROM content_runs run JOIN personas persona ON persona.uid = run.persona_uid WHERE run.id = $1 FOR UPDATE OF run",
    )
    .bind(run)
    .fetch_one(&mut **transaction)
    .await?;
    let day_left = lock_day(transaction, &budget).await?;
    let fitting = fitting(
        parked.len(),
        budget.task_tokens,
        [budget.run_left, day_left],
    );
    let (taken, left) = parked.split_at(fitting);
    queue(transaction, run, &budget, taken).await?;
    let run_is_spent = budget
        .run_left
        .is_some_and(|tokens| tokens < budget.task_tokens);
    let mut reservation = Reservation {
        queued: taken.len() as i64,
        parked: left.len() as i64,
        failed: 0,
    };
    if taken.is_empty() && run_is_spent && budget.open_tasks == 0 {
        give_up(transaction, run, left).await?;
        reservation = Reservation {
            failed: reservation.parked,
            ..Reservation::default()
        };
    }
    Ok(reservation)
}

/// How many of `waiting` tasks of `each` tokens fit into every limit that there is.
fn fitting(waiting: usize, each: i64, limits: [Option<i64>; 2]) -> usize {
    limits
        .into_iter()
        .flatten()
        .map(|left| usize::try_from(left.max(0) / each.max(1)).unwrap_or(usize::MAX))
        .fold(waiting, usize::min)
}

/// Locks today's row of the persona, so that two runs never see the same tokens free; answers what is left of its limit.
async fn lock_day(
    transaction: &mut Transaction<'static, Postgres>,
    budget: &Budget,
) -> Result<Option<i64>, StoreError> {
    let used: i64 = sqlx::query_scalar(
        "INSERT INTO token_days AS today (persona_uid, day, namespace) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2)
         ON CONFLICT (persona_uid, day) DO UPDATE SET reserved = today.reserved RETURNING reserved + spent",
    )
    .bind(budget.persona_uid)
    .bind(&budget.namespace)
    .fetch_one(&mut **transaction)
    .await?;
    Ok(budget.tokens_per_day.map(|limit| limit - used))
}

async fn queue(
    transaction: &mut Transaction<'static, Postgres>,
    run: Uuid,
    budget: &Budget,
    tasks: &[Uuid],
) -> Result<(), StoreError> {
    if tasks.is_empty() {
        return Ok(());
    }
    // All these rows are locked by now, in the order that this module keeps.
    sqlx::query(
        "WITH of_run AS (UPDATE content_runs SET tokens_reserved = tokens_reserved + $3 WHERE id = $4),
             of_day AS (UPDATE token_days SET reserved = reserved + $3
                 WHERE persona_uid = $5 AND day = (now() AT TIME ZONE 'UTC')::date)
         UPDATE tasks SET status = 'queued', parked_reason = NULL, reserved_tokens = $2, not_before = now(),
             reserved_day = (now() AT TIME ZONE 'UTC')::date WHERE id = ANY($1)",
    )
    .bind(tasks)
    .bind(budget.task_tokens)
    .bind(budget.task_tokens * tasks.len() as i64)
    .bind(run)
    .bind(budget.persona_uid)
    .execute(&mut **transaction)
    .await?;
    wake_queued(transaction, run).await
}

/// One outbox row for each queued task and attempt; one that was sent before is sent again, because it was consumed while
/// the task could not be claimed.
pub(super) async fn wake_queued(
    transaction: &mut Transaction<'static, Postgres>,
    run: Uuid,
) -> Result<(), StoreError> {
    sqlx::query(
        "WITH woken AS (INSERT INTO outbox (namespace, type, task_id, attempt)
             SELECT namespace, 'content.generation', id, claims FROM tasks WHERE run_id = $1 AND status = 'queued' ORDER BY index
             ON CONFLICT (task_id, attempt) DO UPDATE SET sent_at = NULL, error = NULL, not_before = now()
                 WHERE outbox.sent_at IS NOT NULL)
         SELECT pg_notify($2, '')",
    )
    .bind(run)
    .bind(OUTBOX_CHANNEL)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn give_up(
    transaction: &mut Transaction<'static, Postgres>,
    run: Uuid,
    tasks: &[Uuid],
) -> Result<(), StoreError> {
    const MESSAGE: &str =
        "spec.limits.tokens is used up; create the job with a higher limit or a lower count";
    sqlx::query(
        "UPDATE tasks SET status = 'failed', parked_reason = NULL, completed_at = greatest(now(), started_at),
             error_class = 'invalid', error_code = 'BudgetExhausted', error_message = $2 WHERE id = ANY($1)",
    )
    .bind(tasks)
    .bind(MESSAGE)
    .execute(&mut **transaction)
    .await?;
    sqlx::query(
        "UPDATE content_runs SET last_error = jsonb_build_object('class', 'invalid', 'code', 'BudgetExhausted', 'message', $2::text)
         WHERE id = $1",
    )
    .bind(run)
    .bind(MESSAGE)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn as_many_tasks_fit_as_the_tightest_limit_holds() {
        for (waiting, each, run, day, expected) in [
            (5, 100, None, None, 5),
            (5, 100, Some(299), None, 2),
            (5, 100, Some(1000), Some(100), 1),
            (5, 100, Some(1000), Some(99), 0),
            (5, 100, Some(-50), None, 0),
            (5, 0, Some(3), None, 3),
        ] {
            assert_eq!(
                fitting(waiting, each, [run, day]),
                expected,
                "{waiting} × {each} in {run:?}, {day:?}"
            );
        }
    }
}

//! The conditions of an achievement: the three of every kind, and those of its record.

use super::{
    super::{
        PATIENCE_SECONDS,
        announce::{Decision, kept_out},
        validate::ValidatedAchievement,
    },
    Applied,
};
use crate::prompt_template::plan::Problem;
use backends::postgres::operator::achievements::AchievementRow;
use crds::{AchievementStatus, ConditionState, ConditionType, Reason, set_condition};
use k8s_openapi::jiff::Timestamp;

pub(super) struct Conditions<'a> {
    pub status: &'a mut AchievementStatus,
    pub generation: Option<i64>,
    pub now: Timestamp,
}

type Word = (ConditionState, Reason, String);

impl Conditions<'_> {
    pub fn set(
        &mut self,
        type_: ConditionType,
        state: ConditionState,
        reason: Reason,
        message: &str,
    ) {
        set_condition(
            &mut self.status.conditions,
            type_,
            state,
            reason,
            message,
            self.generation,
            self.now,
        );
    }

    fn say(&mut self, type_: ConditionType, (state, reason, message): Word) {
        self.set(type_, state, reason, &message);
    }

    pub fn of_record(&mut self, applied: &Applied) {
        let row = applied.row.as_ref();
        self.say(ConditionType::SourceVerified, verified(row));
        let recorded = match row {
            Some(row) if row.deleted => no(Reason::Progressing, "the record was deleted"),
            Some(_) => match applied.first_problem() {
                Some(problem) => no(problem.reason, &problem.message),
                None => yes(Reason::Succeeded, ""),
            },
            None => no(Reason::Progressing, "there is no record yet"),
        };
        self.say(ConditionType::Recorded, recorded);
        self.say(ConditionType::Analyzed, analyzed(row));
        self.say(ConditionType::PortfolioReady, portfolio(row));
        self.say(ConditionType::Published, published(&applied.announcement));
    }

    pub fn of_whole(&mut self, achievement: &ValidatedAchievement, applied: &Applied) {
        match &applied.drift {
            None => self.set(ConditionType::Drifted, false.into(), Reason::InSync, ""),
            Some(drift) if applied.written => {
                self.set(
                    ConditionType::Drifted,
                    false.into(),
                    Reason::Repaired,
                    drift,
                );
            }
            Some(drift) => self.set(
                ConditionType::Drifted,
                true.into(),
                Reason::DriftReported,
                drift,
            ),
        }
        if let Some(problem) = applied.first_problem() {
            self.obstructed(problem, applied.waiting_seconds.unwrap_or(0.0));
            return;
        }
        if achievement.suspended {
            let message = "spec.suspend is true: the record stays as it is";
            self.set(
                ConditionType::Ready,
                true.into(),
                Reason::Suspended,
                message,
            );
            self.set(
                ConditionType::Reconciling,
                false.into(),
                Reason::Suspended,
                "",
            );
            self.set(ConditionType::Stalled, false.into(), Reason::AllReady, "");
            return;
        }
        let (state, reason, message) = analyzed(applied.row.as_ref());
        let done = state == ConditionState::True;
        let failed = reason == Reason::AnalysisFailed;
        let whole = match (done, failed) {
            (true, _) => Reason::AllReady,
            (false, true) => Reason::AnalysisFailed,
            (false, false) => Reason::Progressing,
        };
        self.set(ConditionType::Ready, done.into(), whole, &message);
        self.set(
            ConditionType::Reconciling,
            (!done && !failed).into(),
            whole,
            &message,
        );
        self.set(
            ConditionType::Stalled,
            failed.into(),
            whole,
            if failed { &message } else { "" },
        );
    }

    /// What is waited for is Reconciling, and Stalled after five minutes; what a person must mend is Stalled at once.
    pub fn obstructed(&mut self, problem: &Problem, waited: f64) {
        let stalled = !problem.waits || waited >= PATIENCE_SECONDS;
        self.set(
            ConditionType::Ready,
            false.into(),
            problem.reason,
            &problem.message,
        );
        self.set(
            ConditionType::Reconciling,
            (!stalled).into(),
            problem.reason,
            &problem.message,
        );
        self.set(
            ConditionType::Stalled,
            stalled.into(),
            problem.reason,
            &problem.message,
        );
    }
}

fn yes(reason: Reason, message: &str) -> Word {
    (ConditionState::True, reason, message.to_owned())
}

fn no(reason: Reason, message: &str) -> Word {
    (ConditionState::False, reason, message.to_owned())
}

fn verified(row: Option<&AchievementRow>) -> Word {
    match row {
        Some(row) if row.told => yes(Reason::Succeeded, ""),
        Some(row) if row.source_type == "github_pr" => no(
            Reason::NotTold,
            "no webhook and no backfill told of this pull request yet",
        ),
        Some(_) => no(Reason::SelfDeclared, "only this resource says so"),
        None => (ConditionState::Unknown, Reason::NotObserved, String::new()),
    }
}

fn analyzed(row: Option<&AchievementRow>) -> Word {
    match row {
        Some(row) if row.analysis.is_some() && row.analyzed_version == Some(row.facts_version) => {
            yes(Reason::Succeeded, "")
        }
        Some(row) => match &row.failure {
            Some(failure) => no(
                Reason::AnalysisFailed,
                &format!("the analysis used up its attempts: {failure}"),
            ),
            None => no(
                Reason::WaitingForAnalysis,
                "the newest facts wait for their analysis",
            ),
        },
        None => no(Reason::WaitingForAnalysis, "there is no record yet"),
    }
}

fn portfolio(row: Option<&AchievementRow>) -> Word {
    let Some(row) = row else {
        return no(Reason::WaitingForAnalysis, "there is no record yet");
    };
    if let Some((reason, message)) = kept_out(row) {
        return no(reason, message);
    }
    if row.portfolio_ready {
        return yes(Reason::Succeeded, "");
    }
    let Some(analysis) = row.analysis.as_ref() else {
        return no(Reason::WaitingForAnalysis, "it was not analysed yet");
    };
    let message = if analysis.findings.iter().any(|it| it.kind == "secret") {
        "its text may hold a secret; its findings say where"
    } else if row.completed_at.is_none() {
        "it has no completion date"
    } else {
        "there is no evidence of any impact"
    };
    no(Reason::Incomplete, message)
}

fn published(decision: &Decision) -> Word {
    match decision {
        Decision::Announced { job } => {
            yes(Reason::Announced, &format!("ContentJob {job} announces it"))
        }
        Decision::Approval { message, .. } => no(Reason::AwaitingApproval, message),
        Decision::Not { reason, message } => no(*reason, message),
        Decision::Order(_) | Decision::Make { .. } => {
            no(Reason::Progressing, "its announcement is being ordered")
        }
    }
}

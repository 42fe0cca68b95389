//! What the engine tells while it works.

use serde::Serialize;

use super::operation::Typical;
use super::step::Call;
use super::{Address, Step, StepId};

/// How a step of an apply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Done,
    Failed,
    /// A step that it needs failed.
    Skipped,
    Interrupted,
}

/// What has to happen before a call that failed can pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remedy {
    /// The spec asks for something that AWS does not take.
    Spec,
    /// AWS has no room for it, or the account may have no more of it.
    Quota,
    /// These credentials may not do it.
    Permission,
    /// AWS may not write to the place that logs should go to.
    Destination,
    /// AWS took the change and took it back: it does not fit what the cache holds.
    TakenBack,
    /// The resource is in a state that it does not leave by itself, for a cause that AWS tells.
    Cause,
    /// Nothing: the same call may pass later.
    Time,
}

/// What came of one step of an apply.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    pub step: StepId,
    pub status: Status,
    pub request_id: Option<String>,
    pub seconds: f64,
    /// Of a failed step: why. Of an interrupted one: the last state that was seen.
    pub error: Option<String>,
    /// Of a failed step: what it takes.
    #[serde(skip)]
    pub remedy: Remedy,
    /// It failed only because nobody waits for it any longer.
    #[serde(skip)]
    pub timed_out: bool,
    /// What it was to delete is not what was planned any more.
    #[serde(skip)]
    pub moved: bool,
}

impl StepResult {
    /// A result without anything to tell besides: no request id, no time spent, no error.
    pub fn new(step: StepId, status: Status) -> Self {
        Self {
            step,
            status,
            request_id: None,
            seconds: 0.0,
            error: None,
            remedy: Remedy::Time,
            timed_out: false,
            moved: false,
        }
    }
}

/// The state of a resource that is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WaitState {
    pub status: String,
    /// Members that are available, of all.
    pub ready: usize,
    pub total: usize,
    pub detail: String,
    /// The last event that AWS told of it; empty without one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub event: String,
}

/// `modifying, 3/5 nodes available, prod-cache-004 creating`
impl std::fmt::Display for WaitState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.status)?;
        if self.total > 0 {
            let word = if self.status == "alarms" { "put" } else { "nodes available" };
            write!(f, ", {}/{} {word}", self.ready, self.total)?;
        }
        if !self.detail.is_empty() {
            write!(f, ", {}", self.detail)?;
        }
        Ok(())
    }
}

/// What progress is told of.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    Step(&'a Step),
    /// A resource that is waited for before there is a plan.
    Resource(&'a Address),
}

impl<'a> Subject<'a> {
    /// The number of what is no step: of a resource that is waited for before there is a plan.
    pub const NO_STEP: StepId = StepId(0);

    /// The resource that progress is told of.
    pub fn address(self) -> &'a Address {
        match self {
            Subject::Step(step) => &step.address,
            Subject::Resource(address) => address,
        }
    }

    /// The step's number; [`Subject::NO_STEP`] where no step has it.
    pub fn id(self) -> StepId {
        match self {
            Subject::Step(step) => step.id,
            Subject::Resource(_) => Self::NO_STEP,
        }
    }

    /// How long AWS usually takes for the step; `None` where that is not known, or there is no step.
    pub fn typically(self) -> Option<Typical> {
        match self {
            Subject::Step(step) => step.call().and_then(Call::typically),
            Subject::Resource(_) => None,
        }
    }

    /// Does the subject take time after the answer to a call, so that its waiting is worth showing?
    pub fn takes_time(self) -> bool {
        self.typically().is_some() || matches!(self, Subject::Resource(_))
    }

    /// AWS's name of what is called, or `wait`.
    pub fn operation(self) -> &'static str {
        match self {
            Subject::Step(step) => step.operation().name(),
            Subject::Resource(_) => "wait",
        }
    }
}

/// One piece of news of an apply under way.
pub enum Progress<'a> {
    Started {
        subject: Subject<'a>,
    },
    Waiting {
        subject: Subject<'a>,
        state: &'a WaitState,
    },
    /// Something worth a line: a retry, a recognised lost answer.
    Note {
        subject: Subject<'a>,
        text: &'a str,
    },
    Done {
        subject: Subject<'a>,
        result: &'a StepResult,
    },
}

/// Who is told the progress of an apply, by steps that run side by side.
pub trait Reporter: Sync {
    /// Takes one piece of news.
    fn report(&self, progress: &Progress<'_>);
}

//! What the engine tells while it works.

use serde::Serialize;

use crate::model::plan::Step;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Done,
    Failed,
    /// A step that it needs failed.
    Skipped,
    Interrupted,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    pub step: usize,
    pub status: Status,
    pub request_id: Option<String>,
    pub seconds: f64,
    /// Of a failed step: why. Of an interrupted one: the last state that was seen.
    pub error: Option<String>,
    /// It failed only because nobody waits for it any longer.
    #[serde(skip)]
    pub timed_out: bool,
    /// What it was to delete is not what was planned any more.
    #[serde(skip)]
    pub moved: bool,
}

impl StepResult {
    pub fn new(step: usize, status: Status) -> Self {
        Self { step, status, request_id: None, seconds: 0.0, error: None, timed_out: false, moved: false }
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

/// `modifying, 3/5 available, prod-cache-004 creating`
impl std::fmt::Display for WaitState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.status)?;
        if self.total > 0 {
            let word = if self.status == "alarms" { "put" } else { "available" };
            write!(f, ", {}/{} {word}", self.ready, self.total)?;
        }
        if !self.detail.is_empty() {
            write!(f, ", {}", self.detail)?;
        }
        Ok(())
    }
}

pub enum Progress<'a> {
    Started {
        step: &'a Step,
    },
    Waiting {
        step: &'a Step,
        state: &'a WaitState,
    },
    /// Something worth a line: a retry, a recognised lost answer.
    Note {
        step: &'a Step,
        text: &'a str,
    },
    Done {
        step: &'a Step,
        result: &'a StepResult,
    },
}

pub trait Reporter: Sync {
    fn report(&self, progress: &Progress<'_>);
}

//! What the engine tells while it works.

use serde::Serialize;

use crate::plan::model::Step;

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
    pub error: Option<String>,
}

/// The state of a resource that is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WaitState {
    pub status: String,
    /// Members that are available, of all.
    pub ready: usize,
    pub total: usize,
    pub detail: String,
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

//! What a drill came to, as JSON has it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::picture::Picture;
use super::probe::Behaviour;
use crate::smoke::Verdict;

/// One shard's failover. Times in milliseconds count from when AWS was asked for it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub format_version: &'static str,
    pub address: String,
    pub shard: String,
    /// When AWS was asked, in UTC with milliseconds.
    pub started_at: String,
    pub timeline: Vec<Moment>,
    pub write: Writes,
    pub read: Reads,
    pub clients: Vec<Client>,
    pub old_primary: Option<String>,
    pub new_primary: Option<String>,
    /// Until every node was back and AWS called all of it available; `null` where that was not seen.
    pub available_after_ms: Option<i64>,
    /// How long this machine stood still since AWS was asked; no answer is seen then.
    pub stalled_ms: f64,
    /// AWS's own, by AWS's clock.
    pub events: Vec<Told>,
    pub gates: Vec<Gate>,
    pub verdict: Verdict,
    /// Why it failed, and what deserves a look.
    pub findings: Vec<String>,
    /// What could not be told, and why.
    pub undecided: Vec<String>,
    pub interrupted: bool,
    #[serde(skip)]
    pub picture: Picture,
    /// How long the clients had run when AWS was asked: the picture's time counts from their beginning.
    #[serde(skip)]
    pub called_after: std::time::Duration,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    pub at_ms: i64,
    pub event: Kind,
    pub node: Option<String>,
    pub detail: String,
}

/// What kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    Called,
    FirstError,
    LastWriteToOldPrimary,
    FirstWriteToNewPrimary,
    WritesResumed,
    ReadsResumed,
    Role,
    Unreachable,
    Reachable,
    InSync,
    Name,
    Status,
    AwsEvent,
    Restored,
}

/// Both writers together; the gap is that of the one that waits for nobody.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Writes {
    pub longest_gap_ms: Option<f64>,
    /// Attempts without a connection are errors, and were not sent.
    pub sent: u64,
    pub acknowledged: u64,
    /// Acknowledged, confirmed by no replica, and not there afterwards; `null` where that could not be told.
    pub lost: Option<u64>,
    /// Confirmed by a replica (WAIT), and not there afterwards.
    pub waited_lost: Option<u64>,
    pub errors: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reads {
    pub longest_gap_ms: Option<f64>,
    /// `missing`: an answer, and the key was not there.
    pub errors: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    pub behaviour: Behaviour,
    pub longest_gap_ms: Option<f64>,
    pub recovered: bool,
}

/// An event of AWS's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// AWS tells whole seconds.
    pub at: Option<String>,
    pub source: String,
    pub message: String,
}

/// One bound of `drill.require`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    pub name: &'static str,
    /// Milliseconds, or writes.
    pub required: f64,
    pub measured: Option<f64>,
    pub passed: bool,
    pub undecided: Option<String>,
}

impl Report {
    /// Does it count as a failure? What a bound asked for and could not be told does.
    pub fn fails(&self) -> bool {
        self.verdict == Verdict::Failed || self.gates.iter().any(|gate| !gate.passed)
    }
}

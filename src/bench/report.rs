//! A benchmark's result, as its JSON has it. All latencies are in milliseconds, all rates a second.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::client::engine::Reason;
use crate::client::latency::Latencies;
use crate::model::plan::FORMAT_VERSION;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub format_version: &'static str,
    /// Version of the tool.
    pub cachectl: &'static str,
    pub started_at: String,
    pub host: Host,
    pub server: Server,
    pub settings: Asked,
    /// Closed loop: as fast as the clients could. Null where a rate was given.
    pub capacity: Option<Capacity>,
    /// Open loop: on a schedule, from when each command was due. Null where the run ended before it.
    pub latency: Option<LatencyReport>,
    pub find_rate: Option<FindRate>,
    /// Failed commands of all measurements, by class.
    pub errors: BTreeMap<String, u64>,
    pub error_details: Vec<ErrorDetail>,
    /// Of the measurement of latency; of capacity where there is no latency.
    pub per_shard: Vec<ShardReport>,
    pub redirects: Redirects,
    /// What the servers counted between the beginning and the end; null where INFO is not allowed.
    pub server_delta: Option<ServerDelta>,
    pub baseline: Option<Vec<Compared>>,
    /// Reads that did not find a key whose write was acknowledged and whose TTL was not over.
    pub lost: u64,
    /// Reads that did not find a key which could not be renewed within its TTL.
    pub expired: u64,
    /// Keys that may be left on the servers; they expire by themselves.
    pub left_behind: u64,
    pub verdict: Verdict,
    /// What went wrong, in words, for `failed` and `warned`.
    pub findings: Vec<String>,
    /// Why the numbers may say more of this machine than of the server.
    pub undecided: Vec<String>,
    /// What else is to be known, and has nothing to do with the verdict.
    pub notes: Vec<String>,
    /// Why it ended before its time.
    pub stopped: Option<Reason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    Passed,
    Warned,
    Failed,
    Undecided,
}

/// The machine that measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    pub os: String,
    pub arch: String,
    pub processors: usize,
    pub processor: Option<String>,
    /// Processes that wanted a processor when the run began, of all on the machine.
    pub load: Option<f64>,
    /// The endpoint is this machine, so that both share its processors.
    pub same_machine: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    pub endpoint: String,
    pub engine: Option<String>,
    pub version: Option<String>,
    pub cluster: bool,
    pub tls: bool,
    pub shards: usize,
    pub maxmemory_bytes: Option<u64>,
    pub maxmemory_policy: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    pub clients: usize,
    pub pipeline: usize,
    pub threads: usize,
    pub read_ratio: f64,
    pub value_size: usize,
    /// Keys in use, and asked for: fewer where the memory budget allows no more.
    pub keys: u32,
    pub keys_asked: u32,
    pub distribution: String,
    pub read_from: String,
    pub duration_seconds: f64,
    pub requests: Option<u64>,
    /// Commands a second that were asked for, and the bound that a rate was looked for.
    pub rate: Option<f64>,
    pub find_rate: Option<String>,
    pub key_prefix: String,
    pub unbounded: bool,
    pub budget: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Median of the windows.
    pub ops_per_second: f64,
    pub windows: Vec<f64>,
    pub client_cpu_micros_per_op: Option<f64>,
    /// Share of the time in which the busiest thread did not wait, 0 to 1.
    pub client_busy: f64,
    /// Round trips of the closed loop. They hide stalls: for waits see `latency`.
    pub service: Latencies,
    pub hits: u64,
    pub misses: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencyReport {
    pub rate: f64,
    pub achieved_rate: f64,
    #[serde(flatten)]
    pub percentiles: Latencies,
    /// Of the clients of any one thread.
    pub longest_gap_ms: f64,
    /// The longest without the times in which this machine stood still.
    pub least_gap_ms: f64,
    /// When the longest began, and whether it lasted to the end.
    pub longest_gap_at_ms: f64,
    pub longest_gap_open: bool,
    pub unsent: u64,
    pub cut: u64,
    /// From when each command was sent: what a closed-loop tool would tell.
    pub service: Latencies,
    /// How late this machine came to the commands that were due.
    pub lag: Latencies,
    /// All the time that this machine stood still.
    pub stalled_ms: f64,
    pub connections_busy: f64,
    pub client_cpu_micros_per_op: Option<f64>,
    pub client_busy: f64,
    pub client_starved: Option<f64>,
    pub hits: u64,
    pub misses: u64,
}

/// The search for the highest rate that holds a bound.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FindRate {
    pub bound: String,
    /// Null where no rate held it.
    pub rate: Option<f64>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    pub rate: f64,
    pub achieved_rate: f64,
    pub measured_ms: Option<f64>,
    pub holds: bool,
    /// Why this machine may be what did not hold it.
    pub undecided: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetail {
    /// `capacity`, `latency`, `findRate` or `connect`.
    pub phase: &'static str,
    pub node: String,
    pub class: String,
    pub count: u64,
    pub first_ms: f64,
    pub last_ms: f64,
    pub example: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardReport {
    pub node: String,
    pub replica: bool,
    pub slots: u16,
    pub answered: u64,
    pub failed: u64,
    pub unsent: u64,
    pub ops_per_second: f64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub max_ms: Option<f64>,
    pub longest_gap_ms: f64,
    pub connections: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redirects {
    pub moved: u64,
    pub asked: u64,
    pub reconnects: u64,
}

/// Differences of the servers' own counters, all primaries together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerDelta {
    pub commands: BTreeMap<String, CommandDelta>,
    pub evicted_keys: u64,
    pub expired_keys: u64,
    pub connections_received: u64,
    pub rejected_connections: u64,
    pub cpu_seconds: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandDelta {
    pub calls: u64,
    pub micros_per_call: f64,
}

/// One number beside that of an earlier report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    pub name: String,
    pub before: Option<f64>,
    pub now: Option<f64>,
    /// 1.1 is a tenth more than before.
    pub ratio: Option<f64>,
    /// Worse by more than the tenth that two runs of the same differ by.
    pub worse: bool,
}

impl Report {
    pub fn empty(started_at: String) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            cachectl: env!("CARGO_PKG_VERSION"),
            started_at,
            host: Host::default(),
            server: Server::default(),
            settings: Asked::default(),
            capacity: None,
            latency: None,
            find_rate: None,
            errors: BTreeMap::new(),
            error_details: Vec::new(),
            per_shard: Vec::new(),
            redirects: Redirects::default(),
            server_delta: None,
            baseline: None,
            lost: 0,
            expired: 0,
            left_behind: 0,
            verdict: Verdict::Passed,
            findings: Vec::new(),
            undecided: Vec::new(),
            notes: Vec::new(),
            stopped: None,
        }
    }
}

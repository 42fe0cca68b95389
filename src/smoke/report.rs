//! What a smoke run found. Plain data, serialised as is into `--format json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::client::latency::Latencies;
use crate::model::pattern::Pattern;

/// What a test says, of one thing or of a whole cache; the worse is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Not looked at.
    NotTested,
    Passed,
    /// It works, but something deserves a look.
    Warned,
    /// The measurement could not tell.
    Undecided,
    Failed,
}

impl Verdict {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotTested => "notTested",
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Undecided => "undecided",
            Self::Failed => "failed",
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub address: String,
    /// `host:port`, the cache's own.
    pub endpoint: String,
    pub verdict: Verdict,
    /// The test ended before its time, because a signal asked for it.
    pub interrupted: bool,
    /// The whole run, checks and clean-up included.
    pub seconds: f64,
    pub server: Option<ServerInfo>,
    /// Every node that was looked at, by its own name.
    pub nodes: Vec<NodeReport>,
    pub checks: Vec<Check>,
    pub patterns: Vec<PatternReport>,
    pub load: Option<LoadReport>,
    pub gates: Vec<Gate>,
    /// What the run may take of each shard's memory, and why.
    pub budget: Option<BudgetReport>,
    /// Keys of this run that are still there; they expire by themselves.
    pub leftover_keys: u64,
    /// Why the cache could not be reached from this machine.
    pub unreachable: Option<String>,
    /// Failed commands of patterns and load by class: the server's error code, or `timeout`,
    /// `connection dropped` and the like.
    pub errors: BTreeMap<String, u64>,
    /// What got better or worse since an earlier report.
    pub baseline: Vec<Comparison>,
}

impl Report {
    /// A report of which nothing is known yet.
    pub fn empty(address: &str, endpoint: String) -> Self {
        Self {
            address: address.to_owned(),
            endpoint,
            verdict: Verdict::NotTested,
            interrupted: false,
            seconds: 0.0,
            server: None,
            nodes: Vec::new(),
            checks: Vec::new(),
            patterns: Vec::new(),
            load: None,
            gates: Vec::new(),
            budget: None,
            leftover_keys: 0,
            unreachable: None,
            errors: BTreeMap::new(),
            baseline: Vec::new(),
        }
    }
}

/// The server in its own words. Fields that the user may not read are `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerInfo {
    /// `valkey` or `redis`.
    pub engine: Option<String>,
    /// The engine's own version; on Valkey not `redis_version`, which names the Redis it is compatible with.
    pub version: Option<String>,
    /// `TLSv1.3`; `None` on a plaintext connection.
    pub tls: Option<String>,
    pub certificate_days_left: Option<i64>,
    /// Who the connection is logged in as (`ACL WHOAMI`).
    pub user: Option<String>,
    pub cluster: bool,
    pub shards: Option<usize>,
    pub nodes: Option<usize>,
    pub slots: Option<usize>,
    pub maxmemory_policy: Option<String>,
    /// Median `PING` on one idle connection: the floor under every latency below.
    pub rtt_ms: Option<f64>,
    pub node_type: Option<String>,
    pub availability_zones: Vec<String>,
}

/// One node, by its own name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeReport {
    /// AWS's name and the endpoint, as far as they are known.
    pub name: String,
    /// `primary` or `replica`, as the node itself says.
    pub role: Option<String>,
    pub link: Option<String>,
    /// Bytes of the replication stream that it has not taken.
    pub behind: Option<u64>,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    pub name: String,
    pub status: Verdict,
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    pub seconds: f64,
}

/// Memory that the run may take in each shard.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetReport {
    pub bytes_per_shard: u64,
    pub keys: u32,
    /// What the number comes from.
    pub reason: String,
}

/// One caching pattern. Latencies are per cache command; the simulated source's time is not in them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PatternReport {
    pub pattern: Pattern,
    /// What a cache that passes it has shown.
    pub proves: &'static str,
    /// Completed runs of the pattern, each of one to a few commands.
    pub ops: u64,
    pub ops_per_second: f64,
    pub errors: u64,
    pub hit_rate: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub p999_ms: Option<f64>,
    pub max_ms: Option<f64>,
    /// Timed commands.
    pub samples: u64,
}

impl PatternReport {
    pub fn latencies(&self) -> Latencies {
        Latencies {
            p50_ms: self.p50_ms,
            p95_ms: self.p95_ms,
            p99_ms: self.p99_ms,
            p999_ms: self.p999_ms,
            max_ms: self.max_ms,
            samples: self.samples,
        }
    }
}

/// A mixed load: first as fast as the clients can (capacity), then at a fixed rate (latency).
///
/// The two are never mixed: a closed loop stops asking while the cache stalls, so its percentiles
/// leave out exactly the requests that would have waited.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadReport {
    pub clients: usize,
    pub pipeline: usize,
    pub value_size: usize,
    pub read_ratio: f64,
    pub keys: u32,
    pub seconds: f64,
    pub capacity: Option<CapacityReport>,
    /// Commands per second that the latency part was to send, and did complete.
    pub rate: f64,
    pub achieved_rate: f64,
    /// Commands that were due, answered without an error, failed, and never sent for want of a connection.
    pub due: u64,
    pub answered: u64,
    pub failed: u64,
    pub unsent: u64,
    /// Latencies of reads, of writes, and of both, from the time a command was due.
    pub get: OperationReport,
    pub set: OperationReport,
    pub total: Latencies,
    /// The same commands from the time they were sent: what a closed-loop tool would print.
    pub service: Latencies,
    /// The longest time without an answer, and when it began.
    pub longest_gap_ms: f64,
    /// The longest without the times in which this machine stood still.
    pub least_gap_ms: f64,
    pub gap_from_ms: f64,
    /// How late this machine came to the commands that were due: its own delay.
    pub lag_p50_ms: Option<f64>,
    pub lag_p99_ms: Option<f64>,
    /// All the time that this machine stood still.
    pub stalled_ms: f64,
    /// How much of the time the clients had a command under way, 0 to 1.
    pub clients_busy: f64,
    pub hit_rate: Option<f64>,
    pub errors: Vec<ErrorReport>,
    pub connects: Vec<ErrorReport>,
    pub shards: Vec<ShardReport>,
    /// Keys whose write was acknowledged and that were gone before their TTL.
    pub lost_keys: u64,
    pub moved: u64,
    pub asked: u64,
    pub reconnects: u64,
    pub server_delta: Option<ServerDelta>,
    /// Reasons why this machine may have made the numbers worse than they are; empty when sound.
    pub client_limits: Vec<String>,
    /// Why the load ended before its time.
    pub stopped: Option<String>,
}

/// Errors of one class on one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorReport {
    pub node: String,
    pub class: String,
    pub count: u64,
    pub first_ms: f64,
    pub last_ms: f64,
    pub example: String,
}

/// One node's part in the load.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardReport {
    pub node: String,
    pub slots: u16,
    pub answered: u64,
    pub failed: u64,
    pub unsent: u64,
    pub p99_ms: Option<f64>,
    pub longest_gap_ms: f64,
    pub gap_from_ms: f64,
}

/// What the servers counted while the load ran, all of their clients together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerDelta {
    /// Server time a call in microseconds, by command.
    pub usec_per_call: BTreeMap<String, f64>,
    pub evicted_keys: u64,
    pub rejected_connections: u64,
    /// Connections at the end, all clients'.
    pub connected_clients: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CapacityReport {
    /// Median of the windows.
    pub ops_per_second: f64,
    pub windows: Vec<f64>,
    pub ops: u64,
    /// The engine's CPU time per command.
    pub client_cpu_us_per_op: Option<f64>,
    /// Busiest thread of the engine, 0 to 1. Near 1 the client, not the cache, was the limit.
    pub client_busy: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationReport {
    pub ops: u64,
    pub ops_per_second: f64,
    pub errors: u64,
    pub latencies: Latencies,
}

/// One requirement and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// `p99Ms`, `errorRate` and so on, as in the spec.
    pub name: String,
    pub required: f64,
    pub measured: Option<f64>,
    pub passed: bool,
    /// A miss that proves nothing: too few samples, or this machine was the limit.
    pub undecided: Option<String>,
}

/// One number beside that of an earlier report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    pub name: String,
    pub before: f64,
    pub now: f64,
    /// `now / before`.
    pub ratio: f64,
}

/// The worst thing that was found decides.
pub(super) fn verdict(checks: &[Check], gates: &[Gate]) -> Verdict {
    let checked = checks.iter().map(|check| check.status);
    let gated = gates.iter().map(|gate| match (gate.passed, &gate.undecided) {
        (true, _) => Verdict::Passed,
        (false, Some(_)) => Verdict::Undecided,
        (false, None) => Verdict::Failed,
    });
    checked.chain(gated).max().unwrap_or(Verdict::NotTested)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: Verdict) -> Check {
        Check { name: "x".into(), status, detail: String::new(), hint: None, seconds: 0.0 }
    }

    fn gate(passed: bool, undecided: Option<&str>) -> Gate {
        Gate {
            name: "p99Ms".into(),
            required: 1.0,
            measured: Some(2.0),
            passed,
            undecided: undecided.map(str::to_owned),
        }
    }

    #[test]
    fn the_worst_finding_decides_the_verdict() {
        use Verdict::{Failed, NotTested, Passed, Undecided, Warned};
        assert_eq!(verdict(&[check(Passed), check(NotTested)], &[gate(true, None)]), Passed);
        assert_eq!(verdict(&[check(Passed), check(Warned)], &[]), Warned);
        assert_eq!(verdict(&[check(Warned)], &[gate(false, Some("few"))]), Undecided);
        assert_eq!(verdict(&[check(Warned)], &[gate(false, None)]), Failed);
        assert_eq!(verdict(&[check(Failed)], &[gate(false, Some("few"))]), Failed);
        assert_eq!(verdict(&[], &[]), NotTested);
    }

    #[test]
    fn the_report_speaks_camel_case() {
        let json = serde_json::to_value(gate(false, None)).unwrap();
        assert_eq!(json["name"], "p99Ms");
        let json = serde_json::to_value(check(Verdict::NotTested)).unwrap();
        assert_eq!(json["status"], Verdict::NotTested.word());
    }
}

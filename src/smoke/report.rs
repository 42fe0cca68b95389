//! What a smoke run found. Plain data, serialised as is into `--format json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::target::Pattern;
use crate::client::latency::Latencies;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    Passed,
    /// A check or a requirement failed.
    Failed,
    /// It works, but something deserves a look.
    Warned,
    /// Unreachable, and the settings say that this does not matter.
    Skipped,
    /// A requirement was missed, but this machine or the small sample may be to blame.
    Invalid,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub address: String,
    /// `host:port`.
    pub endpoint: String,
    pub verdict: Verdict,
    pub server: Option<ServerInfo>,
    pub checks: Vec<Check>,
    pub patterns: Vec<PatternReport>,
    pub load: Option<LoadReport>,
    pub gates: Vec<Gate>,
    /// Keys of this run that are still there; they expire by themselves.
    pub leftover_keys: u64,
    /// Why the cache could not be reached from this machine.
    pub unreachable: Option<String>,
    /// Failed commands of patterns and load by class: the server's error code, or `timeout`,
    /// `connection dropped` and the like.
    pub errors: BTreeMap<String, u64>,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CheckStatus {
    Ok,
    Failed,
    Warn,
    /// Not looked at, mostly because the user may not run the command.
    Skipped,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    pub name: String,
    pub status: CheckStatus,
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    pub seconds: f64,
}

/// One caching pattern. Latencies are per cache command; the simulated source's time is not in them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PatternReport {
    pub pattern: Pattern,
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

/// A mixed load, nine reads to one write: first as fast as the clients can (capacity), then at a
/// fixed rate (latency). The two are never mixed: a closed loop stops asking while the cache stalls,
/// so its percentiles leave out exactly the requests that would have waited.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadReport {
    pub clients: usize,
    pub value_size: usize,
    pub read_share: f64,
    pub seconds: f64,
    pub capacity: Option<CapacityReport>,
    /// Commands per second that the latency part was to send, and did complete.
    pub rate: f64,
    pub achieved_rate: f64,
    /// Latencies of reads, of writes, and of both, from the time a command was due.
    pub get: OperationReport,
    pub set: OperationReport,
    pub total: Latencies,
    /// The same commands from the time they were sent: what a closed-loop tool would print.
    pub service: Latencies,
    /// How late commands began although a client was free: this machine's own delay.
    pub lag_p50_ms: Option<f64>,
    pub lag_p99_ms: Option<f64>,
    /// How much of the time the clients had a command in flight, 0 to 1. Near 1 there were too few of
    /// them for the rate, and commands waited for a client.
    pub clients_busy: f64,
    pub hit_rate: Option<f64>,
    pub errors: u64,
    /// The cache did not keep up with the rate.
    pub saturated: bool,
    /// Reasons why this machine may have made the numbers worse than they are; empty when sound.
    pub client_limits: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CapacityReport {
    /// Median of the windows.
    pub ops_per_second: f64,
    pub windows: Vec<f64>,
    pub ops: u64,
    /// This process's CPU time per command.
    pub client_cpu_us_per_op: Option<f64>,
    /// Busiest thread of this process, 0 to 1. Near 1 the client, not the cache, was the limit.
    pub client_busy: Option<f64>,
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
    /// `p99Ms`, `errorRate`, `hitRate` or `opsPerSecond`, as in the spec.
    pub name: String,
    pub required: f64,
    pub measured: Option<f64>,
    pub passed: bool,
    /// A miss that proves nothing: too few samples, or this machine was the limit.
    pub undecided: Option<String>,
}

/// The worst thing that was found decides.
pub fn verdict(checks: &[Check], gates: &[Gate]) -> Verdict {
    let any = |status| checks.iter().any(|check| check.status == status);
    let missed = |undecided: bool| gates.iter().any(|gate| !gate.passed && gate.undecided.is_some() == undecided);
    if any(CheckStatus::Failed) || missed(false) {
        Verdict::Failed
    } else if missed(true) {
        Verdict::Invalid
    } else if any(CheckStatus::Warn) {
        Verdict::Warned
    } else {
        Verdict::Passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: CheckStatus) -> Check {
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
        use CheckStatus::{Failed, Ok, Skipped, Warn};
        assert_eq!(verdict(&[check(Ok), check(Skipped)], &[gate(true, None)]), Verdict::Passed);
        assert_eq!(verdict(&[check(Ok), check(Warn)], &[]), Verdict::Warned);
        assert_eq!(verdict(&[check(Warn)], &[gate(false, Some("few"))]), Verdict::Invalid);
        assert_eq!(verdict(&[check(Warn)], &[gate(false, None)]), Verdict::Failed);
        assert_eq!(verdict(&[check(Failed)], &[gate(false, Some("few"))]), Verdict::Failed);
    }

    #[test]
    fn the_report_speaks_camel_case() {
        let json = serde_json::to_value(gate(false, None)).unwrap();
        assert_eq!(json["name"], "p99Ms");
        let json = serde_json::to_value(check(CheckStatus::Skipped)).unwrap();
        assert_eq!(json["status"], "skipped");
        assert_eq!(serde_json::to_value(Pattern::CacheAside).unwrap(), "cacheAside");
    }
}

//! The verdict of the load: a pure function of what the engine saw.
//!
//! A client that was too slow can excuse a bound that was missed. It never excuses an error or a lost key: those
//! happened. Of a silence counts what is left without the times in which this machine stood still.

use std::collections::BTreeMap;
use std::time::Duration;

use super::checks::Finding;
use super::load::Loaded;
use super::report::Verdict;
use crate::client::engine::{self, ErrorRow, Gap};

/// What else there is to know.
#[derive(Clone, Debug, Default)]
pub(super) struct Circumstances {
    pub(super) timeout: Duration,
    pub(super) clients: usize,
    pub(super) pipeline: usize,
    pub(super) shards: usize,
    /// Median of `PING` on an idle connection.
    pub(super) rtt_ms: Option<f64>,
    /// Keys that the servers evicted while the load ran.
    pub(super) evicted: u64,
    /// AWS's names by `host:port`.
    pub(super) names: BTreeMap<String, String>,
}

impl Circumstances {
    fn name<'a>(&'a self, node: &'a str) -> &'a str {
        self.names.get(node).map_or(node, String::as_str)
    }
}

/// Up to this share of commands a broken connection counts as sporadic.
const SPORADIC: f64 = 0.1;

/// Judges the load. Everything that is wrong is said, the worst decides.
pub(super) fn judge(loaded: &Loaded, seen: &Circumstances) -> Finding {
    let mut findings: Vec<(Verdict, String)> = Vec::new();
    refusals(loaded, seen, &mut findings);
    silences(loaded, seen, &mut findings);
    losses(loaded, seen, &mut findings);
    drops(loaded, seen, &mut findings);
    if loaded.latency.answered == 0 && loaded.stopped.is_none() {
        findings.push((Verdict::Failed, "no command of the load was answered".to_owned()));
    }
    if seen.evicted > 0 {
        let text = format!(
            "{} keys were evicted while the test ran, so it was stopped: the cache is short of memory",
            seen.evicted
        );
        findings.push((Verdict::Warned, text));
    }
    if let Some(few) = too_few_connections(loaded, seen) {
        findings.push((Verdict::Undecided, few));
    } else if findings.is_empty() {
        findings.extend(fell_behind(loaded));
    }
    let worst = findings.iter().map(|(status, _)| *status).max().unwrap_or(Verdict::Passed);
    if worst == Verdict::Passed {
        return Finding::passed(told(loaded));
    }
    findings.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
    let texts: Vec<String> = findings.into_iter().map(|(_, text)| text).collect();
    Finding::new(worst, texts.join("; "), hint(loaded))
}

fn told(loaded: &Loaded) -> String {
    let run = &loaded.latency;
    let mut text = format!("{} commands answered at {:.0}/s", run.answered, run.rate());
    if let Some(verify) = &loaded.verify {
        text.push_str(&format!(", all of {} written keys still there", verify.answered));
    }
    let redirected = run.moved + run.asked;
    if redirected > 0 {
        text.push_str(&format!(", {redirected} sent on to another shard"));
    }
    text
}

fn hint(loaded: &Loaded) -> Option<String> {
    let has = |class: &str| rows(loaded).any(|row| row.class == class);
    let text = if has("OOM") {
        "memory is full and the eviction policy lets nothing go: scale up, or set maxmemory-policy to allkeys-lru"
    } else if has("max clients") {
        "connections are used up: look for clients that do not reuse theirs (CurrConnections)"
    } else if has("CLUSTERDOWN") {
        "slots are not served: see the cluster's nodes and DescribeEvents"
    } else if has("READONLY") {
        "a primary became a replica: a failover took place, and clients must resolve the name again"
    } else if has("LOADING") {
        "a node reads its data after a restart: try again in a while"
    } else {
        return None;
    };
    Some(text.to_owned())
}

fn rows(loaded: &Loaded) -> impl Iterator<Item = &ErrorRow> {
    loaded.phases().flat_map(|phase| phase.errors.iter().chain(&phase.connects))
}

/// The server said no, in its own words: whatever the share, applications were refused.
fn is_refusal(class: &str) -> bool {
    let passing = ["MOVED", "ASK", "TRYAGAIN"];
    let code = class.chars().all(|letter| letter.is_ascii_uppercase()) && class != "TLS";
    class == "max clients" || class == "unexpected reply" || (code && !passing.contains(&class))
}

fn refusals(loaded: &Loaded, seen: &Circumstances, findings: &mut Vec<(Verdict, String)>) {
    let mut counted: BTreeMap<(&str, &str), (u64, Duration, &str)> = BTreeMap::new();
    for row in rows(loaded).filter(|row| is_refusal(&row.class)) {
        let entry = counted.entry((&row.class, &row.node)).or_insert((0, row.first, &row.example));
        entry.0 += row.count;
    }
    for ((class, node), (count, first, example)) in counted {
        let node = seen.name(node);
        let text = format!("{node} refused {count} x {class}, first after {}: {example}", seconds(first));
        findings.push((Verdict::Failed, text));
    }
}

/// Nobody was answered for longer than a command may take.
fn silences(loaded: &Loaded, seen: &Circumstances, findings: &mut Vec<(Verdict, String)>) {
    for phase in loaded.phases() {
        let of_shards: Vec<(&str, Gap)> = phase
            .shards
            .iter()
            .filter(|row| row.gap.longest > seen.timeout)
            .map(|row| (seen.name(&row.node), row.gap))
            .collect();
        let silent = if of_shards.is_empty() && phase.gap.longest > seen.timeout {
            vec![("the cache", phase.gap)]
        } else {
            of_shards
        };
        for (node, gap) in silent {
            let end = if gap.open { ", and was silent to the end" } else { "" };
            let text =
                format!("{node} answered nothing for {} from {} on{end}", seconds(gap.longest), seconds(gap.from));
            if gap.least > seen.timeout {
                let without = if gap.least < gap.longest {
                    format!(" ({} without the standstills of this machine)", seconds(gap.least))
                } else {
                    String::new()
                };
                findings.push((Verdict::Failed, text + &without));
            } else {
                let stood_still = seconds(gap.longest.saturating_sub(gap.least));
                findings
                    .push((Verdict::Undecided, format!("{text}, of which this machine stood still for {stood_still}")));
            }
        }
    }
}

fn losses(loaded: &Loaded, seen: &Circumstances, findings: &mut Vec<(Verdict, String)>) {
    let expired: u64 = loaded.phases().map(|phase| phase.expired).sum();
    if expired > 0 {
        let text = format!("{expired} reads missed keys that could not be renewed within their TTL");
        findings.push((Verdict::Warned, text));
    }
    let lost: u64 = loaded.phases().map(|phase| phase.lost.reads).sum();
    let Some(first) = loaded.phases().find_map(|phase| phase.lost.first) else { return };
    if seen.evicted > 0 {
        findings.push((Verdict::Warned, format!("{lost} reads missed keys that were evicted")));
        return;
    }
    let kept = loaded.verify.as_ref();
    let gone = kept.map_or(String::new(), |verify| {
        let all = verify.answered + verify.failed;
        format!(" ({} of {all} were gone at the end)", verify.lost.reads)
    });
    let text = format!(
        "{lost} reads did not find a key whose write was acknowledged and whose TTL was not over, first after {}{gone}",
        seconds(first)
    );
    findings.push((Verdict::Failed, text));
}

/// Connections that broke, and time-outs: sporadic ones are told, many are a failure.
fn drops(loaded: &Loaded, seen: &Circumstances, findings: &mut Vec<(Verdict, String)>) {
    let mut counted: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for row in loaded.phases().flat_map(|phase| &phase.errors).filter(|row| !is_refusal(&row.class)) {
        *counted.entry((&row.class, &row.node)).or_default() += row.count;
    }
    let broken: u64 = counted.values().sum();
    let tried: u64 = loaded.phases().map(|phase| phase.answered + phase.failed).sum();
    // Without an open connection nothing is sent, and nothing that is not sent fails.
    let mut waited = 0;
    for row in loaded.phases().flat_map(|phase| &phase.connects).filter(|row| !is_refusal(&row.class)) {
        waited += row.count;
        counted.entry((&row.class, &row.node)).or_insert(0);
    }
    if broken == 0 && waited == 0 {
        return;
    }
    let unsent = loaded.latency.unsent as f64 / (loaded.latency.due.max(1)) as f64;
    let many = broken as f64 > SPORADIC * tried as f64 || (waited > 0 && unsent > SPORADIC);
    let classes: Vec<String> = counted
        .iter()
        .map(|((class, node), count)| match count {
            0 => format!("no connection to {} ({class})", seen.name(node)),
            _ => format!("{count} x {class} at {}", seen.name(node)),
        })
        .collect();
    let status = if many { Verdict::Failed } else { Verdict::Warned };
    findings.push((status, format!("{broken} of {tried} commands failed: {}", classes.join(", "))));
}

/// The rate was not held. By a machine that was too slow, a little of that is told by the rates alone; with less
/// than half of it the load did not take place.
fn fell_behind(loaded: &Loaded) -> Option<(Verdict, String)> {
    let (got, asked) = (loaded.latency.rate(), loaded.rate);
    if loaded.stopped.is_some() || loaded.latency.due == 0 || got >= 0.9 * asked {
        return None;
    }
    let limits = client_limits(&loaded.latency);
    if limits.is_empty() {
        return Some((Verdict::Warned, format!("the cache did not keep up: {got:.0} of {asked:.0} ops/s")));
    }
    let told = format!("this machine was too slow for the load: {got:.0} of {asked:.0} ops/s ({})", limits.join(", "));
    (got < 0.5 * asked).then_some((Verdict::Undecided, told))
}

/// Too few connections for the rate over this distance; what they allow, in words.
pub(super) fn too_few_connections(loaded: &Loaded, seen: &Circumstances) -> Option<String> {
    let run = &loaded.latency;
    let service = run.service().raw_ms(0.5)?;
    let floor = seen.rtt_ms?;
    // A cache that answers much later than its round trip is slow, not far.
    let far = service <= 2.0 * floor + 1.0;
    let slots = (seen.clients * seen.pipeline * seen.shards.max(1)) as f64;
    let allowed = slots / (service / 1e3).max(1e-6);
    (far && loaded.rate > allowed && run.rate() < 0.98 * loaded.rate).then(|| {
        format!(
            "{} connections allow {allowed:.0}/s at {service:.1} ms a command; {:.0}/s were asked for: give more `clients` or a lower `rate`",
            seen.clients, loaded.rate
        )
    })
}

/// Why this machine may have made the latencies worse, in words.
pub(super) fn client_limits(run: &engine::Report) -> Vec<String> {
    run.client_limits().iter().map(ToString::to_string).collect()
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::engine::{Lost, ShardRow, Tally};

    fn healthy() -> Loaded {
        let mut reads = Tally { answered: 9_000, hits: 9_000, ..Tally::default() };
        for _ in 0..9_000 {
            reads.latency.record(Duration::from_micros(400));
            reads.service.record(Duration::from_micros(300));
        }
        let latency = engine::Report {
            took: Duration::from_secs(10),
            due: 9_000,
            answered: 9_000,
            reads,
            ..engine::Report::default()
        };
        Loaded { latency, rate: 900.0, ..Loaded::default() }
    }

    fn seen() -> Circumstances {
        Circumstances {
            timeout: Duration::from_secs(3),
            clients: 8,
            pipeline: 1,
            shards: 1,
            rtt_ms: Some(0.2),
            ..Circumstances::default()
        }
    }

    fn error(class: &str, count: u64) -> ErrorRow {
        ErrorRow {
            node: "10.0.0.1:6379".into(),
            class: class.into(),
            count,
            first: Duration::from_millis(1_200),
            last: Duration::from_secs(2),
            example: format!("{class} told"),
        }
    }

    #[test]
    fn a_load_without_anything_wrong_passes() {
        assert_eq!(judge(&healthy(), &seen()).status, Verdict::Passed);
    }

    #[test]
    fn one_refusal_of_the_server_fails_and_names_node_class_and_time() {
        for class in ["OOM", "READONLY", "CLUSTERDOWN", "NOAUTH", "LOADING", "max clients"] {
            let mut loaded = healthy();
            loaded.latency.errors = vec![error(class, 1)];
            let finding = judge(&loaded, &seen());
            assert_eq!(finding.status, Verdict::Failed, "{class}");
            assert!(finding.detail.contains(&format!("10.0.0.1:6379 refused 1 x {class}, first after 1.2 s")));
        }
    }

    #[test]
    fn a_broken_connection_now_and_then_warns_and_many_fail() {
        let mut loaded = healthy();
        loaded.latency.errors = vec![error("connection dropped", 3)];
        loaded.latency.failed = 3;
        assert_eq!(judge(&loaded, &seen()).status, Verdict::Warned);
        loaded.latency.errors = vec![error("connection dropped", 3_000)];
        loaded.latency.failed = 3_000;
        assert_eq!(judge(&loaded, &seen()).status, Verdict::Failed);
    }

    #[test]
    fn a_silence_longer_than_the_timeout_fails_unless_this_machine_stood_still_for_it() {
        let mut loaded = healthy();
        loaded.latency.client.starved = Some(0.9);
        let long = Duration::from_millis(4_500);
        let gap = Gap { longest: long, least: long, from: Duration::from_secs(2), open: false };
        loaded.latency.gap = gap;
        let finding = judge(&loaded, &seen());
        assert_eq!(finding.status, Verdict::Failed);
        assert!(finding.detail.contains("answered nothing for 4.5 s from 2.0 s on"), "{}", finding.detail);
        loaded.latency.gap.least = Duration::from_millis(900);
        let finding = judge(&loaded, &seen());
        assert_eq!(finding.status, Verdict::Undecided);
        assert!(finding.detail.contains("this machine stood still for 3.6 s"), "{}", finding.detail);
        loaded.latency.gap = Gap { longest: Duration::from_secs(2), ..Gap::default() };
        assert_eq!(judge(&loaded, &seen()).status, Verdict::Passed);
    }

    #[test]
    fn a_silent_shard_is_named_as_aws_names_it() {
        let mut loaded = healthy();
        let long = Duration::from_secs(5);
        let gap = Gap { longest: long, least: long, from: Duration::from_secs(1), open: true };
        loaded.latency.shards = vec![ShardRow { node: "10.0.0.1:6379".into(), gap, ..ShardRow::default() }];
        let names = BTreeMap::from([("10.0.0.1:6379".to_owned(), "prod-0001-001 (10.0.0.1:6379)".to_owned())]);
        let finding = judge(&loaded, &Circumstances { names, ..seen() });
        assert!(finding.detail.starts_with("prod-0001-001 (10.0.0.1:6379) answered nothing for 5.0 s"));
    }

    #[test]
    fn lost_keys_fail_unless_they_were_evicted() {
        let mut loaded = healthy();
        loaded.latency.lost = Lost { reads: 18, keys: vec![1], first: Some(Duration::from_secs(4)) };
        assert_eq!(judge(&loaded, &seen()).status, Verdict::Failed);
        assert_eq!(judge(&loaded, &Circumstances { evicted: 20, ..seen() }).status, Verdict::Warned);
    }

    #[test]
    fn too_few_connections_are_undecided_and_told_as_such() {
        let mut loaded = healthy();
        loaded.latency.reads.service = Default::default();
        for _ in 0..3_640 {
            loaded.latency.reads.service.record(Duration::from_millis(22));
        }
        loaded.latency.answered = 3_640;
        loaded.rate = 1_000.0;
        let finding = judge(&loaded, &Circumstances { rtt_ms: Some(21.0), ..seen() });
        assert_eq!(finding.status, Verdict::Undecided);
        assert!(finding.detail.starts_with("8 connections allow 36"), "{}", finding.detail);
        // The same numbers from a cache that is near: it is slow.
        assert_eq!(judge(&loaded, &seen()).status, Verdict::Warned);
    }

    #[test]
    fn a_load_that_this_machine_could_not_make_is_undecided() {
        let mut loaded = healthy();
        loaded.rate = 4_000.0;
        assert_eq!(judge(&loaded, &seen()).status, Verdict::Warned, "a sound client: the cache");
        loaded.latency.client.starved = Some(0.9);
        assert_eq!(judge(&loaded, &seen()).status, Verdict::Undecided);
        loaded.rate = 1_500.0;
        assert_eq!(judge(&loaded, &seen()).status, Verdict::Passed);
    }

    #[test]
    fn nothing_answered_fails() {
        let mut loaded = healthy();
        loaded.latency.answered = 0;
        assert_eq!(judge(&loaded, &seen()).status, Verdict::Failed);
    }
}

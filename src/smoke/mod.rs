//! The data plane: proves that a cache works for its clients. Probes, caching patterns, a load, and
//! a report with honest latency. Data in, data out: nothing here prints, and nothing knows the AWS SDK.

mod checks;
mod cleanup;
mod engine;
mod gates;
mod load;
mod patterns;
mod probe;
mod report;
mod schedule;
mod shards;
mod target;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::RedisResult;

use crate::client::caller::{Caller, Tally};
use crate::client::connect::{Connection, Unreachable, ask, is_denied};
use crate::client::topology::{Facts, Shard, facts};
use checks::{Checks, Finding};
use gates::{Measured, gates};
use patterns::Ground;
use probe::Probe;

pub use report::{
    CapacityReport, Check, CheckStatus, Gate, LoadReport, OperationReport, PatternReport, Report, ServerInfo, Verdict,
};
pub use target::{Expect, OnUnreachable, Pattern, Requirements, Settings, Target};

/// Told what the run is doing, for a progress line.
pub trait Observer: Sync {
    fn progress(&self, text: &str);
}

/// Keys outlast the run by this much, so that a cancelled run leaves nothing behind for long.
const SPARE_TTL: Duration = Duration::from_secs(60);

/// Probes `target` and returns what was found. Never fails: whatever goes wrong is in the report.
/// Takes `settings.duration` for patterns and load, and a few seconds for checks and clean-up.
/// Cancel by dropping: what was written expires by itself within a minute of the planned end.
pub async fn run(target: &Target, settings: &Settings, observer: &dyn Observer) -> Report {
    let mut report = Report {
        address: target.address.clone(),
        endpoint: target.way.endpoint(),
        verdict: Verdict::Passed,
        server: None,
        checks: Vec::new(),
        patterns: Vec::new(),
        load: None,
        gates: Vec::new(),
        leftover_keys: 0,
        unreachable: None,
        errors: BTreeMap::new(),
    };
    observer.progress("connecting");
    let mut target = target.clone();
    match read_ca(&mut target).await {
        Ok(()) => {}
        Err(finding) => {
            let mut checks = Checks::default();
            checks.add("TLS", Instant::now(), finding);
            report.checks = checks.0;
            report.verdict = Verdict::Failed;
            return report;
        }
    }
    let target = &target;
    let mut probe = Probe::new(target, settings);
    let begun = Instant::now();
    let address = match probe.reach().await {
        Ok(address) => address,
        Err(why) => {
            unreachable(&mut report, target, settings.on_unreachable, begun, &why);
            return report;
        }
    };
    observer.progress("checking access");
    if probe.tls(address).await
        && let Some(connection) = probe.login().await
    {
        probe.anonymous_access().await;
        examine(&mut probe, connection, &mut report, observer).await;
        report.server = Some(probe.server);
    }
    report.checks = probe.checks.0;
    report.verdict = report::verdict(&report.checks, &report.gates);
    report
}

/// Reads the certificate authorities to trust, if a file names them.
async fn read_ca(target: &mut Target) -> Result<(), Finding> {
    let (Some(tls), Some(file)) = (&mut target.way.tls, &target.ca_file) else {
        return Ok(());
    };
    match tokio::fs::read(file).await {
        Ok(pem) => {
            tls.ca_pem = Some(pem);
            Ok(())
        }
        Err(error) => Err(Finding::failed(
            format!("CA file {}: {error}", file.display()),
            Some("give a PEM file with the certificate authorities to trust".to_owned()),
        )),
    }
}

fn unreachable(report: &mut Report, target: &Target, on_unreachable: OnUnreachable, begun: Instant, why: &Unreachable) {
    let hint = Some(why.hint(&target.way));
    let (verdict, finding) = match on_unreachable {
        OnUnreachable::Warn => (Verdict::Warned, Finding::warn(why.to_string(), hint)),
        OnUnreachable::Fail => (Verdict::Failed, Finding::failed(why.to_string(), hint)),
        OnUnreachable::Skip => (Verdict::Skipped, Finding::skipped(why.to_string(), hint)),
    };
    let mut checks = Checks::default();
    checks.add("connect", begun, finding);
    report.checks = checks.0;
    report.verdict = verdict;
    report.unreachable = Some(why.to_string());
}

/// Everything from the first command on. Whatever was written is deleted again at the end.
async fn examine(probe: &mut Probe<'_>, mut connection: Connection, report: &mut Report, observer: &dyn Observer) {
    let info: RedisResult<Facts> = ask::<String>(&mut connection, &["INFO"]).await.map(|text| facts(&text));
    probe.engine(&info);
    probe.mode(&info);
    observer.progress("checking nodes");
    let Some(shards) = probe.cluster(&mut connection).await else {
        return;
    };
    probe.hash_tags(&mut connection).await;
    probe.primaries(&shards).await;
    probe.reader().await;
    exercise(probe, &shards, report, observer).await;

    observer.progress("deleting keys");
    let begun = Instant::now();
    // A failover in between would have made other nodes the primaries.
    let shards = probe.shards_now(shards).await;
    let (left, finding) =
        cleanup::clean(&probe.connector, &shards, &probe.settings.key_prefix, probe.settings.duration + SPARE_TTL)
            .await;
    report.leftover_keys = left;
    probe.checks.add("clean-up", begun, finding);
}

/// TTLs, patterns and load, over connections as applications hold them.
async fn exercise(probe: &mut Probe<'_>, shards: &[Shard], report: &mut Report, observer: &dyn Observer) {
    let begun = Instant::now();
    let mut connection = match probe.connector.open().await {
        Ok(connection) => connection,
        Err(error) => {
            let finding = Finding::failed(
                probe.connector.describe(&error),
                Some(format!("a cluster-aware client could not use all of the {} shards", shards.len())),
            );
            probe.checks.add("client", begun, finding);
            return;
        }
    };
    if !probe.expiry(&mut connection).await {
        return;
    }

    let settings = probe.settings;
    let times = Times::split(settings);
    let ground = Ground {
        connector: probe.connector.clone(),
        prefix: settings.key_prefix.as_str().into(),
        value_size: settings.value_size,
        key_ttl: settings.duration + SPARE_TTL,
        window: times.pattern,
        timeout: settings.timeout,
        scripting: scripting(&mut connection, &settings.key_prefix).await,
    };
    let mut measured = Measured::default();
    let mut clients = join_all((0..settings.clients.max(1)).map(|_| Caller::new(ground.connector.clone()))).await;
    let mut lost = Tally::default();
    for client in &mut clients {
        lost.merge(&client.take_tally());
    }
    count(&mut measured, report, &lost);
    for pattern in &settings.patterns {
        observer.progress(&format!("pattern {pattern}"));
        let begun = Instant::now();
        let name = format!("pattern {pattern}");
        if *pattern == Pattern::Lock && !ground.scripting {
            let finding = Finding::warn(
                "the user may not run scripts, so a lock cannot be released safely",
                Some("allow +eval and +evalsha to users of the lock pattern".to_owned()),
            );
            probe.checks.add(&name, begun, finding);
            continue;
        }
        // A race needs two.
        if clients.len() < 2 && matches!(pattern, Pattern::Lock | Pattern::Stampede) {
            clients.push(Caller::new(ground.connector.clone()).await);
        }
        let played = patterns::play(*pattern, clients, &ground).await;
        clients = played.clients;
        clients.truncate(settings.clients.max(1));
        count(&mut measured, report, &played.tally);
        if *pattern == Pattern::CacheAside {
            measured.hits = played.tally.hits;
            measured.misses = played.tally.misses;
        }
        probe.checks.add(&name, begun, played.finding);
        report.patterns.push(played.report);
    }

    observer.progress("load");
    let loaded = load::run(clients, &ground, &times.load).await;
    count(&mut measured, report, &loaded.tally);
    if measured.hits + measured.misses == 0 {
        measured.hits = loaded.tally.hits;
        measured.misses = loaded.tally.misses;
    }
    measured.latency = loaded.tally.latency;
    if let Some(capacity) = &loaded.report.capacity {
        measured.ops_per_second = Some(capacity.ops_per_second);
        measured.client_busy = capacity.client_busy;
    }
    measured.same_machine = probe.same_machine;
    measured.service = loaded.service;
    measured.clients_busy = loaded.report.clients_busy;
    measured.lag_p99_ms = loaded.report.lag_p99_ms.unwrap_or(0.0);
    measured.client_limits.clone_from(&loaded.report.client_limits);
    report.load = Some(loaded.report);
    report.gates = gates(&settings.require, &measured, patterns::WORKING_SET as u64);
}

fn count(measured: &mut Measured, report: &mut Report, tally: &Tally) {
    measured.answered += tally.answered;
    measured.errors += tally.error_count();
    for (class, count) in &tally.errors {
        *report.errors.entry(class.clone()).or_default() += count;
    }
}

async fn scripting(connection: &mut Connection, prefix: &str) -> bool {
    let key = format!("{prefix}script");
    match ask::<i64>(connection, &["EVAL", "return 1", "1", &key]).await {
        Ok(_) => true,
        // Any other error is met again by the pattern, and counted there.
        Err(error) => !is_denied(&error),
    }
}

/// How `settings.duration` is spent: about a third on the patterns, half on the latency measurement, so
/// that two seconds at full rate give the 10,000 samples of a p99.
struct Times {
    pattern: Duration,
    load: load::Plan,
}

impl Times {
    fn split(settings: &Settings) -> Self {
        let total = settings.duration;
        let for_patterns = if settings.patterns.is_empty() { Duration::ZERO } else { total * 3 / 10 };
        let for_load = total - for_patterns;
        // Two seconds warm up any client; a short run cannot spend that much.
        let warm_up = (for_load / 20).min(Duration::from_secs(2));
        let capacity = if settings.rate.is_none() || settings.require.ops_per_second.is_some() {
            for_load / 5
        } else {
            Duration::ZERO
        };
        Self {
            pattern: for_patterns / settings.patterns.len().max(1) as u32,
            load: load::Plan { warm_up, capacity, latency: for_load - warm_up - capacity, rate: settings.rate },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_duration_is_split_without_a_rest() {
        for seconds in [1, 2, 10, 300] {
            let settings = Settings { duration: Duration::from_secs(seconds), ..Settings::default() };
            let times = Times::split(&settings);
            let load = times.load.warm_up + times.load.capacity + times.load.latency;
            assert_eq!(times.pattern * 5 + load, settings.duration);
            assert!(times.load.latency >= settings.duration / 2);
        }
    }

    #[test]
    fn a_given_rate_spares_the_cache_the_closed_loop() {
        let mut settings = Settings { rate: Some(100.0), ..Settings::default() };
        assert!(Times::split(&settings).load.capacity.is_zero());
        settings.require.ops_per_second = Some(1_000.0);
        assert!(!Times::split(&settings).load.capacity.is_zero());
    }

    #[test]
    fn a_prefix_is_not_used_twice() {
        let (a, b) = (Settings::default().key_prefix, Settings::default().key_prefix);
        assert!(a.starts_with("cachectl:smoke:") && a.ends_with(':'));
        assert_ne!(a, b);
    }
}

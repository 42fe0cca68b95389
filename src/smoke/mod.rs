//! The data plane: proves that a cache works for its clients. Checks, caching patterns, a load, and
//! a report with honest latency. Data in, data out: nothing here prints, and nothing knows the AWS SDK.
//!
//! The order of a run: reach, TLS, login; engine and topology; the budget, before the first byte; every
//! node by its name; patterns; load; a second look at the nodes; clean-up by name.

mod budget;
mod checks;
mod cleanup;
mod compare;
mod engine;
mod exercise;
mod gates;
mod keys;
mod large;
mod load;
mod nodes;
mod patterns;
mod probe;
mod replicas;
mod report;
mod settings;
mod shards;
mod target;
mod verdict;
mod watch;

use std::time::{Duration, Instant};

use redis::RedisResult;

use crate::client::caller::Routes;
use crate::client::connect::{Connection, Unreachable, ask};
use crate::client::engine::Stop;
use crate::client::topology::{Facts, facts};
use checks::{Checks, Finding};
use exercise::Exercise;
use patterns::Ground;
use probe::Probe;

pub use crate::client::Latencies;
pub use crate::model::pattern::Pattern;
pub(crate) use budget::{Load, budget};
pub use compare::baseline;
pub use report::{
    BudgetReport, CapacityReport, Check, Comparison, ErrorReport, Gate, LoadReport, NodeReport, OperationReport,
    PatternReport, Report, ServerDelta, ServerInfo, ShardReport, Verdict,
};
pub use settings::{OnUndecided, OnUnreachable, PREFIX, Requirements, Settings};
pub use target::{Expect, Member, Target};

/// Told what the run is doing, for a progress line.
pub trait Observer: Sync {
    fn progress(&self, text: &str);
}

/// Probes `target` and returns what was found. Never fails: whatever goes wrong is in the report.
///
/// Takes `settings.duration` for patterns and load, and a few seconds for checks and clean-up. `stop` ends it
/// early, with what was measured and after the clean-up; dropped, its keys expire by themselves.
pub async fn run(target: &Target, settings: &Settings, stop: &Stop, observer: &dyn Observer) -> Report {
    let begun = Instant::now();
    let mut report = Report::empty(&target.address, target.way.endpoint());
    observer.progress("connecting");
    let mut target = target.clone();
    let (own, _relay) = relay(stop);
    match read_ca(&mut target).await {
        Ok(()) => visit(&target, settings, &own, observer, &mut report).await,
        Err(finding) => {
            let mut checks = Checks::default();
            checks.add("TLS", Instant::now(), finding);
            report.checks = checks.0;
            report.verdict = Verdict::Failed;
        }
    }
    report.seconds = begun.elapsed().as_secs_f64();
    report
}

/// How the run's own stop says that it was asked for from outside.
const INTERRUPTED: &str = "the test was interrupted";

/// A stop of this run alone, which an eviction may ask for, too; it follows the given one.
fn relay(stop: &Stop) -> (Stop, watch::Watch) {
    let (own, outer) = (Stop::default(), stop.clone());
    let inner = own.clone();
    let watch = watch::Watch::over(async move {
        while !outer.is_asked() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        inner.ask(INTERRUPTED);
    });
    (own, watch)
}

async fn visit(target: &Target, settings: &Settings, stop: &Stop, observer: &dyn Observer, report: &mut Report) {
    let mut probe = Probe::new(target, settings);
    let begun = Instant::now();
    let address = match probe.reach().await {
        Ok(address) => address,
        Err(why) => return unreachable(report, target, settings, begun, &why),
    };
    observer.progress("checking access");
    if probe.tls(address).await
        && let Some(connection) = probe.login().await
    {
        probe.anonymous_access().await;
        examine(&mut probe, connection, stop, report, observer).await;
        report.server = Some(probe.server);
    }
    report.checks = probe.checks.0;
    if report.interrupted {
        let mut checks = Checks::default();
        let finding =
            Finding::new(Verdict::Undecided, "the test was interrupted; this is what it saw until then", None);
        checks.add("interrupted", Instant::now(), finding);
        report.checks.append(&mut checks.0);
    }
    report.verdict = report::verdict(&report.checks, &report.gates);
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

fn unreachable(report: &mut Report, target: &Target, settings: &Settings, begun: Instant, why: &Unreachable) {
    let hint = Some(why.hint(&target.way));
    let required = why.is_refusal() || !settings.require.is_empty();
    let usual = if required { OnUnreachable::Fail } else { OnUnreachable::Warn };
    let status = match settings.on_unreachable.unwrap_or(usual) {
        OnUnreachable::Warn => Verdict::Warned,
        OnUnreachable::Fail => Verdict::Failed,
        OnUnreachable::Skip => Verdict::NotTested,
    };
    let mut checks = Checks::default();
    checks.add("connect", begun, Finding::new(status, why.to_string(), hint));
    report.checks = checks.0;
    report.verdict = status;
    report.unreachable = Some(why.to_string());
}

/// Everything from the first command on. Whatever was written is deleted again at the end.
async fn examine(
    probe: &mut Probe<'_>,
    mut connection: Connection,
    stop: &Stop,
    report: &mut Report,
    observer: &dyn Observer,
) {
    let info: RedisResult<Facts> = ask::<String>(&mut connection, &["INFO"]).await.map(|text| facts(&text));
    probe.engine(&info);
    probe.mode(&info);
    observer.progress("checking nodes");
    let Some(shards) = probe.cluster(&mut connection).await else {
        return;
    };
    let room = probe.room(&shards).await;
    report.budget = room.as_ref().map(budget::Room::report);
    let settings = probe.settings;
    let ground = Ground {
        connector: probe.connector.clone(),
        routes: Routes::new(shards.clone()),
        prefix: settings.key_prefix.as_str().into(),
        value_size: settings.value_size,
        key_ttl: settings.key_ttl * 2,
        window: Duration::ZERO,
        timeout: settings.timeout,
        scripting: false,
        keys: room.as_ref().map_or(1, |room| room.pattern_keys),
        written: keys::Written::default(),
        stop: stop.clone(),
    };
    probe.hash_tags(&mut connection, &ground).await;
    probe.primaries(&shards, &ground).await;
    let (before, reports) = probe.nodes(&shards, &ground).await;
    report.nodes = reports;
    probe.reader(&ground).await;
    let mut exercise = Exercise { probe, ground, room, before, report, observer, load_keys: Vec::new() };
    exercise.run().await;
    exercise.clean().await;
}

//! What loads the cache: patterns, a large object, the load, and the second look after it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::budget::{Memory, Room};
use super::checks::Finding;
use super::gates::{Excuse, Measured, gates};
use super::load::{self, Loaded, Plan};
use super::nodes::{self, NodeState};
use super::patterns::{self, Ground};
use super::probe::Probe;
use super::report::{Report, Verdict};
use super::verdict::{self, Circumstances};
use super::watch::{self, EVICTING, Watch};
use super::{INTERRUPTED, Observer, cleanup, large};
use crate::client::caller::{Caller, Tally};
use crate::client::connect::{ask, is_denied};
use crate::client::engine::{self, Keys, ReadFrom};
use crate::client::host::Usage;
use crate::client::random;
use crate::model::pattern::Pattern;

/// How often evictions are looked for. Serverless caches bill every look.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOK_EVERY_SERVERLESS: Duration = Duration::from_secs(1);

/// The part of a run that writes, and what it needs.
pub(super) struct Exercise<'a, 'p> {
    pub(super) probe: &'a mut Probe<'p>,
    pub(super) ground: Ground,
    pub(super) room: Option<Room>,
    /// The primaries before anything was asked of them.
    pub(super) before: Vec<NodeState>,
    pub(super) report: &'a mut Report,
    pub(super) observer: &'a dyn Observer,
    /// Names of the load's keys, once there may be some.
    pub(super) load_keys: Vec<String>,
}

/// Ends the load's thread when the run is dropped.
struct StopOnDrop(engine::Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.ask("dropped");
    }
}

impl Exercise<'_, '_> {
    pub(super) async fn run(&mut self) {
        let mut measured = Measured::default();
        let untested = self.carry_out(&mut measured).await;
        if measured.untested.is_none() {
            measured.untested = untested;
        }
        self.report.interrupted = self.ground.stop.why() == Some(INTERRUPTED.into());
        let settings = self.probe.settings;
        let items = patterns::working_set(self.ground.keys) as u64;
        self.report.gates = gates(&settings.require, &measured, items);
    }

    /// Why the load did not take place, or not in full.
    async fn carry_out(&mut self, measured: &mut Measured) -> Option<String> {
        let settings = self.probe.settings;
        if let Some(why) = self.probe.unwritable.clone().filter(|_| !settings.read_only) {
            let finding = Finding::new(Verdict::Warned, format!("not begun: {why}"), None);
            self.probe.checks.add("load", Instant::now(), finding);
            return Some(why);
        }
        if !settings.read_only && !self.probe.expiry(&self.ground).await {
            let why = "no key can be written";
            self.probe.checks.add("load", Instant::now(), Finding::not_tested(why, None));
            return Some(why.to_owned());
        }
        let _watch = self.watch();
        let total = settings.duration;
        let for_patterns =
            if settings.patterns.is_empty() || settings.read_only { Duration::ZERO } else { total * 3 / 10 };
        if settings.read_only {
            let finding = Finding::not_tested("readOnly: patterns write, and are left out", None);
            self.probe.checks.add("patterns", Instant::now(), finding);
        } else {
            self.ground.scripting = self.scripting().await;
            self.ground.window = for_patterns / settings.patterns.len().max(1) as u32;
            self.ground.key_ttl = self.ground.window + settings.key_ttl;
            self.play(measured).await;
            if let Some(room) = self.room.clone().filter(|_| !self.ground.stop.is_asked()) {
                self.observer.progress("large object");
                let begun = Instant::now();
                let finding = large::check(&self.ground, &room).await;
                self.probe.checks.add("large object", begun, finding);
            }
        }
        if let Some(why) = self.ground.stop.why() {
            let status = if why == EVICTING.into() { Verdict::Warned } else { Verdict::NotTested };
            let finding = Finding::new(status, format!("not begun: {why}"), None);
            self.probe.checks.add("load", Instant::now(), finding);
            return Some(why.to_string());
        }
        self.load(measured, total - for_patterns).await
    }

    fn watch(&self) -> Option<Watch> {
        let memories: Vec<Memory> = self.before.iter().filter_map(|state| state.memory).collect();
        let shards = self.ground.routes.shards();
        if memories.len() != shards.len() || self.probe.settings.read_only {
            return None;
        }
        let every = if self.probe.target.serverless { LOOK_EVERY_SERVERLESS } else { LOOK_EVERY };
        Some(watch::evictions(&self.ground.connector, &shards, &memories, every, &self.ground.stop))
    }

    /// Whether the user may run scripts. Any other error is met again by the pattern, and counted there.
    async fn scripting(&self) -> bool {
        let Ok(mut connection) = self.ground.connector.endpoint().await else { return true };
        let answer = ask::<i64>(&mut connection, &["EVAL", "return 1", "0"]).await;
        !answer.is_err_and(|error| is_denied(&error))
    }

    async fn play(&mut self, measured: &mut Measured) {
        let settings = self.probe.settings;
        let mut callers: Vec<Caller> = (0..settings.clients.max(1)).map(|_| self.ground.caller()).collect();
        join_all(callers.iter_mut().map(Caller::connect)).await;
        for pattern in &settings.patterns {
            if self.ground.stop.is_asked() {
                break;
            }
            self.observer.progress(&format!("pattern {pattern}"));
            let begun = Instant::now();
            let name = format!("pattern {pattern}");
            if *pattern == Pattern::Lock && !self.ground.scripting {
                let finding = Finding::not_tested(
                    "the user may not run scripts, so a lock cannot be released safely",
                    Some("allow +eval and +evalsha to users of the lock pattern".to_owned()),
                );
                self.probe.checks.add(&name, begun, finding);
                continue;
            }
            // A race needs two.
            if callers.len() < 2 && matches!(pattern, Pattern::Lock | Pattern::Stampede) {
                callers.push(self.ground.caller());
            }
            let usage = Usage::now();
            let played = patterns::play(*pattern, callers, &self.ground).await;
            let share = usage.until(&Usage::now()).unwrap_or_default();
            let limits = engine::of_shares(share.busiest, Some(share.longest_wait)).map(|limit| limit.to_string());
            let limits: Vec<String> = limits.collect();
            callers = played.clients;
            callers.truncate(settings.clients.max(1));
            self.count(&played.tally);
            if *pattern == Pattern::CacheAside {
                measured.hits = played.tally.hits;
                measured.misses = played.tally.misses;
            }
            measured.patterns.push((*pattern, played.tally.latency, limits));
            self.probe.checks.add(&name, begun, played.finding);
            self.report.patterns.push(played.report);
            // The next pattern has the whole budget for itself.
            let names = self.ground.written.take();
            let cleaned = cleanup::delete(&self.ground.connector, &self.ground.routes, names).await;
            for name in &cleaned.left {
                self.ground.written.note(name);
            }
        }
    }

    fn count(&mut self, tally: &Tally) {
        for (class, count) in &tally.errors {
            *self.report.errors.entry(class.clone()).or_default() += count;
        }
    }

    /// The load, its verdict, and what it measured.
    async fn load(&mut self, measured: &mut Measured, time: Duration) -> Option<String> {
        self.observer.progress("load");
        let begun = Instant::now();
        let settings = self.probe.settings;
        let asked = self.engine_settings(time);
        let plan = Plan::of(settings, time);
        if !settings.read_only {
            self.load_keys = (0..asked.keys.count).map(|number| asked.keys.name(number)).collect();
        }
        let way = self.ground.connector.way().clone();
        let (stop, running, asked_too) = (self.ground.stop.clone(), settings.clone(), asked.clone());
        let guard = StopOnDrop(stop.clone());
        let ran = tokio::task::spawn_blocking(move || load::run(&way, &asked_too, &running, &plan, &stop)).await;
        std::mem::forget(guard);
        let loaded = match ran {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(trouble)) => {
                let finding =
                    Finding::failed(format!("no connection for the load: {}: {trouble}", trouble.class), None);
                self.probe.checks.add("load", begun, finding);
                *self.report.errors.entry(trouble.class).or_default() += 1;
                return Some("no connection for the load".to_owned());
            }
            Err(error) => {
                self.probe.checks.add(
                    "load",
                    begun,
                    Finding::failed(format!("the load ended abruptly: {error}"), None),
                );
                return Some("the load ended abruptly".to_owned());
            }
        };
        let after = self.second_look().await;
        let seen = self.circumstances(&asked, &after);
        self.probe.checks.add("load", begun, verdict::judge(&loaded, &seen));
        self.report.load = Some(load::report(&loaded, &asked, settings, (&self.before, &after)));
        for row in loaded.phases().flat_map(|phase| &phase.errors) {
            *self.report.errors.entry(row.class.clone()).or_default() += row.count;
        }
        self.measure(measured, &loaded, &seen);
        loaded.stopped.map(|why| why.to_string())
    }

    fn engine_settings(&self, time: Duration) -> engine::Settings {
        let settings = self.probe.settings;
        engine::Settings {
            clients: settings.clients.max(1),
            pipeline: settings.pipeline.max(1),
            threads: 1,
            keys: Keys {
                prefix: format!("{}load:", settings.key_prefix),
                count: self.room.as_ref().map_or(settings.keys, |room| room.keys),
                distribution: settings.distribution,
            },
            value_size: settings.value_size,
            ttl: Some(settings.load_ttl(time)),
            read_from: ReadFrom::Primary,
            timeout: settings.timeout,
            stop_on: vec!["OOM".to_owned()],
            seed: random::seed(),
        }
    }

    /// The nodes after the load, and what changed about them. What is amiss is looked at twice.
    async fn second_look(&mut self) -> Vec<NodeState> {
        let begun = Instant::now();
        self.observer.progress("a second look at the nodes");
        let (connector, target) = (&self.ground.connector, self.probe.target);
        let wanted = target.expect.replicas.filter(|_| !target.serverless);
        let mut after = Vec::new();
        let mut findings = Vec::new();
        for _ in 0..2 {
            if connector.is_cluster() {
                self.ground.routes.refresh(connector).await;
            }
            after = nodes::primaries(connector, target, &self.ground.routes.shards()).await;
            findings = nodes::compare(&self.before, &after, wanted);
            if findings.iter().all(|finding| finding.status < Verdict::Failed) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        if connector.is_cluster()
            && let Some(finding) = self.probe.slots_now(&self.ground.routes.shards()).await
        {
            findings.push(finding);
        }
        let finding = match findings.iter().map(|finding| finding.status).max() {
            None => Finding::passed("roles, replicas and servers as before the load"),
            Some(worst) => {
                let hint = findings.iter().find(|finding| finding.status == worst).and_then(|f| f.hint.clone());
                let texts: Vec<String> = findings.into_iter().map(|finding| finding.detail).collect();
                Finding::new(worst, texts.join("; "), hint)
            }
        };
        self.probe.checks.add("after the load", begun, finding);
        after
    }

    fn circumstances(&self, asked: &engine::Settings, after: &[NodeState]) -> Circumstances {
        let shards = self.ground.routes.shards();
        let nodes = shards.iter().map(|shard| &shard.primary);
        let names = nodes.map(|(host, port)| (format!("{host}:{port}"), self.probe.target.named(host, *port)));
        Circumstances {
            timeout: asked.timeout,
            clients: asked.clients,
            pipeline: asked.pipeline,
            shards: shards.len(),
            rtt_ms: self.probe.server.rtt_ms,
            evicted: nodes::delta(&self.before, after).map_or(0, |delta| delta.evicted_keys),
            names: names.collect::<BTreeMap<_, _>>(),
        }
    }

    fn measure(&self, measured: &mut Measured, loaded: &Loaded, seen: &Circumstances) {
        let run = &loaded.latency;
        let slots = (seen.clients * seen.pipeline * seen.shards.max(1)) as f64;
        measured.latency = run.latency();
        measured.service = run.service();
        measured.answered = run.answered;
        measured.failed = run.failed;
        measured.longest_gap_ms = run.gap.longest.as_secs_f64() * 1e3;
        measured.least_gap_ms = run.gap.least.as_secs_f64() * 1e3;
        if measured.hits + measured.misses == 0 {
            measured.hits = run.reads.hits;
            measured.misses = run.reads.misses;
        }
        measured.ops_per_second = loaded.ops_per_second();
        measured.excuse = Excuse {
            limits: verdict::client_limits(run),
            lag: run.lag.clone(),
            same_machine: self.probe.same_machine,
            starved: run.client.starved.unwrap_or(0.0),
            few_connections: verdict::too_few_connections(loaded, seen),
            rtt_ms: seen.rtt_ms.unwrap_or(0.0),
            capacity_busy: load::busy(loaded),
            capacity_allowed: seen.rtt_ms.map(|rtt| slots / (rtt / 1e3).max(1e-6)),
        };
    }

    /// Deletes what the run wrote, by name.
    pub(super) async fn clean(&mut self) {
        self.observer.progress("deleting keys");
        let begun = Instant::now();
        let settings = self.probe.settings;
        if settings.read_only {
            return;
        }
        let (connector, routes) = (&self.ground.connector, &self.ground.routes);
        let mut names = self.ground.written.take();
        names.append(&mut self.load_keys);
        let cleaned = cleanup::delete(connector, routes, names).await;
        let mut left = cleaned.left.len() as u64;
        let mut finding = cleaned.finding(settings.load_ttl(settings.duration));
        if settings.thorough {
            match cleanup::scan(connector, routes, &settings.key_prefix).await {
                Some(found) => {
                    finding.detail.push_str(&format!("; a SCAN found {found}"));
                    left = left.max(found);
                }
                None => finding.detail.push_str("; the keyspace could not be scanned"),
            }
        }
        self.report.leftover_keys = left;
        self.probe.checks.add("clean-up", begun, finding);
    }
}

//! A mixed load, carried out by the engine in phases: fill, warm-up, capacity (a closed loop), latency
//! (commands due on a fixed schedule), and a look whether everything that was written is still there.

use std::time::Duration;

use super::nodes::NodeState;
use super::report::{CapacityReport, ErrorReport, LoadReport, OperationReport, ServerDelta, ShardReport};
use super::settings::Settings;
use super::{nodes, verdict};
use crate::client::Way;
use crate::client::engine::{self, Engine, ErrorRow, Pace, Phase, Reason, Stop, Tally, Until, Work};
use crate::client::line::Trouble;

const WINDOWS: u32 = 3;
/// Commands per second of the latency part, unless the settings give a rate: enough for a p99 after a
/// second, gentle to a cache in service, and far from where a client on two processors falls behind.
const HIGHEST_RATE: f64 = 10_000.0;

/// How the load's time is spent.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) warm_up: Duration,
    /// Zero: not measured.
    pub(super) capacity: Duration,
    pub(super) latency: Duration,
    pub(super) rate: Option<f64>,
}

impl Plan {
    pub(super) fn of(settings: &Settings, time: Duration) -> Self {
        // Two seconds warm up any client; a short run cannot spend that much.
        let warm_up = (time / 20).min(Duration::from_secs(2));
        let measured = settings.rate.is_none() || settings.require.ops_per_second.is_some();
        let capacity = if measured { time / 5 } else { Duration::ZERO };
        Self { warm_up, capacity, latency: time - warm_up - capacity, rate: settings.rate }
    }
}

/// What the engine reported, phase by phase.
#[derive(Clone, Debug, Default)]
pub(super) struct Loaded {
    /// Filling and warming up, in the order of time.
    pub(super) before: Vec<engine::Report>,
    pub(super) windows: Vec<engine::Report>,
    pub(super) latency: engine::Report,
    pub(super) verify: Option<engine::Report>,
    pub(super) rate: f64,
    /// Why the load ended before its time.
    pub(super) stopped: Option<Reason>,
}

impl Loaded {
    /// Every phase that asked the cache for something.
    pub(super) fn phases(&self) -> impl Iterator<Item = &engine::Report> {
        self.before.iter().chain(&self.windows).chain(std::iter::once(&self.latency)).chain(&self.verify)
    }

    pub(super) fn ops_per_second(&self) -> Option<f64> {
        let mut rates: Vec<f64> = self.windows.iter().map(engine::Report::rate).collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied()
    }

    fn run(&mut self, engine: &mut Engine, stop: &Stop, work: Work, pace: Pace, until: Until) -> engine::Report {
        let report = engine.run(&Phase { work, pace, until }, stop, |_| {});
        if self.stopped.is_none() {
            self.stopped.clone_from(&report.stopped);
        }
        report
    }
}

/// Runs all phases. Blocks; the stop ends it from elsewhere.
pub(super) fn run(
    way: &Way,
    asked: &engine::Settings,
    settings: &Settings,
    plan: &Plan,
    stop: &Stop,
) -> Result<Loaded, Trouble> {
    let mut engine = Engine::open(way, asked)?;
    let mut loaded = Loaded::default();
    let work = Work::Mix { reads: if settings.read_only { 1.0 } else { settings.read_ratio } };
    if !settings.read_only {
        let report = loaded.run(&mut engine, stop, Work::Fill, Pace::Closed, Until::Done);
        loaded.before.push(report);
    }
    let gentle = plan.rate.map_or(Pace::Closed, Pace::Rate);
    if loaded.stopped.is_none() {
        let report = loaded.run(&mut engine, stop, work, gentle, Until::Elapsed(plan.warm_up));
        loaded.before.push(report);
    }
    for _ in 0..WINDOWS {
        // Nothing but errors: two more windows would only add to the wait.
        let in_vain = loaded.windows.last().is_some_and(|window| window.answered == 0);
        if plan.capacity.is_zero() || loaded.stopped.is_some() || in_vain {
            break;
        }
        let until = Until::Elapsed(plan.capacity / WINDOWS);
        let report = loaded.run(&mut engine, stop, work, Pace::Closed, until);
        loaded.windows.push(report);
    }
    let half = || loaded.ops_per_second().map(|ops| (ops / 2.0).min(HIGHEST_RATE));
    loaded.rate = plan.rate.or_else(half).unwrap_or(0.0).clamp(0.1, 1e6);
    if loaded.stopped.is_none() {
        let pace = Pace::Rate(loaded.rate);
        loaded.latency = loaded.run(&mut engine, stop, work, pace, Until::Elapsed(plan.latency));
    }
    if loaded.stopped.is_none() && !settings.read_only {
        loaded.verify = Some(loaded.run(&mut engine, stop, Work::Verify, Pace::Closed, Until::Done));
    }
    Ok(loaded)
}

/// The load as reports have it.
pub(super) fn report(
    loaded: &Loaded,
    asked: &engine::Settings,
    settings: &Settings,
    looks: (&[NodeState], &[NodeState]),
) -> LoadReport {
    let run = &loaded.latency;
    let seconds = run.took.as_secs_f64();
    LoadReport {
        clients: asked.clients,
        pipeline: asked.pipeline,
        value_size: asked.value_size,
        read_ratio: if settings.read_only { 1.0 } else { settings.read_ratio },
        keys: asked.keys.count,
        seconds,
        capacity: capacity(loaded),
        rate: loaded.rate,
        achieved_rate: run.rate(),
        due: run.due,
        answered: run.answered,
        failed: run.failed,
        unsent: run.unsent,
        get: operation(&run.reads, seconds),
        set: operation(&run.writes, seconds),
        total: run.latency().latencies(),
        service: run.service().latencies(),
        longest_gap_ms: milliseconds(run.gap.longest),
        least_gap_ms: milliseconds(run.gap.least),
        gap_from_ms: milliseconds(run.gap.from),
        lag_p50_ms: run.lag.raw_ms(0.50),
        lag_p99_ms: run.lag.raw_ms(0.99),
        stalled_ms: milliseconds(run.stood_still(Duration::ZERO)),
        clients_busy: run.client.connections_busy,
        hit_rate: hit_rate(&run.reads),
        errors: loaded.phases().flat_map(|phase| errors(&phase.errors)).collect(),
        connects: loaded.phases().flat_map(|phase| errors(&phase.connects)).collect(),
        shards: run.shards.iter().filter(|row| !row.replica).map(shard).collect(),
        lost_keys: loaded.phases().map(|phase| phase.lost.reads).sum(),
        moved: loaded.phases().map(|phase| phase.moved).sum(),
        asked: loaded.phases().map(|phase| phase.asked).sum(),
        reconnects: loaded.phases().map(|phase| phase.reconnects).sum(),
        server_delta: delta(looks),
        client_limits: verdict::client_limits(run),
        stopped: loaded.stopped.as_ref().map(ToString::to_string),
    }
}

fn delta((before, after): (&[NodeState], &[NodeState])) -> Option<ServerDelta> {
    nodes::delta(before, after)
}

fn capacity(loaded: &Loaded) -> Option<CapacityReport> {
    let ops_per_second = loaded.ops_per_second()?;
    let ops: u64 = loaded.windows.iter().map(|window| window.answered).sum();
    let cpu: Option<Duration> = loaded.windows.iter().map(|window| window.client.cpu).sum();
    Some(CapacityReport {
        ops_per_second,
        windows: loaded.windows.iter().map(engine::Report::rate).collect(),
        ops,
        client_cpu_us_per_op: cpu.filter(|_| ops > 0).map(|cpu| cpu.as_secs_f64() * 1e6 / ops as f64),
        client_busy: busy(loaded),
    })
}

/// The busiest thread of the engine while the capacity was measured, 0 to 1.
pub(super) fn busy(loaded: &Loaded) -> f64 {
    loaded.windows.iter().map(|window| window.client.busiest).fold(0.0, f64::max)
}

fn operation(tally: &Tally, seconds: f64) -> OperationReport {
    OperationReport {
        ops: tally.answered,
        ops_per_second: tally.answered as f64 / seconds.max(1e-6),
        errors: tally.failed,
        latencies: tally.latency.latencies(),
    }
}

pub(super) fn hit_rate(reads: &Tally) -> Option<f64> {
    let all = reads.hits + reads.misses;
    (all > 0).then(|| reads.hits as f64 / all as f64)
}

fn errors(rows: &[ErrorRow]) -> impl Iterator<Item = ErrorReport> {
    rows.iter().map(|row| ErrorReport {
        node: row.node.clone(),
        class: row.class.clone(),
        count: row.count,
        first_ms: milliseconds(row.first),
        last_ms: milliseconds(row.last),
        example: row.example.clone(),
    })
}

fn shard(row: &engine::ShardRow) -> ShardReport {
    ShardReport {
        node: row.node.clone(),
        slots: row.slots,
        answered: row.answered,
        failed: row.failed,
        unsent: row.unsent,
        p99_ms: row.latency.percentile_ms(0.99),
        longest_gap_ms: milliseconds(row.gap.longest),
        gap_from_ms: milliseconds(row.gap.from),
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_spent_without_a_rest_and_most_of_it_on_latency() {
        for seconds in [1, 2, 10, 300] {
            let time = Duration::from_secs(seconds);
            let plan = Plan::of(&Settings::default(), time);
            assert_eq!(plan.warm_up + plan.capacity + plan.latency, time);
            assert!(plan.latency >= time * 7 / 10);
        }
    }

    #[test]
    fn a_given_rate_spares_the_cache_the_closed_loop() {
        let mut settings = Settings { rate: Some(100.0), ..Settings::default() };
        assert!(Plan::of(&settings, Duration::from_secs(7)).capacity.is_zero());
        settings.require.ops_per_second = Some(1_000.0);
        assert!(!Plan::of(&settings, Duration::from_secs(7)).capacity.is_zero());
    }
}

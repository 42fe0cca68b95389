//! The load engine by itself, on any server that speaks RESP: capacity, and latency that leaves nothing out.
//!
//! Two numbers, never one. Capacity comes from a closed loop, which shows how much a server can do and hides how long
//! anyone waits; latency from a schedule, which shows every wait and says nothing of what more could be done.

mod compare;
mod judge;
mod report;
mod servers;
mod settings;
mod sweep;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

pub use compare::{compare, is_comparable};
pub use report::{
    Asked, Capacity, CommandDelta, Compared, ErrorDetail, FindRate, Host, LatencyReport, Redirects, Report, Server,
    ServerDelta, ShardReport, Step, Verdict,
};
pub use settings::{Aim, Bound, PREFIX, Quantile, Settings};

use crate::client::Recorder;
use crate::client::engine::{self, Distribution, Engine, Keys, Pace, Phase, ReadFrom, Stop, Until, Work};
use crate::client::line::{Door, Trouble};
use crate::smoke::{Load, budget};
use servers::Servers;

/// A report, and the histograms of the measurement of latency for whoever wants all of it.
#[derive(Clone, Debug)]
pub struct Measured {
    pub report: Report,
    pub histograms: Option<Histograms>,
}

#[derive(Clone, Debug)]
pub struct Histograms {
    pub latency: Recorder,
    pub service: Recorder,
    pub lag: Recorder,
    pub begun: SystemTime,
    pub took: Duration,
}

/// Why nothing was measured.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotBegun {
    #[error("{0}")]
    Unreachable(#[from] Trouble),
    /// Writing could have cost somebody their keys.
    #[error("the server has no room for a benchmark: {0}")]
    NoRoom(String),
}

/// Keys end by themselves so long after a run that was killed; one that lasts longer renews them.
const TTL: Duration = Duration::from_secs(120);
/// Long enough to see a server at work that is evicting all the time.
const SECOND_LOOK: Duration = Duration::from_millis(200);
const WINDOWS: u32 = 3;
/// A client that has just connected is not what is to be measured.
const LONGEST_WARM_UP: Duration = Duration::from_secs(2);

/// Measures, and deletes the keys that it wrote, also when it is stopped. Blocks for the settings' duration and a
/// little more. `tell` hears what is being done.
pub fn run(
    settings: &Settings,
    started_at: String,
    stop: &Stop,
    tell: &mut dyn FnMut(&str),
) -> Result<Measured, NotBegun> {
    tell("connecting");
    let load = host_load();
    let mut servers = Servers::open(Door::new(settings.way.clone(), settings.timeout)?)?;
    servers.look();
    let mut report = Report::empty(started_at);
    let unseen = servers.unseen();
    if !unseen.is_empty() {
        let guard = if settings.unbounded { "" } else { ", and an eviction does not end the run" };
        report.notes.push(format!(
            "INFO of {} may not be read: what the servers count is not known{guard} (allow the user +info)",
            unseen.join(", ")
        ));
    }
    report.host = host(load, servers.door());
    report.server = servers.describe();
    report.settings = asked(settings);
    let mut keys = settings.keys.max(1);
    if !settings.unbounded {
        let load = Load {
            keys,
            value_size: settings.value_size,
            key_prefix: settings.key_prefix.len(),
            clients: settings.clients,
            pipeline: settings.pipeline,
            max_bytes: None,
        };
        let before = servers.memory();
        if before.iter().any(|memory| memory.limit > 0) {
            std::thread::sleep(SECOND_LOOK);
            servers.look();
        }
        let room = budget(&load, servers.shards(), &before, &servers.memory()).map_err(NotBegun::NoRoom)?;
        keys = room.keys;
        report.settings.budget = Some(room.reason);
    }
    report.settings.keys = keys;
    let way = servers.door().way().clone();
    let engine = Engine::open(&way, &engine_settings(settings, keys))?;
    let mut run =
        Run { settings, engine, servers, stop, report, histograms: None, rate: None, tally: Tally::default() };
    run.measure(tell);
    Ok(run.end(tell))
}

struct Run<'a> {
    settings: &'a Settings,
    engine: Engine,
    servers: Servers,
    stop: &'a Stop,
    report: Report,
    histograms: Option<Histograms>,
    /// The rate that latency is measured at.
    rate: Option<f64>,
    tally: Tally,
}

/// What the verdict is drawn from beside the report.
#[derive(Clone, Debug, Default)]
struct Tally {
    answered: u64,
    failed: u64,
    /// Failed attempts to connect, by class.
    connects: BTreeMap<String, u64>,
    /// Most connections of one node that were missing at the end of a measurement.
    missing: usize,
    /// Nodes that are another server process than at the beginning.
    restarted: Vec<String>,
}

impl Run<'_> {
    fn measure(&mut self, tell: &mut dyn FnMut(&str)) {
        let total = self.settings.duration;
        let warm_up = (total / 10).min(LONGEST_WARM_UP);
        let left = total - warm_up;
        if self.settings.read_ratio > 0.0 {
            tell("writing the keys");
            let filled = self.phase("fill", Phase { work: Work::Fill, pace: Pace::Closed, until: Until::Done });
            if filled.is_some_and(|filled| filled.answered == 0) && !self.is_over() {
                self.report.stopped = Some("no key could be written".into());
            }
        }
        let mix = Work::Mix { reads: self.settings.read_ratio };
        match self.settings.aim {
            Aim::Rate(rate) => {
                tell("warming up");
                self.phase("warmUp", Phase { work: mix, pace: Pace::Rate(rate), until: Until::Elapsed(warm_up) });
                self.rate = Some(rate);
                self.latency(rate, left, tell);
            }
            Aim::HalfOfCapacity => {
                self.capacity(mix, warm_up, left * 2 / 5, tell);
                if let Some(capacity) = self.report.capacity.as_ref().filter(|capacity| capacity.ops_per_second > 1.0) {
                    let rate = (capacity.ops_per_second / 2.0).round();
                    self.latency(rate, left * 3 / 5, tell);
                }
            }
            Aim::Find(bound) => {
                self.capacity(mix, warm_up, left / 5, tell);
                self.find_rate(bound, left * 4 / 5, tell);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.stop.is_asked() || self.report.stopped.is_some()
    }

    /// One phase of the engine, its errors and redirections kept.
    fn phase(&mut self, name: &'static str, phase: Phase) -> Option<engine::Report> {
        if self.is_over() {
            return None;
        }
        let (servers, stop, bounded) = (&mut self.servers, self.stop, !self.settings.unbounded);
        let found = self.engine.run(&phase, stop, |elapsed| {
            if bounded {
                servers.watch(elapsed, stop);
            }
        });
        let details = |rows: &[engine::ErrorRow], phase: &'static str| {
            let detail = |row: &engine::ErrorRow| ErrorDetail {
                phase,
                node: row.node.clone(),
                class: row.class.clone(),
                count: row.count,
                first_ms: ms(row.first),
                last_ms: ms(row.last),
                example: row.example.clone(),
            };
            rows.iter().map(detail).collect::<Vec<_>>()
        };
        self.tally.answered += found.answered;
        self.tally.failed += found.failed;
        for row in &found.connects {
            *self.tally.connects.entry(row.class.clone()).or_default() += row.count;
        }
        // A node that left the cluster meanwhile needs none.
        let used = found.shards.iter().filter(|row| row.slots > 0 || !self.servers.door().way().cluster);
        let missing = used.map(|row| self.settings.clients.saturating_sub(row.connections)).max();
        // A stop hangs up on what is under way.
        if found.stopped.is_none() {
            self.tally.missing = self.tally.missing.max(missing.unwrap_or(0));
        }
        for row in &found.errors {
            *self.report.errors.entry(row.class.clone()).or_default() += row.count;
        }
        self.report.error_details.extend(details(&found.errors, name));
        self.report.error_details.extend(details(&found.connects, "connect"));
        self.report.redirects.moved += found.moved;
        self.report.redirects.asked += found.asked;
        self.report.redirects.reconnects += found.reconnects;
        self.report.stopped = self.report.stopped.take().or_else(|| found.stopped.clone());
        self.report.lost += found.lost.reads;
        self.report.expired += found.expired;
        Some(found)
    }

    fn capacity(&mut self, mix: Work, warm_up: Duration, time: Duration, tell: &mut dyn FnMut(&str)) {
        tell("warming up");
        self.phase("warmUp", Phase { work: mix, pace: Pace::Closed, until: Until::Elapsed(warm_up) });
        tell("measuring capacity");
        let mut windows: Vec<engine::Report> = Vec::new();
        // A window without a command would be none.
        let all = self.settings.requests.map_or(WINDOWS, |requests| requests.min(WINDOWS.into()) as u32).max(1);
        for window in 0..u64::from(all) {
            let until = match self.settings.requests {
                Some(requests) => {
                    let all = u64::from(all);
                    Until::Requests(requests / all + u64::from(window < requests % all))
                }
                None => Until::Elapsed(time / WINDOWS),
            };
            windows.extend(self.phase("capacity", Phase { work: mix, pace: Pace::Closed, until }));
            if self.is_over() {
                break;
            }
        }
        let Some(last) = windows.last() else { return };
        if self.report.latency.is_none() {
            self.report.per_shard = shards(last);
        }
        judge::capacity(&mut self.report, &windows);
    }

    fn latency(&mut self, rate: f64, time: Duration, tell: &mut dyn FnMut(&str)) {
        tell(&format!("measuring latency at {rate:.0} a second"));
        let until = self.settings.requests.map_or(Until::Elapsed(time), Until::Requests);
        let work = Work::Mix { reads: self.settings.read_ratio };
        let Some(found) = self.phase("latency", Phase { work, pace: Pace::Rate(rate), until }) else { return };
        self.keep_latency(rate, &found);
    }

    fn keep_latency(&mut self, rate: f64, found: &engine::Report) {
        let (latency, service) = (found.latency(), found.service());
        let client = found.client;
        self.report.latency = Some(LatencyReport {
            rate,
            achieved_rate: found.rate(),
            percentiles: latency.latencies(),
            longest_gap_ms: ms(found.gap.longest),
            least_gap_ms: ms(found.gap.least),
            longest_gap_at_ms: ms(found.gap.from),
            longest_gap_open: found.gap.open,
            unsent: found.unsent,
            cut: found.cut,
            service: service.latencies(),
            lag: found.lag.latencies(),
            stalled_ms: ms(found.stood_still(Duration::ZERO)),
            connections_busy: client.connections_busy,
            client_cpu_micros_per_op: found.cpu_per_answer().map(|cpu| cpu.as_secs_f64() * 1e6),
            client_busy: client.busiest,
            client_starved: client.starved,
            hits: found.reads.hits,
            misses: found.reads.misses,
        });
        self.report.per_shard = shards(found);
        self.rate = Some(rate);
        self.report.undecided.extend(judge::client_limits(found, Some(rate), self.settings));
        let begun = SystemTime::now() - found.took;
        self.histograms = Some(Histograms { latency, service, lag: found.lag.clone(), begun, took: found.took });
    }

    /// Deletes the keys and draws the conclusions.
    fn end(mut self, tell: &mut dyn FnMut(&str)) -> Measured {
        tell("deleting the keys");
        self.report.server_delta = self.servers.delta();
        self.tally.restarted = self.servers.restarted();
        // Also after a stop, and bounded: a server that hangs now has the keys' TTL to rid it of them.
        let begun = Instant::now();
        let delete = Stop::default();
        let limit = self.settings.timeout * 4;
        self.engine.run(&Phase { work: Work::Delete, pace: Pace::Closed, until: Until::Done }, &delete, |_| {
            if begun.elapsed() > limit {
                delete.ask("no time left");
            }
        });
        self.report.left_behind = self.engine.left_behind();
        self.report.stopped = self.report.stopped.take().or_else(|| self.stop.why());
        judge::verdict(&mut self.report, self.settings, &self.tally);
        Measured { report: self.report, histograms: self.histograms }
    }
}

fn engine_settings(settings: &Settings, keys: u32) -> engine::Settings {
    let stop_on = if settings.unbounded { Vec::new() } else { vec!["OOM".to_owned()] };
    engine::Settings {
        clients: settings.clients,
        pipeline: settings.pipeline,
        threads: settings.threads,
        keys: Keys { prefix: settings.key_prefix.clone(), count: keys, distribution: settings.distribution },
        value_size: settings.value_size,
        ttl: Some(TTL),
        read_from: settings.read_from,
        timeout: settings.timeout,
        stop_on,
        seed: settings.seed,
    }
}

fn shards(found: &engine::Report) -> Vec<ShardReport> {
    let seconds = found.took.as_secs_f64().max(1e-9);
    let row = |row: &engine::ShardRow| {
        let latency = row.latency.latencies();
        ShardReport {
            node: row.node.clone(),
            replica: row.replica,
            slots: row.slots,
            answered: row.answered,
            failed: row.failed,
            unsent: row.unsent,
            ops_per_second: row.answered as f64 / seconds,
            p50_ms: latency.p50_ms,
            p99_ms: latency.p99_ms,
            max_ms: latency.max_ms,
            longest_gap_ms: ms(row.gap.longest),
            connections: row.connections,
        }
    };
    found.shards.iter().map(row).collect()
}

/// What a report says of its settings before anything is known of the server.
pub fn asked(settings: &Settings) -> Asked {
    Asked {
        clients: settings.clients,
        pipeline: settings.pipeline,
        threads: settings.threads,
        read_ratio: settings.read_ratio,
        value_size: settings.value_size,
        keys: settings.keys,
        keys_asked: settings.keys,
        distribution: match settings.distribution {
            Distribution::Uniform => "uniform".to_owned(),
            Distribution::Zipf(exponent) => format!("zipf:{exponent}"),
        },
        read_from: match settings.read_from {
            ReadFrom::Primary => "primary".to_owned(),
            ReadFrom::Replica => "replica".to_owned(),
        },
        duration_seconds: settings.duration.as_secs_f64(),
        requests: settings.requests,
        rate: match settings.aim {
            Aim::Rate(rate) => Some(rate),
            _ => None,
        },
        find_rate: match settings.aim {
            Aim::Find(bound) => Some(bound.to_string()),
            _ => None,
        },
        key_prefix: settings.key_prefix.clone(),
        unbounded: settings.unbounded,
        budget: None,
    }
}

fn host(load: Option<f64>, door: &Door) -> Host {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let (near, _) = door.way().map.lead(&door.way().host, door.way().port);
    Host {
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        processor: model.map(|(_, name)| name.trim().to_owned()),
        load,
        same_machine: matches!(near.as_str(), "localhost" | "::1") || near.starts_with("127."),
    }
}

fn host_load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

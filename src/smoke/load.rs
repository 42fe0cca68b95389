//! A mixed load in two parts. Capacity: every client asks again as soon as it has its answer (a
//! closed loop). Latency: commands are due on a fixed schedule, and each is timed from when it was
//! due, so that a stall of the cache counts for everyone who would have asked in that time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::cmd;
use tokio::sync::{Semaphore, TryAcquireError};
use tokio::task::JoinSet;

use super::patterns::Ground;
use super::report::{CapacityReport, LoadReport, OperationReport};
use super::schedule::{Schedule, StopOnDrop, pace};
use crate::client::caller::{Caller, Tally};
use crate::client::host::{Usage, client_limits};
use crate::client::latency::Recorder;
use crate::client::random::{Random, seed};

const KEYS: usize = 1_000;
/// Nine reads to one write.
const READ_SHARE: f64 = 0.9;
const WINDOWS: usize = 3;
/// Commands per second of the latency part, unless the settings give a rate: enough for a p99 after a
/// second, gentle to a cache in service, and far from where the client itself falls behind (measured
/// on two shared processors: sound at 10,000, a backlog of its own making at 20,000).
const HIGHEST_RATE: f64 = 10_000.0;
/// The last commands may take this long without meaning that the cache fell behind.
const SETTLED: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) warm_up: Duration,
    /// Zero: not measured.
    pub(super) capacity: Duration,
    pub(super) latency: Duration,
    pub(super) rate: Option<f64>,
}

/// Reads and writes apart, and everything else that a client noticed.
#[derive(Clone, Debug, Default)]
struct Mixed {
    get: Tally,
    set: Tally,
    service: Recorder,
    /// How late an idle client began a command.
    lag: Recorder,
    /// How late the schedule itself handed out its turns.
    release: Recorder,
    /// Commands that never got their turn before the run ended.
    unserved: u64,
}

impl Mixed {
    fn merge(&mut self, other: &Self) {
        self.get.merge(&other.get);
        self.set.merge(&other.set);
        self.service.merge(&other.service);
        self.lag.merge(&other.lag);
        self.unserved += other.unserved;
    }

    fn answered(&self) -> u64 {
        self.get.answered + self.set.answered
    }
}

pub(super) struct Loaded {
    pub(super) report: LoadReport,
    pub(super) tally: Tally,
    /// Latencies from the time each command was sent.
    pub(super) service: Recorder,
}

struct Worker {
    client: Caller,
    ground: Ground,
    random: Random,
    value: Arc<str>,
    mixed: Mixed,
}

impl Worker {
    /// One command of the mix. `due` is when it should have been sent, if there is a schedule.
    async fn step(&mut self, due: Option<Instant>) {
        let key = self.ground.key(format_args!("load:{}", self.random.below(KEYS)));
        let read = self.random.fraction() < READ_SHARE;
        let begun = Instant::now();
        let outcome = if read {
            let reply = self.client.attempt::<Option<Vec<u8>>>(cmd("GET").arg(&key)).await;
            reply.map(|value| Some(value.is_some()))
        } else {
            let reply = self.client.attempt::<()>(&self.ground.set(&key, &self.value)).await;
            reply.map(|()| None)
        };
        let done = Instant::now();
        let tally = if read { &mut self.mixed.get } else { &mut self.mixed.set };
        let timed = match outcome {
            Ok(hit) => {
                tally.answered += 1;
                if let Some(hit) = hit {
                    tally.read(hit);
                }
                true
            }
            Err(failure) => {
                tally.error(failure.class);
                failure.timed_out
            }
        };
        if timed {
            self.mixed.service.record(done - begun);
            tally.latency.record(done.duration_since(due.unwrap_or(begun)));
        }
    }
}

/// Runs both parts. `usable` clients keep their connections over the parts.
pub(super) async fn run(clients: Vec<Caller>, ground: &Ground, plan: &Plan) -> Loaded {
    let value: Arc<str> = ground.value("load").into();
    let count = clients.len();
    let mut workers: Vec<Worker> = clients
        .into_iter()
        .map(|client| Worker {
            client,
            ground: ground.clone(),
            random: Random::new(seed()),
            value: Arc::clone(&value),
            mixed: Mixed::default(),
        })
        .collect();
    let mut all = Tally::default();

    workers = fill(workers).await;
    // The first commands pay for connections, slot maps and cold code; they are counted as errors
    // if they fail, and not timed.
    let (warmed, warm, _) = closed_loop(workers, plan.warm_up).await;
    workers = warmed;
    add_counts(&mut all, &warm);

    let mut capacity = None;
    if !plan.capacity.is_zero() {
        let (measured, report, mixed) = measure_capacity(workers, plan.capacity).await;
        workers = measured;
        add_counts(&mut all, &mixed);
        capacity = Some(report);
    }
    let rate = plan
        .rate
        .filter(|rate| rate.is_finite() && *rate > 0.0)
        .or_else(|| capacity.as_ref().map(|capacity| (capacity.ops_per_second / 2.0).min(HIGHEST_RATE)))
        .unwrap_or(0.0)
        .clamp(1.0, 1e6);

    let before = Usage::now();
    let (mixed, took) = open_loop(workers, rate, plan.latency, ground.timeout).await;
    let share = before.until(&Usage::now());
    add_counts(&mut all, &mixed);

    let mut total = mixed.get.latency.clone();
    total.merge(&mixed.set.latency);
    let seconds = plan.latency.as_secs_f64().max(1e-6);
    let achieved_rate = mixed.answered() as f64 / took.as_secs_f64().max(seconds);
    // Two views of one thing: a process that was not scheduled hands out its turns late, and then no
    // client is idle; a busy runtime wakes idle clients late, with the turns on time.
    let lag = |quantile| {
        let seen = [mixed.lag.raw_ms(quantile), mixed.release.raw_ms(quantile)];
        seen.into_iter().flatten().reduce(f64::max)
    };
    let clients_busy = mixed.service.sum().as_secs_f64() / (took.as_secs_f64().max(seconds) * count.max(1) as f64);
    let report = LoadReport {
        clients: count,
        value_size: ground.value_size,
        read_share: READ_SHARE,
        seconds,
        capacity,
        rate,
        achieved_rate,
        get: operation(&mixed.get, seconds),
        set: operation(&mixed.set, seconds),
        total: total.latencies(),
        service: mixed.service.latencies(),
        lag_p50_ms: lag(0.50),
        lag_p99_ms: lag(0.99),
        clients_busy,
        hit_rate: mixed.get.hit_rate(),
        errors: all.error_count(),
        saturated: mixed.unserved > 0 || (achieved_rate < 0.98 * rate && took > plan.latency + SETTLED),
        client_limits: client_limits(lag(0.99), &total, share),
    };
    all.latency = total;
    Loaded { report, tally: all, service: mixed.service }
}

fn operation(tally: &Tally, seconds: f64) -> OperationReport {
    OperationReport {
        ops: tally.answered,
        ops_per_second: tally.answered as f64 / seconds,
        errors: tally.error_count(),
        latencies: tally.latency.latencies(),
    }
}

/// Adds everything but the latencies, which belong to one part only.
fn add_counts(all: &mut Tally, mixed: &Mixed) {
    for tally in [&mixed.get, &mixed.set] {
        all.merge(&Tally { latency: Recorder::default(), ..tally.clone() });
    }
}

/// Writes every key once, so that reads find something.
async fn fill(workers: Vec<Worker>) -> Vec<Worker> {
    let count = workers.len();
    let mut running = JoinSet::new();
    for (index, mut worker) in workers.into_iter().enumerate() {
        running.spawn(async move {
            for id in (index..KEYS).step_by(count.max(1)) {
                let key = worker.ground.key(format_args!("load:{id}"));
                // A cache that fails here fails in the load too, where it is counted.
                if worker.client.attempt::<()>(&worker.ground.set(&key, &worker.value)).await.is_err() {
                    break;
                }
            }
            worker
        });
    }
    let mut workers = Vec::new();
    while let Some(done) = running.join_next().await {
        workers.extend(done);
    }
    workers
}

/// Every client asks again as soon as it has its answer. Returns the time it really took, too.
async fn closed_loop(workers: Vec<Worker>, window: Duration) -> (Vec<Worker>, Mixed, Duration) {
    let begun = Instant::now();
    let until = begun + window;
    let mut running = JoinSet::new();
    for mut worker in workers {
        running.spawn(async move {
            while Instant::now() < until {
                worker.step(None).await;
            }
            worker
        });
    }
    let (mut workers, mut mixed) = (Vec::new(), Mixed::default());
    while let Some(done) = running.join_next().await {
        if let Ok(mut worker) = done {
            mixed.merge(&std::mem::take(&mut worker.mixed));
            workers.push(worker);
        }
    }
    (workers, mixed, begun.elapsed())
}

async fn measure_capacity(mut workers: Vec<Worker>, time: Duration) -> (Vec<Worker>, CapacityReport, Mixed) {
    let (mut windows, mut all) = (Vec::new(), Mixed::default());
    let before = Usage::now();
    for _ in 0..WINDOWS {
        let (back, mixed, took) = closed_loop(workers, time / WINDOWS as u32).await;
        workers = back;
        windows.push(mixed.answered() as f64 / took.as_secs_f64().max(1e-6));
        all.merge(&mixed);
        // Nothing but timeouts: two more windows would only add to the wait.
        if mixed.answered() == 0 {
            break;
        }
    }
    let share = before.until(&Usage::now());
    let ops = all.answered();
    let report = CapacityReport {
        ops_per_second: median(&windows),
        windows,
        ops,
        client_cpu_us_per_op: share.filter(|_| ops > 0).map(|share| share.cpu.as_secs_f64() * 1e6 / ops as f64),
        client_busy: share.map(|share| share.busiest),
    };
    (workers, report, all)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Sends on schedule. Returns the time until the last answer, too.
async fn open_loop(workers: Vec<Worker>, rate: f64, window: Duration, grace: Duration) -> (Mixed, Duration) {
    let total = ((rate * window.as_secs_f64()) as u64).max(1);
    // A little ahead, so that the clients are waiting when the first command is due.
    let schedule = Schedule { start: Instant::now() + Duration::from_millis(5), rate };
    let hard_stop = schedule.due(total) + grace;
    let turns = Arc::new(Semaphore::new(0));
    let next = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stop));
    let extra = workers.len();
    let pacing = {
        let turns = Arc::clone(&turns);
        tokio::task::spawn_blocking(move || pace(schedule, total, extra, &turns, &stop))
    };

    let mut running = JoinSet::new();
    for mut worker in workers {
        let (turns, next) = (Arc::clone(&turns), Arc::clone(&next));
        running.spawn(async move {
            loop {
                // No turn to take means that this client was idle; any delay from here to the start
                // of its command is this machine's, not the cache's.
                let idle = match turns.try_acquire() {
                    Ok(turn) => {
                        turn.forget();
                        false
                    }
                    Err(TryAcquireError::NoPermits) => match turns.acquire().await {
                        Ok(turn) => {
                            turn.forget();
                            true
                        }
                        Err(_) => break,
                    },
                    Err(TryAcquireError::Closed) => break,
                };
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= total {
                    break;
                }
                let (due, now) = (schedule.due(index), Instant::now());
                if now > hard_stop {
                    worker.mixed.unserved += 1;
                    worker.mixed.get.error("not served in time".to_owned());
                    worker.mixed.get.latency.record(now.duration_since(due));
                    continue;
                }
                if idle {
                    worker.mixed.lag.record(now.saturating_duration_since(due));
                }
                worker.step(Some(due)).await;
            }
            worker
        });
    }
    let mut mixed = Mixed::default();
    while let Some(done) = running.join_next().await {
        if let Ok(worker) = done {
            mixed.merge(&worker.mixed);
        }
    }
    let took = schedule.start.elapsed();
    mixed.release = pacing.await.unwrap_or_default();
    (mixed, took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_window_is_reported() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[]), 0.0);
    }
}

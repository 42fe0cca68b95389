//! This machine's part in a measurement: a client that is short of CPU, or that is woken late, makes
//! a fast cache look slow. CPU use alone does not show it (a neighbour may hold the processor), so
//! the time spent runnable but waiting for a processor counts too.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::latency::Recorder;

/// Nanoseconds per thread of this process: on a processor, and waiting for one.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    at: Instant,
    threads: HashMap<String, (u64, u64)>,
}

impl Usage {
    /// Reads `/proc/self/task/*/schedstat`; empty where there is none.
    pub(crate) fn now() -> Self {
        let mut threads = HashMap::new();
        for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            let Ok(text) = std::fs::read_to_string(task.path().join("schedstat")) else {
                continue;
            };
            let mut fields = text.split_whitespace().map(str::parse::<u64>);
            if let (Some(Ok(running)), Some(Ok(waiting))) = (fields.next(), fields.next()) {
                threads.insert(task.file_name().to_string_lossy().into_owned(), (running, waiting));
            }
        }
        Self { at: Instant::now(), threads }
    }

    /// What the process had of the machine from here to `later`; `None` where nothing tells.
    pub(crate) fn until(&self, later: &Self) -> Option<Share> {
        let wall = later.at.duration_since(self.at).as_nanos() as f64;
        if wall == 0.0 || later.threads.is_empty() {
            return None;
        }
        let mut share = Share::default();
        for (thread, (running, waiting)) in &later.threads {
            // A thread that started in between began at zero.
            let (before_running, before_waiting) = self.threads.get(thread).copied().unwrap_or((0, 0));
            let running = running.saturating_sub(before_running);
            let waiting = waiting.saturating_sub(before_waiting);
            share.cpu += Duration::from_nanos(running);
            share.busiest = share.busiest.max(running as f64 / wall);
            share.longest_wait = share.longest_wait.max(waiting as f64 / wall);
        }
        Some(share)
    }
}

/// What this process had of the machine over a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Share {
    /// CPU time of all threads.
    pub cpu: Duration,
    /// The busiest thread's share of the wall clock, 0 to 1.
    pub busiest: f64,
    /// The largest share of the wall clock that one thread waited for a processor.
    pub longest_wait: f64,
}

/// Why this machine may have made the latencies worse, in words; empty where nothing says so.
///
/// Thresholds: an idle client that begins a command later than 1 ms and a tenth of the measured p99, a thread busy 80 %
/// of the time, or 5 % of the time spent waiting for a processor.
pub(crate) fn client_limits(lag_p99_ms: Option<f64>, total: &Recorder, share: Option<Share>) -> Vec<String> {
    let mut limits = Vec::new();
    if let (Some(lag), Some(p99)) = (lag_p99_ms, total.raw_ms(0.99))
        && lag > (p99 / 10.0).max(1.0)
    {
        limits.push(format!("commands began late: p99 {lag:.1} ms"));
    }
    if let Some(share) = share {
        if share.busiest > 0.8 {
            limits.push(format!("client thread {:.0} % busy", share.busiest * 100.0));
        }
        if share.longest_wait > 0.05 {
            limits.push(format!("client waited for a processor {:.0} % of the time", share.longest_wait * 100.0));
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(micros: u64) -> Recorder {
        let mut recorder = Recorder::default();
        for _ in 0..100 {
            recorder.record(Duration::from_micros(micros));
        }
        recorder
    }

    #[test]
    fn a_client_that_begins_late_is_named_as_a_limit() {
        assert!(client_limits(Some(0.9), &recorder(900), None).is_empty());
        assert_eq!(client_limits(Some(2.0), &recorder(5_000), None).len(), 1);
        assert!(client_limits(Some(2.0), &recorder(50_000), None).is_empty());
    }

    #[test]
    fn a_busy_or_starved_client_is_named_as_a_limit() {
        let share = Share { cpu: Duration::ZERO, busiest: 0.9, longest_wait: 0.2 };
        let limits = client_limits(Some(0.01), &recorder(100), Some(share));
        assert_eq!(limits, ["client thread 90 % busy", "client waited for a processor 20 % of the time"]);
    }

    #[test]
    fn a_thread_that_works_is_seen_working() {
        let before = Usage::now();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(50) {}
        if let Some(share) = before.until(&Usage::now()) {
            assert!(share.cpu > Duration::from_millis(5), "{share:?}");
        }
    }
}

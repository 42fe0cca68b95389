//! This machine's part in a measurement: a client that is short of CPU, or that is woken late, makes
//! a fast cache look slow. CPU use alone does not show it (a neighbour may hold the processor), so
//! the time spent runnable but waiting for a processor counts too.

use std::collections::HashMap;
use std::time::{Duration, Instant};

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

#[cfg(test)]
mod tests {
    use super::*;

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

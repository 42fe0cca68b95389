//! A fixed schedule of commands, and the thread that keeps to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::client::latency::Recorder;

/// When the i-th command is due.
#[derive(Clone, Copy)]
pub(super) struct Schedule {
    pub(super) start: Instant,
    pub(super) rate: f64,
}

impl Schedule {
    pub(super) fn due(&self, index: u64) -> Instant {
        self.start + Duration::from_secs_f64(index as f64 / self.rate)
    }
}

/// Stops the pacing thread when the run is over or was cancelled.
pub(super) struct StopOnDrop(pub(super) Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Hands out turns when they are due. On a thread of its own: the runtime's timer ticks in
/// milliseconds, which would show as 0.5 ms of latency that no cache caused, while a thread's sleep
/// is good to some 60 us. A spinning thread would take the processor from the clients.
pub(super) fn pace(schedule: Schedule, total: u64, extra: usize, turns: &Semaphore, stop: &AtomicBool) -> Recorder {
    let (mut given, mut late) = (0, Recorder::default());
    while given < total && !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        let due = schedule.due(given);
        if due > now {
            // In slices, so that a cancelled run with a low rate does not linger.
            std::thread::sleep((due - now).min(Duration::from_millis(50)));
            continue;
        }
        let first = given;
        while given < total && schedule.due(given) <= now {
            late.record(now - schedule.due(given));
            given += 1;
        }
        turns.add_permits((given - first) as usize);
    }
    // One turn past the end for every client, to let it see that there is no more.
    turns.add_permits(extra);
    late
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_does_not_drift() {
        let schedule = Schedule { start: Instant::now(), rate: 3.0 };
        assert_eq!(schedule.due(300).duration_since(schedule.start), Duration::from_secs(100));
    }

    #[test]
    fn pacing_gives_every_turn_and_one_more_per_client() {
        let turns = Semaphore::new(0);
        let schedule = Schedule { start: Instant::now(), rate: 10_000.0 };
        pace(schedule, 200, 4, &turns, &AtomicBool::new(false));
        assert_eq!(turns.available_permits(), 204);
        assert!(schedule.start.elapsed() >= Duration::from_millis(19));
    }

    #[test]
    fn a_cancelled_run_stops_its_pacing() {
        let schedule = Schedule { start: Instant::now(), rate: 1.0 };
        pace(schedule, 1_000, 1, &Semaphore::new(0), &AtomicBool::new(true));
        assert!(schedule.start.elapsed() < Duration::from_secs(1));
    }
}

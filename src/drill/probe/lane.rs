//! One connection of a probe, used at a fixed pace: it connects, sends, and says what came of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::log::{Ack, Log};
use super::super::setup::TTL;
use super::super::trace::Trace;
use super::route::{Memory, Route};
use crate::client::line::{Door, Line, Trouble};
use crate::client::topology::facts;

/// What a lane sends.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// Sets the bit of its number, so that a key of a few kilobytes tells which writes a server has.
    ///
    /// With `waits` it then asks whether a replica has it, and waits for the answer.
    Write { key: String, waits: bool },
    /// Sets the key.
    Set { key: String },
    /// Gets the key; what is missing is an answer, and counted.
    Get { key: String, from_replica: bool },
}

/// How long a write that waits gives a replica.
const WAIT_MS: &str = "100";

/// What a client does when its connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reconnects {
    Never,
    /// With what its name leads to now, or led to this long ago.
    With(Duration),
}

/// When a lane has something to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) begin: Instant,
    /// Between two commands of the lane.
    pub(super) every: Duration,
    pub(super) lane: u32,
    pub(super) lanes: u32,
    /// How long an attempt may hang.
    pub(super) limit: Duration,
}

impl Pace {
    /// When the next command of this lane is due after `now`.
    fn next(&self, now: Instant) -> Instant {
        self.turn(now, self.every)
    }

    /// When attempts hang, those of all lanes together begin at even distances.
    fn next_while_hanging(&self, now: Instant) -> Instant {
        self.turn(now, self.limit + self.every)
    }

    fn turn(&self, now: Instant, round: Duration) -> Instant {
        let first = self.begin + round * self.lane / self.lanes;
        let turns = now.saturating_duration_since(first).as_nanos() / round.as_nanos().max(1) + 1;
        first + Duration::from_nanos((round.as_nanos() * turns) as u64)
    }
}

/// A lane of a probe.
pub(super) struct Lane {
    pub(super) door: Door,
    pub(super) route: Route,
    pub(super) work: Work,
    pub(super) reconnects: Reconnects,
    pub(super) pace: Pace,
    pub(super) log: Arc<Log>,
    pub(super) trace: Arc<Mutex<Trace>>,
    pub(super) stop: Arc<AtomicBool>,
}

/// An open connection, and which server is at its other end, where that could be asked.
struct Open {
    line: Line,
    run: Option<usize>,
    /// It ended after the answer that was wanted.
    is_broken: bool,
}

impl Lane {
    /// Until it is stopped.
    pub(super) fn run(self) {
        let keeps = match self.reconnects {
            Reconnects::Never => Duration::ZERO,
            Reconnects::With(keeps) => keeps,
        };
        let (mut memory, mut open, mut was_open, mut hung) = (Memory::new(keeps), None, false, false);
        for turn in 0_u64.. {
            // Of this lane alone, whatever the others do.
            let number = turn * u64::from(self.pace.lanes) + u64::from(self.pace.lane);
            let now = Instant::now();
            let due = if hung { self.pace.next_while_hanging(now) } else { self.pace.next(now) };
            if !self.sleep_until(due) {
                return;
            }
            hung = false;
            if open.is_none() {
                if was_open && self.reconnects == Reconnects::Never {
                    // Nothing is tried any more, and the silence is all there is to see.
                    continue;
                }
                match self.connect(&mut memory, number) {
                    Ok(connection) => (open, was_open) = (Some(connection), true),
                    Err(trouble) => {
                        hung = self.failed(&trouble, Trace::never_sent);
                        continue;
                    }
                }
            }
            if let Some(connection) = &mut open
                && let Err(trouble) = self.act(connection, number)
            {
                hung = self.failed(&trouble, Trace::failed);
                if is_over(&trouble, self.reconnects) {
                    open = None;
                }
            }
            open = open.filter(|connection| !connection.is_broken);
        }
    }

    /// False where the end came first.
    fn sleep_until(&self, due: Instant) -> bool {
        const PIECE: Duration = Duration::from_millis(50);
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(PIECE));
        }
    }

    fn connect(&self, memory: &mut Memory, turn: u64) -> Result<Open, Trouble> {
        let endpoint = self.route.endpoint(turn as usize);
        let resolve = || self.door.resolve(&endpoint.0, endpoint.1);
        let addresses = memory.look_up(Instant::now(), &endpoint, resolve)?;
        let mut line = self.door.open_at(&endpoint.0, &addresses)?;
        if matches!(self.work, Work::Get { from_replica: true, .. }) {
            line.ask(&["READONLY"])?;
        }
        let mut run = None;
        if matches!(self.work, Work::Write { .. })
            && let Ok(text) = line.text(&["INFO", "server"])
        {
            run = facts(&text).get("run_id").map(|id| self.log.run(id));
        }
        Ok(Open { line, run, is_broken: false })
    }

    fn act(&self, open: &mut Open, number: u64) -> Result<(), Trouble> {
        const TTL_MS: u64 = TTL.as_secs() * 1_000;
        let ttl = TTL_MS.to_string();
        match &self.work {
            Work::Write { key, waits } => {
                let bit = number.to_string();
                open.line.ask_all(&[&["SETBIT", key, &bit, "1"], &["PEXPIRE", key, &ttl]])?;
                let at = self.answered();
                let waited = *waits && wait(open);
                self.log.acknowledged(Ack { number, at, run: open.run, by_waiter: *waits, waited });
            }
            Work::Set { key } => {
                open.line.ask(&["SET", key, &number.to_string(), "PX", &ttl])?;
                self.answered();
            }
            Work::Get { key, .. } => {
                let found = open.line.ask(&["GET", key])?;
                let at = self.answered();
                if found == redis::Value::Nil {
                    let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
                    trace.missed(at);
                }
            }
        }
        Ok(())
    }

    fn answered(&self) -> Duration {
        let at = self.log.now();
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).answered(at);
        at
    }

    /// Notes it in this way. Did it hang?
    fn failed(&self, trouble: &Trouble, note: fn(&mut Trace, Duration, &str, &str)) -> bool {
        let at = self.log.now();
        note(&mut self.trace.lock().unwrap_or_else(PoisonError::into_inner), at, &trouble.class, &trouble.detail);
        self.route.doubt();
        trouble.class == "timeout"
    }
}

/// Whether a replica said that it has the writes of this connection. A write that was acknowledged stays so where this
/// question gets no answer any more.
fn wait(open: &mut Open) -> bool {
    match open.line.ask(&["WAIT", "1", WAIT_MS]) {
        Ok(redis::Value::Int(replicas)) => replicas > 0,
        Ok(_) => false,
        Err(trouble) => {
            open.is_broken = ENDS.contains(&trouble.class.as_str());
            false
        }
    }
}

/// Codes of servers after which a client looks for another node.
const ELSEWHERE: [&str; 4] = ["READONLY", "MOVED", "NOAUTH", "max clients"];
/// Ends of connections.
const ENDS: [&str; 6] =
    ["timeout", "connection dropped", "connection refused", "name not resolved", "TLS", "unexpected reply"];

fn is_over(trouble: &Trouble, reconnects: Reconnects) -> bool {
    let class = trouble.class.as_str();
    ENDS.contains(&class) || (reconnects != Reconnects::Never && ELSEWHERE.contains(&class))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(lane: u32) -> Pace {
        let (every, limit) = (Duration::from_millis(60), Duration::from_millis(200));
        Pace { begin: Instant::now(), every, lane, lanes: 6, limit }
    }

    #[test]
    fn lanes_share_the_pace() {
        let begin = Instant::now();
        let mut dues = Vec::new();
        for lane in 0..6 {
            let pace = Pace { begin, ..pace(lane) };
            let mut now = begin;
            for _ in 0..10 {
                let due = pace.next(now);
                assert!(due > now);
                dues.push(due);
                now = due;
            }
        }
        dues.sort();
        let steps: Vec<u128> = dues.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
        assert!(steps.iter().all(|step| *step == 10), "{steps:?}");
    }

    #[test]
    fn a_lane_that_was_held_up_leaves_out_what_it_missed() {
        let pace = pace(0);
        let held_up = pace.next(pace.begin) + Duration::from_millis(500);
        assert!(pace.next(held_up) > held_up && pace.next(held_up) <= held_up + pace.every);
    }

    #[test]
    fn while_attempts_hang_one_of_the_lanes_tries_every_44_ms() {
        let begin = Instant::now();
        let now = begin + Duration::from_secs(3);
        let mut tries: Vec<Instant> = (0..6).map(|lane| Pace { begin, ..pace(lane) }.next_while_hanging(now)).collect();
        tries.sort();
        assert!(tries.windows(2).all(|pair| pair[1] - pair[0] < Duration::from_millis(45)), "{tries:?}");
    }

    #[test]
    fn a_client_that_never_reconnects_stays_with_a_server_that_only_reads() {
        let trouble = |class: &str| Trouble { class: class.into(), detail: String::new() };
        assert!(is_over(&trouble("READONLY"), Reconnects::With(Duration::ZERO)));
        assert!(!is_over(&trouble("READONLY"), Reconnects::Never));
        assert!(is_over(&trouble("connection dropped"), Reconnects::Never));
        assert!(!is_over(&trouble("LOADING"), Reconnects::With(Duration::ZERO)));
    }
}

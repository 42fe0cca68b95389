//! What one event loop counts in one phase.

use std::collections::BTreeMap;
use std::time::Duration;

use super::map::NodeIndex;
use super::overflow::Overflow;
use super::report::{Gap, Lost, Tally};
use super::stalls::Stalls;
use crate::client::latency::Recorder;

/// Nanoseconds since the engine was opened.
pub(super) type Nanos = u64;

/// What a command does to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
    Delete,
    /// Goes before a redirected command, and is answered by itself.
    Asking,
}

/// A command on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) kind: Kind,
    pub(super) number: u32,
    /// Of this event loop; whose turn it is next when all of its orders are done (closed loop).
    pub(super) client: u32,
    pub(super) due: Nanos,
    pub(super) sent: Nanos,
    /// How often it was sent on.
    pub(super) hops: u8,
    /// Its key was acknowledged when it was sent: a read must find it.
    pub(super) known: bool,
}

/// Whether answers come while commands wait for them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    waiting: u64,
    since: Option<Nanos>,
    longest: Nanos,
    /// The longest without standstills of this machine.
    least: Nanos,
    from: Nanos,
}

impl Silence {
    /// Counts a command that waits from `at` on; a silence begins then, unless one is on already.
    pub(super) fn due(&mut self, at: Nanos) {
        self.waiting += 1;
        self.since.get_or_insert(at);
    }

    /// Counts a command that waits no longer, which ends a silence; while others wait, the next begins at `now`.
    pub(super) fn answered(&mut self, now: Nanos, stalls: &Stalls) {
        self.waiting = self.waiting.saturating_sub(1);
        self.note(now, stalls);
        self.since = (self.waiting > 0).then_some(now);
    }

    /// An error is no sign of life: the silence goes on, also while nothing waits.
    pub(super) fn failed(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    fn note(&mut self, now: Nanos, stalls: &Stalls) {
        let Some(since) = self.since else { return };
        let length = now.saturating_sub(since);
        // Nearly all end here: what is no longer than the longest without standstills is longer in no respect.
        if length <= self.least {
            return;
        }
        self.least = self.least.max(length - stalls.within(since, now));
        if length > self.longest {
            (self.longest, self.from) = (length, since);
        }
    }

    /// The longest silence up to `end`, with its beginning as a time after `start`.
    pub(super) fn gap(mut self, start: Nanos, end: Nanos, stalls: &Stalls) -> Gap {
        let before = self.longest;
        self.note(end, stalls);
        let elapsed = |at: Nanos| Duration::from_nanos(at.saturating_sub(start));
        let (longest, least) = (Duration::from_nanos(self.longest), Duration::from_nanos(self.least));
        Gap { longest, least, from: elapsed(self.from), open: self.longest > before }
    }
}

/// What is counted of one node in one phase.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeMeter {
    pub(super) answered: u64,
    pub(super) failed: u64,
    pub(super) unsent: u64,
    pub(super) latency: Recorder,
    pub(super) silence: Silence,
    /// Time that commands were under way, all connections together.
    pub(super) busy: Nanos,
}

/// How often a node gave errors of one class, when first and last, and the first one in full.
#[derive(Clone, Debug)]
pub(super) struct ErrorCount {
    pub(super) count: u64,
    pub(super) first: Nanos,
    pub(super) last: Nanos,
    pub(super) example: String,
}

/// Errors, or failed attempts to connect, by node and class.
pub(super) type Errors = BTreeMap<(NodeIndex, String), ErrorCount>;

/// What one event loop counts in one phase.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    pub(super) reads: Tally,
    pub(super) writes: Tally,
    pub(super) lag: Recorder,
    pub(super) all: Silence,
    pub(super) nodes: Vec<NodeMeter>,
    pub(super) errors: Errors,
    pub(super) connects: Errors,
    pub(super) due: u64,
    pub(super) cut: u64,
    pub(super) moved: u64,
    pub(super) asked: u64,
    pub(super) reconnects: u64,
    pub(super) lost: Lost,
    /// Reads of keys that may have ended by their TTL.
    pub(super) expired: u64,
    pub(super) last_answer: Nanos,
    /// Time in which the event loop had nothing to do.
    pub(super) idle: Nanos,
    /// When it did not run.
    pub(super) stalls: Stalls,
    /// Commands that were due when the backlog was full, and were never sent.
    pub(super) overflow: Overflow,
    /// Is there more than one node to tell apart, and a schedule to measure from?
    pub(super) by_node: bool,
    pub(super) open_loop: bool,
}

/// Lost keys that are named.
const NAMED: usize = 16;

impl Meter {
    /// What is counted of this node, from nothing where it is new.
    pub(super) fn node(&mut self, node: NodeIndex) -> &mut NodeMeter {
        of_node(&mut self.nodes, node)
    }

    /// A command that waited for one node waits for another from `now` on.
    pub(super) fn moved_on(&mut self, from: NodeIndex, to: NodeIndex, now: Nanos) {
        of_node(&mut self.nodes, from).silence.answered(now, &self.stalls);
        self.node(to).silence.due(now);
    }

    /// Counts a command to this node that is due at `at`.
    pub(super) fn due(&mut self, node: NodeIndex, at: Nanos) {
        self.due += 1;
        self.all.due(at);
        self.node(node).silence.due(at);
    }

    /// Reads are told apart from all else.
    fn side(&mut self, kind: Kind) -> &mut Tally {
        if kind == Kind::Read { &mut self.reads } else { &mut self.writes }
    }

    /// Counts a command that was answered without an error; `found` tells hits from misses among the reads.
    pub(super) fn answered(&mut self, node: NodeIndex, order: &Order, now: Nanos, found: bool) {
        let (latency, service) = (micros(now - order.due), micros(now - order.sent));
        let (open_loop, by_node) = (self.open_loop, self.by_node);
        let side = self.side(order.kind);
        side.answered += 1;
        if order.kind == Kind::Read {
            if found {
                side.hits += 1;
            } else {
                side.misses += 1;
            }
        }
        side.latency.record_micros(latency);
        // In a closed loop both are the same, and one is copied at the end.
        if open_loop {
            side.service.record_micros(service);
        }
        self.last_answer = now;
        self.all.answered(now, &self.stalls);
        let meter = of_node(&mut self.nodes, node);
        meter.answered += 1;
        meter.busy += now - order.sent;
        meter.silence.answered(now, &self.stalls);
        if by_node {
            meter.latency.record_micros(latency);
        }
    }

    /// Counts a command that failed.
    ///
    /// One that waited for an answer that never came counts among the latencies: a user had that wait.
    pub(super) fn failed(&mut self, node: NodeIndex, order: &Order, now: Nanos, failure: &Failure<'_>) {
        let open_loop = self.open_loop;
        let side = self.side(order.kind);
        side.failed += 1;
        if failure.waited {
            side.latency.record_micros(micros(now.saturating_sub(order.due)));
            if open_loop && order.sent > 0 {
                side.service.record_micros(micros(now.saturating_sub(order.sent)));
            }
        }
        self.all.failed();
        let meter = self.node(node);
        meter.failed += 1;
        meter.silence.failed();
        count(&mut self.errors, node, failure, now);
    }

    /// Counts a command that was due and never sent: it waited until now at least.
    pub(super) fn unsent(&mut self, node: NodeIndex, order: &Order, now: Nanos) {
        self.side(order.kind).latency.record_micros(micros(now.saturating_sub(order.due)));
        self.node(node).unsent += 1;
    }

    /// Counts commands that were due from `first` to `last` and found no room in the backlog.
    pub(super) fn overflowed(&mut self, first: Nanos, last: Nanos, count: u64) {
        self.due += count;
        self.overflow.add(first, last, count);
    }

    /// Records how long those had waited at the end, of which this share were reads.
    pub(super) fn record_overflow(&mut self, end: Nanos, reads: f64) {
        self.overflow.record(end, reads, (&mut self.reads.latency, &mut self.writes.latency));
    }

    /// Counts a command that was under way when the phase was over.
    pub(super) fn cut(&mut self, order: &Order, now: Nanos) {
        self.cut += 1;
        self.side(order.kind).latency.record_micros(micros(now.saturating_sub(order.due)));
    }

    /// Counts a read that did not find an acknowledged key, `at` this time after the start of the phase.
    pub(super) fn lost(&mut self, key: u32, at: Duration) {
        self.lost.reads += 1;
        self.lost.first.get_or_insert(at);
        if self.lost.keys.len() < NAMED {
            self.lost.keys.push(key);
        }
    }
}

fn of_node(nodes: &mut Vec<NodeMeter>, node: NodeIndex) -> &mut NodeMeter {
    let at = usize::from(node);
    if at >= nodes.len() {
        nodes.resize_with(at + 1, NodeMeter::default);
    }
    &mut nodes[at]
}

/// Why a command failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure<'a> {
    pub(super) class: &'a str,
    pub(super) detail: &'a str,
    pub(super) waited: bool,
}

/// Counts a failure of this node at `now`, by its class.
pub(super) fn count(errors: &mut Errors, node: NodeIndex, failure: &Failure<'_>, now: Nanos) {
    let row = errors.entry((node, failure.class.to_owned())).or_insert_with(|| ErrorCount {
        count: 0,
        first: now,
        last: now,
        example: failure.detail.to_owned(),
    });
    row.count += 1;
    row.last = now;
}

fn micros(nanos: Nanos) -> u64 {
    nanos / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(silence: Silence, end: Nanos) -> (u64, u64, bool) {
        let gap = silence.gap(0, end, &Stalls::default());
        (gap.longest.as_nanos() as u64, gap.from.as_nanos() as u64, gap.open)
    }

    #[test]
    fn a_time_in_which_nothing_was_due_is_no_gap() {
        let mut silence = Silence::default();
        silence.due(100);
        silence.answered(110, &Stalls::default());
        silence.due(5_000);
        silence.answered(5_020, &Stalls::default());
        assert_eq!(gap(silence, 9_000), (20, 5_000, false));
    }

    #[test]
    fn a_gap_runs_from_the_last_answer_while_commands_wait() {
        let mut silence = Silence::default();
        silence.due(0);
        silence.due(1);
        silence.answered(10, &Stalls::default());
        silence.due(500);
        silence.answered(1_000, &Stalls::default());
        assert_eq!(gap(silence, 1_001), (990, 10, false));
    }

    #[test]
    fn the_silence_at_the_end_counts() {
        let mut silence = Silence::default();
        silence.due(0);
        silence.answered(5, &Stalls::default());
        silence.due(100);
        assert_eq!(gap(silence, 1_100), (1_000, 100, true));
    }

    #[test]
    fn errors_do_not_end_a_gap() {
        let mut silence = Silence::default();
        for at in [0, 100, 200] {
            silence.due(at);
            silence.failed();
        }
        silence.due(300);
        silence.answered(310, &Stalls::default());
        assert_eq!(gap(silence, 400), (310, 0, false));
    }

    #[test]
    fn a_standstill_of_this_machine_is_no_ones_silence_and_hides_none() {
        const MS: Nanos = 1_000_000;
        let mut stalls = Stalls::beginning(0);
        stalls.worked(3_000 * MS);
        let mut silence = Silence::default();
        silence.due(5 * MS);
        silence.answered(3_001 * MS, &stalls);
        // And one that the server made.
        silence.due(4_000 * MS);
        silence.answered(4_700 * MS, &stalls);
        let gap = silence.gap(0, 5_000 * MS, &stalls);
        assert_eq!((gap.longest, gap.least), (Duration::from_millis(2_996), Duration::from_millis(700)));
    }
}

//! What an engine saw in one phase. Facts only: what they mean is for the caller to say.

use std::time::Duration;

use super::settings::Reason;
use crate::client::latency::Recorder;

/// One phase, measured. All times are from the phase's start.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// From the start to the last answer, or to the scheduled end where that is later.
    pub took: Duration,
    /// Commands that were due (open loop) or sent (closed loop).
    pub due: u64,
    /// Commands answered without an error.
    pub answered: u64,
    /// Commands that failed: error replies, time-outs, dropped connections. The sum of `errors`.
    pub failed: u64,
    /// Commands that were due and never sent, because no connection was free or none could be had; no errors.
    ///
    /// Each counts in the latencies with the time that it had waited at the end, so that leaving them out cannot make
    /// the percentiles better than they were.
    pub unsent: u64,
    /// Commands under way when a stop or an end cut them off: neither answered nor failed; in the latencies as above.
    pub cut: u64,
    pub reads: Tally,
    pub writes: Tally,
    /// How late the schedule was looked at for each command: this machine's own delay (open loop only).
    ///
    /// A command that then waits for a free connection does not wait for this machine.
    pub lag: Recorder,
    /// The longest silence over all shards together, of the clients of any one thread.
    pub gap: Gap,
    /// Errors by node and class, the most frequent first.
    pub errors: Vec<ErrorRow>,
    /// Failed attempts to connect, by node and class. No command failed by them alone.
    pub connects: Vec<ErrorRow>,
    /// One row a node that was asked, in the order of its slots.
    pub shards: Vec<ShardRow>,
    /// Commands that were sent on to another node after MOVED, and after ASK.
    pub moved: u64,
    pub asked: u64,
    /// Connections that were lost and made anew.
    pub reconnects: u64,
    /// Acknowledged writes of this engine that a later read did not find, though their TTL cannot have been over.
    pub lost: Lost,
    /// Reads that did not find a key which could not be renewed in time: it may have expired.
    pub expired: u64,
    pub client: ClientUse,
    /// When event loops did not run, in the order of time; overlapping ones are one.
    pub stalls: Vec<Stall>,
    /// How much later than the schedule the last answer came merely by the shortest latency (open loop only).
    pub tail: Duration,
    /// Why the phase ended before its time: a [`Stop`]'s reason, or an error class of `stop_on`.
    ///
    /// [`Stop`]: super::Stop
    pub stopped: Option<Reason>,
}

/// Reads or writes of one phase.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Answered without an error.
    pub answered: u64,
    pub failed: u64,
    /// Reads that found a value, and reads that found none.
    pub hits: u64,
    pub misses: u64,
    /// From when each command was due to its answer, waits in the client included; time-outs count with their wait.
    ///
    /// In a closed loop a command is due when it is sent.
    pub latency: Recorder,
    /// From when each command was sent to its answer: what a closed-loop tool would tell.
    pub service: Recorder,
}

/// A silence: commands were waiting, and none was answered without an error.
///
/// A time without anything to answer is none. What is still silent at the end counts up to the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    pub longest: Duration,
    /// The longest without the times in which this machine stood still: what is surely not its own.
    pub least: Duration,
    /// When the longest began.
    pub from: Duration,
    /// It had not ended when the phase did.
    pub open: bool,
}

/// A time in which an event loop of this machine did not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stall {
    pub from: Duration,
    pub until: Duration,
}

/// Errors of one class on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorRow {
    /// `host:port`.
    pub node: String,
    /// The server's code (`OOM`, `READONLY`, `CLUSTERDOWN`), `max clients`, or what broke: `timeout`,
    /// `connection refused`, `connection dropped`, `name not resolved`, `TLS`, `unexpected reply`.
    pub class: String,
    pub count: u64,
    pub first: Duration,
    pub last: Duration,
    /// The first one in full, as the server said it.
    pub example: String,
}

/// One node's part.
#[derive(Clone, Debug, Default)]
pub struct ShardRow {
    /// `host:port`.
    pub node: String,
    pub replica: bool,
    /// Slots that it serves at the end of the phase; 0 outside of cluster mode.
    pub slots: u16,
    pub answered: u64,
    pub failed: u64,
    /// Of those that were given to this node: what found no room in a full backlog is in the report's only.
    pub unsent: u64,
    /// As [`Tally::latency`], in three significant digits.
    pub latency: Recorder,
    pub gap: Gap,
    /// Connections that are open at the end of the phase.
    pub connections: usize,
}

/// Keys whose write was acknowledged and that a read did not find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Reads that found nothing. A key that is read twice counts twice, unless it was written in between.
    pub reads: u64,
    /// Of these, the numbers of the first 16 keys.
    pub keys: Vec<u32>,
    /// When the first was missed.
    pub first: Option<Duration>,
}

/// This machine's part in a phase: what makes a fast cache look slow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClientUse {
    /// CPU time of the engine's threads; `None` where the system does not tell.
    pub cpu: Option<Duration>,
    /// The busiest thread's share of the time in which it did not wait for events, 0 to 1.
    pub busiest: f64,
    /// The busiest thread's share of the time on a processor, 0 to 1.
    pub processor: Option<f64>,
    /// The largest share of the time in which a thread waited for a processor that others held.
    pub starved: Option<f64>,
    /// Share of the time in which a client had a command under way, 0 to 1: near 1 there were too few for the rate.
    pub connections_busy: f64,
}

impl Report {
    /// Answers a second.
    ///
    /// A schedule that was kept is its own rate, however long an answer takes; one whose commands pile up is less.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.took.saturating_sub(self.tail).as_secs_f64().max(1e-9)
    }

    /// Latencies of reads and writes together, from when each was due.
    pub fn latency(&self) -> Recorder {
        let mut all = self.reads.latency.clone();
        all.merge(&self.writes.latency);
        all
    }

    /// Latencies of reads and writes together, from when each was sent.
    pub fn service(&self) -> Recorder {
        let mut all = self.reads.service.clone();
        all.merge(&self.writes.service);
        all
    }

    /// CPU time of the client per answer.
    pub fn cpu_per_answer(&self) -> Option<Duration> {
        self.client.cpu.filter(|_| self.answered > 0).map(|cpu| cpu.div_f64(self.answered as f64))
    }
}

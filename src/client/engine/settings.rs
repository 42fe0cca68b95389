//! What an engine is asked to do: who asks, for which keys, how fast, until when.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What stays the same for as long as an engine's connections live.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Clients. Each has one connection; to a cluster, one to every shard.
    pub clients: usize,
    /// Commands that one client has under way at most, 1 or more.
    pub pipeline: usize,
    /// Event loops, each on a thread of its own with its share of the clients.
    pub threads: usize,
    pub keys: Keys,
    /// Bytes of a written value.
    pub value_size: usize,
    /// Every written key expires after this. The engine renews acknowledged ones for as long as it lives.
    ///
    /// `None` writes keys that stay: only where the caller deletes them.
    pub ttl: Option<Duration>,
    pub read_from: ReadFrom,
    /// A command that is not answered for this long has failed (class `timeout`), and its connection is given up.
    pub timeout: Duration,
    /// Error classes that end the phase at their first appearance, such as `OOM`.
    pub stop_on: Vec<String>,
    /// Makes the choice of keys repeatable.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clients: 50,
            pipeline: 1,
            threads: 1,
            keys: Keys::default(),
            value_size: 64,
            ttl: Some(Duration::from_secs(120)),
            read_from: ReadFrom::Primary,
            timeout: Duration::from_secs(3),
            stop_on: vec!["OOM".to_owned()],
            seed: 1,
        }
    }
}

/// The keys of a run, by number: what wrote them can name them, and delete them by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys {
    /// Begins every key; the caller's own, such as `cachectl:bench:1f2e:`.
    pub prefix: String,
    /// Keys are numbered from 0 up to this. At least 1.
    pub count: u32,
    pub distribution: Distribution,
}

impl Default for Keys {
    fn default() -> Self {
        Self { prefix: "cachectl:".to_owned(), count: 10_000, distribution: Distribution::Uniform }
    }
}

impl Keys {
    /// The name of a key.
    pub fn name(&self, number: u32) -> String {
        format!("{}{number:0width$}", self.prefix, width = self.digits())
    }

    /// How many digits the number in a key's name has, leading zeros included.
    ///
    /// Names are of one length, so that one prepared command does for all, and no longer than they must be, since each
    /// byte is work for the server.
    pub(super) fn digits(&self) -> usize {
        self.count.saturating_sub(1).max(1).ilog10() as usize + 1
    }
}

/// How often each key is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// All alike.
    Uniform,
    /// Key number `n` with a probability proportional to `1 / (n + 1)^s`; 1.0 is Zipf's own law.
    Zipf(f64),
}

/// Which nodes reads go to. Writes always go to the primary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadFrom {
    #[default]
    Primary,
    /// Reads go to the replicas in turn, to the primary of a shard without one.
    Replica,
}

/// One measurement over open connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    pub work: Work,
    pub pace: Pace,
    pub until: Until,
}

/// Which commands a phase sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// `GET` with this probability (0 to 1), else `SET`, of keys by the distribution.
    Mix { reads: f64 },
    /// `SET` of every key once, in order: fills the cache before reads. Ends by itself.
    Fill,
    /// `GET` of every key whose write was acknowledged: those that are gone are in [`Report::lost`].
    ///
    /// Ends by itself.
    ///
    /// [`Report::lost`]: super::Report::lost
    Verify,
    /// `UNLINK` of every key that the run may have written, by name. Ends by itself.
    Delete,
}

/// When commands are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Closed loop: a client sends as soon as it has its answers. Measures capacity, hides stalls.
    Closed,
    /// Open loop: this many commands a second are due on a fixed schedule, whatever the answers do.
    ///
    /// Latencies count from when each command was due.
    Rate(f64),
}

/// When a phase ends, unless its work ends it before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Until {
    /// No command is due after this long. What is under way is awaited for at most the settings' `timeout`.
    Elapsed(Duration),
    /// This many commands were sent.
    Requests(u64),
    /// The work is done ([`Work::Fill`] and its like).
    Done,
}

/// Ends a phase from elsewhere: a signal handler, a watcher of evictions, a deadline.
///
/// Clones stop together. What is under way is awaited for 200 ms at most, then the phase reports what it measured.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<StopState>);

#[derive(Debug, Default)]
struct StopState {
    asked: AtomicBool,
    why: Mutex<Option<Reason>>,
}

/// Why a phase ended before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Whoever runs it asked for its end.
    Interrupted,
    /// This server, as `host:port`, evicted keys.
    Evicted(String),
    /// A command was refused with this class of `stop_on`.
    Refused(String),
    /// Anything else, in words.
    Other(String),
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::Evicted(node) => write!(f, "{node} evicted keys"),
            Self::Refused(why) | Self::Other(why) => f.write_str(why),
        }
    }
}

impl From<&str> for Reason {
    fn from(words: &str) -> Self {
        Self::Other(words.to_owned())
    }
}

impl serde::Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Stop {
    /// Asks for the end. The first reason counts.
    pub fn ask(&self, why: impl Into<Reason>) {
        self.0.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| why.into());
        self.0.asked.store(true, Ordering::Release);
    }

    /// Was the end asked for?
    pub fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::Acquire)
    }

    /// Why.
    pub fn why(&self) -> Option<Reason> {
        self.0.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_run_have_one_length_and_no_digit_too_many() {
        for (count, first, last) in
            [(1, "k:0", "k:0"), (10, "k:0", "k:9"), (11, "k:00", "k:10"), (100_000, "k:00000", "k:99999")]
        {
            let keys = Keys { prefix: "k:".into(), count, ..Keys::default() };
            assert_eq!((keys.name(0).as_str(), keys.name(count - 1).as_str()), (first, last));
        }
    }
}

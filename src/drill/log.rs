//! What all probes of a run write into: acknowledged writes, and what was seen of nodes and names.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A write that the server acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    pub number: u64,
    pub at: Duration,
    /// The server process, by its place in [`Log::runs`].
    pub run: Option<usize>,
    /// Of the writer that waits for a replica after each write.
    pub by_waiter: bool,
    /// A replica said that it has it.
    pub waited: bool,
}

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub at: Duration,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// By AWS's name of the node.
    Node { id: String, state: NodeState },
    /// Where a name leads now.
    Name { name: String, addresses: Vec<String> },
}

/// A node, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeState {
    /// Why it says nothing.
    pub trouble: Option<String>,
    pub is_primary: bool,
    /// Of a replica: it gets its primary's stream.
    pub is_linked: bool,
    /// Of a primary: replicas that get the stream.
    pub replicas: usize,
    /// The server process.
    pub run_id: String,
}

/// Each node as it said last, by AWS's names.
pub(super) fn latest(changes: &[Change]) -> BTreeMap<&str, &NodeState> {
    let said = changes.iter().filter_map(|change| match &change.what {
        What::Node { id, state } => Some((id.as_str(), state)),
        What::Name { .. } => None,
    });
    said.collect()
}

/// Shared by all probes of a run.
#[derive(Debug)]
pub(super) struct Log {
    begun: Instant,
    acks: Mutex<Vec<Ack>>,
    runs: Mutex<Vec<String>>,
    changes: Mutex<Vec<Change>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    pub(super) fn new(begun: Instant) -> Self {
        Self { begun, acks: Mutex::default(), runs: Mutex::default(), changes: Mutex::default() }
    }

    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    pub(super) fn acknowledged(&self, ack: Ack) {
        locked(&self.acks).push(ack);
    }

    /// The place of a server process among those that were met.
    pub(super) fn run(&self, id: &str) -> usize {
        let mut runs = locked(&self.runs);
        runs.iter().position(|known| known == id).unwrap_or_else(|| {
            runs.push(id.to_owned());
            runs.len() - 1
        })
    }

    pub(super) fn changed(&self, what: What) {
        locked(&self.changes).push(Change { at: self.now(), what });
    }

    pub(super) fn acks(&self) -> Vec<Ack> {
        let mut acks = locked(&self.acks).clone();
        acks.sort_by_key(|ack| ack.at);
        acks
    }

    pub(super) fn runs(&self) -> Vec<String> {
        locked(&self.runs).clone()
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        let mut changes = locked(&self.changes).clone();
        changes.sort_by_key(|change| change.at);
        changes
    }
}

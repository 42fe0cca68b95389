//! What is looked at beside the load: each node's own word, where names lead, and whether this machine stood still.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::log::{Log, NodeState, What};
use super::super::setup::{Endpoint, Node};
use super::super::trace::Gap;
use crate::client::line::{Door, Line, Trouble};
use crate::client::topology::{facts, replicas};

/// Between two looks at a node: the timeline is to be right to 50 ms.
const NODE_PAUSE: Duration = Duration::from_millis(20);
/// Between two looks at a name.
const NAME_PAUSE: Duration = Duration::from_millis(250);
/// The pulse of this machine.
const BEAT: Duration = Duration::from_millis(5);
/// A beat that comes later than this is told.
const LATE: Duration = Duration::from_millis(15);

/// A connection to a node, and the server process at its other end, which stays the same for as long as it lasts.
struct Open {
    line: Line,
    run_id: String,
}

impl Open {
    fn new(door: &Door, (host, port): &Endpoint) -> Result<Self, Trouble> {
        let mut line = door.open(host, *port)?;
        let run_id = facts(&line.text(&["INFO", "server"])?).remove("run_id").unwrap_or_default();
        Ok(Self { line, run_id })
    }
}

fn state(door: &Door, node: &Node, kept: &mut Option<Open>) -> Result<NodeState, Trouble> {
    let mut open = match kept.take() {
        Some(open) => open,
        None => Open::new(door, &node.endpoint)?,
    };
    // The least that tells the role: it is asked for fifty times a second.
    let info = facts(&open.line.text(&["INFO", "replication"])?);
    let run_id = open.run_id.clone();
    *kept = Some(open);
    Ok(NodeState {
        trouble: None,
        is_primary: info.get("role").is_some_and(|role| role == "master"),
        is_linked: info.get("master_link_status").is_some_and(|link| link == "up"),
        replicas: replicas(&info).iter().filter(|replica| replica.online).count(),
        run_id,
    })
}

/// Tells each change of a node's state.
pub(super) fn node(door: &Door, node: &Node, log: &Log, stop: &AtomicBool) {
    let (mut open, mut known) = (None, None);
    while !stop.load(Ordering::Relaxed) {
        let now = state(door, node, &mut open)
            .unwrap_or_else(|trouble| NodeState { trouble: Some(trouble.class), ..NodeState::default() });
        if known.as_ref() != Some(&now) {
            log.changed(What::Node { id: node.id.clone(), state: now.clone() });
            known = Some(now);
        }
        std::thread::sleep(NODE_PAUSE);
    }
}

/// Tells where a name leads, first and whenever it changes.
pub(super) fn name(door: &Door, (host, port): &Endpoint, log: &Log, stop: &AtomicBool) {
    let mut known = None;
    while !stop.load(Ordering::Relaxed) {
        // One that does not resolve for a while leads nowhere.
        let found = door.resolve(host, *port).unwrap_or_default();
        let mut addresses: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
        addresses.sort();
        addresses.dedup();
        if known.as_ref() != Some(&addresses) {
            log.changed(What::Name { name: host.clone(), addresses: addresses.clone() });
            known = Some(addresses);
        }
        std::thread::sleep(NAME_PAUSE);
    }
}

/// Notes when this machine did not let a thread run that was due: such a time is nobody else's.
pub(super) fn pulse(log: &Log, stalls: &Mutex<Vec<Gap>>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let (from, begun) = (log.now(), Instant::now());
        std::thread::sleep(BEAT);
        if begun.elapsed() > BEAT + LATE {
            let stall = Gap { from: from + BEAT, until: log.now(), open: false };
            stalls.lock().unwrap_or_else(PoisonError::into_inner).push(stall);
        }
    }
}

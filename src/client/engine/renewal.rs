//! Keeps the keys of a run that lasts longer than their TTL: by name, evenly spread over the time, over lines of its
//! own, so that no measurement has a burst of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::map::NodeIndex;
use super::meter::Nanos;
use super::shared::Shared;
use crate::client::line::{Line, Trouble};

/// Every key is renewed so often within its TTL: what fails once has another chance.
const ROUNDS: u32 = 3;
/// Between two batches.
const PAUSE: Duration = Duration::from_millis(10);

/// Goes round all keys until the engine is dropped. A run that is over before the first round is due sends nothing.
pub(super) fn keep(shared: &Shared, ttl: Duration, over: &AtomicBool) {
    let round = ttl / ROUNDS;
    let mut due = round;
    let mut lines = BTreeMap::new();
    loop {
        if !wait(shared, due, over) {
            return;
        }
        let begun = Duration::from_nanos(shared.now());
        let Some(is_whole) = go_round(shared, ttl, round, over, &mut lines) else { return };
        if is_whole {
            // A key that was acknowledged after its turn may have been written a time-out before that.
            let until = begun + ttl.saturating_sub(shared.settings.timeout);
            shared.fresh_until.fetch_max(until.as_nanos() as Nanos, Ordering::Relaxed);
        }
        due = begun + round;
    }
}

/// One round, in the time that it has. Was every key renewed? `None` where the engine was dropped.
fn go_round(
    shared: &Shared,
    ttl: Duration,
    time: Duration,
    over: &AtomicBool,
    lines: &mut BTreeMap<NodeIndex, Line>,
) -> Option<bool> {
    let count = shared.settings.keys.count;
    let batches = (time.as_nanos() / PAUSE.as_nanos()).clamp(1, u128::from(count)) as u32;
    let size = count.div_ceil(batches);
    let begun = Duration::from_nanos(shared.now());
    let ttl = ttl.as_millis().max(1).to_string();
    // A node that does not answer has to wait for the next round: it must not hold up the others' keys.
    let mut broken = BTreeSet::new();
    for batch in 0..count.div_ceil(size) {
        if !wait(shared, begun + time * batch / batches, over) {
            return None;
        }
        let map = shared.atlas.map();
        let mut by_node: BTreeMap<NodeIndex, Vec<String>> = BTreeMap::new();
        for number in (batch * size)..count.min((batch + 1) * size) {
            if shared.acknowledged.has(number) {
                let slot = shared.slot(number).min(map.owners.len() - 1);
                by_node.entry(map.owners[slot]).or_default().push(shared.settings.keys.name(number));
            }
        }
        for (node, names) in by_node.into_iter().filter(|(node, _)| !broken.contains(node)).collect::<Vec<_>>() {
            if renew(shared, node, &names, &ttl, lines).is_err() {
                lines.remove(&node);
                broken.insert(node);
                // Its slots may be elsewhere.
                shared.atlas.doubtful.store(true, Ordering::Relaxed);
            }
        }
    }
    Some(broken.is_empty())
}

fn renew(
    shared: &Shared,
    node: NodeIndex,
    names: &[String],
    ttl: &str,
    lines: &mut BTreeMap<NodeIndex, Line>,
) -> Result<(), Trouble> {
    let line = match lines.entry(node) {
        std::collections::btree_map::Entry::Occupied(line) => line.into_mut(),
        std::collections::btree_map::Entry::Vacant(place) => {
            let nodes = shared.atlas.nodes();
            let Some(found) = nodes.get(usize::from(node)) else { return Ok(()) };
            place.insert(shared.atlas.door().open(&found.host, found.port)?)
        }
    };
    let commands: Vec<[&str; 3]> = names.iter().map(|name| ["PEXPIRE", name, ttl]).collect();
    line.ask_all(&commands.iter().map(<[&str; 3]>::as_slice).collect::<Vec<_>>()).map(drop)
}

/// Waits until then, by the engine's clock. False where the engine was dropped first.
fn wait(shared: &Shared, until: Duration, over: &AtomicBool) -> bool {
    const LONGEST: Duration = Duration::from_millis(50);
    loop {
        if over.load(Ordering::Relaxed) {
            return false;
        }
        let left = until.saturating_sub(Duration::from_nanos(shared.now()));
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(LONGEST));
    }
}

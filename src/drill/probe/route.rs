//! Where a shard's clients connect: by an endpoint's name, or in cluster mode by asking the nodes who serves the slot.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::setup::Endpoint;
use crate::client::line::{Door, Line, Trouble};
use crate::client::topology::{Shard, shards};

/// Which node a probe wants.
#[derive(Clone, Debug)]
pub(super) enum Route {
    /// Whoever is behind this name.
    Name(Endpoint),
    /// The primary of the shard, as the cluster tells it.
    Primary(Arc<Map>),
    /// The replicas of the shard in turn, as the cluster tells them; its primary where it has none.
    Replica(Arc<Map>),
}

impl Route {
    /// Where to connect now; `turn` chooses among replicas.
    pub(super) fn endpoint(&self, turn: usize) -> Endpoint {
        match self {
            Self::Name(endpoint) => endpoint.clone(),
            Self::Primary(map) => map.shard().primary,
            Self::Replica(map) => {
                let shard = map.shard();
                let replicas = shard.replicas.len();
                if replicas == 0 { shard.primary } else { shard.replicas[turn % replicas].clone() }
            }
        }
    }

    /// What was believed turned out to be wrong, or may be.
    pub(super) fn doubt(&self) {
        if let Self::Primary(map) | Self::Replica(map) = self {
            map.doubtful.store(true, Ordering::Relaxed);
        }
    }
}

/// How long a probe goes on using the addresses of a name that it once resolved.
#[derive(Debug)]
pub(super) struct Memory {
    keeps: Duration,
    known: Option<(Instant, Endpoint, Vec<SocketAddr>)>,
}

impl Memory {
    /// Zero resolves anew for each connection.
    pub(super) fn new(keeps: Duration) -> Self {
        Self { keeps, known: None }
    }

    /// The addresses of an endpoint, resolved now where those that are known are another's or too old.
    pub(super) fn look_up(
        &mut self,
        now: Instant,
        endpoint: &Endpoint,
        resolve: impl FnOnce() -> Result<Vec<SocketAddr>, Trouble>,
    ) -> Result<Vec<SocketAddr>, Trouble> {
        if let Some((since, known, addresses)) = &self.known
            && known == endpoint
            && now.saturating_duration_since(*since) < self.keeps
        {
            return Ok(addresses.clone());
        }
        let addresses = resolve()?;
        self.known = Some((now, endpoint.clone(), addresses.clone()));
        Ok(addresses)
    }
}

/// Who serves one slot of a cluster, kept up to date by [`Map::keep`].
#[derive(Debug)]
pub(super) struct Map {
    slot: u16,
    shard: Mutex<Shard>,
    /// Nodes to ask, those of the shard first.
    nodes: Vec<Endpoint>,
    doubtful: AtomicBool,
}

/// Between two looks while nobody doubts.
const USUAL_PAUSE: Duration = Duration::from_secs(1);
/// And while somebody does.
const SHORT_PAUSE: Duration = Duration::from_millis(20);

impl Map {
    pub(super) fn new(slot: u16, shard: Shard, nodes: Vec<Endpoint>) -> Self {
        Self { slot, shard: Mutex::new(shard), nodes, doubtful: AtomicBool::new(false) }
    }

    pub(super) fn shard(&self) -> Shard {
        self.shard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks one node again and again, another one where that fails or knows less, until `stop`.
    pub(super) fn keep(&self, door: &Door, from: usize, stop: &AtomicBool) {
        let (mut line, mut at) = (None::<Line>, from);
        let mut looked = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(SHORT_PAUSE);
            if !self.doubtful.swap(false, Ordering::Relaxed) && looked.elapsed() < USUAL_PAUSE {
                continue;
            }
            looked = Instant::now();
            let (host, port) = &self.nodes[at % self.nodes.len()];
            let asked = match line.take() {
                Some(line) => Ok(line),
                None => door.open(host, *port),
            };
            let told = asked.and_then(|mut open| {
                let reply = open.ask(&["CLUSTER", "SLOTS"])?;
                Ok((open, shards(&reply, (host, *port))))
            });
            match told {
                Ok((open, found)) => {
                    line = Some(open);
                    if let Some(shard) = found.into_iter().find(|shard| shard.serves(self.slot)) {
                        *self.shard.lock().unwrap_or_else(PoisonError::into_inner) = shard;
                    }
                }
                Err(_) => at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(last: u8) -> Result<Vec<SocketAddr>, Trouble> {
        Ok(vec![SocketAddr::from(([10, 0, 0, last], 6379))])
    }

    fn name(host: &str) -> Endpoint {
        (host.to_owned(), 6379)
    }

    #[test]
    fn what_was_resolved_is_kept_for_its_time_and_no_longer() {
        let begun = Instant::now();
        let mut minute = Memory::new(Duration::from_secs(60));
        let mut at = |seconds, last| minute.look_up(begun + Duration::from_secs(seconds), &name("a"), || found(last));
        assert_eq!(at(0, 1), found(1));
        assert_eq!(at(59, 2), found(1));
        assert_eq!(at(60, 3), found(3));
        assert_eq!(at(119, 4), found(3));
        let mut none = Memory::new(Duration::ZERO);
        assert_eq!(none.look_up(begun, &name("a"), || found(1)), found(1));
        assert_eq!(none.look_up(begun, &name("a"), || found(2)), found(2));
    }

    #[test]
    fn another_name_is_resolved_and_so_is_one_that_led_nowhere() {
        let begun = Instant::now();
        let mut minute = Memory::new(Duration::from_secs(60));
        let lost = || Err(Trouble { class: "name not resolved".into(), detail: String::new() });
        assert!(minute.look_up(begun, &name("a"), lost).is_err());
        assert_eq!(minute.look_up(begun, &name("a"), || found(1)), found(1));
        assert_eq!(minute.look_up(begun, &name("b"), || found(2)), found(2));
    }

    #[test]
    fn reads_go_to_the_replicas_in_turn_and_to_the_primary_of_a_shard_without_one() {
        let mut shard = Shard::only("primary", 1);
        let route = |shard: &Shard| Route::Replica(Arc::new(Map::new(0, shard.clone(), Vec::new())));
        assert_eq!(route(&shard).endpoint(5).0, "primary");
        shard.replicas = vec![("one".into(), 1), ("two".into(), 1)];
        assert_eq!((route(&shard).endpoint(4).0, route(&shard).endpoint(5).0), ("one".into(), "two".into()));
    }
}

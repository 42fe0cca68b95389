//! The clients of a drill: threads that go on at their pace whatever the cache does, until they are stopped.

mod lane;
#[cfg(test)]
mod names_test;
mod route;
mod watch;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::judge;
use super::log::{Ack, Change, Log, NodeState, latest};
use super::setup::{Endpoint, Setup, TTL};
use super::trace::{Gap, Trace};
use crate::client::line::{Door, Trouble};
use crate::client::topology::{Shard, key_slot};
use lane::{Lane, Pace, Reconnects, Work};
use route::{Map, Route};

/// How a client behaves when its connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Behaviour {
    /// It keeps the one connection that it has.
    NeverReconnects,
    /// It asks for the address again for each connection.
    ReResolves,
    /// It keeps an address for 60 seconds.
    CachesDns60s,
}

impl Behaviour {
    pub const ALL: [Behaviour; 3] = [Behaviour::NeverReconnects, Behaviour::ReResolves, Behaviour::CachesDns60s];

    pub fn words(self) -> &'static str {
        match self {
            Behaviour::NeverReconnects => "never reconnects",
            Behaviour::ReResolves => "re-resolves",
            Behaviour::CachesDns60s => "caches DNS 60 s",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Behaviour::NeverReconnects => "never",
            Behaviour::ReResolves => "resolves",
            Behaviour::CachesDns60s => "caches",
        }
    }

    fn reconnects(self) -> Reconnects {
        match self {
            Behaviour::NeverReconnects => Reconnects::Never,
            Behaviour::ReResolves => Reconnects::With(Duration::ZERO),
            Behaviour::CachesDns60s => Reconnects::With(Duration::from_secs(60)),
        }
    }
}

/// Connections of the writer and of the reader: while attempts hang, one of them tries every few milliseconds.
const LANES: u32 = 6;
/// The same of a canary, which many caches may have at once.
const FEW_LANES: u32 = 3;
/// Connections of the writer that waits for replicas.
const WAITING_LANES: u32 = 2;
/// An ordinary client waits so long for an answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// And those who look at nodes.
const LOOK_PATIENCE: Duration = Duration::from_millis(500);

/// Probes at work.
pub struct Probes {
    setup: Setup,
    log: Arc<Log>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    stalls: Arc<Mutex<Vec<Gap>>>,
    writer: Arc<Mutex<Trace>>,
    waiter: Arc<Mutex<Trace>>,
    reader: Arc<Mutex<Trace>>,
    readers: Vec<(String, Arc<Mutex<Trace>>)>,
    clients: Vec<(Behaviour, Arc<Mutex<Trace>>)>,
    /// Before the probes began.
    shard: Shard,
}

/// What the probes saw, once they have ended.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub ended: Duration,
    pub writer: Trace,
    pub waiter: Trace,
    pub reader: Trace,
    /// Readers on nodes, by AWS's names.
    pub readers: Vec<(String, Trace)>,
    pub clients: Vec<(Behaviour, Trace)>,
    pub acks: Vec<Ack>,
    /// Server processes that acknowledged writes.
    pub runs: Vec<String>,
    pub changes: Vec<Change>,
    /// Times in which this machine stood still.
    pub stalls: Vec<Gap>,
}

impl Seen {
    /// How much of this time this machine stood still.
    pub fn stood_still(&self, from: Duration, until: Duration) -> Duration {
        judge::within(&self.stalls, from, until)
    }
}

/// How long an attempt to connect may hang, from how long connecting took before: short enough to see when the cache
/// is back, and long enough to get through.
pub fn patience(connecting: Duration) -> Duration {
    (connecting * 10).clamp(Duration::from_millis(200), Duration::from_secs(1))
}

impl Probes {
    /// Begins. `shard` is what the nodes said before, and `connecting` how long a connection took.
    pub fn start(setup: Setup, shard: Shard, connecting: Duration) -> Result<Self, Trouble> {
        let begun = Instant::now();
        let doors = Doors {
            quick: Door::new(setup.way.clone(), patience(connecting))?,
            usual: Door::new(setup.way.clone(), PATIENCE)?,
            look: Door::new(setup.way.clone(), LOOK_PATIENCE)?,
        };
        let mut probes = Self {
            log: Arc::new(Log::new(begun)),
            stop: Arc::default(),
            threads: Vec::new(),
            stalls: Arc::default(),
            writer: Arc::default(),
            waiter: Arc::default(),
            reader: Arc::default(),
            readers: Vec::new(),
            clients: Vec::new(),
            shard,
            setup,
        };
        probes.begin(&doors);
        Ok(probes)
    }

    fn begin(&mut self, doors: &Doors) {
        let (setup, limit) = (self.setup.clone(), doors.quick.limit());
        let (primary, reader) = self.routes(doors);
        let every = |lanes: u32, share: f64| Duration::from_secs_f64(f64::from(lanes) / (setup.rate * share));
        let pace = |lanes, share| Group { every: every(lanes, share), lanes, limit };
        let write = |name: &str, waits| Work::Write { key: setup.key(name), waits };
        let get = |from_replica| Work::Get { key: setup.key("read"), from_replica };
        let fresh = Reconnects::With(Duration::ZERO);
        // The key that is read is there before anyone reads, and is kept there by a client of its own.
        prime(&doors.usual, &primary, &setup.key("read"));
        let keeper = Arc::default();
        let keep = Work::Set { key: setup.key("read") };
        self.lanes(&doors.quick, &primary, &keep, fresh, pace(1, 0.05), &keeper);
        let (writer, waiter, trace) = (self.writer.clone(), self.waiter.clone(), self.reader.clone());
        let lanes = if setup.whole { LANES } else { FEW_LANES };
        self.lanes(&doors.quick, &primary, &write("writer", false), fresh, pace(lanes, 1.0), &writer);
        self.lanes(&doors.quick, &reader, &get(setup.way.cluster), fresh, pace(lanes, 1.0), &trace);
        let (log, stalls, stop) = (self.log.clone(), self.stalls.clone(), self.stop.clone());
        self.threads.push(std::thread::spawn(move || watch::pulse(&log, &stalls, &stop)));
        if !setup.whole {
            return;
        }
        self.lanes(&doors.usual, &primary, &write("waited", true), fresh, pace(WAITING_LANES, 0.5), &waiter);
        self.watch_nodes(doors);
        for behaviour in Behaviour::ALL {
            let trace = Arc::default();
            let work = Work::Set { key: setup.key(behaviour.key()) };
            self.lanes(&doors.usual, &primary, &work, behaviour.reconnects(), pace(1, 0.5), &trace);
            self.clients.push((behaviour, trace));
        }
        for node in &setup.nodes {
            let trace = Arc::default();
            let route = Route::Name(node.endpoint.clone());
            self.lanes(&doors.usual, &route, &get(setup.way.cluster), fresh, pace(1, 0.2), &trace);
            self.readers.push((node.id.clone(), trace));
        }
        self.watch_names(doors);
    }

    /// The ways of writers and of readers.
    fn routes(&mut self, doors: &Doors) -> (Route, Route) {
        let way = &self.setup.way;
        let home = (way.host.clone(), way.port);
        if !way.cluster {
            let reader = self.setup.reader.clone().unwrap_or_else(|| home.clone());
            return (Route::Name(home), Route::Name(reader));
        }
        let own = self.setup.nodes.iter().map(|node| node.endpoint.clone());
        let nodes: Vec<Endpoint> = own.chain(self.setup.others.iter().cloned()).chain([home]).collect();
        let count = nodes.len();
        let map = Arc::new(Map::new(key_slot(&self.setup.key("writer")), self.shard.clone(), nodes));
        // Two, at two ends: one may hang with the node that it asks.
        for from in [0, count / 2] {
            let (map, door, stop) = (map.clone(), doors.quick.clone(), self.stop.clone());
            self.threads.push(std::thread::spawn(move || map.keep(&door, from, &stop)));
        }
        (Route::Primary(map.clone()), Route::Replica(map))
    }

    fn lanes(
        &mut self,
        door: &Door,
        route: &Route,
        work: &Work,
        reconnects: Reconnects,
        group: Group,
        trace: &Arc<Mutex<Trace>>,
    ) {
        for lane in 0..group.lanes {
            let limit = group.limit.max(door.limit());
            let pace = Pace { begin: self.log.begun(), every: group.every, lane, lanes: group.lanes, limit };
            let (log, stop, trace) = (self.log.clone(), self.stop.clone(), trace.clone());
            let (door, route, work) = (door.clone(), route.clone(), work.clone());
            let lane = Lane { door, route, work, reconnects, pace, log, trace, stop };
            self.threads.push(std::thread::spawn(move || lane.run()));
        }
    }

    fn watch_nodes(&mut self, doors: &Doors) {
        for node in self.setup.nodes.clone() {
            let (door, log, stop) = (doors.look.clone(), self.log.clone(), self.stop.clone());
            self.threads.push(std::thread::spawn(move || watch::node(&door, &node, &log, &stop)));
        }
    }

    fn watch_names(&mut self, doors: &Doors) {
        for name in names(&self.setup) {
            let (door, log, stop) = (doors.look.clone(), self.log.clone(), self.stop.clone());
            self.threads.push(std::thread::spawn(move || watch::name(&door, &name, &log, &stop)));
        }
    }

    pub fn begun(&self) -> Instant {
        self.log.begun()
    }

    /// Since the probes began.
    pub fn now(&self) -> Duration {
        self.log.now()
    }

    /// Did everyone get through in this time, and did a replica confirm a write? `Err` says who did not.
    pub fn get_through(&self, from: Duration, until: Duration) -> Result<(), String> {
        let mut probes = vec![("the writer", &self.writer), ("the reader", &self.reader)];
        probes.extend(self.clients.iter().map(|(behaviour, trace)| (behaviour.words(), trace)));
        for (name, trace) in probes {
            let trace = lock(trace);
            if trace.answered_within(from, until) == 0 {
                let why = trace.errors().pop().map_or_else(|| "no answer".to_owned(), |error| error.example);
                return Err(format!("{name}: {why}"));
            }
        }
        if self.setup.whole && !self.log.acks().iter().any(|ack| ack.waited && (from..until).contains(&ack.at)) {
            return Err("no replica confirms a write (WAIT)".to_owned());
        }
        Ok(())
    }

    /// Each node as it said last.
    pub fn nodes(&self) -> Vec<(String, Option<NodeState>)> {
        let changes = self.log.changes();
        let last = latest(&changes);
        let state = |id: &str| last.get(id).map(|state| (*state).clone());
        self.setup.nodes.iter().map(|node| (node.id.clone(), state(&node.id))).collect()
    }

    /// The one node that says it is the primary; `None` while there is none, or two.
    pub fn primary(&self) -> Option<String> {
        let nodes = self.nodes();
        let mut primaries =
            nodes.iter().filter(|(_, state)| state.as_ref().is_some_and(|state| state.is_primary)).map(|(id, _)| id);
        primaries.next().filter(|_| primaries.next().is_none()).cloned()
    }

    /// One primary, and every other node in step with it.
    pub fn is_whole(&self) -> bool {
        let nodes = self.nodes();
        let replicas = nodes.len().saturating_sub(1);
        let well = |state: &NodeState| match state {
            NodeState { trouble: Some(_), .. } => false,
            NodeState { is_primary: true, replicas: online, .. } => *online >= replicas,
            state => state.is_linked,
        };
        self.primary().is_some() && nodes.iter().all(|(_, state)| state.as_ref().is_some_and(well))
    }

    /// Does the writer get through, and does every client that ever reconnects?
    pub fn clients_are_well(&self) -> bool {
        let now = self.now();
        let slow = |behaviour: &Behaviour| *behaviour != Behaviour::NeverReconnects;
        let clients = self.clients.iter().filter(|(behaviour, _)| slow(behaviour)).map(|(_, trace)| trace);
        clients.chain([&self.writer, &self.reader]).all(|trace| lock(trace).is_well(now, PATIENCE))
    }

    /// Ends all threads and hands out what was seen; then [`super::count`] asks the servers what they have.
    pub fn finish(mut self) -> (Setup, Seen) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.log.now();
        for thread in std::mem::take(&mut self.threads) {
            // A panic of a probe is a fault of this program, and no finding.
            thread.join().unwrap_or_else(|fault| std::panic::resume_unwind(fault));
        }
        let whole = |trace: &Arc<Mutex<Trace>>| lock(trace).clone();
        let seen = Seen {
            ended,
            writer: whole(&self.writer),
            waiter: whole(&self.waiter),
            reader: whole(&self.reader),
            readers: self.readers.iter().map(|(node, trace)| (node.clone(), whole(trace))).collect(),
            clients: self.clients.iter().map(|(behaviour, trace)| (*behaviour, whole(trace))).collect(),
            acks: self.log.acks(),
            runs: self.log.runs(),
            changes: self.log.changes(),
            stalls: lock(&self.stalls).clone(),
        };
        (self.setup.clone(), seen)
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Endpoints that clients have to resolve: those that are names, or that a map leads to names.
fn names(setup: &Setup) -> Vec<Endpoint> {
    let way = &setup.way;
    let is_name = |name: &Endpoint| way.map.lead(&name.0, name.1).0.parse::<IpAddr>().is_err();
    [Some((way.host.clone(), way.port)), setup.reader.clone()].into_iter().flatten().filter(is_name).collect()
}

/// Sets a key once. Where that fails, the clients will say why.
fn prime(door: &Door, primary: &Route, key: &str) {
    let (host, port) = primary.endpoint(0);
    if let Ok(mut line) = door.open(&host, port) {
        let ttl = TTL.as_secs().to_string();
        let _ = line.ask(&["SET", key, "0", "EX", &ttl]);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lanes of one probe.
#[derive(Clone, Copy)]
struct Group {
    every: Duration,
    lanes: u32,
    limit: Duration,
}

struct Doors {
    quick: Door,
    usual: Door,
    look: Door,
}

//! The load engine: event loops that keep connections busy and tell what they saw.
//!
//! [`Engine::open`] connects; [`Engine::run`] carries out one [`Phase`] over the open connections and blocks until it
//! ends, so that async callers give it a thread (`spawn_blocking`). A run is several phases on one engine, each with a
//! [`Report`] of its own: [`Work::Fill`], a warm-up whose report is dropped, [`Pace::Closed`] for capacity,
//! [`Pace::Rate`] for latency, [`Work::Verify`], [`Work::Delete`]. A [`Stop`] ends a phase from any thread; what is to
//! be done after a stop, such as [`Work::Delete`], is given a fresh one. Keys have a TTL, so that a run that is killed
//! leaves nothing behind for long; what lasts longer is renewed meanwhile.
//!
//! How it keeps out of its own way: a thread owns its connections, and nothing is shared between threads but maps and
//! marks; commands are prepared once and only their keys' digits change; replies are stepped over, not decoded; the
//! clock is read once per readable event; nothing is allocated per command.

mod assemble;
mod conn;
mod connections;
mod dialer;
mod flow;
mod keys;
mod limits;
mod link;
mod map;
mod meter;
mod overflow;
mod renewal;
mod report;
mod settings;
mod shared;
mod stalls;
mod timer;
mod wire;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

pub use limits::{ClientLimit, of_shares};
pub use report::{ClientUse, ErrorRow, Gap, Lost, Report, ShardRow, Stall, Tally};
pub use settings::{Distribution, Keys, Pace, Phase, ReadFrom, Reason, Settings, Stop, Until, Work};
pub(super) use wire::{class as error_class, encode};

use super::Way;
use super::line::{Door, Trouble};
use assemble::{Part, Used, assemble};
use dialer::Dialer;
use keys::{Marks, slots};
use map::Atlas;
use meter::Nanos;
use shared::{Commands, Shared};
use worker::Worker;

/// The length of the first reply in `bytes`; `None` while it is incomplete, an error when it is no RESP.
pub(super) fn reply_length(bytes: &[u8]) -> Result<Option<usize>, wire::Malformed> {
    Ok(wire::reply(bytes)?.map(|(_, length)| length))
}

/// Open connections, and the event loops that use them.
pub struct Engine {
    shared: Arc<Shared>,
    workers: Vec<Worker>,
    /// The engine was dropped.
    over: Arc<AtomicBool>,
}

/// How often the caller of [`Engine::run`] is told.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// The event loops begin together, this much after they were told to.
const RUN_UP: Nanos = 2_000_000;
/// A map is asked for again at most this often.
const MAP_PAUSE: Duration = Duration::from_millis(100);

impl Engine {
    /// Asks for the topology, connects and logs in.
    ///
    /// An error when nothing could be had; with some connections down it goes on, and what failed is in the first
    /// report's `connects`.
    pub fn open(way: &Way, settings: &Settings) -> Result<Self, Trouble> {
        let mut settings = settings.clone();
        settings.threads = settings.threads.clamp(1, settings.clients.max(1));
        settings.clients = settings.clients.max(1);
        settings.keys.count = settings.keys.count.max(1);
        let door = Door::new(way.clone(), settings.timeout)?;
        let atlas = Atlas::open(door, settings.read_from)?;
        let connections = settings.clients * atlas.nodes().len();
        let shared = Arc::new(Shared {
            dialer: Dialer::new(atlas.door(), connections),
            epoch: Instant::now(),
            slots: if way.cluster { slots(&settings.keys) } else { Vec::new() },
            acknowledged: Marks::new(settings.keys.count),
            written: Marks::new(settings.keys.count),
            uncertain: Marks::new(settings.keys.count),
            fresh_until: AtomicU64::new(settings.ttl.map_or(Nanos::MAX, |ttl| ttl.as_nanos() as Nanos)),
            commands: Commands::new(&settings),
            atlas,
            settings,
        });
        let (threads, clients) = (shared.settings.threads, shared.settings.clients);
        let workers: std::io::Result<Vec<Worker>> = (0..threads)
            .map(|index| {
                let share = clients / threads + usize::from(index < clients % threads);
                Worker::new(index, share as u32, Arc::clone(&shared))
            })
            .collect();
        let mut workers = workers.map_err(|error| Trouble::of(&error))?;
        let up: usize = workers.iter_mut().map(Worker::connect).sum();
        if up == 0 {
            let trouble = workers.iter().flat_map(|worker| worker.troubles.iter().flatten()).next().cloned();
            return Err(trouble.unwrap_or_else(|| Trouble::new("connection dropped", "no connection could be made")));
        }
        let over = Arc::new(AtomicBool::new(false));
        if way.cluster || shared.settings.read_from == ReadFrom::Replica {
            let (shared, over) = (Arc::clone(&shared), Arc::clone(&over));
            std::thread::spawn(move || keep_map(&shared.atlas, &over));
        }
        if let Some(ttl) = shared.settings.ttl {
            let (shared, over) = (Arc::clone(&shared), Arc::clone(&over));
            std::thread::spawn(move || renewal::keep(&shared, ttl, &over));
        }
        Ok(Self { shared, workers, over })
    }

    /// Carries out a phase and blocks until it is over.
    ///
    /// `watch` is called ten times a second, with the time since the start, on the calling thread.
    pub fn run(&mut self, phase: &Phase, stop: &Stop, mut watch: impl FnMut(Duration)) -> Report {
        let shared = &self.shared;
        let start = shared.now() + RUN_UP;
        let (ended, end) = channel::<()>();
        let parts: Vec<Part> = std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .workers
                .iter_mut()
                .map(|worker| {
                    let ended = ended.clone();
                    scope.spawn(move || {
                        let part = run_part(worker, phase, start, stop);
                        drop(ended);
                        part
                    })
                })
                .collect();
            drop(ended);
            while end.recv_timeout(TELL_EVERY) == Err(RecvTimeoutError::Timeout) {
                watch(Duration::from_nanos(shared.now().saturating_sub(start)));
            }
            // A panic of an event loop is a fault of this program, and no measurement.
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|fault| std::panic::resume_unwind(fault)))
                .collect()
        });
        let atlas = &shared.atlas;
        assemble(parts, start, &atlas.nodes(), &atlas.map(), &shared.settings)
    }

    /// How many keys may have been written, and have not been deleted since.
    pub fn left_behind(&self) -> u64 {
        self.shared.written.count()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn run_part(worker: &mut Worker, phase: &Phase, start: Nanos, stop: &Stop) -> Part {
    let before = Used::now();
    let connections = worker.run(phase, start, stop).unwrap_or_else(|error| {
        // The system took away what an event loop lives on.
        worker.flow.stop_itself(Reason::Other(format!("the event loop failed: {error}")));
        worker.open_connections()
    });
    Part {
        meter: std::mem::take(&mut worker.meter),
        end: Some(worker.flow.end()).filter(|end| *end != Nanos::MAX),
        finished: worker.shared.now(),
        stopped: worker.flow.stopped().cloned(),
        used: Used::now().since(before),
        connections,
    }
}

/// Looks for a new map whenever an event loop doubts the present one.
fn keep_map(atlas: &Atlas, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        if atlas.doubtful.swap(false, Ordering::Relaxed) {
            atlas.refresh();
        }
        std::thread::sleep(MAP_PAUSE);
    }
}

//! Makes connections for event loops: names, TLS and logins block, so they have threads of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;

use super::link::Link;
use super::map::Node;
use crate::client::line::{Door, Trouble};

/// One connection to be made.
pub(super) struct Wanted {
    pub(super) node: Node,
    /// To a replica of a cluster, which serves reads only to those who say READONLY first.
    pub(super) readonly: bool,
    /// Which connection of the event loop it is for.
    pub(super) place: usize,
    pub(super) answer: Sender<Made>,
    pub(super) waker: Arc<Waker>,
}

/// The outcome of an order: a connection, or why there is none.
pub(super) struct Made {
    pub(super) place: usize,
    pub(super) outcome: Result<Link, Trouble>,
}

/// A few threads that dial.
///
/// They end by themselves once the dialer is dropped: one that hangs on a dead host must not hold up the end.
#[derive(Debug)]
pub(super) struct Dialer {
    orders: Sender<Wanted>,
    over: Arc<AtomicBool>,
}

/// More would only queue in the server's accept loop.
const MOST: usize = 16;

impl Dialer {
    /// Starts a thread for each of these connections, 1 to 16 of them.
    pub(super) fn new(door: &Door, connections: usize) -> Self {
        let (orders, queue) = channel::<Wanted>();
        let queue = Arc::new(Mutex::new(queue));
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..connections.clamp(1, MOST) {
            let (door, queue, over) = (door.clone(), Arc::clone(&queue), Arc::clone(&over));
            std::thread::spawn(move || serve(&door, &queue, &over));
        }
        Self { orders, over }
    }

    /// Orders a connection without waiting for it: the outcome is sent to `wanted.answer`.
    pub(super) fn dial(&self, wanted: Wanted) {
        // The threads live as long as the sender.
        let _ = self.orders.send(wanted);
    }
}

impl Drop for Dialer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn serve(door: &Door, queue: &Mutex<Receiver<Wanted>>, over: &AtomicBool) {
    loop {
        let order = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(wanted) = order else { return };
        if over.load(Ordering::Relaxed) {
            return;
        }
        let outcome = open(door, &wanted);
        // Whoever is gone by now needs no connection.
        if wanted.answer.send(Made { place: wanted.place, outcome }).is_ok() {
            let _ = wanted.waker.wake();
        }
    }
}

fn open(door: &Door, wanted: &Wanted) -> Result<Link, Trouble> {
    let mut line = door.open(&wanted.node.host, wanted.node.port)?;
    if wanted.readonly {
        line.ask(&["READONLY"])?;
    }
    Link::new(line).map_err(|error| Trouble::of(&error))
}

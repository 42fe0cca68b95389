//! One connection of an event loop: what is under way on it, and whether it is up.

use std::collections::VecDeque;
use std::io;

use super::link::Link;
use super::map::NodeIndex;
use super::meter::{Nanos, Order};

const MILLISECOND: Nanos = 1_000_000;
const FIRST_PAUSE: Nanos = 20 * MILLISECOND;
const LONGEST_PAUSE: Nanos = 500 * MILLISECOND;
/// A connection that lasts this long is no failed attempt.
const SETTLED: Nanos = 1_000 * MILLISECOND;

/// A client's connection to a node, up or not, with what is under way on it.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) node: NodeIndex,
    pub(super) client: u32,
    pub(super) state: State,
    /// Sent and not answered, in the order of the answers to come.
    pub(super) flying: VecDeque<Order>,
    /// To be sent once the connection is up (closed loop).
    pub(super) queue: VecDeque<Order>,
    /// Prepared commands that have not left yet, from `written` on.
    pub(super) out: Vec<u8>,
    pub(super) written: usize,
    /// The beginning of a reply whose rest is awaited.
    pub(super) inbox: Vec<u8>,
    /// Is it in its node's list of free connections (open loop), and in the list of those to be flushed?
    pub(super) free: bool,
    pub(super) dirty: bool,
    /// Its node no longer takes writes: connect anew, by name.
    pub(super) stale: bool,
    was_up: bool,
    /// When it came up last.
    since: Nanos,
    pause: Nanos,
}

/// How a connection stands: up, being dialled, down for a while, or not wanted.
#[derive(Debug)]
pub(super) enum State {
    Up(Box<Link>),
    Dialing,
    /// Down until then.
    Down(Nanos),
    /// Its node has left the map.
    Unwanted,
}

impl Conn {
    /// A connection that is down and is to be dialled at once.
    pub(super) fn new(node: NodeIndex, client: u32) -> Self {
        Self {
            node,
            client,
            state: State::Down(0),
            flying: VecDeque::new(),
            queue: VecDeque::new(),
            out: Vec::new(),
            written: 0,
            inbox: Vec::new(),
            free: false,
            dirty: false,
            stale: false,
            was_up: false,
            since: 0,
            pause: FIRST_PAUSE,
        }
    }

    /// Is it up, so that commands can go out on it?
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// Takes a new link. Did it have one before?
    pub(super) fn up(&mut self, link: Link, now: Nanos) -> bool {
        self.state = State::Up(Box::new(link));
        self.since = now;
        std::mem::replace(&mut self.was_up, true)
    }

    /// Hangs up; whatever was under way is the caller's to tell of.
    pub(super) fn down(&mut self, now: Nanos) -> VecDeque<Order> {
        // One that is lost again and again as soon as it is made would be a storm of connections otherwise.
        if now.saturating_sub(self.since) > SETTLED {
            self.pause = FIRST_PAUSE;
        }
        self.failed_dial(now);
        self.out.clear();
        self.written = 0;
        self.inbox.clear();
        self.stale = false;
        std::mem::take(&mut self.flying)
    }

    /// The next try comes after a pause that doubles.
    pub(super) fn failed_dial(&mut self, now: Nanos) {
        self.state = State::Down(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Sends what is prepared, as far as the socket takes it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.dirty = false;
        let State::Up(link) = &mut self.state else { return Ok(()) };
        if !self.out.is_empty() || link.holds_back() {
            link.send(&mut self.out, &mut self.written)?;
        }
        Ok(())
    }
}

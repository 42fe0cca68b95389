//! An event loop on a thread of its own: polls its connections, steps over their replies, and keeps the time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use mio::{Events, Poll, Token, Waker};

use super::conn::{Conn, State};
use super::dialer::Made;
use super::flow::Flow;
use super::keys::Picker;
use super::link::{More, Scratch};
use super::map::{Map, NodeIndex};
use super::meter::{Failure, Kind, Meter, Nanos, Order};
use super::settings::{Phase, ReadFrom, Reason, Stop};
use super::shared::Shared;
use super::stalls::Stalls;
use super::timer::Timer;
use super::wire::{Refusal, Reply, refusal, reply};
use crate::client::line::{Trouble, io_class};

const WAKER: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);
/// How often time-outs, redials and the stop flag are looked at.
pub(super) const ROUND: Duration = Duration::from_millis(10);
/// So many prepared commands leave without waiting for the round's end: a server is woken once for many, and is at work
/// while the rest is prepared.
const A_SHIPMENT: usize = 64;
/// A command that is sent on more often than this is sent in circles.
const MOST_HOPS: u8 = 8;
/// Not part of any answer that a server gives.
const NO_CLIENT: u32 = u32::MAX;

/// One event loop, with its share of the clients, their connections, and what it counts.
pub(super) struct Worker {
    pub(super) index: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) poll: Poll,
    pub(super) waker: Arc<Waker>,
    timer: Timer,
    /// What the timer is set to.
    alarm: Nanos,
    pub(super) answer: Sender<Made>,
    pub(super) made: Receiver<Made>,
    pub(super) conns: Vec<Conn>,
    /// By node and client.
    pub(super) grid: Vec<Vec<u32>>,
    pub(super) clients: u32,
    pub(super) owners: Vec<NodeIndex>,
    pub(super) map: Arc<Map>,
    pub(super) generation: u64,
    /// Which replica's turn it is.
    pub(super) turn: usize,
    pub(super) picker: Picker,
    pub(super) flow: Flow,
    pub(super) meter: Meter,
    /// Connections with something to send.
    dirty: Vec<u32>,
    /// Buffers of connections with nothing to send, the last used on top: few are in use, and stay in the processor's cache.
    spare: Vec<Vec<u8>>,
    /// Commands that were prepared since those connections were last flushed.
    prepared: usize,
    /// Why the last dial to each node failed.
    pub(super) troubles: Vec<Option<Trouble>>,
}

impl Worker {
    /// An event loop that has ordered its clients' connections; an error where poll, waker or timer cannot be had.
    pub(super) fn new(index: usize, clients: u32, shared: Arc<Shared>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let timer = Timer::new(poll.registry(), TIMER)?;
        let (answer, made) = channel();
        let settings = &shared.settings;
        let seed = settings.seed.wrapping_add(index as u64 * 0x9e37_79b9);
        let mut worker = Self {
            index,
            poll,
            waker,
            timer,
            alarm: 0,
            answer,
            made,
            conns: Vec::new(),
            grid: Vec::new(),
            clients,
            owners: Vec::new(),
            map: Arc::default(),
            generation: 0,
            turn: index,
            picker: Picker::new(&settings.keys, seed),
            flow: Flow::default(),
            meter: Meter::default(),
            dirty: Vec::new(),
            spare: Vec::new(),
            prepared: 0,
            troubles: Vec::new(),
            shared,
        };
        worker.adopt_map();
        worker.redial(0);
        Ok(worker)
    }

    /// Carries out a phase from `start` on, and leaves what it saw in `meter`.
    ///
    /// Returns the connections that were open at its end, by node; an error where poll or timer fail.
    pub(super) fn run(&mut self, phase: &Phase, start: Nanos, stop: &Stop) -> io::Result<Vec<usize>> {
        let (mut events, mut scratch) = (Events::with_capacity(1_024), Scratch::default());
        self.begin(phase, start);
        let mut now = self.shared.now();
        self.meter.stalls = Stalls::beginning(now);
        let mut next_round = now;
        loop {
            if now >= start {
                self.advance(now);
            }
            if now >= next_round {
                next_round = now + ROUND.as_nanos() as Nanos;
                if self.round(now, stop) {
                    break;
                }
            }
            self.flush_dirty(now);
            let wait = self.wait(now, start)?;
            let before = self.shared.now();
            self.meter.stalls.worked(before);
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != io::ErrorKind::Interrupted
            {
                return Err(error);
            }
            now = self.shared.now();
            self.meter.stalls.waited(now, wait.as_nanos() as Nanos);
            self.meter.idle += now - before;
            for event in &events {
                match event.token() {
                    TIMER => {}
                    WAKER => {
                        while let Ok(made) = self.made.try_recv() {
                            self.take(made);
                        }
                    }
                    Token(at) => {
                        if event.is_writable() && (!self.conns[at].out.is_empty() || self.holds_back(at)) {
                            self.flush(at, now);
                        }
                        if event.is_readable() || event.is_read_closed() || event.is_error() {
                            self.readable(at, &mut scratch);
                        }
                        if self.prepared >= A_SHIPMENT {
                            self.flush_dirty(now);
                        }
                    }
                }
            }
            now = self.shared.now();
            self.meter.stalls.worked(now);
        }
        // What is still under way is hung up on, and no connection that the server ended.
        let open = self.open_connections();
        self.finish();
        Ok(open)
    }

    /// How long the poll may wait: until the next command is due, by the timer, or until the next round.
    fn wait(&mut self, now: Nanos, start: Nanos) -> io::Result<Duration> {
        let due = if now < start { Some(start) } else { self.flow.next_due() };
        match due {
            Some(due) if due <= now => Ok(Duration::ZERO),
            // It still is.
            Some(due) if due == self.alarm && self.timer.keeps() => Ok(ROUND),
            Some(due) => {
                self.alarm = due;
                self.timer.arm(Duration::from_nanos(due - now), ROUND)
            }
            None => Ok(ROUND),
        }
    }

    fn holds_back(&self, at: usize) -> bool {
        matches!(&self.conns[at].state, State::Up(link) if link.holds_back())
    }

    /// Reads what came on a connection. One look at the clock for all of it.
    fn readable(&mut self, at: usize, scratch: &mut Scratch) {
        loop {
            let State::Up(link) = &mut self.conns[at].state else { return };
            let received = link.receive(scratch);
            let now = self.shared.now();
            self.meter.stalls.worked(now);
            let more = match received {
                Ok(more) => more,
                Err(error) => return self.hang_up(at, now, io_class(&error), &error.to_string()),
            };
            let mut inbox = std::mem::take(&mut self.conns[at].inbox);
            let taken = if inbox.is_empty() {
                self.replies(at, &scratch.plain, now).map(|taken| inbox.extend_from_slice(&scratch.plain[taken..]))
            } else {
                inbox.extend_from_slice(&scratch.plain);
                self.replies(at, &inbox, now).map(|taken| drop(inbox.drain(..taken)))
            };
            if taken.is_none() {
                return self.hang_up(at, now, "unexpected reply", "the answer is not RESP, or was not asked for");
            }
            self.conns[at].inbox = inbox;
            if self.conns[at].stale {
                return self.hang_up(
                    at,
                    now,
                    "connection dropped",
                    "the node takes no writes: connecting by name again",
                );
            }
            // What this prepares leaves with what other connections send, at the latest after the last event of the round.
            self.refill(at, now);
            if more == More::No {
                return;
            }
        }
    }

    /// Steps over the whole replies in `bytes`. Returns their length; `None` when they are none.
    fn replies(&mut self, at: usize, bytes: &[u8], now: Nanos) -> Option<usize> {
        let mut taken = 0;
        while let Some((kind, length)) = reply(&bytes[taken..]).ok()? {
            let order = self.conns[at].flying.pop_front()?;
            let whole = &bytes[taken..taken + length];
            taken += length;
            match kind {
                _ if order.kind == Kind::Asking => {}
                Reply::Error => self.refused(at, order, whole, now),
                found => self.answered(at, &order, found == Reply::Value, now),
            }
        }
        Some(taken)
    }

    fn answered(&mut self, at: usize, order: &Order, found: bool, now: Nanos) {
        let node = self.conns[at].node;
        self.meter.answered(node, order, now, found);
        match order.kind {
            Kind::Write => self.shared.may_exist(order.number, true),
            // Each loss counts once. A replica may be behind, which is no loss.
            Kind::Read
                if !found
                    && order.known
                    && self.shared.settings.read_from == ReadFrom::Primary
                    && self.shared.acknowledged.take(order.number) =>
            {
                if now > self.shared.fresh_until.load(Ordering::Relaxed) {
                    self.meter.expired += 1;
                } else {
                    let at = Duration::from_nanos(now.saturating_sub(self.flow.start));
                    self.meter.lost(order.number, at);
                }
            }
            Kind::Delete => self.shared.deleted(order.number),
            _ => {}
        }
        self.done(order);
    }

    fn refused(&mut self, at: usize, mut order: Order, bytes: &[u8], now: Nanos) {
        let refusal = refusal(bytes);
        let (host, port, ask) = match &refusal {
            Refusal::Moved { slot, host, port } => {
                self.meter.moved += 1;
                let node = self.named(at, host, *port);
                if let Some(owner) = self.owners.get_mut(usize::from(*slot)) {
                    *owner = node;
                }
                self.doubt_map();
                (host, *port, false)
            }
            Refusal::Ask { host, port } => {
                self.meter.asked += 1;
                (host, *port, true)
            }
            Refusal::Other { class, text } => {
                if class == "READONLY" && !self.shared.atlas.door().way().cluster {
                    self.conns[at].stale = true;
                }
                self.not_written(&order);
                return self.fail(at, &order, now, Failure { class, detail: text, waited: false });
            }
        };
        if order.hops >= MOST_HOPS {
            self.not_written(&order);
            let detail = format!("sent on {MOST_HOPS} times, at last to {host}:{port}");
            return self.fail(at, &order, now, Failure { class: "MOVED", detail: &detail, waited: false });
        }
        order.hops += 1;
        let (from, node) = (self.conns[at].node, self.named(at, host, port));
        self.meter.moved_on(from, node, now);
        self.forward(order, node, ask, now);
    }

    fn not_written(&self, order: &Order) {
        if order.kind == Kind::Write {
            self.shared.refused(order.number);
        }
    }

    /// Says to all that the map may be old.
    pub(super) fn doubt_map(&self) {
        self.shared.atlas.doubtful.store(true, Ordering::Relaxed);
    }

    /// The node that a redirection names; without a host it is the same host.
    fn named(&mut self, at: usize, host: &str, port: u16) -> NodeIndex {
        let atlas = &self.shared.atlas;
        let node = if host.is_empty() {
            let same = atlas.nodes().swap_remove(usize::from(self.conns[at].node)).host;
            atlas.index(&same, port, false)
        } else {
            atlas.index(host, port, false)
        };
        self.reserve(node);
        node
    }

    /// Counts a command on this connection as failed at its node.
    pub(super) fn fail(&mut self, at: usize, order: &Order, now: Nanos, failure: Failure<'_>) {
        self.fail_at(self.conns[at].node, order, now, failure);
    }

    /// Counts a command as failed at this node; an error class of `stop_on` stops the phase.
    ///
    /// `ASKING` does not count: it is no command of the phase.
    pub(super) fn fail_at(&mut self, node: NodeIndex, order: &Order, now: Nanos, failure: Failure<'_>) {
        if order.kind == Kind::Asking {
            return;
        }
        self.meter.failed(node, order, now, &failure);
        if self.shared.settings.stop_on.iter().any(|class| class == failure.class) {
            self.flow.stop_itself(Reason::Refused(failure.class.to_owned()));
        }
        self.done(order);
    }

    /// The connection is of no more use; what was under way on it has failed.
    pub(super) fn hang_up(&mut self, at: usize, now: Nanos, class: &str, detail: &str) {
        if let State::Up(link) = &mut self.conns[at].state {
            link.deregister(self.poll.registry());
        }
        self.doubt_map();
        let waited = class == "timeout";
        for order in self.conns[at].down(now) {
            self.lost_sight_of(&order);
            self.fail(at, &order, now, Failure { class, detail, waited });
        }
    }

    /// Nobody will know what became of this command.
    pub(super) fn lost_sight_of(&self, order: &Order) {
        if order.kind == Kind::Write {
            self.shared.may_exist(order.number, false);
        }
    }

    /// Writes a command into the connection's buffer.
    pub(super) fn push(&mut self, at: usize, mut order: Order, ask: bool, now: Nanos) {
        let conn = &mut self.conns[at];
        if conn.out.capacity() == 0 {
            conn.out = self.spare.pop().unwrap_or_default();
        }
        if ask {
            conn.out.extend_from_slice(b"*1\r\n$6\r\nASKING\r\n");
            conn.flying.push_back(Order { kind: Kind::Asking, client: NO_CLIENT, sent: now, ..order });
        }
        if let Some(template) = self.shared.commands.template(order.kind) {
            template.push(&mut conn.out, order.number);
        }
        match order.kind {
            Kind::Write => self.shared.written.set(order.number),
            Kind::Read => order.known = self.shared.acknowledged.has(order.number),
            _ => {}
        }
        order.sent = now;
        conn.flying.push_back(order);
        self.prepared += 1;
        if !conn.dirty {
            conn.dirty = true;
            self.dirty.push(at as u32);
        }
    }

    /// Sends what is prepared on this connection, as far as its socket takes it; hangs up on an error.
    pub(super) fn flush(&mut self, at: usize, now: Nanos) {
        if let Err(error) = self.conns[at].flush() {
            self.hang_up(at, now, io_class(&error), &error.to_string());
        }
        let out = &mut self.conns[at].out;
        if out.is_empty() && out.capacity() > 0 {
            self.spare.push(std::mem::take(out));
        }
    }

    fn flush_dirty(&mut self, now: Nanos) {
        self.prepared = 0;
        let mut dirty = std::mem::take(&mut self.dirty);
        for at in dirty.drain(..) {
            if self.conns[at as usize].dirty {
                self.flush(at as usize, now);
            }
        }
        // What a hang-up prepared meanwhile goes with the next round; the list itself is used again.
        dirty.append(&mut self.dirty);
        self.dirty = dirty;
    }
}

//! Which command goes when, and over which connection: the closed loop's turns, the open loop's schedule, and the end.

mod backlog;

use std::collections::VecDeque;
use std::time::Duration;

use super::map::NodeIndex;
use super::meter::{Kind, Meter, Nanos, Order};
use super::settings::{Pace, Phase, Reason, Stop, Until, Work};
use super::worker::Worker;

/// Where an event loop is in its phase.
#[derive(Debug)]
pub(super) struct Flow {
    work: Work,
    /// Nanoseconds between two commands of the whole engine; `None` in a closed loop.
    step: Option<f64>,
    pub(super) start: Nanos,
    /// When the last command may be due.
    end: Nanos,
    /// Commands that this event loop may still issue.
    left: u64,
    /// Place of the next command in the whole schedule, and when it is due.
    index: u64,
    due: Nanos,
    stride: u64,
    /// The next key of work that goes over all keys.
    cursor: u64,
    exhausted: bool,
    batch: usize,
    /// What the client gets that is fed just now; empty between two.
    next: Vec<(Kind, u32)>,
    /// By owner of the key: drawn, and not yet enough for a batch (closed loop, several nodes).
    drawn: Vec<Vec<(Kind, u32)>>,
    /// By client: commands under way (closed loop).
    flying: Vec<u32>,
    /// By node: connections with room for a command, and commands that wait for one (open loop).
    free: Vec<VecDeque<u32>>,
    backlog: Vec<VecDeque<Order>>,
    waiting: u64,
    /// Clients may have been left with nothing to do: at the start, and after a round.
    kick: bool,
    /// Nothing more is issued; the phase is over at this time at the latest.
    closing: Option<Nanos>,
    stopped: Option<Reason>,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            work: Work::Fill,
            step: None,
            start: 0,
            end: 0,
            left: 0,
            index: 0,
            due: 0,
            stride: 1,
            cursor: 0,
            exhausted: true,
            batch: 1,
            next: Vec::new(),
            drawn: Vec::new(),
            flying: Vec::new(),
            free: Vec::new(),
            backlog: Vec::new(),
            waiting: 0,
            kick: false,
            closing: None,
            stopped: None,
        }
    }
}

/// A stopped phase waits this long for what is under way.
const STOPPING: Duration = Duration::from_millis(200);
/// So many time-outs without an answer end a phase that has no end of its own.
const SILENT_TIMEOUTS: u32 = 4;
/// Work over all keys is pipelined where the settings are not, up to this many bytes.
const BULK: usize = 16;
const BULK_BYTES: usize = 65_536;
/// Commands of all event loops that wait at most; with more due, a rate is far beyond what is possible.
const MOST_WAITING: u64 = 1 << 20;
/// Commands that are given out before answers are looked at again.
const A_TURN: usize = 4_096;

impl Flow {
    /// Makes room for this many nodes in the lists by node, which never become shorter.
    pub(super) fn reserve(&mut self, nodes: usize) {
        self.free.resize_with(nodes.max(self.free.len()), VecDeque::new);
        self.backlog.resize_with(nodes.max(self.backlog.len()), VecDeque::new);
        self.drawn.resize_with(nodes.max(self.drawn.len()), Vec::new);
    }

    /// When the next command is due; `None` in a closed loop, and where nothing more is issued.
    pub(super) fn next_due(&self) -> Option<Nanos> {
        (self.step.is_some() && self.may_issue()).then_some(self.due)
    }

    fn may_issue(&self) -> bool {
        self.closing.is_none() && !self.exhausted && self.left > 0
    }

    /// Stops the phase for a reason that the event loop itself found; the first one counts.
    pub(super) fn stop_itself(&mut self, why: Reason) {
        self.stopped.get_or_insert(why);
    }

    /// Why the phase was stopped before its end; `None` where it was not.
    pub(super) fn stopped(&self) -> Option<&Reason> {
        self.stopped.as_ref()
    }

    fn schedule(&mut self, index: u64) {
        self.index = index;
        self.due = self.start + (index as f64 * self.step.unwrap_or(0.0)) as Nanos;
    }

    /// When the phase was to end, or did; `MAX` where nothing but its work told that.
    pub(super) fn end(&self) -> Nanos {
        // A schedule of a number of commands ends when the next one would be due.
        if self.end == Nanos::MAX && self.step.is_some() && self.left == 0 { self.due } else { self.end }
    }
}

impl Worker {
    /// Makes ready for a phase from `start` on, by the newest map; of what was counted, only failures to connect stay.
    pub(super) fn begin(&mut self, phase: &Phase, start: Nanos) {
        self.adopt_map();
        let settings = &self.shared.settings;
        let threads = settings.threads.max(1) as u64;
        let index = self.index as u64;
        let sweep = !matches!(phase.work, Work::Mix { .. });
        let bulk = BULK.min(BULK_BYTES / self.shared.commands.longest().max(1)).max(1);
        let flow = &mut self.flow;
        flow.work = phase.work;
        flow.step = match phase.pace {
            Pace::Closed => None,
            Pace::Rate(rate) => Some(1e9 / rate.max(1e-3)),
        };
        flow.start = start;
        (flow.end, flow.left) = match phase.until {
            Until::Elapsed(time) => (start.saturating_add(time.as_nanos() as Nanos), u64::MAX),
            // The rest of the division goes to the first event loops.
            Until::Requests(total) => (Nanos::MAX, total / threads + u64::from(index < total % threads)),
            Until::Done => (Nanos::MAX, u64::MAX),
        };
        flow.stride = threads;
        flow.schedule(index);
        flow.cursor = index;
        flow.exhausted = false;
        flow.batch = if sweep { settings.pipeline.max(bulk) } else { settings.pipeline.max(1) };
        flow.flying = vec![0; self.clients as usize];
        flow.free.iter_mut().for_each(VecDeque::clear);
        flow.backlog.iter_mut().for_each(VecDeque::clear);
        flow.drawn.iter_mut().for_each(Vec::clear);
        (flow.waiting, flow.closing, flow.stopped, flow.kick) = (0, None, None, true);
        let nodes = self.grid.len();
        // Failures to connect before the first phase belong to it.
        self.meter = Meter { connects: std::mem::take(&mut self.meter.connects), ..Meter::default() };
        self.meter.nodes.resize_with(nodes, Default::default);
        self.meter.by_node = self.several_nodes();
        self.meter.open_loop = self.flow.step.is_some();
        for at in 0..self.conns.len() {
            self.conns[at].free = false;
            self.conns[at].queue.clear();
        }
        if self.flow.step.is_some() {
            for at in 0..self.conns.len() {
                self.offer(at);
            }
        }
    }

    /// Issues what is to be issued by now.
    pub(super) fn advance(&mut self, now: Nanos) {
        if self.flow.step.is_some() {
            for _ in 0..A_TURN {
                if !self.flow.may_issue() || self.flow.due > now {
                    break;
                }
                if self.flow.due >= self.flow.end {
                    self.flow.exhausted = true;
                    break;
                }
                if self.flow.waiting >= MOST_WAITING / self.flow.stride && matches!(self.flow.work, Work::Mix { .. }) {
                    self.leave_out(now);
                    break;
                }
                self.dispatch(now);
            }
        } else if self.flow.may_issue() && now >= self.flow.end {
            self.flow.exhausted = true;
        } else if std::mem::take(&mut self.flow.kick) {
            for client in 0..self.clients {
                if self.flow.flying[client as usize] == 0 {
                    self.feed(client, now);
                }
            }
        }
    }

    /// Counts what is due by now and has no room in the backlog, without drawing keys for it.
    fn leave_out(&mut self, now: Nanos) {
        let flow = &mut self.flow;
        let distance = flow.step.unwrap_or(1.0) * flow.stride as f64;
        let until = now.min(flow.end - 1);
        let count = ((until.saturating_sub(flow.due)) as f64 / distance) as u64 + 1;
        let (first, count) = (flow.due, count.min(flow.left));
        flow.left -= count;
        let index = flow.index + count * flow.stride;
        flow.schedule(index - flow.stride);
        self.meter.overflowed(first, flow.due.max(first), count);
        flow.schedule(index);
    }

    /// The next command of the schedule: to a free connection, or into the backlog of its node.
    fn dispatch(&mut self, now: Nanos) {
        let Some((kind, number)) = self.draw() else { return };
        let due = self.flow.due;
        self.flow.schedule(self.flow.index + self.flow.stride);
        self.flow.left -= 1;
        self.turn = self.turn.wrapping_add(1);
        let node = self.route(kind, number);
        let order = Order { kind, number, client: 0, due, sent: 0, hops: 0, known: false };
        self.meter.due(node, due);
        self.flow.waiting += 1;
        // Whatever it waits for from here on is not this machine.
        self.meter.lag.record_micros(now.saturating_sub(due) / 1_000);
        let at = usize::from(node);
        if self.flow.backlog[at].is_empty()
            && let Some(place) = self.free_place(at)
        {
            self.push(place, order, false, now);
            self.offer(place);
        } else {
            self.flow.backlog[at].push_back(order);
        }
    }

    /// The connection of this node that was free for longest.
    fn free_place(&mut self, node: usize) -> Option<usize> {
        while let Some(place) = self.flow.free[node].pop_front() {
            let conn = &mut self.conns[place as usize];
            conn.free = false;
            if conn.is_up() && conn.flying.len() < self.flow.batch {
                return Some(place as usize);
            }
        }
        None
    }

    /// Puts a connection with room into its node's list.
    fn offer(&mut self, at: usize) {
        let conn = &mut self.conns[at];
        if !conn.free && conn.is_up() && conn.flying.len() < self.flow.batch {
            conn.free = true;
            self.flow.free[usize::from(conn.node)].push_back(at as u32);
        }
    }

    /// What comes next after answers on this connection.
    pub(super) fn refill(&mut self, at: usize, now: Nanos) {
        if self.flow.step.is_some() {
            let node = usize::from(self.conns[at].node);
            while self.conns[at].is_up() && self.conns[at].flying.len() < self.flow.batch {
                let Some(order) = self.flow.backlog[node].pop_front() else { break };
                self.push(at, order, order.hops > 0 && order.client == ASK, now);
            }
            self.offer(at);
        } else {
            let client = self.conns[at].client;
            if self.flow.flying.get(client as usize) == Some(&0) {
                self.feed(client, now);
            }
        }
    }

    /// Gives a client its next batch.
    fn feed(&mut self, client: u32, now: Nanos) {
        if self.flow.step.is_some() || !self.flow.may_issue() {
            return;
        }
        if now >= self.flow.end {
            self.flow.exhausted = true;
            return;
        }
        self.turn = self.turn.wrapping_add(1);
        self.draw_batch();
        let mut batch = std::mem::take(&mut self.flow.next);
        for (kind, number) in batch.drain(..) {
            self.flow.left -= 1;
            let node = self.route(kind, number);
            let order = Order { kind, number, client, due: now, sent: now, hops: 0, known: false };
            self.meter.due(node, now);
            self.flow.flying[client as usize] += 1;
            let place = self.place_for(node, client);
            if self.conns[place].is_up() {
                self.push(place, order, false, now);
            } else {
                self.conns[place].queue.push_back(order);
            }
        }
        self.flow.next = batch;
    }

    /// Draws the next batch, all of it for one shard: the one whose keys are together first.
    ///
    /// No draw is lost, so the keys are as they are drawn. And the shards take turns more evenly than by lot, which would
    /// pile clients up at one shard while another has nothing to do.
    fn draw_batch(&mut self) {
        let size = usize::try_from(self.flow.left).unwrap_or(usize::MAX).min(self.flow.batch);
        let is_apart = size > 1 && self.meter.by_node && matches!(self.flow.work, Work::Mix { .. });
        while self.flow.next.len() < size {
            let Some(drawn) = self.draw() else { return };
            if !is_apart {
                self.flow.next.push(drawn);
                continue;
            }
            let owner = usize::from(self.owner(drawn.1));
            let flow = &mut self.flow;
            flow.drawn[owner].push(drawn);
            if flow.drawn[owner].len() >= size {
                flow.next.extend(flow.drawn[owner].drain(..size));
            }
        }
    }

    /// The client's own connection; what goes over all keys takes any that is up, since each key has to have its turn.
    fn place_for(&self, node: NodeIndex, client: u32) -> usize {
        let own = self.place(node, client);
        if self.conns[own].is_up() || matches!(self.flow.work, Work::Mix { .. }) {
            return own;
        }
        let up = |place: &&u32| self.conns[**place as usize].is_up();
        self.places(usize::from(node)).iter().find(up).map_or(own, |place| *place as usize)
    }

    /// The next command and its key; `None` when the work is done.
    fn draw(&mut self) -> Option<(Kind, u32)> {
        let kind = match self.flow.work {
            Work::Mix { reads } => {
                let kind = if self.picker.chance(reads) { Kind::Read } else { Kind::Write };
                return Some((kind, self.picker.key()));
            }
            Work::Fill => Kind::Write,
            Work::Verify => Kind::Read,
            Work::Delete => Kind::Delete,
        };
        while self.flow.cursor < u64::from(self.shared.settings.keys.count.max(1)) {
            let key = self.flow.cursor as u32;
            self.flow.cursor += self.flow.stride;
            let wanted = match kind {
                Kind::Write => true,
                Kind::Delete => self.shared.written.has(key),
                _ => self.shared.acknowledged.has(key),
            };
            if wanted {
                return Some((kind, key));
            }
        }
        self.flow.exhausted = true;
        None
    }

    /// A command is over, one way or the other.
    pub(super) fn done(&mut self, order: &Order) {
        if self.flow.step.is_some() {
            self.flow.waiting = self.flow.waiting.saturating_sub(1);
        } else if let Some(flying) = self.flow.flying.get_mut(order.client as usize) {
            *flying = flying.saturating_sub(1);
        }
    }

    /// What is looked at now and then. Is the phase over?
    pub(super) fn round(&mut self, now: Nanos, stop: &Stop) -> bool {
        if self.shared.atlas.generation() > 0 {
            self.adopt_map();
        }
        self.flow.kick = true;
        self.time_out(now);
        self.redial(now);
        if self.flow.step.is_some() {
            self.age_backlog(now);
        }
        if self.flow.closing.is_none() {
            self.give_up_on_silence(now);
            if self.flow.stopped.is_none() && stop.is_asked() {
                self.flow.stopped = stop.why();
            }
            if let Some(why) = &self.flow.stopped {
                // The other event loops are to stop, too.
                stop.ask(why.clone());
                self.flow.end = self.flow.end.min(now);
                self.flow.closing = Some(now + STOPPING.as_nanos() as Nanos);
            } else if !self.flow.may_issue() {
                let grace = self.shared.settings.timeout + Duration::from_millis(100);
                self.flow.closing = Some(
                    now.max(if self.flow.end == Nanos::MAX { now } else { self.flow.end }) + grace.as_nanos() as Nanos,
                );
            }
        }
        self.flow.closing.is_some_and(|end| now >= end || self.is_idle())
    }

    /// A phase that ends with its work, and not with its time, would never end where nobody answers.
    fn give_up_on_silence(&mut self, now: Nanos) {
        let limit = self.shared.settings.timeout * SILENT_TIMEOUTS;
        let heard = self.meter.last_answer.max(self.flow.start);
        if self.flow.end == Nanos::MAX && self.waits_too_long(heard, limit.as_nanos() as Nanos, now) {
            self.flow.stop_itself(Reason::Other(format!("nothing was answered for {limit:?}")));
        }
    }

    fn is_idle(&self) -> bool {
        if self.flow.step.is_some() {
            self.flow.waiting == 0
        } else {
            self.flow.flying.iter().all(|flying| *flying == 0)
        }
    }

    /// Tells of what is left over at the end.
    pub(super) fn finish(&mut self) {
        let now = self.shared.now();
        // What was sent long enough ago has timed out by now; the rest had no fair time to be answered.
        for (_, orders) in self.silence_rest(now) {
            for order in orders.iter().filter(|order| order.kind != Kind::Asking) {
                self.lost_sight_of(order);
                self.meter.cut(order, now);
            }
        }
        if let Work::Mix { reads } = self.flow.work {
            self.meter.record_overflow(now, reads);
        }
        for node in 0..self.flow.backlog.len() {
            for order in std::mem::take(&mut self.flow.backlog[node]) {
                self.meter.unsent(node as NodeIndex, &order, now);
            }
        }
        for at in 0..self.conns.len() {
            let node = self.conns[at].node;
            for order in std::mem::take(&mut self.conns[at].queue) {
                self.meter.unsent(node, &order, now);
            }
        }
    }
}

/// In place of a client: this order of the backlog goes with ASKING.
const ASK: u32 = u32::MAX - 1;

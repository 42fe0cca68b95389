//! The connections of an event loop: dialled, given up, and led elsewhere by a new map.

use std::collections::VecDeque;
use std::sync::Arc;

use mio::Token;

use super::conn::{Conn, State};
use super::dialer::{Made, Wanted};
use super::map::NodeIndex;
use super::meter::{Failure, Kind, Nanos, Order, count};
use super::worker::Worker;
use crate::client::line::Trouble;

impl Worker {
    /// Waits until every connection was tried once. Returns how many are up.
    pub(super) fn connect(&mut self) -> usize {
        while self.conns.iter().any(|conn| matches!(conn.state, State::Dialing)) {
            // The dialer gives up on every one in time.
            let Ok(made) = self.made.recv() else { break };
            self.take(made);
        }
        self.conns.iter().filter(|conn| conn.is_up()).count()
    }

    /// Takes over a dialled connection, or tells why there is none.
    pub(super) fn take(&mut self, made: Made) {
        let (at, now) = (made.place, self.shared.now());
        let node = self.conns[at].node;
        let outcome = made.outcome.and_then(|mut link| {
            let registered = link.register(self.poll.registry(), Token(at));
            registered.map(|()| link).map_err(|error| Trouble::of(&error))
        });
        match outcome {
            Ok(link) => {
                if self.conns[at].up(link, now) {
                    self.meter.reconnects += 1;
                }
                self.troubles[usize::from(node)] = None;
                for order in std::mem::take(&mut self.conns[at].queue) {
                    self.push(at, order, false, now);
                }
                self.refill(at, now);
            }
            Err(trouble) => {
                self.conns[at].failed_dial(now);
                // Its replica may have taken over since the map was drawn.
                self.doubt_map();
                let failure = Failure { class: &trouble.class, detail: &trouble.detail, waited: false };
                count(&mut self.meter.connects, node, &failure, now);
                for order in std::mem::take(&mut self.conns[at].queue) {
                    self.fail(at, &order, now, failure);
                }
                self.troubles[usize::from(node)] = Some(trouble);
            }
        }
    }

    /// Orders connections for those that are down and whose pause is over.
    pub(super) fn redial(&mut self, now: Nanos) {
        for at in 0..self.conns.len() {
            let State::Down(until) = self.conns[at].state else { continue };
            if until > now {
                continue;
            }
            let Some(node) = self.shared.atlas.nodes().into_iter().nth(usize::from(self.conns[at].node)) else {
                continue;
            };
            self.conns[at].state = State::Dialing;
            self.shared.dialer.dial(Wanted {
                readonly: node.replica && self.shared.atlas.door().way().cluster,
                node,
                place: at,
                answer: self.answer.clone(),
                waker: Arc::clone(&self.waker),
            });
        }
    }

    /// Gives up on connections whose oldest command waits too long.
    pub(super) fn time_out(&mut self, now: Nanos) {
        let limit = self.shared.settings.timeout;
        let limit_ns = limit.as_nanos() as Nanos;
        for at in 0..self.conns.len() {
            if self.conns[at].flying.front().is_some_and(|order| self.waits_too_long(order.sent, limit_ns, now)) {
                self.hang_up(at, now, "timeout", &format!("no answer within {limit:?}"));
            }
        }
    }

    /// Has something waited for longer than `limit`, the standstills of this machine not counted?
    pub(super) fn waits_too_long(&self, since: Nanos, limit: Nanos, now: Nanos) -> bool {
        let waited = now.saturating_sub(since);
        waited > limit && waited - self.meter.stalls.within(since, now) > limit
    }

    /// Takes over a new map: connections to new nodes, none to those that have left.
    pub(super) fn adopt_map(&mut self) {
        let generation = self.shared.atlas.generation();
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        self.map = self.shared.atlas.map();
        self.owners.clone_from(&self.map.owners);
        let wanted: Vec<NodeIndex> = {
            let mut nodes: Vec<NodeIndex> =
                self.map.replicas.iter().flatten().copied().chain(self.owners.iter().copied()).collect();
            nodes.sort_unstable();
            nodes.dedup();
            nodes
        };
        for node in &wanted {
            self.reserve(*node);
        }
        for conn in &mut self.conns {
            let is_wanted = wanted.binary_search(&conn.node).is_ok();
            match conn.state {
                State::Down(_) if !is_wanted => conn.state = State::Unwanted,
                State::Unwanted if is_wanted => conn.state = State::Down(0),
                _ => {}
            }
        }
        let now = self.shared.now();
        self.rehome(&wanted, now);
    }

    /// Makes places for one connection of every client to this node, where it has none yet.
    pub(super) fn reserve(&mut self, node: NodeIndex) {
        let node_at = usize::from(node);
        while self.grid.len() <= node_at {
            self.grid.push(Vec::new());
            self.troubles.push(None);
        }
        if self.grid[node_at].is_empty() {
            for client in 0..self.clients {
                self.grid[node_at].push(self.conns.len() as u32);
                self.conns.push(Conn::new(node, client));
            }
        }
        self.flow.reserve(self.grid.len());
        self.meter.node(node);
    }

    /// The client's connection to a node.
    pub(super) fn place(&self, node: NodeIndex, client: u32) -> usize {
        self.grid[usize::from(node)][client as usize] as usize
    }

    /// The connections of a node.
    pub(super) fn places(&self, node: usize) -> &[u32] {
        self.grid.get(node).map_or(&[], Vec::as_slice)
    }

    /// How many connections are up, by node.
    pub(super) fn open_connections(&self) -> Vec<usize> {
        self.grid.iter().map(|places| places.iter().filter(|at| self.conns[**at as usize].is_up()).count()).collect()
    }

    /// The primary that serves a key's slot, as far as this event loop knows.
    pub(super) fn owner(&self, key: u32) -> NodeIndex {
        self.owners[self.shared.slot(key).min(self.owners.len() - 1)]
    }

    /// Where a command on this key goes.
    pub(super) fn route(&self, kind: Kind, key: u32) -> NodeIndex {
        let owner = self.owner(key);
        match self.map.replicas.get(usize::from(owner)) {
            Some(replicas) if kind == Kind::Read && !replicas.is_empty() => replicas[self.turn % replicas.len()],
            _ => owner,
        }
    }

    /// Are there several nodes to tell apart?
    pub(super) fn several_nodes(&self) -> bool {
        self.grid.iter().filter(|places| !places.is_empty()).count() > 1
    }

    /// Hangs up on connections with something still under way, which a later phase must not take for its own.
    pub(super) fn silence_rest(&mut self, now: Nanos) -> Vec<(NodeIndex, VecDeque<Order>)> {
        let mut rest = Vec::new();
        for at in 0..self.conns.len() {
            let conn = &mut self.conns[at];
            if !conn.flying.is_empty() {
                if let State::Up(link) = &mut conn.state {
                    link.deregister(self.poll.registry());
                }
                rest.push((conn.node, conn.down(now)));
            }
        }
        rest
    }
}

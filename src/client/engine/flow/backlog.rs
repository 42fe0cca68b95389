//! Commands that wait for a connection: those that go elsewhere, and those whose node cannot be had.

use super::super::map::NodeIndex;
use super::super::meter::{Failure, Nanos, Order};
use super::super::worker::Worker;
use super::ASK;

impl Worker {
    /// Sends a redirected command on.
    pub(in crate::client::engine) fn forward(&mut self, mut order: Order, node: NodeIndex, ask: bool, now: Nanos) {
        if self.flow.step.is_some() {
            let at = usize::from(node);
            match self.free_place(at) {
                Some(place) => {
                    self.push(place, order, ask, now);
                    self.offer(place);
                }
                None => {
                    order.client = if ask { ASK } else { 0 };
                    self.flow.backlog[at].push_front(order);
                }
            }
        } else {
            let place = self.place(node, order.client);
            if self.conns[place].is_up() {
                self.push(place, order, ask, now);
            } else {
                self.conns[place].queue.push_back(order);
            }
        }
    }

    /// Commands for nodes that have left the map go where their keys are now.
    pub(in crate::client::engine) fn rehome(&mut self, wanted: &[NodeIndex], now: Nanos) {
        for node in (0..self.flow.backlog.len()).filter(|node| wanted.binary_search(&(*node as NodeIndex)).is_err()) {
            let mut orders = std::mem::take(&mut self.flow.backlog[node]);
            for place in self.places(node).to_vec() {
                orders.append(&mut self.conns[place as usize].queue);
            }
            for order in orders {
                let to = self.route(order.kind, order.number);
                self.meter.moved_on(node as NodeIndex, to, now);
                self.forward(order, to, false, now);
            }
        }
    }

    /// Commands for a node that cannot be had fail when they have waited for the time-out.
    ///
    /// Those for a node that could answer go on waiting for a connection.
    pub(super) fn age_backlog(&mut self, now: Nanos) {
        let limit = self.shared.settings.timeout.as_nanos() as Nanos;
        for node in 0..self.flow.backlog.len() {
            if self.flow.backlog[node].front().is_none_or(|order| !self.waits_too_long(order.due, limit, now)) {
                continue;
            }
            if self.places(node).iter().any(|place| self.conns[*place as usize].is_up()) {
                continue;
            }
            let (class, detail) = match &self.troubles[node] {
                Some(trouble) => (trouble.class.clone(), trouble.detail.clone()),
                None => ("timeout".to_owned(), "no connection in time".to_owned()),
            };
            while let Some(order) = self.flow.backlog[node].front().copied() {
                if !self.waits_too_long(order.due, limit, now) {
                    break;
                }
                self.flow.backlog[node].pop_front();
                let failure = Failure { class: &class, detail: &detail, waited: true };
                self.fail_at(node as NodeIndex, &order, now, failure);
            }
        }
    }
}

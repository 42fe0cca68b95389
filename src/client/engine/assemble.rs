//! What the event loops saw, put together.

use std::time::Duration;

use super::map::{Map, Node, NodeIndex};
use super::meter::{ErrorCount, Errors, Meter, Nanos, NodeMeter};
use super::report::{ClientUse, ErrorRow, Gap, Report, ShardRow, Stall, Tally};
use super::settings::{Reason, Settings};

/// What one event loop saw of a phase.
pub(super) struct Part {
    pub(super) meter: Meter,
    /// The scheduled end, if there was one, and when the loop really ended.
    pub(super) end: Option<Nanos>,
    pub(super) finished: Nanos,
    pub(super) stopped: Option<Reason>,
    pub(super) used: Used,
    /// By node: open connections.
    pub(super) connections: Vec<usize>,
}

/// What its thread took of a processor, where the system tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub(super) running: Option<Duration>,
    pub(super) starved: Option<Duration>,
}

impl Used {
    /// What the calling thread took since it began; `None` where the system does not tell.
    pub(super) fn now() -> Self {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let mut fields = text.split_whitespace().map(|field| field.parse().ok().map(Duration::from_nanos));
        Self { running: fields.next().flatten(), starved: fields.next().flatten() }
    }

    /// What the thread took after an earlier reading; `None` in a field that either reading lacks.
    pub(super) fn since(self, before: Self) -> Self {
        let part = |now: Option<Duration>, before: Option<Duration>| Some(now?.saturating_sub(before?));
        Self { running: part(self.running, before.running), starved: part(self.starved, before.starved) }
    }
}

/// The report of a phase that began at `start`, from what each of its event loops saw.
pub(super) fn assemble(parts: Vec<Part>, start: Nanos, nodes: &[Node], map: &Map, settings: &Settings) -> Report {
    let mut report = Report::default();
    let (mut end, mut scheduled) = (start, start);
    let mut stalls = Vec::new();
    let mut rows: Vec<NodeMeter> = vec![NodeMeter::default(); nodes.len()];
    let mut gaps = vec![Gap::default(); nodes.len()];
    let mut connections = vec![0; nodes.len()];
    let (mut errors, mut connects) = (Errors::new(), Errors::new());
    let open_loop = parts.iter().any(|part| part.meter.open_loop);
    let by_node = parts.iter().any(|part| part.meter.by_node);
    for part in &parts {
        let meter = &part.meter;
        scheduled = scheduled.max(part.end.unwrap_or(meter.last_answer.max(start)));
        end = end.max(meter.last_answer).max(scheduled);
        merge_tally(&mut report.reads, &meter.reads);
        merge_tally(&mut report.writes, &meter.writes);
        report.lag.merge(&meter.lag);
        report.due += meter.due;
        report.cut += meter.cut;
        report.moved += meter.moved;
        report.asked += meter.asked;
        report.reconnects += meter.reconnects;
        report.lost.reads += meter.lost.reads;
        report.expired += meter.expired;
        report.lost.keys.extend(&meter.lost.keys);
        report.lost.first = report.lost.first.into_iter().chain(meter.lost.first).min();
        report.gap = longer(report.gap, meter.all.gap(start, part.finished, &meter.stalls));
        report.unsent += meter.overflow.count();
        stalls.extend(meter.stalls.since(start));
        merge_errors(&mut errors, &meter.errors);
        merge_errors(&mut connects, &meter.connects);
        for (at, node) in meter.nodes.iter().enumerate().take(nodes.len()) {
            merge_node(&mut rows[at], node);
            gaps[at] = longer(gaps[at], node.silence.gap(start, part.finished, &meter.stalls));
        }
        for (at, open) in part.connections.iter().enumerate().take(nodes.len()) {
            connections[at] += open;
        }
        report.stopped = report.stopped.take().or_else(|| part.stopped.clone());
    }
    report.took = Duration::from_nanos(end.saturating_sub(start));
    report.stalls = united(stalls, start);
    if !open_loop {
        report.reads.service = report.reads.latency.clone();
        report.writes.service = report.writes.latency.clone();
    }
    report.lost.keys.truncate(16);
    report.answered = report.reads.answered + report.writes.answered;
    report.failed = report.reads.failed + report.writes.failed;
    report.unsent += rows.iter().map(|row| row.unsent).sum::<u64>();
    report.client = client_use(&parts, start, &rows, report.took, settings);
    report.errors = error_rows(errors, nodes, start);
    report.connects = error_rows(connects, nodes, start);
    let all = report.latency();
    if open_loop {
        // The last answer comes after the schedule by its latency, however well it was kept.
        report.tail = Duration::from_nanos(end.saturating_sub(scheduled)).min(all.least());
    }
    report.shards = shard_rows(rows, &gaps, &connections, nodes, map);
    if !by_node && let [row] = &mut report.shards[..] {
        row.latency = all;
    }
    report
}

/// The standstills of all event loops, in the order of time, those that overlap as one.
fn united(mut times: Vec<(Nanos, Nanos)>, start: Nanos) -> Vec<Stall> {
    times.sort_unstable();
    let mut found: Vec<Stall> = Vec::new();
    for (from, until) in times {
        let elapsed = |at: Nanos| Duration::from_nanos(at.saturating_sub(start));
        let stall = Stall { from: elapsed(from), until: elapsed(until) };
        match found.last_mut() {
            Some(last) if stall.from <= last.until => last.until = last.until.max(stall.until),
            _ => found.push(stall),
        }
    }
    found
}

fn merge_tally(into: &mut Tally, tally: &Tally) {
    into.answered += tally.answered;
    into.failed += tally.failed;
    into.hits += tally.hits;
    into.misses += tally.misses;
    into.latency.merge(&tally.latency);
    into.service.merge(&tally.service);
}

fn merge_node(into: &mut NodeMeter, node: &NodeMeter) {
    into.answered += node.answered;
    into.failed += node.failed;
    into.unsent += node.unsent;
    into.busy += node.busy;
    into.latency.merge(&node.latency);
}

fn merge_errors(into: &mut Errors, errors: &Errors) {
    for (key, found) in errors {
        let row = into.entry(key.clone()).or_insert_with(|| ErrorCount { count: 0, ..found.clone() });
        row.count += found.count;
        if found.first < row.first {
            row.first = found.first;
            row.example.clone_from(&found.example);
        }
        row.last = row.last.max(found.last);
    }
}

fn longer(a: Gap, b: Gap) -> Gap {
    Gap { least: a.least.max(b.least), ..if b.longest > a.longest { b } else { a } }
}

fn error_rows(errors: Errors, nodes: &[Node], start: Nanos) -> Vec<ErrorRow> {
    let elapsed = |at: Nanos| Duration::from_nanos(at.saturating_sub(start));
    let mut rows: Vec<ErrorRow> = errors
        .into_iter()
        .map(|((node, class), found)| ErrorRow {
            node: nodes.get(usize::from(node)).map(Node::name).unwrap_or_default(),
            class,
            count: found.count,
            first: elapsed(found.first),
            last: elapsed(found.last),
            example: found.example,
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows
}

/// One row for each node that serves something or was asked, in the order of their slots.
fn shard_rows(rows: Vec<NodeMeter>, gaps: &[Gap], connections: &[usize], nodes: &[Node], map: &Map) -> Vec<ShardRow> {
    let alone = map.owners.len() == 1;
    let first_slot = |node: NodeIndex| {
        let owner = alone && map.owners[0] == node;
        if owner { 0 } else { map.first_slot(node).unwrap_or(usize::MAX) }
    };
    let mut found: Vec<(usize, ShardRow)> = rows
        .into_iter()
        .enumerate()
        .map(|(at, row)| {
            let node = at as NodeIndex;
            let shard = ShardRow {
                node: nodes[at].name(),
                replica: nodes[at].replica,
                slots: map.slots_of(node),
                answered: row.answered,
                failed: row.failed,
                unsent: row.unsent,
                latency: row.latency,
                gap: gaps[at],
                connections: connections[at],
            };
            (first_slot(node), shard)
        })
        .filter(|(slot, row)| *slot != usize::MAX || row.answered + row.failed + row.unsent > 0 || row.connections > 0)
        .collect();
    found.sort_by_key(|(slot, _)| *slot);
    found.into_iter().map(|(_, row)| row).collect()
}

fn client_use(parts: &[Part], start: Nanos, rows: &[NodeMeter], took: Duration, settings: &Settings) -> ClientUse {
    let mut found = ClientUse::default();
    for part in parts {
        let wall = part.finished.saturating_sub(start).max(1) as f64;
        found.busiest = found.busiest.max(1.0 - (part.meter.idle as f64 / wall).min(1.0));
        let share = |time: Option<Duration>| time.map(|time| time.as_nanos() as f64 / wall);
        found.processor = most(found.processor, share(part.used.running));
        found.starved = most(found.starved, share(part.used.starved));
        if let Some(running) = part.used.running {
            *found.cpu.get_or_insert_default() += running;
        }
    }
    // Every node has a connection of every client, so the busiest node decides.
    let lanes = (settings.clients.max(1) * settings.pipeline.max(1)) as f64;
    let busy = rows.iter().map(|row| row.busy).max().unwrap_or(0) as f64;
    found.connections_busy = (busy / (took.as_nanos().max(1) as f64 * lanes)).min(1.0);
    found
}

fn most(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::max)
}

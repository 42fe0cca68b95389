//! The course of a drill: everything that was seen, put in order of time.

use std::time::Duration;

use super::count::{Count, Lost};
use super::judge::{self, Require, WELL_WITHIN};
use super::log::{Ack, Change, NodeState, What, latest};
use super::picture::picture;
use super::probe::{Behaviour, Seen};
use super::report::{Client, Kind, Moment, Reads, Report, Told, Writes};
use super::trace::{Errors, Gap, Trace};

/// What AWS told, when it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub at: Duration,
    pub what: Word,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Of the group or of one of its members.
    Status {
        id: String,
        status: String,
    },
    Event(Told),
}

/// A drill from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Course {
    pub address: String,
    pub shard: String,
    pub started_at: String,
    /// When AWS was asked, since the probes began.
    pub called: Duration,
    pub old_primary: String,
    pub seen: Seen,
    pub count: Count,
    pub news: Vec<News>,
    /// When every node was back and AWS called all of it available.
    pub restored: Option<Duration>,
    /// How long that was waited for.
    pub patience: Duration,
    pub interrupted: bool,
    pub require: Require,
    /// What could not be seen, in words.
    pub blind: Vec<String>,
}

impl Course {
    /// Puts it in order and judges it.
    pub fn report(mut self) -> Report {
        self.doubt_the_count();
        let seen = &self.seen;
        let mut report = Report {
            format_version: "1",
            address: self.address.clone(),
            shard: self.shard.clone(),
            started_at: self.started_at.clone(),
            timeline: self.timeline(),
            write: self.writes(),
            read: self.reads(),
            clients: seen.clients.iter().map(|(behaviour, trace)| self.client(*behaviour, trace)).collect(),
            old_primary: Some(self.old_primary.clone()),
            new_primary: self.new_primary(),
            available_after_ms: self.restored.map(|at| self.since(at)),
            stalled_ms: milliseconds(seen.stood_still(self.called, seen.ended)),
            events: self.events(),
            gates: Vec::new(),
            verdict: crate::smoke::Verdict::Passed,
            findings: Vec::new(),
            undecided: self.blind.clone(),
            interrupted: self.interrupted,
            picture: picture(seen, self.called),
            called_after: self.called,
        };
        judge::judge(&self, &mut report);
        report
    }

    /// That nothing is lost can be told once the failover is over: until then the old primary may be who answers.
    fn doubt_the_count(&mut self) {
        let is_over = self.new_primary().is_some() && (self.restored.is_some() || !self.interrupted);
        let lost_nothing = |lost: &Lost| lost.plain.is_empty() && lost.waited.is_empty();
        if !is_over && self.count.lost.as_ref().is_some_and(lost_nothing) {
            self.count.lost = None;
            self.count.unknown = Some("the failover had not ended".to_owned());
        }
    }

    /// Milliseconds from when AWS was asked.
    fn since(&self, at: Duration) -> i64 {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        millis(at) - millis(self.called)
    }

    /// The longest silence of a probe since AWS was asked.
    pub fn gap(&self, trace: &Trace) -> Option<Gap> {
        trace.longest_gap(self.called, self.seen.ended)
    }

    /// Who is the one primary at the end, if that is another than before.
    pub fn new_primary(&self) -> Option<String> {
        match self.primaries()[..] {
            [one] if one != self.old_primary => Some(one.to_owned()),
            _ => None,
        }
    }

    /// The nodes that say at the end that they are the primary.
    pub fn primaries(&self) -> Vec<&str> {
        latest(&self.seen.changes).into_iter().filter(|(_, state)| state.is_primary).map(|(id, _)| id).collect()
    }

    fn nodes(&self) -> impl Iterator<Item = (&str, &NodeState)> {
        self.seen.changes.iter().filter_map(|change| match &change.what {
            What::Node { id, state } => Some((id.as_str(), state)),
            What::Name { .. } => None,
        })
    }

    /// AWS's name of the node that acknowledged a write.
    fn node_of(&self, ack: &Ack) -> Option<&str> {
        let run = self.seen.runs.get(ack.run?)?;
        self.nodes().find(|(_, state)| state.run_id == *run).map(|(id, _)| id)
    }

    fn writes(&self) -> Writes {
        let (writer, waiter) = (&self.seen.writer, &self.seen.waiter);
        let lost = self.count.lost.as_ref();
        Writes {
            longest_gap_ms: self.gap(writer).map(|gap| milliseconds(gap.length())),
            sent: self.seen.acks.len() as u64 + writer.failures_sent() + waiter.failures_sent(),
            acknowledged: self.seen.acks.len() as u64,
            lost: lost.map(|lost| lost.plain.len() as u64),
            waited_lost: lost.map(|lost| lost.waited.len() as u64),
            errors: classes(&[writer, waiter]),
        }
    }

    fn reads(&self) -> Reads {
        let reader = &self.seen.reader;
        let mut errors = classes(&[reader]);
        if let (missed @ 1.., _) = reader.misses(self.called) {
            errors.insert("missing".to_owned(), missed);
        }
        Reads { longest_gap_ms: self.gap(reader).map(|gap| milliseconds(gap.length())), errors }
    }

    fn client(&self, behaviour: Behaviour, trace: &Trace) -> Client {
        Client {
            behaviour,
            longest_gap_ms: self.gap(trace).map(|gap| milliseconds(gap.length())),
            recovered: trace.is_well(self.seen.ended, WELL_WITHIN),
        }
    }

    fn events(&self) -> Vec<Told> {
        let told = self.news.iter().filter_map(|news| match &news.what {
            Word::Event(told) => Some(told.clone()),
            Word::Status { .. } => None,
        });
        told.collect()
    }

    fn timeline(&self) -> Vec<Moment> {
        let mut all = vec![self.moment(self.called, Kind::Called, None, "TestFailover was sent".to_owned())];
        self.of_writes(&mut all);
        self.of_errors(&mut all);
        for change in self.seen.changes.iter().enumerate().filter(|(_, change)| change.at >= self.called) {
            self.of_change(change, &mut all);
        }
        for news in &self.news {
            all.push(match &news.what {
                Word::Status { id, status } => {
                    self.moment(news.at, Kind::Status, Some(id), format!("AWS says {status}"))
                }
                Word::Event(told) => self.moment(news.at, Kind::AwsEvent, Some(&told.source), told.message.clone()),
            });
        }
        if let Some(at) = self.restored {
            let detail = "every node is back, and AWS says available".to_owned();
            all.push(self.moment(at, Kind::Restored, None, detail));
        }
        all.sort_by_key(|moment| (moment.at_ms, moment.event));
        all
    }

    fn moment(&self, at: Duration, event: Kind, node: Option<&str>, detail: String) -> Moment {
        Moment { at_ms: self.since(at), event, node: node.map(str::to_owned), detail }
    }

    /// The last write to the old primary and the first to the new one, and when writes and reads went on.
    fn of_writes(&self, all: &mut Vec<Moment>) {
        let later = || self.seen.acks.iter().filter(|ack| ack.at >= self.called);
        let elsewhere = |ack: &&Ack| self.node_of(ack).is_some_and(|node| node != self.old_primary);
        if let Some(first) = later().find(elsewhere) {
            let old = |ack: &&Ack| ack.at < first.at && self.node_of(ack) == Some(&self.old_primary);
            if let Some(last) = self.seen.acks.iter().rev().find(old) {
                let detail = "the last write that it acknowledged".to_owned();
                all.push(self.moment(last.at, Kind::LastWriteToOldPrimary, Some(&self.old_primary), detail));
            }
            let detail = "the first write that it acknowledged".to_owned();
            all.push(self.moment(first.at, Kind::FirstWriteToNewPrimary, self.node_of(first), detail));
        }
        let probes =
            [("writes", Kind::WritesResumed, &self.seen.writer), ("reads", Kind::ReadsResumed, &self.seen.reader)];
        for (what, kind, trace) in probes {
            // A pause of a few commands is none to tell of.
            let gap = self.gap(trace).filter(|gap| !gap.open && gap.length() >= WORTH_TELLING);
            if let Some(gap) = gap {
                let detail = format!("{what} go on after {:.0} ms without an answer", milliseconds(gap.length()));
                all.push(self.moment(gap.until, kind, None, detail));
            }
        }
    }

    fn of_errors(&self, all: &mut Vec<Moment>) {
        let clients = self.seen.clients.iter().map(|(behaviour, trace)| (behaviour.words().to_owned(), None, trace));
        let readers = self.seen.readers.iter().map(|(node, trace)| ("reader".to_owned(), Some(node.as_str()), trace));
        let own =
            [("writer", &self.seen.writer), ("writer with WAIT", &self.seen.waiter), ("reader", &self.seen.reader)];
        let own = own.into_iter().map(|(name, trace)| (name.to_owned(), None, trace));
        for (name, node, trace) in own.chain(clients).chain(readers) {
            for Errors { class, example, count, first, last } in trace.errors() {
                if first < self.called {
                    continue;
                }
                let until =
                    if count > 1 { format!(", {count} times until {} ms", self.since(last)) } else { String::new() };
                let detail = format!("{name}: {class}{until}: {example}");
                all.push(self.moment(first, Kind::FirstError, node, detail));
            }
            if let (missed, Some(first)) = trace.misses(self.called) {
                let detail = format!("{name}: the key was missing, {missed} times");
                all.push(self.moment(first, Kind::FirstError, node, detail));
            }
        }
    }

    fn of_change(&self, (place, change): (usize, &Change), all: &mut Vec<Moment>) {
        let (id, now) = match &change.what {
            What::Name { name, addresses } => {
                let to = if addresses.is_empty() { "nowhere".to_owned() } else { addresses.join(", ") };
                all.push(self.moment(change.at, Kind::Name, None, format!("{name} leads to {to}")));
                return;
            }
            What::Node { id, state } => (id, state),
        };
        let before = self.seen.changes[..place].iter().rev().find_map(|change| match &change.what {
            What::Node { id: other, state } if other == id => Some(state),
            _ => None,
        });
        if let Some(trouble) = &now.trouble {
            if before.is_none_or(|before| before.trouble.as_ref() != Some(trouble)) {
                all.push(self.moment(change.at, Kind::Unreachable, Some(id), trouble.clone()));
            }
            return;
        }
        // What it was before it was gone is what its role is compared with.
        let known = self.seen.changes[..place].iter().rev().find_map(|change| match &change.what {
            What::Node { id: other, state } if other == id && state.trouble.is_none() => Some(state),
            _ => None,
        });
        let role = |state: &NodeState| if state.is_primary { "primary" } else { "replica" };
        if before.is_some_and(|before| before.trouble.is_some()) {
            let fresh = known.is_some_and(|known| known.run_id != now.run_id);
            let detail = if fresh { "it answers, restarted or replaced" } else { "it answers again" };
            all.push(self.moment(change.at, Kind::Reachable, Some(id), detail.to_owned()));
        }
        if let Some(known) = known.filter(|known| role(known) != role(now)) {
            let detail = format!("{} -> {}", role(known), role(now));
            all.push(self.moment(change.at, Kind::Role, Some(id), detail));
        }
        if !now.is_primary && now.is_linked && before.is_none_or(|before| !before.is_linked) {
            all.push(self.moment(change.at, Kind::InSync, Some(id), "it follows its primary".to_owned()));
        }
    }
}

const WORTH_TELLING: Duration = Duration::from_millis(100);

/// With one digit after the point.
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}

fn classes(traces: &[&Trace]) -> std::collections::BTreeMap<String, u64> {
    let mut found = std::collections::BTreeMap::new();
    for errors in traces.iter().flat_map(|trace| trace.errors()) {
        *found.entry(errors.class).or_insert(0) += errors.count;
    }
    found
}

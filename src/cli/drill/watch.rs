//! What AWS tells while a shard fails over, and when all is as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Run;
use crate::aws::error::Kind as ErrorKind;
use crate::aws::events::{self, Event};
use crate::aws::{failover, reader};
use crate::cli::clock;
use crate::drill::{News, Probes, Told, Word};
use crate::model::Live;
use crate::resource::readiness::{self, Condition};

/// Between two looks, unless somebody chose another.
const PAUSE: Duration = Duration::from_secs(2);
/// After a new primary is there and all looks well, AWS has so long to begin with the node's replacement.
const FOR_A_REPLACEMENT: Duration = Duration::from_secs(60);
/// The same where its events cannot be read: then its silence says nothing.
const UNREAD_REPLACEMENT: Duration = Duration::from_secs(5);
/// A client that keeps addresses for a minute gets that, and a little more.
const CLIENTS: Duration = Duration::from_secs(65);
/// Clients are seen to go on for so long after the end.
const TAIL: Duration = Duration::from_secs(1);
/// Events of a little before the call too: clocks differ.
const SKEW: Duration = Duration::from_secs(60);
/// After a lost answer, AWS's events are looked at for so long, and never for longer than the drill may take.
const AFTER_LOSS: Duration = Duration::from_secs(20);

pub(super) struct Watch<'a> {
    run: &'a Run<'a>,
    shard: String,
    old_primary: String,
    /// Of the shard, by AWS's names.
    nodes: BTreeSet<String>,
    /// Events that were told before.
    known: Vec<Event>,
    states: BTreeMap<String, String>,
    news: Vec<News>,
    said: BTreeSet<&'static str>,
    /// Why AWS's events could not be read when they were asked for last.
    unread: Option<String>,
    restored: Option<Duration>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(run: &'a Run<'a>, shard: &str, old_primary: String, nodes: BTreeSet<String>) -> Self {
        Self {
            run,
            shard: shard.to_owned(),
            old_primary,
            nodes,
            known: Vec::new(),
            states: BTreeMap::new(),
            news: Vec::new(),
            said: BTreeSet::new(),
            unread: None,
            restored: None,
        }
    }

    fn pause(&self) -> Duration {
        self.run.args.poll_interval.unwrap_or(PAUSE)
    }

    /// What was so before the failover is no news.
    pub(super) async fn remember(&mut self) {
        if let Some(live) = self.look().await {
            self.states = self.states_of(&live);
        }
        self.known = self.events(SKEW).await;
    }

    /// After a lost answer: did AWS take the call? `None` where its events could not be read, or nobody waited for them.
    pub(super) async fn was_taken(&mut self, probes: &Probes, called: Duration) -> Option<bool> {
        let guard = self.run.session.aws.guard.clone();
        let wanted = format!("{} {}", failover::CALLED, self.shard);
        let until = probes.now() + AFTER_LOSS.min(self.run.args.timeout);
        loop {
            if probes.primary().is_some_and(|primary| primary != self.old_primary) {
                return Some(true);
            }
            let events = self.events(probes.now().saturating_sub(called) + SKEW).await;
            let is_it = |event: &Event| event.source == self.run.address.id && event.message == wanted;
            if events.iter().any(|event| is_it(event) && !self.known.contains(event)) {
                return Some(true);
            }
            if probes.now() >= until {
                return self.unread.is_none().then_some(false);
            }
            tokio::select! {
                () = tokio::time::sleep(self.pause()) => {}
                () = guard.interruption() => return None,
            }
        }
    }

    /// Looks until the shard is as it was but for who is primary, or until time is over or somebody interrupts.
    pub(super) async fn until_restored(&mut self, probes: &Probes, called: Duration) {
        let guard = self.run.session.aws.guard.clone();
        let mut well_since = None;
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.pause()) => {}
                () = guard.interruption() => return,
            }
            let now = probes.now();
            let live = self.look().await;
            self.take_events(probes, now.saturating_sub(called)).await;
            let is_available = live.as_ref().is_some_and(|live| {
                self.take_states(live, probes.now());
                readiness::of(live, self.run.address).0 == Condition::Ready
            });
            let switched = probes.primary().is_some_and(|primary| primary != self.old_primary);
            if switched {
                self.say("switched", "There is a new primary. Waiting until every node is back ...");
            }
            if switched && is_available && probes.is_whole() {
                well_since.get_or_insert(probes.now());
            } else {
                well_since = None;
            }
            let finished = self.has_event(&["Finished recovery", "Recovery completed"]);
            let begun = self.has_event(&["Recovering cache nodes"]);
            let patience = if self.unread.is_none() { FOR_A_REPLACEMENT } else { UNREAD_REPLACEMENT };
            let is_over = |since: Duration| finished || !begun && probes.now().saturating_sub(since) >= patience;
            if well_since.is_some_and(is_over) {
                self.restored = well_since;
                if !finished && self.unread.is_none() {
                    self.run.printer.note("AWS reports no replacement of the old primary's node.");
                }
                break;
            }
            if now.saturating_sub(called) > self.run.args.timeout {
                return;
            }
        }
        self.clients(probes).await;
    }

    /// Every client that ever reconnects gets its time to do so.
    async fn clients(&self, probes: &Probes) {
        let guard = &self.run.session.aws.guard;
        let begun = probes.now();
        let wait = async {
            while !probes.clients_are_well() && probes.now().saturating_sub(begun) < CLIENTS {
                tokio::time::sleep(self.pause().min(TAIL)).await;
            }
            tokio::time::sleep(TAIL).await;
        };
        tokio::select! {
            () = wait => {}
            () = guard.interruption() => {}
        }
    }

    /// News, when all was restored, whether somebody interrupted, and what could not be seen.
    pub(super) fn end(self) -> (Vec<News>, Option<Duration>, bool, Vec<String>) {
        let interrupted = self.run.session.aws.guard.is_interrupted();
        (self.news, self.restored, interrupted, self.unread.into_iter().collect())
    }

    fn say(&mut self, once: &'static str, text: &str) {
        if self.said.insert(once) {
            self.run.printer.note(text);
        }
    }

    /// Has AWS told so of a node of this shard?
    fn has_event(&self, beginnings: &[&str]) -> bool {
        self.news.iter().any(|news| match &news.what {
            Word::Event(told) => {
                self.nodes.contains(&told.source)
                    && beginnings.iter().any(|beginning| told.message.starts_with(beginning))
            }
            Word::Status { .. } => false,
        })
    }

    /// A look that fails is made again: the failover goes on whether it is looked at or not.
    async fn look(&mut self) -> Option<Live> {
        match reader::these(&self.run.session.aws, [self.run.address.clone()]).await {
            Ok(live) => Some(live),
            Err(error) => {
                self.run.printer.detail(&format!("  could not look, trying again: {error}"));
                None
            }
        }
    }

    async fn events(&mut self, time: Duration) -> Vec<Event> {
        match events::recent(&self.run.session.aws, time).await {
            Ok(found) => {
                self.unread = None;
                found.into_iter().filter(|event| event.is_of(&self.run.address.id)).collect()
            }
            Err(error) => {
                let why = match error.kind {
                    ErrorKind::AccessDenied => "AWS's events may not be read (elasticache:DescribeEvents)".to_owned(),
                    _ => format!("AWS's events could not be read: {error}"),
                };
                self.unread = Some(format!("{why}: whether AWS replaced the node is not told"));
                Vec::new()
            }
        }
    }

    async fn take_events(&mut self, probes: &Probes, since: Duration) {
        for event in self.events(since + SKEW).await {
            if self.known.contains(&event) {
                continue;
            }
            self.run.printer.detail(&format!("  event: {} {}", event.source, event.message));
            let told = Told {
                at: event.at.map(clock::precise_at),
                source: event.source.clone(),
                message: event.message.clone(),
            };
            self.news.push(News { at: probes.now(), what: Word::Event(told) });
            self.known.push(event);
        }
    }

    /// Of the group and of each of its nodes.
    fn states_of(&self, live: &Live) -> BTreeMap<String, String> {
        let Some(view) = live.view(self.run.address) else { return BTreeMap::new() };
        let text = |value: &serde_json::Value, member: &str| value.get(member)?.as_str().map(str::to_owned);
        let nodes = view
            .members
            .iter()
            .filter_map(|node| Some((text(node, "CacheClusterId")?, text(node, "CacheClusterStatus")?)));
        nodes.chain([(self.run.address.id.clone(), view.status().to_owned())]).collect()
    }

    fn take_states(&mut self, live: &Live, at: Duration) {
        let now = self.states_of(live);
        for (id, status) in &now {
            if self.states.get(id) != Some(status) {
                let what = Word::Status { id: id.clone(), status: status.clone() };
                self.news.push(News { at, what });
            }
        }
        self.states = now;
    }
}

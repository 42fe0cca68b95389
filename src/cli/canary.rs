//! `apply --canary`: clients on each cache through its steps, and what they noticed beside what was foretold.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::drill::{broken, require};
use super::exit::CliError;
use super::printer::Printer;
use super::progress::Live as LiveProgress;
use super::session::Session;
use super::way_in::{WayIn, way_in};
use crate::drill::{self, Count, Gate, Part, Passage, Probes, Require, Seen, Setup, Whole};
use crate::model::attribute::Impact;
use crate::model::live::Live;
use crate::model::plan::Plan;
use crate::model::report::{Progress, Reporter, Subject};
use crate::model::step::StepId;
use crate::model::{Address, Step};
use crate::render;
use crate::resource::attribute;

/// Writes and reads a second, of each shard.
const RATE: f64 = 50.0;
/// Clients get through for so long before the first step, and go on for so long after the last one.
const BEFORE: Duration = Duration::from_secs(1);
const AFTER: Duration = Duration::from_secs(1);
/// Within this they have to get through.
const LIMIT: Duration = Duration::from_secs(10);
/// Shards of a cache that are watched.
const MOST_SHARDS: usize = 8;

/// The clients of all caches that an apply changes.
#[derive(Default)]
pub struct Canaries {
    caches: Vec<Watched>,
    /// Caches that are not watched, and why.
    unwatched: Vec<(Address, String, Require)>,
}

/// One cache's.
struct Watched {
    address: Address,
    require: Require,
    probes: Vec<Probes>,
    /// When each step began and ended.
    steps: Mutex<BTreeMap<StepId, (Instant, Option<Instant>)>>,
}

/// What the canaries of a run came to.
#[derive(Default)]
pub struct Told {
    pub passages: Vec<Passage>,
    /// Each cache over all of its steps.
    pub wholes: Vec<Whole>,
    /// Bounds of `drill.require`.
    pub gates: Vec<(Address, Gate)>,
    /// Caches, or some of their shards, that were not watched, and why.
    pub unwatched: Vec<(Address, String)>,
}

impl Canaries {
    /// Begins on every cache that is there and that has steps. A cache that cannot be watched holds nothing up.
    pub async fn begin(printer: &Printer, session: &Session, plan: &Plan, live: &Live) -> Result<Self, CliError> {
        let mut canaries = Self::default();
        let changed =
            |address: &&Address| address.kind.is_cache() && plan.steps.iter().any(|step| step.address == **address);
        for address in session.spec.resources.keys().filter(changed) {
            let (Some(resource), Some(view)) = (session.spec.resources.get(address), live.view(address)) else {
                continue;
            };
            let require = require(resource);
            let watched = match way_in(session, resource, &view, drill::PREFIX).await? {
                Ok(way) => watch(way).await?,
                Err(why) => Err(why),
            };
            match watched {
                Ok(Watching { probes, unwatched }) => {
                    let steps = Mutex::default();
                    if let Some(why) = unwatched {
                        printer.note(&format!("Canary: of {address} {why}"));
                        canaries.unwatched.push((address.clone(), why, require));
                    }
                    canaries.caches.push(Watched { address: address.clone(), require, probes, steps });
                }
                Err(why) => {
                    printer.note(&format!("Canary: {address} is not watched: {why}"));
                    canaries.unwatched.push((address.clone(), why, require));
                }
            }
        }
        Ok(canaries)
    }

    /// Ends the clients, deletes their keys, and says what each step cost them.
    pub async fn end(self, plan: &Plan) -> Result<Told, CliError> {
        if !self.caches.is_empty() {
            tokio::time::sleep(AFTER).await;
        }
        let mut told = Told::default();
        for (address, why, require) in self.unwatched {
            told.gates.extend(drill::unseen_bounds(&require, &why).into_iter().map(|gate| (address.clone(), gate)));
            told.unwatched.push((address, why));
        }
        for Watched { address, require, probes, steps } in self.caches {
            let begun: Vec<Instant> = probes.iter().map(Probes::begun).collect();
            let ended = tokio::task::spawn_blocking(move || {
                let ended = probes.into_iter().map(Probes::finish);
                ended.map(|(setup, seen)| (drill::settle(&setup, &seen), seen)).collect::<Vec<(Count, Seen)>>()
            });
            let ended = ended.await.map_err(broken)?;
            let steps = steps.into_inner().unwrap_or_else(PoisonError::into_inner);
            for (id, (from, until)) in steps {
                let Some(step) = plan.step(id) else { continue };
                let mut parts = Vec::new();
                for (begun, (count, seen)) in begun.iter().zip(&ended) {
                    let since = |at: Instant| at.saturating_duration_since(*begun);
                    parts.push(Part { from: since(from), until: until.map_or(seen.ended, since), seen, count });
                }
                let operation = step.operation().to_string();
                let foretold = foretold(plan, step);
                told.passages.push(Passage::new(id.0, &address.to_string(), &operation, foretold, &parts));
            }
            let shards: Vec<(&Seen, &Count)> = ended.iter().map(|(count, seen)| (seen, count)).collect();
            told.wholes.push(Whole::new(&address.to_string(), &shards));
            for (count, seen) in &ended {
                told.gates.extend(drill::bounds(&require, seen, count).into_iter().map(|gate| (address.clone(), gate)));
            }
        }
        told.passages.sort_by_key(|passage| passage.step);
        Ok(told)
    }
}

/// Clients that get through.
struct Watching {
    probes: Vec<Probes>,
    /// Of which shards there are none.
    unwatched: Option<String>,
}

/// Clients of every shard, once they get through.
async fn watch(way: WayIn) -> Result<Result<Watching, String>, CliError> {
    let mut shards: Vec<Option<&str>> = way.target.members.iter().map(|member| member.shard.as_deref()).collect();
    shards.dedup();
    if shards.is_empty() {
        return Ok(Err("AWS reports no nodes for it".to_owned()));
    }
    let setups: Vec<Setup> = shards.iter().take(MOST_SHARDS).map(|shard| way.setup(*shard, RATE, false)).collect();
    let unwatched =
        (shards.len() > MOST_SHARDS).then(|| format!("{MOST_SHARDS} of {} shards are watched", shards.len()));
    let begun = tokio::task::spawn_blocking(move || {
        // All are looked at before any is written to.
        let mut ready = Vec::new();
        for mut setup in setups {
            let look = drill::look(&setup).map_err(|objection| objection.reason)?;
            // Out of step or not: an apply goes on anyway. A full node is not written to.
            if let Some(full) = look.objections.iter().find(|objection| objection.rule == "no-memory") {
                return Err(full.reason.clone());
            }
            setup.tag = look.tag;
            if setup.is_led_astray() {
                return Err("its keys would all lie in one slot".to_owned());
            }
            ready.push((setup, look.shard, look.connecting));
        }
        let mut begun: Vec<Probes> = Vec::new();
        for (setup, shard, connecting) in ready {
            match Probes::start(setup, shard, connecting) {
                Ok(probes) => begun.push(probes),
                Err(trouble) => {
                    clear(begun);
                    return Err(trouble.to_string());
                }
            }
        }
        Ok(begun)
    });
    let probes = match begun.await.map_err(broken)? {
        Ok(probes) => probes,
        Err(why) => return Ok(Err(why)),
    };
    loop {
        tokio::time::sleep(BEFORE / 5).await;
        let through = probes.iter().map(|probes| {
            let now = probes.now();
            if now < BEFORE { Err(String::new()) } else { probes.get_through(now.saturating_sub(BEFORE), now) }
        });
        match through.collect::<Result<Vec<()>, String>>() {
            Ok(_) => return Ok(Ok(Watching { probes, unwatched })),
            Err(why) if probes.iter().any(|probes| probes.now() > LIMIT) => {
                tokio::task::spawn_blocking(move || clear(probes)).await.map_err(broken)?;
                return Ok(Err(format!("its clients do not get through before the first step: {why}")));
            }
            Err(_) => {}
        }
    }
}

/// Ends clients whose writes nobody counts, and deletes their keys.
fn clear(probes: Vec<Probes>) {
    for (setup, _) in probes.into_iter().map(Probes::finish) {
        drill::clear(&setup);
    }
}

/// A bound, and whose it is.
fn of_cache((address, gate): &(Address, Gate)) -> Value {
    let mut value = json!(gate);
    value["address"] = json!(address);
    value
}

/// What the plan says of the impact of one step: the worst of the attributes that its call changes.
fn foretold(plan: &Plan, step: &Step) -> Option<Impact> {
    let change = plan.change(&step.address)?;
    let sent = |path: &str| {
        let row = attribute(step.address.kind, path.split('.').next().unwrap_or(path));
        row.is_some_and(|row| step.parameters().contains_key(row.field.member))
    };
    let of_the_call =
        change.attributes.iter().filter(|attribute| sent(&attribute.path)).map(|attribute| attribute.impact);
    Some(of_the_call.max().unwrap_or(change.impact))
}

/// Tells progress on, and notes when each step of a watched cache begins and ends.
pub struct Noting<'a> {
    pub progress: &'a LiveProgress<'a>,
    pub canaries: Option<&'a Canaries>,
}

impl Reporter for Noting<'_> {
    fn report(&self, progress: &Progress<'_>) {
        self.progress.report(progress);
        let subject = match progress {
            Progress::Started { subject } | Progress::Done { subject, .. } => *subject,
            Progress::Waiting { .. } | Progress::Note { .. } => return,
        };
        let Subject::Step(step) = subject else { return };
        let caches = self.canaries.map_or(&[][..], |canaries| &canaries.caches);
        let Some(cache) = caches.iter().find(|cache| cache.address == step.address) else { return };
        let mut steps = cache.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match progress {
            Progress::Started { .. } => drop(steps.insert(step.id, (now, None))),
            _ => {
                if let Some((_, until)) = steps.get_mut(&step.id) {
                    *until = Some(now);
                }
            }
        }
    }
}

impl Told {
    /// What came of a further round of steps, too.
    pub fn extend(&mut self, more: Self) {
        self.passages.extend(more.passages);
        self.wholes.extend(more.wholes);
        self.gates.extend(more.gates);
        self.unwatched.extend(more.unwatched);
    }

    /// As the JSON of an apply has it.
    pub fn document(&self) -> Value {
        let unwatched = self.unwatched.iter().map(|(address, why)| json!({"address": address, "reason": why}));
        json!({
            "steps": self.passages,
            "whole": self.wholes,
            "gates": self.gates.iter().map(of_cache).collect::<Vec<Value>>(),
            "unwatched": unwatched.collect::<Vec<Value>>(),
        })
    }

    /// One object a line, as the journal has it.
    pub fn lines(&self) -> impl Iterator<Item = Value> {
        let line = |kind: &str, mut value: Value| {
            value["type"] = json!(kind);
            value
        };
        let steps = self.passages.iter().map(move |passage| line("canary", json!(passage)));
        let wholes = self.wholes.iter().map(move |whole| line("canaryWhole", json!(whole)));
        let gates = self.gates.iter().map(move |gate| line("canaryGate", of_cache(gate)));
        let unwatched = self
            .unwatched
            .iter()
            .map(move |(address, why)| line("canaryUnwatched", json!({"address": address, "reason": why})));
        steps.chain(wholes).chain(gates).chain(unwatched)
    }

    /// Does a bound of `drill.require` miss, or could it not be told?
    pub fn fails(&self) -> bool {
        self.gates.iter().any(|(_, gate)| !gate.passed)
    }

    /// The bounds that do not hold, in a line each.
    pub fn missed(&self) -> Vec<String> {
        self.gates
            .iter()
            .filter(|(_, gate)| !gate.passed)
            .map(|(address, gate)| render::passage::bound(address, gate))
            .collect()
    }

    pub fn table(&self) -> String {
        render::passage::table(&self.passages, &self.wholes, &self.gates)
    }
}

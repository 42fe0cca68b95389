//! Composite alarms: put after the alarms that they name, deleted before them. The rule of one that is of a cache
//! follows the cache's nodes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::alarms::{self, Moving, moving_caches};
use super::whole::{self, From, Whole};
use super::{Planned, guards, names, needs_permit, order};
use crate::model::draft::{Children, Draft};
use crate::model::live::Live;
use crate::model::options::{Options, Permit};
use crate::model::plan::Action;
use crate::model::{Address, Kind, Resource, Spec, Step};
use crate::resource::alarm::{self, Alarms};
use crate::resource::alarm_rule::unfit_for_any_of;
use crate::resource::composite_alarm::{self, cache_of, children};

/// The alarms of caches by name, as they are and as they come.
struct Names {
    now: BTreeMap<Address, BTreeSet<String>>,
    then: BTreeMap<Address, BTreeSet<String>>,
}

static NONE: BTreeSet<String> = BTreeSet::new();

pub(super) fn planned(from: From<'_>, wanted: &Alarms, to_come: &Alarms, planned: &mut Vec<Planned>) {
    let From { spec, live, options } = from;
    if options.destroy {
        let ours = live.of(Kind::CompositeAlarm).iter().filter(|(_, own)| alarm::stack_of(own) == Some(&spec.stack));
        let addresses = ours.map(|(name, _)| Address::new(Kind::CompositeAlarm, name));
        planned.extend(
            addresses.filter(|address| options.selects(address)).map(|address| deleted(live, options, &address)),
        );
        return;
    }
    if selected(spec, options).next().is_none() {
        return;
    }
    let names =
        Names { now: composite_alarm::of_caches(spec, wanted), then: composite_alarm::of_caches(spec, to_come) };
    let moving = moving_caches(planned);
    let mut coming = Coming::of(planned);
    for resource in selected(spec, options) {
        let with_members = cache_of(resource).filter(|cache| coming.caches.contains(&cache.id));
        let mut one = match with_members {
            Some(cache) => later(from, resource, &cache, &names, moving.get(&cache).copied()),
            None => {
                let of = cache_of(resource);
                let by_cache = if of.as_ref().is_none_or(|cache| live.stays(cache)) { &names.now } else { &names.then };
                put(from, resource, of.and_then(|cache| by_cache.get(&cache)).unwrap_or(&NONE))
            }
        };
        one.draft.children.to_come = coming.with_members(live, &one.draft.children.names);
        if one.draft.children.with_members && one.action != Action::Noop {
            tell_step(planned, &one);
        }
        coming.put.extend((one.action == Action::Create).then(|| one.draft.address.id.clone()));
        planned.push(one);
    }
    follow_late_ones(live, planned);
}

/// A composite alarm over one that is put late, and not there before, is put late as well.
fn follow_late_ones(live: &Live, planned: &mut [Planned]) {
    loop {
        let late: BTreeSet<String> = planned
            .iter()
            .map(|planned| &planned.draft)
            .filter(|draft| draft.children.with_members || !draft.children.to_come.is_empty())
            .map(|draft| draft.address.id.clone())
            .filter(|name| !is_live(live, name))
            .collect();
        let mut found = false;
        for children in planned.iter_mut().map(|planned| &mut planned.draft.children) {
            for name in children.names.intersection(&late) {
                found |= children.to_come.insert(name.clone());
            }
        }
        if !found {
            return;
        }
    }
}

/// The step that puts the alarms of a cache says which composite alarms go with them.
fn tell_step(planned: &mut [Planned], composite: &Planned) {
    let Some(cache) = &composite.draft.children.of else { return };
    let steps = planned.iter_mut().filter_map(|planned| planned.draft.member_alarms.as_mut());
    steps
        .filter(|alarms| alarms.cache == cache.id)
        .for_each(|alarms| alarms.composites.push(composite.draft.address.id.clone()));
}

/// Those of one cache, once its members are known.
pub(super) fn of_cache(from: From<'_>, wanted: &Alarms, cache: &str) -> Vec<Planned> {
    let names = composite_alarm::of_caches(from.spec, wanted);
    let of = |resource: &&Resource| cache_of(resource).filter(|of| of.id == cache);
    selected(from.spec, from.options)
        .filter_map(|resource| Some(put(from, resource, names.get(&of(&resource)?).unwrap_or(&NONE))))
        .collect()
}

/// The composite alarms of the spec that are looked at.
fn selected<'a>(spec: &'a Spec, options: &'a Options) -> impl Iterator<Item = &'a Resource> {
    spec.of(Kind::CompositeAlarm).filter(|resource| options.selects(&resource.address))
}

/// The alarms that a plan brings.
struct Coming {
    /// The caches whose alarms are put once their members are known.
    caches: BTreeSet<String>,
    /// The names of those that have a call of their own.
    put: BTreeSet<String>,
}

impl Coming {
    fn of(planned: &[Planned]) -> Self {
        let waiting = planned.iter().filter(|planned| planned.draft.member_alarms.is_some());
        let put =
            planned.iter().filter(|planned| planned.draft.address.kind.is_alarm() && planned.action == Action::Create);
        Self {
            caches: waiting.filter_map(|planned| planned.draft.address.cache_of_members()).map(str::to_owned).collect(),
            put: put.map(|planned| planned.draft.address.id.clone()).collect(),
        }
    }

    /// Those of these alarms that are not there, and have no call of their own: they come with members to come.
    fn with_members(&self, live: &Live, names: &BTreeSet<String>) -> BTreeSet<String> {
        let is_there = |name: &String| is_live(live, name) || self.put.contains(name);
        let of_a_cache = |name: &str| name.match_indices('-').any(|(at, _)| self.caches.contains(&name[..at]));
        names.iter().filter(|name| of_a_cache(name) && !is_there(name)).cloned().collect()
    }
}

/// Is there an alarm of that name, of whichever kind and whosever?
fn is_live(live: &Live, name: &str) -> bool {
    live.of(Kind::Alarm).contains_key(name)
        || live.of(Kind::CompositeAlarm).contains_key(name)
        || live.alarms_elsewhere.contains(name)
}

fn deleted(live: &Live, options: &Options, address: &Address) -> Planned {
    let mut deleted = whole::deleted(live, address);
    needs_permit(&mut deleted.draft, options, Permit::Delete);
    deleted.draft.children = named_now(live, address);
    deleted
}

/// Of one that goes: the alarms that its rule names as it is.
pub(super) fn named_now(live: &Live, address: &Address) -> Children {
    let names = live.get(address).map(children).unwrap_or_default();
    Children { before: names.clone(), names, ..Children::default() }
}

/// Its rule is written when the cache's members are known, together with their alarms. All else is known now.
fn later(from: From<'_>, resource: &Resource, cache: &Address, names: &Names, moving: Option<Moving>) -> Planned {
    let names = names.then.get(cache).unwrap_or(&NONE);
    let mut one = drafted(from, resource, names, false);
    one.draft.children.with_members = true;
    let before = from.live.get(&resource.address).and_then(|own| own.get("AlarmRule")).cloned();
    // Members that are made anew get the names that AWS gives to new ones; which come and go of others is AWS's to say.
    let differs = one.draft.attributes.iter().any(|change| change.path == "rule");
    if differs || moving == Some(Moving::Topology) {
        let told = json!(format!("any alarm of {cache}, named once its nodes are known"));
        one.draft.attributes.retain(|change| change.path != "rule");
        one.draft.attributes.push(whole::shown("rule", before.unwrap_or(Value::Null), told));
    }
    if one.action == Action::Noop && !one.draft.attributes.is_empty() {
        one.action = Action::Update;
    }
    one
}

/// One whose alarms are these by now.
fn put(from: From<'_>, resource: &Resource, names: &BTreeSet<String>) -> Planned {
    drafted(from, resource, names, true)
}

fn drafted(from: From<'_>, resource: &Resource, names: &BTreeSet<String>, puts: bool) -> Planned {
    let address = &resource.address;
    let mut draft = Draft::new(address.clone());
    let fields = composite_alarm::fields(resource, names);
    let own = from.live.get(address);
    draft.children = Children {
        of: cache_of(resource),
        names: composite_alarm::depends_on(&fields),
        before: own.map(children).unwrap_or_default(),
        ..Children::default()
    };
    if let Some(cache) = cache_of(resource) {
        check_rule(&mut draft, &cache, names);
    }
    whole::planned(from, draft, &Whole { resource, fields: &fields, puts })
}

fn check_rule(draft: &mut Draft, cache: &Address, names: &BTreeSet<String>) {
    if names.is_empty() {
        draft.blocks(
            "composite-rule",
            format!("{cache} has no alarms that it could be of"),
            "give the cache alarms, such as `alarms: {preset: recommended}`",
        );
    } else if let Some(why) = unfit_for_any_of(names) {
        draft.blocks(
            "composite-rule",
            format!("of the alarms of {cache}: {why}"),
            "name the alarms that matter in a `rule`, or give the cache fewer or other ones",
        );
    }
}

/// AWS puts no composite alarm before the alarms that it names. Those of a cache that is blocked have gone by now, with
/// what is over them.
pub(super) fn missing(from: From<'_>, wanted: &Alarms, to_come: &Alarms, planned: &mut [Planned]) {
    let From { spec, live, options } = from;
    let is_declared = |name: &str| wanted.named.iter().chain(&to_come.named).any(|alarm| alarm.name == name);
    if !planned.iter().any(|planned| planned.draft.address.kind == Kind::CompositeAlarm) {
        return;
    }
    let made: BTreeSet<String> = planned
        .iter()
        .filter(|planned| planned.draft.address.kind.is_alarm() && planned.action != Action::Delete)
        .map(|planned| planned.draft.address.id.clone())
        .collect();
    let caches: BTreeSet<Address> = planned
        .iter()
        .filter(|planned| planned.draft.address.kind.is_cache())
        .map(|planned| planned.draft.address.clone())
        .collect();
    let changed = [Action::Create, Action::Update, Action::Adopt];
    let composites = |planned: &&mut Planned| {
        planned.draft.address.kind == Kind::CompositeAlarm && changed.contains(&planned.action)
    };
    for planned in planned.iter_mut().filter(composites) {
        let draft = &mut planned.draft;
        let Children { of, names, to_come, with_members, .. } = draft.children.clone();
        let is_missing = |name: &&String| !is_live(live, name) && !made.contains(*name) && !to_come.contains(*name);
        let Some(name) = names.iter().find(is_missing).filter(|_| !with_members) else { continue };
        let composite = Address::new(Kind::CompositeAlarm, name);
        let is_composite = spec.resources.contains_key(&composite);
        let need = if is_composite { composite } else { Address::new(Kind::Alarm, name) };
        match of {
            Some(cache) if live.get(&cache).is_none() && !caches.contains(&cache) => {
                let alarms = Address::alarms_of(&cache.id);
                guards::left_out(draft, &cache, &format!("--only {cache} --only '{alarms}'"));
            }
            Some(cache) => guards::left_out(draft, &need, &format!("--only '{}'", Address::alarms_of(&cache.id))),
            None if is_composite || (is_declared(name) && !options.selects(&need)) => {
                guards::left_out(draft, &need, &format!("--only {}", only(&need)));
            }
            None => guards::unknown(draft, &need),
        }
    }
}

/// The address as an argument of a shell.
fn only(address: &Address) -> String {
    let text = address.to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{text}'") }
}

/// What is put once a cache's members are known: the alarms that come, the composite alarms over them, and the alarms
/// that go, one stage after the other. What other steps of the plan delete is theirs.
pub struct Members {
    pub planned: Vec<Planned>,
    pub stages: [Vec<Step>; 3],
}

pub fn of_members(spec: &Spec, live: &Live, options: &Options, cache: &str, steps: &[Step]) -> Members {
    let from = From { spec, live, options };
    let wanted = alarm::wanted(spec, live);
    let mut alarms = alarms::of_cache(from, &wanted, cache);
    let deleted: BTreeSet<&str> = steps.iter().flat_map(Step::deleted_alarms).collect();
    alarms.retain(|planned| planned.action != Action::Delete || !deleted.contains(planned.draft.address.id.as_str()));
    names::of_another_type(live, &mut alarms);
    let mut composites = of_cache(from, &wanted, cache);
    names::of_another_type(live, &mut composites);
    let (gone, put) = order::steps(spec, &alarms).into_iter().partition(|step| step.operation().deletes());
    let stages = [put, order::steps(spec, &composites), gone];
    Members { planned: alarms.into_iter().chain(composites).collect(), stages }
}

//! Live resources to a spec whose plan is empty, but for adoption. The rows that read and compare an
//! attribute say what is written of it. Pure: no I/O, no AWS client.

mod companions;
mod entry;
mod preset;
mod select;
mod sound;
mod spread;
pub mod terraform;
pub mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::model::live::{Live, Tags};
use crate::model::{Address, Kind, Selection};
use crate::resource::alarm;
use crate::resource::composite_alarm::children;
use crate::resource::ownership::{STACK, stack_of};
pub use entry::{Entry, Line};

/// A spec as it is written: heads, then entries in the order of their kinds.
#[derive(Clone, Debug)]
pub struct Document {
    pub stack: String,
    pub region: String,
    pub account_id: String,
    /// Of every resource alike.
    pub tags: Map<String, Value>,
    pub entries: Vec<Entry>,
    /// What there is besides and no spec can have: comments at the head.
    pub remarks: Vec<String>,
}

/// A spec, and what to know about it.
#[derive(Debug)]
pub struct Imported {
    pub document: Document,
    /// All that the spec stands for; a preset's alarms have no entry of their own.
    pub addresses: BTreeSet<Address>,
    pub yaml: String,
    pub notes: Vec<String>,
}

/// Why nothing was imported, and what to do.
#[derive(Debug)]
pub struct Refused {
    /// Another stack's resource was asked for by its address.
    pub foreign: bool,
    pub message: String,
    pub hint: String,
}

impl Refused {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { foreign: false, message: message.into(), hint: hint.into() }
    }
}

/// What the selection names, as a spec of this stack; without one, of the stack that all of it carries.
pub fn spec(live: &Live, selection: &Selection, stack: Option<&str>) -> Result<Imported, Refused> {
    let mut notes = live.notes.clone();
    let mut chosen = selection.chosen(live, &mut notes)?;
    let stack = match stack {
        Some(stack) => stack.to_owned(),
        None => common_stack(live, &chosen)?,
    };
    leave_foreign(live, selection, &stack, &mut chosen, &mut notes)?;
    with_their_alarms(live, &stack, &mut chosen);
    with_their_composites(live, &stack, &mut chosen);
    let companions = companions::recommended(live, &stack, &mut chosen, &mut notes);
    chosen.retain(|address| match live.status(address) {
        Some("deleting") => {
            notes.push(format!("{address} is being deleted: left out"));
            false
        }
        _ => true,
    });
    if chosen.is_empty() {
        return Err(Refused::new("nothing is left to import", "name other addresses; -v shows what was found"));
    }
    let with_companions: BTreeSet<Address> = chosen.union(&companions).cloned().collect();
    let tags = common_tags(live, &with_companions);
    notes.extend(left_behind(live, &stack, &with_companions));
    let mut entries: Vec<Entry> = chosen
        .iter()
        .filter_map(|address| {
            let entry = entry::of(live, address, &tags)?;
            notes.extend(entry.notes.iter().map(|note| format!("{address} {note}")));
            Some(entry)
        })
        .collect();
    as_presets(live, &chosen, &mut entries);
    companions::asked_for(live, &companions, &mut entries);
    chosen.extend(companions);
    spread::gathered(live, &mut entries);
    spread::of_caches(live, &mut entries);
    let tags = tags.into_iter().map(|(key, value)| (key, json!(value))).collect();
    let document = Document {
        stack,
        region: live.region.clone(),
        account_id: live.account_id.clone(),
        tags,
        entries,
        remarks: not_covered(live).into_iter().chain(composites_left_out(live, &chosen)).collect(),
    };
    let (document, yaml) = sound::made(document, &mut notes)?;
    Ok(Imported { document, addresses: chosen, yaml, notes })
}

/// A stack's composite alarms come along with an alarm that they watch: a plan of a spec without them deletes them.
fn with_their_composites(live: &Live, stack: &str, chosen: &mut BTreeSet<Address>) {
    loop {
        let names: BTreeSet<&String> =
            chosen.iter().filter(|address| address.kind.is_alarm()).map(|address| &address.id).collect();
        let watches = |own: &Value| children(own).iter().any(|child| names.contains(child));
        let of_stack = live.of(Kind::CompositeAlarm).iter().filter(|(_, own)| alarm::stack_of(own) == Some(stack));
        let more: Vec<Address> = of_stack
            .filter(|(_, own)| watches(own))
            .map(|(name, _)| Address::new(Kind::CompositeAlarm, name))
            .filter(|address| !chosen.contains(address))
            .collect();
        if more.is_empty() {
            return;
        }
        chosen.extend(more);
    }
}

/// Composite alarms that watch what is imported and are not imported themselves.
fn composites_left_out(live: &Live, chosen: &BTreeSet<Address>) -> Option<String> {
    let is_chosen = |kind: Kind, name: &String| chosen.contains(&Address::new(kind, name));
    let watches = |own: &Value| {
        children(own).iter().any(|child| is_chosen(Kind::Alarm, child) || is_chosen(Kind::CompositeAlarm, child))
    };
    let left = live.parents.iter().filter(|(name, own)| !is_chosen(Kind::CompositeAlarm, name) && watches(own));
    let named: Vec<String> = left.map(|(name, _)| Address::new(Kind::CompositeAlarm, name).to_string()).collect();
    (!named.is_empty()).then(|| {
        format!("Not imported, and left alone: composite alarms over alarms of this spec: {}.", named.join(", "))
    })
}

/// Clusters outside of replication groups are no kind of cachectl's.
fn not_covered(live: &Live) -> Vec<String> {
    let clusters = live.lone_clusters.join(", ");
    let told = || format!("Not covered, and left alone: clusters outside of a replication group: {clusters}.");
    (!live.lone_clusters.is_empty()).then(told).into_iter().collect()
}

/// The one stack whose tag all of them carry.
fn common_stack(live: &Live, chosen: &BTreeSet<Address>) -> Result<String, Refused> {
    let mut counts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    // A companion stands with its cache, or nowhere.
    for address in chosen.iter().filter(|address| address.kind.companion().is_none()) {
        *counts.entry(stack_of(live, address)).or_default() += 1;
    }
    let hint = "name the stack that they will belong to: --stack NAME";
    match counts.iter().collect::<Vec<_>>().as_slice() {
        [(Some(stack), _)] => Ok((*stack).to_owned()),
        [] | [(None, _)] => Err(Refused::new("these resources belong to no stack yet", hint)),
        several => {
            let told: Vec<String> = several
                .iter()
                .map(|(stack, count)| match stack {
                    Some(stack) => format!("{count} to `{stack}`"),
                    None => format!("{count} to none"),
                })
                .collect();
            let hint = format!("{hint}; what belongs to another stack is then left out");
            Err(Refused::new(format!("these resources belong to several stacks: {}", told.join(", ")), hint))
        }
    }
}

/// Another stack's resources are left out; one that was asked for by its address is a refusal.
fn leave_foreign(
    live: &Live,
    selection: &Selection,
    stack: &str,
    chosen: &mut BTreeSet<Address>,
    notes: &mut Vec<String>,
) -> Result<(), Refused> {
    let foreign = |address: &Address| stack_of(live, address).filter(|own| *own != stack);
    if let Some((address, own)) = selection
        .exact()
        .filter(|address| chosen.contains(address))
        .find_map(|address| foreign(&address).map(|own| (address, own)))
    {
        return Err(Refused {
            foreign: true,
            ..Refused::new(
                format!("{address} belongs to the stack `{own}`"),
                format!("import it with --stack {own}, or remove its tag {STACK} first"),
            )
        });
    }
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    chosen.retain(|address| match foreign(address) {
        Some(own) => {
            *left.entry(own).or_default() += 1;
            false
        }
        None => true,
    });
    if let (true, Some(own)) = (chosen.is_empty(), left.keys().next()) {
        let all: Vec<String> = left.iter().map(|(own, count)| format!("{count} of the stack `{own}`")).collect();
        return Err(Refused::new(
            format!("nothing is left to import: all that was found belongs to others: {}", all.join(", ")),
            format!("import what is another stack's under its name: --stack {own}"),
        ));
    }
    notes.extend(left.iter().map(|(own, count)| format!("{count} of the stack `{own}` left out")));
    Ok(())
}

/// A stack's alarms of a cache go when the spec has the cache and not them: they come along.
fn with_their_alarms(live: &Live, stack: &str, chosen: &mut BTreeSet<Address>) {
    let alarms: Vec<Address> = live
        .of(Kind::Alarm)
        .iter()
        .filter(|(name, alarm)| {
            alarm::stack_of(alarm) == Some(stack)
                && !chosen.contains(&Address::new(Kind::Alarm, name))
                && chosen.iter().any(|cache| cache.kind.is_cache() && alarm::belongs_to(alarm, cache))
        })
        .map(|(name, _)| Address::new(Kind::Alarm, name))
        .collect();
    chosen.extend(alarms);
}

/// Alarms that are a preset's stand with their cache.
fn as_presets(live: &Live, chosen: &BTreeSet<Address>, entries: &mut Vec<Entry>) {
    let mut told: BTreeSet<Address> = BTreeSet::new();
    for entry in entries.iter_mut().filter(|entry| entry.address.kind.is_cache()) {
        if let Some((value, alarms)) = preset::of(live, &entry.address, &entry.fields(), chosen) {
            entry.lines.push(Line::Field("alarms", value));
            told.extend(alarms);
        }
    }
    entries.retain(|entry| !told.contains(&entry.address));
}

/// Tags that every one of several resources carries alike are the stack's.
fn common_tags(live: &Live, chosen: &BTreeSet<Address>) -> Tags {
    let mut common: Option<Tags> = None;
    // A companion has the stack's tags alone. Where its own are not told, none are planned for it.
    let is_told = |address: &&Address| address.kind.companion().is_none() || live.tags.contains_key(*address);
    for address in chosen.iter().filter(is_told) {
        let Some(own) = live.tags.get(address) else { return Tags::new() };
        match &mut common {
            None => common = Some(own.iter().filter(|(key, _)| is_users(key)).map(owned).collect()),
            Some(common) => common.retain(|key, value| own.get(key) == Some(value)),
        }
    }
    common.filter(|_| chosen.len() > 1).unwrap_or_default()
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

/// AWS's own tags, and cachectl's, are no part of a spec.
fn is_users(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    !key.starts_with("aws:") && !key.starts_with("cachectl:")
}

/// What the stack owns besides: a plan of this spec calls it orphans.
fn left_behind(live: &Live, stack: &str, chosen: &BTreeSet<Address>) -> Option<String> {
    let tagged = live
        .tags
        .iter()
        .filter(|(address, tags)| tags.get(STACK).is_some_and(|own| own == stack) && live.get(address).is_some());
    let others: BTreeSet<&Address> = tagged.map(|(address, _)| address).chain(&live.owned).collect();
    let others: Vec<String> =
        others.into_iter().filter(|address| !chosen.contains(address)).map(Address::to_string).collect();
    let more = if others.len() > 3 { format!(" and {} more", others.len() - 3) } else { String::new() };
    (!others.is_empty()).then(|| {
        let named = others.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        format!("the stack `{stack}` owns {named}{more} too: a plan of this spec will list them as orphans")
    })
}

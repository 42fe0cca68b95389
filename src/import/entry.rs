//! One live resource as an entry of a spec.

use serde_json::{Map, Value, json};

use super::is_users;
use crate::model::attribute::Import;
use crate::model::live::{Live, Tags, View};
use crate::model::{Address, Kind};
use crate::resource::ownership::PROTECT;
use crate::resource::replication_group::import::follows_datastore;
use crate::resource::replication_group::pending::pending_changes;

#[derive(Clone, Debug)]
pub struct Entry {
    pub address: Address,
    pub lines: Vec<Line>,
    /// What is told besides: states that pass, and what cannot be said.
    pub notes: Vec<String>,
}

/// What stands under an id, in the order of the rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    Field(&'static str, Value),
    /// A comment, of as many lines as it has.
    Remark(String),
}

impl Entry {
    pub fn fields(&self) -> Map<String, Value> {
        let fields = self.lines.iter().filter_map(|line| match line {
            Line::Field(name, value) => Some(((*name).to_owned(), value.clone())),
            Line::Remark(_) => None,
        });
        fields.collect()
    }

    pub fn field(&self, name: &str) -> Option<&Value> {
        self.lines.iter().find_map(|line| match line {
            Line::Field(field, value) if *field == name => Some(value),
            _ => None,
        })
    }
}

pub(super) fn of(live: &Live, address: &Address, common: &Tags) -> Option<Entry> {
    let view = live.view(address)?;
    let mut lines = Vec::new();
    let mut notes = Vec::new();
    if let Some(state) = unsettled(address.kind, &view) {
        notes.push(format!("is {state}: imported as it is now"));
        lines.push(Line::Remark(format!("It was {state} when it was read.")));
    }
    let waiting = pending_changes(&view);
    if !waiting.is_empty() {
        notes.push(format!("has changes that wait for the maintenance window: {}", waiting.join(", ")));
        lines.push(Line::Remark(format!("Waits for the maintenance window: {}.", waiting.join(", "))));
    }
    let follows = follows_datastore(&view);
    for row in address.kind.attributes() {
        let name = row.field.name;
        if follows && row.datastore.speaks_for_secondary() {
            continue;
        }
        let value = match name {
            "tags" => tags(live, address, common),
            "lifecycle" => is_protected(live, address).then(|| json!({"protect": true})),
            _ => row.imported(&view),
        };
        lines.extend(value.map(|value| Line::Field(name, value)));
        if let Import::Remark(remark) = row.import {
            lines.extend(remark(&view).map(|remark| Line::Remark(remark.to_owned())));
        }
    }
    if !live.tags.contains_key(address) && !address.kind.notes_its_stack() {
        notes.push("has tags that cannot be read now: they are left out, and who owns it is not known".to_owned());
    }
    Some(Entry { address: address.clone(), lines, notes })
}

fn unsettled<'a>(kind: Kind, view: &View<'a>) -> Option<&'a str> {
    let rest = kind.row().states?.at_rest;
    let status = view.status();
    (!status.eq_ignore_ascii_case(rest)).then_some(status)
}

fn tags(live: &Live, address: &Address, common: &Tags) -> Option<Value> {
    let own: Map<String, Value> = live
        .tags
        .get(address)?
        .iter()
        .filter(|(key, value)| is_users(key) && common.get(*key) != Some(*value))
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    (!own.is_empty()).then_some(Value::Object(own))
}

fn is_protected(live: &Live, address: &Address) -> bool {
    live.tags.get(address).and_then(|tags| tags.get(PROTECT)).is_some_and(|value| value == "true")
}

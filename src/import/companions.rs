//! Companions of what is imported: each stands with its cache, which asks for it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Entry, Line};
use crate::model::Address;
use crate::model::live::Live;
use crate::resource::companion::{self, RECOMMENDED};

/// Those that are what their caches would ask for, out of what was chosen: no spec declares one by itself.
pub(super) fn recommended(
    live: &Live,
    stack: &str,
    chosen: &mut BTreeSet<Address>,
    notes: &mut Vec<String>,
) -> BTreeSet<Address> {
    let mut recommended = BTreeSet::new();
    for (kind, companion) in companion::kinds() {
        let named: BTreeSet<Address> = chosen.extract_if(.., |address| address.kind == kind).collect();
        let caches = chosen.iter().filter(|address| address.kind.is_cache());
        let of_caches: BTreeMap<Address, &Address> =
            caches.map(|cache| ((companion.address_of)(cache, &live.region), cache)).collect();
        let is_recommended = |(own, cache): &(&Address, &&Address)| {
            let shown = live.get(own).and_then(|own| own.get(companion.member));
            shown.is_some_and(|shown| (companion.shows_the_same)(shown, &(companion.written)(stack, live, cache)))
        };
        let found: BTreeSet<Address> =
            of_caches.iter().filter(is_recommended).map(|(address, _)| address.clone()).collect();
        let names = kind.row().names;
        for address in named.difference(&found) {
            let why = if of_caches.contains_key(address) {
                format!("shows something else than cachectl's {}", names.section)
            } else {
                format!("is no {} of a cache that is imported", names.noun)
            };
            notes.push(format!("{address} {why}: left out"));
        }
        recommended.extend(found);
    }
    recommended
}

/// The lines of the caches that ask for these.
pub(super) fn asked_for(live: &Live, companions: &BTreeSet<Address>, entries: &mut [Entry]) {
    for (_, companion) in companion::kinds() {
        let has_one = |entry: &&mut Entry| companions.contains(&(companion.address_of)(&entry.address, &live.region));
        for entry in entries.iter_mut().filter(|entry| entry.address.kind.is_cache()).filter(has_one) {
            entry.lines.push(Line::Field(companion.field(), json!(RECOMMENDED)));
        }
    }
}

//! What a saved plan was made of. Only what a plan looks at counts: a status or a timestamp that moves
//! on does not make a plan stale.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::Address;
use crate::model::attribute::Read;
use crate::model::digest::hex;
use crate::model::live::Live;
use crate::resource::alarm;
use crate::resource::parameter_group::user_parameters;

pub fn of(live: &Live, address: &Address) -> Option<String> {
    let pending = crate::resource::replication_group::pending::pending_changes(&live.view(address)?);
    digest(&(what_it_is(live, address)?, pending, live.tags.get(address)))
}

/// The same without what changes around a resource while a plan is carried out: its tags, and what waits.
pub fn of_what_it_is(live: &Live, address: &Address) -> Option<String> {
    digest(&what_it_is(live, address)?)
}

/// Of its JSON, which is digested as it is written: a large plan makes thousands.
fn digest(of: &impl Serialize) -> Option<String> {
    let mut digest = Sha256::new();
    serde_json::to_writer(&mut digest, of).ok()?;
    Some(hex(&digest.finalize()[..16]))
}

#[derive(Serialize)]
struct WhatItIs<'a>(
    Vec<(&'static str, Option<Value>)>,
    Vec<&'a str>,
    BTreeMap<String, String>,
    /// The stack of an alarm that has a description.
    Option<Option<&'a str>>,
);

fn what_it_is<'a>(live: &'a Live, address: &'a Address) -> Option<WhatItIs<'a>> {
    let view = live.view(address)?;
    let attributes = address
        .kind
        .attributes()
        .iter()
        // What is never read says nothing of what the resource is.
        .filter(|attribute| !matches!(attribute.read, Read::Never))
        .map(|attribute| (attribute.field.name, if attribute.drifts { None } else { attribute.live(&view, None) }));
    Some(WhatItIs(
        attributes.collect(),
        view.member_ids().collect(),
        user_parameters(live, &address.id),
        view.own("AlarmDescription").map(|_| alarm::stack_of(view.own)),
    ))
}

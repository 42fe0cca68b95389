//! What a saved plan was made of. Only what a plan looks at counts: a status or a timestamp that moves
//! on does not make a plan stale.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::model::Address;
use crate::model::attribute::Read;
use crate::model::digest::hex;
use crate::model::live::Live;
use crate::resource::alarm;
use crate::resource::parameter_group::user_parameters;

pub fn of(live: &Live, address: &Address) -> Option<String> {
    let view = live.view(address)?;
    let text = json!([
        what_it_is(live, address)?,
        crate::resource::replication_group::pending::pending_changes(&view),
        live.tags.get(address),
    ]);
    Some(hex(&Sha256::digest(text.to_string())[..16]))
}

/// The same without what changes around a resource while a plan is carried out: its tags, and what waits.
pub fn of_what_it_is(live: &Live, address: &Address) -> Option<String> {
    Some(hex(&Sha256::digest(what_it_is(live, address)?.to_string())[..16]))
}

fn what_it_is(live: &Live, address: &Address) -> Option<Value> {
    let view = live.view(address)?;
    let attributes: Vec<_> = address
        .kind
        .attributes()
        .iter()
        // What is never read says nothing of what the resource is.
        .filter(|attribute| !matches!(attribute.read, Read::Never))
        .map(|attribute| {
            let live = if attribute.drifts { None } else { attribute.live(&view, None) };
            json!([attribute.field.name, live])
        })
        .collect();
    let members: Vec<_> = view.member_ids().collect();
    Some(json!([
        attributes,
        members,
        user_parameters(live, &address.id),
        view.own("AlarmDescription").map(|_| alarm::stack_of(view.own)),
    ]))
}

//! What a saved plan was made of. Only what a plan looks at counts: a status or a timestamp that moves
//! on does not make a plan stale.

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::model::Address;
use crate::model::digest::hex;
use crate::model::live::Live;
use crate::resource::alarm;
use crate::resource::parameter_group::user_parameters;

pub fn of(live: &Live, address: &Address) -> Option<String> {
    let view = live.view(address)?;
    let attributes: Vec<_> = address
        .kind
        .attributes()
        .iter()
        .map(|attribute| json!([attribute.field.name, attribute.live(&view, None)]))
        .collect();
    let pending = crate::resource::replication_group::pending::pending_changes(&view);
    let members: Vec<_> = view.member_ids().collect();
    let text = json!([
        attributes,
        pending,
        members,
        live.tags.get(address),
        user_parameters(live, &address.id),
        view.own("AlarmDescription").map(|_| alarm::stack_of(view.own)),
    ]);
    Some(hex(&Sha256::digest(text.to_string())[..16]))
}

//! What a replication group is, in a few words.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{datastore, durability};
use crate::model::live::{View, strings};

/// Engine, node type, how it fails over, who may log in: in the order of importance.
pub(super) fn of(view: &View<'_>) -> Vec<String> {
    // Members may run different versions and node types while they are changed.
    let of_members = |member: &str| {
        let values: BTreeSet<&str> = view.members.iter().filter_map(|cluster| cluster.get(member)?.as_str()).collect();
        values.into_iter().collect::<Vec<_>>().join("/")
    };
    let on = |member: &str, what: &str| {
        view.text(member).filter(|state| *state != "disabled").map(|state| match state {
            "enabled" => what.to_owned(),
            state => format!("{what} {state}"),
        })
    };
    let mut facts =
        vec![format!("{} {}", view.word("Engine"), of_members("EngineVersion")), of_members("CacheNodeType")];
    facts.extend(on("MultiAZ", "Multi-AZ"));
    facts.extend(on("AutomaticFailover", "failover"));
    facts.push(match (view.flag("TransitEncryptionEnabled"), view.text("TransitEncryptionMode")) {
        (false, _) => "no TLS".to_owned(),
        (true, Some("preferred")) => "TLS preferred".to_owned(),
        (true, _) => "TLS".to_owned(),
    });
    facts.extend(view.flag("AuthTokenEnabled").then(|| "AUTH token".to_owned()));
    facts.extend(strings(view.own("UserGroupIds")).map(|id| format!("users {id}")));
    facts.extend(at_rest(view));
    let durability = durability::in_effect(view);
    let durable = durability.as_ref().and_then(Value::as_str).filter(|mode| matches!(*mode, "sync" | "async"));
    facts.extend(durable.map(|mode| format!("durable writes ({mode})")));
    facts.extend(datastore::membership(view));
    facts
}

/// Encryption at rest, where it is not what the group's own flag says, or not AWS's key.
fn at_rest(view: &View<'_>) -> Option<String> {
    match view.text("StorageEncryptionType") {
        _ if !durability::is_encrypted(view) => Some("not encrypted at rest".to_owned()),
        Some("sse-kms") => Some("encrypted at rest (sse-kms)".to_owned()),
        Some(kind) if !view.flag("AtRestEncryptionEnabled") => Some(format!("encrypted at rest ({kind})")),
        Some(_) | None => None,
    }
}

//! What a replication group is, in a few words.

use std::collections::BTreeSet;

use crate::model::live::{View, strings};

/// Engine, node type, how it fails over, who may log in: in the order of importance.
pub fn of(view: &View<'_>) -> Vec<String> {
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
    facts
}

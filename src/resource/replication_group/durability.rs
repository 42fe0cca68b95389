//! Durable writes: a call of their own, on after what they rest on is there, off before it goes.

use serde_json::{Value, json};

use super::{cluster_mode, datastore, engine, modify, nodes, pending, tls};
use crate::model::attribute::{Difference, Phase};
use crate::model::draft::{Draft, Scene};
use crate::model::live::View;
use crate::model::node_type;
use crate::model::version::Version;
use crate::resource::kind_row::Creation;

/// Families that can keep writes durable. Source: AWS guide, Durability.Limitations.
pub const FAMILIES: [&str; 8] = ["r8g", "r7g", "r6g", "m8g", "m7g", "m6g", "c8gn", "c7gn"];

fn on(mode: Option<&Value>) -> bool {
    matches!(mode.and_then(Value::as_str), Some("sync" | "async"))
}

/// The mode of durability in effect, which lags behind what was asked for; `default` is told as it is.
pub fn in_effect(view: &View<'_>) -> Option<Value> {
    let asked = view.own("Durability");
    let in_effect = view.own("EffectiveDurability").filter(|_| asked != Some(&json!("default")));
    in_effect.or(asked).cloned()
}

/// The mode of durability that was asked for and is not in effect yet.
pub fn pending(view: &View<'_>) -> Option<Value> {
    let asked = view.own("Durability").filter(|asked| **asked != json!("default"))?;
    view.own("EffectiveDurability").filter(|in_effect| *in_effect != asked).map(|_| asked.clone())
}

/// Do durable writes come, by this plan or by what AWS is at, and encryption at rest with them?
pub fn comes(scene: &Scene<'_>) -> bool {
    match scene.declared("durability") {
        Some(declared) => on(Some(declared)) && scene.differs("durability"),
        None => on(self::pending(scene.view).as_ref()),
    }
}

/// Plans durable writes: on after what they rest on is there, off before it goes.
pub fn durability(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let (wanted, live) = (on(Some(&difference.declared)), on(difference.live.as_ref()));
    if !wanted && !live {
        // `default`, `disabled` and nothing are one, as long as nothing is durable.
        return;
    }
    draft.shows(difference);
    if !wanted {
        modify(draft, Phase::DurabilityOff).insert(difference.member.into(), difference.declared.clone());
        return;
    }
    match lack(scene) {
        None => modify(draft, Phase::Durability).insert(difference.member.into(), difference.declared.clone()),
        Some(Lack::Coming(what)) => draft.remaining.push(format!("durability once {what}")),
        Some(Lack::Missing { what, hint }) => {
            draft.blocks("durability-needs", format!("durable writes need {what}"), hint);
        }
    }
}

/// Blocks that what durable writes rest on goes while they stay on.
pub fn check(draft: &mut Draft, scene: &Scene<'_>) {
    let stays = on(in_effect(scene.view).as_ref()) && scene.declared("durability").is_none_or(|mode| on(Some(mode)));
    if !stays || scene.differs("durability") {
        return;
    }
    if let Some(Lack::Missing { what, .. }) = lack(scene) {
        draft.blocks(
            "durability-needs",
            format!("durable writes are on, and need {what}"),
            "declare `durability: disabled` too, or leave it as it is",
        );
    }
}

enum Lack {
    /// A hop, or the maintenance window, brings it.
    Coming(String),
    Missing {
        what: String,
        hint: &'static str,
    },
}

/// What the group will lack when this plan comes to durability.
fn lack(scene: &Scene<'_>) -> Option<Lack> {
    let missing = |what: &str, hint: &'static str| Some(Lack::Missing { what: what.to_owned(), hint });
    let coming = |what: &str| Some(Lack::Coming(what.to_owned()));
    if datastore::excludes(scene, "durability") {
        return missing("a group that is in no global datastore", "take durability out");
    }
    let keeps = |engine: Option<String>, version: Option<Version>| {
        engine.as_deref() == Some("valkey") && version.is_some_and(|version| version.at_least(9, 0, 0))
    };
    if !keeps(engine::engine_then(scene), engine::version_then(scene)) {
        if keeps(engine::engine_to_come(scene), engine::version_to_come(scene)) {
            return coming("the engine is valkey 9.0 or later");
        }
        return missing("valkey 9.0 or later", "declare `engineVersion: \"9.0\"` or later, with `engine: valkey`");
    }
    if !cluster_mode::enabled_then(scene) {
        if scene.declared_text("clusterMode") == Some("enabled") {
            return coming("cluster mode is enabled");
        }
        return missing(
            "cluster mode",
            "move the group to cluster mode first: `clusterMode: compatible`, then `enabled`",
        );
    }
    if scene.wanted("transitEncryptionEnabled") != Some(json!(true)) {
        return missing("TLS", "declare `transitEncryptionEnabled: true`");
    }
    if tls::remains(scene) {
        return coming("TLS is as declared");
    }
    if nodes::fewest_replicas_then(scene) == 0 {
        return missing("a replica of every shard", "declare `replicasPerNodeGroup: 1` or more");
    }
    if scene.wanted("multiAZEnabled") != Some(json!(true)) {
        return missing("Multi-AZ", "declare `multiAZEnabled: true`");
    }
    let fits = |name: &str| FAMILIES.contains(&node_type::family_of(name));
    let wanted = pending::to_come(scene, "cacheNodeType")?;
    let wanted = wanted.as_str()?;
    if !fits(wanted) {
        let what = format!("a node type of another family than {}", node_type::family_of(wanted));
        return missing(&what, "declare a cacheNodeType such as cache.r7g.large");
    }
    if !super::is_immediate(scene) && scene.live_text("cacheNodeType").is_some_and(|live| !fits(&live)) {
        return coming(&format!("the node type is {wanted}"));
    }
    None
}

/// Blocks a new group that is to be durable and lacks what that needs; AWS's defaults do not bring it.
pub fn at_creation(draft: &mut Draft, creation: &Creation<'_>) {
    let Creation { spec, live, resource, .. } = *creation;
    if !on(resource.fields.get("durability")) {
        return;
    }
    let entries = resource.fields.get("nodeGroupConfiguration").and_then(Value::as_array);
    // Without a word AWS enables cluster mode for several shards only.
    let shards = resource.number("numNodeGroups").unwrap_or(0).max(entries.map_or(0, |entries| entries.len() as i64));
    let by_parameters = || {
        let group = resource.text("cacheParameterGroupName");
        group.is_some_and(|name| engine::cluster_on(spec, live, name) != Some(false))
    };
    let in_cluster_mode = match resource.text("clusterMode") {
        Some(mode) => mode == "enabled",
        None => shards > 1 || by_parameters(),
    };
    let replicas = resource.number("replicasPerNodeGroup").unwrap_or(0) > 0
        || resource.number("numCacheClusters").unwrap_or(0) > 1
        || entries.is_some_and(|entries| {
            entries.iter().all(|entry| entry.get("replicaCount").and_then(Value::as_u64).unwrap_or(0) > 0)
        });
    let lacks = [
        (resource.text("engine") != Some("valkey"), "valkey 9.0 or later", "declare `engine: valkey`"),
        (
            !in_cluster_mode,
            "cluster mode, which AWS enables by itself for more than one shard only",
            "declare `clusterMode: enabled`, or more shards with numNodeGroups and replicasPerNodeGroup",
        ),
        (!replicas, "a replica of every shard", "declare `replicasPerNodeGroup: 1` or more"),
        (resource.flag("multiAZEnabled") != Some(true), "Multi-AZ", "declare `multiAZEnabled: true`"),
    ];
    for (_, what, hint) in lacks.iter().filter(|(lacks, _, _)| *lacks) {
        draft.blocks("durability-needs", format!("durable writes need {what}"), *hint);
    }
}

/// Is what is stored encrypted?
///
/// AWS says so in StorageEncryptionType; it encrypts what is durable by itself, also where the group's own flag
/// stays off.
pub fn is_encrypted(view: &View<'_>) -> bool {
    match view.text("StorageEncryptionType") {
        Some(encryption) => encryption != "none",
        None => view.flag("AtRestEncryptionEnabled"),
    }
}

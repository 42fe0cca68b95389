//! Node types: what AWS offers for the group decides whether and when.

use super::{engine, modify, pending};
use crate::model::Resource;
use crate::model::attribute::{Difference, Phase};
use crate::model::draft::{Draft, Scene};
use crate::model::live::strings;
use crate::model::node_type::{self, Runs};
use serde_json::Value;

/// Plans another node type, of those that AWS offers, before or after the engine and the shards.
pub fn cache_node_type(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let (wanted, live) =
        (difference.declared.as_str().unwrap_or_default(), scene.live_text("cacheNodeType").unwrap_or_default());
    let tiered = |node_type: &str| node_type.starts_with("cache.r6gd.");
    if tiered(wanted) != tiered(&live) {
        draft.replaces(difference, "AWS does not scale between r6gd (data tiering) and other node types");
        return;
    }
    draft.shows(difference);
    let live_version = scene.live_text("engineVersion");
    if !runs(wanted, scene.live_text("engine").as_deref(), live_version.as_deref()) {
        after_the_engine(draft, scene, difference, wanted);
        return;
    }
    let allowed = scene.live.allowed_node_types.get(&scene.resource.address.id);
    let lists =
        |list: &str| allowed.is_some_and(|allowed| strings(allowed.get(list)).any(|node_type| node_type == wanted));
    let up = match allowed {
        Some(_) if lists("ScaleUpModifications") => true,
        Some(_) if lists("ScaleDownModifications") => false,
        Some(allowed) => {
            let offered: Vec<_> = strings(allowed.get("ScaleUpModifications"))
                .chain(strings(allowed.get("ScaleDownModifications")))
                .collect();
            draft.blocks(
                "allowed-node-type",
                format!("AWS does not offer {wanted} for this group"),
                format!(
                    "it offers {}",
                    if offered.is_empty() { "no change at the moment".to_owned() } else { offered.join(", ") }
                ),
            );
            return;
        }
        // The endpoint has no ListAllowedNodeTypeModifications.
        None => !is_smaller(wanted, &live),
    };
    // More memory before shards go, less only after shards came.
    let phase = if up { Phase::NodeTypeUp } else { Phase::NodeTypeDown };
    modify(draft, phase).insert(difference.member.into(), difference.declared.clone());
}

/// Does the node type's family run this engine at this version? What is not known is taken to run.
pub fn runs(name: &str, engine: Option<&str>, version: Option<&str>) -> bool {
    let family = node_type::family(node_type::family_of(name));
    let Some((family, engine)) = family.zip(engine) else { return true };
    match family.runs(&engine.to_ascii_lowercase()) {
        Runs::Never => false,
        runs => version.is_none_or(|version| runs.version(version).unwrap_or(true)),
    }
}

/// Does the live node type go before the engine changes, since it does not run the one that the spec asks for?
pub fn leaves_before_engine(scene: &Scene<'_>) -> bool {
    scene.differs("engine")
        && scene
            .live_text("cacheNodeType")
            .is_some_and(|live| !runs(&live, scene.declared_text("engine"), scene.declared_text("engineVersion")))
}

/// Puts an engine that the live node type does not run behind a smaller type, which comes after the shards.
pub fn ahead_of_engine(draft: &mut Draft, scene: &Scene<'_>) {
    let shrinks = draft.calls.iter().any(|call| call.phase == Phase::NodeTypeDown);
    if shrinks && leaves_before_engine(scene) {
        for call in draft.calls.iter_mut().filter(|call| call.phase == Phase::Engine) {
            call.phase = Phase::EngineAfterNodeType;
        }
    }
}

/// Does a node type with more memory come, and only once the maintenance window opens?
pub fn grows_later(scene: &Scene<'_>) -> bool {
    let to_come = pending::to_come(scene, "cacheNodeType");
    let grows = scene
        .live_text("cacheNodeType")
        .zip(to_come)
        .is_some_and(|(live, to_come)| to_come.as_str().is_some_and(|to_come| is_smaller(&live, to_come)));
    grows && !super::is_immediate(scene)
}

/// For what has to wait: `once the node type is cache.r7g.xlarge`.
pub fn once(scene: &Scene<'_>) -> String {
    let to_come = pending::to_come(scene, "cacheNodeType");
    format!("once the node type is {}", to_come.as_ref().and_then(Value::as_str).unwrap_or_default())
}

/// AWS does not offer a type that the live engine does not run; the engine that does comes first, in this plan or before.
fn after_the_engine(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference, wanted: &str) {
    let text = |name: &str| pending::to_come(scene, name)?.as_str().map(str::to_owned);
    let (engine, version) = (text("engine"), text("engineVersion"));
    if !runs(wanted, engine.as_deref(), version.as_deref()) {
        let family = node_type::family_of(wanted);
        draft.blocks(
            "node-type-engine",
            format!("{family} node types do not run {} {}", engine.unwrap_or_default(), version.unwrap_or_default()),
            "declare an engineVersion (or `engine: valkey`) that the type runs: the engine is changed first, then the node type",
        );
    } else if super::is_immediate(scene) {
        // AWS lists what it offers for the live engine only.
        let live = scene.live_text("cacheNodeType").unwrap_or_default();
        let phase = if is_smaller(wanted, &live) { Phase::NodeTypeDown } else { Phase::NodeTypeAfterEngine };
        modify(draft, phase).insert(difference.member.into(), difference.declared.clone());
    } else {
        draft.remaining.push(format!("cacheNodeType {wanted} {}", engine::once(scene)));
    }
}

/// Blocks a new group on a family on which AWS lets none be made; those that exist go on.
pub fn at_creation(draft: &mut Draft, resource: &Resource) {
    let Some(name) = resource.text("cacheNodeType") else { return };
    let family = node_type::family_of(name);
    if node_type::family(family).is_some_and(|family| family.closed) {
        draft.blocks(
            "node-type-closed",
            format!("AWS lets no new cache be made on {family} node types"),
            "declare a newer cacheNodeType, such as cache.t4g.small",
        );
    }
}

/// Has the node type less memory than the other one? By the size's name where one of them is not known.
fn is_smaller(one: &str, other: &str) -> bool {
    match node_type::get(one).zip(node_type::get(other)) {
        Some((one, other)) => one.maxmemory < other.maxmemory,
        None => size(one) < size(other),
    }
}

fn size(node_type: &str) -> u32 {
    match node_type.rsplit('.').next().unwrap_or_default() {
        "micro" => 1,
        "small" => 2,
        "medium" => 4,
        "large" => 8,
        "xlarge" => 16,
        other => other.strip_suffix("xlarge").and_then(|times| times.parse::<u32>().ok()).map_or(0, |times| times * 16),
    }
}

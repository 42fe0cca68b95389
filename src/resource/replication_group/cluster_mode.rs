//! Cluster mode: disabled, compatible, enabled. One stage a call, one hop an apply.

use serde_json::json;

use super::{MODIFY, engine, modify, pending};
use crate::model::attribute::{Difference, Phase};
use crate::model::draft::{Draft, Scene, Topology};
use crate::model::live::{View, object};
use crate::model::step::Wait;
use crate::model::version::Version;
use crate::resource::parameter_group::is_aws_own;

/// May clients speak the cluster protocol: is the mode compatible or enabled?
pub fn speaks_cluster(view: &View<'_>) -> bool {
    view.flag("ClusterEnabled") || matches!(view.text("ClusterMode"), Some("enabled" | "compatible"))
}

/// Is cluster mode enabled in full, so that shards can come and go?
pub fn is_enabled(view: &View<'_>) -> bool {
    view.text("ClusterMode").map_or_else(|| view.flag("ClusterEnabled"), |mode| mode == "enabled")
}

fn live(scene: &Scene<'_>) -> String {
    scene.live_text("clusterMode").unwrap_or_else(|| "disabled".to_owned())
}

/// The mode after the first hop of this apply.
fn next(scene: &Scene<'_>) -> String {
    let live = live(scene);
    if live == "disabled" && waits(scene) { live } else { first_hop(scene) }
}

/// The mode after the first hop, be it made by this apply or once nothing waits.
fn first_hop(scene: &Scene<'_>) -> String {
    let live = live(scene);
    match (live.as_str(), scene.declared_text("clusterMode")) {
        ("enabled", _) | (_, None) => live,
        ("disabled", Some("enabled")) => "compatible".to_owned(),
        (_, Some(wanted)) => wanted.to_owned(),
    }
}

/// Will the group be in cluster mode when this apply comes to its shards?
pub fn enabled_then(scene: &Scene<'_>) -> bool {
    let hops = scene.options.all_hops && scene.declared_text("clusterMode") == Some("enabled");
    match next(scene).as_str() {
        "enabled" => true,
        // The second hop follows at once, if the first is not put off.
        "compatible" => hops,
        _ => false,
    }
}

/// May clients speak the cluster protocol after the first hop of this apply?
pub fn next_speaks_cluster(scene: &Scene<'_>) -> bool {
    next(scene) != "disabled"
}

/// Do the plan's other calls meet cluster mode? The way into it is the last of them, the way out the first.
pub fn speaks_cluster_meanwhile(scene: &Scene<'_>) -> bool {
    live(scene) != "disabled" && next_speaks_cluster(scene)
}

/// What waits for the window would be refused in `compatible`, and the hop would carry it out.
fn waits(scene: &Scene<'_>) -> bool {
    let comes = || scene.differs("cacheNodeType") || engine::changes(scene);
    pending::goes_on(scene) || !super::is_immediate(scene) && comes()
}

/// The phase in which the next hop of cluster mode is made.
pub fn phase(scene: &Scene<'_>) -> Phase {
    if live(scene) == "compatible" { Phase::LeaveCompatible } else { Phase::ClusterMode }
}

/// The phase of changes of shards: with all hops at once, shards come after them.
pub fn shards_phase(scene: &Scene<'_>) -> Phase {
    if live(scene) == "disabled" { Phase::ShardsInMode } else { Phase::Shards }
}

/// Puts off the hop to a `compatible` that the spec stays in until nothing else is left to do.
pub fn comes_last(draft: &mut Draft, scene: &Scene<'_>) {
    let stays = live(scene) == "disabled" && scene.declared_text("clusterMode") == Some("compatible");
    if !stays || draft.remaining.is_empty() {
        return;
    }
    if let Some(hop) = draft.calls.iter().position(|call| call.phase == Phase::ClusterMode) {
        draft.calls.remove(hop);
        draft.remaining.push("clusterMode compatible, after all that: from then on AWS takes nothing else".into());
    }
}

/// Leaves all but the way out of `compatible` to the next apply, since AWS takes nothing else there.
pub fn leaves_compatible_alone(draft: &mut Draft, scene: &Scene<'_>) {
    if live(scene) != "compatible" || scene.options.all_hops && next(scene) != "compatible" {
        return;
    }
    let others = |draft: &Draft| draft.calls.iter().any(|call| call.phase != Phase::LeaveCompatible);
    if !others(draft) {
        return;
    }
    let hop = draft.calls.iter().find(|call| call.phase == Phase::LeaveCompatible);
    let Some(hop) = hop else {
        draft.blocks(
            "cluster-mode-compatible",
            "the group is in cluster mode compatible, in which AWS takes no other change",
            "declare `clusterMode: enabled` to go on, or `clusterMode: disabled` to go back, and apply that first",
        );
        return;
    };
    let sent = |path: &str| {
        let member = scene.row(path.split('.').next().unwrap_or_default()).map(|row| row.field.member);
        member.is_some_and(|member| hop.parameters.contains_key(member))
    };
    let mut left: Vec<&str> =
        draft.attributes.iter().map(|change| change.path.as_str()).filter(|path| !sent(path)).collect();
    left.dedup();
    let left =
        format!("{} once cluster mode is {}: in compatible AWS takes nothing else", left.join(", "), next(scene));
    draft.remaining.push(left);
    draft.calls.retain(|call| call.phase == Phase::LeaveCompatible);
    // The nodes stay, under names that may be others.
    let (shards, nodes) = (scene.view.node_groups().len(), scene.view.member_ids().count());
    draft.topology = Some(Topology { shards, nodes, moves: true, ..Topology::default() });
    draft.zones.clear();
}

/// Does the next hop change which parameter group the group needs?
pub fn crosses(scene: &Scene<'_>) -> bool {
    next_speaks_cluster(scene) != (live(scene) != "disabled")
}

/// Plans the next stage of cluster mode on the way to the declared one, or says what stands in its way.
pub fn cluster_mode(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let live = live(scene);
    let wanted = difference.declared.as_str().unwrap_or_default();
    if live == "enabled" {
        draft.blocks(
            "cluster-mode-oneway",
            format!("cluster mode cannot go from enabled to {wanted}: AWS has no way back, and a replacement would lose the data and the endpoints"),
            "declare `clusterMode: enabled`; to go back, create a second group and move the clients",
        );
        return;
    }
    // What stands in its way is told before anything is done, also where the hop itself waits.
    let begins = live == "disabled";
    let waits = begins && waits(scene);
    let engine = if waits { engine::version_to_come(scene) } else { engine::version_then(scene) };
    if begins && !(has_failover(draft, scene) && knows_the_engine(draft, engine)) {
        return;
    }
    let on = first_hop(scene) != "disabled";
    if on == begins && !parameter_group_fits(draft, scene, on) {
        return;
    }
    if waits {
        draft.remaining.push(format!("clusterMode {wanted} once what waits for the maintenance window is done"));
        return;
    }
    modify(draft, phase(scene)).insert(difference.member.into(), json!(next(scene)));
    if begins && wanted == "enabled" {
        if scene.options.all_hops {
            draft.push(Phase::ClusterMode, MODIFY, Wait::Available, object([("ClusterMode", json!("enabled"))]));
        } else {
            draft.remaining.push("clusterMode enabled: apply again once all clients connect cluster-aware".into());
        }
    }
}

fn has_failover(draft: &mut Draft, scene: &Scene<'_>) -> bool {
    let has = scene.wanted("automaticFailoverEnabled") == Some(json!(true));
    if !has {
        draft.blocks(
            "cluster-mode-needs-failover",
            "moving to cluster mode needs automatic failover with a replica",
            "declare `automaticFailoverEnabled: true` and a replica first",
        );
    }
    has
}

fn knows_the_engine(draft: &mut Draft, version: Option<Version>) -> bool {
    let known = version.is_none_or(|version| version.at_least(7, 0, 0));
    if !known {
        draft.blocks(
            "cluster-mode-engine",
            "cluster mode can only be changed from engine version 7.0 on",
            "upgrade to 7.0 or later first",
        );
    }
    known
}

/// AWS exchanges its own parameter group where none is named. Another one must be for the new mode, and
/// is when its own row sends it; one that stays is for the old mode.
fn parameter_group_fits(draft: &mut Draft, scene: &Scene<'_>, speaks_cluster: bool) -> bool {
    let Some(name) = scene.live_text("cacheParameterGroupName") else { return true };
    let named = scene.declared("cacheParameterGroupName").is_some();
    if scene.differs("cacheParameterGroupName") || (is_aws_own(&name) && !named) {
        return true;
    }
    let on = engine::yes_no(speaks_cluster);
    let hint = match name.strip_prefix("default.") {
        Some(family) if on == "yes" => {
            format!("set cacheParameterGroupName to default.{family}.cluster.on, or leave it out")
        }
        Some(family) => format!(
            "set cacheParameterGroupName to default.{}, or leave it out",
            family.trim_end_matches(".cluster.on")
        ),
        None => format!(
            "declare another parameter group with `cluster-enabled: \"{on}\"` and set cacheParameterGroupName to it"
        ),
    };
    draft.blocks(
        "parameter-group-cluster-mode",
        format!("the new cluster mode needs a parameter group with cluster-enabled {on}, {name} has the other"),
        hint,
    );
    false
}

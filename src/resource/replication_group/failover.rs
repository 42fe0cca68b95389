//! Automatic failover and Multi-AZ. They are turned off before replicas go and on after replicas came.

use serde_json::{Value, json};

use super::{cluster_mode, modify, nodes};
use crate::model::attribute::{Difference, Phase};
use crate::model::draft::{Draft, Scene};
use crate::model::live::View;

/// Plans automatic failover, which cannot be turned off in cluster mode or while Multi-AZ stays on.
pub fn automatic_failover(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if difference.declared == json!(true) {
        modify(draft, Phase::FailoverOn).insert(difference.member.into(), json!(true));
        return;
    }
    if cluster_mode::speaks_cluster(scene.view) {
        draft.blocks(
            "failover-in-cluster-mode",
            "AWS cannot turn automatic failover off in cluster mode",
            "declare `automaticFailoverEnabled: true`, or leave it out",
        );
        return;
    }
    let multi_az = scene.live_value("multiAZEnabled") == Some(json!(true));
    if multi_az && scene.declared("multiAZEnabled") != Some(&json!(false)) {
        draft.blocks(
            "multi-az-needs-failover",
            "Multi-AZ is on and needs automatic failover",
            "declare `multiAZEnabled: false` too",
        );
        return;
    }
    modify(draft, Phase::FailoverOff).insert(difference.member.into(), json!(false));
}

/// Plans Multi-AZ: on after replicas came, off before they go.
pub fn multi_az(draft: &mut Draft, _scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let on = difference.declared == json!(true);
    // An unchanged automatic failover is not sent along: in cluster mode without replicas AWS refuses it.
    let phase = if on { Phase::FailoverOn } else { Phase::FailoverOff };
    modify(draft, phase).insert(difference.member.into(), difference.declared.clone());
}

/// The member that AWS names as the primary; it names none in cluster mode.
pub fn primary(view: &View<'_>) -> Option<Value> {
    view.member_ids().find(|member| view.role(member) == Some("primary")).map(|member| json!(member))
}

/// Plans the promotion of a member, which AWS takes while automatic failover is off; else says that it is left alone.
pub fn promotion(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let wanted = difference.declared.as_str().unwrap_or_default();
    let live = difference.live.as_ref().and_then(Value::as_str);
    if live.is_some_and(|live| live.eq_ignore_ascii_case(wanted)) {
        return;
    }
    let stays_on = scene.live_value("automaticFailoverEnabled") == Some(json!(true))
        && scene.declared("automaticFailoverEnabled") != Some(&json!(false));
    let why = if cluster_mode::speaks_cluster(scene.view) {
        "in cluster mode AWS takes no primary after the creation".to_owned()
    } else if !scene.view.member_ids().any(|member| member.eq_ignore_ascii_case(wanted)) {
        format!("{wanted} is no member of the group, and what the group was made of counts at its creation only")
    } else if stays_on {
        let live = live.unwrap_or("another member");
        format!(
            "the primary is {live}, and AWS promotes no other one while automatic failover is on; declare `automaticFailoverEnabled: false` to promote {wanted}, or leave primaryClusterId out"
        )
    } else if live.is_none() {
        "AWS does not tell which member is the primary now".to_owned()
    } else {
        draft.shows(difference);
        modify(draft, Phase::Promotion).insert(difference.member.into(), difference.declared.clone());
        return;
    };
    draft.warnings.push((difference.attribute.into(), format!("left alone: {why}")));
}

/// Blocks a replacement of a group by one that is to be made of a member, which would be gone by then.
pub fn loses_its_seed(draft: &mut Draft, scene: &Scene<'_>) {
    let Some(seed) = scene.declared_text("primaryClusterId") else { return };
    if scene.view.member_ids().any(|member| member.eq_ignore_ascii_case(seed)) {
        draft.blocks(
            "primary-goes",
            format!("the new group is to be made of {seed}, which goes with the old one"),
            "take primaryClusterId out: the new group is filled from the final snapshot",
        );
    }
}

/// Blocks automatic failover and Multi-AZ without replicas, also where it is the replicas that go.
pub fn check(draft: &mut Draft, scene: &Scene<'_>) {
    let touches = |draft: &Draft, phases: &[Phase]| draft.calls.iter().any(|call| phases.contains(&call.phase));
    if nodes::loses_lonely_shards(scene) {
        for call in draft.calls.iter_mut().filter(|call| call.phase == Phase::FailoverOn) {
            call.phase = Phase::FailoverOnAfterShards;
        }
    }
    if nodes::fewest_replicas_then(scene) > 0
        || !touches(draft, &[Phase::FailoverOn, Phase::FailoverOnAfterShards, Phase::ReplicasDown])
    {
        return;
    }
    let on = |name: &str| scene.wanted(name) == Some(json!(true));
    let shards = cluster_mode::is_enabled(scene.view);
    if on("multiAZEnabled") {
        let more = if shards { "replicasPerNodeGroup: 1 or more" } else { "numCacheClusters: 2 or more" };
        draft.blocks(
            "multi-az-needs-replica",
            "Multi-AZ needs a replica in every shard",
            format!("declare {more}, or `multiAZEnabled: false`"),
        );
    } else if on("automaticFailoverEnabled") && !shards {
        draft.blocks(
            "failover-needs-replica",
            "automatic failover needs at least one replica",
            "declare numCacheClusters: 2 or more, or `automaticFailoverEnabled: false`",
        );
    }
}

//! Automatic failover and Multi-AZ. They are turned off before replicas go and on after replicas came.

use serde_json::json;

use super::{cluster_mode, modify, nodes};
use crate::model::attribute::{Difference, Phase};
use crate::model::draft::{Draft, Scene};

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

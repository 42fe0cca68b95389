//! Reboots, for parameters that only take effect with one.

use serde_json::{Value, json};

use super::cluster_mode;
use crate::model::Operation;
use crate::model::attribute::{Impact, Phase};
use crate::model::draft::{Draft, Scene};
use crate::model::live::{View, object};
use crate::model::options::Permit;
use crate::model::plan::{AttributeChange, PendingValue};
use crate::model::step::Wait;

/// AWS's word for parameters that wait for one.
const PENDING: &str = "pending-reboot";

/// The members whose parameters wait.
fn waiting<'a>(view: &View<'a>) -> Vec<&'a Value> {
    let waits = |cluster: &&Value| {
        cluster.pointer("/CacheParameterGroup/ParameterApplyStatus").and_then(Value::as_str) == Some(PENDING)
    };
    view.members.iter().copied().filter(waits).collect()
}

/// The parameter group as a pending value, where parameters of a member wait for a reboot.
pub fn pending(view: &View<'_>) -> Option<PendingValue> {
    (!waiting(view).is_empty()).then(|| PendingValue::new("cacheParameterGroupName", json!(PENDING)))
}

/// Plans the reboots that parameters wait for, where they are allowed; else says that they wait.
pub fn plan(draft: &mut Draft, scene: &Scene<'_>) {
    let Some(pending) = pending(scene.view) else { return };
    let in_cluster_mode = cluster_mode::speaks_cluster(scene.view);
    if in_cluster_mode && scene.options.allows(Permit::Reboot, &draft.address) {
        draft.warnings.push((
            "cacheParameterGroupName".into(),
            "AWS reboots no nodes in cluster mode: the parameters take effect as AWS replaces the nodes".into(),
        ));
    }
    if in_cluster_mode || !scene.options.allows(Permit::Reboot, &draft.address) {
        draft.pending.push(pending);
        return;
    }
    let mut waiting = waiting(scene.view);
    // Replicas before the primary: one that was rebooted can take over.
    waiting.sort_by_key(|cluster| {
        let id = cluster.get("CacheClusterId").and_then(Value::as_str).unwrap_or_default();
        (scene.view.role(id) == Some("primary"), id)
    });
    for cluster in waiting {
        let Some(id) = cluster.get("CacheClusterId") else { continue };
        let node = json!(["0001"]);
        let call = object([("CacheClusterId", id.clone()), ("CacheNodeIdsToReboot", node)]);
        draft.attributes.push(AttributeChange {
            path: "cacheParameterGroupName".into(),
            before: json!(format!("{} waits for a reboot", id.as_str().unwrap_or_default())),
            after: json!("rebooted"),
            impact: Impact::Reboot,
            sensitive: false,
        });
        draft.push(Phase::Reboot, Operation::RebootCacheCluster, Wait::Available, call);
    }
}

//! What waits for the maintenance window, and what must not disturb it: `ApplyImmediately` carries out
//! everything that waits, not only its own call.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{MODIFY, engine, is_immediate, member_may_wait, modify};
use crate::model::attribute::{Attribute, Difference, Impact, Phase};
use crate::model::draft::{Call, Draft, Scene};
use crate::model::live::View;
use crate::model::options::Permit;
use crate::model::plan::PendingValue;
use crate::model::version::declared;
use crate::model::{Address, Kind};
use crate::resource::attribute;

/// AWS begins with these at once, so that they are under way and never wait.
const NEVER_WAIT: [&str; 4] = ["Resharding", "AuthTokenStatus", "UserGroups", "LogDeliveryConfigurations"];

/// Adds to each call whether AWS may make the change now, or refuses it where that would carry out what waits.
///
/// Changes that wait are sent last, since any later call with immediacy would carry them out.
pub fn finish(draft: &mut Draft, scene: &Scene<'_>) {
    let mut pending = pending_changes(scene.view);
    let flush = flushes(scene);
    take_back(draft, scene);
    if !draft.takes_back.is_empty() {
        // The first call replaces it; nothing of it is left for the others to carry out.
        pending.retain(|change| !draft.takes_back.iter().any(|member| change.starts_with(member)));
    }
    if flush && draft.calls.is_empty() {
        flush_alone(draft, scene);
    }
    if flush {
        in_one_call(draft, scene);
    }
    let mut refused = Vec::new();
    let asks_at_once = scene.declared("applyImmediately") != Some(&json!(false));
    for call in &mut draft.calls {
        let takes_back = call.phase == Phase::TakeBack;
        let mut now = is_immediate(scene) || takes_back || !may_wait(call);
        if now && !pending.is_empty() && !flush {
            // Settings take effect at once whatever the flag says.
            if may_wait(call) || takes_back || call.phase == Phase::Settings {
                now = false;
            } else {
                refused.push(call.operation);
                continue;
            }
        }
        call.parameters.insert("ApplyImmediately".into(), json!(now));
        if !now && may_wait(call) {
            if asks_at_once && !pending.is_empty() {
                draft.warnings.push(("applyImmediately".into(), waits_along(call, &pending, &draft.address)));
            }
            call.phase = Phase::Window;
            for change in &mut draft.attributes {
                let member = attribute(Kind::ReplicationGroup, &change.path).map(|row| row.field.member);
                if member.is_some_and(|member| member_may_wait(member) && call.parameters.contains_key(member)) {
                    change.impact = Impact::Deferred;
                }
            }
        }
    }
    if flush && !draft.calls.is_empty() {
        let shown = |change: &String| {
            let rows = draft.attributes.iter().filter_map(|change| attribute(Kind::ReplicationGroup, &change.path));
            rows.map(|row| row.field.member).any(|member| change.starts_with(member))
        };
        let unshown: Vec<String> = pending.iter().filter(|change| !shown(change)).cloned().collect();
        if !unshown.is_empty() {
            let message = format!("what is pending is carried out at once with the first step: {}", unshown.join(", "));
            draft.warnings.push(("pending".into(), message));
        }
    }
    for operation in refused {
        draft.blocks(
            "flush-pending",
            format!(
                "{operation} takes effect at once, and so would what waits for the maintenance window: {}",
                pending.join(", ")
            ),
            format!("--allow flush:{} carries both out now; or wait for the window", draft.address),
        );
    }
}

/// A newer modification replaces one that waits: sending what is live takes it back (AWS guide, Clusters.CancelPending).
/// With immediacy, so that nothing of it is left; where something else waits, without, so that this goes on waiting.
fn take_back(draft: &mut Draft, scene: &Scene<'_>) {
    let takes = |member: &str| draft.takes_back.contains(&member);
    let (node_type, version) = (takes("CacheNodeType"), takes("EngineVersion") || takes("Engine"));
    let mut sent = Vec::new();
    if node_type {
        sent.push(("CacheNodeType", scene.live_value("cacheNodeType")));
    }
    if version {
        let live = scene.live_text("engineVersion").map(|version| json!(declared(&version)));
        sent.push(("Engine", scene.live_value("engine")));
        sent.push(("EngineVersion", live));
        // One that was sent along waits unseen.
        sent.push(("CacheParameterGroupName", scene.live_value("cacheParameterGroupName")));
        draft.takes_back.push("EngineVersion");
    }
    for (member, value) in sent {
        if let Some(value) = value {
            modify(draft, Phase::TakeBack).insert(member.into(), value);
        }
    }
}

/// Why a call that is to take effect at once is sent to wait, and the way out.
fn waits_along(call: &Call, pending: &[String], address: &Address) -> String {
    let waits = |member: &str| pending.iter().any(|change| change.starts_with(member));
    let sends = |member: &str| call.parameters.contains_key(member);
    let what: Vec<&str> = ["CacheNodeType", "EngineVersion"].into_iter().filter(|member| sends(member)).collect();
    let pending = pending.join(", ");
    let what = what.join(" and ");
    let is_pair = sends("EngineVersion") && waits("CacheNodeType") || sends("CacheNodeType") && waits("EngineVersion");
    let why = if is_pair {
        format!("AWS takes no {what} at once while {pending} waits")
    } else {
        format!("a call that takes effect at once would carry out {pending} too")
    };
    format!("{what} waits for the maintenance window as well: {why}; --allow flush:{address} makes both in one call")
}

/// While a node type waits AWS takes an engine at once only together with it, in one call, and the other way round.
fn in_one_call(draft: &mut Draft, scene: &Scene<'_>) {
    let waiting = |member: &str| scene.view.member_pending(member).cloned();
    let is_node_type = |call: &Call| call.operation == MODIFY && call.parameters.contains_key("CacheNodeType");
    let has_engine = draft.calls.iter().any(|call| call.parameters.contains_key("EngineVersion"));
    let node_type =
        draft.calls.iter().find(|call| is_node_type(call)).map(|call| call.parameters["CacheNodeType"].clone());
    match (has_engine, node_type, waiting("CacheNodeType"), waiting("EngineVersion")) {
        (true, node_type, Some(waits), _) => {
            draft.calls.retain(|call| !is_node_type(call));
            let engine = draft.calls.iter_mut().find(|call| call.parameters.contains_key("EngineVersion"));
            if let Some(engine) = engine {
                engine.insert("CacheNodeType".into(), node_type.unwrap_or(waits));
            }
        }
        (false, Some(node_type), _, Some(version)) => {
            draft.calls.retain(|call| !is_node_type(call));
            let engine = engine::pending_engine(scene.view).or_else(|| scene.live_value("engine"));
            let call = modify(draft, Phase::Engine);
            call.insert("CacheNodeType".into(), node_type);
            call.insert("EngineVersion".into(), json!(declared(version.as_str().unwrap_or_default())));
            if let Some(engine) = engine {
                call.insert("Engine".into(), engine);
            }
        }
        _ => {}
    }
}

/// Node type, engine and version may wait. So may a parameter group, but AWS does not show that it does:
/// it waits only together with an engine version.
fn may_wait(call: &Call) -> bool {
    let shown = ["CacheNodeType", "EngineVersion"];
    call.operation == MODIFY
        && matches!(
            call.phase,
            Phase::NodeTypeUp
                | Phase::NodeTypeDown
                | Phase::NodeTypeAfterEngine
                | Phase::Engine
                | Phase::EngineAfterNodeType
        )
        && shown.iter().any(|member| call.parameters.contains_key(*member))
}

/// Was it allowed to carry out now what waits, and does anything?
pub fn flushes(scene: &Scene<'_>) -> bool {
    scene.options.allows(Permit::Flush, &scene.resource.address) && !pending_changes(scene.view).is_empty()
}

/// Does the value of this member wait for the window, and is it to be carried out now instead?
///
/// AWS does not show that a parameter group waits: it goes with the engine.
pub fn is_flushed(scene: &Scene<'_>, member: &str) -> bool {
    let shown = if member == "CacheParameterGroupName" { "EngineVersion" } else { member };
    flushes(scene) && pending_changes(scene.view).iter().any(|change| change.starts_with(shown))
}

/// Does a value that AWS has accepted go on waiting for the window? Shown as pending if so, else as a change.
pub fn waits(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference, value: Value) -> bool {
    let waits = !is_flushed(scene, difference.member);
    if waits {
        draft.pending.push(PendingValue::new(difference.attribute, value));
    } else {
        draft.shows(difference);
    }
    waits
}

/// Any call with immediacy carries out all that waits. Where there is none, one thing that waits is sent again.
fn flush_alone(draft: &mut Draft, scene: &Scene<'_>) {
    let rows = draft.attributes.iter().filter_map(|change| attribute(Kind::ReplicationGroup, &change.path));
    let Some(row) = rows.into_iter().find(|row| row.field.member != "CacheParameterGroupName") else { return };
    if member_may_wait(row.field.member) && row.field.member != "CacheNodeType" {
        engine::engine_call(draft, scene);
    } else if let Some(declared) = scene.declared(row.field.name) {
        modify(draft, Phase::NodeTypeUp).insert(row.field.member.into(), row.field.shape.to_api(declared));
    }
}

/// What an attribute comes to once nothing waits any more: as declared, else as AWS has accepted it, else as it is.
pub fn to_come(scene: &Scene<'_>, name: &str) -> Option<Value> {
    let accepted = || scene.row(name)?.accepted(scene.view);
    scene.declared(name).filter(|value| !value.is_null()).cloned().or_else(accepted).or_else(|| scene.live_value(name))
}

/// The value that AWS has accepted where it is another than this one.
pub fn otherwise(scene: &Scene<'_>, row: &Attribute, declared: &Value) -> Option<Value> {
    row.accepted(scene.view).filter(|value| !row.field.shape.same(declared, value))
}

/// Does AWS have accepted another value than the live one, which is the one that the spec asks for?
fn is_contradicted(scene: &Scene<'_>, row: &Attribute) -> bool {
    scene.declared(row.field.name).is_some_and(|declared| {
        otherwise(scene, row, declared).is_some() && row.same(declared, row.live(scene.view, Some(declared)).as_ref())
    })
}

/// Does anything go on waiting for the window after the first call of this plan?
///
/// What the spec contradicts does not: the first call takes it back.
pub fn goes_on(scene: &Scene<'_>) -> bool {
    let is_taken_back = |name: &str| scene.row(name).is_some_and(|row| row.may_wait && is_contradicted(scene, row));
    let taken_back = |member: &str| match member {
        "EngineVersion" => is_taken_back("engineVersion") || is_taken_back("engine"),
        "CacheNodeType" => is_taken_back("cacheNodeType"),
        _ => false,
    };
    !flushes(scene)
        && accepted(scene.view).any(|(member, _)| !NEVER_WAIT.contains(&member.as_str()) && !taken_back(member))
}

/// What waits, by AWS's names.
pub fn pending_changes(view: &View<'_>) -> Vec<String> {
    let waiting = accepted(view).filter(|(member, _)| !NEVER_WAIT.contains(&member.as_str()));
    let told = waiting
        .map(|(member, value)| format!("{member} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    told.collect::<BTreeSet<String>>().into_iter().collect()
}

/// What AWS has accepted and not carried out, of the group and of its nodes, by member.
pub fn accepted<'a>(view: &View<'a>) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let all = std::iter::once(view.own).chain(view.members.iter().copied());
    let pending = all.filter_map(|value: &'a Value| value.get("PendingModifiedValues")?.as_object()).flatten();
    pending.filter(|(_, value)| !crate::model::shape::is_empty(value))
}

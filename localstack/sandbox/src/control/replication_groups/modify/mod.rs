//! ModifyReplicationGroup: what is asked for, what AWS refuses of it, what waits.

mod access;
mod engine;
mod settings;
mod topology;

use super::change::{self, Change};
use super::{ReplicationGroup, describe, rules};
use crate::control::{node_types, user_groups};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

/// One call, and what it meets.
#[derive(Clone, Copy)]
struct Request<'a> {
    state: &'a State,
    group: &'a ReplicationGroup,
    input: &'a Input,
    immediately: bool,
    /// What waits for the window and goes on waiting, or is flushed by this call.
    waiting: &'a Change,
}

pub(crate) fn modify(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("ReplicationGroupId")?;
    let immediately = input.bool("ApplyImmediately")?.unwrap_or(false);
    let group = state.modifiable_group(&id)?;
    let waiting = still_waiting(group, input);
    let wanted = read(Request { state, group, input, immediately, waiting: &waiting })?;
    if wanted.node_type.is_some() || wanted.version.is_some() {
        state.with_settled_members(&id)?;
    }
    if immediately {
        refuse_blocked_pair(group, &wanted, &waiting)?;
    }
    still_durable(group, &wanted, &waiting)?;
    let withdraws = waiting != group.deferred;
    if wanted.is_empty() && !withdraws {
        return Err(Refusal::invalid_combination("No modifications were requested"));
    }
    if let Some(links) = &wanted.user_groups {
        user_groups::note_links(state, &id, links);
    }
    let (now, later) = if immediately {
        // API model, ApplyImmediately: everything that waited is applied with it.
        (waiting.overlaid_by(&wanted), Change::default())
    } else {
        let (now, deferred) = wanted.split_deferrable();
        (now, waiting.overlaid_by(&deferred))
    };
    state.edit_group(&id, |group| group.deferred = later);
    if !now.is_empty() {
        change::start(state, &id, now);
    }
    describe::answer(state, &id)
}

/// A scale-up and an engine upgrade do not pass each other: while one waits, the other is taken deferred, or both in one
/// immediate call (AWS guide, VersionManagement.HowTo).
fn refuse_blocked_pair(group: &ReplicationGroup, wanted: &Change, waiting: &Change) -> Result<(), Refusal> {
    let scales_up = |change: &Change| {
        change.node_type.as_ref().is_some_and(|wanted| node_types::is_scale_up(&group.node_type, wanted))
    };
    if wanted.version.is_some() && scales_up(waiting) {
        return Err(Refusal::invalid_combination(
            "The engine can not be upgraded immediately while a scale-up is pending.",
        ));
    }
    if scales_up(wanted) && waiting.version.is_some() {
        return Err(Refusal::invalid_combination(
            "The node type can not be scaled up immediately while an engine upgrade is pending.",
        ));
    }
    Ok(())
}

/// What durable writes rest on does not go while they are on.
fn still_durable(group: &ReplicationGroup, wanted: &Change, waiting: &Change) -> Result<(), Refusal> {
    if !group.is_durable() || wanted.durability.is_some() {
        return Ok(());
    }
    let node_type = wanted.node_type.as_ref().or(waiting.node_type.as_ref()).unwrap_or(&group.node_type);
    let as_is = group.durable_as_is();
    rules::Durable {
        multi_az: wanted.multi_az.unwrap_or(as_is.multi_az),
        tls: wanted.tls.unwrap_or(as_is.tls),
        node_type,
        ..as_is
    }
    .check()
}

/// The first member of a call that is none of these, nor one that every call has.
fn beside<'a>(input: &'a Input, allowed: &[&str]) -> Option<&'a str> {
    let usual = ["ReplicationGroupId", "ApplyImmediately", "Action", "Version"];
    let names = input.members().filter(|(_, value)| **value != Input::Null).map(|(name, _)| name.as_str());
    names.into_iter().find(|name| !usual.contains(name) && !allowed.contains(name))
}

/// Members that the global datastore decides (AWS guide, global datastores; not all of them are known).
const GLOBAL: [&str; 8] = [
    "Engine",
    "EngineVersion",
    "CacheNodeType",
    "CacheParameterGroupName",
    "AutomaticFailoverEnabled",
    "TransitEncryptionEnabled",
    "TransitEncryptionMode",
    "ClusterMode",
];

/// What goes on waiting: a member that is named again replaces what it had waiting, also by what is
/// live already, which takes the change back.
fn still_waiting(group: &ReplicationGroup, input: &Input) -> Change {
    fn drop_if<T>(named: bool, place: &mut Option<T>) {
        if named {
            *place = None;
        }
    }
    let mut kept = group.deferred.clone();
    drop_if(input.has("CacheNodeType"), &mut kept.node_type);
    drop_if(input.has("EngineVersion"), &mut kept.version);
    drop_if(input.has("CacheParameterGroupName"), &mut kept.parameter_group);
    drop_if(input.has("AutomaticFailoverEnabled"), &mut kept.automatic_failover);
    drop_if(input.has("MultiAZEnabled"), &mut kept.multi_az);
    drop_if(input.has("ClusterMode"), &mut kept.cluster_mode);
    let names_tls = input.has("TransitEncryptionEnabled") || input.has("TransitEncryptionMode");
    drop_if(names_tls, &mut kept.tls);
    kept
}

/// The maintenance window opens: what waited is carried out.
pub(crate) fn open_window(state: &mut State, id: &str) -> Result<bool, Refusal> {
    let group = state.modifiable_group(id)?;
    if group.deferred.is_empty() {
        return Ok(false);
    }
    let change = group.deferred.clone();
    state.edit_group(id, |group| group.deferred = Change::default());
    change::start(state, id, change);
    Ok(true)
}

fn read(request: Request) -> Result<Change, Refusal> {
    let Request { group, input, .. } = request;
    rules::refuse_unmodelled_modify(input)?;
    if GLOBAL.iter().any(|member| input.has(member)) {
        rules::refuse_for_global_member(group)?;
    }
    if !input.has("ClusterMode") {
        rules::refuse_while_compatible(group)?;
    }
    let mut change = settings::settings(request)?;
    engine::engine(request, &mut change)?;
    topology::topology(request, &mut change)?;
    access::encryption(request, &mut change)?;
    access::access(request, &mut change)?;
    settings::logs(request, &mut change)?;
    Ok(change)
}

/// Drops a value that is what the group has already.
fn if_new<T: PartialEq>(value: Option<T>, live: &T) -> Option<T> {
    value.filter(|value| value != live)
}

//! ModifyReplicationGroup: what is asked for, what AWS refuses of it, what waits.

mod access;
mod engine;
mod settings;
mod topology;

use super::change::{self, Change};
use super::{ReplicationGroup, describe, rules};
use crate::control::user_groups;
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

pub fn modify(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("ReplicationGroupId")?;
    let immediately = input.bool("ApplyImmediately")?.unwrap_or(false);
    let group = state.modifiable_group(&id)?;
    let waiting = still_waiting(group, input);
    let wanted = read(Request { state, group, input, immediately, waiting: &waiting })?;
    if wanted.node_type.is_some() || wanted.version.is_some() {
        state.with_settled_members(&id)?;
    }
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
pub fn open_window(state: &mut State, id: &str) -> Result<bool, Refusal> {
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
    rules::refuse_unmodelled_modify(request.input)?;
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

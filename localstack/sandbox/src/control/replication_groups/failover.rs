//! Failover: the primary of one shard gives way to a replica, and comes back as one.
//!
//! On request (TestFailover) or because its node is lost; gently, or abruptly as when a node dies: the primary is killed,
//! nothing answers for it for a while, a replica takes over, the names follow, and a new node takes the old one's place.

use serde::{Deserialize, Serialize};

use super::{Shard, describe};
use crate::control::{clusters, events};
use crate::data::Health;
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

/// How failovers go. Durations are real milliseconds; those left out are AWS's, scaled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Failover {
    /// The primary is killed, else it hands over.
    pub abrupt: bool,
    /// With `abrupt`: the machine goes with the process, so that connections hang where they otherwise end.
    pub hang: bool,
    /// For how long before its end the primary acknowledges writes that no replica gets: those are lost.
    pub lost_ms: u64,
    /// From the primary's end until a replica takes over.
    pub silence_ms: Option<u64>,
    /// From then until primary and reader names lead to the nodes that have these roles now.
    pub names_ms: Option<u64>,
    /// From then until the replacement of the old primary's node is there.
    pub replacement_ms: Option<u64>,
}

/// How far a failover is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The replicas hear nothing of their primary any more.
    CutOff,
    /// The primary is gone, or about to hand over.
    Silence,
    /// A replica is the primary, and the names do not know it yet.
    NamesLag,
    /// All but the old primary's node is as it should be.
    Recovering,
}

/// A failover under way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failing {
    pub old: String,
    pub new: String,
    pub stage: Stage,
    how: Failover,
}

impl Shard {
    /// What a failover makes of a member.
    pub(crate) fn health(&self, member: &str) -> Health {
        match &self.failing {
            Some(failing) if failing.old == member && failing.how.abrupt => match failing.stage {
                Stage::CutOff => Health::CutOff,
                Stage::Silence | Stage::NamesLag | Stage::Recovering if failing.how.hang => Health::Lost,
                Stage::Silence | Stage::NamesLag | Stage::Recovering => Health::Dead,
            },
            _ => Health::Up,
        }
    }

    pub(crate) fn names_lag(&self) -> bool {
        self.failing.as_ref().is_some_and(|failing| failing.how.abrupt && failing.stage == Stage::NamesLag)
    }

    /// The role that AWS tells of, which follows with the names.
    pub(crate) fn is_shown_as_primary(&self, member: &super::Member) -> bool {
        match &self.failing {
            Some(failing) if failing.stage == Stage::NamesLag => failing.old == member.id,
            _ => member.primary,
        }
    }
}

/// TestFailover takes so many node groups in so long (API_TestFailover).
const WINDOW: i64 = 24 * 3600 * 1000;

pub(crate) fn test(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("ReplicationGroupId")?;
    let group = state.modifiable_group(&id)?;
    let text = input.required("NodeGroupId")?;
    let shard_id = format!("{text:0>4}");
    let Some(shard) = group.shards.iter().find(|shard| shard.id == shard_id) else {
        return Err(Refusal::missing("NodeGroupNotFoundFault", format!("Node group {text} not found.")));
    };
    if !group.automatic_failover || shard.replicas() == 0 {
        return Err(Refusal::bad(
            "TestFailoverNotAvailableFault",
            "Test failover is only available for replication groups with automatic failover and at least one replica.",
        ));
    }
    // In one group "the first node replacement must complete before a subsequent call can be made".
    state.with_settled_members(&id)?;
    let recent = state.test_failovers.iter().filter(|at| state.now - **at < WINDOW).count();
    if recent >= state.quotas.test_failovers {
        return Err(Refusal::bad(
            "APICallRateForCustomerExceeded",
            format!("The customer has exceeded the allowed rate of {recent} node groups in 24 hours."),
        ));
    }
    let now = state.now;
    state.test_failovers.retain(|at| now - *at < WINDOW);
    state.test_failovers.push(now);
    events::group(state, &id, format!("Test Failover API called for node group {shard_id}"));
    begin(state, &id, &shard_id);
    describe::answer(state, &id)
}

/// The primary's node is lost, without anybody having asked for it.
pub(crate) fn lose_primary(state: &mut State, id: &str, shard_id: &str) -> Result<(), Refusal> {
    let group = state.with_settled_members(id)?;
    let shard = group.shards.iter().find(|shard| shard.id == shard_id);
    if !group.automatic_failover || shard.is_none_or(|shard| shard.replicas() == 0) {
        return Err(Refusal::invalid_combination(format!("Nobody could take over node group {shard_id} of {id}.")));
    }
    begin(state, id, shard_id);
    Ok(())
}

fn begin(state: &mut State, id: &str, shard_id: &str) {
    let how = state.failover.clone();
    let is_cut_off = how.abrupt && how.lost_ms > 0;
    let lost = how.lost_ms;
    edit(state, id, shard_id, |shard| {
        let old = shard.members.iter().find(|member| member.primary).map(|member| member.id.clone());
        let new = shard.members.iter().find(|member| !member.primary).map(|member| member.id.clone());
        let (Some(old), Some(new)) = (old, new) else { return };
        if let Some(member) = shard.members.iter_mut().find(|member| member.id == old) {
            member.status = "modifying";
        }
        let stage = if is_cut_off { Stage::CutOff } else { Stage::Silence };
        shard.failing = Some(Failing { old, new, stage, how });
    });
    if is_cut_off {
        state.touched.insert(id.to_owned());
        next(state, id, shard_id, Some(lost), 0.0);
    } else {
        end_primary(state, id, shard_id);
    }
}

fn edit(state: &mut State, id: &str, shard_id: &str, change: impl FnOnce(&mut Shard)) {
    state.edit_group(id, |group| {
        if let Some(shard) = group.shards.iter_mut().find(|shard| shard.id == shard_id) {
            change(shard);
        }
    });
}

/// The next stage begins after so many milliseconds, or after AWS's time.
fn next(state: &mut State, id: &str, shard_id: &str, milliseconds: Option<u64>, seconds: f64) {
    let job = Job::FailsOver { group: id.to_owned(), shard: shard_id.to_owned() };
    match milliseconds.and_then(|milliseconds| i64::try_from(milliseconds).ok()) {
        Some(milliseconds) => state.timetable.add(state.now + milliseconds, job),
        None => state.later(seconds, job),
    }
}

/// One stage of a failover is over.
pub(crate) fn proceed(state: &mut State, id: &str, shard_id: &str) {
    let shard = state.groups.get(id).and_then(|group| group.shards.iter().find(|shard| shard.id == shard_id));
    let Some(failing) = shard.and_then(|shard| shard.failing.clone()) else { return };
    match failing.stage {
        Stage::CutOff => {
            edit(state, id, shard_id, |shard| {
                if let Some(failing) = &mut shard.failing {
                    failing.stage = Stage::Silence;
                }
            });
            end_primary(state, id, shard_id);
        }
        Stage::Silence => take_over(state, id, shard_id, &failing),
        Stage::NamesLag => complete(state, id, shard_id, &failing),
        Stage::Recovering => recover(state, id, shard_id, &failing),
    }
}

fn end_primary(state: &mut State, id: &str, shard_id: &str) {
    let silence = state.failover.silence_ms;
    state.touched.insert(id.to_owned());
    next(state, id, shard_id, silence, durations::TEST_FAILOVER);
}

fn take_over(state: &mut State, id: &str, shard_id: &str, failing: &Failing) {
    edit(state, id, shard_id, |shard| {
        for member in &mut shard.members {
            member.primary = member.id == failing.new;
        }
        if let Some(failing) = &mut shard.failing {
            failing.stage = Stage::NamesLag;
        }
    });
    state.touched.insert(id.to_owned());
    // After an orderly handover the names lead to the new roles as soon as the servers have them.
    let names = if failing.how.abrupt { failing.how.names_ms } else { Some(0) };
    next(state, id, shard_id, names, durations::FAILOVER_NAMES);
}

/// Events in the order of API_TestFailover.
fn complete(state: &mut State, id: &str, shard_id: &str, failing: &Failing) {
    edit(state, id, shard_id, |shard| {
        if let Some(failing) = &mut shard.failing {
            failing.stage = Stage::Recovering;
        }
    });
    let Failing { old, new, how, .. } = failing;
    let text = format!("Failover from primary node {old} to replica node {new} completed");
    events::cluster(state, new, text.clone());
    events::group(state, id, text);
    events::cluster(state, old, format!("Recovering cache nodes {}", clusters::NODE_ID));
    state.touched.insert(id.to_owned());
    next(state, id, shard_id, how.replacement_ms, durations::NODE_REPLACEMENT);
}

/// The replacement is there; it is told of as soon as it has its data.
fn recover(state: &mut State, id: &str, shard_id: &str, failing: &Failing) {
    edit(state, id, shard_id, |shard| shard.failing = None);
    state.touched.insert(id.to_owned());
    let (group, member) = (id.to_owned(), failing.old.clone());
    state.later(0.0, Job::Recovered { group, member });
}

pub(crate) fn recovered(state: &mut State, id: &str, member: &str) {
    state.edit_group(id, |group| {
        if let Some(member) = group.members_mut().find(|known| known.id == member) {
            member.status = "available";
        }
    });
    events::cluster(state, member, format!("Finished recovery for cache nodes {}", clusters::NODE_ID));
}

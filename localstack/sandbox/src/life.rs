//! What happens by itself as time passes.

use std::collections::BTreeMap;

use crate::control::{parameter_groups, replication_groups, serverless, snapshots, user_groups, users};
use crate::state::State;

/// How long AWS takes, in seconds, before `--time-scale` shortens it. Orders of magnitude from the
/// waiters and test timeouts of public tools; AWS promises none of them.
pub(crate) mod durations {
    pub(crate) const CREATE_GROUP: f64 = 300.0;
    /// Members become available this much after their group.
    pub(crate) const MEMBER_LAG: f64 = 30.0;
    pub(crate) const DELETE_GROUP: f64 = 240.0;
    pub(crate) const FINAL_SNAPSHOT: f64 = 120.0;
    pub(crate) const SMALL_CHANGE: f64 = 15.0;
    pub(crate) const NODE_TYPE: f64 = 600.0;
    pub(crate) const ENGINE: f64 = 600.0;
    pub(crate) const FAILOVER_SETTING: f64 = 45.0;
    pub(crate) const TLS: f64 = 420.0;
    pub(crate) const CLUSTER_MODE: f64 = 420.0;
    pub(crate) const ACCESS: f64 = 60.0;
    pub(crate) const LOGS: f64 = 60.0;
    pub(crate) const ADD_REPLICAS: f64 = 300.0;
    pub(crate) const REMOVE_REPLICAS: f64 = 120.0;
    pub(crate) const RESHARD: f64 = 600.0;
    pub(crate) const PARAMETERS: f64 = 30.0;
    pub(crate) const TAGS: f64 = 60.0;
    /// Until a replica takes over from a primary that is gone, or is handed its role.
    pub(crate) const TEST_FAILOVER: f64 = 30.0;
    /// Until the names follow.
    pub(crate) const FAILOVER_NAMES: f64 = 10.0;
    /// Until the old primary's node is replaced.
    pub(crate) const NODE_REPLACEMENT: f64 = 240.0;
    pub(crate) const REBOOT: f64 = 60.0;
    pub(crate) const SERVERLESS: f64 = 60.0;
    pub(crate) const SNAPSHOT: f64 = 180.0;
    pub(crate) const USER: f64 = 15.0;
    pub(crate) const USER_GROUP: f64 = 30.0;
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Job {
    GroupCreated(String),
    GroupChanged(String),
    GroupGone(String),
    GroupResharded(String),
    /// A modification has taken effect; the group is available as soon as its servers are ready.
    GroupAvailable(String),
    MembersSettled(String),
    ParametersApplied(String),
    MemberRebooted {
        group: String,
        member: String,
    },
    /// A failover enters its next stage.
    FailsOver {
        group: String,
        shard: String,
    },
    /// The node that a failover replaced is back.
    Recovered {
        group: String,
        member: String,
    },
    ServerlessReady(String),
    ServerlessGone(String),
    SnapshotReady(String),
    ServerlessSnapshotReady(String),
    UserReady(String),
    UserGone(String),
    UserGroupReady(String),
    UserGroupGone(String),
}

impl Job {
    /// The group whose real servers must be ready before this may happen.
    fn waits_for(&self) -> Option<&str> {
        match self {
            Job::GroupCreated(group)
            | Job::GroupChanged(group)
            | Job::GroupResharded(group)
            | Job::GroupAvailable(group)
            | Job::MembersSettled(group)
            | Job::FailsOver { group, .. }
            | Job::Recovered { group, .. } => Some(group),
            Job::ServerlessReady(cache) => Some(cache),
            _ => None,
        }
    }
}

/// Jobs by due time, then in the order they were made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timetable {
    jobs: BTreeMap<(i64, u64), Job>,
    made: u64,
}

impl Timetable {
    pub(crate) fn add(&mut self, due: i64, job: Job) {
        self.made += 1;
        self.jobs.insert((due, self.made), job);
    }

    /// Takes back jobs that no longer apply (a group is deleted while it is being created).
    pub(crate) fn cancel(&mut self, applies: impl Fn(&Job) -> bool) {
        self.jobs.retain(|_, job| !applies(job));
    }
}

/// Brings the state up to `now`.
pub(crate) fn advance(state: &mut State, now: i64) {
    let mut held_back = Vec::new();
    while let Some(entry) = state.timetable.jobs.first_entry() {
        let (due, _) = *entry.key();
        if due > now {
            break;
        }
        let job = entry.remove();
        if job.waits_for().is_some_and(|group| state.is_busy(group)) {
            held_back.push(job);
            continue;
        }
        // A job sees the time it was due, so that what it schedules does not drift.
        state.now = due.max(state.now);
        run(state, job);
    }
    state.now = now;
    for job in held_back {
        state.timetable.add(now + 1, job);
    }
}

fn run(state: &mut State, job: Job) {
    match job {
        Job::GroupCreated(id) => replication_groups::create::finish(state, &id),
        Job::GroupChanged(id) => replication_groups::change::finish(state, &id),
        Job::GroupResharded(id) => replication_groups::shards::finish(state, &id),
        Job::GroupGone(id) => replication_groups::delete::finish(state, &id),
        Job::GroupAvailable(id) => replication_groups::become_available(state, &id),
        Job::MembersSettled(id) => replication_groups::settle_members(state, &id),
        Job::ParametersApplied(id) => parameter_groups::apply::finish(state, &id),
        Job::MemberRebooted { group, member } => {
            replication_groups::reboot::finish(state, &group, &member);
        }
        Job::FailsOver { group, shard } => {
            replication_groups::failover::proceed(state, &group, &shard);
        }
        Job::Recovered { group, member } => {
            replication_groups::failover::recovered(state, &group, &member);
        }
        Job::ServerlessReady(name) => serverless::finish(state, &name),
        Job::ServerlessGone(name) => serverless::gone(state, &name),
        Job::SnapshotReady(name) => snapshots::finish(state, &name),
        Job::ServerlessSnapshotReady(name) => snapshots::serverless::finish(state, &name),
        Job::UserReady(id) => users::finish(state, &id),
        Job::UserGone(id) => users::gone(state, &id),
        Job::UserGroupReady(id) => user_groups::finish(state, &id),
        Job::UserGroupGone(id) => user_groups::gone(state, &id),
    }
}

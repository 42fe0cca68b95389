//! Member ids and the zones members live in.

use super::{ClusterMode, Member, ParameterStatus, ReplicationGroup, Shard};
use crate::state::State;

/// `group-001`, or `group-0001-001` in cluster mode.
fn member_id(group: &str, shard: &str, clustered: bool, number: usize) -> String {
    if clustered { format!("{group}-{shard}-{number:03}") } else { format!("{group}-{number:03}") }
}

pub(crate) struct Placement<'a> {
    pub group: &'a str,
    pub clustered: bool,
    /// The zones of the subnet group, in order.
    pub zones: &'a [String],
    pub now: f64,
}

impl Placement<'_> {
    /// Adds a member under the lowest number that is free in its shard.
    pub(crate) fn add(&self, shard: &mut Shard, offset: usize, zone: Option<&String>) {
        let number = (1..)
            .find(|number| {
                let id = member_id(self.group, &shard.id, self.clustered, *number);
                shard.members.iter().all(|member| member.id != id)
            })
            .unwrap_or(1);
        let turn = shard.members.len() + offset;
        let zone = zone
            .cloned()
            .unwrap_or_else(|| self.zones.get(turn % self.zones.len().max(1)).cloned().unwrap_or_default());
        shard.members.push(Member {
            id: member_id(self.group, &shard.id, self.clustered, number),
            zone,
            primary: shard.members.is_empty(),
            status: "creating",
            created: self.now,
            parameters: ParameterStatus::InSync,
        });
    }
}

impl ReplicationGroup {
    /// New members are named after how the existing ones are: a group that left cluster mode
    /// disabled keeps its `group-001` names.
    pub(crate) fn names_shards(&self) -> bool {
        match self.shards.first().and_then(|shard| shard.members.first()) {
            Some(member) => member.id.starts_with(&format!("{}-{}-", self.id, self.shards[0].id)),
            None => self.cluster_mode == ClusterMode::Enabled,
        }
    }
}

/// The zones a subnet group reaches.
pub(crate) fn zones(state: &State, subnet_group: &str) -> Vec<String> {
    state.subnet_groups.get(subnet_group).map(|group| group.zones(&state.settings.region)).unwrap_or_default()
}

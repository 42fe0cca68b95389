//! What AWS says, in the API's own member names. The planner sees nothing else of AWS.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::{Address, Kind};

/// Tags of one resource, by key.
pub type Tags = BTreeMap<String, String>;

/// Descriptions by id.
pub type Found = BTreeMap<String, Value>;

static NOTHING: Found = Found::new();

/// What was read of AWS for one stack, and what could not be read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Live {
    pub account_id: String,
    pub region: String,
    pub partition: String,
    /// What there is of each kind, by id. In JSON by the sections of a spec.
    #[serde(flatten)]
    pub found: BTreeMap<Kind, Found>,
    /// The members of replication groups.
    pub cache_clusters: Found,
    /// By parameter group: the parameters that a user set.
    pub parameters: BTreeMap<String, Vec<Value>>,
    /// By family: what its parameters are and allow. Read only where a group's parameters change.
    pub families: BTreeMap<String, Vec<Value>>,
    /// By name: every composite alarm of the region. Read only where the stack has alarms that one could watch.
    pub parents: Found,
    /// By name: alarms that the rules of the spec name, and that are not the spec's.
    pub alarms_elsewhere: BTreeSet<String>,
    /// Names that log alarms have, as far as alarms were asked for by these names: no other alarm can have them.
    pub log_alarms: BTreeSet<String>,
    /// Clusters outside of replication groups, with their engines. Read only where everything is imported.
    pub lone_clusters: Vec<String>,
    /// Service updates of replication groups that are not through. Read only where they are shown.
    pub update_actions: Vec<Value>,
    /// By replication group: ListAllowedNodeTypeModifications. Read only where the node type differs.
    pub allowed_node_types: Found,
    /// Absent: the tags could not be read, so who owns the resource is unknown.
    pub tags: BTreeMap<Address, Tags>,
    /// Why the tags of these could not be read, for any other cause than that they are not available yet.
    pub tags_unread: BTreeMap<Address, String>,
    /// Why these could not be read themselves: they may be there, be anybody's, and be anything.
    pub unread: BTreeMap<Address, String>,
    /// Everything that carries this stack's tag, whether the spec has it or not.
    pub owned: BTreeSet<Address>,
    /// The owned ones could not be listed: nothing may be called an orphan.
    pub orphans_unknown: bool,
    /// By `address#field`: the secret that the spec points to, as far as it may be told.
    pub secrets: BTreeMap<String, super::secret::Seen>,
    /// What could not be read, and what that means.
    pub notes: Vec<String>,
    /// Why a declared secret of these could not be read, or is not one that AWS takes.
    pub unreadable: BTreeMap<Address, String>,
    pub api_calls: usize,
}

impl Live {
    /// What there is of a kind.
    pub fn of(&self, kind: Kind) -> &Found {
        self.found.get(&kind).unwrap_or(&NOTHING)
    }

    /// What there is of a kind, to be added to.
    pub fn of_mut(&mut self, kind: Kind) -> &mut Found {
        self.found.entry(kind).or_default()
    }

    /// AWS's description of a resource; `None` where it does not exist.
    pub fn get(&self, address: &Address) -> Option<&Value> {
        self.of(address.kind).get(&address.id)
    }

    /// The description of a resource together with those of its member clusters; `None` where it does not exist.
    pub fn view<'a>(&'a self, address: &Address) -> Option<View<'a>> {
        let own = self.get(address)?;
        Some(View { live: self, own, members: self.members(own).collect() })
    }

    /// The member clusters of a replication group, by their live ids; nothing else has such.
    fn members<'a>(&'a self, group: &'a Value) -> impl Iterator<Item = &'a Value> {
        strings(group.get("MemberClusters")).filter_map(|id| self.cache_clusters.get(id))
    }

    /// Is the resource there, and not on its way out?
    pub fn stays(&self, address: &Address) -> bool {
        self.get(address).is_some() && self.status(address) != Some("deleting")
    }

    /// AWS's word for the state of a resource; `None` where it does not exist, or its kind has none.
    pub fn status(&self, address: &Address) -> Option<&str> {
        self.get(address)?.get("Status")?.as_str()
    }
}

/// One resource as AWS describes it.
pub struct View<'a> {
    pub live: &'a Live,
    pub own: &'a Value,
    /// Replication groups only.
    pub members: Vec<&'a Value>,
}

impl<'a> View<'a> {
    /// Does the group name members of which AWS lists none? What only they tell is not known then.
    pub fn is_without_members(&self) -> bool {
        let is_made = !matches!(self.status(), "creating" | "create-failed" | "deleting");
        is_made && self.members.is_empty() && strings(self.own("MemberClusters")).next().is_some()
    }

    /// A member of the resource's own description; `None` where it is absent or null.
    pub fn own(&self, member: &str) -> Option<&'a Value> {
        self.own.get(member).filter(|value| !value.is_null())
    }

    /// A member of the resource's own description, where it is a text.
    pub fn text(&self, member: &str) -> Option<&'a str> {
        self.own(member)?.as_str()
    }

    /// The text of a member, empty where there is none.
    pub fn word(&self, member: &str) -> String {
        self.text(member).unwrap_or_default().to_owned()
    }

    /// A boolean of the resource's own description; false where AWS does not tell it.
    pub fn flag(&self, member: &str) -> bool {
        self.own(member).and_then(Value::as_bool).unwrap_or(false)
    }

    /// AWS's word for the state of the resource; empty where its kind has none.
    pub fn status(&self) -> &'a str {
        self.text("Status").unwrap_or_default()
    }

    /// What AWS has accepted for the group and not yet applied.
    pub fn pending(&self, member: &str) -> Option<&'a Value> {
        self.own("PendingModifiedValues")?.get(member).filter(|value| !value.is_null())
    }

    /// What AWS has accepted for the member clusters of the group and not yet applied.
    ///
    /// The same of its member clusters, where the engine version and the node type stand.
    pub fn member_pending(&self, member: &str) -> Option<&'a Value> {
        self.members
            .iter()
            .find_map(|cluster| cluster.get("PendingModifiedValues")?.get(member).filter(|value| !value.is_null()))
    }

    /// The shards of a replication group as AWS describes them; none for other kinds.
    pub fn node_groups(&self) -> &'a [Value] {
        self.own("NodeGroups").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The ids of a replication group's member clusters, whether these were read or not.
    pub fn member_ids(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        strings(self.own.get("MemberClusters"))
    }

    /// The role of a member, which AWS only tells with cluster mode disabled.
    pub fn role(&self, member: &str) -> Option<&'a str> {
        self.node_groups()
            .iter()
            .flat_map(|group| group.get("NodeGroupMembers").and_then(Value::as_array).into_iter().flatten())
            .find(|candidate| candidate.get("CacheClusterId").and_then(Value::as_str) == Some(member))?
            .get("CurrentRole")?
            .as_str()
    }
}

/// The texts of a JSON list, without what is no text; none where it is no list.
pub fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// A JSON object from pairs.
pub fn object<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_is_the_same_after_a_round_trip_whatever_kinds_there_are() {
        let mut live = Live::default();
        live.parents.insert("pager".to_owned(), json!({"AlarmName": "pager"}));
        for kind in Kind::ALL {
            live.of_mut(kind).insert("one".to_owned(), json!({"kind": kind.name()}));
        }
        let text = serde_json::to_string(&live).expect("it is written");
        let again: Live = serde_json::from_str(&text).expect("it is read");
        assert_eq!(again.found, live.found);
        assert_eq!(again.parents, live.parents);
        // No field of its own has the key of a kind.
        let own = serde_json::to_value(Live::default()).expect("it is written");
        let taken = Kind::ALL.into_iter().find(|kind| own.get(kind.section()).is_some());
        assert_eq!(taken, None);
    }
}

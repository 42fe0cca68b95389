//! What an import writes of a replication group: what an operator would, and not what AWS gives anyway.

use serde_json::{Value, json};

use super::{cluster_mode as mode, nodes as shape};
use crate::model::live::View;
use crate::model::version::Version;
use crate::resource::parameter_group;

/// Imports nothing: AWS tells the value, and a spec is better without it.
pub fn nothing(_view: &View<'_>, _value: Value) -> Option<Value> {
    None
}

/// Imports a switch that is on, since AWS leaves it off by itself.
pub fn only_on(_view: &View<'_>, value: Value) -> Option<Value> {
    (value == json!(true)).then_some(value)
}

/// Imports a switch that is off, since AWS turns it on by itself.
pub fn only_off(_view: &View<'_>, value: Value) -> Option<Value> {
    (value == json!(false)).then_some(value)
}

/// Imports a number that is not 0, which is what AWS takes by itself.
pub fn not_zero(_view: &View<'_>, value: Value) -> Option<Value> {
    (value != json!(0)).then_some(value)
}

/// Imports the number of nodes until cluster mode is enabled, from which on shards are counted.
pub fn nodes(view: &View<'_>, value: Value) -> Option<Value> {
    // A group that is being created has no members yet.
    (!mode::is_enabled(view) && value != json!(0)).then_some(value)
}

/// Imports the number of shards once cluster mode is enabled.
pub fn shards(view: &View<'_>, value: Value) -> Option<Value> {
    (mode::is_enabled(view) && value != json!(0)).then_some(value)
}

/// Imports the replicas of every shard once cluster mode is enabled, where all shards have as many.
pub fn replicas(view: &View<'_>, value: Value) -> Option<Value> {
    (mode::is_enabled(view) && value.is_number()).then_some(value)
}

/// Imports shards one by one, where one number of replicas does not say it.
pub fn uneven_shards(view: &View<'_>, value: Value) -> Option<Value> {
    let uneven = shape::replicas_per_node_group(view).is_some_and(|replicas| !replicas.is_number());
    (mode::is_enabled(view) && uneven).then_some(value)
}

fn has_replicas(view: &View<'_>) -> bool {
    view.member_ids().count() > view.node_groups().len().max(1)
}

/// Imports automatic failover where there are replicas, and outside of cluster mode, where it is always on.
pub fn failover(view: &View<'_>, value: Value) -> Option<Value> {
    (has_replicas(view) && !mode::is_enabled(view)).then_some(value)
}

/// Imports Multi-AZ where there are replicas, and where it is on.
pub fn with_replicas(view: &View<'_>, value: Value) -> Option<Value> {
    (has_replicas(view) || value == json!(true)).then_some(value)
}

/// Imports cluster mode, unless it is disabled or the number of shards tells that it is enabled.
pub fn cluster_mode(view: &View<'_>, value: Value) -> Option<Value> {
    (value != json!("disabled") && view.node_groups().len() <= 1).then_some(value)
}

/// Imports the name of a parameter group that is not AWS's own.
///
/// AWS's own groups are exchanged by AWS, with the engine version and with cluster mode, as long as none is named.
pub fn parameter_group_name(_view: &View<'_>, value: Value) -> Option<Value> {
    value.as_str().is_some_and(|name| !parameter_group::is_aws_own(name)).then_some(value)
}

/// Imports the time of snapshots where automatic ones are kept.
pub fn with_snapshots(view: &View<'_>, value: Value) -> Option<Value> {
    view.own("SnapshotRetentionLimit").is_some_and(|days| *days != json!(0)).then_some(value)
}

/// Imports a window in lower case, as AWS keeps it.
pub fn window(_view: &View<'_>, value: Value) -> Option<Value> {
    Some(Value::from(value.as_str()?.to_ascii_lowercase()))
}

/// Imports a port other than 6379, AWS's default.
pub fn port(_view: &View<'_>, value: Value) -> Option<Value> {
    (value != json!(6379)).then_some(value)
}

/// Imports an IP version other than `ipv4`, AWS's default.
pub fn network(_view: &View<'_>, value: Value) -> Option<Value> {
    (value != json!("ipv4")).then_some(value)
}

/// Imports the mode of TLS from engine version 7.0.5 on; before, there is one only.
pub fn tls_mode(view: &View<'_>, value: Value) -> Option<Value> {
    let version = view.members.iter().find_map(|cluster| cluster.get("EngineVersion")?.as_str());
    version.and_then(Version::parse).is_none_or(|version| version.at_least(7, 0, 5)).then_some(value)
}

/// What an import says where an AUTH token is set, which AWS never tells.
pub fn auth_token(view: &View<'_>) -> Option<&'static str> {
    view.flag("AuthTokenEnabled").then_some(
        "AWS never returns the AUTH token: left out, it stays as it is. To manage it, say where it is kept:\n\
         authToken: {secretsManager: NAME, key: KEY}",
    )
}

/// Imports the mode of durable writes where writes are durable.
pub fn durability(_view: &View<'_>, value: Value) -> Option<Value> {
    matches!(value.as_str(), Some("sync" | "async")).then_some(value)
}

/// Imports the global datastore of a secondary; a primary was not made by joining one.
pub fn joined_datastore(view: &View<'_>, value: Value) -> Option<Value> {
    follows_datastore(view).then_some(value)
}

/// Is the group a secondary of a global datastore, which decides much of what it is?
pub fn follows_datastore(view: &View<'_>) -> bool {
    let role = view.own("GlobalReplicationGroupInfo").and_then(|info| info.get("GlobalReplicationGroupMemberRole"));
    role.and_then(Value::as_str).is_some_and(|role| role.eq_ignore_ascii_case("secondary"))
}

//! The ElastiCache API, version 2015-02-02: one file per kind of resource.

pub(crate) mod access_string;
pub(crate) mod clusters;
pub(crate) mod engine;
pub(crate) mod engine_versions;
pub(crate) mod events;
pub(crate) mod node_types;
pub(crate) mod paging;
pub(crate) mod parameter_groups;
pub(crate) mod replication_groups;
pub(crate) mod serverless;
pub(crate) mod service_updates;
pub(crate) mod snapshots;
pub(crate) mod subnet_groups;
pub(crate) mod tags;
pub(crate) mod user_groups;
pub(crate) mod users;

use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

pub(crate) type Read = fn(&State, &Input) -> Result<Output, Refusal>;
/// `None` is an operation without a result.
pub(crate) type Write = fn(&mut State, &Input) -> Result<Option<Output>, Refusal>;

/// How an operation is carried out. Reads may be answered from an older state.
pub(crate) enum Operation {
    Read(Read),
    Write(Write),
}

pub(crate) fn operation(name: &str) -> Option<Operation> {
    use Operation::{Read, Write};
    Some(match name {
        "CreateReplicationGroup" => Write(|s, i| replication_groups::create::create(s, i).map(Some)),
        "ModifyReplicationGroup" => Write(|s, i| replication_groups::modify::modify(s, i).map(Some)),
        "DeleteReplicationGroup" => Write(|s, i| replication_groups::delete::delete(s, i).map(Some)),
        "DescribeReplicationGroups" => Read(replication_groups::describe::describe),
        "IncreaseReplicaCount" => Write(|s, i| replication_groups::replicas::increase(s, i).map(Some)),
        "DecreaseReplicaCount" => Write(|s, i| replication_groups::replicas::decrease(s, i).map(Some)),
        "ModifyReplicationGroupShardConfiguration" => Write(|s, i| replication_groups::shards::modify(s, i).map(Some)),
        "TestFailover" => Write(|s, i| replication_groups::failover::test(s, i).map(Some)),
        "RebootCacheCluster" => Write(|s, i| replication_groups::reboot::reboot(s, i).map(Some)),
        "ListAllowedNodeTypeModifications" => Read(engine_versions::allowed_node_types),
        "DescribeCacheClusters" => Read(clusters::describe),
        "DescribeCacheEngineVersions" => Read(engine_versions::describe),
        "DescribeUpdateActions" => Read(service_updates::actions),
        "DescribeServiceUpdates" => Read(service_updates::describe),
        "DescribeEvents" => Read(events::describe),
        "CreateCacheParameterGroup" => Write(|s, i| parameter_groups::create(s, i).map(Some)),
        "ModifyCacheParameterGroup" => Write(|s, i| parameter_groups::modify(s, i).map(Some)),
        "ResetCacheParameterGroup" => Write(|s, i| parameter_groups::reset(s, i).map(Some)),
        "DeleteCacheParameterGroup" => Write(parameter_groups::delete),
        "DescribeCacheParameterGroups" => Read(parameter_groups::describe),
        "DescribeCacheParameters" => Read(parameter_groups::describe_parameters),
        "DescribeEngineDefaultParameters" => Read(parameter_groups::describe_engine_defaults),
        "CreateCacheSubnetGroup" => Write(|s, i| subnet_groups::create(s, i).map(Some)),
        "ModifyCacheSubnetGroup" => Write(|s, i| subnet_groups::modify(s, i).map(Some)),
        "DeleteCacheSubnetGroup" => Write(subnet_groups::delete),
        "DescribeCacheSubnetGroups" => Read(subnet_groups::describe),
        "CreateServerlessCache" => Write(|s, i| serverless::create::create(s, i).map(Some)),
        "ModifyServerlessCache" => Write(|s, i| serverless::modify::modify(s, i).map(Some)),
        "DeleteServerlessCache" => Write(|s, i| serverless::delete(s, i).map(Some)),
        "DescribeServerlessCaches" => Read(serverless::describe),
        "CreateUser" => Write(|s, i| users::create(s, i).map(Some)),
        "ModifyUser" => Write(|s, i| users::modify(s, i).map(Some)),
        "DeleteUser" => Write(|s, i| users::delete(s, i).map(Some)),
        "DescribeUsers" => Read(users::describe),
        "CreateUserGroup" => Write(|s, i| user_groups::create(s, i).map(Some)),
        "ModifyUserGroup" => Write(|s, i| user_groups::modify(s, i).map(Some)),
        "DeleteUserGroup" => Write(|s, i| user_groups::delete(s, i).map(Some)),
        "DescribeUserGroups" => Read(user_groups::describe),
        "CreateSnapshot" => Write(|s, i| snapshots::create(s, i).map(Some)),
        "DeleteSnapshot" => Write(|s, i| snapshots::delete(s, i).map(Some)),
        "DescribeSnapshots" => Read(snapshots::describe),
        "CreateServerlessCacheSnapshot" => Write(|s, i| snapshots::serverless::create(s, i).map(Some)),
        "DeleteServerlessCacheSnapshot" => Write(|s, i| snapshots::serverless::delete(s, i).map(Some)),
        "DescribeServerlessCacheSnapshots" => Read(snapshots::serverless::describe),
        "AddTagsToResource" => Write(|s, i| tags::add(s, i).map(Some)),
        "RemoveTagsFromResource" => Write(|s, i| tags::remove(s, i).map(Some)),
        "ListTagsForResource" => Read(tags::list),
        _ => return None,
    })
}

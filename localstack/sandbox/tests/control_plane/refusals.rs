//! What AWS refuses, and how it says so. The sources are in `docs/sandbox.md`.

use crate::client::Aws;

/// A sandbox with one group of each kind.
fn world() -> Aws {
    let aws = Aws::instant();
    aws.call("CreateCacheSubnetGroup", "CacheSubnetGroupName=two&CacheSubnetGroupDescription=d&SubnetIds.SubnetIdentifier.1=subnet-x-1a&SubnetIds.SubnetIdentifier.2=subnet-x-1b");
    for (name, family) in [("v7", "valkey7"), ("v8", "valkey8"), ("v8on", "valkey8"), ("r7", "redis7")] {
        aws.call(
            "CreateCacheParameterGroup",
            &format!("CacheParameterGroupName={name}&CacheParameterGroupFamily={family}&Description=d"),
        );
    }
    set(&aws, "v8on", "cluster-enabled", "yes");
    aws.group("single", "NumCacheClusters=1&EngineVersion=8.0&CacheParameterGroupName=v8&AutomaticFailoverEnabled=false&CacheSubnetGroupName=two");
    aws.group("pair", "NumCacheClusters=2&EngineVersion=7.2&AutomaticFailoverEnabled=true&CacheParameterGroupName=v7");
    aws.group("shards", "NumNodeGroups=2&ReplicasPerNodeGroup=0&EngineVersion=8.0");
    aws.group("secret", "NumCacheClusters=2&TransitEncryptionEnabled=true&AuthToken=0123456789abcdef");
    aws.call(
        "CreateUser",
        "UserId=u&UserName=u&Engine=valkey&AccessString=on ~* %2B@all&Passwords.member.1=0123456789abcdef",
    );
    aws.call("CreateUserGroup", "UserGroupId=g&Engine=valkey&UserIds.member.1=u");
    aws.group("rbac", "NumCacheClusters=2&TransitEncryptionEnabled=true&UserGroupIds.member.1=g");
    let old = "ReplicationGroupId=old&ReplicationGroupDescription=d&Engine=redis&EngineVersion=5.0.6&CacheNodeType=cache.r6g.large&NumCacheClusters=1&PreferredMaintenanceWindow=sun:08:00-sun:09:00";
    aws.call("CreateReplicationGroup", old);
    aws
}

fn set(aws: &Aws, group: &str, name: &str, value: &str) {
    aws.call("ModifyCacheParameterGroup", &pair(group, name, value));
}

fn pair(group: &str, name: &str, value: &str) -> String {
    format!(
        "CacheParameterGroupName={group}&ParameterNameValues.ParameterNameValue.1.ParameterName={name}&ParameterNameValues.ParameterNameValue.1.ParameterValue={value}"
    )
}

/// (group, what ModifyReplicationGroup gets beside ApplyImmediately=true, code, text)
const MODIFICATIONS: &[(&str, &str, &str, &str)] = &[
    ("pair", "", "InvalidParameterCombination", "No modifications were requested"),
    ("pair", "ReplicationGroupDescription=d", "InvalidParameterCombination", "No modifications were requested"),
    (
        "shards",
        "AutomaticFailoverEnabled=false",
        "InvalidParameterCombination",
        "Turning off automatic failover for replication group with cluster mode enabled is not supported.",
    ),
    (
        "single",
        "AutomaticFailoverEnabled=true",
        "InvalidParameterCombination",
        "Replication group must have at least one read replica to enable autofailover.",
    ),
    (
        "shards",
        "AutomaticFailoverEnabled=true",
        "InvalidParameterCombination",
        "Replication group must have at least one read replica to enable autofailover.",
    ),
    (
        "secret",
        "UserGroupIdsToAdd.member.1=g",
        "InvalidParameterCombination",
        "User group can't be associated with auth token enabled. Pass AuthStrategy delete to proceed.",
    ),
    (
        "rbac",
        "AuthToken=0123456789abcdef&AuthTokenUpdateStrategy=ROTATE",
        "InvalidParameterCombination",
        "Auth tokens can't be enabled with a user group already associated. Pass RemoveUserGroups to proceed.",
    ),
    (
        "secret",
        "AuthTokenUpdateStrategy=DELETE",
        "InvalidParameterValue",
        "Auth token update strategy delete is not supported currently",
    ),
    (
        "secret",
        "TransitEncryptionEnabled=true",
        "InvalidParameterCombination",
        "Modification of transit encryption is not supported for access control enabled clusters.",
    ),
    (
        "rbac",
        "TransitEncryptionMode=required",
        "InvalidParameterCombination",
        "Modification of transit encryption is not supported for access control enabled clusters.",
    ),
    (
        "single",
        "CacheParameterGroupName=v8on",
        "InvalidParameterCombination",
        "The parameter cluster-enabled has a different value in the requested parameter group than the current parameter group.",
    ),
    (
        "old",
        "CacheParameterGroupName=v7",
        "InvalidParameterCombination",
        "valkey parameter group is not applicable to engine redis",
    ),
    (
        "pair",
        "EngineVersion=8.0&Engine=valkey",
        "InvalidParameterCombination",
        "Expected a parameter group of family valkey8 but found one of family valkey7",
    ),
    (
        "old",
        "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.LogType=slow-log&LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.DestinationType=cloudwatch-logs&LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.LogFormat=json&LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.DestinationDetails.CloudWatchLogsDetails.LogGroup=g&EngineVersion=6.x",
        "InvalidParameterCombination",
        "slow-log log delivery is not available for this redis engine version.",
    ),
    ("old", "Engine=valkey", "InvalidParameterCombination", "EngineVersion must be specified"),
    (
        "single",
        "EngineVersion=7.2",
        "InvalidParameterCombination",
        "Cannot downgrade engine version from 8.0.1 to 7.2.6.",
    ),
    (
        "single",
        "EngineVersion=8.0.1.2",
        "InvalidParameterCombination",
        "Specific version selection is not allowed for '8.0.1.2', please use '8.0'",
    ),
    ("single", "Engine=redis&EngineVersion=7.1", "InvalidParameterCombination", "from valkey 8.0.1 to redis 7.1.0"),
    ("pair", "Engine=redis&EngineVersion=7.0", "InvalidParameterCombination", "from valkey 7.2.6 to redis 7.0.7"),
    ("pair", "ClusterMode=compatible&ReplicationGroupDescription=x", "InvalidParameterCombination", "together with"),
    ("pair", "Durability=sync", "InvalidParameterCombination", "valkey 9.0"),
    ("old", "CacheNodeType=cache.r7g.large", "InvalidParameterValue", "not an allowed modification"),
    ("old", "CacheNodeType=cache.r8g.large", "InvalidParameterValue", "not an allowed modification"),
    (
        "old",
        "SnapshotWindow=07:30-08:30",
        "InvalidParameterValue",
        "The snapshot window and maintenance window must not overlap.",
    ),
    (
        "old",
        "PreferredMaintenanceWindow=mon:03:00-mon:04:00&SnapshotWindow=03:30-04:30",
        "InvalidParameterValue",
        "The snapshot window and maintenance window must not overlap.",
    ),
    ("old", "PreferredMaintenanceWindow=mon:03:00-tue:03:30", "InvalidParameterValue", "24 hours"),
    ("old", "SnapshotWindow=03:00-03:30", "InvalidParameterValue", "Snapshot window must be at least 60 minutes."),
    ("single", "ClusterMode=enabled", "InvalidParameterCombination", "Change it to compatible first"),
    ("shards", "ClusterMode=compatible", "InvalidParameterCombination", "can not be changed once it is enabled"),
    (
        "pair",
        "TransitEncryptionEnabled=true&TransitEncryptionMode=required",
        "InvalidParameterCombination",
        "preferred",
    ),
    ("old", "TransitEncryptionEnabled=true&TransitEncryptionMode=preferred", "InvalidParameterCombination", "7.0.5"),
    ("pair", "MultiAZEnabled=true&AutomaticFailoverEnabled=false", "InvalidParameterCombination", "Multi-AZ"),
    ("pair", "SnapshotRetentionLimit=3", "InvalidParameterCombination", "SnapshottingClusterId"),
    ("shards", "SnapshottingClusterId=shards-0001-001", "InvalidParameterCombination", "SnapshottingClusterId"),
    ("pair", "PrimaryClusterId=pair-002", "InvalidParameterCombination", "automatic failover"),
    ("pair", "CacheNodeType=cache.r6gd.xlarge", "InvalidParameterValue", "not an allowed modification"),
    ("pair", "SnapshotRetentionLimit=36", "InvalidParameterValue", "between 0 and 35"),
    ("pair", "PreferredMaintenanceWindow=sun:01:00-sun:01:30", "InvalidParameterValue", "60 minute"),
    ("pair", "AuthToken=short&AuthTokenUpdateStrategy=ROTATE", "InvalidParameterValue", "16 characters"),
    ("pair", "CacheParameterGroupName=none", "CacheParameterGroupNotFound", "none"),
    ("none", "ReplicationGroupDescription=x", "ReplicationGroupNotFoundFault", "none"),
    ("pair", "NotificationTopicArn=arn:aws:sns:us-east-1:999999999999:t", "InvalidParameterValue", "owner"),
];

#[test]
fn modifications_are_refused_in_aws_words() {
    let aws = world();
    for (group, parameters, code, text) in MODIFICATIONS {
        let error = aws.refused(
            "ModifyReplicationGroup",
            &format!("ReplicationGroupId={group}&ApplyImmediately=true&{parameters}"),
        );
        assert!(error.starts_with(&format!("{code}: ")) && error.contains(text), "{group} {parameters}: {error}");
    }
}

/// (call, parameters, code, text)
const OTHERS: &[(&str, &str, &str, &str)] = &[
    (
        "ModifyReplicationGroupShardConfiguration",
        "ReplicationGroupId=pair&NodeGroupCount=2&ApplyImmediately=true",
        "InvalidParameterValue",
        "Operation is only applicable for cluster mode enabled replication groups.",
    ),
    (
        "ModifyReplicationGroupShardConfiguration",
        "ReplicationGroupId=shards&NodeGroupCount=3",
        "InvalidParameterValue",
        "ApplyImmediately",
    ),
    (
        "ModifyReplicationGroupShardConfiguration",
        "ReplicationGroupId=shards&NodeGroupCount=1&ApplyImmediately=true",
        "InvalidParameterCombination",
        "Exactly one of NodeGroupsToRemove",
    ),
    (
        "ModifyReplicationGroupShardConfiguration",
        "ReplicationGroupId=shards&NodeGroupCount=91&ApplyImmediately=true",
        "NodeGroupsPerReplicationGroupQuotaExceeded",
        "90",
    ),
    (
        "DecreaseReplicaCount",
        "ReplicationGroupId=pair&NewReplicaCount=0&ApplyImmediately=true",
        "InvalidParameterCombination",
        "Must have at least 1 replica when cluster mode is disabled with auto failover enabled.",
    ),
    (
        "IncreaseReplicaCount",
        "ReplicationGroupId=pair&NewReplicaCount=2&ApplyImmediately=false",
        "InvalidParameterValue",
        "not currently supported",
    ),
    (
        "IncreaseReplicaCount",
        "ReplicationGroupId=pair&NewReplicaCount=6&ApplyImmediately=true",
        "InvalidParameterValue",
        "0 to 5",
    ),
    ("IncreaseReplicaCount", "ReplicationGroupId=pair&NewReplicaCount=1&ApplyImmediately=true", "NoOperationFault", ""),
    (
        "DeleteCacheParameterGroup",
        "CacheParameterGroupName=v7",
        "InvalidCacheParameterGroupState",
        "One or more cache clusters are still members of this parameter group",
    ),
    ("DeleteCacheSubnetGroup", "CacheSubnetGroupName=two", "CacheSubnetGroupInUse", ""),
    ("ModifyCacheSubnetGroup", "CacheSubnetGroupName=two&SubnetIds.SubnetIdentifier.1=subnet-x-1c", "SubnetInUse", ""),
    (
        "CreateCacheSubnetGroup",
        "CacheSubnetGroupName=vpcs&CacheSubnetGroupDescription=d&SubnetIds.SubnetIdentifier.1=subnet-vpc1-1a&SubnetIds.SubnetIdentifier.2=subnet-vpc2-1b",
        "InvalidSubnet",
        "VPC",
    ),
    (
        "CreateCacheParameterGroup",
        "CacheParameterGroupName=x&CacheParameterGroupFamily=valkey99&Description=d",
        "InvalidParameterValue",
        "valkey99",
    ),
    (
        "ModifyCacheParameterGroup",
        "CacheParameterGroupName=default.valkey8&ParameterNameValues.ParameterNameValue.1.ParameterName=timeout",
        "InvalidParameterValue",
        "default",
    ),
    (
        "CreateUserGroup",
        "UserGroupId=noone&Engine=redis",
        "DefaultUserRequired",
        "User group needs to contain a user with the user name default.",
    ),
    (
        "ModifyUserGroup",
        "UserGroupId=g&UserIdsToRemove.member.1=default",
        "InvalidParameterValue",
        "is not a member of user group",
    ),
    ("DeleteUserGroup", "UserGroupId=g", "InvalidUserGroupState", ""),
    ("TestFailover", "ReplicationGroupId=single&NodeGroupId=0001", "TestFailoverNotAvailableFault", ""),
    ("CreateCacheCluster", "CacheClusterId=x", "InvalidAction", "CreateCacheCluster"),
];

#[test]
fn other_calls_are_refused_in_aws_words() {
    let aws = world();
    for (call, parameters, code, text) in OTHERS {
        let error = aws.refused(call, parameters);
        assert!(error.starts_with(&format!("{code}: ")) && error.contains(text), "{call} {parameters}: {error}");
    }
    let parameter = aws.refused("ModifyCacheParameterGroup", &pair("v8", "cluster-enabled", "yes"));
    assert_eq!(parameter, "InvalidParameterValue: The parameter cluster-enabled cannot be modified.");
}

/// (what CreateReplicationGroup gets beside id, description and engine valkey, code, text)
const CREATIONS: &[(&str, &str, &str)] = &[
    ("", "InvalidParameterValue", "CacheNodeType"),
    ("CacheNodeType=cache.huge.large", "InvalidParameterValue", "cache.huge.large"),
    (
        "CacheNodeType=cache.r7g.large&EngineVersion=6.2",
        "InvalidParameterCombination",
        "Cannot find version 6.2 for valkey",
    ),
    (
        "CacheNodeType=cache.r7g.large&NumCacheClusters=1&AutomaticFailoverEnabled=true",
        "InvalidParameterCombination",
        "at least one read replica",
    ),
    ("CacheNodeType=cache.r7g.large&NumCacheClusters=7", "InvalidParameterValue", "between 1 and 6"),
    (
        "CacheNodeType=cache.r7g.large&NumCacheClusters=2&NumNodeGroups=2",
        "InvalidParameterCombination",
        "NumCacheClusters",
    ),
    (
        "CacheNodeType=cache.r7g.large&NumNodeGroups=2&AutomaticFailoverEnabled=false",
        "InvalidParameterCombination",
        "cluster mode enabled",
    ),
    (
        "CacheNodeType=cache.r7g.large&NumNodeGroups=2&CacheParameterGroupName=v8&EngineVersion=8.0",
        "InvalidParameterCombination",
        "cluster-enabled",
    ),
    (
        "CacheNodeType=cache.r7g.large&NumCacheClusters=2&MultiAZEnabled=true&AutomaticFailoverEnabled=false",
        "InvalidParameterCombination",
        "Multi-AZ",
    ),
    (
        "CacheNodeType=cache.r7g.large&AuthToken=0123456789abcdef",
        "InvalidParameterCombination",
        "TransitEncryptionEnabled",
    ),
    ("CacheNodeType=cache.r7g.large&UserGroupIds.member.1=g", "InvalidParameterCombination", "encryption-in-transit"),
    ("CacheNodeType=cache.r6gd.xlarge", "InvalidParameterCombination", "DataTieringEnabled"),
    (
        "CacheNodeType=cache.r7g.large&CacheParameterGroupName=r7",
        "InvalidParameterCombination",
        "redis parameter group is not applicable to engine valkey",
    ),
    (
        "CacheNodeType=cache.r7g.large&EngineVersion=8.0&CacheParameterGroupName=v7",
        "InvalidParameterCombination",
        "Expected a parameter group of family valkey8",
    ),
    ("CacheNodeType=cache.r7g.large&CacheSubnetGroupName=none", "CacheSubnetGroupNotFoundFault", "none"),
    (
        "CacheNodeType=cache.r7g.large&TransitEncryptionMode=preferred",
        "InvalidParameterCombination",
        "TransitEncryptionEnabled",
    ),
    (
        "CacheNodeType=cache.r7g.large&NumNodeGroups=2&NodeGroupConfiguration.NodeGroupConfiguration.1.Slots=0-100&NodeGroupConfiguration.NodeGroupConfiguration.2.Slots=101-200",
        "InvalidParameterCombination",
        "0-16383",
    ),
    ("CacheNodeType=cache.t2.small", "InvalidParameterValue", "not available for new clusters"),
    ("CacheNodeType=cache.t3.smal", "InvalidParameterValue", "cache.t3.smal"),
    (
        "CacheNodeType=cache.r7g.large&NumNodeGroups=2&ReplicasPerNodeGroup=0&PreferredCacheClusterAZs.AvailabilityZone.1=us-east-1a",
        "InvalidParameterCombination",
        "PreferredCacheClusterAZs can only be specified for one node group.",
    ),
    (
        "CacheNodeType=cache.r7g.large&PreferredMaintenanceWindow=sun:03:00-sun:04:00&SnapshotWindow=03:30-04:30",
        "InvalidParameterValue",
        "The snapshot window and maintenance window must not overlap.",
    ),
    (
        "CacheNodeType=cache.r7g.large&NumCacheClusters=2&Durability=sync&TransitEncryptionEnabled=true",
        "InvalidParameterCombination",
        "cluster mode enabled",
    ),
    ("CacheNodeType=cache.r7g.large&Tags.Tag.1.Key=aws:x", "InvalidParameterValue", "aws:"),
    ("CacheNodeType=cache.r7g.large&NumCacheClusters=two", "MalformedInput", "NumCacheClusters"),
];

#[test]
fn creations_are_refused_in_aws_words() {
    let aws = world();
    for (parameters, code, text) in CREATIONS {
        let error = aws.refused(
            "CreateReplicationGroup",
            &format!("ReplicationGroupId=new&ReplicationGroupDescription=d&Engine=valkey&{parameters}"),
        );
        assert!(error.starts_with(&format!("{code}: ")) && error.contains(text), "{parameters}: {error}");
    }
    for id in ["1x", "a--b", "a-", "a_b", &"a".repeat(41)] {
        let error = aws.refused(
            "CreateReplicationGroup",
            &format!("ReplicationGroupId={id}&ReplicationGroupDescription=d&CacheNodeType=cache.r7g.large"),
        );
        assert!(error.starts_with("InvalidParameterValue: The parameter ReplicationGroupId"), "{id}: {error}");
    }
}

#[test]
fn what_must_be_applied_immediately_is_refused_otherwise() {
    let aws = world();
    let log = "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.LogType=slow-log&LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.Enabled=false";
    let error = aws.refused("ModifyReplicationGroup", &format!("ReplicationGroupId=pair&{log}"));
    assert_eq!(
        error,
        "InvalidParameterCombination: To modify the log delivery configuration, set the apply-immediately parameter to true."
    );
    let error = aws.refused(
        "ModifyReplicationGroup",
        "ReplicationGroupId=secret&AuthToken=0123456789abcdeg&AuthTokenUpdateStrategy=ROTATE",
    );
    assert!(error.contains("apply-immediately"), "{error}");
}

#[test]
fn a_refused_call_changes_nothing() {
    let aws = world();
    let before = aws.describe("pair").text();
    aws.refused(
        "ModifyReplicationGroup",
        "ReplicationGroupId=pair&ApplyImmediately=true&ReplicationGroupDescription=x&CacheNodeType=cache.huge.large",
    );
    let strip = |text: String| text.split("<RequestId>").next().unwrap_or_default().to_owned();
    assert_eq!(strip(aws.describe("pair").text()), strip(before));
}

#[test]
fn a_token_is_changed_in_a_call_of_its_own() {
    let aws = world();
    let token =
        "ReplicationGroupId=secret&AuthToken=0123456789abcdeg&AuthTokenUpdateStrategy=ROTATE&ApplyImmediately=true";
    let error = aws.refused("ModifyReplicationGroup", &format!("{token}&ReplicationGroupDescription=x"));
    assert!(error.contains("together with ReplicationGroupDescription"), "{error}");
    aws.call("ModifyReplicationGroup", token);
}

#[test]
fn notifications_go_to_a_topic_of_the_same_region_and_account() {
    let aws = world();
    let topic = |region: &str, account: &str| {
        format!("ReplicationGroupId=pair&ApplyImmediately=true&NotificationTopicArn=arn:aws:sns:{region}:{account}:t")
    };
    let error = aws.refused("ModifyReplicationGroup", &topic("eu-west-1", "012345678901"));
    assert!(error.contains("same region"), "{error}");
    let error = aws.refused("ModifyReplicationGroup", &topic("us-east-1", "000000000000"));
    assert!(error.contains("same as the cache cluster's owner"), "{error}");
    aws.call("ModifyReplicationGroup", &topic("us-east-1", "012345678901"));
}

#[test]
fn zones_of_new_shards_are_those_of_every_shard() {
    let aws = world();
    let zones = |entry: u8, zone: &str| {
        format!(
            "&ReshardingConfiguration.ReshardingConfiguration.{entry}.PreferredAvailabilityZones.AvailabilityZone.1={zone}"
        )
    };
    let grow = |more: &str| format!("ReplicationGroupId=shards&NodeGroupCount=3&ApplyImmediately=true{more}");
    let call = "ModifyReplicationGroupShardConfiguration";
    let ids = "&ReshardingConfiguration.ReshardingConfiguration.1.NodeGroupId=0001&ReshardingConfiguration.ReshardingConfiguration.2.NodeGroupId=0002";
    let without_the_first = format!("{ids}{}{}", zones(2, "us-east-1b"), zones(3, "us-east-1a"));
    let error = aws.refused(call, &grow(&without_the_first));
    assert!(error.contains("must match the number of nodes"), "{error}");
    aws.call(call, &grow(&format!("{without_the_first}{}", zones(1, "us-east-1a"))));
}

#[test]
fn what_a_cluster_has_from_its_creation_on_is_not_changed_under_it() {
    let aws = world();
    let nine = "CacheParameterGroupName=v9&CacheParameterGroupFamily=valkey9&Description=d";
    aws.call("CreateCacheParameterGroup", nine);
    set(&aws, "v9", "cluster-databases", "4");
    aws.group("nine", "NumCacheClusters=1&EngineVersion=9.0&CacheParameterGroupName=v9");
    let error = aws.refused("ModifyCacheParameterGroup", &pair("v9", "cluster-databases", "8"));
    assert!(error.contains("The parameter cluster-databases cannot be modified."), "{error}");
    let error = aws.refused("ModifyCacheParameterGroup", &pair("v8", "cluster-databases", "8"));
    assert!(error.contains("doesn't exist"), "{error}");
}

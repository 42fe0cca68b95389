//! Engines, node types and cluster mode: what goes together, and in which order.

use crate::client::Aws;

fn refused(aws: &Aws, id: &str, more: &str) -> String {
    aws.refused("ModifyReplicationGroup", &format!("ReplicationGroupId={id}&{more}"))
}

fn redis(aws: &Aws, id: &str, version: &str, more: &str) {
    let basics = format!("ReplicationGroupId={id}&ReplicationGroupDescription=d&Engine=redis&EngineVersion={version}");
    aws.call("CreateReplicationGroup", &format!("{basics}&NumCacheClusters=1&{more}"));
}

#[test]
fn valkey_7_2_goes_back_to_redis_7_1_once_its_users_have() {
    let aws = Aws::instant();
    let user = |id: &str| {
        format!(
            "UserId={id}&UserName={id}&Engine=valkey&AccessString=on ~* %2B@all&Passwords.member.1=0123456789abcdef"
        )
    };
    aws.call("CreateUser", &user("app"));
    aws.call("CreateUserGroup", "UserGroupId=team&Engine=valkey&UserIds.member.1=app");
    aws.group("back", "NumCacheClusters=1&EngineVersion=7.2&TransitEncryptionEnabled=true&UserGroupIds.member.1=team");
    let rollback = "Engine=redis&EngineVersion=7.1&ApplyImmediately=true";
    assert!(refused(&aws, "back", rollback).contains("must have engine redis"));
    aws.call("ModifyUser", "UserId=app&Engine=redis");
    assert!(refused(&aws, "back", rollback).contains("must have engine redis"), "the group is still a valkey one");
    aws.call("ModifyUserGroup", "UserGroupId=team&Engine=redis&UserIdsToAdd.member.1=default");
    aws.modify("back", rollback);
    let member = aws.member("back-001");
    assert_eq!((member.one("Engine"), member.one("EngineVersion")), ("redis".into(), "7.1.0".into()));
    assert_eq!(member.one("CacheParameterGroupName"), "default.redis7", "AWS swaps its own parameter groups");
}

#[test]
fn a_custom_parameter_group_goes_back_in_the_same_call() {
    let aws = Aws::instant();
    for (name, family) in [("v7", "valkey7"), ("r7", "redis7")] {
        let more = format!("CacheParameterGroupName={name}&CacheParameterGroupFamily={family}&Description=d");
        aws.call("CreateCacheParameterGroup", &more);
    }
    aws.group("back", "NumCacheClusters=1&EngineVersion=7.2&CacheParameterGroupName=v7");
    let rollback = "Engine=redis&EngineVersion=7.1&ApplyImmediately=true";
    assert!(refused(&aws, "back", rollback).contains("Expected a parameter group of family redis7"));
    aws.modify("back", &format!("{rollback}&CacheParameterGroupName=r7"));
    assert_eq!(aws.member("back-001").one("CacheParameterGroupName"), "r7");
}

#[test]
fn node_types_have_engines_of_their_own() {
    let aws = Aws::instant();
    for (node_type, version) in [
        ("cache.r8g.large", "7.1"),
        ("cache.m8g.large", "7.1"),
        ("cache.c8gn.large", "7.1"),
        ("cache.r7g.large", "6.0"),
        ("cache.t4g.small", "4.0.10"),
    ] {
        let more = format!(
            "ReplicationGroupId=x&ReplicationGroupDescription=d&Engine=redis&EngineVersion={version}&CacheNodeType={node_type}"
        );
        let error = aws.refused("CreateReplicationGroup", &more);
        assert!(error.contains("does not support engine redis"), "{node_type}: {error}");
    }
    redis(&aws, "old", "5.0.6", "CacheNodeType=cache.m6g.large");
    let up = aws.call("ListAllowedNodeTypeModifications", "ReplicationGroupId=old").text();
    assert!(!up.contains("cache.m7g.") && !up.contains("cache.r8g.") && up.contains("cache.r6g.large"), "{up}");
    assert!(refused(&aws, "old", "CacheNodeType=cache.m7g.large&ApplyImmediately=true").contains("not an allowed"));
    aws.modify("old", "EngineVersion=7.1&ApplyImmediately=true");
    aws.modify("old", "CacheNodeType=cache.m7g.large&ApplyImmediately=true");
    aws.modify("old", "Engine=valkey&EngineVersion=7.2&ApplyImmediately=true");
    aws.modify("old", "CacheNodeType=cache.m8g.large&ApplyImmediately=true");
    let error = refused(&aws, "old", "Engine=redis&EngineVersion=7.1&ApplyImmediately=true");
    assert!(error.contains("does not support engine redis"), "{error}");
}

#[test]
fn a_pending_scale_up_and_an_engine_upgrade_do_not_pass_each_other() {
    let aws = Aws::instant();
    aws.group("up", "NumCacheClusters=1&EngineVersion=8.0");
    aws.modify("up", "CacheNodeType=cache.r7g.xlarge");
    let upgrade = "EngineVersion=8.1&ApplyImmediately=true";
    assert!(refused(&aws, "up", upgrade).contains("while a scale-up is pending"));
    aws.modify("up", &format!("{upgrade}&CacheNodeType=cache.r7g.xlarge"));
    assert_eq!(aws.member("up-001").one("EngineVersion"), "8.1.0", "both in one immediate call");

    aws.modify("up", "EngineVersion=8.2");
    let scale = "CacheNodeType=cache.r7g.2xlarge";
    assert!(
        refused(&aws, "up", &format!("{scale}&ApplyImmediately=true")).contains("while an engine upgrade is pending")
    );
    aws.modify("up", scale);
    assert!(aws.sandbox.open_maintenance_window("up").expect("it opens"), "the second one deferred, too");

    aws.modify("up", "CacheNodeType=cache.r7g.large");
    aws.modify("up", "EngineVersion=9.0&ApplyImmediately=true");
}

#[test]
fn a_compatible_group_takes_nothing_but_its_next_hop() {
    let aws = Aws::instant();
    for id in ["on", "off"] {
        aws.group(id, "NumCacheClusters=2&EngineVersion=8.0&AutomaticFailoverEnabled=true");
        aws.modify(id, "ClusterMode=compatible&ApplyImmediately=true");
    }
    for more in [
        "CacheNodeType=cache.r7g.xlarge&ApplyImmediately=true",
        "EngineVersion=8.1&ApplyImmediately=true",
        "ReplicationGroupDescription=x&ApplyImmediately=true",
        "MultiAZEnabled=true&ApplyImmediately=true",
    ] {
        assert!(refused(&aws, "on", more).contains("cluster mode compatible"), "{more}");
    }
    for (call, more) in [
        ("IncreaseReplicaCount", "NewReplicaCount=2"),
        ("DecreaseReplicaCount", "NewReplicaCount=0"),
        ("ModifyReplicationGroupShardConfiguration", "NodeGroupCount=2"),
    ] {
        aws.refused(call, &format!("ReplicationGroupId=on&{more}&ApplyImmediately=true"));
    }
    aws.modify("on", "ClusterMode=enabled&ApplyImmediately=true");
    assert_eq!(aws.describe("on").one("ClusterMode"), "enabled");
    aws.modify("off", "ClusterMode=disabled&ApplyImmediately=true");
    let group = aws.describe("off");
    assert_eq!((group.one("ClusterMode"), group.all("CurrentRole").len()), ("disabled".into(), 2));
    assert_eq!(aws.member("off-001").one("CacheParameterGroupName"), "default.valkey8");
}

#[test]
fn data_tiering_takes_its_policies_only() {
    let aws = Aws::instant();
    aws.call("CreateCacheParameterGroup", "CacheParameterGroupName=p&CacheParameterGroupFamily=valkey8&Description=d");
    let set = |value: &str| {
        format!(
            "CacheParameterGroupName=p&ParameterNameValues.ParameterNameValue.1.ParameterName=maxmemory-policy&ParameterNameValues.ParameterNameValue.1.ParameterValue={value}"
        )
    };
    aws.call("ModifyCacheParameterGroup", &set("allkeys-random"));
    let tiered = "EngineVersion=8.0&NumCacheClusters=1&DataTieringEnabled=true&CacheParameterGroupName=p";
    let create = format!(
        "ReplicationGroupId=t&ReplicationGroupDescription=d&Engine=valkey&CacheNodeType=cache.r6gd.xlarge&{tiered}"
    );
    assert!(
        aws.refused("CreateReplicationGroup", &create).contains("allkeys-random is not supported with data tiering")
    );
    aws.call("ModifyCacheParameterGroup", &set("allkeys-lfu"));
    aws.call("CreateReplicationGroup", &create);
    assert!(aws.refused("ModifyCacheParameterGroup", &set("volatile-ttl")).contains("not supported with data tiering"));
}

#[test]
fn zones_of_new_shards_are_as_many_as_their_nodes() {
    let aws = Aws::instant();
    aws.group("z", "NumNodeGroups=1&ReplicasPerNodeGroup=1&EngineVersion=8.0&ClusterMode=enabled");
    let shard = |number: usize, zones: &[&str]| -> String {
        let at = format!(
            "&ReshardingConfiguration.ReshardingConfiguration.{number}.PreferredAvailabilityZones.AvailabilityZone"
        );
        zones.iter().enumerate().map(|(index, zone)| format!("{at}.{}={zone}", index + 1)).collect()
    };
    let call = |shards: String| format!("ReplicationGroupId=z&NodeGroupCount=2&ApplyImmediately=true{shards}");
    let (both, one) = (["us-east-1a", "us-east-1b"], ["us-east-1b"]);
    let error = aws.refused("ModifyReplicationGroupShardConfiguration", &call(shard(1, &both) + &shard(2, &one)));
    assert!(error.contains("number of nodes"), "{error}");
    let error = aws.refused("ModifyReplicationGroupShardConfiguration", &call(shard(1, &both)));
    assert!(error.contains("all 2 node groups"), "{error}");
    aws.call(
        "ModifyReplicationGroupShardConfiguration",
        &call(shard(1, &both) + &shard(2, &["us-east-1c", "us-east-1b"])),
    );
    assert_eq!(aws.member("z-0002-001").one("PreferredAvailabilityZone"), "us-east-1c");
}

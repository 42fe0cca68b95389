//! Durable writes: exchanged in place, in a call of their own, as long as what they rest on is there.

use crate::client::Aws;

const BASICS: &str = "EngineVersion=9.0&NumNodeGroups=2&ReplicasPerNodeGroup=1&TransitEncryptionEnabled=true\
    &AtRestEncryptionEnabled=false&MultiAZEnabled=true";

fn refused(aws: &Aws, id: &str, more: &str) -> String {
    aws.refused("ModifyReplicationGroup", &format!("ReplicationGroupId={id}&ApplyImmediately=true&{more}"))
}

#[test]
fn durability_is_exchanged_in_place_in_every_direction() {
    let aws = Aws::instant();
    aws.group("d", BASICS);
    let shown = || {
        let group = aws.describe("d");
        [group.one("Durability"), group.one("EffectiveDurability"), group.one("StorageEncryptionType")]
    };
    assert_eq!(shown(), ["default", "disabled", "none"]);
    for mode in ["async", "sync", "disabled", "sync"] {
        aws.modify("d", &format!("Durability={mode}&ApplyImmediately=true"));
        assert_eq!(shown(), [mode, mode, "sse-elasticache"], "it encrypts by itself, and goes on to");
    }
    assert_eq!(aws.describe("d").one("AtRestEncryptionEnabled"), "false");
}

#[test]
fn what_is_in_effect_lags_behind_what_was_asked_for() {
    let aws = Aws::patient();
    aws.group("d", BASICS);
    aws.pass(340);
    let answer = aws.modify("d", "Durability=sync&ApplyImmediately=true");
    assert_eq!(answer.one("Durability"), "default", "the answer is stale");
    aws.pass(16);
    let group = aws.describe("d");
    assert_eq!((group.one("Durability"), group.one("EffectiveDurability")), ("sync".into(), "disabled".into()));
    aws.pass(30);
    assert_eq!(aws.describe("d").one("EffectiveDurability"), "sync");
}

#[test]
fn durability_goes_alone() {
    let aws = Aws::instant();
    aws.group("d", BASICS);
    let error = refused(&aws, "d", "Durability=sync&ReplicationGroupDescription=x");
    assert!(error.contains("standalone"), "{error}");
}

#[test]
fn durability_needs_all_that_it_rests_on() {
    let aws = Aws::instant();
    for (id, other, why) in [
        ("old", BASICS.replace("=9.0", "=8.2"), "valkey 9.0"),
        (
            "nodes",
            BASICS
                .replace("NumNodeGroups=2&ReplicasPerNodeGroup=1", "NumCacheClusters=2&AutomaticFailoverEnabled=true"),
            "cluster mode enabled",
        ),
        ("zone", BASICS.replace("&MultiAZEnabled=true", ""), "Multi-AZ"),
        ("lone", BASICS.replace("Group=1", "Group=0").replace("&MultiAZEnabled=true", ""), "replica"),
        ("plain", BASICS.replace("&TransitEncryptionEnabled=true", ""), "encryption in transit"),
        ("small", format!("{BASICS}&CacheNodeType=cache.t4g.medium"), "node type"),
    ] {
        let create = |more: &str| {
            let node_type = if other.contains("CacheNodeType") { "" } else { "&CacheNodeType=cache.r7g.large" };
            format!("ReplicationGroupId={id}&ReplicationGroupDescription=d&Engine=valkey&{other}{node_type}{more}")
        };
        let error = aws.refused("CreateReplicationGroup", &create("&Durability=async"));
        assert!(error.contains(why), "{id}: {error}");
        aws.call("CreateReplicationGroup", &create(""));
        let error = refused(&aws, id, "Durability=async");
        assert!(error.contains(why), "{id}: {error}");
    }
    aws.group("member", BASICS);
    aws.sandbox.set_global_datastore("member", Some("ldgnf-global"), true).expect("it joins");
    assert!(refused(&aws, "member", "Durability=sync").contains("global datastore"));
}

#[test]
fn what_durable_writes_rest_on_does_not_go_while_they_are_on() {
    let aws = Aws::instant();
    aws.group("d", &format!("{BASICS}&Durability=sync"));
    for (change, why) in [
        ("MultiAZEnabled=false", "Multi-AZ"),
        ("CacheNodeType=cache.t4g.medium", "node type"),
        ("CacheNodeType=cache.m5.large", "node type"),
    ] {
        let error = refused(&aws, "d", change);
        assert!(error.contains("Durability requires") && error.contains(why), "{change}: {error}");
    }
    let error = aws.refused("DecreaseReplicaCount", "ReplicationGroupId=d&NewReplicaCount=0&ApplyImmediately=true");
    assert!(error.contains("replica"), "{error}");
    aws.modify("d", "CacheNodeType=cache.r8g.large&ApplyImmediately=true");
    aws.modify("d", "Durability=disabled&ApplyImmediately=true");
    aws.modify("d", "MultiAZEnabled=false&ApplyImmediately=true");
}

//! Parameter groups.

use crate::client::Aws;

const CREATE: &str = "CacheParameterGroupName=Mine&CacheParameterGroupFamily=valkey8&Description=d";

fn change(names: &[(&str, &str)]) -> String {
    let pairs = names.iter().enumerate().map(|(index, (name, value))| {
        let at = format!("ParameterNameValues.ParameterNameValue.{}", index + 1);
        format!("&{at}.ParameterName={name}&{at}.ParameterValue={value}")
    });
    format!("CacheParameterGroupName=mine{}", pairs.collect::<String>())
}

#[test]
fn only_own_values_have_the_source_user() {
    let aws = Aws::instant();
    aws.call("CreateCacheParameterGroup", CREATE);
    let user = "CacheParameterGroupName=mine&Source=user";
    assert!(aws.call("DescribeCacheParameters", user).all("ParameterName").is_empty());
    aws.call("ModifyCacheParameterGroup", &change(&[("maxmemory-policy", "allkeys-lru"), ("timeout", "60")]));
    assert_eq!(aws.call("DescribeCacheParameters", user).all("ParameterName"), ["maxmemory-policy", "timeout"]);
    aws.call("ResetCacheParameterGroup", &change(&[("timeout", "")]));
    assert_eq!(aws.call("DescribeCacheParameters", user).all("ParameterValue"), ["allkeys-lru"]);
    aws.call("ResetCacheParameterGroup", "CacheParameterGroupName=mine&ResetAllParameters=true");
    assert!(aws.call("DescribeCacheParameters", user).all("ParameterName").is_empty());
}

#[test]
fn illegal_values_and_names_are_refused() {
    let aws = Aws::instant();
    aws.call("CreateCacheParameterGroup", CREATE);
    for (name, value) in [
        ("maxmemory-policy", "some"),
        ("timeout", "5"),
        ("timeout", "x"),
        ("nonsense", "1"),
        ("maxclients", "100"),
        ("hash-max-ziplist-entries", "1"),
    ] {
        let error = aws.refused("ModifyCacheParameterGroup", &change(&[(name, value)]));
        assert!(error.starts_with("InvalidParameterValue"), "{name}={value}: {error}");
    }
    let many: Vec<(&str, &str)> = vec![("timeout", "0"); 21];
    assert!(aws.refused("ModifyCacheParameterGroup", &change(&many)).contains("20"));
}

#[test]
fn a_parameter_that_needs_a_reboot_waits_for_it() {
    let aws = Aws::instant();
    aws.call("CreateCacheParameterGroup", CREATE);
    aws.group("cache", "NumCacheClusters=2&EngineVersion=8.0&CacheParameterGroupName=mine");
    aws.call("ModifyCacheParameterGroup", &change(&[("timeout", "60")]));
    assert_eq!(aws.member("cache-001").one("ParameterApplyStatus"), "in-sync");
    aws.call("ModifyCacheParameterGroup", &change(&[("databases", "32")]));
    let member = aws.member("cache-001");
    assert_eq!(
        (member.one("ParameterApplyStatus"), member.one("CacheNodeId")),
        ("pending-reboot".into(), "0001".into())
    );
    aws.call("RebootCacheCluster", "CacheClusterId=cache-001&CacheNodeIdsToReboot.CacheNodeId.1=0001");
    assert_eq!(aws.member("cache-001").one("ParameterApplyStatus"), "in-sync");
    assert_eq!(aws.member("cache-002").one("ParameterApplyStatus"), "pending-reboot");
}

#[test]
fn a_group_is_modifying_while_its_parameters_are_applied() {
    let aws = Aws::patient();
    aws.call("CreateCacheParameterGroup", CREATE);
    aws.group("cache", "NumCacheClusters=1&EngineVersion=8.0&CacheParameterGroupName=mine");
    aws.pass(340);
    aws.call("ModifyCacheParameterGroup", &change(&[("timeout", "60")]));
    assert_eq!(aws.status("cache"), "modifying");
    assert_eq!(aws.member("cache-001").one("ParameterApplyStatus"), "applying");
    let error = aws.refused("ModifyCacheParameterGroup", &change(&[("timeout", "90")]));
    assert!(error.starts_with("InvalidCacheParameterGroupState") && error.contains("has pending changes"), "{error}");
    aws.pass(30);
    assert_eq!(aws.status("cache"), "available");
}

#[test]
fn a_new_family_comes_in_one_call_with_its_parameter_group() {
    let aws = Aws::instant();
    aws.call("CreateCacheParameterGroup", "CacheParameterGroupName=old&CacheParameterGroupFamily=redis7&Description=d");
    aws.call("CreateCacheParameterGroup", CREATE);
    let redis = "ReplicationGroupId=cache&ReplicationGroupDescription=d&Engine=redis&EngineVersion=7.1&CacheNodeType=cache.r7g.large&NumCacheClusters=1&CacheParameterGroupName=old";
    aws.call("CreateReplicationGroup", redis);
    aws.modify("cache", "Engine=valkey&EngineVersion=8.0&CacheParameterGroupName=mine&ApplyImmediately=true");
    let member = aws.member("cache-001");
    assert_eq!((member.one("Engine"), member.one("EngineVersion")), ("valkey".into(), "8.0.1".into()));
    assert_eq!(aws.describe("cache").one("AtRestEncryptionEnabled"), "false", "as it was under redis");
    aws.call("DeleteCacheParameterGroup", "CacheParameterGroupName=old");
}

//! What `status` shows of states that a test can only set by hand. `tests/status/CASE.txt` holds what people
//! see in 80 columns; `CACHECTL_BLESS=1` writes it anew.

use std::path::PathBuf;

use cachectl::model::live::Live;
use cachectl::model::{Glob, Kind, Spec};
use cachectl::render::status::{markdown, table};
use cachectl::status::{Health, Report, report};
use serde_json::{Value, json};

use super::plan_account::{Account, options, spec};
use super::plan_docs::violations;

const STACK: &str = r#"
subnetGroups:
  shop-subnets: {description: Subnets of the shop, subnetIds: [subnet-private-1a, subnet-private-1b]}
parameterGroups:
  shop-params: {family: valkey7, description: d, parameters: {maxmemory-policy: allkeys-lru}}
users:
  shop-iam: {userName: shop-iam, engine: valkey, accessString: on ~* +@all, authenticationMode: {type: iam}}
userGroups:
  shop-users: {engine: valkey, userIds: [shop-iam]}
replicationGroups:
  shop-cache:
    description: Carts
    engine: valkey
    engineVersion: "7.2"
    cacheNodeType: cache.r7g.large
    numCacheClusters: 3
    multiAZEnabled: true
    automaticFailoverEnabled: true
    transitEncryptionEnabled: true
    cacheSubnetGroupName: shop-subnets
    cacheParameterGroupName: shop-params
    userGroupIds: [shop-users]
    alarms: {preset: recommended}
  shop-shards:
    description: Catalogue
    engine: valkey
    engineVersion: "8.0"
    cacheNodeType: cache.r7g.xlarge
    numNodeGroups: 3
    replicasPerNodeGroup: 2
serverlessCaches:
  shop-serverless: {engine: valkey, majorEngineVersion: "8"}
alarms:
  shop-errors: {namespace: Shop, metricName: Errors, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 5, comparisonOperator: GreaterThanThreshold}
"#;

/// The stack as it stands, with every alarm OK.
fn well() -> (Spec, Live) {
    let spec = spec(STACK);
    let mut account = Account::new();
    account.apply_all(&spec, &options(&[]));
    let mut live = account.live(&spec);
    live.of_mut(Kind::Alarm).values_mut().for_each(|alarm| alarm["StateValue"] = json!("OK"));
    live.api_calls = 7;
    (spec, live)
}

fn set(live: &mut Live, group: &str, member: &str, value: Value) {
    live.of_mut(Kind::ReplicationGroup).get_mut(group).expect("the group")[member] = value;
}

fn member(live: &mut Live, id: &str, name: &str, value: Value) {
    live.cache_clusters.get_mut(id).expect("the member")[name] = value;
}

fn plain(report: &Report) -> String {
    let read = "Read 2 replication groups (12 nodes), 1 serverless cache, 28 alarms in 7 calls, 0.1 s";
    anstream::adapter::strip_str(&table(report, read, 80)).to_string()
}

#[track_caller]
fn is_golden(name: &str, found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/status").join(name);
    if std::env::var_os("CACHECTL_BLESS").is_some() {
        std::fs::write(&path, found).expect("an expectation");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == found, "{} is not\n{found}", path.display());
}

/// The document holds what its schema says.
#[track_caller]
fn is_documented(report: &Report) {
    let schema: Value = serde_json::from_str(include_str!("../../schema/status.schema.json")).expect("JSON");
    let mut found = Vec::new();
    violations(&schema, &schema, &serde_json::to_value(report).expect("a document"), "status", &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[track_caller]
fn fits(text: &str) {
    let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn a_stack_that_is_well_is_told_in_eighty_columns_without_a_mark() {
    let (spec, live) = well();
    let report = report(&spec, &live, &[]);
    assert_eq!(report.health, Health::Ok);
    is_documented(&report);
    let text = plain(&report);
    fits(&text);
    assert!(!text.contains('!'), "{text}");
    is_golden("well.txt", &text);
    is_golden("well.md", &markdown(&report));
}

#[test]
fn a_group_in_the_middle_of_a_failover_names_the_members_that_are_not_available() {
    let (spec, mut live) = well();
    set(&mut live, "shop-cache", "Status", json!("modifying"));
    live.of_mut(Kind::ReplicationGroup).get_mut("shop-cache").expect("the group")["NodeGroups"][0]["Status"] =
        json!("modifying");
    member(&mut live, "shop-cache-001", "CacheClusterStatus", json!("rebooting cluster nodes"));
    set(&mut live, "shop-shards", "Status", json!("modifying"));
    set(
        &mut live,
        "shop-shards",
        "PendingModifiedValues",
        json!({"Resharding": {"SlotMigration": {}, "ProgressPercentage": 40.0}}),
    );
    member(&mut live, "shop-shards-0002-003", "CacheClusterStatus", json!("creating"));
    let only: Vec<Glob> = vec!["replicationGroup/*".parse().expect("a glob")];
    let report = report(&spec, &live, &only);
    assert_eq!(report.health, Health::Moving);
    assert_eq!(report.resources.len(), 2, "--only leaves the others out");
    is_documented(&report);
    let text = plain(&report);
    fits(&text);
    assert!(text.lines().any(|line| line.starts_with('!') && line.contains("shop-cache-001")), "{text}");
    is_golden("moving.txt", &text);
}

#[test]
fn alarms_in_alarm_and_alarms_that_are_missing_stand_out() {
    let (spec, mut live) = well();
    live.of_mut(Kind::Alarm).get_mut("shop-cache-002-Evictions").expect("an alarm")["StateValue"] = json!("ALARM");
    live.of_mut(Kind::Alarm).get_mut("shop-cache-003-Evictions").expect("an alarm")["StateValue"] =
        json!("INSUFFICIENT_DATA");
    live.of_mut(Kind::Alarm).get_mut("shop-errors").expect("an alarm")["StateValue"] = json!("ALARM");
    live.of_mut(Kind::Alarm).remove("shop-cache-001-NewConnections");
    let only: Vec<Glob> = ["*shop-cache", "alarm/*"].iter().map(|glob| glob.parse().expect("a glob")).collect();
    let report = report(&spec, &live, &only);
    assert_eq!(report.health, Health::Alarm);
    let alarms = report.resources[0].alarms.as_ref().expect("a cache's alarms");
    assert_eq!(alarms.firing, ["shop-cache-002-Evictions"]);
    assert_eq!(alarms.absent, ["shop-cache-001-NewConnections"]);
    is_documented(&report);
    let text = plain(&report);
    fits(&text);
    is_golden("alarms.txt", &text);
}

#[test]
fn what_waits_for_the_window_what_is_absent_broken_or_an_orphan_is_told() {
    let (_, mut live) = well();
    for id in ["shop-cache-001", "shop-cache-002", "shop-cache-003"] {
        member(
            &mut live,
            id,
            "PendingModifiedValues",
            json!({"EngineVersion": "8.0", "CacheNodeType": "cache.r7g.xlarge"}),
        );
    }
    live.cache_clusters.get_mut("shop-cache-001").expect("the member")["CacheParameterGroup"]["ParameterApplyStatus"] =
        json!("pending-reboot");
    set(&mut live, "shop-shards", "Status", json!("create-failed"));
    live.of_mut(Kind::ServerlessCache).remove("shop-serverless");
    let without = STACK
        .replace(
            "  shop-users: {engine: valkey, userIds: [shop-iam]}\n",
            "  other-users: {engine: valkey, userIds: [shop-iam]}\n",
        )
        .replace("userGroupIds: [shop-users]", "userGroupIds: [other-users]");
    let report = report(&spec(&without), &live, &[]);
    assert_eq!(report.health, Health::Broken);
    let state = |address: &str| {
        let found = report.resources.iter().find(|resource| resource.address.to_string() == address);
        found.map(|resource| (resource.state.clone(), resource.health, resource.orphan)).expect("the resource")
    };
    assert_eq!(state("serverlessCache/shop-serverless"), ("absent".into(), Health::Absent, false));
    assert_eq!(state("userGroup/other-users"), ("absent".into(), Health::Absent, false));
    assert_eq!(state("userGroup/shop-users"), ("active".into(), Health::Ok, true));
    assert_eq!(state("replicationGroup/shop-shards"), ("create-failed".into(), Health::Broken, false));
    is_documented(&report);
    let text = plain(&report);
    fits(&text);
    for pending in ["engineVersion 8.0", "cacheNodeType cache.r7g.xlarge", "cacheParameterGroupName pending-reboot"] {
        assert!(text.contains(&format!("pending: {pending}")), "{pending}: {text}");
    }
    is_golden("pending-absent-broken.txt", &text);
}

#[test]
fn a_datastore_durable_writes_encryption_and_service_updates_are_told() {
    let (spec, mut live) = well();
    for (member, value) in [
        (
            "GlobalReplicationGroupInfo",
            json!({"GlobalReplicationGroupId": "ldgnf-shop", "GlobalReplicationGroupMemberRole": "PRIMARY"}),
        ),
        ("AtRestEncryptionEnabled", json!(false)),
        ("StorageEncryptionType", json!("none")),
    ] {
        set(&mut live, "shop-cache", member, value);
    }
    for (member, value) in [
        ("Durability", json!("default")),
        ("EffectiveDurability", json!("async")),
        ("AtRestEncryptionEnabled", json!(false)),
        ("StorageEncryptionType", json!("sse-elasticache")),
    ] {
        set(&mut live, "shop-shards", member, value);
    }
    let action = |group: &str, name: &str, status: &str, met: &str| {
        json!({
            "ReplicationGroupId": group, "ServiceUpdateName": name, "ServiceUpdateType": "security-update",
            "ServiceUpdateSeverity": "critical", "UpdateActionStatus": status, "SlaMet": met,
            "ServiceUpdateRecommendedApplyByDate": "2026-11-15T00:00:00Z",
        })
    };
    live.update_actions = vec![
        action("shop-cache", "elc-20261101-001", "not-applied", "no"),
        action("shop-shards", "elc-20261101-001", "scheduled", "n/a"),
        action("of-somebody-else", "elc-20261101-001", "not-applied", "no"),
    ];
    let only: Vec<Glob> = vec!["replicationGroup/*".parse().expect("a glob")];
    let report = report(&spec, &live, &only);
    is_documented(&report);
    let text = plain(&report);
    fits(&text);
    is_golden("datastore-durable-updates.txt", &text);
    let due =
        |index: usize| report.resources[index].service_updates.iter().map(|one| (one.status.as_str(), one.is_late));
    assert_eq!(due(0).collect::<Vec<_>>(), [("not-applied", true)]);
    assert_eq!(due(1).collect::<Vec<_>>(), [("scheduled", false)]);
    assert!(markdown(&report).contains("elc-20261101-001"));
}

#[test]
fn what_another_stack_owns_is_said_to_be_its_and_not_well() {
    let (spec, mut live) = well();
    for address in ["subnetGroup/shop-subnets", "replicationGroup/shop-shards"] {
        let address = address.parse().expect("an address");
        live.tags.entry(address).or_default().insert("cachectl:stack".into(), "other".into());
    }
    let report = report(&spec, &live, &[]);
    is_documented(&report);
    let text = plain(&report);
    for address in ["subnetGroup/shop-subnets", "replicationGroup/shop-shards"] {
        let told = |line: &&str| line.contains(address) && line.ends_with("belongs to the stack other");
        let line = text.lines().find(told).unwrap_or_else(|| panic!("{address} in {text}"));
        assert!(line.starts_with('!'), "{line}");
    }
    assert!(text.ends_with("8 resources: 2 of another stack.\n"), "{text}");
    assert!(markdown(&report).contains("`replicationGroup/shop-shards` (of the stack other)"));
}

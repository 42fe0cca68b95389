//! Shards and replicas.

use cachectl_sandbox::FailureKind;

use crate::client::Aws;

fn clustered(aws: &Aws, more: &str) {
    aws.group("many", &format!("NumNodeGroups=2&ReplicasPerNodeGroup=1&{more}"));
}

fn reshard(aws: &Aws, parameters: &str) {
    let call = "ModifyReplicationGroupShardConfiguration";
    aws.call(call, &format!("ReplicationGroupId=many&ApplyImmediately=true&{parameters}"));
}

/// How many slots the shards own together.
fn slots(text: &[String]) -> usize {
    let ranges = text.iter().flat_map(|slots| slots.split(','));
    ranges
        .map(|range| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            to.parse::<usize>().expect("a slot") - from.parse::<usize>().expect("a slot") + 1
        })
        .sum()
}

#[test]
fn members_of_a_clustered_group_are_named_after_their_shard() {
    let aws = Aws::instant();
    clustered(&aws, "");
    let group = aws.describe("many");
    assert_eq!(group.all("ClusterId"), ["many-0001-001", "many-0001-002", "many-0002-001", "many-0002-002"]);
    assert_eq!(group.all("Slots"), ["0-8191", "8192-16383"]);
    assert_eq!(group.one("ClusterEnabled"), "true");
    assert_eq!(group.one("AutomaticFailover"), "enabled", "cluster mode turns it on");
    assert!(group.all("CurrentRole").is_empty(), "roles are shown with cluster mode disabled only");
    assert!(group.text().contains("<ConfigurationEndpoint>") && !group.text().contains("<PrimaryEndpoint>"));
    assert_eq!(aws.member("many-0001-001").one("CacheParameterGroupName"), "default.valkey9.cluster.on");
}

#[test]
fn new_shards_take_an_equal_part_of_the_slots() {
    let aws = Aws::instant();
    clustered(&aws, "");
    reshard(&aws, "NodeGroupCount=3");
    let group = aws.describe("many");
    assert_eq!(group.all("Slots").len(), 3);
    assert_eq!(slots(&group.all("Slots")), 16_384);
    assert_eq!(group.all("ClusterId").len(), 6, "as many nodes as the smallest shard has");
}

#[test]
fn shard_ids_are_not_used_again() {
    let aws = Aws::instant();
    clustered(&aws, "");
    reshard(&aws, "NodeGroupCount=3");
    reshard(&aws, "NodeGroupCount=2&NodeGroupsToRemove.NodeGroupToRemove.1=0002");
    assert_eq!(aws.describe("many").all("NodeGroupId"), ["0001", "0003"]);
    assert_eq!(slots(&aws.describe("many").all("Slots")), 16_384);
    reshard(&aws, "NodeGroupCount=3");
    assert_eq!(aws.describe("many").all("NodeGroupId"), ["0001", "0003", "0004"]);
    reshard(&aws, "NodeGroupCount=2&NodeGroupsToRemove.NodeGroupToRemove.1=0004");
    reshard(&aws, "NodeGroupCount=3");
    assert_eq!(aws.describe("many").all("NodeGroupId"), ["0001", "0003", "0005"]);
}

#[test]
fn progress_of_a_reshard_is_pending_on_the_group() {
    let aws = Aws::patient();
    clustered(&aws, "");
    aws.pass(340);
    reshard(&aws, "NodeGroupCount=3");
    aws.pass(300);
    let group = aws.describe("many");
    assert!(group.text().contains("<Resharding><SlotMigration><ProgressPercentage>50"), "{}", group.text());
    aws.pass(600);
    assert!(!aws.describe("many").text().contains("<Resharding>"));
}

#[test]
fn a_reshard_that_fails_leaves_everything_as_it_was() {
    let aws = Aws::instant();
    clustered(&aws, "");
    aws.sandbox.fail_next(FailureKind::ReshardRolledBack, None);
    reshard(&aws, "NodeGroupCount=4");
    assert_eq!(aws.describe("many").all("Slots"), ["0-8191", "8192-16383"]);
    assert_eq!(aws.describe("many").all("ClusterId").len(), 4);
    assert!(aws.events().iter().any(|text| text.contains("rolled back")));
}

#[test]
fn shards_may_have_different_numbers_of_replicas() {
    let aws = Aws::instant();
    clustered(&aws, "");
    let one = "ReplicaConfiguration.ConfigureShard.1.NodeGroupId=0002&ReplicaConfiguration.ConfigureShard.1.NewReplicaCount=3";
    aws.call("IncreaseReplicaCount", &format!("ReplicationGroupId=many&ApplyImmediately=true&{one}"));
    let members = aws.describe("many").all("ClusterId");
    assert_eq!(members.iter().filter(|id| id.starts_with("many-0002")).count(), 4);
    assert_eq!(members.iter().filter(|id| id.starts_with("many-0001")).count(), 2);
    let named = "ReplicasToRemove.member.1=many-0002-002&ReplicasToRemove.member.2=many-0002-003";
    aws.call("DecreaseReplicaCount", &format!("ReplicationGroupId=many&ApplyImmediately=true&{named}"));
    let members = aws.describe("many").all("ClusterId");
    assert_eq!(members, ["many-0001-001", "many-0001-002", "many-0002-001", "many-0002-004"]);
}

#[test]
fn cluster_mode_is_entered_in_two_hops() {
    let aws = Aws::instant();
    aws.group("hop", "NumCacheClusters=2&AutomaticFailoverEnabled=true");
    aws.modify("hop", "ClusterMode=compatible&ApplyImmediately=true");
    let group = aws.describe("hop");
    assert_eq!(group.one("ClusterMode"), "compatible");
    assert!(group.text().contains("<PrimaryEndpoint>") && group.text().contains("<ConfigurationEndpoint>"));
    aws.modify("hop", "ClusterMode=enabled&ApplyImmediately=true");
    let group = aws.describe("hop");
    assert_eq!(group.one("ClusterMode"), "enabled");
    assert!(!group.text().contains("<PrimaryEndpoint>"));
    assert_eq!(aws.member("hop-001").one("CacheParameterGroupName"), "default.valkey9.cluster.on");
}

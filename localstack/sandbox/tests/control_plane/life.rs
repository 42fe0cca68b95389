//! States over time.

use cachectl_sandbox::FailureKind;

use crate::client::{Aws, status_of_group};

#[test]
fn members_become_available_after_their_group() {
    let aws = Aws::patient();
    let created = aws.group("Lag", "NumCacheClusters=2");
    assert_eq!(status_of_group(&created), "creating");
    assert_eq!(created.all("PrimaryEndpoint").len(), 0, "there is no endpoint while a group is being created");
    assert_eq!(aws.status("lag"), "creating", "ids are kept in lower case");
    aws.pass(310);
    assert_eq!(aws.status("lag"), "available");
    assert_eq!(aws.member("lag-002").one("CacheClusterStatus"), "creating");
    aws.pass(30);
    assert_eq!(aws.member("lag-002").one("CacheClusterStatus"), "available");
}

#[test]
fn nothing_but_describe_works_while_a_group_is_being_created() {
    let aws = Aws::patient();
    aws.group("busy", "NumCacheClusters=2");
    let text = "InvalidReplicationGroupState: Replication group must be in available state to modify.";
    let error = aws.refused("ModifyReplicationGroup", "ReplicationGroupId=busy&ReplicationGroupDescription=x");
    assert_eq!(error, text);
    let more = "ReplicationGroupId=busy&NewReplicaCount=2&ApplyImmediately=true";
    assert_eq!(aws.refused("IncreaseReplicaCount", more), text);
    let arn = "ResourceName=arn:aws:elasticache:us-east-1:012345678901:replicationgroup:busy";
    let text = "InvalidReplicationGroupState: Cluster not in available state to perform tagging operations.";
    assert_eq!(aws.refused("ListTagsForResource", arn), text);
    assert_eq!(aws.refused("AddTagsToResource", &format!("{arn}&Tags.Tag.1.Key=k")), text);
    let error = aws.refused("DeleteReplicationGroup", "ReplicationGroupId=busy");
    assert!(error.starts_with("InvalidReplicationGroupState"), "{error}");
}

#[test]
fn a_new_tag_makes_the_group_modify_for_a_moment() {
    let aws = Aws::patient();
    aws.group("tagged", "NumCacheClusters=1");
    aws.pass(340);
    let arn = "ResourceName=arn:aws:elasticache:us-east-1:012345678901:replicationgroup:tagged";
    aws.call("AddTagsToResource", &format!("{arn}&Tags.Tag.1.Key=team&Tags.Tag.1.Value=x"));
    assert_eq!(aws.status("tagged"), "modifying");
    let reply = aws.door("POST", "time", r#"{"seconds": 60}"#);
    assert_eq!(reply.status, 200);
    assert_eq!(aws.status("tagged"), "available");
    assert_eq!(aws.call("ListTagsForResource", arn).all("Key"), ["team"]);
}

#[test]
fn a_node_type_waits_for_the_window_on_the_members_only() {
    let aws = Aws::instant();
    aws.group("wait", "NumCacheClusters=2&EngineVersion=7.2");
    let answer = aws.modify("wait", "CacheNodeType=cache.r7g.xlarge&EngineVersion=8.0&ApplyImmediately=false");
    assert_eq!(status_of_group(&answer), "available");
    assert!(!answer.text().contains("xlarge"), "the group shows neither");
    let member = aws.member("wait-001");
    assert_eq!(member.all("CacheNodeType"), ["cache.r7g.large", "cache.r7g.xlarge"]);
    assert_eq!(member.all("EngineVersion"), ["7.2.6", "8.0.1"]);
    assert!(aws.sandbox.open_maintenance_window("wait").expect("it opens"));
    let member = aws.member("wait-001");
    assert_eq!(member.all("CacheNodeType"), ["cache.r7g.xlarge"]);
    assert_eq!(member.all("EngineVersion"), ["8.0.1"]);
    assert_eq!(member.one("CacheParameterGroupName"), "default.valkey8", "AWS swaps its own parameter groups");
    assert!(!aws.sandbox.open_maintenance_window("wait").expect("it opens"), "nothing waits any more");
}

#[test]
fn asking_for_the_live_value_takes_a_waiting_change_back() {
    let aws = Aws::instant();
    aws.group("back", "NumCacheClusters=1");
    aws.modify("back", "CacheNodeType=cache.r7g.xlarge");
    aws.modify("back", "CacheNodeType=cache.r7g.large");
    assert_eq!(aws.member("back-001").all("CacheNodeType"), ["cache.r7g.large"]);
}

#[test]
fn apply_immediately_flushes_what_waited() {
    let aws = Aws::instant();
    aws.group("flush", "NumCacheClusters=1");
    aws.modify("flush", "CacheNodeType=cache.r7g.xlarge");
    aws.modify("flush", "ReplicationGroupDescription=small&ApplyImmediately=false");
    assert_eq!(aws.describe("flush").one("CacheNodeType"), "cache.r7g.large");
    aws.modify("flush", "ReplicationGroupDescription=other&ApplyImmediately=true");
    assert_eq!(aws.describe("flush").one("CacheNodeType"), "cache.r7g.xlarge");
}

#[test]
fn the_answer_of_a_modify_is_stale() {
    let aws = Aws::instant();
    aws.group("stale", "NumCacheClusters=1");
    let answer =
        aws.modify("stale", "ReplicationGroupDescription=new&CacheNodeType=cache.r7g.xlarge&ApplyImmediately=true");
    assert_eq!((answer.one("Description"), answer.one("CacheNodeType")), ("d".into(), "cache.r7g.large".into()));
    let now = aws.describe("stale");
    assert_eq!((now.one("Description"), now.one("CacheNodeType")), ("new".into(), "cache.r7g.xlarge".into()));
}

#[test]
fn a_removed_replica_stays_visible_until_it_is_gone() {
    let aws = Aws::patient();
    aws.group("less", "NumCacheClusters=3");
    aws.pass(340);
    aws.call("DecreaseReplicaCount", "ReplicationGroupId=less&NewReplicaCount=1&ApplyImmediately=true");
    aws.pass(125);
    assert_eq!(aws.status("less"), "available");
    assert_eq!(aws.describe("less").all("ClusterId"), ["less-001", "less-002"]);
    assert_eq!(aws.member("less-003").one("CacheClusterStatus"), "deleting");
    let more = "ReplicationGroupId=less&CacheNodeType=cache.r7g.xlarge&ApplyImmediately=true";
    let error = aws.refused("ModifyReplicationGroup", more);
    assert!(error.starts_with("InvalidCacheClusterState"), "{error}");
    aws.pass(30);
    let error = aws.refused("DescribeCacheClusters", "CacheClusterId=less-003");
    assert!(error.starts_with("CacheClusterNotFound"), "{error}");
}

#[test]
fn a_deleted_group_leaves_its_final_snapshot() {
    let aws = Aws::instant();
    aws.group("gone", "NumCacheClusters=2&EngineVersion=8.0");
    aws.call("DeleteReplicationGroup", "ReplicationGroupId=gone&FinalSnapshotIdentifier=gone-final");
    assert_eq!(aws.status("gone"), "ReplicationGroupNotFoundFault");
    let snapshot = aws.call("DescribeSnapshots", "SnapshotName=gone-final");
    assert_eq!(snapshot.one("SnapshotStatus"), "available");
    aws.call(
        "CreateReplicationGroup",
        "ReplicationGroupId=back&ReplicationGroupDescription=d&SnapshotName=gone-final&NumCacheClusters=1",
    );
    assert_eq!(aws.member("back-001").one("EngineVersion"), "8.0.1");
}

#[test]
fn a_scale_down_that_does_not_fit_is_only_told_by_an_event() {
    let aws = Aws::instant();
    aws.group("full", "NumCacheClusters=1");
    aws.sandbox.fail_next(FailureKind::ScaleDownRolledBack, Some("full"));
    aws.modify("full", "CacheNodeType=cache.t4g.small&ApplyImmediately=true");
    assert_eq!(aws.describe("full").one("CacheNodeType"), "cache.r7g.large");
    assert_eq!(aws.status("full"), "available");
    assert!(aws.events().iter().any(|text| text.contains("rolled back")));
}

#[test]
fn a_failed_create_can_only_be_deleted() {
    let aws = Aws::instant();
    let reply = aws.door("POST", "fail", r#"{"kind": "create-failed"}"#);
    assert_eq!(reply.status, 200, "{}", reply.text());
    aws.group("broken", "NumCacheClusters=1");
    assert_eq!(aws.status("broken"), "create-failed");
    aws.refused("ModifyReplicationGroup", "ReplicationGroupId=broken&ReplicationGroupDescription=x");
    aws.call("DeleteReplicationGroup", "ReplicationGroupId=broken");
    assert_eq!(aws.status("broken"), "ReplicationGroupNotFoundFault");
    aws.sandbox.fail_next(FailureKind::IncompatibleNetwork, Some("island"));
    aws.group("island", "NumCacheClusters=1");
    assert_eq!(aws.member("island-001").one("CacheClusterStatus"), "incompatible-network");
}

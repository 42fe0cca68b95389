//! Failovers: the order of things, the quota, and what clients of real servers meet.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cachectl_sandbox::{Failover, Quotas};

use crate::client::Aws;
use crate::servers::{ask, try_ask, with_servers};

const CALL: &str = "TestFailover";

fn of(group: &str, shard: &str) -> String {
    format!("ReplicationGroupId={group}&NodeGroupId={shard}")
}

#[test]
fn a_failover_is_told_of_in_the_order_and_words_of_aws() {
    for abrupt in [false, true] {
        let aws = Aws::patient();
        aws.sandbox.set_failover(Failover { abrupt, ..Failover::default() });
        aws.group("swap", "NumCacheClusters=2&AutomaticFailoverEnabled=true");
        aws.pass(340);
        let before = aws.events().len();
        aws.call(CALL, &of("swap", "0001"));
        let mut roles = Vec::new();
        for _ in 0..400 {
            assert_eq!(aws.status("swap"), "available", "the group stays available all along");
            let now = aws.describe("swap").all("CurrentRole");
            if roles.last() != Some(&now) {
                roles.push(now);
            }
            aws.pass(1);
        }
        assert_eq!(roles, [["primary", "replica"], ["replica", "primary"]]);
        assert_eq!(
            aws.events()[before..],
            [
                "Test Failover API called for node group 0001",
                "Failover from primary node swap-001 to replica node swap-002 completed",
                "Failover from primary node swap-001 to replica node swap-002 completed",
                "Recovering cache nodes 0001",
                "Finished recovery for cache nodes 0001",
            ]
        );
        let sources = aws.call("DescribeEvents", "SourceType=cache-cluster&SourceIdentifier=swap-001").all("Message");
        assert_eq!(
            sources[sources.len() - 2..],
            ["Recovering cache nodes 0001", "Finished recovery for cache nodes 0001"]
        );
    }
}

#[test]
fn one_shard_of_a_group_fails_over_at_a_time() {
    let aws = Aws::patient();
    for id in ["one", "two"] {
        aws.group(id, "NumNodeGroups=2&ReplicasPerNodeGroup=1&EngineVersion=8.0");
    }
    aws.pass(340);
    aws.call(CALL, &of("one", "0001"));
    let error = aws.refused(CALL, &of("one", "0002"));
    assert!(error.starts_with("InvalidCacheClusterState"), "{error}");
    aws.call(CALL, &of("two", "0001"));
    aws.pass(35);
    aws.refused(CALL, &of("one", "0002"));
    assert_eq!(aws.member("one-0001-001").one("CacheClusterStatus"), "modifying", "its node is still being replaced");
    aws.pass(300);
    assert_eq!(aws.member("one-0001-001").one("CacheClusterStatus"), "available");
    aws.call(CALL, &of("one", "0002"));
}

#[test]
fn fifteen_shards_fail_over_in_any_24_hours() {
    let aws = Aws::instant();
    aws.group("q", "NumCacheClusters=2&AutomaticFailoverEnabled=true");
    for _ in 0..15 {
        aws.call(CALL, &of("q", "0001"));
    }
    let error = aws.refused(CALL, &of("q", "0001"));
    assert!(error.starts_with("APICallRateForCustomerExceeded"), "{error}");
    aws.pass(24 * 3600);
    aws.call(CALL, &of("q", "0001"));
    aws.sandbox.set_quotas(Quotas { test_failovers: 1, ..Quotas::default() });
    aws.refused(CALL, &of("q", "0001"));
}

/// Waits for something that is bound to happen.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn abrupt(lost_ms: u64) -> Failover {
    let milliseconds = |value| Some(value);
    Failover {
        abrupt: true,
        hang: false,
        lost_ms,
        silence_ms: milliseconds(700),
        names_ms: milliseconds(700),
        replacement_ms: milliseconds(400),
    }
}

fn accepts(address: &str, write: &str) -> bool {
    try_ask(address, write).as_deref() == Some("+OK\r\n")
}

fn replica_has(address: &str, key: &str, value: &str) -> bool {
    try_ask(address, &format!("GET {key}")).is_some_and(|answer| answer.contains(value))
}

#[test]
fn an_abrupt_failover_kills_the_primary_and_the_names_follow_late() {
    let Some(aws) = with_servers() else { return };
    aws.sandbox.set_failover(abrupt(0));
    aws.group("gone", "NumCacheClusters=3&AutomaticFailoverEnabled=true");
    aws.until("gone", "available");
    until("the members settle", || aws.member("gone-003").one("CacheClusterStatus") == "available");
    let addresses = aws.describe("gone").all("Address");
    let (name, reader, nodes) = (&addresses[0], &addresses[1], &addresses[2..]);
    assert_eq!(ask(name, "SET key value"), "+OK\r\n");
    until("the replicas have it", || nodes[1..].iter().all(|node| replica_has(node, "key", "value")));
    aws.call(CALL, &of("gone", "0001"));
    until("silence", || try_ask(name, "PING").is_none() && try_ask(&nodes[0], "PING").is_none());
    assert_eq!(aws.status("gone"), "available");
    assert_eq!(ask(reader, "GET key"), "$5\r\nvalue\r\n", "reads go on");
    until("a replica takes over", || accepts(&nodes[1], "SET key new"));
    let answers = try_ask(name, "PING").is_some();
    if aws.describe("gone").all("CurrentRole")[0] == "primary" {
        assert!(!answers, "as long as the names lag, this one leads to the dead node");
    }
    until("the name follows", || try_ask(name, "GET key").is_some_and(|answer| answer.contains("new")));
    aws.until_event("Finished recovery");
    assert_eq!(aws.describe("gone").all("CurrentRole"), ["replica", "primary", "replica"]);
    assert!(ask(&nodes[0], "ROLE").contains("slave"), "the old primary is back as a replica");
    assert!(replica_has(&nodes[0], "key", "new"), "with the data");
    until("the other replica follows", || replica_has(&nodes[2], "key", "new"));
}

#[test]
fn writes_that_no_replica_got_are_lost_with_their_primary() {
    let Some(aws) = with_servers() else { return };
    aws.sandbox.set_failover(abrupt(1_500));
    aws.group("lossy", "NumCacheClusters=2&AutomaticFailoverEnabled=true");
    aws.until("lossy", "available");
    until("the members settle", || aws.member("lossy-002").one("CacheClusterStatus") == "available");
    let addresses = aws.describe("lossy").all("Address");
    let (name, replica) = (addresses[0].clone(), addresses[3].clone());
    assert_eq!(ask(&name, "SET kept value"), "+OK\r\n");
    until("the replica has it", || replica_has(&replica, "kept", "value"));
    assert_eq!(aws.door("POST", "primary-lost", r#"{"group": "lossy"}"#).status, 200);
    until("the replica is cut off", || ask(&replica, "INFO replication").contains("master_link_status:down"));
    assert_eq!(ask(&name, "SET lost 1"), "+OK\r\n", "the primary goes on to acknowledge");
    aws.until_event("Finished recovery");
    assert_eq!(ask(&name, "GET kept"), "$5\r\nvalue\r\n");
    assert_eq!(ask(&name, "GET lost"), "$-1\r\n");
    assert!(!aws.events().iter().any(|text| text.contains("Test Failover")), "nobody asked for it");
}

#[test]
fn a_shard_of_a_cluster_fails_over_abruptly_too() {
    let Some(aws) = with_servers() else { return };
    aws.sandbox.set_failover(abrupt(0));
    aws.group("slots", "NumNodeGroups=2&ReplicasPerNodeGroup=1&EngineVersion=8.0");
    aws.until("slots", "available");
    until("the members settle", || aws.member("slots-0002-002").one("CacheClusterStatus") == "available");
    let node = |member: &str| {
        let more = format!("CacheClusterId={member}&ShowCacheNodeInfo=true");
        aws.call("DescribeCacheClusters", &more).one("Address")
    };
    let (old, new, other) = (node("slots-0001-001"), node("slots-0001-002"), node("slots-0002-001"));
    // Slot 3300; the tag a is in the other shard.
    assert_eq!(ask(&old, "SET {b}key value"), "+OK\r\n");
    until("the replica has it", || ask(&new, "INFO keyspace").contains("keys=1"));
    aws.call(CALL, &of("slots", "0001"));
    until("silence", || try_ask(&old, "PING").is_none());
    assert_eq!(ask(&other, "SET {a}key value"), "+OK\r\n", "the other shard goes on");
    until("the replica takes over", || accepts(&new, "SET {b}key new"));
    until("the other shard knows", || try_ask(&other, "GET {b}key").is_some_and(|answer| answer.contains(&new)));
    aws.until_event("Finished recovery");
    let roles = ask(&new, "CLUSTER NODES");
    let line = |address: &str| roles.lines().find(|line| line.contains(&format!("{address}:"))).unwrap_or_default();
    assert!(line(&old).contains("slave") && line(&new).contains("master"), "{roles}");
}

#[test]
fn connections_to_a_machine_that_is_gone_hang_until_the_name_leads_elsewhere() {
    let Some(aws) = with_servers() else { return };
    aws.sandbox.set_failover(Failover { hang: true, ..abrupt(0) });
    aws.group("hung", "NumCacheClusters=2&AutomaticFailoverEnabled=true");
    aws.until("hung", "available");
    until("the members settle", || aws.member("hung-002").one("CacheClusterStatus") == "available");
    let name = aws.describe("hung").one("Address");
    let mut old = TcpStream::connect((name.as_str(), 6379)).expect("the endpoint listens");
    old.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    aws.call(CALL, &of("hung", "0001"));
    let is_silent = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"PING\r\n");
        stream
            .read(&mut [0; 64])
            .is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    };
    until("silence", || {
        let mut new = TcpStream::connect((name.as_str(), 6379)).expect("a connection is taken all the same");
        new.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        is_silent(&mut old) && is_silent(&mut new)
    });
    until("the old connection ends", || !is_silent(&mut old));
    until("the name leads to the new primary", || accepts(&name, "SET key value"));
    aws.until_event("Finished recovery");
    assert_eq!(aws.describe("hung").all("CurrentRole"), ["replica", "primary"]);
}

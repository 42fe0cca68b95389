//! Real servers behind the endpoints that the API hands out. Skipped when no server is installed.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use cachectl_sandbox::{Options, Sandbox};

use crate::client::Aws;

pub(crate) fn with_servers() -> Option<Aws> {
    let options = Options { data_plane: true, ..Options::default() };
    match Sandbox::start_blocking(options) {
        Ok(sandbox) => Some(Aws { sandbox }),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("the sandbox does not start: {error}"),
    }
}

/// The answer to an inline command, as far as it comes in one piece.
pub(crate) fn ask(address: &str, command: &str) -> String {
    try_ask(address, command).expect("an answer")
}

/// The same; `None` where nobody answers.
pub(crate) fn try_ask(address: &str, command: &str) -> Option<String> {
    let mut stream = TcpStream::connect((address, 6379)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
    let mut buffer = [0; 4096];
    let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
    Some(String::from_utf8_lossy(&buffer[..read]).into_owned())
}

#[test]
fn an_available_group_answers_at_its_endpoints() {
    let Some(aws) = with_servers() else { return };
    aws.group("real", "NumCacheClusters=2&AutomaticFailoverEnabled=true");
    aws.until("real", "available");
    let primary = aws.describe("real").one("Address");
    assert!(primary.starts_with("127."), "{primary}");
    assert_eq!(ask(&primary, "SET key value"), "+OK\r\n");
    assert!(ask(&primary, "INFO memory").contains("maxmemory_policy:volatile-lru"), "ElastiCache's default policy");
    aws.call("TestFailover", "ReplicationGroupId=real&NodeGroupId=0001");
    aws.until_event("Finished recovery");
    assert_eq!(aws.describe("real").all("CurrentRole"), ["replica", "primary"]);
    assert_eq!(aws.describe("real").one("Address"), primary, "the endpoint stays");
    assert_eq!(ask(&primary, "GET key"), "$5\r\nvalue\r\n");
    assert_eq!(ask(&primary, "SET key other"), "+OK\r\n", "it leads to the new primary");
    assert!(aws.door("GET", "ca.pem", "").text().contains("BEGIN CERTIFICATE"));
}

#[test]
fn a_changed_parameter_reaches_the_server() {
    let Some(aws) = with_servers() else { return };
    aws.call(
        "CreateCacheParameterGroup",
        "CacheParameterGroupName=mine&CacheParameterGroupFamily=valkey8&Description=d",
    );
    aws.group("policy", "NumCacheClusters=1&EngineVersion=8.0&CacheParameterGroupName=mine");
    aws.until("policy", "available");
    let name = "ParameterNameValues.ParameterNameValue.1.ParameterName=maxmemory-policy";
    let value = "ParameterNameValues.ParameterNameValue.1.ParameterValue=allkeys-lfu";
    aws.call("ModifyCacheParameterGroup", &format!("CacheParameterGroupName=mine&{name}&{value}"));
    aws.until("policy", "available");
    let primary = aws.describe("policy").one("Address");
    assert!(ask(&primary, "INFO memory").contains("maxmemory_policy:allkeys-lfu"));
    aws.call("DeleteReplicationGroup", "ReplicationGroupId=policy");
    aws.until("policy", "ReplicationGroupNotFoundFault");
}

#[test]
fn a_cache_gets_its_servers_also_after_everything_was_deleted() {
    let Some(aws) = with_servers() else { return };
    for turn in 0..3 {
        aws.group("again", "NumCacheClusters=2");
        aws.until("again", "available");
        let primary = aws.describe("again").one("Address");
        assert_eq!(ask(&primary, "SET key value"), "+OK\r\n", "turn {turn}");
        aws.call("DeleteReplicationGroup", "ReplicationGroupId=again");
        aws.until("again", "ReplicationGroupNotFoundFault");
        // The last server takes a moment to end, and takes its folder with it.
        while TcpStream::connect((primary.as_str(), 6379)).is_ok() {}
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_server_that_cannot_start_fails_the_create() {
    let folder = std::env::temp_dir().join(format!("cachectl-broken-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let program = folder.join("valkey-server");
    std::fs::write(&program, "#!/bin/sh\n[ \"$1\" = --version ] && echo 'Valkey server v=9.0.0' && exit\necho 'FATAL CONFIG FILE ERROR: broken'\n")
        .expect("a program");
    let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, runs).expect("it may run");
    let options = Options { data_plane: true, server: Some(program), ..Options::default() };
    let sandbox = match Sandbox::start_blocking(options) {
        Ok(sandbox) => sandbox,
        // No loopback addresses beside 127.0.0.1.
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => panic!("the sandbox does not start: {error}"),
    };
    let aws = Aws { sandbox };
    aws.group("broken", "NumCacheClusters=1");
    aws.until("broken", "create-failed");
    assert!(aws.events().iter().any(|text| text.contains("did not start")), "{:?}", aws.events());
    aws.call("CreateServerlessCache", "ServerlessCacheName=too&Engine=valkey");
    let failed = || aws.call("DescribeServerlessCaches", "ServerlessCacheName=too").one("Status") == "create-failed";
    while !failed() {
        std::thread::sleep(Duration::from_millis(20));
    }
    aws.call("DeleteReplicationGroup", "ReplicationGroupId=broken");
    aws.until("broken", "ReplicationGroupNotFoundFault");
    std::fs::remove_dir_all(&folder).expect("it goes");
}

#[test]
fn an_engine_upgrade_and_a_new_node_type_end_connections_and_keep_the_data() {
    let Some(aws) = with_servers() else { return };
    aws.group("up", "NumCacheClusters=1&EngineVersion=8.0");
    aws.until("up", "available");
    let primary = aws.describe("up").one("Address");
    assert_eq!(ask(&primary, "SET key value"), "+OK\r\n");
    for change in ["EngineVersion=8.1", "CacheNodeType=cache.r7g.xlarge"] {
        let mut stream = TcpStream::connect((primary.as_str(), 6379)).expect("the endpoint listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        aws.modify("up", &format!("{change}&ApplyImmediately=true"));
        let mut rest = Vec::new();
        assert_eq!(stream.read_to_end(&mut rest).expect("the connection ends"), 0, "{change}");
        aws.until("up", "available");
        assert_eq!(ask(&primary, "GET key"), "$5\r\nvalue\r\n", "{change}");
        aws.until_settled("up-001");
    }
}

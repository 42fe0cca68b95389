//! `cachectl smoke` against servers that are broken on purpose, judged by exit code and JSON, with healthy
//! controls beside them.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::Ran;
use crate::plan_docs::violations;
use crate::rig::{Rig, Running};
use crate::servers::{Server, ask, await_that, cluster, cluster_of, distant, free_port, server_binary, signal, start};

/// A stack of one cache that exists in the sandbox, and whose endpoint leads to servers of the test's own.
struct Stack {
    rig: Rig,
}

/// One node without TLS; a smoke of a second or two.
const ONE: &str = "engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.t4g.small\n    transitEncryptionEnabled: false\n";

impl Stack {
    /// `shape` has the counts of nodes, `smoke` the fields of the test.
    fn new(shape: &str, smoke: &str, port: u16) -> Self {
        let rig = Rig::new(&Self::spec(shape, smoke, port));
        rig.apply().exits(0);
        Self { rig }
    }

    fn single(smoke: &str, port: u16) -> Self {
        Self::new("numCacheClusters: 1", smoke, port)
    }

    fn spec(shape: &str, smoke: &str, port: u16) -> String {
        format!(
            "apiVersion: cachectl/v1\nstack: broken\nregion: us-east-1\nreplicationGroups:\n  cache:\n    description: broken on purpose\n    {ONE}    {shape}\n    smoke: {{host: 127.0.0.1, port: {port}, {smoke}}}\n"
        )
    }

    fn run(&self) -> (Ran, Value) {
        judged(self.start().end())
    }

    fn start(&self) -> Running {
        self.rig.start(&["smoke", "--format", "json"])
    }
}

/// The exit code and the one report, of a document that is as its schema says.
fn judged(ran: Ran) -> (Ran, Value) {
    let document = ran.json();
    let schema = serde_json::from_str(include_str!("../../schema/smoke.schema.json")).expect("JSON");
    let mut found = Vec::new();
    violations(&schema, &schema, &document, "smoke", &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
    let report = document["smoke"][0].clone();
    (ran, report)
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name} in {report:#}"))
}

#[track_caller]
fn expect(ran: &Ran, report: &Value, code: i32, verdict: &str) {
    assert_eq!((ran.code, report["verdict"].as_str().unwrap()), (code, verdict), "{report:#}\n{}", ran.stderr);
}

/// The load has begun when its keys are asked for in numbers.
fn load_begun(server: &Server) {
    let before = calls(server, "get");
    await_that("the load begins", || calls(server, "get") > before + 200);
}

/// How often the server carried out a command.
fn calls(server: &Server, command: &str) -> u64 {
    let stats = ask(server.port, "INFO commandstats");
    let line =
        stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls="))).map(str::to_owned);
    line.and_then(|line| line.split(',').next()?.parse::<u64>().ok()).unwrap_or(0)
}

const LOAD: &str = "patterns: [], timeout: 1s, rate: 400, clients: 4";

// Healthy controls

#[test]
fn a_healthy_node_passes_with_bounds_and_leaves_nothing() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &["--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"]);
    ask(server.port, "SET application 1");
    let stack = Stack::single("duration: 3s, require: {errorRate: 0, p99Ms: 2000, maxGapMs: 2500}", server.port);
    let (ran, report) = stack.run();
    expect(&ran, &report, 0, "passed");
    assert_eq!(check(&report, "load")["status"], "passed");
    assert_eq!(report["leftoverKeys"], 0);
    assert_eq!(report["patterns"].as_array().unwrap().len(), 7);
    assert!(report["budget"]["reason"] == "1 % of maxmemory", "{:#}", report["budget"]);
    assert!(ask(server.port, "DBSIZE").starts_with(":1\r\n"));
    // No SCAN: a walk over everybody's keys is work for the server, and on serverless it is billed.
    assert!(!ask(server.port, "INFO commandstats").contains("cmdstat_scan:"));
    let document = ran.json();
    assert!(document["startedAt"].as_str().is_some_and(|time| time.ends_with('Z')));
    assert!(document["host"]["processors"].as_u64().is_some_and(|count| count > 0));
    let delta = &report["load"]["serverDelta"];
    assert!(delta["usecPerCall"]["get"].as_f64().is_some_and(|usec| usec > 0.0), "{delta:#}");
}

#[test]
fn a_healthy_pair_passes_and_every_node_is_named() {
    let Some(binary) = server_binary() else { return };
    let (primary, _replica) = pair(&binary);
    let stack = Stack::new("numCacheClusters: 2", "duration: 2s, require: {errorRate: 0}", primary.port);
    let (ran, report) = stack.run();
    expect(&ran, &report, 0, "passed");
    assert_eq!(check(&report, "replicas")["status"], "passed");
    assert_eq!(check(&report, "after the load")["status"], "passed");
}

/// A primary and its replica, in sync.
fn pair(binary: &std::path::Path) -> (Server, Server) {
    let primary = start(binary, &["--repl-diskless-sync-delay", "0"]);
    let port = primary.port.to_string();
    let replica = start(binary, &["--replicaof", "127.0.0.1", &port]);
    await_that("the replica is in sync", || ask(primary.port, "INFO replication").contains("state=online"));
    (primary, replica)
}

// Servers that refuse

#[test]
fn a_server_that_fills_up_during_the_load_fails_with_oom() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &["--maxmemory-policy", "noeviction"]);
    let stack = Stack::single(&format!("duration: 3s, {LOAD}"), server.port);
    let running = stack.start();
    load_begun(&server);
    ask(server.port, "CONFIG SET maxmemory 1");
    let (ran, report) = judged(running.end());
    expect(&ran, &report, 5, "failed");
    let load = check(&report, "load");
    assert!(load["detail"].as_str().unwrap().contains("OOM"), "{load:#}");
    assert!(report["load"]["errors"][0]["count"].as_u64().unwrap() < 20, "the first one stops the load: {report:#}");
    assert!(report["load"]["stopped"].as_str().unwrap().contains("OOM"));
}

#[test]
fn a_server_without_free_connections_fails_by_that_name() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &["--maxclients", "8"]);
    let stack = Stack::single("duration: 2s, patterns: [], timeout: 1s, rate: 200, clients: 24", server.port);
    let (ran, report) = stack.run();
    expect(&ran, &report, 5, "failed");
    assert!(report.to_string().contains("max clients"), "{report:#}");
}

// Servers that die

#[test]
fn a_server_that_restarts_empty_during_the_load_fails_and_the_lost_keys_are_told() {
    let Some(binary) = server_binary() else { return };
    let mut server = start(&binary, &[]);
    let stack = Stack::single(&format!("duration: 4s, {LOAD}"), server.port);
    let running = stack.start();
    load_begun(&server);
    server.replace(&binary, &[]);
    let (ran, report) = judged(running.end());
    expect(&ran, &report, 5, "failed");
    assert!(report["load"]["lostKeys"].as_u64().unwrap() > 0, "{report:#}");
    assert!(check(&report, "load")["detail"].as_str().unwrap().contains("acknowledged"));
    let after = check(&report, "after the load");
    assert!(after["detail"].as_str().unwrap().contains("restarted"), "{after:#}");
}

#[test]
fn a_server_that_dies_for_good_fails() {
    let Some(binary) = server_binary() else { return };
    let mut server = start(&binary, &[]);
    let stack = Stack::single(&format!("duration: 4s, {LOAD}"), server.port);
    let running = stack.start();
    load_begun(&server);
    server.kill();
    let (ran, report) = judged(running.end());
    expect(&ran, &report, 5, "failed");
    assert_eq!(check(&report, "load")["status"], "failed");
    assert_eq!(check(&report, "after the load")["status"], "failed");
}

#[test]
fn a_server_that_is_frozen_for_longer_than_the_timeout_fails_and_a_shorter_pause_does_not() {
    let Some(binary) = server_binary() else { return };
    for (pause, timeout, code, verdict) in [(1_800, "1s", 5, "failed"), (300, "3s", 0, "passed")] {
        let server = start(&binary, &[]);
        let load = LOAD.replace("timeout: 1s", &format!("timeout: {timeout}"));
        let stack = Stack::single(&format!("duration: 5s, {load}"), server.port);
        let running = stack.start();
        load_begun(&server);
        signal(&server, "-STOP");
        std::thread::sleep(Duration::from_millis(pause));
        signal(&server, "-CONT");
        let (ran, report) = judged(running.end());
        expect(&ran, &report, code, verdict);
        assert!(report["load"]["longestGapMs"].as_f64().unwrap() >= pause as f64 * 0.9, "{report:#}");
        let detail = check(&report, "load")["detail"].as_str().unwrap();
        assert_eq!(detail.contains("answered nothing for"), code == 5, "{detail}");
    }
}

#[test]
fn a_test_that_stood_still_itself_is_undecided_and_fails_no_cache() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let bounds = "require: {maxGapMs: 1000, maxMs: 1000}, onUndecided: warn";
    let stack = Stack::single(&format!("duration: 4s, {LOAD}, {bounds}"), server.port);
    let mut running = stack.start();
    load_begun(&server);
    running.signal("STOP");
    std::thread::sleep(Duration::from_millis(1_600));
    running.signal("CONT");
    let (ran, report) = judged(running.end());
    expect(&ran, &report, 0, "undecided");
    let load = &report["load"];
    assert!(load["longestGapMs"].as_f64().unwrap() > 1_500.0 && load["leastGapMs"].as_f64().unwrap() < 1_000.0);
    assert!(load["clientLimits"].to_string().contains("stood still"), "{load:#}");
    assert_eq!(load["failed"], 0, "answers that were there all the time: {load:#}");
    let gates = report["gates"].as_array().unwrap();
    assert!(gates.len() == 2 && gates.iter().all(|gate| gate["undecided"].is_string()), "{gates:#?}");
    let detail = check(&report, "load")["detail"].as_str().unwrap();
    assert!(detail.contains("of which this machine stood still"), "{detail}");
}

// Clusters

const CLUSTER: &str = "numNodeGroups: 3\n    replicasPerNodeGroup: 1\n    automaticFailoverEnabled: true";
const BARE_CLUSTER: &str = "numNodeGroups: 3\n    replicasPerNodeGroup: 0\n    automaticFailoverEnabled: true";

#[test]
fn a_healthy_cluster_passes_and_the_load_never_asks_a_replica() {
    let Some(binary) = server_binary() else { return };
    let nodes = cluster(&binary);
    let stack = Stack::new(CLUSTER, "duration: 3s, require: {errorRate: 0}", nodes[0].port);
    let (ran, report) = stack.run();
    expect(&ran, &report, 0, "passed");
    assert_eq!(report["load"]["shards"].as_array().unwrap().len(), 3);
    assert_eq!(report["nodes"].as_array().unwrap().len(), 6);
    assert!(check(&report, "nodes")["detail"].as_str().unwrap().contains("3 answer by their own names"));
    for replica in &nodes[3..] {
        let gets = calls(replica, "get");
        assert!(gets < 100, "the load read from a replica {gets} times");
    }
    for node in &nodes[..3] {
        assert!(ask(node.port, "DBSIZE").starts_with(":0\r\n"));
    }
}

/// A cluster whose nodes tell clients names that lead nowhere from here.
fn named_cluster(binary: &std::path::Path) -> (Vec<Server>, Vec<String>) {
    let nodes = cluster_of(binary, 0);
    let name = |number: usize| format!("node-{number}.cache.invalid");
    for (number, node) in nodes.iter().enumerate() {
        ask(node.port, &format!("CONFIG SET cluster-announce-hostname {}", name(number)));
        ask(node.port, "CONFIG SET cluster-preferred-endpoint-type hostname");
    }
    await_that("every node knows every name", || {
        nodes.iter().all(|node| {
            let slots = ask(node.port, "CLUSTER SLOTS");
            (0..nodes.len()).all(|number| slots.contains(&name(number)))
        })
    });
    let map = nodes
        .iter()
        .enumerate()
        .map(|(number, node)| format!("\"{0}:{1}\": \"127.0.0.1:{1}\"", name(number), node.port));
    let map = map.collect();
    (nodes, map)
}

#[test]
fn a_cluster_behind_tunnels_passes_where_every_name_is_mapped_and_the_missing_one_is_named() {
    let Some(binary) = server_binary() else { return };
    let (nodes, map) = named_cluster(&binary);
    let smoke = |map: &[String]| format!("duration: 2s, timeout: 1s, endpointMap: {{{}}}", map.join(", "));
    let (ran, report) = Stack::new(BARE_CLUSTER, &smoke(&map), nodes[0].port).run();
    expect(&ran, &report, 0, "passed");
    assert_eq!(report["load"]["shards"].as_array().unwrap().len(), 3);
    for node in &nodes {
        assert!(calls(node, "get") > 0, "a shard was never asked");
        assert!(ask(node.port, "DBSIZE").starts_with(":0\r\n"));
    }
    let (ran, report) = Stack::new(BARE_CLUSTER, &smoke(&map[..2]), nodes[0].port).run();
    assert_eq!((ran.code, &report["verdict"]), (5, &json!("failed")), "{report:#}");
    let told = report["checks"].to_string();
    assert!(told.contains("node-2.cache.invalid") && told.contains("endpointMap"), "{report:#}");
}

#[test]
fn a_frozen_shard_fails_and_is_named() {
    let Some(binary) = server_binary() else { return };
    let nodes = cluster_of(&binary, 0);
    let stack = Stack::new(BARE_CLUSTER, &format!("duration: 5s, {LOAD}"), nodes[0].port);
    let running = stack.start();
    load_begun(&nodes[1]);
    signal(&nodes[1], "-STOP");
    let (ran, report) = judged(running.end());
    signal(&nodes[1], "-CONT");
    expect(&ran, &report, 5, "failed");
    let detail = check(&report, "load")["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("127.0.0.1:{} answered nothing", nodes[1].port)), "{detail}");
}

#[test]
fn a_killed_primary_fails_whatever_error_rate_is_allowed() {
    let Some(binary) = server_binary() else { return };
    let mut nodes = cluster(&binary);
    let smoke = "duration: 6s, patterns: [], timeout: 1s, rate: 300, clients: 4, require: {errorRate: 0.5}";
    let stack = Stack::new(CLUSTER, smoke, nodes[0].port);
    let running = stack.start();
    load_begun(&nodes[1]);
    nodes[1].kill();
    let (ran, report) = judged(running.end());
    expect(&ran, &report, 5, "failed");
    let after = check(&report, "after the load")["detail"].as_str().unwrap();
    assert!(after.contains("0 of 1 replicas") || after.contains("slots") || after.contains("answer"), "{after}");
}

// Replicas

#[test]
fn a_hung_replica_fails_and_is_named() {
    let Some(binary) = server_binary() else { return };
    let (primary, replica) = pair(&binary);
    signal(&replica, "-STOP");
    let smoke = "duration: 1s, patterns: [], timeout: 500ms, rate: 100";
    let stack = Stack::new("numCacheClusters: 2", smoke, primary.port);
    let (ran, report) = stack.run();
    signal(&replica, "-CONT");
    expect(&ran, &report, 5, "failed");
    let detail = check(&report, "replicas")["detail"].as_str().unwrap();
    assert!(detail.contains(&replica.port.to_string()) && detail.contains("behind"), "{detail}");
}

// Distance

#[test]
fn a_cache_that_is_far_misses_a_bound_and_a_tunnel_is_no_excuse() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let near = distant(server.port, Duration::from_millis(10));
    let smoke = "duration: 3s, patterns: [], clients: 16, rate: 200, require: {p99Ms: 5}";
    let (ran, report) = Stack::single(smoke, near).run();
    expect(&ran, &report, 5, "failed");
    let gate = &report["gates"][0];
    assert_eq!((&gate["passed"], &gate["undecided"]), (&json!(false), &Value::Null), "{gate:#}");
}

#[test]
fn too_few_connections_for_the_rate_are_told_as_that() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let near = distant(server.port, Duration::from_millis(11));
    let smoke = "duration: 2s, patterns: [], clients: 8, rate: 2000";
    let (ran, report) = Stack::single(smoke, near).run();
    expect(&ran, &report, 0, "undecided");
    let detail = check(&report, "load")["detail"].as_str().unwrap();
    assert!(detail.starts_with("8 connections allow"), "{detail}");
    for (extra, code) in [("", 5), (", onUndecided: warn", 0)] {
        let smoke = format!("{smoke}, require: {{p99Ms: 500}}{extra}");
        let (ran, report) = Stack::single(&smoke, near).run();
        expect(&ran, &report, code, "undecided");
    }
}

// Reaching it

#[test]
fn a_host_that_refuses_fails_and_silence_is_what_the_spec_says() {
    let port = free_port();
    let (ran, report) = Stack::single("duration: 1s, require: {p99Ms: 5}", port).run();
    expect(&ran, &report, 5, "failed");
    assert_eq!(report["unreachable"], "connection refused");
    let hint = check(&report, "connect")["hint"].as_str().unwrap();
    assert!(
        hint.contains("cache.amazonaws.com") || hint.contains("master."),
        "the hint names the real endpoint: {hint}"
    );
    for (word, verdict) in [("warn", "warned"), ("skip", "notTested")] {
        let (ran, report) = Stack::single(&format!("duration: 1s, onUnreachable: {word}"), port).run();
        expect(&ran, &report, 0, verdict);
    }
}

#[test]
fn no_password_goes_over_a_way_that_is_not_encrypted() {
    // An address that nobody has (RFC 5737): it is not even dialled.
    let smoke = "duration: 1s, username: app, password: {env: CACHE_PASSWORD}";
    let spec = Stack::spec("numCacheClusters: 1", smoke, 6379).replace("127.0.0.1", "192.0.2.1");
    let rig = Rig::new(&spec);
    rig.apply().exits(0);
    let mut command = rig.command(&["smoke", "--format", "json"]);
    let (ran, report) = judged(Ran::of(command.env("CACHE_PASSWORD", "not-in-the-clear-1")));
    expect(&ran, &report, 0, "notTested");
    let why = check(&report, "login")["detail"].as_str().unwrap();
    assert_eq!(why, "the way to 192.0.2.1 is not encrypted, and no password is sent over it");
    // Nor where a bound is asked for: then it fails.
    rig.spec(&spec.replace("duration: 1s", "duration: 1s, require: {p99Ms: 5}"));
    let mut command = rig.command(&["smoke", "--format", "json"]);
    Ran::of(command.env("CACHE_PASSWORD", "not-in-the-clear-1")).exits(5);
}

#[test]
fn the_command_for_inside_the_vpc_names_the_real_endpoint_and_connects_to_nothing() {
    let stack = Stack::single("duration: 1s", free_port());
    let ran = stack.rig.run(&["smoke", "--print-command"]).exits(0);
    assert!(
        ran.stdout.contains("cachectl smoke cachectl.yaml replicationGroup/cache --region us-east-1"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("valkey-cli -h ") && ran.stdout.contains("AWS-StartPortForwardingSessionToRemoteHost"));
    assert!(!ran.stdout.contains("127.0.0.1 "), "{}", ran.stdout);
}

// Signals

#[test]
fn an_interrupted_test_leaves_no_key_says_what_it_measured_and_exits_130() {
    let Some(binary) = server_binary() else { return };
    for name in ["INT", "TERM"] {
        let server = start(&binary, &[]);
        let stack = Stack::single("duration: 60s, rate: 300, patterns: [session]", server.port);
        let mut running = stack.start();
        let renewed = || calls(&server, "pexpire");
        await_that("sessions are renewed", || renewed() > 50);
        running.signal(name);
        let (ran, report) = judged(running.end());
        assert_eq!(ran.code, 130, "{}", ran.stderr);
        assert_eq!(report["interrupted"], true);
        assert!(report["patterns"][0]["ops"].as_u64().unwrap() > 0, "{report:#}");
        assert_eq!(report["leftoverKeys"], 0);
        assert!(ask(server.port, "DBSIZE").starts_with(":0\r\n"), "{name}");
    }
    let server = start(&binary, &[]);
    let stack = Stack::single(&format!("duration: 60s, {LOAD}"), server.port);
    let mut running = stack.start();
    // Past the warm-up.
    await_that("the load is under way", || calls(&server, "get") > 1_000);
    running.signal("INT");
    let (ran, report) = judged(running.end());
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(report["load"]["answered"].as_u64().unwrap() > 0, "{report:#}");
    assert!(ask(server.port, "DBSIZE").starts_with(":0\r\n"));
}

#[test]
fn an_apply_that_is_ended_in_its_smoke_test_leaves_no_key_and_says_so() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let rig = Rig::new(&Stack::spec("numCacheClusters: 1", &format!("duration: 60s, {LOAD}"), server.port));
    let mut running = rig.start(&["apply", "--yes", "--format", "json"]);
    await_that("the load is under way", || calls(&server, "get") > 500);
    running.signal("TERM");
    let ran = running.end().exits(130);
    let document = ran.json();
    assert_eq!(document["smoke"][0]["interrupted"], true, "{document:#}");
    assert!(ask(server.port, "DBSIZE").starts_with(":0\r\n"));
    rig.settled();
}

#[test]
fn thorough_looks_through_the_whole_keyspace_and_touches_nobody_elses_keys() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    ask(server.port, "SET cachectl:smoke:ffffffff:somebody 1");
    ask(server.port, "SET application 1");
    let stack = Stack::single("duration: 1s, patterns: [lock]", server.port);
    let (ran, report) = judged(stack.rig.start(&["smoke", "--thorough", "--format", "json"]).end());
    expect(&ran, &report, 0, "passed");
    assert!(check(&report, "clean-up")["detail"].as_str().unwrap().contains("a SCAN found 0"), "{report:#}");
    assert!(ask(server.port, "INFO commandstats").contains("cmdstat_scan:"));
    assert!(ask(server.port, "DBSIZE").starts_with(":2\r\n"));
}

// Users

const USERS: &str = "apiVersion: cachectl/v1\nstack: rbac\nregion: us-east-1\nusers:\n  closed: {userName: default, engine: valkey, accessString: \"off ~* -@all\", passwords: [{env: OFF_PASSWORD}]}\n  app: {userName: app, engine: valkey, accessString: \"on ~app:* +@all -@dangerous\", passwords: [{env: APP_PASSWORD}]}\nuserGroups:\n  rbac: {engine: valkey, userIds: [closed, app]}\nreplicationGroups:\n  rbac: {description: rbac, engine: valkey, engineVersion: \"8.0\", cacheNodeType: cache.t4g.small, numCacheClusters: 2, automaticFailoverEnabled: true, transitEncryptionEnabled: true, transitEncryptionMode: required, userGroupIds: [rbac], smoke: {duration: 2s, caFile: ca.pem}}\n";

#[test]
fn a_user_limited_to_its_keys_passes_under_its_own_prefix_and_one_that_is_off_is_not_taken() {
    if server_binary().is_none() {
        return;
    }
    let options = cachectl_sandbox::Options { data_plane: true, ..Default::default() };
    let rig = Rig::with(USERS, options);
    std::fs::write(rig.path("ca.pem"), rig.sandbox.ca_pem().unwrap()).unwrap();
    let command = |arguments: &[&str]| {
        let mut command = rig.command(arguments);
        command.env("APP_PASSWORD", "app-password-0123456789").env("OFF_PASSWORD", "off-password-0123456789");
        command
    };
    let output = |mut command: Command| Ran::of(&mut command);
    output(command(&["apply", "--yes", "--no-smoke"])).exits(0);
    let (ran, report) = judged(output(command(&["smoke", "--format", "json"])));
    expect(&ran, &report, 0, "passed");
    assert_eq!(report["server"]["user"], "app");
    assert_eq!(check(&report, "TTL")["status"], "passed");
    assert_eq!(check(&report, "no access without AUTH")["status"], "passed");
    assert_eq!(check(&report, "TLS")["status"], "passed");
    assert!(!ran.all().contains("app-password"), "{}", ran.all());
}

#[test]
fn users_that_log_in_by_iam_alone_are_not_tested_where_nobody_checks_tokens() {
    let iam = USERS
        .replace("passwords: [{env: APP_PASSWORD}]", "authenticationMode: {type: iam}")
        .replace(", caFile: ca.pem", "");
    let rig = Rig::new(&iam);
    let run = |arguments: &[&str]| Ran::of(rig.command(arguments).env("OFF_PASSWORD", "off-password-0123456789"));
    run(&["apply", "--yes", "--no-smoke"]).exits(0);
    let (ran, report) = judged(run(&["smoke", "--format", "json"]));
    expect(&ran, &report, 0, "notTested");
    assert!(check(&report, "login")["detail"].as_str().unwrap().contains("IAM"), "{report:#}");
    rig.spec(&iam.replace("duration: 2s", "duration: 2s, require: {p99Ms: 5}"));
    let (ran, report) = judged(run(&["smoke", "--format", "json"]));
    expect(&ran, &report, 5, "notTested");
}

// Reports

#[test]
fn every_form_of_a_report_says_the_same() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let stack = Stack::single("duration: 1s, patterns: [lock], rate: 300, require: {errorRate: 0}", server.port);
    let json = stack.rig.run(&["smoke", "--format", "json"]).exits(0);
    std::fs::write(stack.rig.path("before.json"), &json.stdout).unwrap();
    let xml = stack.rig.run(&["smoke", "--format", "junit"]).exits(0);
    assert!(xml.stdout.starts_with("<?xml") && xml.stdout.contains("name=\"require errorRate\""), "{}", xml.stdout);
    assert!(xml.stdout.contains("failures=\"0\""));
    let markdown = stack.rig.run(&["smoke", "--format", "markdown"]).exits(0);
    assert!(markdown.stdout.contains("| load | passed |"), "{}", markdown.stdout);
    let table = stack.rig.run(&["smoke", "--baseline", "before.json"]).exits(0);
    assert!(table.stdout.contains("PASSED") && table.stdout.contains("achievedRate"), "{}", table.stdout);
    stack.rig.run(&["smoke", "--baseline", "cachectl.yaml"]).exits(64);
    for wrong in ["rate: -5", "require: {p99Ms: -1}", "duration: 0s"] {
        let spec = Stack::spec("numCacheClusters: 1", wrong, server.port);
        stack.rig.spec(&spec);
        stack.rig.run(&["smoke"]).exits(78);
    }
}

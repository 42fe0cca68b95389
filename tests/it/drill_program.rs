//! `cachectl drill failover` against the sandbox with real servers: gentle and abrupt failovers, what clients lose by
//! them, and every reason not to begin.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use cachectl_sandbox::{Failover, Fault, Options};
use serde_json::Value;

use crate::harness::Ran;
use crate::plan_docs::violations;
use crate::rig::{QUICK, Rig};
use crate::servers::{await_that, note, server_binary};

const ALLOW: [&str; 2] = ["--allow", "failover:replicationGroup/cache"];

/// A group of so many nodes, with these further lines.
fn spec(nodes: usize, lines: &str) -> String {
    format!(
        "apiVersion: cachectl/v1\nstack: drilled\nregion: us-east-1\nreplicationGroups:\n  cache:\n    description: drilled\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.r7g.large\n    numCacheClusters: {nodes}\n    automaticFailoverEnabled: true\n    multiAZEnabled: true\n    transitEncryptionEnabled: false\n{lines}"
    )
}

/// The group, with real servers behind it; `None` where no server is installed.
fn with_servers(spec: &str) -> Option<Rig> {
    server_binary()?;
    let rig = Rig::with(spec, Options { time_scale: QUICK, data_plane: true, ..Options::default() });
    rig.apply().exits(0);
    Some(rig)
}

fn abrupt(rig: &Rig, lost_ms: u64, silence_ms: u64, names_ms: u64, replacement_ms: u64) {
    rig.sandbox.set_failover(Failover {
        abrupt: true,
        hang: false,
        lost_ms,
        silence_ms: Some(silence_ms),
        names_ms: Some(names_ms),
        replacement_ms: Some(replacement_ms),
    });
}

fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["drill", "failover", "--format", "json"][..], &ALLOW, more].concat()
}

/// The document, which is as its schema says.
fn checked(ran: &Ran) -> Value {
    let document = ran.json();
    let schema: Value = serde_json::from_str(include_str!("../../schema/drill.schema.json")).expect("JSON");
    let of = if document.get("drills").is_some() {
        "drills"
    } else if document.get("dryRun").is_some() {
        "rehearsal"
    } else if document.get("blocked").is_some() {
        "refusal"
    } else {
        "drill"
    };
    let mut found = Vec::new();
    violations(&schema["$defs"][of], &schema, &document, "drill", &mut found);
    assert!(found.is_empty(), "{}\n{document:#}", found.join("\n"));
    document
}

fn drill(rig: &Rig, more: &[&str]) -> (Ran, Value) {
    let ran = rig.run(&arguments(more));
    let document = checked(&ran);
    if std::env::var_os("CACHECTL_SHOW").is_some() {
        note(&format!("{document:#}\n{}", ran.stderr));
    }
    (ran, document)
}

#[track_caller]
fn expect(ran: &Ran, report: &Value, code: i32, verdict: &str) {
    assert_eq!((ran.code, report["verdict"].as_str()), (code, Some(verdict)), "{report:#}\n{}", ran.stderr);
}

fn moment<'a>(report: &'a Value, event: &str) -> Option<&'a Value> {
    report["timeline"].as_array().unwrap().iter().find(|moment| moment["event"] == event)
}

#[track_caller]
fn at(report: &Value, event: &str) -> i64 {
    moment(report, event).and_then(|moment| moment["atMs"].as_i64()).unwrap_or_else(|| panic!("no {event}: {report:#}"))
}

fn recovered(report: &Value, behaviour: &str) -> bool {
    let clients = report["clients"].as_array().unwrap();
    clients.iter().any(|client| client["behaviour"] == behaviour && client["recovered"] == true)
}

/// The endpoints of a group, as `status` tells them: the primary's, the reader's, and each node's.
fn endpoints(rig: &Rig) -> Vec<String> {
    let answer = rig.by_hand("DescribeReplicationGroups", "ReplicationGroupId=cache");
    answer.split("<Address>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

fn connect(host: &str, limit: Duration) -> Option<TcpStream> {
    let address = (host, 6379).to_socket_addrs().ok()?.next()?;
    let stream = TcpStream::connect_timeout(&address, limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// One inline command and its answer, as far as it comes in one piece.
fn asked(stream: &mut TcpStream, command: &str) -> Option<Vec<u8>> {
    stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
    let mut answer = vec![0; 65_536];
    let length = stream.read(&mut answer).ok().filter(|length| *length > 0)?;
    answer.truncate(length);
    Some(answer)
}

fn ask_of(host: &str, command: &str) -> Option<String> {
    let mut stream = connect(host, Duration::from_secs(2))?;
    Some(String::from_utf8_lossy(&asked(&mut stream, command)?).into_owned())
}

/// A writer of the test's own: when it was answered, and how late this machine let it be.
struct Independent {
    answers: Vec<(Instant, SystemTime)>,
    lag: Duration,
}

impl Independent {
    fn begin(host: String, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<Self> {
        std::thread::spawn(move || {
            let (mut answers, mut lag, mut open) = (Vec::new(), Duration::ZERO, None::<TcpStream>);
            while !stop.load(Ordering::Relaxed) {
                let before = Instant::now();
                std::thread::sleep(Duration::from_millis(5));
                lag = lag.max(before.elapsed().saturating_sub(Duration::from_millis(5)));
                if open.is_none() {
                    open = connect(&host, Duration::from_millis(100));
                }
                let Some(stream) = &mut open else { continue };
                match asked(stream, "SET independent 1") {
                    Some(answer) if answer.starts_with(b"+OK") => answers.push((Instant::now(), SystemTime::now())),
                    _ => open = None,
                }
            }
            Self { answers, lag }
        })
    }

    /// The longest silence and when it ended.
    fn gap(&self) -> (Duration, SystemTime) {
        let gaps = self.answers.windows(2).map(|pair| (pair[1].0 - pair[0].0, pair[1].1));
        gaps.max_by_key(|(gap, _)| *gap).expect("it was answered")
    }
}

fn millis(text: &str) -> i64 {
    // `2026-11-27T08:00:00.123Z`; the tests of a day do not run over midnight of a month's end.
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    ((number(11..13) * 60 + number(14..16)) * 60 + number(17..19)) * 1_000 + number(20..23)
}

fn millis_of_day(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64;
    since % 86_400_000
}

// Failovers

#[test]
fn a_gentle_failover_costs_little_loses_nothing_and_passes() {
    let Some(rig) = with_servers(&spec(
        2,
        "    drill: {require: {maxWriteGap: 60s, maxReadGap: 60s, maxLostWrites: 0, maxRestore: 5m}}\n",
    )) else {
        return;
    };
    let (ran, report) = drill(&rig, &[]);
    expect(&ran, &report, 0, "passed");
    assert_eq!((report["oldPrimary"].as_str(), report["newPrimary"].as_str()), (Some("cache-001"), Some("cache-002")));
    assert_eq!((&report["write"]["lost"], &report["write"]["waitedLost"]), (&Value::from(0), &Value::from(0)));
    assert_eq!(report["gates"].as_array().unwrap().len(), 4);
    assert!(report["gates"].as_array().unwrap().iter().all(|gate| gate["passed"] == true), "{report:#}");
    assert!(recovered(&report, "reResolves") && recovered(&report, "cachesDns60s"), "{report:#}");
    assert!(!recovered(&report, "neverReconnects"), "its connection ended: {report:#}");
    let messages: Vec<&str> =
        report["events"].as_array().unwrap().iter().filter_map(|event| event["message"].as_str()).collect();
    assert!(messages[0].starts_with("Test Failover API called for node group 0001"), "{messages:?}");
    assert!(messages.iter().any(|text| text.starts_with("Finished recovery")), "{messages:?}");
    assert!(at(&report, "lastWriteToOldPrimary") <= at(&report, "firstWriteToNewPrimary"));
    assert!(at(&report, "restored") >= at(&report, "firstWriteToNewPrimary"));
    assert_eq!(rig.called("TestFailover"), 1);
    let primary = endpoints(&rig)[0].clone();
    assert!(ask_of(&primary, "DBSIZE").is_some_and(|size| size.starts_with(":0")), "no key is left");
}

#[test]
fn an_abrupt_failover_is_measured_as_an_independent_writer_measures_it() {
    let Some(rig) = with_servers(&spec(3, "")) else { return };
    abrupt(&rig, 0, 900, 300, 500);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = Independent::begin(endpoints(&rig)[0].clone(), stop.clone());
    let (ran, report) = drill(&rig, &[]);
    stop.store(true, Ordering::Relaxed);
    let independent = writer.join().unwrap();
    assert_eq!(ran.code, 0, "{report:#}\n{}", ran.stderr);
    let (gap, resumed) = independent.gap();
    let seen = report["write"]["longestGapMs"].as_f64().unwrap();
    let apart = (seen - gap.as_secs_f64() * 1e3).abs();
    // Both are threads of one machine: what it kept waiting is no fault of either.
    let allowed = 50.0 + 3.0 * independent.lag.as_secs_f64() * 1e3;
    let ends = millis(report["startedAt"].as_str().unwrap()) + at(&report, "writesResumed");
    let ends_apart = (ends - millis_of_day(resumed)).abs() as f64;
    note(&format!(
        "drill {seen:.1} ms, independent {:.1} ms, apart {apart:.1} ms, ends {ends_apart} ms apart; lag {:?}",
        gap.as_secs_f64() * 1e3,
        independent.lag
    ));
    assert!(apart <= allowed, "{apart} ms apart, {allowed} allowed: {report:#}");
    assert!(ends_apart <= allowed, "{ends_apart} ms apart at the end, {allowed} allowed");
    assert!(seen >= 1_150.0, "nobody could write for 1.2 s: {seen}");
    // The node has its new role before the name leads there.
    let role = report["timeline"].as_array().unwrap().iter().find(|moment| {
        moment["event"] == "role" && moment["node"] == "cache-002" && moment["detail"] == "replica -> primary"
    });
    let role = role.and_then(|moment| moment["atMs"].as_i64()).expect("the role is seen");
    assert!(role <= at(&report, "firstWriteToNewPrimary") + 150, "{report:#}");
    assert!(moment(&report, "unreachable").is_some_and(|moment| moment["node"] == "cache-001"), "{report:#}");
}

#[test]
fn a_machine_that_is_gone_is_measured_though_connections_hang() {
    let Some(rig) = with_servers(&spec(2, "")) else { return };
    abrupt(&rig, 0, 1_000, 200, 300);
    rig.sandbox.set_failover(Failover {
        abrupt: true,
        hang: true,
        silence_ms: Some(1_000),
        names_ms: Some(200),
        replacement_ms: Some(300),
        ..Failover::default()
    });
    let (ran, report) = drill(&rig, &[]);
    assert_eq!(ran.code, 0, "{report:#}\n{}", ran.stderr);
    assert!(report["write"]["longestGapMs"].as_f64().unwrap() >= 1_000.0, "{report:#}");
    assert!(report["write"]["errors"]["timeout"].as_u64().is_some_and(|count| count > 0), "{report:#}");
}

/// The bits of a string that a server sent as a bulk.
fn bits(answer: &[u8]) -> Vec<u8> {
    let end = answer.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if answer.first() == Some(&b'$') && answer.len() > end + 2 {
        answer[end..answer.len() - 2].to_vec()
    } else {
        Vec::new()
    }
}

#[test]
fn lost_writes_are_those_that_the_old_primary_had_and_the_new_one_has_not() {
    let Some(rig) = with_servers(&spec(2, "")) else { return };
    abrupt(&rig, 700, 300, 100, 600);
    let nodes = endpoints(&rig)[2..].to_vec();
    let mut running = rig.start(&arguments(&["-v"]));
    rig.begun("TestFailover", &mut running);
    let keys = ask_of(&nodes[0], "KEYS cachectl:drill:*").expect("the old primary answers");
    let key = |end: &str| keys.lines().find(|line| line.ends_with(end)).expect(end).to_owned();
    let (writer, waited) = (key(":writer"), key(":waited"));
    // The old primary tells until it dies, the new one afterwards.
    let mut old = connect(&nodes[0], Duration::from_secs(2)).expect("the old primary answers");
    let mut had = [Vec::new(), Vec::new()];
    let (mut looked, mut longest) = (Instant::now(), Duration::ZERO);
    'alive: loop {
        for (place, key) in [&writer, &waited].into_iter().enumerate() {
            match asked(&mut old, &format!("GET {key}")).filter(|answer| answer.starts_with(b"$")) {
                Some(answer) => had[place] = bits(&answer),
                None => break 'alive,
            }
        }
        longest = longest.max(looked.elapsed());
        looked = Instant::now();
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut has = [Vec::new(), Vec::new()];
    await_that("the new primary has writes of its own", || {
        let get = |key: &str| {
            let mut new = connect(&nodes[1], Duration::from_secs(2))?;
            asked(&mut new, "ROLE").filter(|role| String::from_utf8_lossy(role).contains("master"))?;
            Some(bits(&asked(&mut new, &format!("GET {key}"))?))
        };
        let (Some(one), Some(two)) = (get(&writer), get(&waited)) else { return false };
        // It goes on where its predecessor left off.
        let grown = one.len() > had[0].len() + 4;
        has = [one, two];
        grown
    });
    let lost: u32 = (0..2)
        .flat_map(|place| had[place].iter().enumerate().map(move |(at, byte)| (place, at, *byte)))
        .map(|(place, at, byte)| (byte & !has[place].get(at).copied().unwrap_or(0)).count_ones())
        .sum();
    let ran = running.end();
    let report = checked(&ran);
    let told = report["write"]["lost"].as_u64().expect("it is known") + report["write"]["waitedLost"].as_u64().unwrap();
    // Between the last look and the end, and what was under way at the end on eight connections.
    let unseen = u64::from(200 * u32::try_from(longest.as_millis()).unwrap() / 1_000) + 8;
    note(&format!("drill counts {told} lost, the test {lost}, within {unseen}"));
    assert!(lost > 30, "{lost} are lost in 0.7 s");
    assert!(told.abs_diff(u64::from(lost)) <= unseen, "{told} against {lost}, within {unseen}: {report:#}");
    assert_eq!(report["write"]["waitedLost"], 0, "what a replica confirmed is there: {report:#}");
    assert_eq!((ran.code, report["verdict"].as_str()), (0, Some("warned")), "{report:#}");
}

#[test]
fn lost_writes_miss_a_bound_and_so_does_a_long_gap() {
    let Some(rig) = with_servers(&spec(2, "    drill: {require: {maxWriteGap: 100ms, maxLostWrites: 0}}\n")) else {
        return;
    };
    abrupt(&rig, 500, 600, 100, 300);
    let (ran, report) = drill(&rig, &[]);
    expect(&ran, &report, 5, "failed");
    let missed = |name: &str| {
        let gates = report["gates"].as_array().unwrap();
        gates.iter().any(|gate| gate["name"] == name && gate["passed"] == false && gate["undecided"].is_null())
    };
    assert!(missed("maxWriteGap") && missed("maxLostWrites"), "{report:#}");
}

#[test]
fn a_group_that_is_never_restored_fails() {
    let Some(rig) = with_servers(&spec(2, "")) else { return };
    abrupt(&rig, 0, 300, 100, 600_000);
    let (ran, report) = drill(&rig, &["--timeout", "4s"]);
    expect(&ran, &report, 5, "failed");
    assert_eq!(report["availableAfterMs"], Value::Null);
    assert_eq!(report["newPrimary"], "cache-002");
    assert!(report["findings"].to_string().contains("not restored"), "{report:#}");
}

#[test]
fn a_group_that_never_gets_a_new_primary_fails() {
    let Some(rig) = with_servers(&spec(2, "    drill: {require: {maxRestore: 1s}}\n")) else { return };
    abrupt(&rig, 0, 600_000, 100, 100);
    let (ran, report) = drill(&rig, &["--timeout", "3s"]);
    expect(&ran, &report, 5, "failed");
    assert_eq!((&report["newPrimary"], &report["write"]["lost"]), (&Value::Null, &Value::Null), "{report:#}");
    let findings = report["findings"].to_string();
    assert!(findings.contains("no primary") && findings.contains("writes do not get through"), "{findings}");
    assert!(report["undecided"].to_string().contains("how many writes are lost"), "{report:#}");
}

#[test]
fn a_shard_of_a_cluster_fails_over_and_the_others_do_not() {
    let shards = "apiVersion: cachectl/v1\nstack: drilled\nregion: us-east-1\nreplicationGroups:\n  cache:\n    description: drilled\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.r7g.large\n    numNodeGroups: 2\n    replicasPerNodeGroup: 1\n    automaticFailoverEnabled: true\n    multiAZEnabled: true\n    transitEncryptionEnabled: false\n";
    let Some(rig) = with_servers(shards) else { return };
    rig.run(&arguments(&[])).exits(64).says("--shard");
    abrupt(&rig, 0, 600, 200, 300);
    let (ran, report) = drill(&rig, &["--shard", "2"]);
    assert_eq!(ran.code, 0, "{report:#}\n{}", ran.stderr);
    assert_eq!((report["shard"].as_str(), report["oldPrimary"].as_str()), (Some("0002"), Some("cache-0002-001")));
    assert_eq!(report["newPrimary"], "cache-0002-002");
    assert!(report["write"]["longestGapMs"].as_f64().unwrap() >= 500.0, "{report:#}");
    assert_eq!(report["write"]["waitedLost"], 0);
    assert!(recovered(&report, "reResolves"), "{report:#}");
    let (ran, report) = drill(&rig, &["--each-shard"]);
    assert_eq!(ran.code, 0, "{report:#}\n{}", ran.stderr);
    let primaries: Vec<&str> =
        report["drills"].as_array().unwrap().iter().filter_map(|drill| drill["newPrimary"].as_str()).collect();
    assert_eq!(primaries, ["cache-0001-002", "cache-0002-001"]);
}

#[test]
fn an_answer_that_was_lost_is_looked_up_and_no_second_failover_is_asked_for() {
    let Some(rig) = with_servers(&spec(2, "")) else { return };
    rig.sandbox.inject(Fault::drop_answer().on("TestFailover").times(1));
    let (ran, report) = drill(&rig, &[]);
    assert_eq!(ran.code, 0, "{report:#}\n{}", ran.stderr);
    assert_eq!(report["newPrimary"], "cache-002");
    assert_eq!(rig.called("TestFailover"), 1);
}

#[test]
fn an_answer_that_was_lost_with_events_that_cannot_be_read_leaves_unknown_what_aws_does() {
    let Some(rig) = with_servers(&spec(2, "")) else { return };
    abrupt(&rig, 0, 600_000, 100, 100);
    rig.sandbox.inject(Fault::drop_answer().on("TestFailover"));
    rig.sandbox.inject(Fault::access_denied().on("DescribeEvents"));
    let ran = rig.run(&arguments(&["--timeout", "2s"]));
    assert!(ran.code != 0 && ran.stderr.contains("whether it fails over is not known"), "{}", ran.all());
    assert_eq!(rig.called("TestFailover"), 1);
}

#[test]
fn a_fault_of_awss_own_is_no_refusal() {
    let Some(rig) = with_servers(&spec(2, "")) else { return };
    rig.sandbox.inject(Fault::error(500, "InternalFailure", "The request processing has failed.").on("TestFailover"));
    let ran = rig.run(&arguments(&["--timeout", "2s"]));
    assert!(ran.code != 0 && ran.code != 3, "{}", ran.all());
    assert!(ran.stderr.contains("AWS reports no failover") && !ran.stderr.contains("refuses"), "{}", ran.stderr);
}

#[test]
fn events_that_cannot_be_read_to_the_end_leave_undecided_whether_the_node_was_replaced() {
    let Some(rig) = with_servers(&spec(2, "")) else { return };
    let mut running = rig.start(&arguments(&[]));
    rig.begun("TestFailover", &mut running);
    rig.sandbox.inject(Fault::error(400, "InvalidParameterValue", "not now").on("DescribeEvents"));
    let ran = running.end();
    let report = checked(&ran);
    expect(&ran, &report, 0, "undecided");
    assert!(report["undecided"].to_string().contains("AWS's events could not be read"), "{report:#}");
    assert!(!ran.stderr.contains("no replacement"), "{}", ran.stderr);
}

#[test]
fn a_primary_that_moves_between_the_look_and_the_call_is_left_alone() {
    let Some(rig) = with_servers(&spec(2, "")) else { return };
    rig.sandbox.inject(Fault::slow(4_000).on("DescribeEvents"));
    let mut running = rig.start(&arguments(&[]));
    // The first look at the events is for the quota; the second comes right before the call.
    await_that("the clients got through", || {
        assert!(!running.ended(), "it ended early");
        rig.called("DescribeEvents") == 2
    });
    rig.sandbox.lose_primary("cache", "0001").unwrap();
    let ran = running.end().exits(3);
    assert_eq!(ran.json()["blocked"][0]["rule"], "moved", "{}", ran.all());
    assert_eq!(rig.called("TestFailover"), 0);
}

#[test]
fn an_interrupt_ends_the_clients_and_says_that_the_failover_goes_on() {
    let bounds = "    drill: {require: {maxLostWrites: 0, maxWriteGap: 10m}}\n";
    let Some(rig) = with_servers(&spec(2, bounds)) else { return };
    rig.sandbox.set_failover(Failover { silence_ms: Some(2_000), replacement_ms: Some(60_000), ..Failover::default() });
    let mut running = rig.start(&arguments(&[]));
    rig.begun("TestFailover", &mut running);
    rig.looked(3, &mut running);
    running.signal("INT");
    let ran = running.end();
    let report = checked(&ran);
    assert_eq!((ran.code, &report["interrupted"]), (130, &Value::Bool(true)), "{report:#}");
    assert_eq!(report["verdict"], "undecided");
    // Who was asked may be about to lose what it has, and a longer silence may be to come.
    assert_eq!(report["write"]["lost"], Value::Null, "{report:#}");
    assert!(report["gates"].as_array().unwrap().iter().all(|gate| gate["passed"] == false), "{report:#}");
    assert!(ran.stderr.contains("goes on inside AWS"), "{}", ran.stderr);
    let primary = endpoints(&rig)[0].clone();
    await_that("no key is left", || ask_of(&primary, "DBSIZE").is_some_and(|size| size.starts_with(":0")));
    assert_eq!(rig.called("TestFailover"), 1);
}

/// A tunnel to a node: its near end.
fn tunnel(host: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (near, host) = (listener.local_addr().unwrap().port(), host.to_owned());
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Where nobody is at the far end, the client is hung up on.
            let Some(node) = connect(&host, Duration::from_secs(1)) else { continue };
            let _ = node.set_read_timeout(None);
            for (from, to) in [(client.try_clone(), node.try_clone()), (node.try_clone(), client.try_clone())] {
                let (Ok(mut from), Ok(mut to)) = (from, to) else { continue };
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    near
}

#[test]
fn a_user_limited_to_its_keys_drills_under_tls_and_through_tunnels() {
    if server_binary().is_none() {
        return;
    }
    let spec = |map: &str| {
        spec(2, "").replace(
            "    transitEncryptionEnabled: false\n",
            &format!("    transitEncryptionEnabled: true\n    transitEncryptionMode: required\n    userGroupIds: [group]\n    smoke: {{caFile: ca.pem{map}}}\n"),
        ) + "users:\n  closed: {userName: default, engine: valkey, accessString: \"off ~* -@all\", passwords: [{env: OFF_PASSWORD}]}\n  app: {userName: app, engine: valkey, accessString: \"on ~app:* +@all -@dangerous +info\", passwords: [{env: APP_PASSWORD}]}\nuserGroups:\n  group: {engine: valkey, userIds: [closed, app]}\n"
    };
    let rig = Rig::with(&spec(""), Options { time_scale: QUICK, data_plane: true, ..Options::default() });
    std::fs::write(rig.path("ca.pem"), rig.sandbox.ca_pem().unwrap()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = rig.command(arguments);
        command.env("APP_PASSWORD", "app-password-0123456789").env("OFF_PASSWORD", "off-password-0123456789");
        Ran::of(&mut command)
    };
    run(&["apply", "--yes", "--no-smoke"]).exits(0);
    let map: Vec<String> =
        endpoints(&rig).iter().map(|host| format!("\"{host}:6379\": \"127.0.0.1:{}\"", tunnel(host))).collect();
    rig.spec(&spec(&format!(", endpointMap: {{{}}}", map.join(", "))));
    abrupt(&rig, 0, 600, 200, 300);
    let ran = run(&arguments(&[]));
    let report = checked(&ran);
    assert!(ran.code == 0 && ["passed", "warned"].contains(&report["verdict"].as_str().unwrap()), "{}", ran.all());
    assert_eq!((report["oldPrimary"].as_str(), report["newPrimary"].as_str()), (Some("cache-001"), Some("cache-002")));
    assert!(report["write"]["longestGapMs"].as_f64().unwrap() >= 500.0, "{report:#}");
    assert!(report["write"]["lost"].is_u64() && report["write"]["waitedLost"] == 0, "{report:#}");
    assert!(recovered(&report, "reResolves"), "{report:#}");
    assert!(!ran.all().contains("app-password"), "{}", ran.all());
}

#[test]
fn a_shard_that_is_refused_after_others_were_drilled_is_told_in_every_form() {
    let shards = "apiVersion: cachectl/v1\nstack: drilled\nregion: us-east-1\nreplicationGroups:\n  cache:\n    description: drilled\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.r7g.large\n    numNodeGroups: 2\n    replicasPerNodeGroup: 1\n    automaticFailoverEnabled: true\n    multiAZEnabled: true\n    transitEncryptionEnabled: false\n";
    let Some(rig) = with_servers(shards) else { return };
    let mut running = rig.start(&arguments(&["--each-shard"]));
    rig.begun("TestFailover", &mut running);
    // The second shard's primary takes no write any more.
    let told = rig.by_hand("DescribeCacheClusters", "CacheClusterId=cache-0002-001&ShowCacheNodeInfo=true");
    let primary = told.split("<Address>").nth(1).and_then(|rest| rest.split('<').next()).expect("an address");
    let answer = ask_of(primary, "CLIENT PAUSE 60000 WRITE").unwrap_or_default();
    assert!(answer.starts_with("+OK"), "{answer}");
    let ran = running.end().exits(3);
    let document = checked(&ran);
    assert_eq!(document["drills"].as_array().map(Vec::len), Some(1), "{document:#}");
    assert_eq!(document["drills"][0]["shard"], "0001");
    assert_eq!(document["notDrilled"], serde_json::json!(["0002"]));
    let blocked = &document["blocked"][0];
    assert_eq!((&blocked["shard"], &blocked["rule"]), (&"0002".into(), &"clients-fail".into()), "{document:#}");
    assert_eq!(rig.called("TestFailover"), 1);
}

// Forms

#[test]
fn the_table_has_a_picture_and_eighty_columns_and_every_form_tells_the_verdict() {
    let Some(rig) = with_servers(&spec(2, "    drill: {require: {maxWriteGap: 1ms}}\n")) else { return };
    abrupt(&rig, 0, 300, 100, 200);
    let ran = rig.run(&[&["drill", "failover"][..], &ALLOW].concat()).exits(5);
    let widest = ran.stdout.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 80, "{widest} columns:\n{}", ran.stdout);
    assert!(ran.stdout.contains('█') && ran.stdout.contains('×'), "{}", ran.stdout);
    assert!(ran.stdout.contains("cache-001 -> cache-002") && ran.stdout.contains("FAILED"), "{}", ran.stdout);
    let junit = rig.run(&[&["drill", "failover", "--format", "junit"][..], &ALLOW].concat()).exits(5);
    assert!(
        junit.stdout.contains("name=\"require maxWriteGap\"") && junit.stdout.contains("<failure"),
        "{}",
        junit.stdout
    );
    let markdown = rig.run(&[&["drill", "failover", "--format", "markdown"][..], &ALLOW].concat()).exits(5);
    assert!(
        markdown.stdout.contains("### Failover drill of `replicationGroup/cache shard 0001`: failed"),
        "{}",
        markdown.stdout
    );
}

#[test]
fn a_rehearsal_looks_at_all_and_changes_nothing() {
    let Some(rig) = with_servers(&spec(2, "")) else { return };
    let ran = rig.run(&["drill", "failover", "--dry-run", "--format", "json"]).exits(0);
    let document = checked(&ran);
    assert_eq!(document["shards"][0]["primary"], "cache-001");
    assert_eq!(rig.called("TestFailover"), 0);
    assert!(ran.stderr.contains("--allow failover:replicationGroup/cache"), "{}", ran.stderr);
    let primary = endpoints(&rig)[0].clone();
    assert!(ask_of(&primary, "DBSIZE").is_some_and(|size| size.starts_with(":0")));
}

// Reasons not to begin

/// The rules by which it is refused; nothing was asked of AWS.
#[track_caller]
fn refused(rig: &Rig, arguments: &[&str]) -> Vec<String> {
    let before = rig.called("TestFailover");
    let ran = rig.run(&[&["drill", "failover", "--format", "json"][..], arguments].concat()).exits(3);
    assert_eq!(rig.called("TestFailover"), before, "{}", ran.all());
    let document = checked(&ran);
    let rules =
        document["blocked"].as_array().unwrap().iter().filter_map(|one| one["rule"].as_str().map(str::to_owned));
    rules.collect()
}

fn plain(spec: &str) -> Rig {
    let rig = Rig::with(spec, Options { time_scale: 0.0, ..Options::default() });
    rig.apply().exits(0);
    rig
}

#[test]
fn a_failover_must_be_allowed_and_what_is_protected_must_be_named() {
    let rig = plain(&spec(2, ""));
    assert_eq!(refused(&rig, &[]), ["failover-not-allowed"]);
    let named = ["cachectl.yaml", "replicationGroup/cache", "--allow", "failover:replicationGroup/other"];
    assert_eq!(refused(&rig, &named), ["failover-not-allowed"]);
}

#[test]
fn what_is_not_the_stacks_is_not_drilled() {
    let rig = plain(&spec(2, ""));
    let own = spec(2, "");
    rig.spec(&own.replace("stack: drilled", "stack: another"));
    assert_eq!(refused(&rig, &ALLOW), ["foreign"]);
    rig.spec(&own);
    rig.sandbox.inject(Fault::access_denied().on("ListTagsForResource"));
    rig.sandbox.inject(Fault::access_denied().on("GetResources"));
    assert_eq!(refused(&rig, &ALLOW), ["ownership-unknown"]);
    rig.sandbox.clear_faults();
    let arn = "arn:aws:elasticache:us-east-1:012345678901:replicationgroup:cache";
    let answer = rig.by_hand("RemoveTagsFromResource", &format!("ResourceName={arn}&TagKeys.member.1=cachectl:stack"));
    assert!(answer.contains("200 OK"), "{answer}");
    assert_eq!(refused(&rig, &ALLOW), ["unowned"]);
    rig.spec(&own.replace("  cache:", "  other:"));
    assert_eq!(refused(&rig, &["--allow", "failover:replicationGroup/other"]), ["absent"]);
}

#[test]
fn what_is_protected_is_named_in_full_or_left_alone() {
    let rig = plain(&spec(2, "    lifecycle: {protect: true}\n"));
    assert_eq!(refused(&rig, &["--allow", "failover:replicationGroup/*"]), ["protected"]);
    assert_eq!(refused(&rig, &[]), ["failover-not-allowed"]);
    // Without a server behind it nobody gets through: the word was enough.
    assert_eq!(refused(&rig, &ALLOW), ["unreachable"]);
}

#[test]
fn a_group_must_be_fit_for_a_failover() {
    let rig = plain(&spec(2, "").replace("    multiAZEnabled: true\n", ""));
    assert_eq!(refused(&rig, &ALLOW), ["no-multi-az"]);
    let rig = plain(
        &spec(2, "")
            .replace("multiAZEnabled: true", "multiAZEnabled: false")
            .replace("automaticFailoverEnabled: true", "automaticFailoverEnabled: false"),
    );
    assert_eq!(refused(&rig, &ALLOW), ["no-automatic-failover", "no-multi-az"]);
    let rig = plain(
        &spec(1, "")
            .replace("multiAZEnabled: true", "multiAZEnabled: false")
            .replace("automaticFailoverEnabled: true", "automaticFailoverEnabled: false"),
    );
    assert_eq!(refused(&rig, &ALLOW), ["no-automatic-failover", "no-multi-az", "no-replica"]);
}

#[test]
fn a_group_with_something_pending_or_on_its_way_is_not_drilled() {
    let rig = plain(&spec(2, "    applyImmediately: false\n"));
    rig.by_hand(
        "ModifyReplicationGroup",
        "ReplicationGroupId=cache&CacheNodeType=cache.r7g.xlarge&ApplyImmediately=false",
    );
    assert_eq!(refused(&rig, &ALLOW), ["pending"]);
    let rig = Rig::with(&spec(2, ""), Options { time_scale: QUICK, ..Options::default() });
    rig.apply().exits(0);
    // Ten minutes at a ten-thousandth of a second each do not pass within a look: the call is made while it is slow.
    let slow = Rig::with(&spec(2, ""), Options { time_scale: 0.002, ..Options::default() });
    slow.apply().exits(0);
    slow.by_hand(
        "ModifyReplicationGroup",
        "ReplicationGroupId=cache&CacheNodeType=cache.r7g.xlarge&ApplyImmediately=true",
    );
    assert_eq!(refused(&slow, &ALLOW)[0], "not-available");
}

#[test]
fn the_quota_of_fifteen_shards_a_day_is_kept() {
    let rig = plain(&spec(2, ""));
    for _ in 0..15 {
        let answer = rig.by_hand("TestFailover", "ReplicationGroupId=cache&NodeGroupId=0001");
        assert!(answer.contains("200 OK"), "{answer}");
    }
    assert_eq!(refused(&rig, &ALLOW), ["quota"]);
}

#[test]
fn clients_that_fail_before_any_failover_prevent_it() {
    let Some(rig) = with_servers(&spec(2, "")) else { return };
    let primary = endpoints(&rig)[2].clone();
    // Reads go on, and writes hang.
    let answer = ask_of(&primary, "CLIENT PAUSE 13000 WRITE").unwrap_or_default();
    assert!(answer.starts_with("+OK"), "{answer}");
    assert_eq!(refused(&rig, &ALLOW), ["clients-fail"]);
}

#[test]
fn what_aws_refuses_is_told_in_its_words_and_leaves_no_key() {
    let Some(rig) = with_servers(&spec(2, "")) else { return };
    rig.sandbox.inject(
        Fault::error(400, "TestFailoverNotAvailableFault", "The TestFailover action is not available.")
            .on("TestFailover"),
    );
    let ran = rig.run(&arguments(&[])).exits(3);
    assert!(ran.stderr.contains("TestFailoverNotAvailableFault"), "{}", ran.stderr);
    let primary = endpoints(&rig)[0].clone();
    assert!(ask_of(&primary, "DBSIZE").is_some_and(|size| size.starts_with(":0")));
}

#[test]
fn a_slip_in_the_command_line_is_told() {
    let rig = plain(&spec(2, ""));
    rig.run(&["drill", "failover", "--allow", "delete:*"]).exits(64).says("failover:ADDRESS-GLOB");
    rig.run(&[&["drill", "failover", "--shard", "7"][..], &ALLOW].concat()).exits(64).says("no shard 0007");
    rig.run(&["drill", "failover", "cachectl.yaml", "replicationGroup/none"]).exits(64).says("not in cachectl.yaml");
    rig.run(&["drill", "failover", "cachectl.yaml", "serverlessCache/x"]).exits(64).says("replication groups only");
}

//! The smoke room against real servers. Without one installed, these tests say so and pass.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use cachectl::client::engine::Stop;
use cachectl::client::{Secret, Tls, Way};
use cachectl::smoke::{Expect, Observer, OnUnreachable, Pattern, Report, Requirements, Settings, Target, Verdict, run};

use crate::servers::{ask, await_that, certificates, cluster, free_port, note, server_binary, signal, start, start_on};

// Runs

struct Silent;

impl Observer for Silent {
    fn progress(&self, _: &str) {}
}

/// Calls back once, when the load begins.
struct OnLoad<F>(Mutex<Option<F>>);

impl<F: FnOnce() + Send> Observer for OnLoad<F> {
    fn progress(&self, text: &str) {
        if text == "load"
            && let Some(call) = self.0.lock().unwrap().take()
        {
            call();
        }
    }
}

fn target(port: u16) -> Target {
    let way = Way { host: "127.0.0.1".into(), port, ..Way::default() };
    Target { address: "replicationGroup/test".into(), way, ..Target::default() }
}

fn short() -> Settings {
    Settings {
        duration: Duration::from_millis(1_500),
        clients: 4,
        require: Requirements { error_rate: Some(0.0), ..Requirements::default() },
        ..Settings::default()
    }
}

fn status(report: &Report, name: &str) -> Option<Verdict> {
    report.checks.iter().find(|check| check.name == name).map(|check| check.status)
}

#[track_caller]
fn assert_ok(report: &Report, names: &[impl AsRef<str>]) {
    for name in names.iter().map(AsRef::as_ref) {
        assert_eq!(status(report, name), Some(Verdict::Passed), "{name}: {:#?}", report.checks);
    }
}

/// The checks of the patterns, all of which run where the settings name none.
fn patterns() -> Vec<String> {
    Pattern::NAMES.map(|name| format!("pattern {name}")).into()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn smoke(target: &Target, settings: &Settings) -> Report {
    runtime().block_on(run(target, settings, &Stop::default(), &Silent))
}

// Tests

#[test]
fn a_healthy_cache_passes_and_keeps_no_keys() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]);
    ask(server.port, "SET somebody-elses-key 1");
    let mut target = target(server.port);
    target.expect = Expect { maxmemory_policy: Some("allkeys-lru".into()), replicas: Some(0), ..Expect::default() };
    let report = smoke(&target, &short());
    assert_eq!(report.verdict, Verdict::Passed, "{report:#?}");
    assert_ok(&report, &["connect", "PING", "engine", "eviction policy", "write and read", "role", "TTL", "clean-up"]);
    assert_ok(&report, &patterns());
    assert_eq!(report.leftover_keys, 0);
    assert!(ask(server.port, "DBSIZE").starts_with(":1\r\n"));
    let load = report.load.unwrap();
    assert!(load.total.samples > 100 && load.capacity.unwrap().ops > 100);
    assert_eq!(load.hit_rate, Some(1.0));
    assert_eq!(report.patterns.len(), Pattern::ALL.len());
    assert!(report.patterns.iter().all(|pattern| pattern.ops > 0 && pattern.errors == 0));
}

#[test]
fn a_server_that_still_reads_its_data_is_waited_for() {
    let Some(binary) = server_binary() else { return };
    let before = start(&binary, &[]);
    ask(before.port, "EVAL \"for i = 1, 1500 do redis.call('SET', 'key:' .. i, i) end\" 0");
    assert!(ask(before.port, "SAVE").starts_with("+OK"));
    // A millisecond a key, and an answer to clients now and then: a second or two of LOADING.
    let folder = before.dir.path().to_str().unwrap();
    let slowly = ["--dir", folder, "--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
    let server = start(&binary, &slowly);
    if !ask(server.port, "PING").starts_with("-LOADING") {
        note("skipped: this server reads its data at once");
        return;
    }
    let report = smoke(&target(server.port), &Settings { patterns: vec![Pattern::Session], ..short() });
    assert_eq!(report.verdict, Verdict::Passed, "{report:#?}");
    assert!(ask(server.port, "DBSIZE").starts_with(":1500\r\n"));
}

#[test]
fn a_wrong_policy_or_a_missing_replica_fails() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &["--maxmemory-policy", "noeviction"]);
    let mut target = target(server.port);
    target.expect = Expect {
        engine: Some("memcached".into()),
        maxmemory_policy: Some("allkeys-lru".into()),
        replicas: Some(1),
        ..Expect::default()
    };
    let settings = Settings {
        patterns: vec![Pattern::Session],
        timeout: Duration::from_millis(500),
        rate: Some(200.0),
        ..short()
    };
    let report = smoke(&target, &settings);
    assert_eq!(report.verdict, Verdict::Failed);
    assert_eq!(status(&report, "eviction policy"), Some(Verdict::Failed));
    assert_eq!(status(&report, "engine"), Some(Verdict::Failed), "another engine is another cache");
    assert_eq!(status(&report, "replicas"), Some(Verdict::Failed));
    let load = report.load.unwrap();
    assert!(load.capacity.is_none(), "a given rate spares the cache the closed loop");
    assert_eq!(load.rate, 200.0);
}

#[test]
fn a_reader_endpoint_shows_writes_and_takes_none() {
    let Some(binary) = server_binary() else { return };
    let primary = start(&binary, &[]);
    let port = primary.port.to_string();
    let replica = start(&binary, &["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]);
    await_that("the replica is in sync", || ask(primary.port, "INFO replication").contains("state=online"));
    let mut target = target(primary.port);
    target.reader = Some(("127.0.0.1".into(), replica.port));
    target.expect.replicas = Some(1);
    let report = smoke(&target, &short());
    assert_ok(&report, &["role", "replicas", "reader endpoint"]);
    target.way.port = replica.port;
    let report = smoke(&target, &Settings { patterns: vec![Pattern::CacheAside], ..short() });
    assert_eq!(report.verdict, Verdict::Failed);
    assert_eq!(status(&report, "role"), Some(Verdict::Failed));
    let ttl = report.checks.iter().find(|check| check.name == "TTL").unwrap();
    assert!(ttl.detail.contains("READONLY"), "{ttl:?}");
}

#[test]
fn tls_and_credentials_are_checked_from_both_sides() {
    let Some(binary) = server_binary() else { return };
    let dir = tempfile::tempdir().unwrap();
    if certificates(dir.path()).is_none() {
        return note("no openssl: skipped");
    }
    let port = free_port().to_string();
    let file = |name: &str| dir.path().join(name).display().to_string();
    let (certificate, key, authority) = (file("srv.crt"), file("srv.key"), file("ca.crt"));
    let password = "correct-horse-battery";
    let arguments = vec![
        "--port",
        "0",
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &authority,
        "--tls-auth-clients",
        "no",
        "--requirepass",
        password,
    ];
    // A server that was built without TLS refuses the options and exits.
    let probe = Command::new(&binary)
        .args(&arguments)
        .args(["--bind", "127.0.0.1", "--save", ""])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut probe = probe.unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let exited = probe.try_wait().unwrap().is_some();
    let _ = probe.kill();
    let _ = probe.wait();
    if exited {
        return note("the server has no TLS: skipped");
    }
    let server = start_on(&binary, &port, arguments);

    let ca = |name: &str| Some(dir.path().join(name));
    let mut target = target(server.port);
    target.way.tls = Some(Tls::default());
    target.ca_file = ca("ca.crt");
    target.way.password = Some(Secret::new(password));
    let report = smoke(&target, &short());
    assert_ok(&report, &["TLS", "plaintext refused", "AUTH", "no access without AUTH", "clean-up"]);
    assert_ok(&report, &patterns());
    let seen = report.server.unwrap();
    assert!(seen.tls.is_some_and(|tls| tls.starts_with("TLSv1.")));
    assert!(seen.certificate_days_left.is_some_and(|days| (28..=30).contains(&days)));

    // Through a tunnel the certificate is still checked against the cache's real name.
    let mut tunnelled = target.clone();
    tunnelled.tunnelled = true;
    for (name, verdict) in [("localhost", Verdict::Passed), ("another.example", Verdict::Failed)] {
        tunnelled.way.host = name.into();
        tunnelled.way.port = 6379;
        tunnelled.way.map.insert((name.into(), 6379), ("127.0.0.1".into(), server.port));
        let report = smoke(&tunnelled, &Settings { patterns: vec![Pattern::Session], ..short() });
        assert_eq!((report.verdict, status(&report, "TLS")), (verdict, Some(verdict)), "{name}: {report:#?}");
    }

    target.ca_file = ca("other.crt");
    let report = smoke(&target, &short());
    assert_eq!((report.verdict, status(&report, "TLS")), (Verdict::Failed, Some(Verdict::Failed)));

    target.ca_file = ca("ca.crt");
    let wrong = "wrong-horse-battery";
    target.way.password = Some(Secret::new(wrong));
    let report = smoke(&target, &short());
    assert_eq!((report.verdict, status(&report, "AUTH")), (Verdict::Failed, Some(Verdict::Failed)));
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains(wrong) && !format!("{report:?}{target:?}").contains(wrong));

    target.way.password = None;
    let report = smoke(&target, &short());
    let check = report.checks.last().unwrap();
    assert!(check.detail.contains("NOAUTH") && check.hint.is_some(), "{check:?}");

    target.way.tls = None;
    let report = smoke(&target, &short());
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(report.checks.last().unwrap().hint.as_ref().unwrap().contains("TLS"));
}

#[test]
fn a_password_that_nobody_needs_is_no_protection() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let mut target = target(server.port);
    target.way.password = Some(Secret::new("x"));
    let report = smoke(&target, &short());
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(report.checks.last().unwrap().detail.contains("lets anyone in"), "{:?}", report.checks);
}

#[test]
fn a_restricted_user_tests_what_it_may_and_hears_what_it_lacks() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    ask(server.port, "ACL SETUSER app on >app-password ~app:* +@read +@write +@connection");
    ask(server.port, "ACL SETUSER default off");
    let mut target = target(server.port);
    target.way.username = Some("app".into());
    target.way.password = Some(Secret::new("app-password"));
    let report = smoke(&target, &Settings { key_prefix: "app:smoke:".into(), ..short() });
    assert_eq!(report.verdict, Verdict::Passed, "{report:#?}");
    assert_eq!(status(&report, "engine"), Some(Verdict::NotTested));
    assert_eq!(status(&report, "pattern lock"), Some(Verdict::NotTested));
    assert_ok(&report, &["AUTH", "no access without AUTH", "TTL", "pattern stampede", "clean-up"]);

    let report = smoke(&target, &short());
    assert_eq!(report.verdict, Verdict::Failed);
    let ttl = report.checks.iter().find(|check| check.name == "TTL").unwrap();
    assert!(ttl.detail.contains("NOPERM") && ttl.hint.as_ref().unwrap().contains("keyPrefix"), "{ttl:?}");
    assert!(report.load.is_none(), "there is nothing to measure");
}

#[test]
fn a_cluster_is_checked_shard_by_shard() {
    let Some(binary) = server_binary() else { return };
    let nodes = cluster(&binary);
    let mut target = target(nodes[0].port);
    target.way.cluster = true;
    target.expect = Expect { replicas: Some(1), shards: Some(3), ..Expect::default() };
    let report = smoke(&target, &short());
    assert_eq!(report.verdict, Verdict::Passed, "{report:#?}");
    assert_ok(&report, &["cluster state", "shards", "cross-slot refused", "hash tags", "write and read", "replicas"]);
    assert_ok(&report, &patterns());
    let server = report.server.unwrap();
    assert_eq!((server.shards, server.nodes, server.slots), (Some(3), Some(6), Some(16_384)));
    assert_eq!(report.leftover_keys, 0);
    for node in &nodes[..3] {
        assert!(ask(node.port, "DBSIZE").starts_with(":0\r\n"));
    }

    // A client that was told of a single node, and a cluster of another shape.
    target.way.cluster = false;
    target.expect.shards = Some(4);
    let report = smoke(&target, &Settings { patterns: vec![Pattern::Lock], ..short() });
    assert_eq!(status(&report, "cluster mode"), Some(Verdict::Warned));
    assert_eq!(status(&report, "shards"), Some(Verdict::Failed));

    // Slots without a node.
    assert!(ask(nodes[1].port, "CLUSTER DELSLOTSRANGE 6000 6001").starts_with("+OK"));
    target.way.port = nodes[1].port;
    await_that("the node sees the gap", || ask(nodes[1].port, "CLUSTER INFO").contains("cluster_state:fail"));
    let report = smoke(&target, &Settings { patterns: vec![], ..short() });
    assert_eq!(status(&report, "cluster state"), Some(Verdict::Failed));
    assert_eq!(report.verdict, Verdict::Failed);
}

#[test]
fn a_cluster_that_is_none_fails() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let mut target = target(server.port);
    target.way.cluster = true;
    let report = smoke(&target, &Settings { patterns: vec![], ..short() });
    assert_eq!(status(&report, "cluster mode"), Some(Verdict::Failed));
    assert_eq!(report.verdict, Verdict::Failed);
}

#[test]
fn a_stall_counts_for_everyone_who_would_have_asked() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let settings = Settings {
        patterns: vec![],
        duration: Duration::from_secs(4),
        clients: 4,
        rate: Some(1_000.0),
        require: Requirements { p99_ms: Some(100.0), ..Requirements::default() },
        ..Settings::default()
    };
    let report = std::thread::scope(|scope| {
        let server = &server;
        let stall = move || {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(1_500));
                signal(server, "-STOP");
                std::thread::sleep(Duration::from_millis(800));
                signal(server, "-CONT");
            });
        };
        runtime().block_on(run(&target(server.port), &settings, &Stop::default(), &OnLoad(Mutex::new(Some(stall)))))
    });
    let load = report.load.unwrap();
    // 0.8 of 3.6 s: a fifth of the commands were due in the stall. Sent were only four of them.
    assert!(load.total.p95_ms.is_some_and(|ms| ms > 300.0), "{load:#?}");
    assert!(load.service.p95_ms.is_some_and(|ms| ms < 100.0), "{load:#?}");
    assert!(load.errors.is_empty());
    assert!(!report.gates[0].passed && report.gates[0].measured.is_some_and(|ms| ms > 500.0));
}

#[test]
fn a_cache_that_dies_in_the_load_is_a_report_not_an_abort() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let settings = Settings {
        duration: Duration::from_secs(2),
        patterns: vec![Pattern::CacheAside],
        timeout: Duration::from_millis(500),
        ..short()
    };
    let port = server.port;
    let report = {
        let kill = move || drop(server);
        runtime().block_on(run(&target(port), &settings, &Stop::default(), &OnLoad(Mutex::new(Some(kill)))))
    };
    assert_eq!(report.verdict, Verdict::Failed);
    let refused = |row: &cachectl::smoke::ErrorReport| row.class == "connection refused";
    let in_load = report.load.as_ref().is_some_and(|load| load.connects.iter().any(refused));
    assert!(in_load || report.errors.contains_key("connection refused"), "{report:#?}");
    let clean = report.checks.last().unwrap();
    assert_eq!((clean.name.as_str(), clean.status), ("clean-up", Verdict::Warned));
    assert!(clean.hint.as_ref().unwrap().contains("expire"));
}

#[test]
fn a_cancelled_run_leaves_only_keys_that_expire() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let settings = Settings { duration: Duration::from_secs(30), ..short() };
    runtime().block_on(async {
        let target = target(server.port);
        let cancelled =
            tokio::time::timeout(Duration::from_secs(3), run(&target, &settings, &Stop::default(), &Silent)).await;
        assert!(cancelled.is_err());
    });
    let keyspace = ask(server.port, "INFO keyspace");
    let number = |name: &str| {
        let text = keyspace.split(&format!("{name}=")).nth(1).unwrap();
        text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap()
    };
    assert!(number("keys") > 0);
    assert_eq!(number("keys"), number("expires"));
    assert!(server.dir.path().is_dir());
}

#[test]
fn an_unreachable_cache_gets_the_verdict_that_the_settings_ask_for() {
    let port = free_port();
    for (wanted, verdict) in [
        (OnUnreachable::Warn, Verdict::Warned),
        (OnUnreachable::Fail, Verdict::Failed),
        (OnUnreachable::Skip, Verdict::NotTested),
    ] {
        let report = smoke(&target(port), &Settings { on_unreachable: Some(wanted), ..short() });
        assert_eq!(report.verdict, verdict);
        assert_eq!(report.unreachable.as_deref(), Some("connection refused"));
        assert!(report.checks[0].hint.is_some());
        assert!(report.server.is_none() && report.load.is_none() && report.gates.is_empty());
    }
    let mut nowhere = target(port);
    nowhere.way.host = "no-such-cache.invalid".into();
    let report = smoke(&nowhere, &short());
    assert!(report.unreachable.is_some_and(|why| why.contains("resolve") || why.contains("timeout")));
}

#[test]
fn a_port_that_accepts_and_says_nothing_fails_within_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = Settings { timeout: Duration::from_millis(300), ..short() };
    let mut target = target(port);
    let report = smoke(&target, &settings);
    assert_eq!((report.verdict, status(&report, "PING")), (Verdict::Failed, Some(Verdict::Failed)));
    target.way.tls = Some(Tls::default());
    let report = smoke(&target, &settings);
    assert_eq!((report.verdict, status(&report, "TLS")), (Verdict::Failed, Some(Verdict::Failed)));
}

#[test]
fn a_cache_that_loses_keys_breaks_the_patterns_promises() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let settings = Settings {
        patterns: vec![Pattern::WriteThrough, Pattern::Session, Pattern::Lock],
        duration: Duration::from_secs(4),
        ..short()
    };
    let done = std::sync::atomic::AtomicBool::new(false);
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            let mut answer = [0; 64];
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                stream.write_all(b"FLUSHALL\r\n").unwrap();
                assert!(stream.read(&mut answer).unwrap() > 0);
            }
        });
        let report = smoke(&target(server.port), &settings);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        report
    });
    assert_eq!(report.verdict, Verdict::Failed);
    for (name, broken) in [("pattern writeThrough", "a write was not there"), ("pattern lock", "lock")] {
        let check = report.checks.iter().find(|check| check.name == name).unwrap();
        assert_eq!(check.status, Verdict::Failed, "{check:?}");
        assert!(check.detail.contains(broken), "{check:?}");
    }
}

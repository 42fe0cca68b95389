//! The data plane against real servers: whatever `valkey-server` or `redis-server` is installed.
//! Without one, these tests say so and pass.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cachectl::client::{Secret, Tls, Way};
use cachectl::smoke::{
    CheckStatus, Expect, Observer, OnUnreachable, Pattern, Report, Requirements, Settings, Target, Verdict, run,
};

// Servers

/// A server that dies with the test.
struct Server {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `CACHECTL_TEST_SERVER`, or the first server on the path; `None` skips the test.
fn server_binary() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CACHECTL_TEST_SERVER") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    let found = ["valkey-server", "redis-server"]
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |dir| dir.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        note("no valkey-server or redis-server is installed: skipped");
    }
    found
}

#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn note(text: &str) {
    eprintln!("{text}");
}

/// A port that was free a moment ago. Below 50000, so that a cluster's bus port (+10000) exists, and
/// with both of them free.
fn free_port() -> u16 {
    static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut port = 20_000 + (std::process::id() % 20_000) as u16;
    loop {
        port = if port >= 49_000 { 20_000 } else { port + 1 };
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 10_000) && TAKEN.lock().unwrap().insert(port) {
            return port;
        }
    }
}

fn start(binary: &Path, arguments: &[&str]) -> Server {
    let port = free_port().to_string();
    start_on(binary, &port, [&["--port", &port], arguments].concat())
}

fn start_on(binary: &Path, port: &str, arguments: Vec<&str>) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let child = Command::new(binary)
        .args(["--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(dir.path())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let port = port.parse().unwrap();
    let server = Server { child, port, dir };
    await_that("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    server
}

fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}: not within 30 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One inline command and the first part of its answer.
fn ask(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
    let mut answer = vec![0; 65_536];
    let mut length = 0;
    // A bulk string announces its length; everything else here comes in one piece.
    loop {
        let read = stream.read(&mut answer[length..]).unwrap();
        assert!(read > 0, "{command}: the server hung up");
        length += read;
        let text = String::from_utf8_lossy(&answer[..length]);
        let complete = match text.strip_prefix('$').and_then(|text| text.split_once("\r\n")) {
            Some((announced, body)) => body.len() >= announced.parse::<usize>().unwrap_or(0),
            None => text.ends_with("\r\n"),
        };
        if complete {
            return text.into_owned();
        }
    }
}

fn signal(server: &Server, signal: &str) {
    let status = Command::new("kill").args([signal, &server.child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

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

fn status(report: &Report, name: &str) -> Option<CheckStatus> {
    report.checks.iter().find(|check| check.name == name).map(|check| check.status)
}

#[track_caller]
fn assert_ok(report: &Report, names: &[&str]) {
    for name in names {
        assert_eq!(status(report, name), Some(CheckStatus::Ok), "{name}: {:#?}", report.checks);
    }
}

const PATTERNS: [&str; 5] =
    ["pattern cacheAside", "pattern writeThrough", "pattern stampede", "pattern session", "pattern lock"];

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn smoke(target: &Target, settings: &Settings) -> Report {
    runtime().block_on(run(target, settings, &Silent))
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
    assert_ok(&report, &PATTERNS);
    assert_eq!(report.leftover_keys, 0);
    assert!(ask(server.port, "DBSIZE").starts_with(":1\r\n"));
    let load = report.load.unwrap();
    assert!(load.total.samples > 100 && load.capacity.unwrap().ops > 100);
    assert_eq!(load.hit_rate, Some(1.0));
    assert_eq!(report.patterns.len(), 5);
    assert!(report.patterns.iter().all(|pattern| pattern.ops > 0 && pattern.errors == 0));
}

#[test]
fn a_wrong_policy_or_a_missing_replica_fails() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &["--maxmemory-policy", "noeviction"]);
    let mut target = target(server.port);
    target.expect = Expect { maxmemory_policy: Some("allkeys-lru".into()), replicas: Some(1), ..Expect::default() };
    let settings = Settings {
        patterns: vec![Pattern::Session],
        timeout: Duration::from_millis(500),
        rate: Some(200.0),
        ..short()
    };
    let report = smoke(&target, &settings);
    assert_eq!(report.verdict, Verdict::Failed);
    assert_eq!(status(&report, "eviction policy"), Some(CheckStatus::Failed));
    assert_eq!(status(&report, "replicas"), Some(CheckStatus::Failed));
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
    assert_eq!(status(&report, "role"), Some(CheckStatus::Failed));
    let ttl = report.checks.iter().find(|check| check.name == "TTL").unwrap();
    assert!(ttl.detail.contains("READONLY"), "{ttl:?}");
}

/// A certificate authority and a server certificate, or `None` without openssl.
fn certificates(dir: &Path) -> Option<()> {
    let openssl = |line: &str| {
        let status = Command::new("openssl")
            .args(line.split(' '))
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success()).then_some(())
    };
    std::fs::write(dir.join("san"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").ok()?;
    for ca in ["ca", "other"] {
        openssl(&format!("req -x509 -newkey rsa:2048 -nodes -keyout {ca}.key -out {ca}.crt -days 30 -subj /CN={ca}"))?;
    }
    openssl("req -newkey rsa:2048 -nodes -keyout srv.key -out srv.csr -subj /CN=localhost")?;
    openssl("x509 -req -in srv.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out srv.crt -extfile san")
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
    assert_ok(&report, &PATTERNS);
    let seen = report.server.unwrap();
    assert!(seen.tls.is_some_and(|tls| tls.starts_with("TLSv1.")));
    assert!(seen.certificate_days_left.is_some_and(|days| (28..=30).contains(&days)));

    target.ca_file = ca("other.crt");
    let report = smoke(&target, &short());
    assert_eq!((report.verdict, status(&report, "TLS")), (Verdict::Failed, Some(CheckStatus::Failed)));

    target.ca_file = ca("ca.crt");
    let wrong = "wrong-horse-battery";
    target.way.password = Some(Secret::new(wrong));
    let report = smoke(&target, &short());
    assert_eq!((report.verdict, status(&report, "AUTH")), (Verdict::Failed, Some(CheckStatus::Failed)));
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
    assert_eq!(report.verdict, Verdict::Warned, "{report:#?}");
    assert_eq!(status(&report, "engine"), Some(CheckStatus::Skipped));
    assert_eq!(status(&report, "pattern lock"), Some(CheckStatus::Warn));
    assert_ok(&report, &["AUTH", "no access without AUTH", "TTL", "pattern stampede", "clean-up"]);

    let report = smoke(&target, &short());
    assert_eq!(report.verdict, Verdict::Failed);
    let ttl = report.checks.iter().find(|check| check.name == "TTL").unwrap();
    assert!(ttl.detail.contains("NOPERM") && ttl.hint.as_ref().unwrap().contains("keyPrefix"), "{ttl:?}");
    assert!(report.load.is_none(), "there is nothing to measure");
}

/// Three primaries with a replica each.
fn cluster(binary: &Path) -> Vec<Server> {
    let nodes: Vec<Server> =
        (0..6).map(|_| start(binary, &["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"])).collect();
    for (node, slots) in nodes.iter().zip(["0 5460", "5461 10922", "10923 16383"]) {
        assert!(ask(node.port, &format!("CLUSTER ADDSLOTSRANGE {slots}")).starts_with("+OK"));
    }
    for (epoch, node) in nodes.iter().enumerate() {
        ask(node.port, &format!("CLUSTER SET-CONFIG-EPOCH {}", epoch + 1));
        ask(nodes[0].port, &format!("CLUSTER MEET 127.0.0.1 {}", node.port));
    }
    await_that("all nodes know each other", || {
        nodes.iter().all(|node| ask(node.port, "CLUSTER INFO").contains("cluster_known_nodes:6"))
    });
    for (replica, primary) in nodes[3..].iter().zip(&nodes) {
        let id = ask(primary.port, "CLUSTER MYID");
        let id = id.lines().nth(1).unwrap().to_owned();
        await_that("a replica follows its primary", || {
            ask(replica.port, &format!("CLUSTER REPLICATE {id}")).starts_with("+OK")
        });
    }
    await_that("the cluster is up and its replicas are in sync", || {
        nodes.iter().all(|node| ask(node.port, "CLUSTER INFO").contains("cluster_state:ok"))
            && nodes[..3].iter().all(|node| ask(node.port, "INFO replication").contains("state=online"))
            && nodes.iter().all(|node| {
                let slots = ask(node.port, "CLUSTER SLOTS");
                nodes.iter().all(|node| slots.contains(&format!(":{}\r\n", node.port)))
            })
    });
    nodes
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
    assert_ok(&report, &PATTERNS);
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
    assert_eq!(status(&report, "cluster mode"), Some(CheckStatus::Warn));
    assert_eq!(status(&report, "shards"), Some(CheckStatus::Failed));

    // Slots without a node.
    assert!(ask(nodes[1].port, "CLUSTER DELSLOTSRANGE 6000 6001").starts_with("+OK"));
    target.way.port = nodes[1].port;
    await_that("the node sees the gap", || ask(nodes[1].port, "CLUSTER INFO").contains("cluster_state:fail"));
    let report = smoke(&target, &Settings { patterns: vec![], ..short() });
    assert_eq!(status(&report, "cluster state"), Some(CheckStatus::Failed));
    assert_eq!(report.verdict, Verdict::Failed);
}

#[test]
fn a_cluster_that_is_none_fails() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let mut target = target(server.port);
    target.way.cluster = true;
    let report = smoke(&target, &Settings { patterns: vec![], ..short() });
    assert_eq!(status(&report, "cluster mode"), Some(CheckStatus::Failed));
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
        runtime().block_on(run(&target(server.port), &settings, &OnLoad(Mutex::new(Some(stall)))))
    });
    let load = report.load.unwrap();
    // 0.8 of 3.6 s: a fifth of the commands were due in the stall. Sent were only four of them.
    assert!(load.total.p95_ms.is_some_and(|ms| ms > 300.0), "{load:#?}");
    assert!(load.service.p95_ms.is_some_and(|ms| ms < 100.0), "{load:#?}");
    assert_eq!(load.errors, 0);
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
        runtime().block_on(run(&target(port), &settings, &OnLoad(Mutex::new(Some(kill)))))
    };
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(report.errors.contains_key("connection refused"), "{:?}", report.errors);
    assert!(!report.gates[0].passed);
    let clean = report.checks.last().unwrap();
    assert_eq!((clean.name.as_str(), clean.status), ("clean-up", CheckStatus::Warn));
    assert!(clean.hint.as_ref().unwrap().contains("expire"));
}

#[test]
fn a_cancelled_run_leaves_only_keys_that_expire() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    let settings = Settings { duration: Duration::from_secs(30), ..short() };
    runtime().block_on(async {
        let target = target(server.port);
        let cancelled = tokio::time::timeout(Duration::from_secs(3), run(&target, &settings, &Silent)).await;
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
        (OnUnreachable::Skip, Verdict::Skipped),
    ] {
        let report = smoke(&target(port), &Settings { on_unreachable: wanted, ..short() });
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
    assert_eq!((report.verdict, status(&report, "PING")), (Verdict::Failed, Some(CheckStatus::Failed)));
    target.way.tls = Some(Tls::default());
    let report = smoke(&target, &settings);
    assert_eq!((report.verdict, status(&report, "TLS")), (Verdict::Failed, Some(CheckStatus::Failed)));
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
        assert_eq!(check.status, CheckStatus::Failed, "{check:?}");
        assert!(check.detail.contains(broken), "{check:?}");
    }
}

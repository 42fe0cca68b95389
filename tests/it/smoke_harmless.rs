//! A smoke test takes nothing from the cache that it tests: the application's keys and `evicted_keys` are as before.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use cachectl::client::Way;
use cachectl::client::engine::{Distribution, Stop};
use cachectl::smoke::{Observer, Pattern, Report, Requirements, Settings, Target, Verdict, run};

use crate::servers::{Server, ask, server_binary, start};

struct Silent;

impl Observer for Silent {
    fn progress(&self, _: &str) {}
}

fn smoke(port: u16, settings: &Settings) -> Report {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let way = Way { host: "127.0.0.1".into(), port, ..Way::default() };
    let target = Target { address: "replicationGroup/test".into(), way, ..Target::default() };
    runtime.block_on(run(&target, settings, &Stop::default(), &Silent))
}

/// Writes keys of an application until the server has this share of its memory in use.
fn fill(server: &Server, share: f64, size: usize) -> u64 {
    let value = "x".repeat(size);
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let mut keys = 0_u64;
    let limit = server.number("memory", "maxmemory") as f64;
    while (server.number("memory", "used_memory") as f64) < share * limit {
        let mut batch = String::new();
        for _ in 0..50 {
            batch.push_str(&format!("SET application:{keys} {value}\r\n"));
            keys += 1;
        }
        stream.write_all(batch.as_bytes()).unwrap();
        let mut answers = 0;
        let mut bytes = [0; 4_096];
        while answers < 50 {
            let length = stream.read(&mut bytes).unwrap();
            answers += bytes[..length].iter().filter(|byte| **byte == b'\n').count();
        }
    }
    keys
}

fn untouched(server: &Server, keys: u64, report: &Report) {
    assert!(ask(server.port, "DBSIZE").starts_with(&format!(":{keys}\r\n")), "{report:#?}");
    assert_eq!(server.number("stats", "evicted_keys"), 0, "{report:#?}");
}

#[test]
fn a_cache_that_is_nearly_full_loses_nothing_to_large_values() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &["--maxmemory", "48mb", "--maxmemory-policy", "allkeys-lru"]);
    let keys = fill(&server, 0.97, 400);
    let settings = Settings { value_size: 65_536, duration: Duration::from_secs(2), ..Settings::default() };
    let report = smoke(server.port, &settings);
    assert_eq!(report.verdict, Verdict::Warned, "{report:#?}");
    assert!(report.load.is_none() && report.budget.is_none());
    let memory = report.checks.iter().find(|check| check.name == "memory").unwrap();
    assert!(memory.detail.contains("full") && memory.detail.contains("nothing is written"), "{memory:?}");
    untouched(&server, keys, &report);
}

#[test]
fn a_cache_that_is_evicting_is_looked_at_and_not_loaded() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &["--maxmemory", "8mb", "--maxmemory-policy", "allkeys-lru"]);
    fill(&server, 0.9, 400);
    let done = std::sync::atomic::AtomicBool::new(false);
    let report = std::thread::scope(|scope| {
        let (port, over) = (server.port, &done);
        scope.spawn(move || {
            // An application that writes more than fits.
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (value, mut bytes, mut number) = ("y".repeat(2_000), [0; 64], 0_u64);
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                number += 1;
                stream.write_all(format!("SET more:{number} {value}\r\n").as_bytes()).unwrap();
                assert!(stream.read(&mut bytes).unwrap() > 0);
            }
        });
        crate::servers::await_that("it evicts", || server.number("stats", "evicted_keys") > 100);
        let report = smoke(server.port, &Settings { duration: Duration::from_secs(1), ..Settings::default() });
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        report
    });
    assert_eq!(report.verdict, Verdict::Warned, "{report:#?}");
    assert!(report.load.is_none());
}

#[test]
fn whatever_the_settings_the_applications_keys_are_as_before() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]);
    let keys = fill(&server, 0.8, 400);
    // `CACHECTL_PROPERTY_SEED` draws others.
    let seed = std::env::var("CACHECTL_PROPERTY_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut random = seed.unwrap_or(0x9e37_79b9_u64);
    let mut draw = |bound: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    for round in 0..4 {
        let settings = Settings {
            patterns: Pattern::ALL.into_iter().filter(|_| draw(2) == 0).collect(),
            duration: Duration::from_millis(900),
            clients: 1 + draw(12) as usize,
            pipeline: 1 + draw(8) as usize,
            value_size: [1, 300, 9_000, 120_000][draw(4) as usize],
            keys: [1, 100, 100_000, 5_000_000][draw(4) as usize],
            read_ratio: draw(11) as f64 / 10.0,
            max_bytes: [None, Some(100_000), Some(1 << 40)][draw(3) as usize],
            distribution: [Distribution::Uniform, Distribution::Zipf(1.0)][draw(2) as usize],
            read_only: round == 3,
            ..Settings::default()
        };
        let report = smoke(server.port, &settings);
        assert!(report.verdict < Verdict::Failed, "{settings:#?} {report:#?}");
        assert_eq!(report.leftover_keys, 0);
        untouched(&server, keys, &report);
        if settings.read_only {
            assert!(report.patterns.is_empty() && report.load.is_some_and(|load| load.set.ops == 0));
        }
    }
}

#[test]
fn a_run_that_is_longer_than_its_keys_live_keeps_them_alive() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &[]);
    // Written once, for four seconds; nothing but the renewal keeps them.
    let settings = Settings {
        patterns: Vec::new(),
        key_ttl: Duration::from_secs(2),
        duration: Duration::from_secs(9),
        read_ratio: 1.0,
        rate: Some(200.0),
        keys: 50,
        require: Requirements { hit_rate: Some(1.0), ..Requirements::default() },
        ..Settings::default()
    };
    let report = smoke(server.port, &settings);
    assert_eq!(report.verdict, Verdict::Passed, "{report:#?}");
    assert_eq!(report.leftover_keys, 0);
}

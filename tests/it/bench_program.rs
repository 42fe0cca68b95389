//! `cachectl bench` as people run it, against real servers.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Ran, bare};
use crate::plan_docs::violations;
use crate::rig::Rig;
use crate::servers::{Server, ask, await_that, cluster, server_binary, signal, slow, start, with_tls};

fn bench(dir: &Path, port: u16, arguments: &[&str]) -> Ran {
    Ran::of(bare(dir).args(["bench", &format!("127.0.0.1:{port}")]).args(arguments))
}

/// The report, which holds what its schema says.
#[track_caller]
fn report(ran: &Ran) -> Value {
    let report = ran.json();
    let schema: Value = serde_json::from_str(include_str!("../../schema/bench.schema.json")).unwrap();
    let mut found = Vec::new();
    violations(&schema, &schema, &report, "bench", &mut found);
    assert!(found.is_empty(), "{}\n{report:#}", found.join("\n"));
    report
}

fn server(arguments: &[&str]) -> Option<(Server, tempfile::TempDir)> {
    Some((start(&server_binary()?, arguments), tempfile::tempdir().unwrap()))
}

fn number(report: &Value, pointer: &str) -> f64 {
    report.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {pointer} in {report:#}"))
}

const SHORT: [&str; 8] = ["--duration", "2s", "-r", "2000", "-c", "8", "--format", "json"];

#[test]
fn a_benchmark_tells_two_numbers_and_leaves_nothing_behind() {
    let Some((server, dir)) = server(&[]) else { return };
    ask(server.port, "SET somebody-elses-key 1");
    let log = dir.path().join("latency.hlog");
    let hdr = ["-t", "get,set", "--hdr", log.to_str().unwrap()];
    let ran = bench(dir.path(), server.port, &[&SHORT[..], &hdr].concat()).exits(0);
    let found = report(&ran);
    assert!(number(&found, "/capacity/opsPerSecond") > 100.0);
    assert_eq!(found["capacity"]["windows"].as_array().unwrap().len(), 3);
    let asked = number(&found, "/latency/rate");
    assert!((asked - number(&found, "/capacity/opsPerSecond") / 2.0).abs() < 1.0, "half of the capacity");
    assert!(number(&found, "/latency/samples") > 50.0 && number(&found, "/latency/misses") == 0.0);
    assert!(found["errors"].as_object().unwrap().is_empty());
    assert_eq!(number(&found, "/leftBehind"), 0.0);
    assert!(number(&found, "/serverDelta/commands/get/calls") > 100.0);
    assert!(ask(server.port, "DBSIZE").starts_with(":1\r\n"));
    assert!(std::fs::read_to_string(log).unwrap().contains("Tag=due,"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing beside the log");

    for (format, wanted) in [("table", "capacity "), ("markdown", "Capacity: **"), ("junit", "name=\"capacity\"")] {
        let arguments = ["--duration", "1s", "-n", "3000", "-c", "4", "--format", format];
        bench(dir.path(), server.port, &arguments).exits(0).says(wanted);
    }
}

#[test]
fn a_rate_spares_the_server_the_closed_loop_and_a_stall_counts_for_everyone() {
    let Some((server, dir)) = server(&[]) else { return };
    let arguments = ["--rate", "2000", "--duration", "5s", "-r", "1000", "--format", "json"];
    let mut running = bare(dir.path());
    running.args(["bench", &format!("127.0.0.1:{}", server.port)]).args(arguments).stdout(Stdio::piped());
    let child = running.stderr(Stdio::piped()).spawn().unwrap();
    await_that("it measures", || ask(server.port, "DBSIZE").starts_with(":1000\r\n"));
    std::thread::sleep(Duration::from_millis(1_500));
    signal(&server, "-STOP");
    std::thread::sleep(Duration::from_secs(1));
    signal(&server, "-CONT");
    let ran = Ran::from(child.wait_with_output().unwrap());
    let found = report(&ran);
    assert_eq!(found["capacity"], Value::Null);
    assert!(number(&found, "/latency/longestGapMs") > 900.0, "{found:#}");
    // A second of the four and a half that were measured: a closed loop would tell of 50 commands.
    let p95 = number(&found, "/latency/p95Ms");
    assert!(p95 > 500.0, "p95 {p95} ms");
    assert!(number(&found, "/latency/service/p95Ms") < p95 / 2.0);
    assert!(found["errors"].as_object().unwrap().is_empty(), "{found:#}");
}

#[test]
fn short_pauses_show_where_a_closed_loop_hides_them() {
    let Some((server, dir)) = server(&[]) else { return };
    let pid = server.child.id().to_string();
    let pauses = std::thread::spawn(move || {
        for _ in 0..8 {
            std::thread::sleep(Duration::from_millis(800));
            let _ = Command::new("kill").args(["-STOP", &pid]).status();
            std::thread::sleep(Duration::from_millis(200));
            let _ = Command::new("kill").args(["-CONT", &pid]).status();
        }
    });
    let ran = bench(dir.path(), server.port, &["--rate", "2000", "--duration", "6s", "-r", "1000", "--format", "json"]);
    pauses.join().unwrap();
    let found = report(&ran);
    // A fifth of the commands was due in a pause.
    assert!(number(&found, "/latency/p95Ms") > 100.0, "{found:#}");
    assert!((150.0..1_500.0).contains(&number(&found, "/latency/longestGapMs")), "{found:#}");
}

#[test]
fn a_client_that_is_the_limit_says_undecided() {
    let Some((server, dir)) = server(&[]) else { return };
    let slow = slow(server.port, Duration::from_millis(20));
    let arguments = ["-c", "2", "--rate", "1000", "--duration", "2s", "-r", "50", "-t", "set", "--format", "json"];
    let found = report(&bench(dir.path(), slow, &arguments).exits(0));
    assert_eq!(found["verdict"], "undecided", "{found:#}");
    assert!(found["undecided"].to_string().contains("2 connections allow about"), "{found:#}");
    assert!(found["errors"].as_object().unwrap().is_empty() && number(&found, "/latency/unsent") > 0.0);
}

#[test]
fn the_highest_rate_within_a_bound_is_found_or_its_absence_is_told() {
    let Some((server, dir)) = server(&[]) else { return };
    let short = ["--duration", "4s", "-r", "500", "--format", "json", "--find-rate"];
    let found = report(&bench(dir.path(), server.port, &[&short[..], &["p50=2s"]].concat()));
    assert!(number(&found, "/findRate/rate") > 0.0, "{found:#}");
    assert!(!found["findRate"]["steps"].as_array().unwrap().is_empty());
    let ran = bench(dir.path(), server.port, &[&short[..], &["p50=1us"]].concat()).exits(5);
    assert_eq!(report(&ran)["findRate"]["rate"], Value::Null);
}

#[test]
fn a_baseline_is_set_beside_and_only_if_it_measured_the_same() {
    let Some((server, dir)) = server(&[]) else { return };
    let before = dir.path().join("before.json");
    let first = bench(dir.path(), server.port, &SHORT).exits(0);
    std::fs::write(&before, &first.stdout).unwrap();
    let with = ["--baseline", before.to_str().unwrap()];
    let found = report(&bench(dir.path(), server.port, &[&SHORT[..], &with].concat()).exits(0));
    assert_eq!(found["baseline"][0]["name"], "capacity.opsPerSecond");
    assert_eq!(found["baseline"][0]["before"], first.json()["capacity"]["opsPerSecond"]);
    let ran = bench(dir.path(), server.port, &[&SHORT[..], &with, &["-d", "99"]].concat()).exits(64);
    ran.says("valueSize was 64, and is 99");
}

#[test]
fn an_interrupt_deletes_the_keys_and_shows_what_was_measured() {
    let Some((server, dir)) = server(&[]) else { return };
    for name in ["INT", "TERM"] {
        let mut command = bare(dir.path());
        command.args(["bench", &format!("127.0.0.1:{}", server.port), "--rate", "500", "--duration", "10m"]);
        let child =
            command.args(["-r", "1500", "--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.unwrap();
        await_that("it has written its keys", || ask(server.port, "DBSIZE").starts_with(":1500\r\n"));
        std::thread::sleep(Duration::from_millis(500));
        assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
        let ran = Ran::from(child.wait_with_output().unwrap()).exits(130);
        let found = report(&ran);
        assert_eq!(found["stopped"], "interrupted");
        assert!(ask(server.port, "DBSIZE").starts_with(":0\r\n"));
    }
}

#[test]
fn nobody_loses_keys_to_a_benchmark() {
    let Some((server, dir)) = server(&["--maxmemory", "20mb", "--maxmemory-policy", "allkeys-lru"]) else { return };
    ask(server.port, "EVAL \"for i=1,9000 do redis.call('set','app:'..i,string.rep('x',1000)) end\" 0");
    let keys = ask(server.port, "DBSIZE");
    let arguments = ["--duration", "2s", "-r", "1000000", "-d", "2000", "-t", "set", "-c", "8", "--format", "json"];
    let ran = bench(dir.path(), server.port, &arguments);
    assert!(ran.code == 0 || ran.code == 3, "{}", ran.all());
    if ran.code == 0 {
        let found = report(&ran);
        assert!(number(&found, "/settings/keys") < 200.0, "1 % of 20 MB: {found:#}");
    }
    assert_eq!(ask(server.port, "DBSIZE"), keys);
    assert!(ask(server.port, "INFO stats").contains("evicted_keys:0\r\n"));

    // Full to the brim: not begun, and why.
    ask(server.port, "EVAL \"for i=1,30000 do redis.call('set','app:'..i,string.rep('x',1000)) end\" 0");
    bench(dir.path(), server.port, &arguments).exits(3).says("no room").says("--unbounded");
}

#[test]
fn what_a_server_refuses_fails_with_its_class() {
    let Some((server, dir)) = server(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]) else { return };
    let arguments = ["--unbounded", "--duration", "2s", "-r", "50000", "-d", "500", "-c", "4", "-t", "set"];
    let ran = bench(dir.path(), server.port, &[&arguments[..], &["--format", "json"]].concat()).exits(5);
    let found = report(&ran);
    assert_eq!(found["verdict"], "failed");
    assert!(number(&found, "/errors/OOM") > 0.0);
    assert!(found["findings"].to_string().contains("OOM"));
    assert!(ask(server.port, "DBSIZE").starts_with(":0\r\n"), "deleted all the same");
}

#[test]
fn a_cluster_is_recognised_and_told_shard_by_shard() {
    let Some(binary) = server_binary() else { return };
    let dir = tempfile::tempdir().unwrap();
    let nodes = cluster(&binary);
    let found = report(&bench(dir.path(), nodes[1].port, &SHORT).exits(0));
    assert_eq!((&found["server"]["cluster"], &found["server"]["shards"]), (&Value::Bool(true), &Value::from(3)));
    let shards = found["perShard"].as_array().unwrap();
    assert_eq!(shards.iter().map(|row| row["slots"].as_u64().unwrap()).sum::<u64>(), 16_384);
    assert!(nodes[..3].iter().all(|node| ask(node.port, "DBSIZE").starts_with(":0\r\n")));
    let single = start(&binary, &[]);
    bench(dir.path(), single.port, &["--cluster"]).exits(1).says("does not run in cluster mode");
}

#[test]
fn secrets_come_from_the_environment_or_a_file_and_show_nowhere() {
    let Some(binary) = server_binary() else { return };
    let dir = tempfile::tempdir().unwrap();
    let password = "correct-horse-battery";
    let Some((server, authority)) = with_tls(&binary, dir.path(), password) else { return };
    let tls = ["--tls", "--ca-file", authority.to_str().unwrap(), "--password", "env:BENCH_PASSWORD"];
    let mut command = bare(dir.path());
    command.args(["bench", &format!("127.0.0.1:{}", server.port)]).args(SHORT).args(tls);
    let ran = Ran::of(command.env("BENCH_PASSWORD", password)).exits(0);
    assert_eq!(report(&ran)["server"]["tls"], true);
    assert!(!ran.all().contains(password));
    let ran = Ran::of(command.env("BENCH_PASSWORD", "wrong-horse-battery")).exits(1).says("WRONGPASS");
    assert!(!ran.all().contains("wrong-horse"));
    bench(dir.path(), server.port, &["--password", "hunter2"]).exits(64).says("env:NAME");
    bench(dir.path(), server.port, &[]).exits(1).says("--tls");
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        &["-c", "0"][..],
        &["--read-ratio", "1.5"],
        &["--rate", "-5"],
        &["--rate", "nan"],
        &["--find-rate", "p98=1ms"],
        &["--rate", "5", "--find-rate", "p99=1ms"],
        &["--distribution", "zipf:x"],
        &["--duration", "0s"],
        &["-t", "lpush"],
        &["-t", "get", "--read-ratio", "0.5"],
        &["-r", "0"],
        &["-n", "0"],
        &["--ca-file", "x.pem"],
        &["--baseline", "no-such-file.json"],
    ] {
        assert_eq!(bench(dir.path(), 1, arguments).code, 64, "{arguments:?}");
    }
    let nobody = bench(dir.path(), 1, &["--duration", "1s"]).exits(1);
    nobody.says("connection refused").says("nothing listens there");
}

#[test]
fn a_cache_of_a_spec_is_measured_by_its_own_endpoint_and_login() {
    if server_binary().is_none() {
        return;
    }
    let spec = "apiVersion: cachectl/v1\nstack: measured\nregion: us-east-1\nreplicationGroups:\n  cache: {description: measured, engine: valkey, engineVersion: \"8.0\", cacheNodeType: cache.t4g.small, numCacheClusters: 1, transitEncryptionEnabled: true, authToken: {env: CACHE_TOKEN}, smoke: {caFile: ca.pem}}\n";
    let rig = Rig::with(spec, cachectl_sandbox::Options { data_plane: true, ..Default::default() });
    std::fs::write(rig.path("ca.pem"), rig.sandbox.ca_pem().unwrap()).unwrap();
    let run = |arguments: &[&str]| {
        Ran::from(rig.command(arguments).env("CACHE_TOKEN", "a-token-of-the-cache-1").output().unwrap())
    };
    run(&["apply", "--yes", "--no-smoke"]).exits(0);
    let measure =
        ["bench", "cachectl.yaml", "replicationGroup/cache", "--rate", "200", "--duration", "1s", "--format", "json"];
    let ran = run(&measure).exits(0);
    let report = ran.json();
    assert_eq!(report["server"]["tls"], true);
    assert!(
        report["latency"]["percentiles"]["samples"]
            .as_u64()
            .or(report["latency"]["samples"].as_u64())
            .is_some_and(|count| count > 50),
        "{report:#}"
    );
    assert_eq!(report["leftBehind"], 0);
    assert!(!ran.all().contains("a-token-of-the-cache"), "{}", ran.all());
    run(&["bench", "cachectl.yaml"]).exits(64).says("name a cache of it");
    run(&["bench", "cachectl.yaml", "replicationGroup/none"]).exits(64).says("no cache of cachectl.yaml");
    run(&["bench", "cachectl.yaml", "replicationGroup/cache", "--tls"]).exits(64);
}

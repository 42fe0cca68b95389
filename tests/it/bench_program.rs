//! `cachectl bench` as people run it, against real servers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
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

/// The log, read by HdrHistogram's own reader, tells the percentiles that the report has.
#[track_caller]
fn is_logged(latency: &Value, log: &str) {
    let mut tags = Vec::new();
    for entry in IntervalLogIterator::new(log.as_bytes()) {
        let LogEntry::Interval(interval) = entry.expect("an entry") else { continue };
        let bytes = base64::engine::general_purpose::STANDARD.decode(interval.encoded_histogram()).expect("base64");
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).expect("a histogram");
        let tag = interval.tag().expect("a tag").as_str().to_owned();
        let part = match tag.as_str() {
            "due" => latency,
            "sent" => &latency["service"],
            other => &latency[other],
        };
        assert_eq!(part["samples"].as_u64(), Some(histogram.len()), "{tag}");
        let names = [("p50Ms", 0.5), ("p95Ms", 0.95), ("p99Ms", 0.99), ("p999Ms", 0.999), ("maxMs", 1.0)];
        for (name, quantile) in names {
            // Null where there are too few samples to state it. The log's values are nanoseconds, in three digits.
            let Some(told) = part[name].as_f64() else { continue };
            let logged = histogram.value_at_quantile(quantile) as f64 / 1e6;
            assert!((logged - told).abs() <= told / 500.0 + 1e-3, "{tag} {name}: {told} ms told, {logged} ms logged");
        }
        tags.push(tag);
    }
    assert_eq!(tags, ["due", "sent", "lag"]);
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
    assert_eq!(found["findings"], Value::Array(Vec::new()), "{found:#}");
    assert!(ask(server.port, "DBSIZE").starts_with(":1\r\n"));
    is_logged(&found["latency"], &std::fs::read_to_string(log).unwrap());
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
    let ran = bench(dir.path(), server.port, &[&short[..], &["p50=20s"]].concat());
    let found = report(&ran);
    let steps = found["findRate"]["steps"].as_array().unwrap();
    let last = steps.last().unwrap_or_else(|| panic!("nothing was tried: {found:#}"));
    match found["findRate"]["rate"].as_f64() {
        Some(rate) => {
            assert_eq!((last["holds"].as_bool(), last["rate"].as_f64()), (Some(true), Some(rate)), "{found:#}");
            assert!(rate > 0.0 && ran.code == 0, "{found:#}");
        }
        // Where others hold the processors no rate is reached; then that is the reason, and never the bound.
        None => {
            assert!(steps.iter().all(|step| step["measuredMs"].as_f64().is_none_or(|ms| ms < 20_000.0)), "{found:#}");
            assert!(ran.code == 5 && last["holds"] == false, "{found:#}");
        }
    }
    // The report is printed though there is no latency for the log.
    let log = dir.path().join("latency.hlog");
    let hopeless = ["p50=1us", "--hdr", log.to_str().unwrap()];
    let found = report(&bench(dir.path(), server.port, &[&short[..], &hopeless].concat()).exits(5));
    assert_eq!(found["findRate"]["rate"], Value::Null);
    assert!(found["notes"].to_string().contains("--hdr has nothing to write"), "{found:#}");
    assert!(!log.exists());
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
    // What cannot be compared is told before anybody connects.
    let ran = bench(dir.path(), 1, &[&SHORT[..], &with, &["-d", "99"]].concat()).exits(64);
    ran.says("valueSize was 64, and is 99");
    let ran = bench(dir.path(), 1, &[&SHORT[..], &with, &["--rate", "100"]].concat()).exits(64);
    ran.says("rate was nothing, and is 100");
    std::fs::write(&before, "{}").unwrap();
    bench(dir.path(), 1, &[&SHORT[..], &with].concat()).exits(64).says("not a report of");
}

#[test]
fn a_client_that_stood_still_holds_no_silence_against_the_server() {
    let Some((server, dir)) = server(&[]) else { return };
    let mut command = bare(dir.path());
    command.args(["bench", &format!("127.0.0.1:{}", server.port), "--rate", "500", "--timeout", "1s", "-c", "10"]);
    let child = command.args(["--duration", "5s", "-r", "300", "--format", "json"]);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    await_that("it measures", || server.number("stats", "total_commands_processed") > 900);
    let tell = |name: &str| {
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    };
    tell("STOP");
    std::thread::sleep(Duration::from_millis(1_600));
    tell("CONT");
    let found = report(&Ran::from(child.wait_with_output().unwrap()).exits(0));
    assert!(number(&found, "/latency/longestGapMs") > 1_500.0, "{found:#}");
    assert!(number(&found, "/latency/leastGapMs") < 1_000.0, "{found:#}");
    assert!(number(&found, "/latency/stalledMs") > 1_400.0, "{found:#}");
    assert_eq!(found["verdict"], "undecided", "{found:#}");
    assert!(found["undecided"].to_string().contains("this machine stood still"), "{found:#}");
    assert!(found["errors"].as_object().unwrap().is_empty(), "answers that were there all the time: {found:#}");
    assert!(number(&found, "/latency/lag/maxMs") > 1_400.0, "{found:#}");
}

#[test]
fn a_rate_far_beyond_what_is_possible_ends_with_a_report() {
    let Some((server, dir)) = server(&[]) else { return };
    let arguments = ["-c", "10", "--rate", "10000000", "--duration", "2s", "-r", "100", "--timeout", "1s"];
    let found = report(&bench(dir.path(), server.port, &[&arguments[..], &["--format", "json"]].concat()).exits(0));
    assert_eq!(found["verdict"], "undecided", "{found:#}");
    let samples = number(&found, "/latency/samples");
    assert!(samples > 10_000_000.0, "all that was due is accounted for: {found:#}");
    assert!(number(&found, "/latency/unsent") > 0.8 * samples, "{found:#}");
    // No connection was lost, whatever was under way at the end.
    assert_eq!(number(&found, "/perShard/0/connections"), 10.0, "{found:#}");
    assert!(!found["findings"].to_string().contains("missing"), "{found:#}");
}

#[test]
fn a_command_or_two_are_a_measurement_of_so_many() {
    let Some((server, dir)) = server(&[]) else { return };
    for requests in ["1", "2"] {
        let arguments = ["-n", requests, "-r", "10", "-c", "50", "--format", "json"];
        let found = report(&bench(dir.path(), server.port, &arguments).exits(0));
        assert!(number(&found, "/capacity/opsPerSecond") > 0.0, "{found:#}");
        assert_eq!(found["capacity"]["windows"].as_array().unwrap().len().to_string(), requests);
        assert!(!found["findings"].to_string().contains("missing"), "{found:#}");
    }
}

#[test]
fn a_user_who_may_not_write_leaves_nothing_behind_and_fails_in_every_form() {
    let Some((server, dir)) = server(&[]) else { return };
    ask(server.port, "ACL SETUSER reader on >correct-horse-battery ~* +@read +ping");
    let login = ["--username", "reader", "--password", "env:BENCH_PASSWORD", "-r", "500", "--duration", "1s"];
    let run = |format: &str| {
        let mut command = bare(dir.path());
        command.args(["bench", &format!("127.0.0.1:{}", server.port), "--format", format]).args(login);
        Ran::of(command.env("BENCH_PASSWORD", "correct-horse-battery")).exits(5)
    };
    let found = report(&run("json"));
    assert_eq!((&found["verdict"], number(&found, "/leftBehind")), (&"failed".into(), 0.0), "{found:#}");
    assert!(found["notes"].to_string().contains("an eviction does not end the run"), "{found:#}");
    run("junit").says("failures=\"1\"").says("NOPERM");
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
        assert_eq!((&found["stopped"], &found["verdict"]), (&"interrupted".into(), &"undecided".into()), "{found:#}");
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
fn the_first_key_that_a_server_evicts_ends_the_run_unless_it_is_unbounded() {
    for unbounded in [false, true] {
        let Some((server, dir)) = server(&["--maxmemory", "12mb", "--maxmemory-policy", "allkeys-lru"]) else { return };
        ask(server.port, "SET the-applications 1");
        let mut command = bare(dir.path());
        let endpoint = format!("127.0.0.1:{}", server.port);
        command.args(["bench", &endpoint, "--rate", "300", "-r", "50", "-c", "4", "--format", "json"]);
        // The bounded run would go on for ten minutes; the other one ends with its time.
        command.args(if unbounded { &["--duration", "3s", "--unbounded"][..] } else { &["--duration", "10m"] });
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        await_that("it measures", || server.number("stats", "total_commands_processed") > 300);
        // The application's own keys fill the server up, and it begins to evict.
        await_that("keys are evicted", || {
            ask(server.port, "GET the-applications");
            ask(
                server.port,
                "EVAL \"for i=1,200 do redis.call('set','app:'..redis.call('incr','n'),string.rep('x',2000)) end\" 0",
            );
            server.number("stats", "evicted_keys") > 0
        });
        let ran = Ran::from(child.wait_with_output().unwrap());
        let found = report(&ran);
        if unbounded {
            assert_eq!(found["stopped"], Value::Null, "{found:#}");
            assert!(number(&found, "/serverDelta/evictedKeys") > 0.0, "{found:#}");
        } else {
            assert_eq!((ran.code, &found["verdict"]), (5, &Value::from("failed")), "{found:#}");
            assert_eq!(found["stopped"], format!("{endpoint} evicted keys"), "{found:#}");
            assert!(found["findings"].to_string().contains("evicted keys"), "{found:#}");
        }
        assert_eq!(number(&found, "/leftBehind"), 0.0);
        let left = ask(server.port, "EVAL \"return #redis.call('keys','cachectl:*')\" 0");
        assert_eq!(left, ":0\r\n", "nothing of its own is left");
        assert!(ask(server.port, "GET the-applications").contains('1'), "what the application uses is there");
    }
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
fn a_server_that_takes_fewer_clients_than_were_asked_for_is_no_measurement_of_so_many() {
    let Some((server, dir)) = server(&["--maxclients", "12"]) else { return };
    let arguments = ["-c", "40", "-r", "100", "--rate", "300", "--duration", "1s", "--format", "json"];
    let found = report(&bench(dir.path(), server.port, &arguments).exits(5));
    assert_eq!(found["verdict"], "failed");
    assert!(found["findings"].to_string().contains("of 40 connections were missing"), "{found:#}");
    assert!(found["findings"].to_string().contains("max clients"), "{found:#}");
}

#[test]
fn a_server_that_is_killed_or_restarted_empty_midway_fails_the_run() {
    let Some(binary) = server_binary() else { return };
    for comes_back in [true, false] {
        let (mut server, dir) = (start(&binary, &[]), tempfile::tempdir().unwrap());
        let mut command = bare(dir.path());
        command.args(["bench", &format!("127.0.0.1:{}", server.port), "--rate", "500", "--timeout", "1s"]);
        let child = command.args(["--duration", "4s", "-r", "400", "-c", "4", "--format", "json"]);
        let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        await_that("it measures", || server.number("stats", "total_commands_processed") > 900);
        if comes_back {
            server.replace(&binary, &[]);
        } else {
            server.kill();
        }
        let found = report(&Ran::from(child.wait_with_output().unwrap()).exits(5));
        assert_eq!(found["verdict"], "failed", "{found:#}");
        assert_eq!(found["serverDelta"], Value::Null, "counters of two processes have no difference");
        if comes_back {
            assert!(number(&found, "/lost") > 100.0, "{found:#}");
            assert!(found["findings"].to_string().contains("another server process"), "{found:#}");
        } else {
            assert!(number(&found, "/errors/connection refused") > 100.0, "{found:#}");
            assert!(number(&found, "/leftBehind") > 0.0, "{found:#}");
        }
    }
}

#[test]
fn a_search_for_a_rate_ends_where_nobody_answers_any_more() {
    let Some(binary) = server_binary() else { return };
    let (mut server, dir) = (start(&binary, &[]), tempfile::tempdir().unwrap());
    let mut command = bare(dir.path());
    command.args(["bench", &format!("127.0.0.1:{}", server.port), "--find-rate", "p50=20s", "--timeout", "500ms"]);
    let child = command.args(["--duration", "4s", "-r", "100", "-c", "4", "--format", "json"]);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    await_that("it measures", || server.number("stats", "total_commands_processed") > 500);
    server.kill();
    let found = report(&Ran::from(child.wait_with_output().unwrap()).exits(5));
    assert_eq!((&found["verdict"], &found["findRate"]["rate"]), (&"failed".into(), &Value::Null), "{found:#}");
    let steps = found["findRate"]["steps"].as_array().unwrap();
    let silent = steps.iter().filter(|step| step["achievedRate"].as_f64() == Some(0.0)).count();
    assert!(silent <= 1, "{found:#}");
}

#[test]
fn a_server_that_stops_before_the_first_command_ends_the_run_by_itself() {
    let Some((server, dir)) = server(&[]) else { return };
    // It takes connections and PING, and hangs at the first write.
    assert!(ask(server.port, "CLIENT PAUSE 60000 WRITE").starts_with("+OK"));
    let arguments = ["-n", "100000", "-r", "100000", "-c", "4", "--timeout", "500ms", "--format", "json"];
    let found = report(&bench(dir.path(), server.port, &arguments).exits(5));
    assert_eq!(found["stopped"], "nothing was answered for 2s", "{found:#}");
    assert_eq!((&found["capacity"], &found["latency"]), (&Value::Null, &Value::Null));
}

/// Says to every command that its key is elsewhere, and names itself.
fn redirecting() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut bytes = [0; 65_536];
                while let Ok(length @ 1..) = client.read(&mut bytes) {
                    let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
                    let answers: String = text
                        .split('*')
                        .skip(1)
                        .map(|command| match command {
                            _ if command.contains("PING") => "+PONG\r\n".to_owned(),
                            _ if command.contains("INFO") => "-NOPERM no\r\n".to_owned(),
                            _ if command.contains("SLOTS") => {
                                format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n")
                            }
                            _ => format!("-MOVED 1 127.0.0.1:{port}\r\n"),
                        })
                        .collect();
                    if client.write_all(answers.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[test]
fn commands_that_are_sent_in_circles_end_the_run_and_fail_it() {
    let dir = tempfile::tempdir().unwrap();
    let port = redirecting();
    let arguments = ["--cluster", "-r", "500", "-c", "4", "--duration", "2s", "--format", "json"];
    let found = report(&bench(dir.path(), port, &arguments).exits(5));
    assert_eq!((&found["verdict"], &found["stopped"]), (&"failed".into(), &"no key could be written".into()));
    assert!(number(&found, "/errors/MOVED") >= 500.0 && number(&found, "/redirects/moved") > 500.0, "{found:#}");
    assert!(found["findings"].to_string().contains("no command was answered"), "{found:#}");
}

#[test]
fn a_replica_in_the_place_of_the_primary_is_not_hammered() {
    let Some((primary, dir)) = server(&["--repl-diskless-sync-delay", "0"]) else { return };
    let Some((replica, _kept)) = server(&["--replicaof", "127.0.0.1", &primary.port.to_string()]) else { return };
    await_that("it follows", || ask(replica.port, "INFO replication").contains("master_link_status:up"));
    let before = replica.number("stats", "total_connections_received");
    let arguments = ["-t", "get,set", "-r", "2000", "-c", "10", "--duration", "3s", "--format", "json"];
    let found = report(&bench(dir.path(), replica.port, &arguments).exits(5));
    assert!(number(&found, "/errors/READONLY") > 0.0, "{found:#}");
    let made = replica.number("stats", "total_connections_received") - before;
    assert!(made < 400, "{made} connections");
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

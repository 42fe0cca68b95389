//! The load engine against real servers: what it sends, what it tells, and what it leaves behind.

use std::time::Duration;

use cachectl::client::engine::{
    Distribution, Engine, Keys, Pace, Phase, ReadFrom, Reason, Report, Settings, Stop, Until, Work,
};
use cachectl::client::line::Door;
use cachectl::client::{Secret, Tls, Way};

use crate::servers::{Server, ask, await_that, cluster, server_binary, signal, start, with_tls};

fn way(port: u16) -> Way {
    Way { host: "127.0.0.1".into(), port, ..Way::default() }
}

fn settings() -> Settings {
    let keys = Keys { prefix: "cachectl:test:".into(), count: 500, distribution: Distribution::Uniform };
    Settings { clients: 8, keys, ..Settings::default() }
}

fn all(work: Work) -> Phase {
    Phase { work, pace: Pace::Closed, until: Until::Done }
}

fn mix(reads: f64, pace: Pace, seconds: f64) -> Phase {
    Phase { work: Work::Mix { reads }, pace, until: Until::Elapsed(Duration::from_secs_f64(seconds)) }
}

fn run(engine: &mut Engine, phase: &Phase) -> Report {
    engine.run(phase, &Stop::default(), |_| {})
}

/// A phase with something done to the server at a time since its start.
fn run_with(engine: &mut Engine, phase: &Phase, at: f64, act: impl FnOnce()) -> Report {
    let mut act = Some(act);
    engine.run(phase, &Stop::default(), |elapsed| {
        if elapsed.as_secs_f64() >= at
            && let Some(act) = act.take()
        {
            act();
        }
    })
}

#[track_caller]
fn sound(report: &Report) {
    assert_eq!((report.failed, report.unsent, report.cut), (0, 0, 0), "{:?}", report.errors);
    assert_eq!(report.due, report.answered, "every command is accounted for");
}

fn server() -> Option<Server> {
    Some(start(&server_binary()?, &[]))
}

#[test]
fn a_run_fills_reads_finds_and_deletes_its_own_keys() {
    let Some(server) = server() else { return };
    ask(server.port, "SET somebody-elses-key 1");
    for threads in [1, 3] {
        let mut engine = Engine::open(&way(server.port), &Settings { threads, ..settings() }).unwrap();
        let filled = run(&mut engine, &all(Work::Fill));
        sound(&filled);
        assert_eq!((filled.answered, engine.left_behind()), (500, 500));
        assert!(ask(server.port, "DBSIZE").starts_with(":501\r\n"));
        assert!(ask(server.port, &format!("STRLEN {}", settings().keys.name(499))).starts_with(":64\r\n"));

        let closed = run(&mut engine, &mix(0.5, Pace::Closed, 0.3));
        sound(&closed);
        assert!(closed.reads.answered > 50 && closed.writes.answered > 50);
        assert_eq!((closed.reads.misses, closed.lost.reads), (0, 0));
        assert_eq!(closed.latency().len(), closed.answered);

        let paced = run(&mut engine, &mix(1.0, Pace::Rate(1_000.0), 0.5));
        sound(&paced);
        assert_eq!(paced.due, 500);
        assert_eq!(paced.service().len(), 500);

        let verified = run(&mut engine, &all(Work::Verify));
        assert_eq!((verified.reads.hits, verified.lost.reads), (500, 0));
        sound(&run(&mut engine, &all(Work::Delete)));
        assert_eq!(engine.left_behind(), 0);
        assert!(ask(server.port, "DBSIZE").starts_with(":1\r\n"));
    }
}

#[test]
fn a_number_of_requests_is_sent_to_the_last_one() {
    let Some(server) = server() else { return };
    let mut engine = Engine::open(&way(server.port), &Settings { threads: 3, pipeline: 7, ..settings() }).unwrap();
    for pace in [Pace::Closed, Pace::Rate(20_000.0)] {
        let report = run(&mut engine, &Phase { work: Work::Mix { reads: 0.0 }, pace, until: Until::Requests(1_003) });
        sound(&report);
        assert_eq!(report.answered, 1_003);
    }
}

#[test]
fn large_values_pipelines_and_odd_sizes_come_through() {
    let Some(server) = server() else { return };
    for (value_size, pipeline) in [(0, 1), (1, 64), (70_000, 16), (3_000_000, 2)] {
        let keys = Keys { count: 5, ..settings().keys };
        let settings = Settings { value_size, pipeline, keys, clients: 3, ..settings() };
        let mut engine = Engine::open(&way(server.port), &settings).unwrap();
        sound(&run(&mut engine, &all(Work::Fill)));
        let report = run(&mut engine, &mix(0.7, Pace::Closed, 0.3));
        sound(&report);
        assert_eq!(report.reads.misses, 0);
        assert!(
            ask(server.port, &format!("STRLEN {}", settings.keys.name(4))).starts_with(&format!(":{value_size}\r\n"))
        );
        sound(&run(&mut engine, &all(Work::Delete)));
    }
}

#[test]
fn written_keys_expire_by_themselves_once_nobody_renews_them() {
    let Some(server) = server() else { return };
    let settings = Settings { ttl: Some(Duration::from_millis(300)), ..settings() };
    let mut engine = Engine::open(&way(server.port), &settings).unwrap();
    sound(&run(&mut engine, &all(Work::Fill)));
    drop(engine);
    await_that("the keys expire", || ask(server.port, "DBSIZE").starts_with(":0\r\n"));
}

#[test]
fn a_run_that_is_longer_than_its_keys_live_keeps_them_alive() {
    let Some(server) = server() else { return };
    let settings = Settings { ttl: Some(Duration::from_secs(3)), timeout: Duration::from_secs(1), ..settings() };
    let mut engine = Engine::open(&way(server.port), &settings).unwrap();
    sound(&run(&mut engine, &all(Work::Fill)));
    let gone = settings.keys.name(3);
    let report = run_with(&mut engine, &mix(1.0, Pace::Rate(500.0), 5.0), 4.0, || {
        ask(server.port, &format!("DEL {gone}"));
    });
    sound(&report);
    // Written once, for three seconds: but for the one that was deleted all are there after five.
    assert_eq!((report.reads.misses, report.lost.reads, report.expired), (1, 1, 0), "{:?}", report.lost);
    sound(&run(&mut engine, &all(Work::Delete)));
    drop(engine);
    let renewed = || calls(&server, "pexpire");
    let before = renewed();
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(renewed(), before, "an engine that is gone renews nothing");
}

#[test]
fn keys_that_may_not_be_renewed_expire_and_are_not_called_lost() {
    let Some(server) = server() else { return };
    ask(server.port, "ACL SETUSER default -pexpire");
    let settings = Settings { ttl: Some(Duration::from_secs(2)), timeout: Duration::from_millis(500), ..settings() };
    let mut engine = Engine::open(&way(server.port), &settings).unwrap();
    sound(&run(&mut engine, &all(Work::Fill)));
    let report = run(&mut engine, &mix(1.0, Pace::Rate(2_000.0), 4.0));
    assert_eq!((report.lost.reads, report.expired > 400), (0, true), "{} expired", report.expired);
}

/// How often a command was called, by the server's own count.
fn calls(server: &Server, command: &str) -> u64 {
    let text = ask(server.port, "INFO commandstats");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[test]
fn keys_that_vanish_are_found_missing_once_each() {
    let Some(server) = server() else { return };
    let mut engine = Engine::open(&way(server.port), &settings()).unwrap();
    sound(&run(&mut engine, &all(Work::Fill)));
    let gone = settings().keys.name(17);
    ask(server.port, &format!("DEL {gone}"));
    let report = run(&mut engine, &mix(1.0, Pace::Rate(5_000.0), 1.0));
    assert_eq!((report.lost.reads, &report.lost.keys[..]), (1, &[17][..]));
    let verified = run(&mut engine, &all(Work::Verify));
    assert_eq!((verified.answered, verified.lost.reads), (499, 0), "it is missed once");
}

#[test]
fn a_frozen_server_counts_for_every_command_that_was_due() {
    let Some(server) = server() else { return };
    let mut engine = Engine::open(&way(server.port), &settings()).unwrap();
    sound(&run(&mut engine, &all(Work::Fill)));
    let phase = mix(0.9, Pace::Rate(2_000.0), 5.0);
    let report = run_with(&mut engine, &phase, 1.0, || {
        signal(&server, "-STOP");
        let pid = server.child.id().to_string();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(1));
            let _ = std::process::Command::new("kill").args(["-CONT", &pid]).status();
        });
    });
    assert_eq!((report.failed, report.unsent), (0, 0), "{:?}", report.errors);
    assert_eq!(report.due, 10_000);
    // A fifth of the commands was due in the silence: the waits of the last hundredth are the whole of it, nearly.
    let p99 = report.latency().raw_ms(0.99).unwrap();
    assert!(p99 > 800.0, "p99 {p99} ms");
    assert!(report.service().raw_ms(0.95).unwrap() < p99 / 2.0, "a closed loop would hide it");
    assert!(report.gap.longest > Duration::from_millis(900), "{:?}", report.gap);
    assert!(report.gap.from > Duration::from_millis(900) && !report.gap.open);
    // In the silence eight connections were too few, and that is not the client's delay.
    assert_eq!(report.lag.len(), report.due);
    assert!(report.lag.raw_ms(0.5).unwrap() < 400.0, "{:?}", report.lag);
    assert!(report.gap.least > Duration::from_millis(500), "the server's own: {:?}", report.gap);
}

#[test]
fn a_server_that_dies_is_told_by_class_node_and_time() {
    let Some(mut server) = server() else { return };
    let settings = Settings { timeout: Duration::from_millis(500), ..settings() };
    let mut engine = Engine::open(&way(server.port), &settings).unwrap();
    let port = server.port;
    let report = run_with(&mut engine, &mix(0.5, Pace::Rate(1_000.0), 2.0), 0.5, || {
        server.child.kill().unwrap();
        server.child.wait().unwrap();
    });
    assert!(report.answered > 300, "{report:?}");
    assert!(report.failed > 1_000, "{:?}", report.errors);
    assert_eq!(report.failed, report.errors.iter().map(|row| row.count).sum::<u64>());
    let refused = report.errors.iter().find(|row| row.class == "connection refused").unwrap();
    assert_eq!(refused.node, format!("127.0.0.1:{port}"));
    assert!(refused.first >= Duration::from_millis(400) && refused.last > refused.first);
    assert!(report.gap.open && report.gap.longest > Duration::from_secs(1), "{:?}", report.gap);
    assert!(report.connects.iter().any(|row| row.class == "connection refused"));
    assert_eq!(report.due, report.answered + report.failed + report.unsent + report.cut);
    assert_eq!(Engine::open(&way(port), &settings).err().unwrap().class, "connection refused");
}

#[test]
fn connections_that_are_cut_are_made_anew() {
    let Some(server) = server() else { return };
    let mut engine = Engine::open(&way(server.port), &settings()).unwrap();
    let port = server.port;
    let report = run_with(&mut engine, &mix(0.0, Pace::Rate(2_000.0), 1.5), 0.4, || {
        ask(port, "CLIENT KILL TYPE normal SKIPME yes");
    });
    assert!(report.reconnects >= 8, "{report:?}");
    assert!(report.answered > 2_500 && report.failed <= 8, "{:?}", report.errors);
    assert!(report.errors.iter().all(|row| row.class == "connection dropped"));
}

#[test]
fn the_first_out_of_memory_ends_the_phase() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    let keys = Keys { count: 20_000, ..settings().keys };
    let mut engine = Engine::open(&way(server.port), &Settings { value_size: 1_000, keys, ..settings() }).unwrap();
    let report = run(&mut engine, &all(Work::Fill));
    assert_eq!(report.stopped, Some(Reason::Refused("OOM".into())));
    assert!(report.due < 10_000, "it went on: {report:?}");
    assert!(report.errors.iter().any(|row| row.class == "OOM" && row.example.contains("maxmemory")));
    // What was written is deleted by name, with the server still full.
    sound(&run(&mut engine, &all(Work::Delete)));
    assert!(ask(server.port, "DBSIZE").starts_with(":0\r\n"));
}

#[test]
fn a_stop_from_elsewhere_ends_a_phase_with_what_was_measured() {
    let Some(server) = server() else { return };
    let mut engine = Engine::open(&way(server.port), &settings()).unwrap();
    let stop = Stop::default();
    let phase = mix(0.5, Pace::Rate(1_000.0), 600.0);
    let report = engine.run(&phase, &stop, |elapsed| {
        if elapsed > Duration::from_millis(300) {
            stop.ask(Reason::Interrupted);
        }
    });
    assert_eq!(report.stopped, Some(Reason::Interrupted));
    assert!(report.took < Duration::from_secs(30) && report.answered > 100);
    assert_eq!(report.failed, 0);
}

#[test]
fn a_full_server_is_told_as_that() {
    let Some(binary) = server_binary() else { return };
    let server = start(&binary, &["--maxclients", "5"]);
    let mut engine = Engine::open(&way(server.port), &settings()).unwrap();
    let report = run(&mut engine, &mix(0.0, Pace::Rate(500.0), 0.5));
    let row = report.connects.iter().find(|row| row.class == "max clients").unwrap();
    assert!(row.count >= 3, "{row:?}");
    assert!(report.answered > 100);
}

#[test]
fn too_few_connections_leave_commands_unsent_and_no_errors() {
    let Some(server) = server() else { return };
    // One connection, and a server that takes 20 ms for every command: 50 a second at most.
    let settings = Settings { clients: 1, timeout: Duration::from_millis(300), ..settings() };
    let slow = crate::servers::slow(server.port, Duration::from_millis(20));
    let mut engine = Engine::open(&way(slow), &settings).unwrap();
    let report = run(&mut engine, &mix(0.0, Pace::Rate(500.0), 1.0));
    assert_eq!(report.failed, 0, "{:?}", report.errors);
    assert!(report.unsent > 100, "{report:?}");
    assert!(report.client.connections_busy > 0.8, "{:?}", report.client);
    assert!(report.latency().len() == report.due, "what was never sent waits, too");
}

#[test]
fn tls_and_a_password_are_used_by_every_connection_also_by_later_ones() {
    let Some(binary) = server_binary() else { return };
    let dir = tempfile::tempdir().unwrap();
    let password = "correct-horse-battery";
    let Some((server, authority)) = with_tls(&binary, dir.path(), password) else { return };
    let tls = Some(Tls { ca_pem: Some(std::fs::read(authority).unwrap()) });
    let mut secured = Way { tls, password: Some(Secret::new(password)), ..way(server.port) };
    for (value_size, pipeline) in [(64, 1), (1_024, 16), (200_000, 2)] {
        let keys = Keys { count: 40, ..settings().keys };
        let mut engine = Engine::open(&secured, &Settings { value_size, pipeline, keys, ..settings() }).unwrap();
        sound(&run(&mut engine, &all(Work::Fill)));
        let report = run(&mut engine, &mix(0.5, Pace::Closed, 0.3));
        sound(&report);
        assert_eq!(report.reads.misses, 0);
        sound(&run(&mut engine, &all(Work::Delete)));
    }
    secured.password = Some(Secret::new("wrong-horse-battery"));
    let refused = Engine::open(&secured, &settings()).err().unwrap();
    assert_eq!(refused.class, "WRONGPASS");
    assert!(!format!("{refused:?}").contains("horse"), "{refused:?}");
    // The name that is asked for must stand in the certificate, whatever the connection leads to.
    secured.password = Some(Secret::new(password));
    secured.host = "cache.example".into();
    secured.map.insert(("cache.example".into(), server.port), ("127.0.0.1".into(), server.port));
    assert_eq!(Engine::open(&secured, &settings()).err().unwrap().class, "TLS");
    secured.host = "localhost".into();
    assert!(Engine::open(&secured, &settings()).is_ok());
    secured.tls = None;
    let plain = Engine::open(&secured, &Settings { timeout: Duration::from_millis(500), ..settings() });
    assert!(plain.is_err(), "a server with TLS does not answer in plain");
}

#[test]
fn a_user_logs_in_on_every_connection_and_one_that_is_shut_out_midway_is_told() {
    let Some(binary) = server_binary() else { return };
    let dir = tempfile::tempdir().unwrap();
    let Some((server, authority)) = with_tls(&binary, dir.path(), "of-the-default-user") else { return };
    let tls = Some(Tls { ca_pem: Some(std::fs::read(authority).unwrap()) });
    let admin = Way { tls, password: Some(Secret::new("of-the-default-user")), ..way(server.port) };
    let door = Door::new(admin.clone(), Duration::from_secs(5)).unwrap();
    let mut admin_line = door.open("127.0.0.1", server.port).unwrap();
    let mut order = |command: &str| {
        let words: Vec<&str> = command.split(' ').collect();
        admin_line.ask(&words).unwrap();
    };
    // No INFO, no PING, no key but its own.
    order("ACL SETUSER app on >correct-horse-battery ~app:* +get +set +unlink +pexpire");
    let user =
        Way { username: Some("app".into()), password: Some(Secret::new("correct-horse-battery")), ..admin.clone() };
    let keys = Keys { prefix: "app:cachectl:".into(), count: 200, ..settings().keys };
    let settings = Settings { keys, timeout: Duration::from_millis(800), ..settings() };
    let mut engine = Engine::open(&user, &settings).unwrap();
    sound(&run(&mut engine, &all(Work::Fill)));
    let report = run_with(&mut engine, &mix(0.5, Pace::Rate(1_000.0), 1.0), 0.3, || {
        order("CLIENT KILL USER app");
    });
    assert!(report.reconnects >= 8 && report.answered > 800, "{report:?}");
    assert!(report.errors.iter().all(|row| row.class == "connection dropped"), "{:?}", report.errors);

    let report = run_with(&mut engine, &mix(0.5, Pace::Rate(500.0), 2.0), 0.3, || {
        order("ACL SETUSER app resetpass >another-password");
        order("CLIENT KILL USER app");
    });
    assert!(report.connects.iter().any(|row| row.class == "WRONGPASS" && row.count > 8), "{:?}", report.connects);
    assert!(report.failed > 500 && report.gap.open, "{:?}", report.gap);
    assert_eq!(report.due, report.answered + report.failed + report.unsent + report.cut);
    assert!(!format!("{report:?}").contains("horse"));

    // Who may not touch the key is told by the server's own word.
    order("ACL SETUSER app resetpass >correct-horse-battery");
    let elsewhere = Settings { keys: Keys { prefix: "other:".into(), ..settings.keys.clone() }, ..settings };
    let mut engine = Engine::open(&user, &elsewhere).unwrap();
    let report = run(&mut engine, &all(Work::Fill));
    assert_eq!((report.answered, report.errors[0].class.as_str()), (0, "NOPERM"));
}

#[test]
fn without_cluster_mode_reads_go_to_the_replicas_and_back_when_they_are_gone() {
    let Some(binary) = server_binary() else { return };
    let primary = start(&binary, &["--repl-diskless-sync-delay", "0"]);
    let follow = |port: u16| start(&binary, &["--replicaof", "127.0.0.1", &port.to_string()]);
    let replicas = [follow(primary.port), follow(primary.port)];
    await_that("the replicas are in sync", || {
        ask(primary.port, "INFO replication").matches("state=online").count() == 2
    });
    let settings = Settings { read_from: ReadFrom::Replica, timeout: Duration::from_millis(800), ..settings() };
    let mut engine = Engine::open(&way(primary.port), &settings).unwrap();
    sound(&run(&mut engine, &all(Work::Fill)));
    let report = run(&mut engine, &mix(0.5, Pace::Rate(1_000.0), 1.0));
    sound(&report);
    let answered = |port: u16| {
        let name = format!("127.0.0.1:{port}");
        report.shards.iter().find(|row| row.node == name).map_or((0, false), |row| (row.answered, row.replica))
    };
    assert!(replicas.iter().all(|replica| answered(replica.port).0 > 150 && answered(replica.port).1), "{report:?}");
    assert!(!answered(primary.port).1);
    // Each server's own count agrees: reads at the replicas, writes at the primary.
    assert!(calls(&primary, "get") == 0 && replicas.iter().all(|replica| calls(replica, "get") > 150));
    // One that hangs is told by its name, and the other goes on.
    signal(&replicas[0], "-STOP");
    let frozen = run(&mut engine, &mix(1.0, Pace::Rate(300.0), 1.5));
    signal(&replicas[0], "-CONT");
    let name = format!("127.0.0.1:{}", replicas[0].port);
    assert!(!frozen.errors.is_empty() && frozen.errors.iter().all(|row| row.node == name), "{:?}", frozen.errors);
    assert!(frozen.errors.iter().any(|row| row.class == "timeout") && frozen.answered > 100, "{:?}", frozen.errors);
    drop(replicas);
    let without = run(&mut engine, &mix(0.5, Pace::Rate(500.0), 1.5));
    assert_eq!(without.due, without.answered + without.failed + without.unsent + without.cut);
    await_that("the primary serves reads", || run(&mut engine, &mix(1.0, Pace::Rate(200.0), 0.3)).failed == 0);
}

#[test]
fn every_shard_of_a_cluster_gets_its_share_and_a_row() {
    let Some(binary) = server_binary() else { return };
    let nodes = cluster(&binary);
    let way = Way { cluster: true, ..way(nodes[1].port) };
    let mut engine = Engine::open(&way, &Settings { threads: 2, pipeline: 4, ..settings() }).unwrap();
    sound(&run(&mut engine, &all(Work::Fill)));
    let report = run(&mut engine, &mix(0.5, Pace::Closed, 0.5));
    sound(&report);
    assert_eq!((report.moved, report.reads.misses), (0, 0));
    assert_eq!(report.shards.iter().map(|row| row.slots).collect::<Vec<_>>(), [5_461, 5_462, 5_461]);
    let share = |row: u64| row as f64 / report.answered as f64;
    assert!(report.shards.iter().all(|row| (0.25..0.42).contains(&share(row.answered))), "{:?}", report.shards);
    assert_eq!(report.shards.iter().map(|row| row.answered).sum::<u64>(), report.answered);

    let mut reader = Engine::open(&way, &Settings { read_from: ReadFrom::Replica, ..settings() }).unwrap();
    let report = run(&mut reader, &mix(1.0, Pace::Rate(600.0), 0.5));
    sound(&report);
    assert!(report.shards.iter().filter(|row| row.replica).all(|row| row.answered > 0), "{:?}", report.shards);
    assert!(report.shards.iter().filter(|row| !row.replica).all(|row| row.answered == 0));
    sound(&run(&mut engine, &all(Work::Delete)));
    assert!(nodes[..3].iter().all(|node| ask(node.port, "DBSIZE").starts_with(":0\r\n")));
}

/// A counter of INFO's section `stats`.
fn counter(server: &Server, name: &str) -> u64 {
    let stats = ask(server.port, "INFO stats");
    stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.parse().ok()).unwrap()
}

#[test]
fn a_pipelined_batch_goes_to_one_shard_as_a_whole() {
    let Some(binary) = server_binary() else { return };
    let nodes = cluster(&binary);
    let way = Way { cluster: true, ..way(nodes[0].port) };
    let mut engine = Engine::open(&way, &Settings { pipeline: 8, ..settings() }).unwrap();
    sound(&run(&mut engine, &all(Work::Fill)));
    let seen = |node| (counter(node, "total_commands_processed"), counter(node, "total_reads_processed"));
    let before: Vec<_> = nodes[..3].iter().map(seen).collect();
    let until = Until::Requests(12_003);
    let report = run(&mut engine, &Phase { work: Work::Mix { reads: 0.5 }, pace: Pace::Closed, until });
    sound(&report);
    assert_eq!((report.answered, report.moved), (12_003, 0));
    for (node, (commands, reads)) in nodes[..3].iter().zip(before) {
        let (commands_after, reads_after) = seen(node);
        let (commands, reads) = (commands_after - commands, reads_after - reads);
        assert!((3_000..5_000).contains(&commands), "{commands} commands of 12,003 at one of three shards");
        assert!(commands >= 7 * reads, "{commands} commands in {reads} reads, of batches of 8");
    }
}

#[test]
fn slots_that_move_under_load_are_followed_without_an_error() {
    let Some(binary) = server_binary() else { return };
    let nodes = cluster(&binary);
    let way = Way { cluster: true, ..way(nodes[0].port) };
    let keys = Keys { count: 20_000, ..settings().keys };
    let mut engine = Engine::open(&way, &Settings { keys, ..settings() }).unwrap();
    let id = |at: usize| ask(nodes[at].port, "CLUSTER MYID").lines().nth(1).unwrap().to_owned();
    let (from, to) = (id(0), id(1));
    let slots = 0..60;
    let report = run_with(&mut engine, &mix(0.0, Pace::Rate(3_000.0), 6.0), 0.3, || {
        for slot in slots.clone() {
            ask(nodes[1].port, &format!("CLUSTER SETSLOT {slot} IMPORTING {from}"));
            ask(nodes[0].port, &format!("CLUSTER SETSLOT {slot} MIGRATING {to}"));
        }
        // Between two nodes: keys that are not there are asked for at the new one.
        std::thread::sleep(Duration::from_secs(1));
        for slot in slots {
            let keys = ask(nodes[0].port, &format!("CLUSTER GETKEYSINSLOT {slot} 100"));
            for key in keys.lines().filter(|line| line.starts_with("cachectl:")) {
                ask(nodes[0].port, &format!("MIGRATE 127.0.0.1 {} {key} 0 5000 REPLACE", nodes[1].port));
            }
            for node in &nodes[..3] {
                ask(node.port, &format!("CLUSTER SETSLOT {slot} NODE {to}"));
            }
        }
    });
    let unexpected: Vec<_> = report.errors.iter().filter(|row| row.class != "TRYAGAIN").collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    assert!(report.moved > 0 && report.asked > 0, "{report:?}");
    assert_eq!(report.due, report.answered + report.failed);
    let verified = run(&mut engine, &all(Work::Verify));
    assert_eq!(verified.lost.reads, 0, "{:?}", verified.lost);
    sound(&run(&mut engine, &all(Work::Delete)));
}

#[test]
fn a_shard_that_fails_over_is_found_again_and_the_others_do_not_wait_for_it() {
    let Some(binary) = server_binary() else { return };
    let mut nodes = cluster(&binary);
    let way = Way { cluster: true, ..way(nodes[0].port) };
    let settings = Settings { timeout: Duration::from_millis(1_000), ..settings() };
    let mut engine = Engine::open(&way, &settings).unwrap();
    let victim = nodes.remove(2);
    let name = format!("127.0.0.1:{}", victim.port);
    let phase = mix(0.0, Pace::Rate(1_000.0), 12.0);
    let report = run_with(&mut engine, &phase, 0.5, move || drop(victim));
    let gap = |wanted: bool| {
        let rows = report.shards.iter().filter(move |row| (row.node == name) == wanted);
        rows.map(|row| row.gap.longest).max().unwrap_or_default()
    };
    assert!(report.failed > 0 && report.moved + report.reconnects + report.answered > 0);
    assert!(gap(false) < Duration::from_secs(5), "{:?}", report.shards);
    // The replica took over, and is asked by now.
    let after = run(&mut engine, &mix(0.0, Pace::Rate(1_000.0), 0.5));
    assert_eq!(after.failed, 0, "{:?}", after.errors);
    assert_eq!(after.shards.iter().filter(|row| row.answered > 0).count(), 3, "{:?}", after.shards);
}

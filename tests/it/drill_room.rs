//! The drill's clients against two real servers, behind a door that the test moves from one to the other: what is lost
//! is known exactly, since both servers live on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use cachectl::client::Way;
use cachectl::drill::{self, Node, Probes, Seen, Setup};

use crate::servers::{Server, ask, await_that, server_binary, start};

/// What clients know as the primary's name.
struct Door {
    port: u16,
    leads_to: Arc<AtomicU16>,
    /// No request passes; answers do.
    shut: Arc<AtomicBool>,
    epoch: Arc<AtomicU64>,
}

impl Door {
    fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let door = Self {
            port: listener.local_addr().unwrap().port(),
            leads_to: Arc::new(AtomicU16::new(port)),
            shut: Arc::default(),
            epoch: Arc::default(),
        };
        let (leads_to, shut, epoch) = (door.leads_to.clone(), door.shut.clone(), door.epoch.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", leads_to.load(Ordering::SeqCst))) else { continue };
                let (shut, epoch) = (shut.clone(), epoch.clone());
                let (to_server, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pass(&server, &to_client, &AtomicBool::new(false), &AtomicU64::new(0)));
                std::thread::spawn(move || pass(&client, &to_server, &shut, &epoch));
            }
        });
        door
    }

    /// What is on its way is answered, then all connections end and new ones lead there.
    fn move_to(&self, port: u16) {
        self.shut.store(true, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(300));
        self.leads_to.store(port, Ordering::SeqCst);
        self.epoch.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(100));
        self.shut.store(false, Ordering::SeqCst);
    }
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, shut: &AtomicBool, epoch: &AtomicU64) {
    let made = epoch.load(Ordering::SeqCst);
    let _ = from.set_read_timeout(Some(Duration::from_millis(5)));
    let mut piece = vec![0; 16_384];
    while epoch.load(Ordering::SeqCst) == made {
        if shut.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        }
        match from.read(&mut piece) {
            Ok(0) => break,
            Ok(length) if to.write_all(&piece[..length]).is_ok() => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            _ => break,
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// A primary, its replica, and a drill's clients of them.
struct Stage {
    old: Server,
    new: Server,
    door: Door,
    setup: Setup,
}

fn stage() -> Option<Stage> {
    let binary = server_binary()?;
    let old = start(&binary, &["--repl-diskless-sync-delay", "0"]);
    let new = start(&binary, &[]);
    assert!(ask(new.port, &format!("REPLICAOF 127.0.0.1 {}", old.port)).starts_with("+OK"));
    await_that("the replica is in step", || {
        ask(old.port, "INFO replication").contains("state=online")
            && ask(new.port, "INFO replication").contains("master_link_status:up")
    });
    let door = Door::to(old.port);
    let node = |id: &str, port| Node { id: id.into(), endpoint: ("127.0.0.1".into(), port) };
    let setup = Setup {
        way: Way { host: "127.0.0.1".into(), port: door.port, ..Way::default() },
        reader: Some(("127.0.0.1".into(), new.port)),
        nodes: vec![node("old", old.port), node("new", new.port)],
        others: Vec::new(),
        prefix: "cachectl:drill:test:".into(),
        tag: None,
        rate: 100.0,
        whole: true,
    };
    Some(Stage { old, new, door, setup })
}

impl Stage {
    fn begin(&self) -> Probes {
        let look = drill::look(&self.setup).expect("the pair is fit");
        assert_eq!((look.primary.as_str(), &look.objections[..]), ("old", &[][..]));
        let probes = Probes::start(self.setup.clone(), look.shard, look.connecting).expect("clients begin");
        await_that("everyone gets through", || {
            let now = probes.now();
            probes.get_through(now.saturating_sub(Duration::from_secs(1)), now).is_ok()
        });
        probes
    }

    fn bits(&self, server: &Server, key: &str) -> Vec<u8> {
        // Numbers up to some hundreds: the answer comes in one piece.
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.write_all(format!("GETRANGE {} 0 -1\r\n", self.setup.key(key)).as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let length = stream.read(&mut piece).unwrap();
            answer.extend_from_slice(&piece[..length]);
            let Some(end) = answer.iter().position(|byte| *byte == b'\n') else { continue };
            let announced: usize = String::from_utf8_lossy(&answer[1..end - 1]).parse().unwrap();
            if answer.len() >= end + 1 + announced {
                return answer[end + 1..end + 1 + announced].to_vec();
            }
        }
    }

    /// Bits that the old server has and the new one has not.
    fn missing(&self, key: &str) -> usize {
        let (old, new) = (self.bits(&self.old, key), self.bits(&self.new, key));
        let gone = |(at, byte): (usize, &u8)| (byte & !new.get(at).copied().unwrap_or(0)).count_ones() as usize;
        old.iter().enumerate().map(gone).sum()
    }
}

fn resumed(probes: &Probes) {
    let begun = probes.now();
    await_that("writes go on", || {
        let now = probes.now();
        now > begun + Duration::from_millis(500) && probes.clients_are_well()
    });
}

fn lost(setup: &Setup, seen: &Seen) -> (usize, usize) {
    let count = drill::settle(setup, seen);
    assert_eq!((count.left, &count.unknown), (0, &None));
    let lost = count.lost.expect("it is known");
    (lost.plain.len(), lost.waited.len())
}

#[test]
fn lost_writes_are_exactly_those_that_the_new_primary_has_not() {
    let Some(stage) = stage() else { return };
    let probes = stage.begin();
    assert!(ask(stage.new.port, "REPLICAOF NO ONE").starts_with("+OK"));
    std::thread::sleep(Duration::from_millis(400));
    stage.door.move_to(stage.new.port);
    resumed(&probes);
    let (setup, seen) = probes.finish();
    let (by_writer, by_waiter) = (stage.missing("writer"), stage.missing("waited"));
    assert!(by_writer > 10, "{by_writer} of 0.4 s at 100/s");
    assert_eq!(lost(&setup, &seen), (by_writer + by_waiter, 0), "nothing that was confirmed is lost");
    for server in [&stage.new, &stage.old] {
        await_that("nothing is left where clients were at the end", || {
            server.port == stage.old.port || ask(server.port, "DBSIZE").starts_with(":0")
        });
    }
    let gap = seen.writer.longest_gap(Duration::ZERO, seen.ended).expect("it was answered");
    assert!(gap.length() >= Duration::from_millis(350), "{gap:?}");
}

#[test]
fn confirmed_writes_that_are_gone_are_counted_apart() {
    let Some(stage) = stage() else { return };
    let probes = stage.begin();
    assert!(ask(stage.new.port, "REPLICAOF NO ONE").starts_with("+OK"));
    assert!(ask(stage.new.port, "FLUSHALL").starts_with("+OK"));
    stage.door.move_to(stage.new.port);
    resumed(&probes);
    let (setup, seen) = probes.finish();
    let all = stage.missing("writer") + stage.missing("waited");
    let confirmed = seen.acks.iter().filter(|ack| ack.waited).count();
    let (plain, waited) = lost(&setup, &seen);
    assert_eq!(plain + waited, all);
    assert!(waited > 0 && waited == confirmed, "{waited} of {confirmed}");
}

#[test]
fn a_pair_that_goes_on_loses_nothing_and_nobody_notices() {
    let Some(stage) = stage() else { return };
    let probes = stage.begin();
    resumed(&probes);
    assert_eq!(probes.primary().as_deref(), Some("old"));
    assert!(probes.is_whole());
    let (setup, seen) = probes.finish();
    assert_eq!(lost(&setup, &seen), (0, 0));
    assert!(ask(stage.old.port, "DBSIZE").starts_with(":0"), "its keys are deleted");
}

#[test]
fn keys_expire_by_themselves_where_nobody_deletes_them() {
    let Some(stage) = stage() else { return };
    let probes = stage.begin();
    for key in stage.setup.keys() {
        let ttl = ask(stage.old.port, &format!("PTTL {key}"));
        let ttl: i64 = ttl.trim_start_matches(':').trim().parse().unwrap();
        assert!(ttl > 0 && ttl <= drill::TTL.as_millis() as i64, "{key}: {ttl}");
    }
    let (setup, _) = probes.finish();
    assert_eq!(drill::clear(&setup), 0);
    assert!(ask(stage.old.port, "DBSIZE").starts_with(":0"));
}

#[test]
fn a_full_node_a_replica_out_of_step_and_two_primaries_are_objections() {
    let Some(stage) = stage() else { return };
    let rules = || match drill::look(&stage.setup) {
        Ok(look) => look.objections.into_iter().map(|objection| objection.rule).collect(),
        Err(objection) => vec![objection.rule],
    };
    assert_eq!(rules(), [""; 0]);
    ask(stage.old.port, "CONFIG SET maxmemory 3mb");
    assert_eq!(rules(), ["no-memory"]);
    ask(stage.old.port, "CONFIG SET maxmemory 0");
    ask(stage.new.port, "REPLICAOF 127.0.0.1 1");
    await_that("the replica is alone", || ask(stage.old.port, "INFO replication").contains("connected_slaves:0"));
    assert_eq!(rules(), ["no-replica-in-sync"]);
    ask(stage.new.port, "REPLICAOF NO ONE");
    assert_eq!(rules(), ["roles-unclear"]);
    ask(stage.old.port, "ACL SETUSER default -info");
    assert_eq!(rules(), ["roles-unseen"]);
}

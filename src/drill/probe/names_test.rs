//! Clients of a name that moves: names are given a double, since every endpoint that a test can have is an address.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::super::log::{Log, What};
use super::super::setup::{Endpoint, Node, Setup};
use super::super::trace::Trace;
use super::lane::{Lane, Pace, Reconnects, Work};
use super::route::Route;
use super::watch;
use super::{lock, names};
use crate::client::Way;
use crate::client::line::Door;

/// Answers as a server would: a primary until it is told otherwise, while it is open.
#[derive(Clone, Default)]
struct Host {
    shut: Arc<AtomicBool>,
    is_replica: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Host {
    fn start() -> (Self, SocketAddr) {
        let (host, listener) = (Self::default(), TcpListener::bind("127.0.0.1:0").expect("a port"));
        let address = listener.local_addr().expect("an address");
        let serving = host.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let host = serving.clone();
                std::thread::spawn(move || host.serve(&client));
            }
        });
        (host, address)
    }

    fn serve(&self, mut client: &TcpStream) -> Option<()> {
        let mut lines = BufReader::new(client).lines();
        while let Some(Ok(head)) = lines.next() {
            let count: usize = head.strip_prefix('*')?.parse().ok()?;
            let words: Vec<String> = (0..count).filter_map(|_| lines.nth(1)?.ok()).collect();
            if self.shut.load(Ordering::SeqCst) {
                return None;
            }
            let asked = words.join(" ");
            let role = if self.is_replica.load(Ordering::SeqCst) { "slave" } else { "master" };
            let info = match asked.as_str() {
                "INFO replication" => format!("role:{role}\r\nconnected_slaves:0\r\n"),
                "INFO server" => "run_id:0123abcd\r\n".to_owned(),
                _ => String::new(),
            };
            lock(&self.asked).push(asked);
            let answer = if info.is_empty() { "+OK\r\n".to_owned() } else { format!("${}\r\n{info}\r\n", info.len()) };
            client.write_all(answer.as_bytes()).ok()?;
        }
        None
    }
}

/// A door through which `cache.example` leads where it is told, and how often it was asked for that.
fn door(leads_to: &Arc<Mutex<SocketAddr>>) -> (Door, Arc<AtomicUsize>) {
    let (leads_to, asked) = (Arc::clone(leads_to), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&asked);
    let door = Door::new(Way::default(), Duration::from_secs(5)).expect("a door").resolving(move |name, _| {
        assert_eq!(name, "cache.example");
        counted.fetch_add(1, Ordering::SeqCst);
        io::Result::Ok(vec![*lock(&leads_to)])
    });
    (door, asked)
}

fn await_that(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn who_resolves_again_follows_a_name_at_once_and_who_keeps_an_address_when_its_time_is_over() {
    const KEEPS: Duration = Duration::from_secs(3);
    let ((old, first), (_new, second)) = (Host::start(), Host::start());
    let leads_to = Arc::new(Mutex::new(first));
    let (log, stop) = (Arc::new(Log::new(Instant::now())), Arc::new(AtomicBool::new(false)));
    let begin = |reconnects| {
        let ((door, asked), trace) = (door(&leads_to), Arc::new(Mutex::new(Trace::default())));
        let every = Duration::from_millis(20);
        let pace = Pace { begin: log.begun(), every, lane: 0, lanes: 1, limit: Duration::from_millis(200) };
        let lane = Lane {
            door,
            route: Route::Name(("cache.example".to_owned(), 6379)),
            work: Work::Set { key: "key".to_owned() },
            reconnects,
            pace,
            log: Arc::clone(&log),
            trace: Arc::clone(&trace),
            stop: Arc::clone(&stop),
        };
        std::thread::spawn(move || lane.run());
        (trace, asked)
    };
    let never = begin(Reconnects::Never);
    let resolves = begin(Reconnects::With(Duration::ZERO));
    let caches = begin(Reconnects::With(KEEPS));
    let answers = |trace: &Mutex<Trace>, from| lock(trace).answered_within(from, Duration::MAX);
    await_that("all get through", || {
        [&never, &resolves, &caches].iter().all(|(trace, _)| answers(trace, Duration::ZERO) > 3)
    });
    // The primary's name moves, and the old one takes nobody any more.
    *lock(&leads_to) = second;
    old.shut.store(true, Ordering::SeqCst);
    let moved = log.now();
    let later = moved + Duration::from_millis(1);
    await_that("who resolves again goes on", || answers(&resolves.0, later) > 3);
    await_that("who keeps an address goes on in the end", || answers(&caches.0, later) > 3);
    stop.store(true, Ordering::SeqCst);
    let gap = |trace: &Mutex<Trace>| lock(trace).longest_gap(moved, log.now()).expect("answers").length();
    assert!(gap(&resolves.0) < gap(&caches.0), "{:?} and {:?}", gap(&resolves.0), gap(&caches.0));
    // It asked when it began, and again once what it knew was too old, however often it had to connect.
    assert_eq!((never.1.load(Ordering::SeqCst), caches.1.load(Ordering::SeqCst)), (1, 2));
    let failures = lock(&caches.0).failures_within(moved, Duration::MAX);
    assert!(failures > 3 && resolves.1.load(Ordering::SeqCst) >= 2, "{failures}");
    assert_eq!(answers(&never.0, later), 0, "its one connection is gone");
}

#[test]
fn where_a_name_leads_is_told_first_and_whenever_it_changes() {
    let leads_to = Arc::new(Mutex::new(SocketAddr::from(([10, 0, 0, 1], 6379))));
    let (log, stop) = (Arc::new(Log::new(Instant::now())), Arc::new(AtomicBool::new(false)));
    let ((door, _), seen, end) = (door(&leads_to), Arc::clone(&log), Arc::clone(&stop));
    let watching = std::thread::spawn(move || watch::name(&door, &("cache.example".to_owned(), 6379), &seen, &end));
    await_that("the first is told", || log.changes().len() == 1);
    *lock(&leads_to) = SocketAddr::from(([10, 0, 0, 2], 6379));
    await_that("the change is told", || log.changes().len() == 2);
    stop.store(true, Ordering::SeqCst);
    watching.join().expect("it ends");
    let told = |place: usize| match &log.changes()[place].what {
        What::Name { name, addresses } => format!("{name} {}", addresses.join(",")),
        What::Node { .. } => String::new(),
    };
    assert_eq!((told(0), told(1)), ("cache.example 10.0.0.1".to_owned(), "cache.example 10.0.0.2".to_owned()));
}

#[test]
fn a_role_is_asked_for_by_the_shortest_question_and_its_change_is_told() {
    let (host, address) = Host::start();
    let (log, stop) = (Arc::new(Log::new(Instant::now())), Arc::new(AtomicBool::new(false)));
    let door = Door::new(Way::default(), Duration::from_secs(5)).expect("a door");
    let node = Node { id: "cache-001".into(), endpoint: (address.ip().to_string(), address.port()) };
    let (seen, end) = (Arc::clone(&log), Arc::clone(&stop));
    let watching = std::thread::spawn(move || watch::node(&door, &node, &seen, &end));
    let looks = || lock(&host.asked).iter().filter(|asked| *asked == "INFO replication").count();
    await_that("it is looked at", || looks() > 5);
    host.is_replica.store(true, Ordering::SeqCst);
    await_that("the change is told", || log.changes().len() == 2);
    stop.store(true, Ordering::SeqCst);
    watching.join().expect("it ends");
    let state = |place: usize| match &log.changes()[place].what {
        What::Node { state, .. } => (state.is_primary, state.run_id.clone()),
        What::Name { .. } => Default::default(),
    };
    assert_eq!((state(0), state(1)), ((true, "0123abcd".to_owned()), (false, "0123abcd".to_owned())));
    // All of INFO is long, and what a server is does not change while a connection to it lasts.
    let asked = lock(&host.asked).clone();
    assert_eq!(asked.iter().filter(|asked| *asked == "INFO server").count(), 1, "{asked:?}");
    assert!(!asked.iter().any(|asked| asked == "INFO"), "{asked:?}");
}

#[test]
fn a_name_is_watched_also_where_a_map_leads_to_it() {
    let endpoint = |host: &str| -> Endpoint { (host.to_owned(), 6379) };
    let mut setup = Setup {
        way: Way { host: "primary.example".into(), port: 6379, ..Way::default() },
        reader: Some(endpoint("reader.example")),
        nodes: Vec::new(),
        others: Vec::new(),
        prefix: String::new(),
        tag: None,
        rate: 1.0,
        whole: true,
    };
    assert_eq!(names(&setup), [endpoint("primary.example"), endpoint("reader.example")]);
    setup.way.map.insert(endpoint("primary.example"), endpoint("tunnel.example"));
    setup.way.map.insert(endpoint("reader.example"), endpoint("127.0.0.1"));
    assert_eq!(names(&setup), [endpoint("primary.example")]);
}

//! Real servers behind the sandbox's endpoints. Each test is skipped, with a note, when no server is installed.
#![allow(clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use cachectl_sandbox::data::{Auth, DataPlane, Endpoints, Health, Node, Shape, Shard, Tls, User};
use client::{Client, ClusterClient};
use tokio::time::{sleep, timeout};

#[path = "data_plane/client.rs"]
mod client;

async fn plane() -> Option<DataPlane> {
    let plane = DataPlane::open(None).await.unwrap();
    match &plane {
        Some(plane) => eprintln!("with {}", plane.server_version()),
        None => eprintln!("skipped: neither valkey-server nor redis-server is installed"),
    }
    plane
}

fn shard(id: &str, slots: &[(u16, u16)], members: &[&str]) -> Shard {
    let nodes = members.iter().enumerate().map(|(n, name)| Node {
        member: (*name).to_owned(),
        primary: n == 0,
        health: Health::Up,
    });
    Shard { id: id.to_owned(), slots: slots.to_vec(), nodes: nodes.collect() }
}

/// Cluster mode disabled: the first member is the primary.
fn group(members: &[&str]) -> Shape {
    Shape {
        cluster: false,
        serverless: false,
        port: 6379,
        tls: Tls::Off,
        auth: Auth::Open,
        parameters: BTreeMap::new(),
        engine: "valkey".to_owned(),
        shards: vec![shard("0001", &[], members)],
        endpoints: Endpoints {
            primary: Some("primary".to_owned()),
            reader: Some("reader".to_owned()),
            configuration: None,
        },
        names_lag: false,
        generation: 0,
    }
}

fn cluster(shards: Vec<Shard>) -> Shape {
    let endpoints = Endpoints { configuration: Some("configuration".to_owned()), ..Endpoints::default() };
    Shape { cluster: true, shards, endpoints, ..group(&[]) }
}

/// Names of a shard's nodes, the primary first.
fn names(shard: usize, replicas: usize) -> Vec<String> {
    (1..=replicas + 1).map(|node| format!("c-{shard:04}-{node:03}")).collect()
}

fn shards(ranges: &[&[(u16, u16)]], replicas: usize) -> Vec<Shard> {
    let each = ranges.iter().enumerate().map(|(n, slots)| {
        let members = names(n + 1, replicas);
        shard(&format!("{:04}", n + 1), slots, &members.iter().map(String::as_str).collect::<Vec<_>>())
    });
    each.collect()
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < Duration::from_secs(10), "never happened: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn is_running(process: u32) -> bool {
    // A zombie has nothing in memory.
    std::fs::read_to_string(format!("/proc/{process}/statm")).is_ok_and(|pages| !pages.starts_with("0 "))
}

async fn process_of(client: &mut Client) -> u32 {
    let info = client.ask("INFO server").await;
    info.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap().parse().unwrap()
}

async fn kill(process: u32) {
    Command::new("kill").args(["-9", &process.to_string()]).status().unwrap();
    until("the process ends", async || !is_running(process)).await;
}

#[tokio::test]
async fn a_write_to_the_primary_endpoint_is_read_from_the_reader_endpoint() {
    let Some(plane) = plane().await else { return };
    let start = Instant::now();
    plane.apply("orders", group(&["orders-001", "orders-002", "orders-003"])).await.unwrap();
    eprintln!("three nodes took {:?}", start.elapsed());

    let mut primary = Client::plain(plane.address("primary"), 6379).await.unwrap();
    let mut reader = Client::plain(plane.address("reader"), 6379).await.unwrap();
    assert_eq!(primary.ask("SET a 1").await, "OK");
    assert_eq!(primary.ask("WAIT 2 2000").await, "2");
    assert_eq!(reader.ask("GET a").await, "1");
    assert!(reader.ask("SET a 2").await.starts_with("READONLY"));

    let info = primary.ask("INFO replication").await;
    assert!(info.contains(&format!("ip={},port=6379,state=online", plane.address("orders-002"))), "{info}");
    let info = reader.ask("INFO replication").await;
    assert!(info.contains(&format!("master_host:{}", plane.address("orders-001"))), "{info}");

    let start = Instant::now();
    plane.apply("orders", group(&["orders-001", "orders-002", "orders-003"])).await.unwrap();
    eprintln!("again took {:?}", start.elapsed());
    assert_eq!(primary.ask("GET a").await, "1", "nothing changed, so no connection ended");
}

#[tokio::test]
async fn a_failover_ends_connections_and_loses_no_acknowledged_write() {
    let Some(plane) = plane().await else { return };
    plane.apply("g", group(&["g-001", "g-002", "g-003"])).await.unwrap();
    let mut before = Client::plain(plane.address("primary"), 6379).await.unwrap();
    for n in 0..200 {
        assert_eq!(before.ask(&format!("SET key:{n} {n}")).await, "OK");
    }

    let start = Instant::now();
    plane.apply("g", group(&["g-002", "g-001", "g-003"])).await.unwrap();
    eprintln!("failover took {:?}", start.elapsed());
    assert!(before.ask("PING").await.starts_with("closed"));
    let mut after = Client::plain(plane.address("primary"), 6379).await.unwrap();
    assert_eq!(after.ask("DBSIZE").await, "200");
    assert_eq!(after.ask("SET more 1").await, "OK");
    assert!(after.ask("ROLE").await.starts_with("[master"));
    let mut old = Client::plain(plane.address("g-001"), 6379).await.unwrap();
    assert!(old.ask("ROLE").await.starts_with(&format!("[slave {}", plane.address("g-002"))));

    // The primary goes and a new node takes its place: it gets the data first.
    plane.apply("g", group(&["g-004", "g-003"])).await.unwrap();
    let mut after = Client::plain(plane.address("primary"), 6379).await.unwrap();
    assert_eq!(after.ask("DBSIZE").await, "201");
    assert!(Client::plain(plane.address("g-002"), 6379).await.is_err());
}

#[tokio::test]
async fn a_primary_whose_process_was_killed_is_succeeded_by_a_replica() {
    let Some(plane) = plane().await else { return };
    plane.apply("g", group(&["g-001", "g-002"])).await.unwrap();
    let mut client = Client::plain(plane.address("primary"), 6379).await.unwrap();
    assert_eq!(client.ask("SET a 1").await, "OK");
    assert_eq!(client.ask("WAIT 1 2000").await, "1");
    kill(process_of(&mut client).await).await;

    plane.apply("g", group(&["g-002", "g-001"])).await.unwrap();
    let mut client = Client::plain(plane.address("primary"), 6379).await.unwrap();
    assert_eq!(client.ask("GET a").await, "1");
    assert_eq!(client.ask("SET a 2").await, "OK");
    assert_eq!(client.ask("WAIT 1 2000").await, "1");

    // The control plane does not know yet: the same primary again, which is empty.
    kill(process_of(&mut client).await).await;
    plane.apply("g", group(&["g-002", "g-001"])).await.unwrap();
    let mut client = Client::plain(plane.address("primary"), 6379).await.unwrap();
    assert_eq!(client.ask("GET a").await, "2");
    assert!(client.ask("INFO replication").await.contains("connected_slaves:1"));
}

#[tokio::test]
async fn a_killed_primary_of_a_cluster_is_succeeded_by_a_replica() {
    let Some(plane) = plane().await else { return };
    let ranges: [&[(u16, u16)]; 3] = [&[(0, 5461)], &[(5462, 10922)], &[(10923, 16383)]];
    let mut shape = cluster(shards(&ranges, 1));
    plane.apply("c", shape.clone()).await.unwrap();
    let mut client = Client::plain(plane.address("c-0003-001"), 6379).await.unwrap();
    assert_eq!(client.ask("SET a 1").await, "OK");
    assert_eq!(client.ask("WAIT 1 2000").await, "1");
    kill(process_of(&mut client).await).await;

    shape.shards[2].nodes.iter_mut().for_each(|node| node.primary = !node.primary);
    let start = Instant::now();
    plane.apply("c", shape.clone()).await.unwrap();
    eprintln!("succession took {:?}", start.elapsed());
    let mut client = Client::plain(plane.address("c-0003-002"), 6379).await.unwrap();
    assert_eq!(client.ask("GET a").await, "1");
    assert_eq!(client.ask("SET a 2").await, "OK");
    assert_eq!(client.ask("WAIT 1 2000").await, "1");

    kill(process_of(&mut client).await).await;
    let start = Instant::now();
    plane.apply("c", shape).await.unwrap();
    eprintln!("resurrection took {:?}", start.elapsed());
    let mut client = Client::plain(plane.address("c-0003-002"), 6379).await.unwrap();
    assert_eq!(client.ask("GET a").await, "2");
}

#[tokio::test]
async fn tls_modes_decide_who_is_served() {
    let Some(plane) = plane().await else { return };
    let name = "primary";
    for (mode, plain, encrypted) in
        [(Tls::Off, true, false), (Tls::Preferred, true, true), (Tls::Required, false, true)]
    {
        // One group all along: a change of mode restarts nothing.
        plane.apply("g", Shape { tls: mode, ..group(&["g-001", "g-002"]) }).await.unwrap();
        let mut client = Client::plain(plane.address(name), 6379).await.unwrap();
        assert_eq!(client.ask("PING").await == "PONG", plain, "plaintext with {mode:?}");
        match timeout(Duration::from_secs(2), Client::tls(&plane, plane.address(name), 6379)).await {
            Ok(Ok(mut client)) => {
                assert!(encrypted, "TLS with {mode:?}");
                assert_eq!(client.ask(&format!("SET {mode:?} 1")).await, "OK");
                assert_eq!(client.ask("WAIT 1 2000").await, "1", "replication goes on with {mode:?}");
            }
            _ => assert!(!encrypted, "no TLS with {mode:?}"),
        }
    }
    // The certificate is of this sandbox and for this address.
    let other = DataPlane::open(None).await.unwrap().unwrap();
    assert!(Client::tls(&other, plane.address(name), 6379).await.is_err());
}

#[tokio::test]
async fn tokens_are_rotated_in_two_steps() {
    let Some(plane) = plane().await else { return };
    let (first, second) = ("first-token-0123456789", "second-token-0123456789");
    let apply = async |tokens: &[&str], open: bool| {
        let tokens = tokens.iter().map(|token| (*token).to_owned()).collect();
        let auth = Auth::Token { tokens, open };
        plane.apply("g", Shape { auth, tls: Tls::Required, ..group(&["g-001", "g-002"]) }).await.unwrap();
    };
    let connect = async || Client::tls(&plane, plane.address("primary"), 6379).await.unwrap();
    let auth = async |token: &str| connect().await.ask(&format!("AUTH {token}")).await;

    plane.apply("g", Shape { tls: Tls::Required, ..group(&["g-001", "g-002"]) }).await.unwrap();
    assert_eq!(connect().await.ask("PING").await, "PONG");

    apply(&[first], true).await;
    assert_eq!(connect().await.ask("PING").await, "PONG", "clients without a token are still served");
    assert_eq!(auth(first).await, "OK");
    assert!(auth("wrong-token-0123456789").await.starts_with("WRONGPASS"));

    apply(&[first], false).await;
    assert!(connect().await.ask("PING").await.starts_with("NOAUTH"));

    apply(&[first, second], false).await;
    assert_eq!(auth(first).await, "OK");
    assert_eq!(auth(second).await, "OK");

    apply(&[second], false).await;
    assert!(auth(first).await.starts_with("WRONGPASS"));
    let mut client = connect().await;
    assert_eq!(client.ask(&format!("AUTH {second}")).await, "OK");
    assert_eq!(client.ask("SET a 1").await, "OK");
    assert_eq!(client.ask("WAIT 1 2000").await, "1", "replicas have their own way in");
}

#[tokio::test]
async fn users_do_what_their_access_strings_say() {
    let Some(plane) = plane().await else { return };
    let user = |name: &str, access_string: &str, password: &str| User {
        name: name.to_owned(),
        access_string: access_string.to_owned(),
        passwords: vec![password.to_owned()],
        no_password: false,
    };
    let app = user("app", "on ~app:* -@all +@read +@write +@connection +json.get", "app-password-0123456");
    let everything = user("ops", "on ~* &* +@all", "ops-password-0123456");
    let apply = async |users: Vec<User>| {
        plane.apply("g", Shape { auth: Auth::Users(users), ..group(&["g-001", "g-002"]) }).await.unwrap();
    };
    let connect = async || Client::plain(plane.address("primary"), 6379).await.unwrap();

    apply(vec![app.clone(), everything]).await;
    assert!(connect().await.ask("PING").await.starts_with("NOAUTH"), "the default user is off");
    let mut client = connect().await;
    assert_eq!(client.ask("AUTH app app-password-0123456").await, "OK");
    assert_eq!(client.ask("SET app:1 1").await, "OK");
    assert!(client.ask("SET other 1").await.starts_with("NOPERM"));
    assert!(client.ask("ACL LIST").await.starts_with("NOPERM"));

    let mut ops = connect().await;
    assert_eq!(ops.ask("AUTH ops ops-password-0123456").await, "OK");
    for command in ["CONFIG GET *", "DEBUG SLEEP 0", "SAVE", "BGSAVE", "SHUTDOWN", "REPLICAOF NO ONE", "MIGRATE"] {
        let reply = ops.ask(command).await;
        assert!(reply.starts_with("ERR unknown command"), "{command}: {reply}");
    }
    for command in ["ACL SETUSER mallory on", "PSYNC ? -1", "SANDBOX.CONFIG GET *", "CLUSTER MEET 127.0.0.1 1"] {
        let reply = ops.ask(command).await;
        assert!(reply.starts_with("NOPERM"), "{command}: {reply}");
    }
    assert_eq!(ops.ask("EVAL \"return redis.call('SET','k','v')\" 1 k").await, "OK");
    assert!(ops.ask("INFO memory").await.contains("maxmemory_policy:noeviction"));

    let wrong = user("wrong", "on everything", "wrong-password-0123456");
    let shape = Shape { auth: Auth::Users(vec![app.clone(), wrong]), ..group(&["g-001", "g-002"]) };
    let error = plane.apply("g", shape).await.unwrap_err().to_string();
    assert!(error.starts_with("user wrong with access string \"on everything\": ACL: ERR Error"), "{error}");

    apply(vec![app]).await;
    assert!(ops.ask("PING").await.starts_with("closed"), "a user that is gone loses its connections");
    assert!(connect().await.ask("AUTH ops ops-password-0123456").await.starts_with("WRONGPASS"));
    assert_eq!(client.ask("GET app:1").await, "1", "the other one keeps them");
}

#[tokio::test]
async fn parameters_arrive_and_go_back_to_the_default() {
    let Some(plane) = plane().await else { return };
    let mut shape = group(&["g-001"]);
    for (name, value) in [("maxmemory-policy", "allkeys-lfu"), ("reserved-memory-percent", "25"), ("port", "1")] {
        shape.parameters.insert(name.to_owned(), value.to_owned());
    }
    plane.apply("g", shape).await.unwrap();
    let mut client = Client::plain(plane.address("reader"), 6379).await.unwrap();
    assert!(client.ask("INFO memory").await.contains("maxmemory_policy:allkeys-lfu"));
    plane.apply("g", group(&["g-001"])).await.unwrap();
    assert!(client.ask("INFO memory").await.contains("maxmemory_policy:noeviction"));
}

async fn key_count(plane: &DataPlane, members: &[&str]) -> usize {
    let mut sum = 0;
    for member in members {
        let mut client = Client::plain(plane.address(member), 6379).await.unwrap();
        let count = client.ask("DBSIZE").await;
        sum += count.parse::<usize>().unwrap();
    }
    sum
}

#[tokio::test]
async fn a_cluster_with_tls_redirects_to_addresses_that_clients_reach() {
    let Some(plane) = plane().await else { return };
    let ranges: [&[(u16, u16)]; 3] = [&[(0, 5461)], &[(5462, 10922)], &[(10923, 16383)]];
    let shape = Shape { tls: Tls::Required, ..cluster(shards(&ranges, 2)) };
    let start = Instant::now();
    plane.apply("c", shape.clone()).await.unwrap();
    eprintln!("nine nodes took {:?}", start.elapsed());

    let mut client = Client::tls(&plane, plane.address("configuration"), 6379).await.unwrap();
    let info = client.ask("CLUSTER INFO").await;
    assert!(info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384"), "{info}");
    assert!(client.ask("MGET a b").await.starts_with("CROSSSLOT"));
    until("all nodes are online in CLUSTER SHARDS", async || {
        client.ask("CLUSTER SHARDS").await.matches("health online").count() == 9
    })
    .await;
    let mut client = ClusterClient::new(&plane, true, "c-0001-001");
    let mut owners = BTreeSet::new();
    for n in 0..60 {
        owners.insert(client.set(&format!("key:{n}")).await);
    }
    assert_eq!(owners, (1..=3).map(|shard| plane.address(&format!("c-{shard:04}-001"))).collect());

    let start = Instant::now();
    plane.apply("c", shape).await.unwrap();
    eprintln!("again took {:?}", start.elapsed());
}

#[tokio::test]
async fn a_cluster_fails_over_and_reshards_without_losing_keys() {
    let Some(plane) = plane().await else { return };
    let two: [&[(u16, u16)]; 2] = [&[(0, 8191)], &[(8192, 16383)]];
    let three: [&[(u16, u16)]; 3] = [&[(0, 5461)], &[(8192, 13653)], &[(5462, 8191), (13654, 16383)]];
    let auth = Auth::Token { tokens: vec!["a-token-0123456789".to_owned()], open: true };
    let shape = |shards: Vec<Shard>| Shape { auth: auth.clone(), ..cluster(shards) };
    plane.apply("c", shape(shards(&two, 1))).await.unwrap();
    let mut client = ClusterClient::new(&plane, false, "c-0001-001");
    for n in 0..300 {
        client.set(&format!("key:{n}")).await;
    }

    let mut old = Client::plain(plane.address("c-0002-001"), 6379).await.unwrap();
    let mut failed_over = shards(&two, 1);
    failed_over[1].nodes.iter_mut().for_each(|node| node.primary = !node.primary);
    let start = Instant::now();
    plane.apply("c", shape(failed_over)).await.unwrap();
    eprintln!("failover took {:?}", start.elapsed());
    assert!(old.ask("PING").await.starts_with("closed"));
    assert_eq!(key_count(&plane, &["c-0001-001", "c-0002-002"]).await, 300);
    let start = Instant::now();
    plane.apply("c", shape(shards(&two, 1))).await.unwrap();
    eprintln!("and back took {:?}", start.elapsed());

    let start = Instant::now();
    plane.apply("c", shape(shards(&three, 1))).await.unwrap();
    eprintln!("scaling out took {:?}", start.elapsed());
    assert_eq!(key_count(&plane, &["c-0001-001", "c-0002-001", "c-0003-001"]).await, 300);
    assert!(key_count(&plane, &["c-0003-001"]).await > 50);

    let start = Instant::now();
    plane.apply("c", shape(shards(&two, 2))).await.unwrap();
    eprintln!("scaling in and more replicas took {:?}", start.elapsed());
    assert_eq!(key_count(&plane, &["c-0001-001", "c-0002-001"]).await, 300);
    assert_eq!(key_count(&plane, &["c-0001-003", "c-0002-003"]).await, 300, "new replicas are up to date");
    let mut client = Client::plain(plane.address("configuration"), 6379).await.unwrap();
    assert!(client.ask("CLUSTER INFO").await.contains("cluster_known_nodes:6"));
}

#[tokio::test]
async fn clients_go_on_while_slots_move() {
    let Some(plane) = plane().await else { return };
    let one: [&[(u16, u16)]; 1] = [&[(0, 16383)]];
    let two: [&[(u16, u16)]; 2] = [&[(0, 8191)], &[(8192, 16383)]];
    plane.apply("c", cluster(shards(&one, 1))).await.unwrap();
    for (ranges, members) in [(&two[..], &["c-0001-001", "c-0002-001"][..]), (&one[..], &["c-0001-001"][..])] {
        let before = key_count(&plane, &["c-0001-001"]).await;
        let mut client = ClusterClient::new(&plane, false, "c-0001-001");
        let mut set = 0;
        let mut slowest = Duration::ZERO;
        let apply = plane.apply("c", cluster(shards(ranges, 1)));
        let write = async {
            loop {
                let start = Instant::now();
                client.set(&format!("{}:{set}", ranges.len())).await;
                set += 1;
                slowest = slowest.max(start.elapsed());
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            done = apply => done.unwrap(),
            () = write => {}
        }
        eprintln!("{set} keys set meanwhile, the slowest in {slowest:?}");
        let after = key_count(&plane, members).await;
        assert!(set > 20 && after >= before + set, "{before} keys and {set} more are {after}");
    }
}

#[tokio::test]
async fn a_serverless_cache_is_one_cluster_with_two_tls_ports() {
    let Some(plane) = plane().await else { return };
    let endpoints = Endpoints { configuration: Some("s".to_owned()), ..Endpoints::default() };
    let shape = Shape { serverless: true, endpoints, shards: Vec::new(), ..group(&[]) };
    let start = Instant::now();
    plane.apply("s", shape).await.unwrap();
    eprintln!("serverless took {:?}", start.elapsed());
    let mut client = Client::tls(&plane, plane.address("s"), 6379).await.unwrap();
    assert_eq!(client.ask("SET a 1").await, "OK");
    assert!(client.ask("CLUSTER SLOTS").await.starts_with(&format!("[[0 16383 [{} 6379", plane.address("s"))));
    let mut reader = Client::tls(&plane, plane.address("s"), 6380).await.unwrap();
    assert_eq!(reader.ask("GET a").await, "1");
    assert!(Client::plain(plane.address("s"), 6379).await.unwrap().ask("PING").await.starts_with("closed"));
}

#[tokio::test]
async fn a_shape_that_no_group_can_have_is_refused() {
    let Some(plane) = plane().await else { return };
    let mut shape = group(&["g-001", "g-002"]);
    shape.shards[0].nodes[1].primary = true;
    let error = plane.apply("g", shape).await.unwrap_err();
    assert_eq!(error.to_string(), "g: shard 0001 has not exactly one primary");
}

#[tokio::test]
async fn servers_end_with_their_group_and_with_the_data_plane() {
    let Some(plane) = plane().await else { return };
    plane.apply("a", group(&["a-001"])).await.unwrap();
    let mut other = group(&["b-001"]);
    other.endpoints = Endpoints::default();
    plane.apply("b", other).await.unwrap();
    let mut a = Client::plain(plane.address("a-001"), 6379).await.unwrap();
    let mut b = Client::plain(plane.address("b-001"), 6379).await.unwrap();
    let (first, second) = (process_of(&mut a).await, process_of(&mut b).await);
    assert!(is_running(first) && is_running(second));

    plane.remove("a").await.unwrap();
    plane.remove("a").await.unwrap();
    assert!(!is_running(first));
    assert!(Client::plain(plane.address("primary"), 6379).await.is_err());
    assert!(is_running(second));

    drop(plane);
    until("the server ends with the data plane", async || !is_running(second)).await;
}

const VICTIM: &str = "CACHECTL_TEST_DATA_PLANE_VICTIM";

/// Not a test: the process that the next one kills.
#[tokio::test]
async fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let Some(plane) = plane().await else { return };
    plane.apply("g", group(&["g-001", "g-002"])).await.unwrap();
    let mut processes = Vec::new();
    for member in ["g-001", "g-002"] {
        let mut client = Client::plain(plane.address(member), 6379).await.unwrap();
        processes.push(process_of(&mut client).await.to_string());
    }
    println!("servers: {}", processes.join(" "));
    sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn servers_end_when_the_sandbox_is_killed() {
    if plane().await.is_none() {
        return;
    }
    let folder = std::env::temp_dir().join(format!("cachectl-test-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env(VICTIM, "1")
        .env("TMPDIR", &folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = io::BufRead::lines(io::BufReader::new(victim.stdout.take().unwrap()));
    let servers: Vec<u32> = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("servers: ")?.1.split(' ').map(|id| id.parse().unwrap()).collect()))
        .unwrap();
    assert!(servers.iter().all(|id| is_running(*id)));

    // SIGKILL: the victim has no chance to do anything.
    victim.kill().unwrap();
    victim.wait().unwrap();
    until("the servers end", async || !servers.iter().any(|id| is_running(*id))).await;
    until("their folders go", async || std::fs::read_dir(&folder).unwrap().next().is_none()).await;
    std::fs::remove_dir(&folder).unwrap();
}

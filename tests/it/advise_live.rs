//! `advise --live` against real servers: what it sees, what it never does, and what it says of what it may not see.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use cachectl_sandbox::Options;
use serde_json::{Value, json};

use crate::plan_docs::violations;
use crate::rig::{QUICK, Rig};
use crate::servers::{ask, await_that, server_binary, start};

fn with_servers(topology: &str) -> Option<Rig> {
    server_binary()?;
    let failover = !topology.ends_with(": 1") || topology.contains("replicas");
    let spec = format!(
        "apiVersion: cachectl/v1\nstack: looked-at\nregion: us-east-1\nreplicationGroups:\n  cache:\n    description: d\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.r7g.large\n    {topology}\n    automaticFailoverEnabled: {failover}\n    transitEncryptionEnabled: false\n"
    );
    let rig = Rig::with(&spec, Options { time_scale: QUICK, data_plane: true, ..Options::default() });
    rig.apply().exits(0);
    Some(rig)
}

/// The nodes' own names, in the order of their ids.
fn nodes(rig: &Rig) -> Vec<String> {
    let answer = rig.by_hand("DescribeCacheClusters", "ShowCacheNodeInfo=true");
    let mut nodes: Vec<(String, String)> = answer
        .split("<CacheCluster>")
        .skip(1)
        .map(|cluster| {
            let inner =
                |tag: &str| cluster.split(&format!("<{tag}>")).nth(1).unwrap().split('<').next().unwrap().to_owned();
            (inner("CacheClusterId"), inner("Address"))
        })
        .collect();
    nodes.sort();
    nodes.into_iter().map(|(_, address)| address).collect()
}

/// Sends a command made of words, and gives back the answer as it came.
fn told(host: &str, words: &[&str]) -> String {
    let address = (host, 6379).to_socket_addrs().unwrap().next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = format!("*{}\r\n", words.len());
    words.iter().for_each(|word| command.push_str(&format!("${}\r\n{word}\r\n", word.len())));
    stream.write_all(command.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    match line.strip_prefix('$').and_then(|length| length.trim().parse::<usize>().ok()) {
        Some(length) => {
            let mut text = vec![0; length];
            reader.read_exact(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        }
        None => line,
    }
}

/// 300 keys of carts and 90 of sessions, one of each that only somebody's name begins, and a value that is big.
fn filled_by(evaluate: impl Fn(&str) -> String) {
    let script = "for i = 1, 300 do redis.call('SET', 'cart:' .. i, string.rep('x', 100), 'EX', 3600) end \
         for i = 1, 90 do redis.call('SET', 'session/' .. i, string.rep('y', 10)) end \
         redis.call('SET', 'jane.doe@example.com', 'secret') redis.call('SET', '4711:mail', 'secret') \
         redis.call('SET', 'cart:huge', string.rep('z', 2097152), 'EX', 3600) return 'OK'";
    let answer = evaluate(script);
    assert!(answer.contains("OK"), "{answer}");
}

/// How often a node carried out each command.
fn commands(host: &str) -> BTreeMap<String, u64> {
    let text = told(host, &["INFO", "commandstats"]);
    let lines = text.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
    lines.map(|(name, rest)| (name.to_owned(), rest.split(',').next().unwrap().parse().unwrap())).collect()
}

/// The report on the first cache. A machine that is busy with others answers slowly now and then, which rightly ends a
/// sample: then once more.
fn advise(rig: &Rig) -> (Value, String) {
    let mut ran = rig.run(&["advise", "--live", "--format", "json"]).exits(0);
    for _ in 0..20 {
        if !ran.stdout.contains("since an answer took") {
            break;
        }
        ran = rig.run(&["advise", "--live", "--format", "json"]).exits(0);
    }
    let report = ran.json();
    let schema: Value = serde_json::from_str(include_str!("../../schema/advice.schema.json")).expect("JSON");
    let mut found = Vec::new();
    violations(&schema, &schema, &report, "advice", &mut found);
    assert!(found.is_empty(), "{}\n{report:#}", found.join("\n"));
    (report["caches"][0].clone(), ran.all())
}

fn figure<'a>(cache: &'a Value, name: &str) -> Option<&'a Value> {
    cache["figures"].as_array().unwrap().iter().find(|figure| figure["name"] == json!(name))
}

#[test]
fn a_replica_is_looked_at_with_commands_that_only_read_and_no_key_is_named() {
    let Some(rig) = with_servers("numCacheClusters: 2") else { return };
    let nodes = nodes(&rig);
    filled_by(|script| told(&nodes[0], &["EVAL", script, "0"]));
    await_that("the replica has the keys", || told(&nodes[1], &["DBSIZE"]).trim() == ":393");
    let before = commands(&nodes[1]);
    let (cache, all) = advise(&rig);
    let sample = &cache["sample"];
    assert_eq!(sample["nodes"], json!(["cache-002"]), "{cache:#}");
    assert_eq!((&sample["keys"], &sample["withTtl"]), (&json!(393), &json!(301)), "{cache:#}");
    assert_eq!((&sample["keysInCache"], &sample["withTtlInCache"]), (&json!(393), &json!(301)));
    assert_eq!(sample["unseen"], json!([]), "{cache:#}");
    let prefixes: Vec<&str> =
        sample["prefixes"].as_array().unwrap().iter().map(|one| one[0].as_str().unwrap()).collect();
    assert_eq!(prefixes, ["cart", "session", "(others)"], "{cache:#}");
    assert_eq!(sample["big"][0][0], json!("cart"));
    assert!(sample["big"][0][1].as_u64() >= Some(2_097_152), "{cache:#}");
    for name in ["jane", "4711", "huge", "secret"] {
        assert!(!all.contains(name), "{name}: {all}");
    }
    assert_eq!(figure(&cache, "bigValues").unwrap()["value"], json!(1.0), "{cache:#}");
    assert_eq!(figure(&cache, "keysWithTtl").unwrap()["value"], json!(76.6), "{cache:#}");
    let ids: Vec<&str> = cache["advice"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"big-values"), "{cache:#}");
    // Nothing but reads beside what the nodes and the sandbox say to one another, and none of keys at the primary.
    let mut asked = commands(&nodes[1]);
    asked.retain(|name, count| *count > before.get(name).copied().unwrap_or(0));
    let own = ["scan", "pttl", "memory|usage", "info"];
    let others = ["ping", "role", "replconf", "select", "auth", "hello", "dbsize"];
    assert!(asked.keys().all(|name| own.iter().chain(&others).any(|known| known == name)), "{asked:?}");
    assert!(asked.contains_key("scan") && asked["pttl"] >= 393 && asked["memory|usage"] >= 393, "{asked:?}");
    let primary = commands(&nodes[0]);
    assert!(
        !primary.keys().any(|name| ["scan", "pttl", "memory|usage", "keys"].contains(&name.as_str())),
        "{primary:?}"
    );
    rig.run(&["advise", "--live"]).exits(0).says("keys were looked at on cache-002").says("memory by prefix: cart");
    rig.run(&["advise", "--live", "--format", "markdown"]).exits(0).says("| keysWithTtl |");
}

#[test]
fn a_thousand_keys_are_the_most_that_are_looked_at_and_their_share_is_the_whole_cache_s() {
    let Some(rig) = with_servers("numCacheClusters: 1").or_else(|| with_servers("numCacheClusters: 2")) else { return };
    let nodes = nodes(&rig);
    let script = "for i = 1, 20000 do redis.call('SET', 'k:' .. i, 'v') end return 'OK'";
    assert!(told(&nodes[0], &["EVAL", script, "0"]).contains("OK"));
    let (cache, _) = advise(&rig);
    assert_eq!(
        (&cache["sample"]["keys"], &cache["sample"]["keysInCache"]),
        (&json!(1000), &json!(20_000)),
        "{cache:#}"
    );
}

#[test]
fn each_shard_of_a_cluster_is_looked_at_on_its_replica() {
    let Some(rig) = with_servers("numNodeGroups: 2\n    replicasPerNodeGroup: 1") else { return };
    let nodes = nodes(&rig);
    // Keys with a tag of each shard.
    for (node, tags) in [(&nodes[0], ["{a}", "{b}", "{c}", "{d}"]), (&nodes[2], ["{a}", "{b}", "{c}", "{d}"])] {
        let own = tags.into_iter().find(|tag| told(node, &["SET", &format!("{tag}probe"), "1"]).starts_with("+OK"));
        let tag = own.expect("a tag of the shard");
        for key in 0..20 {
            assert!(told(node, &["SET", &format!("{tag}app:{key}"), "v", "EX", "600"]).starts_with("+OK"));
        }
    }
    for node in [&nodes[1], &nodes[3]] {
        await_that("the replica has the keys", || told(node, &["DBSIZE"]).trim() == ":21");
    }
    let (cache, _) = advise(&rig);
    let sample = &cache["sample"];
    assert_eq!(sample["nodes"].as_array().map(Vec::len), Some(2), "{cache:#}");
    assert_eq!(
        (&sample["keys"], &sample["withTtl"], &sample["keysInCache"]),
        (&json!(42), &json!(40), &json!(42)),
        "{cache:#}"
    );
    assert_eq!(sample["unseen"], json!([]), "{cache:#}");
}

#[test]
fn what_a_user_may_not_see_is_said_to_be_unknown_and_nothing_follows_from_it() {
    let Some(binary) = server_binary() else { return };
    // Behind a tunnel that leads to the primary alone.
    let server = start(&binary, &[]);
    let rig = Rig::new(&format!(
        "apiVersion: cachectl/v1\nstack: tunnelled\nregion: us-east-1\nreplicationGroups:\n  cache:\n    description: d\n    engine: valkey\n    cacheNodeType: cache.r7g.large\n    numCacheClusters: 2\n    automaticFailoverEnabled: true\n    transitEncryptionEnabled: false\n    smoke: {{host: 127.0.0.1, port: {}}}\n",
        server.port
    ));
    rig.apply().exits(0);
    filled_by(|script| ask(server.port, &format!("EVAL \"{script}\" 0")));
    let rights = |words: &str| {
        let answer = ask(server.port, &format!("ACL SETUSER default {words}"));
        assert!(answer.starts_with("+OK"), "{answer}");
    };
    let (cache, _) = advise(&rig);
    assert_eq!(cache["sample"]["nodes"], json!(["cache-001"]), "{cache:#}");
    let unseen = |cache: &Value| cache["sample"]["unseen"].to_string();
    rights("-memory");
    let (cache, _) = advise(&rig);
    assert!(unseen(&cache).contains("sizes are unknown"), "{cache:#}");
    assert_eq!((&cache["sample"]["keys"], figure(&cache, "bigValues")), (&json!(393), None), "{cache:#}");
    rights("+memory -scan");
    let (cache, _) = advise(&rig);
    assert!(unseen(&cache).contains("keys were not looked at"), "{cache:#}");
    assert_eq!((&cache["sample"]["keys"], &cache["sample"]["keysInCache"]), (&json!(0), &json!(393)), "{cache:#}");
    rights("+scan -info");
    let (cache, _) = advise(&rig);
    assert!(unseen(&cache).contains("memory, policy and the number of keys are unknown"), "{cache:#}");
    assert_eq!((&cache["sample"]["keysInCache"], &cache["sample"]["keys"]), (&Value::Null, &json!(393)), "{cache:#}");
    // A share of what may be seen is told as that.
    rights("+info resetkeys ~session*");
    let (cache, _) = advise(&rig);
    assert!(unseen(&cache).contains("303 keys are outside of what this user may read"), "{cache:#}");
    assert_eq!(cache["sample"]["keys"], json!(90), "{cache:#}");
}

#[test]
fn where_there_is_no_way_in_the_rest_of_the_advice_is_given_and_that_is_said() {
    let rig = Rig::new(
        "apiVersion: cachectl/v1\nstack: far\nregion: us-east-1\nreplicationGroups:\n  cache: {description: d, engine: valkey, cacheNodeType: cache.r7g.large, numCacheClusters: 1, automaticFailoverEnabled: false, smoke: {host: 127.0.0.1, port: 1}}\nserverlessCaches:\n  less: {engine: valkey}\n",
    );
    rig.apply().exits(0);
    let ran = rig.run(&["advise", "--live", "--format", "json"]).exits(0);
    let report = ran.json();
    let unseen: Vec<String> =
        report["caches"].as_array().unwrap().iter().map(|cache| cache["sample"]["unseen"].to_string()).collect();
    assert!(unseen[0].contains("was not looked at"), "{report:#}");
    assert!(unseen[1].contains("a serverless cache shows no node"), "{report:#}");
    assert!(report["caches"][0]["notes"].to_string().contains("was not looked at"), "{report:#}");
}

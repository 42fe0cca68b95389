//! `apply --canary` against the sandbox with real servers: what clients notice of each step, beside what was foretold.

use cachectl_sandbox::{Failover, Fault, Options};
use serde_json::Value;

use crate::rig::{QUICK, Rig};
use crate::servers::server_binary;

const HEAD: &str = "apiVersion: cachectl/v1\nstack: watched\nregion: us-east-1\nreplicationGroups:\n  cache:\n    description: watched\n    engine: valkey\n    automaticFailoverEnabled: true\n";

/// The group in one shape, brought to another under clients: exit code and the canary's lines.
fn changed(before: &str, after: &str, arguments: &[&str]) -> Option<(Rig, i32, Value)> {
    server_binary()?;
    let rig =
        Rig::with(&format!("{HEAD}{before}"), Options { time_scale: QUICK, data_plane: true, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&format!("{HEAD}{after}"));
    if let Some(pem) = rig.sandbox.ca_pem() {
        std::fs::write(rig.path("ca.pem"), pem).unwrap();
    }
    let ran = rig.run(&[&["apply", "--yes", "--no-smoke", "--canary", "--format", "json"][..], arguments].concat());
    let document = ran.json();
    let canary = document.get("canary").cloned().unwrap_or_else(|| panic!("no canary: {}\n{}", ran.stdout, ran.stderr));
    Some((rig, ran.code, canary))
}

/// One line for each step of the cache, each with its numbers, and nothing lost.
fn watched(canary: &Value, steps: usize) {
    let whole = &canary["whole"][0];
    assert_eq!((&whole["address"], &whole["lostWrites"]), (&"replicationGroup/cache".into(), &0.into()), "{canary:#}");
    let lines = canary["steps"].as_array().unwrap();
    assert_eq!(lines.len(), steps, "{canary:#}");
    for line in lines {
        assert_eq!(line["address"], "replicationGroup/cache", "{canary:#}");
        assert!(line["longestWriteGapMs"].as_f64().is_some_and(|gap| gap > 0.0), "{canary:#}");
        assert!(whole["longestWriteGapMs"].as_f64() >= line["longestWriteGapMs"].as_f64(), "{canary:#}");
        assert!(line["longestReadGapMs"].as_f64().is_some_and(|gap| gap > 0.0), "{canary:#}");
        assert_eq!(line["lostWrites"], 0, "{canary:#}");
    }
}

const SMALL: &str = "    engineVersion: \"8.0\"\n    cacheNodeType: cache.r7g.large\n    numCacheClusters: 2\n    transitEncryptionEnabled: false\n";

#[test]
fn a_larger_node_type_is_foretold_as_brief_and_watched() {
    let after = SMALL.replace("r7g.large", "r7g.xlarge");
    let Some((rig, code, canary)) = changed(SMALL, &after, &["--events", "events.jsonl"]) else { return };
    assert_eq!(code, 0, "{canary:#}");
    watched(&canary, 1);
    assert_eq!(
        (&canary["steps"][0]["foretold"], &canary["steps"][0]["operation"]),
        (&"brief".into(), &"ModifyReplicationGroup".into())
    );
    let events = rig.read("events.jsonl");
    let line = events.lines().find(|line| line.contains("\"canary\"")).expect("a line of the canary");
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["type"], &line["step"]), (&"canary".into(), &canary["steps"][0]["step"]));
    assert!(events.contains("\"canaryWhole\""), "{events}");
    rig.settled();
}

#[test]
fn an_engine_upgrade_is_watched() {
    let after = SMALL.replace("8.0", "8.1");
    let Some((_rig, code, canary)) = changed(SMALL, &after, &[]) else { return };
    assert_eq!(code, 0, "{canary:#}");
    watched(&canary, 1);
    assert_eq!(canary["steps"][0]["foretold"], "brief");
}

#[test]
fn every_shard_is_watched_while_slots_move() {
    let shards = |count: u32| {
        format!(
            "    engineVersion: \"8.0\"\n    cacheNodeType: cache.r7g.large\n    numNodeGroups: {count}\n    replicasPerNodeGroup: 1\n    multiAZEnabled: true\n    transitEncryptionEnabled: false\n"
        )
    };
    let Some((rig, code, canary)) = changed(&shards(2), &shards(3), &[]) else { return };
    assert_eq!(code, 0, "{canary:#}");
    watched(&canary, 1);
    assert_eq!(canary["steps"][0]["operation"], "ModifyReplicationGroupShardConfiguration");
    rig.settled();
}

#[test]
fn a_hop_to_tls_is_watched() {
    let after = SMALL.replace(
        "transitEncryptionEnabled: false\n",
        "transitEncryptionEnabled: true\n    transitEncryptionMode: preferred\n    smoke: {caFile: ca.pem}\n",
    );
    let Some((_rig, code, canary)) = changed(SMALL, &after, &[]) else { return };
    assert_eq!(code, 0, "{canary:#}");
    watched(&canary, 1);
}

#[test]
fn a_failover_that_comes_upon_a_step_shows_in_what_clients_noticed() {
    if server_binary().is_none() {
        return;
    }
    let small = SMALL.replace("    transitEncryptionEnabled", "    multiAZEnabled: true\n    transitEncryptionEnabled");
    let options = Options { time_scale: QUICK, data_plane: true, ..Options::default() };
    let rig = Rig::with(&format!("{HEAD}{small}"), options);
    rig.apply().exits(0);
    rig.sandbox.set_failover(Failover {
        abrupt: true,
        silence_ms: Some(700),
        names_ms: Some(100),
        replacement_ms: Some(300),
        ..Failover::default()
    });
    rig.spec(&format!("{HEAD}{}", small.replace("r7g.large", "r7g.xlarge")));
    // The call is under way for three seconds before anything of it is done.
    rig.sandbox.inject(Fault::hold(3_000).on("ModifyReplicationGroup").times(1));
    let mut running = rig.start(&["apply", "--yes", "--no-smoke", "--canary", "--format", "json"]);
    rig.begun("ModifyReplicationGroup", &mut running);
    rig.sandbox.lose_primary("cache", "0001").unwrap();
    let ran = running.end();
    let step = ran.json()["canary"]["steps"][0].clone();
    assert_eq!(step["foretold"], "brief", "{step:#}\n{}", ran.stderr);
    assert!(step["longestWriteGapMs"].as_f64().is_some_and(|gap| gap > 600.0), "{step:#}\n{}", ran.stderr);
    assert!(step["errors"].as_u64().is_some_and(|errors| errors > 0), "{step:#}");
}

#[test]
fn only_a_bound_that_is_declared_has_to_do_with_the_exit_code() {
    let after = SMALL.replace("r7g.large", "r7g.xlarge");
    // Nobody writes a thousand times a second: this bound is missed by the pace alone.
    let strict = format!("{after}    drill: {{require: {{maxWriteGap: 1ms}}}}\n");
    let Some((rig, code, canary)) = changed(SMALL, &strict, &[]) else { return };
    assert_eq!(code, 5, "{canary:#}");
    let gate = &canary["gates"][0];
    assert_eq!((&gate["name"], &gate["passed"]), (&"maxWriteGap".into(), &false.into()), "{canary:#}");
    assert_eq!(gate["address"], "replicationGroup/cache");
    rig.spec(&format!("{HEAD}{}    drill: {{require: {{maxWriteGap: 1ms}}}}\n", SMALL));
    rig.apply().exits(0);
    let table = rig.run(&["apply", "--yes", "--no-smoke", "--canary"]).exits(0);
    assert!(!table.stdout.contains("Canary"), "nothing changed: {}", table.stdout);
}

#[test]
fn a_cache_that_cannot_be_watched_holds_nothing_up_but_its_bounds() {
    let rig = Rig::new(&format!("{HEAD}{SMALL}"));
    rig.apply().exits(0);
    rig.spec(&format!("{HEAD}{}", SMALL.replace("r7g.large", "r7g.xlarge")));
    let ran = rig.run(&["apply", "--yes", "--no-smoke", "--canary"]).exits(0);
    assert!(ran.stderr.contains("is not watched"), "{}", ran.stderr);
    rig.spec(&format!("{HEAD}{SMALL}    drill: {{require: {{maxLostWrites: 0}}}}\n"));
    let ran = rig.run(&["apply", "--yes", "--no-smoke", "--canary"]).exits(5);
    assert!(ran.stdout.contains("undecided"), "{}", ran.stdout);
    rig.spec(&format!(
        "{HEAD}{}    drill: {{require: {{maxLostWrites: 0}}}}\n",
        SMALL.replace("r7g.large", "r7g.xlarge")
    ));
    let asked = ["apply", "--yes", "--no-smoke", "--canary", "--format", "json", "--events", "events.jsonl"];
    let canary = rig.run(&asked).exits(5).json()["canary"].clone();
    assert_eq!(canary["unwatched"][0]["address"], "replicationGroup/cache", "{canary:#}");
    assert!(canary["gates"][0]["undecided"].is_string() && canary["gates"][0]["passed"] == false, "{canary:#}");
    let events = rig.read("events.jsonl");
    assert!(events.contains("\"canaryGate\"") && events.contains("\"canaryUnwatched\""), "{events}");
}

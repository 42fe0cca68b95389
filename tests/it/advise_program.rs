//! The binary's `advise`, and what a plan looks at before a cache becomes smaller, against the sandbox.

use cachectl_sandbox::{Fault, Seeded};
use serde_json::{Value, json};

use crate::harness::{World, path, small};

/// Two weeks of a group that is full, evicts, and misses.
fn full(world: &World) {
    let seeded = |name: &str, value: f64| Seeded::new(name, &[value]).of_group("cache");
    let metrics = [
        ("BytesUsedForCache", 1.05e9),
        ("DatabaseMemoryUsagePercentage", 96.0),
        ("Evictions", 100.0),
        ("CacheHits", 600.0),
        ("CacheMisses", 400.0),
        ("CPUUtilization", 10.0),
        ("EngineCPUUtilization", 12.0),
        ("CurrConnections", 50.0),
        ("GetTypeCmds", 1000.0),
        ("SetTypeCmds", 400.0),
        ("NetworkBytesIn", 1e6),
        ("NetworkBytesOut", 1e6),
    ];
    let metrics: Vec<Seeded> = metrics.into_iter().map(|(name, value)| seeded(name, value)).collect();
    world.sandbox.seed_metrics(&metrics).expect("a past");
}

fn applied() -> (World, std::path::PathBuf) {
    let world = World::new();
    let spec = world.spec("small.yaml", &small("").replace("engine: valkey\n", "engine: valkey   # kept\n"));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    (world, spec)
}

#[test]
fn advice_is_read_in_one_call_written_with_comments_kept_and_then_planned() {
    let (world, spec) = applied();
    full(&world);
    world.sandbox.clear_calls();
    let report = world.run(&["advise", path(&spec), "--format", "json"]).exits(0).json();
    let reads = world.sandbox.calls().iter().filter(|call| call.operation == "GetMetricData").count();
    assert_eq!(reads, 1, "44 metrics of two nodes");
    let cache = &report["caches"][0];
    assert!(cache["hours"].as_u64() >= Some(300), "{cache:#}");
    let ids: Vec<&Value> = cache["advice"].as_array().expect("advice").iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [&json!("memory-full"), &json!("scale-up")], "{report:#}");
    let before = std::fs::read_to_string(&spec).expect("the spec");
    let diff = world.run(&["advise", path(&spec), "--format", "patch"]).exits(0);
    diff.says("-    cacheNodeType: cache.t4g.small").says("+    cacheNodeType: cache.t4g.medium");
    assert_eq!(std::fs::read_to_string(&spec).expect("the spec"), before, "only --write writes");
    world.run(&["advise", path(&spec), "--write"]).exits(0).says("scale-up").says("Now: cachectl plan");
    let after = std::fs::read_to_string(&spec).expect("the spec");
    assert_eq!(after, before.replace("cache.t4g.small", "cache.t4g.medium"));
    world.run(&["validate", path(&spec)]).exits(0);
    let plan = world.run(&["plan", path(&spec), "--format", "json"]).exits(0).json();
    let changes = plan["changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 1, "{plan:#}");
    assert_eq!(changes[0]["attributes"].as_array().expect("attributes").len(), 1, "{plan:#}");
    assert_eq!(changes[0]["attributes"][0]["path"], "cacheNodeType");
    world.run(&["advise", path(&spec), "--format", "markdown"]).exits(0).says("| memory-full |");
    let one = world.run(&["advise", path(&spec), "--advice", "idle", "--write"]).exits(0);
    assert!(one.stderr.contains("nothing is written"), "{}", one.stderr);
}

#[test]
fn slips_and_refusals_end_with_what_to_do() {
    let (world, spec) = applied();
    world.run(&["advise", path(&spec), "--since", "2y"]).exits(64).says("14d");
    world.run(&["advise", path(&spec), "--advice", "scale-dwn"]).exits(64).says("scale-down");
    world.run(&["advise", path(&spec), "replicationGroup/cach"]).exits(64).says("replicationGroup/cache");
    world.run(&["advise", path(&spec)]).exits(0).says("no measurements");
    world.sandbox.inject(Fault::access_denied().on("GetMetricData"));
    world.run(&["advise", path(&spec)]).exits(1).says("GetMetricData");
}

#[test]
fn a_plan_that_makes_a_cache_smaller_looks_once_and_blocks_what_does_not_fit() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small("").replace("t4g.small", "t4g.medium"));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    let plan = |spec: &std::path::Path| {
        world.sandbox.clear_calls();
        let ran = world.run(&["plan", path(spec), "--format", "json"]);
        let reads = world.sandbox.calls().iter().filter(|call| call.operation == "GetMetricData").count();
        (ran, reads)
    };
    let (same, reads) = plan(&spec);
    assert_eq!((same.code, reads), (0, 0), "nothing becomes smaller");
    world.spec("small.yaml", &small(""));
    let (unknown, reads) = plan(&spec);
    assert_eq!((unknown.code, reads), (0, 1));
    assert!(unknown.stdout.contains("no measurements of the last day"), "{}", unknown.stdout);
    // t4g.small holds 1.10 GB less the reserve.
    let fill = |bytes: f64| {
        world.sandbox.seed_metrics(&[Seeded::new("BytesUsedForCache", &[bytes]).of_group("cache")]).expect("a past");
    };
    fill(9.5e8);
    let tight = plan(&spec).0;
    assert!(tight.code == 0 && tight.stdout.contains("it will be tight: 950.0 MB a shard"), "{}", tight.stdout);
    fill(2e9);
    let blocked = plan(&spec).0;
    assert_eq!(blocked.code, 3, "{}", blocked.stdout);
    let document: Value = serde_json::from_str(&blocked.stdout).expect("JSON");
    let change = &document["changes"][0];
    assert_eq!(change["blocked"]["rule"], "data-does-not-fit", "{change:#}");
    assert_eq!(document["steps"], json!([]));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(3);
    world.sandbox.inject(Fault::access_denied().on("GetMetricData"));
    let denied = plan(&spec).0;
    assert!(denied.code == 0 && denied.stdout.contains("was not checked"), "{}", denied.stdout);
}

//! What caches cost: the arithmetic of each kind, what is unknown, and the documents that carry it.

use cachectl::advise::cost::{Fate, of_stack};
use cachectl::model::Live;
use cachectl::model::cost::{CacheCost, Cost};
use cachectl::model::prices::Prices;
use cachectl::render::cost::{markdown, table};
use cachectl_sandbox::Options;
use serde_json::{Value, json};

use crate::harness::{World, path, small};
use crate::plan_account::{Account, spec};
use crate::plan_docs::violations;

const TODAY: &str = "2026-11-27";
const GROUP: &str = "replicationGroups:\n  cache: {description: d, engine: valkey, engineVersion: \"8.0\", cacheNodeType: cache.r7g.large, numCacheClusters: 3}\n";
const SHARDS: &str = "replicationGroups:\n  cache: {description: d, engine: valkey, engineVersion: \"8.0\", cacheNodeType: cache.r7g.large, numNodeGroups: 3, replicasPerNodeGroup: 1, automaticFailoverEnabled: true}\n";

fn of(now: &str, then: &str) -> Cost {
    let mut account = Account::with(now);
    let then = spec(then);
    let live = account.live(&then);
    of_stack(&then, &live, &[], Prices::built_in(), TODAY, &|_| Fate::Kept)
}

fn created(sections: &str) -> CacheCost {
    let spec = spec(sections);
    let live = Live { region: "us-east-1".into(), ..Live::default() };
    let mut cost = of_stack(&spec, &live, &[], Prices::built_in(), TODAY, &|_| Fate::Kept);
    assert_eq!(cost.caches.len(), 1, "{cost:?}");
    cost.caches.remove(0)
}

fn both(cost: &Cost) -> (Option<f64>, Option<f64>) {
    let usd = |of: &CacheCost, before: bool| {
        if before { of.before.clone() } else { of.after.clone() }.and_then(|one| one.usd_month)
    };
    (usd(&cost.caches[0], true), usd(&cost.caches[0], false))
}

#[test]
fn a_group_costs_its_nodes_for_730_hours_before_and_after() {
    let larger = GROUP.replace("r7g.large", "r7g.xlarge");
    assert_eq!(both(&of(GROUP, &larger)), (Some(383.69), Some(765.62)));
    let fewer = GROUP.replace("numCacheClusters: 3", "numCacheClusters: 2");
    assert_eq!(both(&of(GROUP, &fewer)), (Some(383.69), Some(255.79)));
    let undeclared = GROUP.replace(", numCacheClusters: 3", "");
    assert_eq!(both(&of(GROUP, &undeclared)), (Some(383.69), Some(383.69)), "what is not declared stays");
}

#[test]
fn shards_count_with_their_replicas_whichever_of_both_is_declared() {
    let six = Some(767.38);
    assert_eq!(both(&of(SHARDS, &SHARDS.replace("numNodeGroups: 3", "numNodeGroups: 4"))), (six, Some(1023.17)));
    assert_eq!(
        both(&of(SHARDS, &SHARDS.replace("replicasPerNodeGroup: 1", "replicasPerNodeGroup: 2"))),
        (six, Some(1151.06))
    );
    let shards_alone = SHARDS.replace("numNodeGroups: 3, replicasPerNodeGroup: 1", "numNodeGroups: 2");
    assert_eq!(both(&of(SHARDS, &shards_alone)), (six, Some(511.58)));
    let replicas_alone = SHARDS.replace("numNodeGroups: 3, replicasPerNodeGroup: 1", "replicasPerNodeGroup: 0");
    assert_eq!(both(&of(SHARDS, &replicas_alone)), (six, Some(383.69)));
}

#[test]
fn redis_costs_a_quarter_more_than_the_valkey_that_it_becomes() {
    let redis = GROUP.replace("valkey", "redis").replace("8.0", "7.1");
    let cost = of(&redis, &GROUP.replace("8.0", "7.2"));
    assert_eq!(both(&cost), (Some(479.61), Some(383.69)));
    assert!(table(&cost, 100).contains("$479.61 -> $383.69   -$95.92"), "{}", table(&cost, 100));
}

#[test]
fn extended_support_is_counted_with_its_doubtful_source() {
    let old = created(&GROUP.replace("valkey", "redis").replace("8.0", "5.0.6").replace("r7g", "r6g"));
    let after = old.after.expect("an estimate");
    assert_eq!(after.usd_month, Some(812.05), "3 x 0.206 x 730 x 1.8: {after:?}");
    assert!(after.arithmetic[1].contains("80 %") && after.arithmetic[1].contains("unverified"), "{after:?}");
}

#[test]
fn durability_is_counted_where_its_add_on_is_known_and_else_is_said_to_be_unknown() {
    let durable = |node_type: &str| {
        let text = SHARDS.replace("r7g.large", node_type).replace("\"8.0\"", "\"9.0\"");
        created(&text.replace(
            "automaticFailoverEnabled: true",
            "automaticFailoverEnabled: true, multiAZEnabled: true, transitEncryptionEnabled: true, durability: sync",
        ))
        .after
        .expect("an estimate")
    };
    let known = durable("r8g.large");
    assert!(known.unknown.is_empty() && known.arithmetic[1].contains("us-west-2"), "{known:?}");
    let unknown = durable("r7g.large");
    assert_eq!(unknown.usd_month, Some(767.38));
    assert!(unknown.unknown[0].contains("durability"), "{unknown:?}");
}

#[test]
fn a_serverless_cache_costs_at_least_its_minimum_and_at_most_its_limits() {
    let limits = |limits: &str| {
        created(&format!("serverlessCaches:\n  cache: {{engine: valkey{limits}}}\n")).after.expect("an estimate")
    };
    let free = limits("");
    assert_eq!((free.usd_month, free.usd_month_at_most), (Some(6.13), None));
    assert!(free.unknown[0].contains("use is billed"), "{free:?}");
    let bound = limits(
        ", cacheUsageLimits: {dataStorage: {minimum: 2, maximum: 10, unit: GB}, ecpuPerSecond: {minimum: 1000, maximum: 10000}}",
    );
    assert_eq!((bound.usd_month, bound.usd_month_at_most), (Some(128.68), Some(673.64)), "{bound:?}");
}

#[test]
fn what_is_not_known_is_said_and_never_counted_as_nothing() {
    let unsold = created(&GROUP.replace("r7g.large", "r9x.large")).after.expect("an estimate");
    assert_eq!((unsold.usd_month, unsold.unknown.len()), (None, 1), "{unsold:?}");
    let spec = spec(GROUP);
    let live = Live { region: "eu-west-1".into(), ..Live::default() };
    let cost = of_stack(&spec, &live, &[], Prices::built_in(), TODAY, &|_| Fate::Kept);
    assert!(!cost.complete);
    let text = table(&cost, 80);
    assert!(text.contains("(none) -> unknown") && text.contains("--price-file"), "{text}");
}

#[test]
fn the_article_costs_what_its_arithmetic_says() {
    let world = World::with(Options { time_scale: 0.0, ..Options::default() });
    let article = concat!(env!("CARGO_MANIFEST_DIR"), "/specs/article.yaml");
    let plan = world.run(&["plan", article, "--cost", "--format", "json"]).exits(0).json();
    let schema: Value = serde_json::from_str(include_str!("../../schema/plan.schema.json")).expect("JSON");
    let mut found = Vec::new();
    violations(&schema, &schema, &plan, "plan", &mut found);
    assert!(found.is_empty(), "{found:#?}");
    let cost = &plan["cost"];
    let after: Vec<_> =
        cost["caches"].as_array().expect("caches").iter().map(|cache| cache["after"]["usdMonth"].clone()).collect();
    assert_eq!(after, [json!(765.62), json!(1151.06), json!(6.13)], "{cost:#}");
    assert_eq!((&cost["usdMonthBefore"], &cost["usdMonthAfter"]), (&json!(0.0), &json!(1922.81)));
    assert_eq!(
        (&cost["region"], &cost["date"], &cost["complete"]),
        (&json!("us-east-1"), &json!("2026-10-02"), &json!(false))
    );
    let shown = world.run(&["plan", article, "--cost"]).exits(0);
    shown
        .says("3 x cache.r7g.xlarge (valkey) x $0.3496/h x 730 h = $765.62")
        .says("$0.00 -> at least $1,922.81")
        .says("Not counted");
}

#[test]
fn a_price_file_replaces_the_prices_and_a_faulty_one_ends_the_command_before_any_call() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small("").replace("us-east-1", "eu-west-1"));
    world.run(&["plan", path(&spec), "--cost"]).exits(0).says("not in the sum: the prices are of us-east-1");
    let prices = world.spec("prices.json", r#"{"region":"eu-west-1","date":"2026-11-01","currency":"USD","nodes":{"cache.t4g.small":{"usdHourValkey":0.1}}}"#);
    let shown = world.run(&["plan", path(&spec), "--cost", "--price-file", path(&prices)]).exits(0);
    shown
        .says("list prices of eu-west-1 as of 2026-11-01")
        .says("2 x cache.t4g.small (valkey) x $0.1/h x 730 h = $146.00");
    world.sandbox.clear_calls();
    let faulty = world.spec("faulty.json", "{}");
    world
        .run(&["plan", path(&spec), "--cost", "--price-file", path(&faulty)])
        .exits(64)
        .says("--price-file")
        .says("region");
    world.run(&["plan", path(&spec), "--price-file", path(&prices)]).exits(64).says("--cost");
    assert!(world.sandbox.calls().is_empty());
}

#[test]
fn a_pruned_cache_costs_nothing_afterwards_and_status_tells_what_stands() {
    let world = World::new();
    let both = small("").replace("replicationGroups:\n", "replicationGroups:\n  old: {description: d, engine: valkey, engineVersion: \"7.2\", cacheNodeType: cache.t4g.small, numCacheClusters: 1}\n");
    let spec = world.spec("small.yaml", &both);
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    world.spec("small.yaml", &small(""));
    let cost = |arguments: &[&str]| world.run(arguments).json()["cost"].clone();
    let kept = cost(&["plan", path(&spec), "--cost", "--format", "json"]);
    assert_eq!(kept["usdMonthBefore"], kept["usdMonthAfter"], "an orphan is still paid for: {kept:#}");
    let pruned = cost(&["plan", path(&spec), "--cost", "--prune", "--allow", "delete:*", "--format", "json"]);
    let old = pruned["caches"]
        .as_array()
        .expect("caches")
        .iter()
        .find(|cache| cache["address"] == "replicationGroup/old")
        .expect("the orphan");
    assert_eq!((&old["before"]["usdMonth"], &old["after"]), (&json!(18.69), &Value::Null), "{pruned:#}");
    let status = world.run(&["status", path(&spec), "--cost", "--format", "json"]).exits(0).json();
    assert_eq!(status["cost"]["usdMonthBefore"], kept["usdMonthBefore"]);
    let schema: Value = serde_json::from_str(include_str!("../../schema/status.schema.json")).expect("JSON");
    let mut found = Vec::new();
    violations(&schema, &schema, &status, "status", &mut found);
    assert!(found.is_empty(), "{found:#?}");
    world.run(&["status", path(&spec), "--cost"]).exits(0).says("Cost a month, estimated from list prices");
}

#[test]
fn markdown_has_a_row_for_each_cache() {
    let cost = of(GROUP, &GROUP.replace("r7g.large", "r7g.xlarge"));
    let text = markdown(&cost);
    assert!(text.contains("| `replicationGroup/cache` | $383.69 -> $765.62   +$381.93 |"), "{text}");
    assert!(text.ends_with('\n'));
}

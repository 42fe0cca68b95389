//! What a plan says of load and data before it moves slots or makes a cache smaller.

use cachectl::advise::preflight;
use cachectl::model::metrics::Metrics;
use cachectl::model::plan::Plan;

use super::plan_account::{options, spec};
use super::plan_case::{group, regroup};

/// The plan from so many shards to so many others, with these bytes in each shard and this load on the engine.
fn resharded(from: usize, to: usize, used: &[f64], cpu: f64, node_type: &str) -> Plan {
    let shards = |count: usize| format!("numNodeGroups: {count}\nreplicasPerNodeGroup: 1");
    let mut case = regroup(&shards(from), &shards(to));
    let mut live = case.account.live(&spec(&group(&shards(from))));
    live.cache_clusters.values_mut().for_each(|cluster| cluster["CacheNodeType"] = node_type.into());
    let after = spec(&case.after);
    let mut plan = cachectl::plan::plan(&after, &live, &options(&[]), Vec::new());
    let mut metrics = Metrics::default();
    for metric in preflight::wanted(&plan, &live) {
        let shard: usize = metric.node.split('-').nth(1).and_then(|id| id.parse().ok()).expect("g-0001-001");
        let value = if metric.name == "BytesUsedForCache" { used[shard - 1] } else { cpu };
        metrics.add(&metric, [(0, value), (3600, value)]);
    }
    preflight::judge(&mut plan, &after, &live, &metrics);
    plan
}

fn notes(plan: &Plan) -> String {
    plan.notes.join("\n")
}

const LARGE: &str = "cache.r7g.large";

#[test]
fn resharding_under_load_is_told_with_the_load_and_the_bound_of_the_node() {
    let small = [1e9; 3];
    let busy = resharded(3, 4, &small, 85.0, LARGE);
    assert!(
        notes(&busy)
            .contains("from 3 to 4 shards while the engine's thread is at 85 %: AWS requires it to be below 80 %"),
        "{}",
        notes(&busy)
    );
    assert!(!busy.is_blocked() && !busy.steps.is_empty(), "it is a word, no more");
    assert!(!notes(&resharded(3, 4, &small, 79.0, LARGE)).contains("engine's thread"));
    // With one core, half of it is much.
    let one_core = resharded(3, 4, &small, 60.0, "cache.t2.small");
    assert!(notes(&one_core).contains("at 60 %: AWS requires it to be below 50 %"), "{}", notes(&one_core));
}

#[test]
fn fewer_shards_want_room_on_those_that_stay_and_data_that_do_not_fit_block() {
    let said = |used: [f64; 3]| resharded(3, 2, &used, 10.0, LARGE);
    assert_eq!(notes(&said([2e9, 2e9, 2e9])).matches("AWS requires").count(), 0);
    // 14 GB of 21 would be held by the shards that stay: 7 are free, and those that go hold 7.
    let tight = said([7e9, 7e9, 7e9]);
    assert!(notes(&tight).contains("AWS requires 1.5 times as much free"), "{}", notes(&tight));
    assert!(notes(&tight).contains("it will be tight"), "{}", notes(&tight));
    assert!(!tight.is_blocked());
    let full = said([8e9, 8e9, 8e9]);
    let blocked = full.changes.iter().find_map(|change| change.blocked.as_ref()).expect("12 GB do not fit into 10.5");
    assert_eq!(blocked.rule, "data-does-not-fit");
    assert!(full.steps.is_empty(), "nothing of it is done");
}

#[test]
fn of_a_node_type_that_is_not_known_it_is_said_that_nothing_was_checked() {
    let mut case = regroup("numCacheClusters: 2", "numCacheClusters: 2\ncacheNodeType: cache.r7g.xlarge");
    let mut live = case.account.live(&spec(&case.after));
    live.cache_clusters.values_mut().for_each(|cluster| cluster["CacheNodeType"] = "cache.x99.large".into());
    let plan = cachectl::plan::plan(&spec(&case.after), &live, &options(&[]), Vec::new());
    assert!(preflight::wanted(&plan, &live).is_empty());
    let told = preflight::unjudged(&plan, &live).join("\n");
    assert!(told.contains("was not checked: cache.x99.large is not in the table of node types"), "{told}");
    let live = case.account.live(&spec(&case.after));
    let plan = cachectl::plan::plan(&spec(&case.after), &live, &options(&[]), Vec::new());
    assert_eq!(preflight::unjudged(&plan, &live), Vec::<String>::new());
}

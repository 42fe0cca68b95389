//! What is advised for caches whose measurements are known: one case a line of the catalogue, with its arithmetic,
//! and for every change of the spec the plan that it leads to.

use std::collections::{BTreeMap, BTreeSet};

use cachectl::advise::{Input, report};
use cachectl::model::advice::{Advice, CacheAdvice, FigureStatus, IDS, Severity};
use cachectl::model::metrics::{Metric, Metrics, PERIOD, Statistic};
use cachectl::model::prices::Prices;
use cachectl::model::sample::{Sample, Samples};
use cachectl::model::{Kind, Live, Spec};
use cachectl::plan;
use cachectl::render::advice::{markdown, table};
use cachectl::spec;
use cachectl::spec::edit::{Change, differs_by, edited};
use serde_json::{Value, json};

use crate::plan_account::{Account, options};
use crate::plan_docs::violations;

const HEAD: &str = "apiVersion: cachectl/v1\nstack: prod\nregion: us-east-1\n";
const GROUP: &str = "replicationGroups:\n  cache:   # carts\n    description: d\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.r7g.large   # the smallest\n    numCacheClusters: 3\n    automaticFailoverEnabled: true\n";
const SHARDS: &str = "replicationGroups:\n  cache:\n    description: d\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.r7g.xlarge\n    numNodeGroups: 3\n    replicasPerNodeGroup: 1\n    automaticFailoverEnabled: true\n";

/// A cache with two weeks of measurements.
struct Case {
    text: String,
    spec: Spec,
    live: Live,
    /// By node and metric: what every hour measures, and how many there are.
    measured: BTreeMap<(String, &'static str), (f64, i64)>,
    hours: i64,
    samples: Samples,
}

impl Case {
    fn of(sections: &str) -> Self {
        let text = format!("{HEAD}{sections}");
        let spec = sound(&text);
        let mut account = Account::new();
        account.apply_all(&spec, &options(&[]));
        let live = account.live(&spec);
        Self { text, spec, live, measured: BTreeMap::new(), hours: 336, samples: Samples::default() }
    }

    /// A group that is well: 57 % full on the smallest node type, 95 % hits, a thousand commands a second.
    fn well(sections: &str) -> Self {
        let mut case = Self::of(sections);
        for (name, value) in [
            ("BytesUsedForCache", 6e9),
            ("DatabaseMemoryUsagePercentage", 57.0),
            ("Evictions", 0.0),
            ("Reclaimed", 1e3),
            ("CacheHits", 9.5e5),
            ("CacheMisses", 5e4),
            ("EngineCPUUtilization", 30.0),
            ("CPUUtilization", 20.0),
            ("CurrConnections", 500.0),
            ("NetworkBytesIn", 3.6e9),
            ("NetworkBytesOut", 3.6e9),
            ("GetTypeCmds", 3.6e6),
            ("NetworkBandwidthInAllowanceExceeded", 0.0),
            ("NetworkBandwidthOutAllowanceExceeded", 0.0),
            ("SetTypeCmds", 4e5),
            ("EvalBasedCmds", 0.0),
            ("FreeableMemory", 3e9),
            ("SwapUsage", 0.0),
        ] {
            case = case.with(name, value);
        }
        case
    }

    /// Every node measures this, hour by hour.
    fn with(self, name: &'static str, value: f64) -> Self {
        self.on("", name, value)
    }

    /// The nodes whose id ends so.
    fn on(mut self, end: &str, name: &'static str, value: f64) -> Self {
        let nodes: Vec<String> = self
            .live
            .cache_clusters
            .keys()
            .chain(self.live.of(Kind::ServerlessCache).keys())
            .filter(|id| id.ends_with(end))
            .cloned()
            .collect();
        assert!(!nodes.is_empty(), "no node ends in {end}");
        self.measured.extend(nodes.into_iter().map(|node| ((node, name), (value, self.hours))));
        self
    }

    fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        for ((node, name), (value, hours)) in &self.measured {
            let metric = Metric { node: node.clone(), serverless: false, name, statistic: Statistic::Average };
            metrics.add(&metric, (0..*hours).map(|hour| (hour * i64::from(PERIOD), *value)));
        }
        metrics
    }

    fn advised(&self) -> CacheAdvice {
        let input = Input {
            spec: &self.spec,
            live: &self.live,
            metrics: &self.metrics(),
            prices: Prices::built_in(),
            samples: &self.samples,
            since: "14d",
            today: "2026-11-27",
        };
        let mut report = report(&input, &[]);
        let schema: Value = serde_json::from_str(include_str!("../../schema/advice.schema.json")).expect("JSON");
        let mut found = Vec::new();
        violations(&schema, &schema, &serde_json::to_value(&report).expect("JSON"), "advice", &mut found);
        assert!(found.is_empty(), "{found:#?}");
        let (text, page) = (table(&report, "Read", 100), markdown(&report));
        assert!(
            text.lines().all(|line| anstream::adapter::strip_str(line).to_string().chars().count() <= 118),
            "{text}"
        );
        assert_eq!(report.caches.len(), 1);
        let cache = report.caches.remove(0);
        for advice in &cache.advice {
            assert!(IDS.iter().any(|(id, _)| *id == advice.id));
            assert!(
                page.contains(&format!("| {} |", advice.id)) && text.contains(&format!("{}: ", advice.id)),
                "{text}\n{page}"
            );
        }
        cache
    }

    /// The advice by its ids; each change of the spec is tried out.
    fn gives(&self, ids: &[&str]) -> Vec<Advice> {
        let cache = self.advised();
        let found: Vec<&str> = cache.advice.iter().map(|advice| advice.id).collect();
        assert_eq!(found, ids, "{:#?}", cache);
        for advice in &cache.advice {
            assert!(!advice.arithmetic.is_empty() || advice.id == "to-valkey", "{advice:#?}");
            self.tried(advice);
        }
        cache.advice
    }

    /// After the patch the spec is valid, and its plan shows just that.
    fn tried(&self, advice: &Advice) {
        let changes: Vec<Change> =
            advice.patch.iter().map(|entry| Change::new(&entry.path, entry.after.clone())).collect();
        if changes.is_empty() {
            return;
        }
        let text = edited(&self.text, None, &changes).expect("an edit");
        let comments = |text: &str| text.matches('#').count();
        assert_eq!(comments(&text), comments(&self.text));
        let new = sound(&text);
        assert!(differs_by(&self.spec, &new, &changes));
        let mut account = Account::new();
        account.apply_all(&self.spec, &options(&[]));
        let plan = plan::plan(&new, &account.live(&new), &options(&[]), Vec::new());
        assert!(!plan.is_blocked(), "{plan:#?}");
        let told: BTreeSet<String> =
            plan.changes.iter().flat_map(|change| change.attributes.iter().map(|one| one.path.clone())).collect();
        let meant: BTreeSet<String> =
            advice.patch.iter().map(|entry| entry.path.splitn(3, '.').last().unwrap_or_default().to_owned()).collect();
        let meant: BTreeSet<String> = meant
            .into_iter()
            .map(|path| if path.starts_with("cacheUsageLimits") { "cacheUsageLimits".to_owned() } else { path })
            .collect();
        assert_eq!(told, meant, "{plan:#?}");
    }
}

fn sound(text: &str) -> Spec {
    let loaded = spec::from_text(text);
    loaded.spec.unwrap_or_else(|| panic!("{:#?}\n{text}", loaded.diagnostics))
}

fn patch(advice: &Advice) -> Vec<(&str, Value, Value)> {
    advice.patch.iter().map(|entry| (entry.path.as_str(), entry.before.clone(), entry.after.clone())).collect()
}

#[test]
fn of_a_cache_that_is_well_nothing_is_said() {
    let cache = Case::well(GROUP).with("ReplicationLag", 0.1).advised();
    assert!(cache.advice.is_empty() && cache.notes.is_empty(), "{cache:#?}");
    assert!(cache.figures.iter().all(|figure| figure.status != FigureStatus::Warn), "{cache:#?}");
    assert!(
        cache
            .figures
            .iter()
            .any(|figure| figure.name == "memory" && figure.value == Some(57.0) && !figure.sparkline.is_empty())
    );
}

#[test]
fn memory_that_is_full_with_evictions_and_misses_gets_the_next_node_type() {
    let case = Case::well(GROUP)
        .with("BytesUsedForCache", 1.04e10)
        .with("DatabaseMemoryUsagePercentage", 99.0)
        .with("Evictions", 1e4)
        .with("CacheHits", 6e5)
        .with("CacheMisses", 4e5);
    let advice = case.gives(&["memory-full", "scale-up"]);
    assert!(advice[0].arithmetic.iter().any(|line| line.contains("10.40 GB of 10.53 GB")), "{:?}", advice[0]);
    assert_eq!(
        patch(&advice[1]),
        [("replicationGroups.cache.cacheNodeType", json!("cache.r7g.large"), json!("cache.r7g.xlarge"))]
    );
    assert_eq!((advice[1].monthly_cost_before, advice[1].monthly_cost_after), (Some(383.69), Some(765.62)));
}

#[test]
fn evictions_of_a_cache_that_answers_nine_reads_in_ten_are_how_a_cache_works() {
    let case = Case::well(GROUP).with("DatabaseMemoryUsagePercentage", 99.0).with("Evictions", 1e4);
    assert!(case.gives(&[]).is_empty());
}

#[test]
fn a_low_hit_rate_with_room_is_no_question_of_memory() {
    let case = Case::well(GROUP).with("CacheHits", 6e5).with("CacheMisses", 4e5);
    let advice = case.gives(&["hit-rate"]);
    assert!(advice[0].patch.is_empty() && advice[0].arithmetic[1].contains("there is room"), "{advice:#?}");
}

#[test]
fn an_idle_cache_is_told_with_what_it_costs() {
    let mut case = Case::well(GROUP);
    for name in ["GetTypeCmds", "SetTypeCmds", "CacheHits", "CacheMisses"] {
        case = case.with(name, 0.0);
    }
    let advice = case.gives(&["idle"]);
    assert_eq!(advice[0].monthly_cost_before, Some(383.69));
    let week = Case { hours: 100, ..Case::well(GROUP) };
    assert!(week.with("GetTypeCmds", 0.0).advised().advice.iter().all(|one| one.id != "idle"));
}

#[test]
fn a_hot_shard_is_named_and_more_shards_are_not_sold_for_it() {
    let case = Case::well(SHARDS).with("EngineCPUUtilization", 15.0).on("-0002-001", "EngineCPUUtilization", 95.0);
    let advice = case.gives(&["cpu-bound"]);
    assert!(advice[0].summary.contains("0002") && advice[0].patch.is_empty(), "{advice:#?}");
}

#[test]
fn shards_that_are_all_busy_get_more_of_them() {
    let advice = Case::well(SHARDS).with("EngineCPUUtilization", 85.0).gives(&["cpu-bound", "scale-out"]);
    assert_eq!(patch(&advice[1]), [("replicationGroups.cache.numNodeGroups", json!(3), json!(5))]);
    assert!(advice[1].arithmetic.iter().any(|line| line.contains("3 shards x 85 % / 60 % = 5")), "{advice:#?}");
    assert!(advice[1].arithmetic.iter().any(|line| line.contains("below 80 %")), "{advice:#?}");
    assert_eq!((advice[1].monthly_cost_before, advice[1].monthly_cost_after), (Some(1531.25), Some(2552.08)));
}

#[test]
fn the_busy_cores_of_a_small_node_want_more_cores() {
    let advice = Case::well(GROUP).with("CPUUtilization", 60.0).gives(&["cpu-bound", "scale-up"]);
    assert!(advice[0].arithmetic[0].contains("threshold 45 %"), "{advice:#?}");
    assert_eq!(patch(&advice[1])[0].2, json!("cache.r7g.xlarge"));
}

#[test]
fn busy_readers_get_a_replica_and_idle_replicas_get_the_reads() {
    let xlarge = GROUP.replace("r7g.large", "r7g.xlarge");
    let busy = Case::well(&xlarge).with("EngineCPUUtilization", 85.0);
    let advice = busy.gives(&["cpu-bound", "add-replica"]);
    assert_eq!(patch(&advice[1]), [("replicationGroups.cache.numCacheClusters", json!(3), json!(4))]);
    let unused = Case::well(&xlarge).with("EngineCPUUtilization", 5.0).on("-001", "EngineCPUUtilization", 85.0);
    let advice = unused.gives(&["cpu-bound"]);
    assert!(advice[0].summary.contains("reader endpoint"), "{advice:#?}");
}

#[test]
fn a_network_that_is_exceeded_gets_a_node_type_whose_baseline_carries_it() {
    let advice = Case::well(GROUP)
        .with("NetworkBandwidthOutAllowanceExceeded", 100.0)
        .with("NetworkBytesOut", 4.5e11)
        .gives(&["network-bound", "scale-up"]);
    assert!(advice[0].arithmetic[1].contains("1.00 Gbps") && advice[0].arithmetic[1].contains("0.937"), "{advice:#?}");
    assert_eq!(patch(&advice[1])[0].2, json!("cache.r7g.xlarge"));
    let two_hours = Case { hours: 2, ..Case::well(GROUP) }.with("NetworkBandwidthOutAllowanceExceeded", 100.0);
    assert!(two_hours.advised().advice.iter().all(|one| one.id != "network-bound"), "two hours are no habit");
}

#[test]
fn connections_near_the_limit_and_lag_are_told_without_a_change() {
    let advice = Case::well(GROUP).on("-002", "CurrConnections", 60_000.0).gives(&["connections"]);
    assert!(advice[0].arithmetic[0].contains("60000 connections of 65,000"), "{advice:#?}");
    let advice = Case::well(GROUP).on("-003", "ReplicationLag", 5.0).gives(&["replication-lag"]);
    assert!(advice[0].arithmetic[0].contains("336 of 336 hours"), "{advice:#?}");
}

#[test]
fn what_fits_into_less_costs_less_once_a_whole_week_was_seen() {
    let roomy = |hours: i64| Case { hours, ..Case::of(&GROUP.replace("r7g.large", "r7g.2xlarge")) };
    let fill = |case: Case| {
        let mut case = case;
        for (name, value) in [
            ("BytesUsedForCache", 5.5e9),
            ("DatabaseMemoryUsagePercentage", 13.0),
            ("Evictions", 0.0),
            ("CacheHits", 9.5e5),
            ("CacheMisses", 5e4),
            ("EngineCPUUtilization", 10.0),
            ("CPUUtilization", 5.0),
            ("NetworkBytesIn", 3.6e9),
            ("NetworkBytesOut", 3.6e9),
            ("GetTypeCmds", 3.6e6),
            ("SetTypeCmds", 4e5),
        ] {
            case = case.with(name, value);
        }
        case
    };
    let advice = fill(roomy(336)).gives(&["scale-down"]);
    assert_eq!(
        patch(&advice[0]),
        [("replicationGroups.cache.cacheNodeType", json!("cache.r7g.2xlarge"), json!("cache.r7g.large"))]
    );
    assert_eq!((advice[0].severity, advice[0].monthly_cost_after), (Severity::Info, Some(383.69)));
    let young = fill(roomy(100)).advised();
    assert!(young.advice.is_empty() && young.notes[0].contains("168"), "{young:#?}");
    let busy = fill(roomy(336))
        .with("CPUUtilization", 40.0)
        .with("EngineCPUUtilization", 45.0)
        .gives(&["scale-down", "to-serverless"]);
    assert_eq!(patch(&busy[0])[0].2, json!("cache.r7g.xlarge"), "two cores would be too few");
}

#[test]
fn shards_that_hold_little_become_fewer() {
    let four = SHARDS.replace("r7g.xlarge", "r7g.large").replace("numNodeGroups: 3", "numNodeGroups: 4");
    let advice = Case::well(&four)
        .with("BytesUsedForCache", 2e9)
        .with("DatabaseMemoryUsagePercentage", 19.0)
        .gives(&["scale-in"]);
    assert_eq!(patch(&advice[0]), [("replicationGroups.cache.numNodeGroups", json!(4), json!(2))]);
    assert_eq!((advice[0].monthly_cost_before, advice[0].monthly_cost_after), (Some(1023.17), Some(511.58)));
}

#[test]
fn little_use_costs_less_without_nodes_and_much_data_less_with_them() {
    let advice = Case::well(GROUP)
        .with("BytesUsedForCache", 2e8)
        .with("DatabaseMemoryUsagePercentage", 2.0)
        .with("GetTypeCmds", 3.6e4)
        .gives(&["to-serverless"]);
    assert!(advice[0].patch.is_empty() && advice[0].monthly_cost_after < advice[0].monthly_cost_before, "{advice:#?}");
    let mut large = Case::of("serverlessCaches:\n  cache: {engine: valkey, description: d}\n");
    for (name, value) in [
        ("BytesUsedForCache", 1e11),
        ("ElastiCacheProcessingUnits", 1.8e7),
        ("TotalCmdsCount", 1.8e7),
        ("CacheHits", 9.5e6),
        ("CacheMisses", 5e5),
        ("Evictions", 0.0),
        ("ThrottledCmds", 0.0),
    ] {
        large = large.with(name, value);
    }
    let advice = large.gives(&["to-nodes"]);
    assert!(advice[0].summary.contains("cache.r7g.8xlarge"), "{advice:#?}");
}

#[test]
fn a_serverless_cache_at_its_limits_gets_higher_ones() {
    let mut case = Case::of(
        "serverlessCaches:\n  cache:\n    engine: valkey\n    cacheUsageLimits:\n      dataStorage: {maximum: 10, unit: GB}   # enough?\n      ecpuPerSecond: {maximum: 5000}\n",
    );
    for (name, value) in [
        ("BytesUsedForCache", 9.3e9),
        ("ElastiCacheProcessingUnits", 1.8e7),
        ("TotalCmdsCount", 1.8e7),
        ("CacheHits", 9.5e6),
        ("CacheMisses", 5e5),
        ("Evictions", 0.0),
        ("ThrottledCmds", 50.0),
    ] {
        case = case.with(name, value);
    }
    let advice = case.gives(&["memory-full", "scale-up", "scale-up"]);
    assert_eq!(
        patch(&advice[1]),
        [("serverlessCaches.cache.cacheUsageLimits.dataStorage.maximum", json!(10), json!(16))]
    );
    assert_eq!(
        patch(&advice[2]),
        [("serverlessCaches.cache.cacheUsageLimits.ecpuPerSecond.maximum", json!(5000), json!(9000))]
    );
}

#[test]
fn redis_becomes_valkey_in_place_where_nothing_else_has_to_move() {
    let redis = GROUP.replace("engine: valkey", "engine: redis").replace("8.0", "7.1");
    let advice = Case::well(&redis).gives(&["to-valkey"]);
    assert_eq!(
        patch(&advice[0]).iter().map(|(path, ..)| *path).collect::<Vec<_>>(),
        ["replicationGroups.cache.engine", "replicationGroups.cache.engineVersion"]
    );
    assert_eq!((advice[0].monthly_cost_before, advice[0].monthly_cost_after), (Some(479.61), Some(383.69)));
    let own = format!(
        "parameterGroups:\n  p: {{family: redis7, description: d, parameters: {{maxmemory-policy: allkeys-lru}}}}\n{redis}    cacheParameterGroupName: p\n"
    );
    let advice = Case::well(&own).gives(&["to-valkey"]);
    assert!(advice[0].patch.is_empty(), "its parameter group has to move along: {advice:#?}");
}

#[test]
fn too_little_data_is_said_and_nothing_is_guessed() {
    let none = Case::of(GROUP).advised();
    assert!(none.advice.is_empty() && none.notes[0].contains("no measurements"), "{none:#?}");
    assert!(
        none.figures.iter().all(|figure| figure.status == FigureStatus::Unknown || figure.value.is_none()),
        "{none:#?}"
    );
    let mut young = Case { hours: 20, ..Case::of(GROUP) };
    for (name, value) in [
        ("CPUUtilization", 99.0),
        ("BytesUsedForCache", 1e10),
        ("DatabaseMemoryUsagePercentage", 99.0),
        ("Evictions", 1e4),
        ("CacheHits", 1e5),
        ("CacheMisses", 9e5),
    ] {
        young = young.with(name, value);
    }
    let young = young.advised();
    assert!(young.advice.is_empty() && young.notes[0].contains("20 hours"), "{young:#?}");
    assert!(young.figures.iter().all(|figure| figure.status != FigureStatus::Warn), "{young:#?}");
}

#[test]
fn a_full_cache_that_refuses_writes_is_told_and_its_policy_changes_only_where_no_key_can_be_lost() {
    let text = format!(
        "parameterGroups:\n  p:\n    family: valkey8\n    description: d\n    parameters:\n      maxmemory-policy: noeviction   # why?\n{GROUP}    cacheParameterGroupName: p\n"
    );
    let full = || Case::well(&text).with("BytesUsedForCache", 9e9).with("DatabaseMemoryUsagePercentage", 86.0);
    let advice = full().gives(&["memory-full", "eviction-policy", "scale-up"]);
    assert!(advice[1].patch.is_empty() && advice[1].summary.contains("if this is a cache"), "{advice:#?}");
    let sampled = |with_ttl: usize| {
        let mut case = full();
        let sample = Sample { maxmemory_policy: Some("noeviction".into()), keys: 500, with_ttl, ..Sample::default() };
        case.samples.insert("replicationGroup/cache".parse().expect("an address"), sample);
        case
    };
    let advice = sampled(500).gives(&["memory-full", "eviction-policy", "scale-up"]);
    assert_eq!(
        patch(&advice[1]),
        [("parameterGroups.p.parameters.maxmemory-policy", json!("noeviction"), json!("volatile-lru"))]
    );
    assert!(sampled(400).gives(&["memory-full", "eviction-policy", "scale-up"])[1].patch.is_empty());
}

#[test]
fn big_values_and_keys_without_an_end_are_told_from_a_sample() {
    let mut case = Case::well(GROUP);
    let sample = Sample { keys: 500, with_ttl: 100, big: vec![("cart:1".into(), 3 << 20)], ..Sample::default() };
    case.samples.insert("replicationGroup/cache".parse().expect("an address"), sample);
    let advice = case.gives(&["big-values", "no-ttl"]);
    assert!(advice[0].arithmetic[0].contains("3.1 MB"), "{advice:#?}");
}

#[test]
fn a_spec_that_is_not_applied_yet_is_not_judged_by_size() {
    let mut case = Case::well(GROUP)
        .with("BytesUsedForCache", 1.04e10)
        .with("DatabaseMemoryUsagePercentage", 99.0)
        .with("Evictions", 1e4)
        .with("CacheHits", 6e5)
        .with("CacheMisses", 4e5);
    case.spec = sound(&case.text.replace("r7g.large", "r7g.2xlarge"));
    let cache = case.advised();
    assert_eq!(cache.advice.iter().map(|one| one.id).collect::<Vec<_>>(), ["memory-full"]);
    assert!(cache.notes[0].contains("apply it first"), "{cache:#?}");
}

#[test]
fn every_id_is_in_the_schema_and_the_other_way_round() {
    let schema: Value = serde_json::from_str(include_str!("../../schema/advice.schema.json")).expect("JSON");
    let listed: Vec<&str> = schema
        .pointer("/$defs/advice/properties/id/enum")
        .and_then(Value::as_array)
        .expect("ids")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(listed, IDS.map(|(id, _)| id));
}

//! What a plan costs in calls and in round trips, and what it never does.

use cachectl::aws::error::Kind;
use cachectl::aws::{Access, Aws, Settings, kinds};
use cachectl::model::Operation;
use cachectl_sandbox::{Call, Fault, Options, Sandbox};
use serde_json::{Value, json};

use crate::rig::Rig;

/// One group with one parameter group, one subnet group and five alarms.
const SMALL: &str = r#"
apiVersion: cachectl/v1
stack: small
region: us-east-1
subnetGroups:
  small-subnets: {subnetIds: [subnet-private-1a, subnet-private-1b]}
parameterGroups:
  small-params: {family: valkey7, parameters: {maxmemory-policy: allkeys-lru}}
replicationGroups:
  small:
    description: A small cache
    engine: valkey
    engineVersion: "7.2"
    cacheNodeType: cache.t4g.small
    numCacheClusters: 1
    transitEncryptionEnabled: true
    cacheSubnetGroupName: small-subnets
    cacheParameterGroupName: small-params
alarms:
"#;

fn alarm(cache: &str, metric: &str) -> String {
    format!(
        "  {cache}-{metric}: {{for: replicationGroup/{cache}, metricName: {metric}, statistic: Average, period: 60, \
         evaluationPeriods: 5, threshold: 90, comparisonOperator: GreaterThanThreshold}}\n"
    )
}

const METRICS: [&str; 5] =
    ["EngineCPUUtilization", "Evictions", "CurrConnections", "NewConnections", "DatabaseMemoryUsagePercentage"];

fn small() -> String {
    SMALL.to_owned() + &METRICS.map(|metric| alarm("small", metric)).concat()
}

fn calls_of_a_plan(rig: &Rig) -> usize {
    rig.sandbox.clear_calls();
    let plan = rig.run(&["plan", "--format", "json"]).exits(0).json();
    assert_eq!(plan["steps"], json!([]), "{plan:#}");
    let calls = rig.sandbox.calls().len();
    assert_eq!(plan["apiCalls"], json!(calls), "the plan says how many calls it took");
    calls
}

#[test]
fn the_plan_of_a_small_stack_takes_at_most_eight_calls() {
    let rig = Rig::with(&small(), Options::default());
    rig.apply().exits(0);
    let calls = calls_of_a_plan(&rig);
    assert!(calls <= 8, "{calls}: {:#?}", rig.sandbox.calls());
}

#[test]
fn an_apply_with_nothing_to_do_costs_what_its_plan_costs() {
    let rig = Rig::with(&small(), Options::default());
    rig.apply().exits(0);
    let calls = calls_of_a_plan(&rig);
    rig.sandbox.clear_calls();
    rig.apply().exits(0).says("No changes");
    assert_eq!(rig.sandbox.calls().len(), calls, "{:#?}", rig.sandbox.calls());
}

#[test]
fn an_apply_reads_once_before_its_steps_and_once_after() {
    let rig = Rig::with(&small(), Options { time_scale: 0.0, ..Options::default() });
    rig.apply().exits(0);
    let calls = calls_of_a_plan(&rig);
    rig.spec(&small().replace("threshold: 90", "threshold: 80"));
    rig.sandbox.clear_calls();
    rig.apply().exits(0);
    let reads = rig.sandbox.calls().len() - rig.writes().len();
    // Whose account it is, is asked once.
    assert_eq!(reads, 2 * calls - 1, "{:#?}", rig.sandbox.calls());
}

/// 100 groups, each with a parameter group and three alarms, and one subnet group.
fn large() -> String {
    let mut spec = "apiVersion: cachectl/v1\nstack: large\nregion: us-east-1\nsubnetGroups:\n  large-subnets: \
                    {subnetIds: [subnet-private-1a, subnet-private-1b]}\nparameterGroups:\n"
        .to_owned();
    for group in 0..100 {
        spec += &format!("  params-{group}: {{family: valkey7, parameters: {{maxmemory-policy: allkeys-lru}}}}\n");
    }
    spec += "replicationGroups:\n";
    for group in 0..100 {
        spec += &format!(
            "  group-{group}: {{description: One of many, engine: valkey, engineVersion: \"7.2\", cacheNodeType: \
             cache.t4g.small, numCacheClusters: 1, transitEncryptionEnabled: true, cacheSubnetGroupName: \
             large-subnets, cacheParameterGroupName: params-{group}}}\n"
        );
    }
    spec += "alarms:\n";
    for group in 0..100 {
        spec += &METRICS[..3].iter().map(|metric| alarm(&format!("group-{group}"), metric)).collect::<String>();
    }
    spec
}

#[test]
fn the_plan_of_501_resources_takes_at_most_120_calls_side_by_side() {
    let rig = Rig::with(&large(), Options::default());
    rig.run(&["apply", "--yes", "--no-smoke", "--parallelism", "50"]).exits(0);
    let calls = calls_of_a_plan(&rig);
    assert_eq!(rig.called("DescribeCacheParameters"), 100, "AWS has no list call for these");
    assert!(calls <= 120, "{calls}");
    rig.sandbox.inject(Fault::slow(50));
    rig.sandbox.clear_calls();
    rig.settled();
    let most = rig.sandbox.calls().iter().map(|call| call.in_flight).max().unwrap_or_default();
    assert!(most >= 10, "{most} at once");
}

/// The longest row of calls of which each began after the one before it was answered.
fn depth(calls: &[Call]) -> usize {
    let mut depths: Vec<(u64, usize)> = Vec::new();
    for call in calls {
        let earlier = depths.iter().filter(|(ended, _)| *ended <= call.at_ms);
        let depth = 1 + earlier.map(|(_, depth)| *depth).max().unwrap_or(0);
        depths.push((call.at_ms + call.duration_ms, depth));
    }
    depths.into_iter().map(|(_, depth)| depth).max().unwrap_or(0)
}

#[test]
fn a_plan_is_at_most_four_round_trips_deep_also_in_a_crowd() {
    let rig = Rig::with(&small(), Options::default());
    rig.apply().exits(0);
    for others in [0, 300] {
        rig.sandbox.seed(others).unwrap();
        rig.settled();
        rig.sandbox.inject(Fault::slow(500));
        rig.sandbox.clear_calls();
        rig.settled();
        let trips = depth(&rig.sandbox.calls());
        assert!((1..=4).contains(&trips), "{trips} round trips among {others} groups: {:#?}", rig.sandbox.calls());
        rig.sandbox.clear_faults();
    }
}

#[test]
fn five_thousand_foreign_groups_do_not_slow_the_plan_of_one() {
    let rig = Rig::with(&small(), Options::default());
    rig.apply().exits(0);
    let alone = calls_of_a_plan(&rig);
    rig.sandbox.seed(5_000).unwrap();
    let crowded = calls_of_a_plan(&rig);
    assert!(crowded <= alone + 2, "{crowded} calls among 5,000 groups, {alone} alone");
}

#[test]
fn without_get_resources_tags_are_read_one_by_one_and_orphans_are_unknown() {
    for fault in [
        Fault::access_denied().on("GetResources"),
        Fault::error(400, "UnknownOperationException", "Unknown operation").on("GetResources"),
    ] {
        let rig = Rig::with(&small(), Options::default());
        rig.apply().exits(0);
        rig.sandbox.inject(fault);
        rig.sandbox.clear_calls();
        let plan = rig.run(&["plan", "--format", "json", "--show-unchanged"]).exits(0).json();
        assert_eq!(plan["steps"], json!([]), "{plan:#}");
        assert_eq!(rig.accepted("ListTagsForResource"), 3);
        let changes = plan["changes"].as_array().unwrap();
        assert!(changes.iter().all(|change| change["ownership"] == "owned"), "{plan:#}");
        let notes = plan["notes"].to_string();
        assert!(notes.contains("GetResources"), "{notes}");
    }
}

#[test]
fn commands_that_read_make_no_other_calls() {
    let rig = Rig::with(&small(), Options::default());
    rig.apply().exits(0);
    rig.spec(&small().replace("A small cache", "Another description"));
    rig.sandbox.clear_calls();
    rig.run(&["plan"]).exits(0).says("Another description");
    rig.run(&["validate"]).exits(0);
    rig.run(&["status"]).exits(0).says("small-001");
    rig.run(&["import", "--all", "--region", "us-east-1"]).exits(0).says("A small cache");
    assert_eq!(rig.writes(), Vec::<String>::new());
}

#[test]
fn a_client_that_only_reads_refuses_every_write() {
    let sandbox = Sandbox::start_blocking(Options::default()).unwrap();
    let writes = [
        (Operation::CreateReplicationGroup, json!({"ReplicationGroupId": "a", "ReplicationGroupDescription": "a"})),
        (Operation::ModifyReplicationGroup, json!({"ReplicationGroupId": "a"})),
        (Operation::DeleteReplicationGroup, json!({"ReplicationGroupId": "a"})),
        (Operation::IncreaseReplicaCount, json!({"ReplicationGroupId": "a", "ApplyImmediately": true})),
        (Operation::DeleteUser, json!({"UserId": "a"})),
        (Operation::AddTagsToResource, json!({"ResourceName": "arn:a", "Tags": []})),
        (
            Operation::PutMetricAlarm,
            json!({"AlarmName": "a", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1}),
        ),
        (Operation::DeleteAlarms, json!({"AlarmNames": ["a"]})),
    ];
    let settings = Settings {
        region: "us-east-1".into(),
        profile: None,
        role: None,
        endpoint_url: Some(sandbox.endpoint()),
        access: Access::ReadOnly,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let aws = runtime.block_on(Aws::connect(&settings)).unwrap();
    for (operation, parameters) in writes {
        let Value::Object(parameters) = parameters else { unreachable!() };
        let error = runtime.block_on(kinds::execute(&aws, operation, parameters)).unwrap_err();
        assert_eq!(error.kind, Kind::ReadOnly, "{error}");
        assert!(error.to_string().contains(operation.name()), "{error}");
    }
    assert!(sandbox.calls().is_empty(), "{:?}", sandbox.calls());
}

#[test]
fn a_thousand_alarms_are_read_a_hundred_a_call() {
    let mut spec = "apiVersion: cachectl/v1\nstack: many\nregion: us-east-1\nalarms:\n".to_owned();
    for alarm in 0..1_000 {
        spec += &format!(
            "  own-{alarm}: {{namespace: Shop, metricName: Errors, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: {alarm}, comparisonOperator: GreaterThanThreshold}}\n"
        );
    }
    let rig = Rig::with(&spec, Options::default());
    rig.run(&["plan"]).exits(0);
    assert_eq!(rig.called("DescribeAlarms"), 10);
}

#[test]
fn the_alarms_of_caches_that_are_created_together_are_read_together() {
    let rig = Rig::with(&large(), Options::default());
    rig.run(&["apply", "--yes", "--no-smoke", "--parallelism", "50"]).exits(0);
    // Of a hundred caches; the plans before and after read three pages each.
    let calls = rig.called("DescribeAlarms");
    assert!(calls <= 50, "{calls}");
    rig.settled();
}

//! What AWS accepts and does not do, does not finish, or breaks: told at once, in AWS's own words, with
//! a way on.

use cachectl_sandbox::{FailureKind, Fault, Options};

use crate::rig::Rig;

const GROUP: &str = r#"
apiVersion: cachectl/v1
stack: outcome
region: us-east-1
replicationGroups:
  outcome:
    description: Before
    engine: valkey
    engineVersion: "7.2"
    cacheNodeType: cache.r7g.xlarge
    numNodeGroups: 3
    replicasPerNodeGroup: 1
    automaticFailoverEnabled: true
    transitEncryptionEnabled: true
    lifecycle: {finalSnapshot: false}
"#;

const SERVERLESS: &str = r#"
apiVersion: cachectl/v1
stack: outcome
region: us-east-1
serverlessCaches:
  outcome: {engine: valkey, cacheUsageLimits: {dataStorage: {maximum: 10, unit: GB}}, lifecycle: {finalSnapshot: false}}
"#;

#[test]
fn a_scale_down_that_aws_takes_back_fails_with_its_event() {
    let rig = Rig::new(GROUP);
    rig.apply().exits(0);
    rig.sandbox.fail_next(FailureKind::ScaleDownRolledBack, None);
    rig.spec(&GROUP.replace("cache.r7g.xlarge", "cache.r7g.large").replace("Before", "After"));
    let failed = rig.apply().exits(6);
    let failed = failed.says("AWS accepted ModifyReplicationGroup and did not carry it out");
    let failed = failed
        .says("cacheNodeType is still cache.r7g.xlarge, not cache.r7g.large")
        .says("its last events:")
        .says("AWS took step 1 back")
        .says("Choose more memory")
        .says("Not started: ");
    assert!(!failed.all().contains("Run the same command again"), "{}", failed.all());
    rig.apply().exits(0);
    rig.settled();
}

#[test]
fn a_resharding_that_aws_takes_back_fails_with_its_event() {
    let rig = Rig::new(GROUP);
    rig.apply().exits(0);
    rig.sandbox.fail_next(FailureKind::ReshardRolledBack, None);
    rig.spec(&GROUP.replace("numNodeGroups: 3", "numNodeGroups: 2"));
    let failed = rig.apply().exits(6);
    let failed = failed.says("there are 3 shards, not 2").says("its last events:").says("AWS took step 1 back");
    assert!(!failed.all().contains("Run the same command again"), "{}", failed.all());
    rig.apply().exits(0);
    rig.settled();
}

#[test]
fn a_creation_that_fails_ends_the_wait_at_once_and_is_replaced_when_allowed() {
    let kinds = [
        (FailureKind::CreateFailed, "create-failed", GROUP),
        (FailureKind::IncompatibleNetwork, "incompatible-network", GROUP),
        (FailureKind::RestoreFailed, "restore-failed", GROUP),
        (FailureKind::ServerlessCreateFailed, "create-failed", SERVERLESS),
    ];
    for (kind, state, spec) in kinds {
        let rig = Rig::new(spec);
        rig.sandbox.fail_next(kind, None);
        let failed = rig.apply().exits(6);
        let failed = failed.says(&format!("outcome is {state}")).says("does not recover on its own");
        assert!(!failed.all().contains("Run the same command again"), "{}", failed.all());
        if spec == GROUP {
            failed.says("its last events:");
        }
        if state == "create-failed" {
            rig.run(&["apply", "--yes", "--no-smoke"]).exits(3).says("--allow replace:");
            rig.run(&["apply", "--yes", "--no-smoke", "--allow", "replace:*"]).exits(0);
            rig.settled();
        }
    }
}

#[test]
fn a_wait_that_times_out_says_what_goes_on_and_the_same_command_resumes() {
    // Ten seconds to create a group.
    let rig = Rig::with(GROUP, Options { time_scale: 0.033, ..Options::default() });
    let late = rig.run(&["apply", "--yes", "--no-smoke", "--timeout", "1s"]).exits(6);
    late.says("replicationGroup/outcome is still creating").says("AWS continues with it, and the same command resumes");
    let resumed = rig.run(&["apply", "--yes", "--no-smoke"]).exits(0);
    resumed.says("waiting for replicationGroup/outcome");
    assert_eq!(rig.called("CreateReplicationGroup"), 1);
}

#[test]
fn what_needs_a_failed_step_is_not_started_and_the_rest_goes_on() {
    let with_subnets = GROUP.replace("replicationGroups:", "subnetGroups:\n  outcome-subnets: {subnetIds: [subnet-private-1a]}\nparameterGroups:\n  other: {family: valkey7}\nreplicationGroups:");
    let rig =
        Rig::new(&with_subnets.replace("    lifecycle", "    cacheSubnetGroupName: outcome-subnets\n    lifecycle"));
    rig.sandbox.inject(
        Fault::error(400, "CacheSubnetGroupQuotaExceeded", "No more subnet groups.").on("CreateCacheSubnetGroup"),
    );
    let ended = rig.run(&["apply", "--yes", "--no-smoke", "--format", "json"]).exits(6);
    let document = ended.json();
    let status = |operation: &str| {
        let steps = document["plan"]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["operation"] == operation).unwrap();
        let results = document["results"].as_array().unwrap();
        results.iter().find(|result| result["step"] == step["id"]).unwrap()["status"].clone()
    };
    assert_eq!(status("CreateCacheSubnetGroup"), "failed");
    assert_eq!(status("CreateCacheParameterGroup"), "done");
    assert_eq!(status("CreateReplicationGroup"), "skipped");
    assert_eq!(rig.called("CreateReplicationGroup"), 0);
}

#[test]
fn an_alarm_under_its_own_name_stays_when_the_members_of_its_cache_change() {
    const OWN: &str = "alarms:\n  outcome-0001-001-own: {namespace: AWS/ElastiCache, metricName: Evictions, dimensions: \
                       [{name: CacheClusterId, value: outcome-0001-001}], statistic: Sum, period: 60, \
                       evaluationPeriods: 1, threshold: 0, comparisonOperator: GreaterThanThreshold}\n";
    let spec = GROUP.replace("    lifecycle", "    alarms: {preset: recommended}\n    lifecycle") + OWN;
    let rig = Rig::new(&spec);
    rig.apply().exits(0);
    rig.spec(&spec.replace("replicasPerNodeGroup: 1", "replicasPerNodeGroup: 2"));
    rig.apply().exits(0);
    assert_eq!(rig.called("DeleteAlarms"), 0);
    rig.settled();
}

#[test]
fn twenty_groups_are_awaited_with_as_many_looks_as_one() {
    let stack = |groups: usize| {
        let mut spec = GROUP.split("  outcome:").next().unwrap().to_owned();
        for group in 0..groups {
            let body = GROUP.split("  outcome:").nth(1).unwrap();
            spec.push_str(&format!("  group-{group}:{body}"));
        }
        spec
    };
    let looks = |groups: usize| {
        let rig = Rig::with(&stack(groups), Options { time_scale: 0.005, ..Options::default() });
        rig.run(&["apply", "--yes", "--no-smoke", "--parallelism", "20", "--poll-interval", "100ms"]).exits(0);
        assert_eq!(rig.accepted("CreateReplicationGroup"), groups);
        rig.called("DescribeReplicationGroups")
    };
    let (one, twenty) = (looks(1), looks(20));
    assert!(twenty <= one + one / 2, "{twenty} looks at twenty groups, {one} at one");
}

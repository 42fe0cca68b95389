//! A call took effect and its answer was lost: the next attempt finds it done, and nothing is made
//! twice.

use cachectl_sandbox::{Fault, Options};

use crate::rig::Rig;

const STACK: &str = r#"
apiVersion: cachectl/v1
stack: lost
region: us-east-1
subnetGroups:
  lost-subnets: {subnetIds: [subnet-private-1a, subnet-private-1b]}
parameterGroups:
  lost-params: {family: valkey7, parameters: {maxmemory-policy: allkeys-lru}}
users:
  lost-app: {userName: app, engine: valkey, accessString: "on ~app:* +@read", passwords: [{secretsManager: lost}]}
userGroups:
  lost-users: {engine: valkey, userIds: [lost-app]}
replicationGroups:
  lost:
    description: Before
    engine: valkey
    engineVersion: "7.2"
    cacheNodeType: cache.t4g.small
    numCacheClusters: 3
    automaticFailoverEnabled: true
    transitEncryptionEnabled: true
    cacheSubnetGroupName: lost-subnets
    cacheParameterGroupName: lost-params
  lost-shards:
    description: Before
    engine: valkey
    engineVersion: "7.2"
    cacheNodeType: cache.r7g.large
    numNodeGroups: 2
    replicasPerNodeGroup: 1
    automaticFailoverEnabled: true
    transitEncryptionEnabled: true
serverlessCaches:
  lost-serverless:
    engine: valkey
    description: Before
    cacheUsageLimits: {dataStorage: {maximum: 10, unit: GB}}
alarms:
  cpu: {for: replicationGroup/lost, metricName: EngineCPUUtilization, statistic: Average, period: 60, evaluationPeriods: 5, threshold: 90, comparisonOperator: GreaterThanThreshold}
"#;

fn stack() -> Rig {
    let rig = Rig::new(STACK);
    rig.sandbox.set_secret("lost", "0123456789abcdef");
    rig
}

/// Every write's first answer is lost.
fn lose_answers(rig: &Rig, operations: &[&str]) {
    rig.sandbox.clear_calls();
    for operation in operations {
        rig.sandbox.inject(Fault::drop_answer().on(operation).times(1));
    }
}

/// The answers of all of them were lost, and none took effect a second time.
fn each_once(rig: &Rig, operations: &[&str]) {
    for operation in operations {
        let calls = rig.sandbox.calls();
        let lost = calls.iter().filter(|call| call.operation == *operation && call.status == 0).count();
        assert_eq!(lost, 1, "{operation}");
        assert_eq!(rig.accepted(operation), 1, "{operation}: {calls:#?}");
    }
}

#[test]
fn creations_whose_answers_are_lost_are_recognised() {
    let once = [
        "CreateCacheSubnetGroup",
        "CreateCacheParameterGroup",
        "CreateUser",
        "CreateUserGroup",
        "CreateServerlessCache",
    ];
    let rig = stack();
    lose_answers(&rig, &once);
    lose_answers(&rig, &["CreateReplicationGroup", "ModifyCacheParameterGroup", "PutMetricAlarm"]);
    rig.apply().exits(0).says("already there: the answer to an earlier attempt was lost");
    each_once(&rig, &once);
    assert_eq!(rig.accepted("CreateReplicationGroup"), 2, "two groups");
    rig.settled();
}

#[test]
fn changes_whose_answers_are_lost_are_recognised() {
    let rig = stack();
    rig.apply().exits(0);
    rig.spec(
        &STACK
            .replace("Before", "After")
            .replace("numCacheClusters: 3", "numCacheClusters: 2")
            .replace("numNodeGroups: 2", "numNodeGroups: 3")
            .replace("replicasPerNodeGroup: 1", "replicasPerNodeGroup: 2")
            .replace("+@read", "+@read +@write")
            .replace("subnet-private-1b", "subnet-private-1b, subnet-private-1c")
            .replace("maximum: 10", "maximum: 20")
            .replace("threshold: 90", "threshold: 80"),
    );
    let once = ["DecreaseReplicaCount", "IncreaseReplicaCount", "ModifyReplicationGroupShardConfiguration"];
    lose_answers(&rig, &once);
    // Setting the same twice does no harm.
    for operation in
        ["ModifyReplicationGroup", "ModifyUser", "ModifyCacheSubnetGroup", "ModifyServerlessCache", "PutMetricAlarm"]
    {
        rig.sandbox.inject(Fault::drop_answer().on(operation).times(1));
    }
    rig.apply().exits(0).says("the answer to an earlier attempt was lost");
    each_once(&rig, &once);
    rig.settled();
}

#[test]
fn a_token_whose_answer_is_lost_is_not_added_twice() {
    let spec = |rig: &Rig, version: &str| {
        rig.sandbox.set_secret("lost", version);
        rig.spec(&format!("{}    authToken: {{secretsManager: lost}}\n", STACK.split("  lost-shards").next().unwrap()));
    };
    // Some seconds to add it: the next attempt comes while the first one's is under way.
    let rig = Rig::with(STACK, Options { time_scale: 0.02, ..Options::default() });
    spec(&rig, "0123456789abcdef-old");
    rig.apply().exits(0);
    spec(&rig, "0123456789abcdef-new");
    lose_answers(&rig, &["ModifyReplicationGroup"]);
    rig.apply().exits(0).says("already carried out: the answer to an earlier attempt was lost");
    each_once(&rig, &["ModifyReplicationGroup"]);
    // A second time would have pushed the old one out.
    assert_eq!(rig.sandbox.tokens("lost"), ["0123456789abcdef-old", "0123456789abcdef-new"]);
    rig.apply().exits(0);
    assert_eq!(rig.sandbox.tokens("lost"), ["0123456789abcdef-new"]);
    rig.settled();
}

#[test]
fn deletions_whose_answers_are_lost_are_recognised() {
    let rig = stack();
    rig.apply().exits(0);
    let once = [
        "DeleteAlarms",
        "DeleteServerlessCache",
        "DeleteUserGroup",
        "DeleteUser",
        "DeleteCacheParameterGroup",
        "DeleteCacheSubnetGroup",
    ];
    lose_answers(&rig, &once);
    rig.sandbox.inject(Fault::drop_answer().on("DeleteReplicationGroup").times(1));
    rig.destroy().exits(0);
    for operation in once.into_iter().filter(|operation| *operation != "DeleteAlarms") {
        each_once(&rig, &[operation]);
    }
    assert_eq!(rig.accepted("DeleteReplicationGroup"), 2, "two groups");
    let plan = rig.run(&["plan", "--format", "json"]).exits(0).json();
    assert_eq!(plan["orphans"], serde_json::json!([]));
}

#[test]
fn a_group_of_that_name_which_somebody_else_makes_meanwhile_is_left_alone() {
    let rig = Rig::new(&STACK.replace("stack: lost", "stack: mine"));
    rig.sandbox.set_secret("lost", "0123456789abcdef");
    rig.sandbox.inject(Fault::hold(2_500).on("CreateServerlessCache").times(1));
    let mut mine = rig.start(&["apply", "--yes", "--no-smoke", "--only", "serverlessCache/lost-serverless"]);
    rig.begun("CreateServerlessCache", &mut mine);
    rig.spec(STACK);
    rig.run(&["apply", "--yes", "--no-smoke", "--only", "serverlessCache/lost-serverless"]).exits(0);
    mine.end().exits(1).says("exists and is not this stack's").says("Nothing was changed");
    rig.run(&["plan", "--only", "serverlessCache/lost-serverless"]).exits(0).says("No changes");
}

//! Everything at once, and two people at once.

use cachectl_sandbox::{Fault, Options};

use crate::rig::{QUICK, Rig};

const STACK: &str = r#"
apiVersion: cachectl/v1
stack: storm
region: us-east-1
subnetGroups:
  storm-subnets: {subnetIds: [subnet-private-1a, subnet-private-1b]}
parameterGroups:
  storm-params: {family: valkey7, parameters: {maxmemory-policy: allkeys-lru}}
users:
  storm-app: {userName: app, engine: valkey, accessString: "on ~app:* +@read", passwords: [{secretsManager: storm}]}
userGroups:
  storm-users: {engine: valkey, userIds: [storm-app]}
replicationGroups:
  storm:
    description: In a storm
    engine: valkey
    engineVersion: "7.2"
    cacheNodeType: cache.t4g.small
    numCacheClusters: 2
    automaticFailoverEnabled: true
    transitEncryptionEnabled: true
    userGroupIds: [storm-users]
    cacheSubnetGroupName: storm-subnets
    cacheParameterGroupName: storm-params
alarms:
  cpu: {for: replicationGroup/storm, metricName: EngineCPUUtilization, statistic: Average, period: 60, evaluationPeriods: 5, threshold: 90, comparisonOperator: GreaterThanThreshold}
"#;

fn storm(seed: u64) -> Rig {
    let rig = Rig::with(STACK, Options { time_scale: QUICK, ..Options::default() });
    rig.sandbox.set_secret("storm", "0123456789abcdef");
    rig.sandbox.seed_faults(seed);
    rig.sandbox.inject(Fault::throttle().with_probability(0.3));
    rig.sandbox.inject(Fault::drop_answer().with_probability(0.05));
    rig.sandbox.inject(Fault::slow(200));
    rig.sandbox.inject(Fault::stale(2000));
    rig
}

#[test]
fn throttled_dropped_slow_and_stale_at_once_a_stack_is_created_changed_and_destroyed() {
    let rig = storm(1);
    rig.apply().exits(0);
    assert_eq!(rig.accepted("CreateReplicationGroup"), 1);
    let changed = STACK
        .replace("numCacheClusters: 2", "numCacheClusters: 3")
        .replace("In a storm", "After a storm")
        .replace("threshold: 90", "threshold: 80")
        .replace("allkeys-lru", "volatile-lru");
    rig.spec(&changed);
    rig.apply().exits(0);
    std::thread::sleep(std::time::Duration::from_secs(2));
    rig.settled();
    rig.destroy().exits(0);
}

#[test]
fn of_two_applies_at_once_one_is_clean_and_the_other_says_what_it_met() {
    let rig = Rig::new(STACK);
    rig.sandbox.set_secret("storm", "0123456789abcdef");
    // The first has its plan and is about to create the group when the second makes its own.
    rig.sandbox.inject(Fault::hold(3_000).on("CreateReplicationGroup").times(1));
    let mut first = rig.start(&["apply", "--yes", "--no-smoke"]);
    rig.begun("CreateReplicationGroup", &mut first);
    let ended = [rig.apply(), first.end()];
    assert!(ended.iter().all(|ended| ended.code == 0), "{ended:#?}");
    rig.settled();
    assert_eq!(rig.accepted("CreateReplicationGroup"), 1);
    let met = "another apply of this stack may be running";
    assert_eq!(ended.each_ref().map(|ended| ended.stderr.contains(met)), [false, true], "{ended:#?}");
}

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

/// Two people change the same at once: the first has its plan and is held up in this call until the second is through.
fn two_updates(rig: &Rig, operation: &str) -> [crate::harness::Ran; 2] {
    rig.sandbox.clear_calls();
    rig.sandbox.inject(Fault::hold(4_000).on(operation).times(1));
    let mut first = rig.start(&["apply", "--yes", "--no-smoke"]);
    rig.begun(operation, &mut first);
    let second = rig.apply();
    [first.end(), second]
}

/// Of a spec: what becomes what.
type Edits<'a> = &'a [(&'a str, &'a str)];

const MET: &str = "another apply of this stack may be running";

#[test]
fn of_two_updates_at_once_the_later_finds_done_what_it_was_about_to_do() {
    let failover = "numCacheClusters: 2\n    automaticFailoverEnabled: true";
    let no_failover = "numCacheClusters: 1\n    automaticFailoverEnabled: false";
    let another = "storm-app: {userName: app, engine: valkey, accessString: \"on ~app:* +@read\", passwords: [{secretsManager: storm}]}\n  storm-too: {userName: too, engine: valkey, accessString: on ~* +get, passwords: [{secretsManager: storm}]}";
    let app = "storm-app: {userName: app, engine: valkey, accessString: \"on ~app:* +@read\", passwords: [{secretsManager: storm}]}";
    // What AWS refuses to do a second time, and what it does again without harm.
    let changes: [(&str, Edits<'_>, bool); 8] = [
        ("IncreaseReplicaCount", &[("numCacheClusters: 2", "numCacheClusters: 3")], true),
        ("DecreaseReplicaCount", &[(failover, no_failover)], true),
        ("CreateUser", &[(app, another)], true),
        ("ModifyUserGroup", &[(app, another), ("userIds: [storm-app]", "userIds: [storm-app, storm-too]")], true),
        ("ModifyReplicationGroup", &[("In a storm", "After a storm")], true),
        ("ModifyUser", &[("+@read", "+@write")], false),
        ("ModifyCacheParameterGroup", &[("allkeys-lru", "volatile-lru")], false),
        ("PutMetricAlarm", &[("threshold: 90", "threshold: 80")], false),
    ];
    for (operation, edits, refused) in changes {
        let rig = Rig::new(STACK);
        rig.sandbox.set_secret("storm", "0123456789abcdef");
        rig.apply().exits(0);
        let edited = edits.iter().fold(STACK.to_owned(), |spec, (before, after)| spec.replace(before, after));
        assert_ne!(edited, STACK, "{operation}");
        rig.spec(&edited);
        let [first, second] = two_updates(&rig, operation);
        let (first, second) = (first.exits(0), second.exits(0));
        assert_eq!(first.stderr.contains(MET), refused, "{operation}:\n{}", first.all());
        assert!(!second.stderr.contains(MET), "{operation}:\n{}", second.all());
        rig.settled();
    }
}

#[test]
fn of_two_rotations_at_once_one_adds_the_token_and_the_old_one_stays() {
    let with_token = STACK.replace("    userGroupIds: [storm-users]\n", "    authToken: {secretsManager: token}\n");
    let rig = Rig::new(&with_token);
    rig.sandbox.set_secret("storm", "0123456789abcdef");
    rig.sandbox.set_secret("token", "0123456789abcdef-old");
    rig.apply().exits(0);
    rig.sandbox.set_secret("token", "0123456789abcdef-new");
    let [first, second] = two_updates(&rig, "AddTagsToResource");
    first.exits(0).says(MET);
    second.exits(0);
    assert_eq!(rig.accepted("ModifyReplicationGroup"), 1);
    assert_eq!(rig.sandbox.tokens("storm"), ["0123456789abcdef-old", "0123456789abcdef-new"]);
}

#[test]
fn of_two_destroys_at_once_both_end_with_nothing_left() {
    for operation in ["DeleteReplicationGroup", "DeleteUserGroup", "DeleteCacheSubnetGroup", "DeleteAlarms"] {
        let rig = Rig::new(STACK);
        rig.sandbox.set_secret("storm", "0123456789abcdef");
        rig.apply().exits(0);
        rig.sandbox.clear_calls();
        rig.sandbox.inject(Fault::hold(3_000).on(operation).times(1));
        let mut first = rig.start(&["destroy", "--yes", "--allow", "delete:*"]);
        rig.begun(operation, &mut first);
        rig.destroy().exits(0).says("nothing of the stack is left");
        first.end().exits(0).says("nothing of the stack is left");
        assert_eq!(rig.accepted("DeleteReplicationGroup"), 1, "one final snapshot");
    }
}

#[test]
fn a_read_that_began_too_early_and_took_long_is_no_verdict() {
    let rig = Rig::new(STACK);
    rig.sandbox.set_secret("storm", "0123456789abcdef");
    rig.apply().exits(0);

    // The second look after the change begins too early to see it, and ends when the change should long be seen.
    rig.spec(&STACK.replace("In a storm", "After a storm"));
    rig.sandbox.inject(Fault::stale(1_500).on("DescribeReplicationGroups"));
    rig.sandbox.inject(Fault::hold(500).on("ModifyReplicationGroup").times(1));
    let mut apply = rig.start(&["apply", "--yes", "--no-smoke"]);
    rig.begun("ModifyReplicationGroup", &mut apply);
    rig.sandbox.inject(Fault::slow(6_000).on("DescribeReplicationGroups").after(1).times(1));
    apply.end().exits(0).says("no changes are left");

    // So does the first look whether all is gone.
    rig.sandbox.clear_faults();
    rig.sandbox.inject(Fault::stale(3_000).on("DescribeCacheSubnetGroups"));
    rig.sandbox.inject(Fault::hold(500).on("DeleteCacheSubnetGroup").times(1));
    let mut destroy = rig.start(&["destroy", "--yes", "--allow", "delete:*"]);
    rig.begun("DeleteCacheSubnetGroup", &mut destroy);
    rig.sandbox.inject(Fault::slow(6_000).on("DescribeCacheSubnetGroups").times(1));
    destroy.end().exits(0).says("nothing of the stack is left");
}

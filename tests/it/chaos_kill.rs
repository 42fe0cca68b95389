//! kill -9 at every single API call: the next run converges, with nothing made twice and nothing
//! left over.

use std::sync::atomic::{AtomicU32, Ordering};

use cachectl_sandbox::{Fault, Options};

use crate::harness::Ran;
use crate::rig::Rig;

/// Far longer than any test: the call at which the process dies.
const NEVER: u64 = 3_600_000;
/// A group takes 60 ms to be created.
const FAST: f64 = 0.0002;
/// Most of a run is waiting.
const SIDE_BY_SIDE: usize = 6;

const APPLY: &[&str] = &["apply", "--yes", "--no-smoke", "--poll-interval", "30ms"];
const DESTROY: &[&str] = &["destroy", "--yes", "--allow", "delete:*", "--poll-interval", "30ms"];

const BEFORE: &str = r#"
apiVersion: cachectl/v1
stack: ten
region: us-east-1
subnetGroups:
  ten-subnets: {subnetIds: [subnet-private-1a, subnet-private-1b]}
parameterGroups:
  ten-params: {family: valkey7, parameters: {maxmemory-policy: allkeys-lru}}
users:
  ten-app: {userName: app, engine: valkey, accessString: "on ~app:* +@read", passwords: [{secretsManager: ten}]}
userGroups:
  ten-users: {engine: valkey, userIds: [ten-app]}
replicationGroups:
  ten:
    description: Before
    engine: valkey
    engineVersion: "7.2"
    cacheNodeType: cache.t4g.small
    numCacheClusters: 1
    automaticFailoverEnabled: false
    transitEncryptionEnabled: true
    cacheSubnetGroupName: ten-subnets
    cacheParameterGroupName: ten-params
alarms:
  cpu: {for: replicationGroup/ten, metricName: EngineCPUUtilization, statistic: Average, period: 60, evaluationPeriods: 5, threshold: 90, comparisonOperator: GreaterThanThreshold}
"#;

/// Thirteen steps away from [`BEFORE`].
const AFTER: &str = r#"
apiVersion: cachectl/v1
stack: ten
region: us-east-1
subnetGroups:
  ten-subnets: {subnetIds: [subnet-private-1a, subnet-private-1b, subnet-private-1c]}
parameterGroups:
  ten-params: {family: valkey7, parameters: {maxmemory-policy: volatile-lru}}
  ten-params-8: {family: valkey8, parameters: {maxmemory-policy: volatile-lru}}
users:
  ten-app: {userName: app, engine: valkey, accessString: "on ~app:* +@read +@write", passwords: [{secretsManager: ten}]}
userGroups:
  ten-users: {engine: valkey, userIds: [ten-app]}
replicationGroups:
  ten:
    description: After
    engine: valkey
    engineVersion: "8.0"
    cacheNodeType: cache.t4g.medium
    numCacheClusters: 3
    automaticFailoverEnabled: true
    multiAZEnabled: true
    transitEncryptionEnabled: true
    cacheSubnetGroupName: ten-subnets
    cacheParameterGroupName: ten-params-8
    snapshotRetentionLimit: 3
    userGroupIds: [ten-users]
    tags: {team: platform}
alarms:
  cpu: {for: replicationGroup/ten, metricName: EngineCPUUtilization, statistic: Average, period: 60, evaluationPeriods: 5, threshold: 80, comparisonOperator: GreaterThanThreshold}
"#;

#[test]
fn a_create_that_is_killed_at_any_call_is_finished_by_the_next_apply() {
    kill_everywhere(
        APPLY,
        |rig| rig.spec(BEFORE),
        |rig| {
            rig.settled();
            let made = [
                "CreateCacheSubnetGroup",
                "CreateCacheParameterGroup",
                "CreateUser",
                "CreateUserGroup",
                "CreateReplicationGroup",
            ];
            made.into_iter().for_each(|operation| once(rig, operation));
        },
    );
}

#[test]
fn an_update_that_is_killed_at_any_call_is_finished_by_the_next_apply() {
    let prepare = |rig: &Rig| {
        rig.spec(BEFORE);
        rig.run(APPLY).exits(0);
        rig.spec(AFTER);
        let plan = rig.run(&["plan", "--format", "json"]).exits(0).json();
        assert!(plan["steps"].as_array().unwrap().len() >= 10, "{plan:#}");
    };
    kill_everywhere(APPLY, prepare, |rig| {
        rig.settled();
        ["CreateCacheParameterGroup", "IncreaseReplicaCount", "ModifyUser"]
            .into_iter()
            .for_each(|name| once(rig, name));
    });
}

#[test]
fn a_destroy_that_is_killed_at_any_call_is_finished_by_the_next_destroy() {
    let prepare = |rig: &Rig| {
        rig.spec(BEFORE);
        rig.run(APPLY).exits(0);
    };
    kill_everywhere(DESTROY, prepare, |rig| {
        let plan = rig.run(&["plan", "--format", "json"]).exits(0).json();
        assert_eq!(plan["orphans"], serde_json::json!([]));
        assert_eq!(plan["summary"]["create"], serde_json::json!(6), "{plan:#}");
        // Once, so with one final snapshot.
        once(rig, "DeleteReplicationGroup");
    });
}

/// The call took effect in the first run or in the second, and not in both.
fn once(rig: &Rig, operation: &str) {
    let took_effect = |call: &&cachectl_sandbox::Call| call.operation == operation && call.error.is_none();
    let calls = rig.sandbox.calls();
    assert_eq!(calls.iter().filter(took_effect).count(), 1, "{operation}: {calls:#?}");
}

/// Runs the command as often as it makes calls, and kills it each time in the middle of another: the
/// effect is there, the answer never comes. What is killed before a call's effect is what is killed
/// after the one before it. Then runs the command to its end and looks at what it left.
fn kill_everywhere(command: &[&str], prepare: impl Fn(&Rig) + Sync, check: impl Fn(&Rig) + Sync) {
    let next = AtomicU32::new(0);
    let kill_some = || {
        let rig = Rig::with(BEFORE, Options { time_scale: FAST, ..Options::default() });
        loop {
            let call = next.fetch_add(1, Ordering::Relaxed);
            rig.sandbox.reset();
            rig.sandbox.set_secret("ten", "0123456789abcdef");
            prepare(&rig);
            rig.sandbox.clear_calls();
            match killed_at(&rig, call, command) {
                Some(again) => {
                    assert_eq!(again.code, 0, "killed at call {call}:\n{}\n{}", again.stdout, again.stderr)
                }
                None => break assert!(call > 20, "it makes only {call} calls"),
            }
            check(&rig);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(kill_some);
        }
    });
}

/// How the second run ended; `None` when the first one made fewer calls.
fn killed_at(rig: &Rig, call: u32, command: &[&str]) -> Option<Ran> {
    rig.sandbox.inject(Fault::slow(NEVER).after(call).times(1));
    let mut running = rig.start(command);
    if !rig.reached(call as usize + 1, &mut running) {
        running.end().exits(0);
        return None;
    }
    running.kill();
    rig.sandbox.clear_faults();
    Some(rig.run(command))
}

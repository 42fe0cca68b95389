//! Over generated specs, what they left behind and what happened since: AWS accepts every step, and after the
//! steps, hop by hop, nothing is left to do. `CACHECTL_PROPERTY_CASES` says how many pairs,
//! `CACHECTL_PROPERTY_SEED` which.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use cachectl::model::options::Options;
use cachectl::model::{Glob, Kind, Spec};
use cachectl::resource::ownership;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use serde_json::{Value, json};

use super::plan_account::{Account, options, shown, spec};
use super::plan_case::group;
use super::plan_generated::{self, GENES};

const CASES: u32 = 1_000;
/// The engine, what rests on it, and what rests on that.
const MOST_WINDOWS: usize = 3;

/// Two specs and how the second is applied.
#[derive(Clone, Debug)]
struct Pair {
    before: Vec<u8>,
    other: Vec<u8>,
    /// Which genes the second spec takes from `other`.
    mask: Vec<bool>,
    all_hops: bool,
    prune: bool,
    /// What happened to the account between the two specs.
    meanwhile: Meanwhile,
    begin: Begin,
}

/// What people and AWS do behind a spec's back.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meanwhile {
    Nothing,
    /// The stack's tag is taken off everything: all is to be adopted.
    Untagged,
    /// Settings were changed by hand.
    Edited,
    /// A node type was ordered by hand, for the maintenance window.
    Ordered,
    /// A replica was added by hand.
    Grown,
    /// Every other alarm was deleted.
    AlarmsLost,
    /// The keeper of the secrets has a new version of one.
    SecretRotated,
}

/// How the change begins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Begin {
    Whole,
    /// The run is killed after so many of its steps.
    Killed(u8),
    /// First the group alone.
    OnlyTheGroup,
}

impl Pair {
    fn after(&self) -> Vec<u8> {
        self.before
            .iter()
            .zip(&self.other)
            .zip(&self.mask)
            .map(|((one, other), take)| if *take { *other } else { *one })
            .collect()
    }
}

fn pairs() -> impl Strategy<Value = Pair> {
    let genes = || vec(0u8..60, GENES);
    // A few changes at a time, as people make them; now and then everything at once.
    let mask = (prop::sample::select(vec![0.08, 0.08, 0.2, 0.6]), vec(0.0..1.0f64, GENES))
        .prop_map(|(share, draws)| draws.into_iter().map(|draw| draw < share).collect::<Vec<bool>>());
    use Meanwhile::{AlarmsLost, Edited, Grown, Nothing, Ordered, SecretRotated, Untagged};
    let happenings = [Untagged, Edited, Ordered, Grown, AlarmsLost, SecretRotated];
    let meanwhile = prop::sample::select([[Nothing; 6], happenings].concat());
    let begin = prop_oneof![
        3 => Just(Begin::Whole),
        2 => (0u8..12).prop_map(Begin::Killed),
        1 => Just(Begin::OnlyTheGroup),
    ];
    (genes(), genes(), mask, any::<bool>(), any::<bool>(), meanwhile, begin).prop_map(
        |(before, other, mask, all_hops, prune, meanwhile, begin)| Pair {
            before,
            other,
            mask,
            all_hops,
            prune,
            meanwhile,
            begin,
        },
    )
}

/// What happens is only done where AWS takes it.
fn happens(account: &mut Account, spec: &Spec, what: Meanwhile) {
    let group = |rest: Value| {
        let mut parameters = json!({"ReplicationGroupId": "g", "ApplyImmediately": true});
        parameters.as_object_mut().expect("an object").extend(rest.as_object().cloned().unwrap_or_default());
        parameters
    };
    let mut tried = |operation: &str, parameters: Value| drop(account.sandbox.call(operation, parameters));
    match what {
        Meanwhile::Nothing => {}
        Meanwhile::Edited => {
            tried(MODIFY, group(json!({"ReplicationGroupDescription": "by hand", "SnapshotRetentionLimit": 9})));
            tried(MODIFY, group(json!({"AutoMinorVersionUpgrade": false, "SnapshotWindow": "04:00-05:00"})));
            tried("ModifyServerlessCache", json!({"ServerlessCacheName": "s", "Description": "by hand"}));
            tried("DeleteAlarms", json!({"AlarmNames": ["own"]}));
            let subnets = json!(["subnet-1a", "subnet-1b", "subnet-1c"]);
            tried("ModifyCacheSubnetGroup", json!({"CacheSubnetGroupName": "x", "SubnetIds": subnets}));
        }
        Meanwhile::Ordered => {
            tried(MODIFY, group(json!({"CacheNodeType": "cache.m7g.large", "ApplyImmediately": false})));
        }
        Meanwhile::SecretRotated => drop(account.secrets.insert("prod-cache-one".into(), 2)),
        Meanwhile::Grown => tried("IncreaseReplicaCount", group(json!({"NewReplicaCount": 3}))),
        Meanwhile::AlarmsLost => {
            let alarms = account.live(spec).of(Kind::Alarm).clone().into_keys().step_by(2).collect::<Vec<_>>();
            drop(account.sandbox.call("DeleteAlarms", json!({"AlarmNames": alarms})));
        }
        Meanwhile::Untagged => {
            let live = account.live(spec);
            for address in &live.owned {
                let (operation, of, keys) = match address.kind {
                    Kind::Alarm => ("UntagResource", "ResourceARN", "TagKeys"),
                    _ => ("RemoveTagsFromResource", "ResourceName", "TagKeys"),
                };
                let parameters = json!({of: live.arn(address), keys: [ownership::STACK]});
                drop(account.sandbox.call(operation, parameters));
            }
        }
    }
}

/// Begins with the change, as far as it goes.
fn begins(account: &mut Account, spec: &Spec, how: &Options, begin: Begin) -> Result<(), String> {
    let (steps, how) = match begin {
        Begin::Whole => return Ok(()),
        Begin::Killed(steps) => (usize::from(steps), how.clone()),
        Begin::OnlyTheGroup => {
            (usize::MAX, Options { only: vec![Glob("replicationGroup/g".into())], prune: false, ..how.clone() })
        }
    };
    let mut plan = account.plan(spec, &how);
    if plan.is_blocked() {
        return Ok(());
    }
    plan.steps.truncate(steps);
    account.run(spec, &how, &plan)
}

/// What the pairs came to.
#[derive(Default)]
struct Tally {
    settled: usize,
    steps: usize,
    blocked: BTreeMap<String, usize>,
    operations: BTreeMap<String, usize>,
}

const MODIFY: &str = "ModifyReplicationGroup";

fn holds(pair: &Pair, tally: &Mutex<Tally>) -> Result<(), String> {
    let (before, after) = (plan_generated::spec(&pair.before), plan_generated::spec(&pair.after()));
    comes_through(&before, &after, pair, tally)
}

fn comes_through(before: &str, after: &str, pair: &Pair, tally: &Mutex<Tally>) -> Result<(), String> {
    let told = |what: &str, why: String| {
        format!(
            "{what}: {why}\n--- before\n{before}--- after\n{after}---\nall hops: {}, prune: {}, meanwhile: {:?}, begin: {:?}",
            pair.all_hops, pair.prune, pair.meanwhile, pair.begin
        )
    };
    let mut account = Account::new();
    let (first, second) = (spec(before), spec(after));
    let created = account.settle(&first, &options(&[])).map_err(|why| told("creating", why))?;
    if created.len() > 1 {
        return Err(told("creating", "it takes a second apply".into()));
    }
    happens(&mut account, &first, pair.meanwhile);
    let how = Options { all_hops: pair.all_hops, prune: pair.prune, ..options(&["replace:*", "delete:*", "adopt:*"]) };
    begins(&mut account, &second, &how, pair.begin).map_err(|why| told("beginning", why))?;
    let plan = account.plan(&second, &how);
    if plan.is_blocked() {
        let mut tally = tally.lock().map_err(|error| error.to_string())?;
        for blocked in plan.changes.iter().filter_map(|change| change.blocked.as_ref()) {
            if blocked.hint.is_empty() {
                return Err(told("blocked without a way round", shown(&plan)));
            }
            *tally.blocked.entry(blocked.rule.clone()).or_default() += 1;
        }
        return Ok(());
    }
    let plans = match account.settle(&second, &how) {
        // A later hop would carry out what the first left waiting: the window comes first.
        Err(why) if why.contains("blocked flush-pending") => {
            account
                .sandbox
                .open_maintenance_window("g")
                .map_err(|refusal| told("opening the window", refusal.to_string()))?;
            account.settle(&second, &how).map_err(|why| told("changing after the window", why))?
        }
        settled => settled.map_err(|why| told("changing", why))?,
    };
    if let Some(unannounced) =
        plans.windows(2).find(|pair| pair[0].changes.iter().all(|change| change.remaining.is_empty()))
    {
        return Err(told("changing", format!("a further apply that nothing announced:\n{}", shown(&unannounced[1]))));
    }
    // New shards with zones come once all others have their nodes, and their own further replicas after that.
    let most = if after.contains("AvailabilityZone") { 3 } else { 2 };
    if pair.all_hops && plans.len() > most {
        return Err(told("changing", format!("all hops took {} applies", plans.len())));
    }
    // What rests on what waited is ordered then, and may wait for a window of its own.
    for window in 1.. {
        account
            .sandbox
            .open_maintenance_window("g")
            .map_err(|refusal| told("opening the window", refusal.to_string()))?;
        match account.settle(&second, &how) {
            Err(why) if window < MOST_WINDOWS && why.contains("blocked flush-pending") => {}
            settled => {
                settled.map_err(|why| told("after the maintenance window", why))?;
                break;
            }
        }
    }
    let mut tally = tally.lock().map_err(|error| error.to_string())?;
    tally.settled += 1;
    for step in plans.iter().flat_map(|plan| &plan.steps) {
        tally.steps += 1;
        *tally.operations.entry(step.operation().name().to_owned()).or_default() += 1;
    }
    Ok(())
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn every_step_is_accepted_and_afterwards_nothing_is_left_to_do() {
    let cases = number("CACHECTL_PROPERTY_CASES").map_or(CASES, |cases| u32::try_from(cases).unwrap_or(u32::MAX));
    let seed = number("CACHECTL_PROPERTY_SEED").unwrap_or(1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let tally = Mutex::new(Tally::default());
    let started = Instant::now();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|thread| {
                let tally = &tally;
                scope.spawn(move || {
                    let config = Config {
                        cases: cases.div_ceil(u32::try_from(threads).unwrap_or(1)),
                        failure_persistence: None,
                        ..Config::default()
                    };
                    let mut bytes = [0; 32];
                    bytes[..8].copy_from_slice(&seed.to_le_bytes());
                    bytes[8] = u8::try_from(thread).unwrap_or(0);
                    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
                    let outcome = runner.run(&pairs(), |pair| holds(&pair, tally).map_err(TestCaseError::fail));
                    match outcome {
                        Ok(()) => None,
                        Err(TestError::Fail(why, _)) => Some(why.to_string()),
                        Err(TestError::Abort(why)) => Some(format!("aborted: {why}")),
                    }
                })
            })
            .collect();
        runs.into_iter().filter_map(|run| run.join().unwrap_or_else(|_| Some("a thread panicked".into()))).collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let tally = tally.into_inner().expect("no thread panicked");
    let blocked: usize = tally.blocked.values().sum();
    #[expect(clippy::print_stderr, reason = "how many pairs, how fast, and what they came to")]
    {
        eprintln!(
            "{cases} pairs in {seconds:.1} s, {:.0} a second: {} settled with {} steps {:?}, {blocked} blocked {:?}",
            f64::from(cases) / seconds,
            tally.settled,
            tally.steps,
            tally.operations,
            tally.blocked
        );
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(tally.settled > blocked, "most pairs should come through");
}

/// Pairs that were found by many more draws than a run makes, as fields of one group: before, after, all hops.
const ONCE_FAILED: [(&str, &str, bool); 5] = [
    // A lost preset beside a replacement by fewer shards.
    (
        "cacheNodeType: cache.r6gd.xlarge\ndataTieringEnabled: true\nnumNodeGroups: 3\nreplicasPerNodeGroup: 1\nalarms: {preset: recommended}",
        "cacheNodeType: cache.r8g.large\nnumNodeGroups: 2\nreplicasPerNodeGroup: 1",
        false,
    ),
    // A replacement whose shards have other numbers of nodes.
    (
        "numNodeGroups: 2\nnodeGroupConfiguration: [{replicaCount: 1}, {replicaCount: 2}]\natRestEncryptionEnabled: true\nkmsKeyId: arn:aws:kms:us-east-1:012345678901:key/2222\nalarms: {preset: recommended}",
        "numNodeGroups: 3\nnodeGroupConfiguration: [{replicaCount: 2}, {replicaCount: 1}, {replicaCount: 1}]\natRestEncryptionEnabled: true\nkmsKeyId: arn:aws:kms:us-east-1:012345678901:key/1111",
        false,
    ),
    // Out of compatible, and to another engine.
    (
        "engine: redis\nengineVersion: \"7.1\"\nnumCacheClusters: 3\nautomaticFailoverEnabled: true\nmultiAZEnabled: true\nclusterMode: compatible\ncacheParameterGroupName: default.redis7.cluster.on",
        "cacheNodeType: cache.r8g.large\nnumCacheClusters: 2\nclusterMode: disabled\ncacheParameterGroupName: default.valkey8",
        false,
    ),
    // Replicas come, and then shards, all with zones.
    (
        "numNodeGroups: 2\nreplicasPerNodeGroup: 0",
        "numNodeGroups: 3\nnodeGroupConfiguration: [{replicaCount: 2, primaryAvailabilityZone: us-east-1b, replicaAvailabilityZones: [us-east-1a, us-east-1b]}, {replicaCount: 1, primaryAvailabilityZone: us-east-1b, replicaAvailabilityZones: [us-east-1a]}, {replicaCount: 1, primaryAvailabilityZone: us-east-1b, replicaAvailabilityZones: [us-east-1a]}]",
        false,
    ),
    // Replicas go on the way into cluster mode, and shards with zones come after it.
    (
        "numCacheClusters: 3\npreferredCacheClusterAZs: [us-east-1b, us-east-1a, us-east-1b]\nautomaticFailoverEnabled: true",
        "automaticFailoverEnabled: true\nnumNodeGroups: 2\nnodeGroupConfiguration: [{replicaCount: 1, nodeGroupId: \"0001\", primaryAvailabilityZone: us-east-1b, replicaAvailabilityZones: [us-east-1a]}, {replicaCount: 2, nodeGroupId: \"0002\", primaryAvailabilityZone: us-east-1b, replicaAvailabilityZones: [us-east-1a, us-east-1b]}]\nclusterMode: enabled",
        true,
    ),
];

#[test]
fn pairs_that_once_failed_come_through() {
    let tally = Mutex::new(Tally::default());
    for (before, after, all_hops) in ONCE_FAILED {
        let (meanwhile, begin) = (Meanwhile::Nothing, Begin::Whole);
        let pair = Pair { before: vec![], other: vec![], mask: vec![], all_hops, prune: false, meanwhile, begin };
        comes_through(&group(before), &group(after), &pair, &tally).unwrap_or_else(|why| panic!("{why}"));
    }
    let tally = tally.into_inner().expect("no thread panicked");
    assert_eq!(tally.settled, ONCE_FAILED.len(), "{:?}", tally.blocked);
}

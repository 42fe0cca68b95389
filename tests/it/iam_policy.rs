//! The policies of `iam-policy`, held against the calls that whole life cycles made.

use std::collections::BTreeSet;

use cachectl::model::operation::Operation;
use cachectl_sandbox::{Call, Options};
use serde_json::Value;

use crate::harness::Ran;
use crate::rig::{QUICK, Rig};

const ACCOUNT: &str = include_str!("../import/account.yaml");

fn run(rig: &Rig, arguments: &[&str]) -> Ran {
    let mut command = rig.command(arguments);
    command.env("APP_PASSWORD", "a-password-of-some-length").env("CACHE_TOKEN", "a-token-of-some-length-1");
    Ran::of(&mut command)
}

fn policy(rig: &Rig, arguments: &[&str]) -> Value {
    run(rig, &[&["iam-policy"], arguments].concat()).exits(0).json()
}

/// The actions that a policy allows.
fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().expect("statements");
    let all = statements.iter().flat_map(|statement| statement["Action"].as_array().expect("actions"));
    all.map(|action| action.as_str().expect("an action").to_owned()).collect()
}

/// The operations by their names, without the service.
fn operations(actions: &BTreeSet<String>) -> BTreeSet<&str> {
    actions.iter().filter_map(|action| action.split_once(':')).map(|(_, name)| name).collect()
}

fn called(calls: &[Call]) -> BTreeSet<String> {
    calls.iter().map(|call| call.operation.clone()).collect()
}

#[test]
fn the_policies_allow_what_a_life_cycle_calls_and_reading_allows_no_write() {
    let rig = Rig::with(ACCOUNT, Options { time_scale: QUICK, ..Options::default() });
    let plan = actions(&policy(&rig, &["cachectl.yaml", "--for", "plan"]));
    let apply = actions(&policy(&rig, &["cachectl.yaml", "--for", "apply"]));
    assert!(rig.sandbox.calls().is_empty(), "no AWS call is needed for a policy");
    for purpose in [&plan, &apply] {
        assert!(purpose.contains("cloudwatch:GetMetricData"), "a smaller cache is measured first: {purpose:?}");
    }
    run(&rig, &["plan"]).exits(0);
    run(&rig, &["status"]).exits(0);
    for operation in called(&rig.sandbox.calls()) {
        assert!(operations(&plan).contains(operation.as_str()), "plan calls {operation}: {plan:?}");
    }
    run(&rig, &["apply", "--yes", "--no-smoke"]).exits(0);
    // Something of each kind changes, and in the end all of it goes.
    let changed = ACCOUNT
        .replace("allkeys-lru", "allkeys-lfu")
        .replace("Subnets of the shop", "Subnets of our shop")
        .replace("protect: true", "protect: false");
    rig.spec(&changed);
    run(&rig, &["apply", "--yes", "--no-smoke"]).exits(0);
    run(&rig, &["destroy", "--yes", "--allow", "delete:*"]).exits(0);
    let all = called(&rig.sandbox.calls());
    assert!(all.len() > 20, "{all:?}");
    for operation in &all {
        assert!(operations(&apply).contains(operation.as_str()), "apply calls {operation}: {apply:?}");
    }
    let writes: BTreeSet<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    for purpose in ["plan", "smoke", "advise", "drill"] {
        let allowed = actions(&policy(&rig, &["cachectl.yaml", "--for", purpose]));
        let wrong: Vec<&str> = operations(&allowed).intersection(&writes).copied().collect();
        assert!(wrong.is_empty(), "{purpose} may write: {wrong:?}");
        assert!(!allowed.iter().any(|action| action.contains('*')), "{allowed:?}");
    }
}

#[test]
fn writes_are_narrowed_to_the_specs_names_and_deletions_to_its_tag() {
    let spec = "apiVersion: cachectl/v1\nstack: shop\nregion: us-east-1\naccountId: \"012345678901\"\nreplicationGroups:\n  shop-cache:\n    description: d\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.t4g.small\n    transitEncryptionEnabled: true\n    cacheSubnetGroupName: shop-subnets\n    authToken: {secretsManager: shop/cache, key: token}\n    alarms: {preset: recommended}\n";
    let rig = Rig::new(spec);
    let policy = policy(&rig, &["cachectl.yaml", "--for", "apply"]);
    let text = policy.to_string();
    for arn in [
        "arn:aws:elasticache:us-east-1:012345678901:replicationgroup:shop-cache",
        "arn:aws:elasticache:us-east-1:012345678901:subnetgroup:shop-subnets",
        "arn:aws:cloudwatch:us-east-1:012345678901:alarm:shop-cache-*",
        "arn:aws:secretsmanager:us-east-1:012345678901:secret:shop/cache-??????",
    ] {
        assert!(text.contains(arn), "no {arn} in {policy:#}");
    }
    for statement in policy["Statement"].as_array().expect("statements") {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        assert!(sid == "Read" || statement["Resource"] != "*", "{sid} is for everything");
        let deletes = statement["Action"].to_string().contains("elasticache:Delete");
        assert_eq!(deletes, statement["Condition"].is_object(), "{statement:#}");
    }
    assert!(
        !text.contains("CreateUser") && !text.contains("ServerlessCache\""),
        "kinds that the spec does not have: {policy:#}"
    );
    // Without a spec every write is there, for any name.
    let any = actions(&self::policy(&rig, &["--for", "apply"]));
    for operation in Operation::ALL {
        assert!(operations(&any).contains(operation.name()), "no {operation}");
    }
    run(&rig, &["iam-policy"]).exits(64);
    run(&rig, &["iam-policy", "--for", "fun"]).exits(64);
}

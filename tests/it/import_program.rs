//! The binary's `import`: what it writes, what it says, and what it never does.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use cachectl_sandbox::{Fault, Options};

use crate::harness::Ran;
use crate::rig::{Rig, Running};

const ACCOUNT: &str = include_str!("../import/account.yaml");

fn rig() -> Rig {
    let rig = Rig::with(ACCOUNT, Options::default());
    run(&rig, &["apply", "--yes", "--no-smoke"]).exits(0);
    rig
}

fn run(rig: &Rig, arguments: &[&str]) -> Ran {
    Ran::of(&mut command(rig, arguments))
}

fn command(rig: &Rig, arguments: &[&str]) -> Command {
    let mut command = rig.command(arguments);
    command.env("APP_PASSWORD", "a-password-of-some-length").env("CACHE_TOKEN", "a-token-of-some-length-1");
    command.env("AWS_REGION", "us-east-1");
    command
}

/// Against a file of `tests/import`; `CACHECTL_BLESS=1` writes it anew.
#[track_caller]
fn is_golden(name: &str, found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(name);
    if std::env::var_os("CACHECTL_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == found, "{} is not\n{found}", path.display());
}

#[test]
fn an_account_is_imported_as_an_operator_would_write_it_and_plans_empty() {
    let rig = rig();
    rig.sandbox.clear_calls();
    let ran = run(&rig, &["import", "--all", "-o", "imported.yaml"]).exits(0);
    assert_eq!(rig.writes(), Vec::<String>::new());
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    is_golden("expected.yaml", &rig.read("imported.yaml"));
    is_golden("expected-notes.txt", &ran.stderr);
    run(&rig, &["validate", "imported.yaml"]).exits(0);
    let plan = run(&rig, &["plan", "imported.yaml"]).exits(0).says("No changes.");
    assert!(!plan.all().contains("Orphans"), "{}", plan.all());
}

#[test]
fn a_file_is_not_written_over_unless_that_is_asked_for() {
    let rig = rig();
    let import = ["import", "replicationGroup/shop-legacy", "-o", "cachectl.yaml"];
    rig.sandbox.clear_calls();
    run(&rig, &import).exits(64).says("exists already").says("--force");
    assert!(rig.sandbox.calls().is_empty(), "nothing is read for a result that has no place");
    assert_eq!(rig.read("cachectl.yaml"), ACCOUNT);
    run(&rig, &[&import[..], &["--force"]].concat()).exits(0);
    assert!(rig.read("cachectl.yaml").contains("shop-legacy"));
}

#[test]
fn resources_of_no_stack_are_adopted_with_tags_and_nothing_else() {
    let rig = Rig::with("", Options::default());
    rig.sandbox.seed(3).unwrap();
    run(&rig, &["import", "--all"]).exits(64).says("belong to no stack").says("--stack NAME");
    let spec = run(&rig, &["import", "replicationGroup/seed-*", "--stack", "seeds"]).exits(0);
    rig.spec(&spec.stdout);
    run(&rig, &["plan"]).exits(3).says("--allow adopt:replicationGroup/seed-0001");
    let plan = run(&rig, &["plan", "--allow", "adopt:*", "--format", "json"]).exits(0).json();
    assert_eq!(plan["summary"]["adopt"], 3, "{plan:#}");
    let steps: Vec<_> = plan["steps"].as_array().unwrap().iter().map(|step| step["operation"].clone()).collect();
    assert_eq!(steps, ["AddTagsToResource"; 3], "{plan:#}");
    run(&rig, &["apply", "--yes", "--no-smoke", "--allow", "adopt:*"]).exits(0);
    // By now they say themselves whose they are.
    let again = run(&rig, &["import", "--all"]).exits(0);
    assert_eq!(again.stdout, spec.stdout);
}

#[test]
fn another_stacks_resource_is_refused_by_its_address_and_left_out_of_many() {
    let rig = rig();
    rig.sandbox.seed(1).unwrap();
    run(&rig, &["import", "replicationGroup/shop-cache", "--stack", "other"])
        .exits(3)
        .says("belongs to the stack `shop`")
        .says("--stack shop");
    run(&rig, &["import", "--all"]).exits(64).says("several stacks").says("to `shop`").says("to none");
    let ran = run(&rig, &["import", "--all", "--stack", "other"]).exits(0).says("of the stack `shop` left out");
    assert!(ran.stdout.contains("seed-0001") && !ran.stdout.contains("shop-cache"), "{}", ran.stdout);
    run(&rig, &["import", "*/shop-*", "--stack", "other"])
        .exits(64)
        .says("all that was found belongs to others")
        .says("of the stack `shop`")
        .says("--stack shop");
}

#[test]
fn slips_in_addresses_are_told_before_any_call_or_as_matching_nothing() {
    let rig = Rig::with("", Options::default());
    run(&rig, &["import"]).exits(64);
    run(&rig, &["import", "--all", "user/app"]).exits(64);
    run(&rig, &["import", "cache/a", "--stack", "s"]).exits(64).says("not a kind of resource").says("replicationGroup");
    run(&rig, &["import", "cach*/a", "--stack", "s"]).exits(64).says("cannot match any address");
    run(&rig, &["import", "user/default", "--stack", "s"]).exits(64).says("AWS's own");
    run(&rig, &["import", "user/a", "--stack", "a b"]).exits(64);
    assert!(rig.sandbox.calls().is_empty(), "{:?}", rig.sandbox.calls());
    run(&rig, &["import", "replicationGroup/ghost", "--stack", "s"]).exits(64).says("matches nothing in account");
    run(&rig, &["import", "*", "--stack", "s"]).exits(64).says("nothing to import");
    let no_region = Ran::of(&mut rig.command(&["import", "--all"]));
    no_region.exits(64).says("--region REGION");
}

#[test]
fn a_cache_by_its_address_takes_few_calls_and_brings_its_stacks_alarms_along() {
    let rig = rig();
    rig.sandbox.seed(300).unwrap();
    rig.sandbox.clear_calls();
    let ran = run(&rig, &["import", "replicationGroup/shop-cache"]).exits(0).says("will list them as orphans");
    let calls = rig.sandbox.calls().len();
    assert!(calls <= 12, "{calls}: {:#?}", rig.sandbox.calls());
    assert!(ran.stdout.contains("shop-cache"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("shop-shards"), "{}", ran.stdout);
    rig.spec(&ran.stdout);
    run(&rig, &["plan"]).exits(0).says("No changes.");
}

#[test]
fn a_thousand_groups_are_read_in_lists() {
    let rig = Rig::with("", Options::default());
    rig.sandbox.seed(1_000).unwrap();
    let ran = run(&rig, &["import", "--all", "--stack", "many", "-q"]).exits(0);
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    assert_eq!(ran.stdout.matches("numCacheClusters: 2").count(), 1_000);
    let calls = rig.sandbox.calls().len();
    // Ten pages of groups, twenty of members, and a few lists.
    assert!(calls <= 45, "{calls}");
}

#[test]
fn pages_of_two_make_no_difference() {
    let rig = Rig::with(ACCOUNT, Options { page_size: Some(2), ..Options::default() });
    run(&rig, &["apply", "--yes", "--no-smoke"]).exits(0);
    let ran = run(&rig, &["import", "--all"]).exits(0);
    let expected = include_str!("../import/expected.yaml");
    assert!(ran.stdout == expected, "{}", ran.stdout);
}

#[test]
fn without_the_tagging_api_tags_are_read_one_by_one() {
    let rig = rig();
    rig.sandbox.inject(Fault::access_denied().on("GetResources"));
    rig.sandbox.clear_calls();
    let ran = run(&rig, &["import", "--all", "--stack", "shop"]).exits(0).says("GetResources is not available");
    assert_eq!(rig.writes(), Vec::<String>::new());
    assert!(ran.stdout.contains("team: platform") && ran.stdout.contains("protect: true"), "{}", ran.stdout);
    rig.spec(&ran.stdout);
    run(&rig, &["plan"]).exits(0).says("No changes.");
}

#[test]
fn what_is_in_transit_is_imported_as_it_is_and_said_so() {
    let slow = Rig::with(ACCOUNT, Options { time_scale: 1.0, ..Options::default() });
    let only = ["apply", "--yes", "--no-smoke", "--only", "replicationGroup/shop-legacy"];
    let mut creating =
        Running::from(command(&slow, &only).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    while slow.accepted("CreateReplicationGroup") == 0 {
        slow.begun("CreateReplicationGroup", &mut creating);
    }
    creating.kill();
    let ran = run(&slow, &["import", "--all", "--stack", "shop"]).exits(0).says("shop-legacy is creating");
    slow.spec(&ran.stdout);
    run(&slow, &["validate"]).exits(0);
}

/// A cache with two alarms, and a composite alarm over both that somebody made by hand.
#[test]
fn composite_alarms_over_imported_alarms_come_along_or_are_named() {
    let own = "apiVersion: cachectl/v1\nstack: pair\nregion: us-east-1\nreplicationGroups:\n  c: {description: C, engine: valkey, engineVersion: \"8.0\", cacheNodeType: cache.t4g.small, numCacheClusters: 1, transitEncryptionEnabled: true}\nalarms:\n".to_owned()
        + &["Evictions", "CurrConnections"].map(|metric| format!("  c-{metric}: {{namespace: AWS/ElastiCache, metricName: {metric}, dimensions: [{{name: CacheClusterId, value: c-001}}], statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 5, comparisonOperator: GreaterThanThreshold}}\n")).concat();
    let rig = Rig::with(&own, Options::default());
    rig.apply().exits(0);
    let rule = "ALARM(\"c-Evictions\") AND ALARM(\"c-CurrConnections\")";
    let put = |name: &str, note: &str, tags: serde_json::Value| {
        let parameters =
            serde_json::json!({"AlarmName": name, "AlarmRule": rule, "AlarmDescription": note, "Tags": tags});
        rig.at_cloudwatch("PutCompositeAlarm", &parameters);
    };
    put("all of c", "by hand", serde_json::json!([]));
    for arguments in [&["import", "replicationGroup/c", "alarm/*"][..], &["import", "replicationGroup/c"]] {
        let ran = run(&rig, arguments).exits(0);
        let told = "composite alarms over alarms of this spec: compositeAlarm/all of c";
        assert!(ran.stdout.starts_with('#') && ran.stdout.contains(told), "{}", ran.stdout);
        rig.spec(&ran.stdout);
        run(&rig, &["plan"]).exits(0).says("No changes.");
    }
    let ran = run(&rig, &["import", "replicationGroup/c", "compositeAlarm/all of c", "--stack", "pair"]).exits(0);
    assert!(ran.stdout.contains("compositeAlarms:") && !ran.stdout.contains("left alone"), "{}", ran.stdout);
    let own = serde_json::json!([{"Key": "cachectl:stack", "Value": "pair"}]);
    put("ours", "ours [cachectl:stack=pair]", own);
    let ran = run(&rig, &["import", "replicationGroup/c"]).exits(0);
    assert!(ran.stdout.contains("compositeAlarms:\n  ours:"), "{}", ran.stdout);
    assert!(ran.stdout.contains("compositeAlarm/all of c."), "{}", ran.stdout);
    rig.spec(&ran.stdout);
    run(&rig, &["plan"]).exits(0).says("No changes.");
}

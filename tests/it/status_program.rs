//! The binary's `status` against the sandbox.

use cachectl_sandbox::{Fault, Options};
use serde_json::json;

use crate::harness::{Ran, small};
use crate::rig::Rig;

#[test]
fn status_reads_in_few_calls_writes_nothing_and_exits_0_whatever_it_finds() {
    let rig = Rig::with(&small("alarms: {preset: recommended}"), Options::default());
    let before = rig.run(&["status"]).exits(0).says("absent").says("1 resource: 1 absent.");
    assert!(!before.stdout.contains('\u{1b}'), "{}", before.stdout);
    rig.apply().exits(0);
    rig.sandbox.seed(300).unwrap();
    rig.sandbox.clear_calls();
    let after = rig.run(&["status"]).exits(0).says("cache-001  primary").says("available");
    assert!(!after.stdout.contains("seed-"), "{}", after.stdout);
    let calls = rig.sandbox.calls().len();
    assert!(calls <= 6, "{calls}: {:#?}", rig.sandbox.calls());
    assert_eq!(rig.writes(), Vec::<String>::new());
    let styled = rig.run(&["status", "--color", "always"]).exits(0);
    assert!(styled.stdout.contains('\u{1b}'));
    rig.run(&["status", "--format", "markdown"]).exits(0).says("### cachectl status: `small`");
}

#[test]
fn the_document_names_nodes_endpoints_alarms_and_what_is_pending() {
    let rig = Rig::with(&small("alarms: {preset: recommended}\napplyImmediately: false"), Options::default());
    rig.apply().exits(0);
    rig.spec(&small("alarms: {preset: recommended}\napplyImmediately: false").replace("t4g.small", "t4g.medium"));
    rig.apply().exits(0);
    let report = rig.run(&["status", "--format", "json", "--only", "replicationGroup/*"]).exits(0).json();
    assert_eq!(report["formatVersion"], "1");
    assert_eq!((&report["stack"], &report["health"]), (&json!("small"), &json!("ok")));
    let cache = &report["resources"][0];
    assert_eq!((&cache["address"], &cache["state"]), (&json!("replicationGroup/cache"), &json!("available")));
    assert_eq!(cache["pending"], json!([{"path": "cacheNodeType", "value": "cache.t4g.medium"}]), "{cache:#}");
    let roles: Vec<_> = cache["endpoints"].as_array().unwrap().iter().map(|one| one["role"].clone()).collect();
    assert_eq!(roles, ["primary", "reader"]);
    let nodes = cache["shards"][0]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2);
    assert_eq!((&nodes[0]["id"], &nodes[0]["role"]), (&json!("cache-001"), &json!("primary")));
    assert!(nodes[0]["zone"].is_string(), "{nodes:#?}");
    assert_eq!(cache["alarms"]["insufficientData"].as_u64(), Some(18), "{cache:#}");
    rig.run(&["status", "--only", "replicationGroup/cach"]).exits(64).says("did you mean `replicationGroup/cache`?");
}

#[test]
fn a_broken_spec_another_account_and_a_refusal_end_as_those_of_plan_do() {
    let rig = Rig::with("stack: [", Options::default());
    rig.run(&["status"]).exits(78);
    assert!(rig.sandbox.calls().is_empty());
    rig.spec(&small("").replace("region: us-east-1\n", "region: us-east-1\naccountId: \"999999999999\"\n"));
    rig.run(&["status"]).exits(3).says("999999999999");
    rig.spec(&small(""));
    rig.sandbox.inject(Fault::access_denied().on("DescribeReplicationGroups"));
    rig.run(&["status"]).exits(1).says("DescribeReplicationGroups");
}

#[test]
fn without_the_tagging_api_status_still_tells_the_spec_s_resources() {
    let rig = Rig::with(&small(""), Options::default());
    rig.apply().exits(0);
    rig.sandbox.inject(Fault::access_denied().on("GetResources"));
    let ran: Ran = rig.run(&["status"]).exits(0).says("cache-002  replica");
    assert!(ran.stdout.contains("orphans are not known"), "{}", ran.stdout);
}

#[test]
fn service_updates_that_are_due_are_read_in_one_call_and_only_where_there_are_groups() {
    let rig = Rig::with(&small(""), Options::default());
    rig.run(&["status"]).exits(0);
    assert_eq!(rig.called("DescribeUpdateActions"), 0);
    rig.apply().exits(0);
    rig.sandbox.publish_service_update("elc-20261101-001", "critical", &["cache"]).unwrap();
    rig.sandbox.seed(3).unwrap();
    rig.sandbox.publish_service_update("elc-20261102-001", "low", &["seed-0001"]).unwrap();
    rig.sandbox.clear_calls();
    let report = rig.run(&["status", "--format", "json"]).exits(0).json();
    assert_eq!(rig.called("DescribeUpdateActions"), 1);
    let due = &report["resources"][0]["serviceUpdates"];
    assert_eq!(due.as_array().unwrap().len(), 1, "{due:#}");
    assert_eq!((&due[0]["name"], &due[0]["severity"]), (&json!("elc-20261101-001"), &json!("critical")));
    assert_eq!((&due[0]["status"], &due[0]["isLate"]), (&json!("not-applied"), &json!(false)));
    rig.run(&["status"])
        .exits(0)
        .says("service update elc-20261101-001 (security-update, critical): not-applied, apply by");
    rig.sandbox.clear_calls();
    rig.run(&["plan"]).exits(0);
    assert_eq!(rig.called("DescribeUpdateActions"), 0, "a plan does not show them");
    rig.sandbox.inject(Fault::access_denied().on("DescribeUpdateActions"));
    rig.run(&["status"]).exits(0).says("service updates are not known");
}

#[test]
fn membership_of_a_global_datastore_is_shown() {
    let rig = Rig::with(&small(""), Options::default());
    rig.apply().exits(0);
    rig.sandbox.set_global_datastore("cache", Some("ldgnf-world"), false).unwrap();
    rig.run(&["status"]).exits(0).says("secondary of the global datastore ldgnf-world");
    rig.run(&["plan"]).exits(0).says("the group is secondary of the global datastore");
}

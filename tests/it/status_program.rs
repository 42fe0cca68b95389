//! The binary's `status` against the sandbox.

use cachectl_sandbox::{FailureKind, Fault, Options};
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

#[test]
fn what_another_stack_or_none_owns_is_told_by_its_tags_which_are_read_a_hundred_a_call() {
    let spec = "apiVersion: cachectl/v1\nstack: re\nregion: us-east-1\nsubnetGroups:\n".to_owned()
        + &(0..101).map(|n| format!("  net-{n}: {{subnetIds: [subnet-private-1a]}}\n")).collect::<String>();
    let rig = Rig::with(&spec, Options::default());
    rig.run(&["apply", "--yes", "--no-smoke", "--parallelism", "50"]).exits(0);
    rig.sandbox.clear_calls();
    rig.run(&["status"]).exits(0).says("101 resources, all well.");
    assert_eq!((rig.called("GetResources"), rig.called("ListTagsForResource")), (2, 0), "{:?}", rig.sandbox.calls());
    rig.spec(&spec.replace("stack: re", "stack: other"));
    rig.sandbox.clear_calls();
    let ran = rig.run(&["status", "--only", "subnetGroup/net-7"]).exits(0);
    let ran = ran.says("belongs to the stack re").says("1 resource: 1 of another stack.");
    assert!(ran.stdout.contains("! subnetGroup/net-7"), "{}", ran.stdout);
    // One of the stack; those of a hundred that do not carry its tag come in two pages, and of one in a third.
    assert_eq!((rig.called("GetResources"), rig.called("ListTagsForResource")), (4, 0), "{:?}", rig.sandbox.calls());
    let document = rig.run(&["status", "--format", "json"]).exits(0).json();
    assert_eq!(
        (&document["resources"][0]["ownership"], &document["resources"][0]["otherStack"]),
        (&json!("foreign"), &json!("re"))
    );
    rig.run(&["plan"]).exits(3).says("it belongs to the stack `re`");
    let arn = "arn:aws:elasticache:us-east-1:012345678901:subnetgroup:net-7";
    rig.by_hand("RemoveTagsFromResource", &format!("ResourceName={arn}&TagKeys.member.1=cachectl%3Astack"));
    let only = ["status", "--only", "subnetGroup/net-7"];
    rig.run(&only).exits(0).says("not adopted: belongs to no stack").says("1 resource: 1 not adopted.");
    rig.sandbox.inject(Fault::access_denied().on("GetResources"));
    rig.sandbox.inject(Fault::access_denied().on("ListTagsForResource"));
    rig.run(&only).exits(0).says("its tags could not be read").says("1 resource: 1 of an unknown owner.");
}

#[test]
fn a_glob_that_nothing_listed_matches_is_a_slip_and_not_all_well() {
    let rig = Rig::with(&small("alarms: {preset: recommended}"), Options::default());
    rig.apply().exits(0);
    let ran = rig.run(&["status", "--only", "alarm/*"]).exits(64);
    assert!(!ran.says("shown with the cache").stdout.contains("well"));
    rig.run(&["status", "--only", "replicationGroup/*", "--only", "alarm/*"]).exits(64);
    rig.run(&["status", "--only", "replicationGroup/*"]).exits(0);
}

#[test]
fn a_log_that_aws_cannot_deliver_is_told_with_aws_s_message_and_is_not_well() {
    let logs = |format: &str| {
        small(&format!(
            "logDeliveryConfigurations:\n- {{logType: slow-log, destinationType: cloudwatch-logs, destinationDetails: {{cloudWatchLogsDetails: {{logGroup: slow}}}}, logFormat: {format}}}"
        ))
    };
    let rig = Rig::with(&logs("json"), Options { time_scale: 0.0, ..Options::default() });
    rig.apply().exits(0);
    rig.run(&["status"]).exits(0).says("1 resource, all well.");
    rig.sandbox.fail_next(FailureKind::LogDeliveryFailed, Some("cache"));
    rig.spec(&logs("text"));
    let ran = rig.apply().exits(6).says("fix their destination or its resource policy");
    assert!(!ran.all().contains("Run the same command again"), "{}", ran.all());
    let ran = rig.run(&["status"]).exits(0).says("!   slow-log to slow cannot be delivered: Access denied");
    assert!(ran.stdout.contains("1 resource: 1 log not delivered."), "{}", ran.stdout);
    let log = &rig.run(&["status", "--format", "json"]).exits(0).json()["resources"][0]["logDeliveries"][0];
    assert_eq!(
        (&log["logType"], &log["destination"], &log["status"]),
        (&json!("slow-log"), &json!("slow"), &json!("error"))
    );
    assert!(log["message"].as_str().is_some_and(|message| message.contains("Access denied")), "{log}");
    rig.run(&["status", "--format", "markdown"]).exits(0).says("cannot be delivered: Access denied");
}

#[test]
fn between_rotate_and_set_status_tells_who_still_gets_in() {
    let open = |line: &str| {
        small(&format!("cacheSubnetGroupName: net\n{line}"))
            .replace("replicationGroups:", "subnetGroups: {net: {subnetIds: [subnet-private-1a]}}\nreplicationGroups:")
    };
    let token = |name: &str| open(&format!("authToken: {{env: {name}}}"));
    let rig = Rig::with(&open(""), Options { time_scale: 0.0, ..Options::default() });
    rig.apply().exits(0);
    let apply = || {
        let mut command = rig.command(&["apply", "--yes", "--no-smoke"]);
        command.env("ONE", "tr8kPzQ4mXx9Lw7nB2v").env("TWO", "f3a9c27e5b1d804f6e2");
        Ran::of(&mut command)
    };
    let status = || rig.run(&["status"]).exits(0);
    rig.spec(&token("ONE"));
    apply().exits(0);
    status().says("anyone who reaches the port gets in").says("1 in the middle of a token rotation");
    apply().exits(0);
    status().says("2 resources, all well.");
    rig.spec(&token("TWO"));
    apply().exits(0);
    let document = rig.run(&["status", "--format", "json"]).exits(0).json();
    let cache = document["resources"].as_array().unwrap().iter().find(|one| one["address"] == "replicationGroup/cache");
    assert_eq!(cache.unwrap()["tokenRotation"], json!({"openTo": "tokenBefore"}));
    status().says("the token before still opens the cache");
    apply().exits(0);
    status().says("2 resources, all well.");
}

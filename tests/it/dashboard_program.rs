//! `dashboard: recommended` by the real binary: put, followed, shown, imported, deleted, and unknown where it is denied.

use cachectl_sandbox::Fault;
use serde_json::{Value, json};

use crate::rig::Rig;

fn stack(nodes: u8, more: &str) -> String {
    format!(
        "apiVersion: cachectl/v1\nstack: shop\nregion: us-east-1\ntags: {{team: web}}\nreplicationGroups:\n  orders:\n    description: Orders\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.r7g.large\n    numCacheClusters: {nodes}\n    automaticFailoverEnabled: true\n    smoke: none\n{more}"
    )
}

const ASKED: &str = "    dashboard: recommended\n";

fn resource(report: &Value, address: &str) -> Value {
    let resources = report["resources"].as_array().expect("resources");
    resources.iter().find(|one| one["address"] == json!(address)).unwrap_or_else(|| panic!("{report:#}")).clone()
}

#[test]
fn a_dashboard_lives_with_its_cache_from_the_first_apply_to_the_last() {
    let rig = Rig::new(&stack(2, ASKED));
    let plan = rig.run(&["plan"]).exits(0);
    assert!(plan.all().contains("dashboard/orders-us-east-1"), "{}", plan.all());
    // Another change of it is under way: that passes.
    rig.sandbox
        .inject(Fault::error(409, "ConflictException", "Another update is under way.").on("PutDashboard").times(2));
    rig.apply().exits(0);
    rig.settled();
    assert_eq!((rig.called("PutDashboard"), rig.accepted("PutDashboard")), (3, 1));
    // It follows its cache, after the nodes are there.
    rig.spec(&stack(3, ASKED));
    rig.apply().exits(0);
    rig.settled();
    assert_eq!(rig.accepted("PutDashboard"), 2);
    let calls: Vec<String> = rig.writes();
    assert!(
        calls.iter().rposition(|call| call == "IncreaseReplicaCount")
            < calls.iter().rposition(|call| call == "PutDashboard"),
        "{calls:?}"
    );
    let report = rig.run(&["status", "--format", "json"]).exits(0).json();
    let own = resource(&report, "dashboard/orders-us-east-1");
    assert_eq!(
        (&own["state"], &own["health"], &own["facts"]),
        (&json!("exists"), &json!("ok"), &json!(["10 widgets"]))
    );
    let import = rig.run(&["import", "replicationGroup/orders", "--region", "us-east-1"]).exits(0);
    assert!(import.stdout.contains("dashboard: recommended"), "{}", import.all());
    assert!(!import.all().contains("orphans"), "{}", import.all());
    rig.spec(&stack(3, "    dashboard: none\n"));
    rig.apply().exits(0);
    rig.settled();
    assert_eq!(rig.accepted("DeleteDashboards"), 1);
    rig.spec(&stack(3, ASKED));
    rig.apply().exits(0);
    rig.destroy().exits(0);
    assert_eq!(rig.accepted("DeleteDashboards"), 2);
}

#[test]
fn tags_that_a_dashboard_has_not_are_not_imported_as_the_stacks() {
    let cache = "{engine: valkey, tags: {team: web}, smoke: none, dashboard: recommended}";
    let head = "apiVersion: cachectl/v1\nstack: shop\nregion: us-east-1\n";
    let rig = Rig::new(&format!("{head}serverlessCaches:\n  one: {cache}\n  two: {cache}\n"));
    rig.apply().exits(0);
    let import = rig.run(&["import", "serverlessCache/*", "--stack", "shop", "--region", "us-east-1"]).exits(0);
    rig.spec(&import.stdout);
    rig.settled();
}

#[test]
fn denied_dashboards_are_unknown_and_stop_nothing_that_has_none() {
    let rig = Rig::new(&stack(2, ASKED));
    rig.apply().exits(0);
    rig.sandbox.inject(Fault::error(403, "AccessDenied", "Not authorized.").on("GetDashboard"));
    let plan = rig.run(&["plan", "--format", "json"]).exits(3).json();
    let change =
        plan["changes"].as_array().expect("changes").iter().find(|one| !one["blocked"].is_null()).expect("blocked");
    assert_eq!(
        (&change["address"], &change["blocked"]["rule"]),
        (&json!("dashboard/orders-us-east-1"), &json!("ownership-unknown"))
    );
    rig.run(&["plan", "--only", "replicationGroup/*"]).exits(0);
    let status = rig.run(&["status", "--format", "json"]).exits(0).json();
    assert_eq!(resource(&status, "dashboard/orders-us-east-1")["state"], json!("unknown"), "{status:#}");
    rig.run(&["status"]).exits(0).says("1 unknown").says("could not be read: GetDashboard");
    let writes = rig.writes().len();
    rig.destroy().exits(3);
    assert_eq!(rig.writes().len(), writes, "nothing is deleted while it is unknown whose the dashboard is");
    // Who has no dashboards asks for none.
    let before = rig.called("GetDashboard");
    rig.spec(&stack(2, "").replace("stack: shop", "stack: other").replace("orders:", "quiet:"));
    rig.run(&["plan"]).exits(0);
    rig.run(&["status"]).exits(0);
    assert_eq!(rig.called("GetDashboard"), before);
}

#[test]
fn a_dashboard_that_can_no_longer_be_read_is_not_deleted() {
    let rig = Rig::new(&stack(2, ASKED));
    rig.apply().exits(0);
    // The plan reads it, and the look right before the deletion may not.
    rig.sandbox.inject(Fault::access_denied().on("GetDashboard").after(1));
    rig.spec(&stack(2, "    dashboard: none\n"));
    rig.apply().exits(4).says("could not be read").says("Nothing was changed");
    assert_eq!(rig.called("DeleteDashboards"), 0);
    rig.sandbox.clear_faults();
    // What is left and cannot be read is not told to be gone.
    rig.spec(&stack(2, ASKED));
    rig.sandbox.inject(Fault::access_denied().on("GetDashboard").after(2));
    let ran = rig.destroy();
    assert!(ran.code != 0 && !ran.all().contains("nothing of the stack is left"), "{}", ran.all());
}

#[test]
fn a_dashboard_that_somebody_draws_while_its_cache_is_made_is_left_alone() {
    let rig = Rig::new(&stack(2, ASKED));
    rig.sandbox.inject(Fault::hold(2_500).on("CreateReplicationGroup").times(1));
    let mut apply = rig.start(&["apply", "--yes", "--no-smoke"]);
    rig.begun("CreateReplicationGroup", &mut apply);
    let drawn = json!({"DashboardName": "orders-us-east-1", "DashboardBody": r#"{"widgets": []}"#});
    rig.at_cloudwatch("PutDashboard", &drawn);
    apply.end().exits(6).says("was created by someone else in the meantime");
    let answer = rig.at_cloudwatch("GetDashboard", &json!({"DashboardName": "orders-us-east-1"}));
    assert!(answer.contains("200 OK") && !answer.contains("cachectl:stack"), "{answer}");
    let plan = rig.run(&["plan", "--format", "json"]).exits(3).json();
    assert_eq!(plan["summary"]["blocked"], json!(1), "{plan:#}");
}

#[test]
fn so_is_one_whose_body_was_known_when_it_was_planned() {
    let cache = "{engine: valkey, smoke: none, dashboard: recommended}";
    let rig = Rig::new(&format!(
        "apiVersion: cachectl/v1\nstack: shop\nregion: us-east-1\nserverlessCaches:\n  one: {cache}\n"
    ));
    rig.sandbox.inject(Fault::hold(2_500).on("CreateServerlessCache").times(1));
    let mut apply = rig.start(&["apply", "--yes", "--no-smoke"]);
    rig.begun("CreateServerlessCache", &mut apply);
    let name = "one_serverless-us-east-1";
    rig.at_cloudwatch("PutDashboard", &json!({"DashboardName": name, "DashboardBody": r#"{"widgets": []}"#}));
    apply.end().exits(6).says("was created by someone else in the meantime");
    let answer = rig.at_cloudwatch("GetDashboard", &json!({"DashboardName": name}));
    assert!(answer.contains("200 OK") && !answer.contains("cachectl:stack"), "{answer}");
}

#[test]
fn a_dashboard_without_a_word_of_its_stack_is_asked_for_its_tags() {
    let rig = Rig::new(&stack(2, "").replace("stack: shop", "stack: first"));
    rig.apply().exits(0);
    let drawn = json!({"DashboardName": "orders-us-east-1", "DashboardBody": r#"{"widgets": []}"#, "Tags": [{"Key": "cachectl:stack", "Value": "other"}]});
    rig.at_cloudwatch("PutDashboard", &drawn);
    rig.spec(&stack(2, ASKED).replace("stack: shop", "stack: first"));
    rig.run(&["plan", "--allow", "adopt:*"]).exits(3).says("it belongs to the stack `other`");
    // Where nobody tells them, whose it is stays unknown.
    rig.sandbox.inject(Fault::access_denied().on("GetResources"));
    rig.sandbox.inject(Fault::access_denied().on("ListTagsForResource"));
    rig.run(&["plan", "--allow", "adopt:*", "--only", "dashboard/*"]).exits(3).says("its owner is unknown");
}

#[test]
fn policies_name_dashboards_where_a_spec_has_them_and_nowhere_else() {
    let rig = Rig::new(&stack(2, ASKED));
    let policy = |purpose: &str| rig.run(&["iam-policy", "cachectl.yaml", "--for", purpose]).exits(0).stdout;
    assert!(policy("plan").contains("cloudwatch:GetDashboard") && !policy("plan").contains("PutDashboard"));
    let apply = policy("apply");
    for word in
        ["cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards", "arn:aws:cloudwatch::*:dashboard/orders-us-east-1"]
    {
        assert!(apply.contains(word), "{word}: {apply}");
    }
    rig.spec(&stack(2, "    dashboard: none\n"));
    assert!(policy("apply").contains("cloudwatch:DeleteDashboards"));
    rig.spec(&stack(2, ""));
    assert!(!policy("apply").contains("ashboard") && !policy("plan").contains("ashboard"));
}

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

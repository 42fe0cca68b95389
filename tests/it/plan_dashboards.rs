//! Dashboards of caches: they follow the nodes, are compared as JSON, and are nobody else's to write to.

use cachectl::model::plan::{Action, Plan};
use cachectl::model::{Address, Kind};
use serde_json::{Value, json};

use super::plan_account::{Account, options, shown, spec};
use super::plan_case::group;

const NAME: &str = "g-us-east-1";

fn with(more: &str) -> String {
    group(&format!("{more}\ndashboard: recommended"))
}

fn body(account: &mut Account) -> Value {
    let answer = account.call("GetDashboard", json!({"DashboardName": NAME}));
    serde_json::from_str(answer["DashboardBody"].as_str().expect("a body")).expect("JSON")
}

fn put(account: &mut Account, body: &str) {
    account.call("PutDashboard", json!({"DashboardName": NAME, "DashboardBody": body}));
}

fn is_there(account: &mut Account) -> bool {
    let live = account.live(&spec(""));
    live.get(&Address::new(Kind::Dashboard, NAME)).is_some()
}

/// The nodes that a chart shows.
fn nodes(body: &Value, title: &str) -> Vec<String> {
    let widgets = body["widgets"].as_array().expect("widgets");
    let chart = widgets.iter().find(|widget| widget["properties"]["title"] == json!(title)).expect(title);
    let rows = chart["properties"]["metrics"].as_array().expect("metrics");
    rows.iter().map(|row| row[3].as_str().expect("a node").to_owned()).collect()
}

#[track_caller]
fn change<'a>(plan: &'a Plan, id: &str) -> &'a cachectl::model::plan::Change {
    let found = plan.changes.iter().find(|change| change.address == Address::new(Kind::Dashboard, id));
    found.unwrap_or_else(|| panic!("no change of {id}:\n{}", shown(plan)))
}

#[test]
fn the_dashboard_of_a_new_cache_is_written_after_its_nodes_are_known_and_then_stands() {
    let mut account = Account::new();
    let declared = spec(&with("numCacheClusters: 2"));
    let plans = account.settle(&declared, &options(&[])).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(plans.len(), 1, "one apply does it all");
    let put = plans[0].steps.iter().find(|step| step.address.kind == Kind::Dashboard).expect("a step");
    assert_eq!(put.parameters()["DashboardBody"], json!({"of": "replicationGroup/g"}));
    let create = plans[0].steps.iter().find(|step| step.address.kind == Kind::ReplicationGroup).expect("a step");
    assert!(put.after.contains(&create.id), "{}", shown(&plans[0]));
    let body = body(&mut account);
    for title in [
        "Hit rate (%)",
        "Memory (%)",
        "Engine CPU (%)",
        "Evictions (keys a minute)",
        "Connections",
        "Replication lag (s)",
    ] {
        assert_eq!(nodes(&body, title), ["g-001", "g-002"], "{title}");
    }
    assert_eq!(nodes(&body, "Network (bytes a minute)").len(), 4);
    assert_eq!(nodes(&body, "Latency in the engine (µs)").len(), 4);
}

#[test]
fn a_dashboard_follows_the_nodes_of_its_cache_within_one_apply() {
    let shards = |count: u8| with(&format!("numNodeGroups: {count}\nreplicasPerNodeGroup: 1"));
    for (before, after, nodes_then) in [
        (with("numCacheClusters: 2"), with("numCacheClusters: 3"), 3),
        (with("numCacheClusters: 3"), with("numCacheClusters: 2"), 2),
        (shards(2), shards(3), 6),
        (shards(3), shards(2), 4),
    ] {
        let mut account = Account::with(&before);
        let plans = account.settle(&spec(&after), &options(&[])).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(plans.len(), 1, "one apply does it all");
        let shown_nodes = nodes(&body(&mut account), "Memory (%)");
        assert_eq!(shown_nodes, account.member_ids("g"));
        assert_eq!(shown_nodes.len(), nodes_then);
    }
}

#[test]
fn without_a_replica_there_is_no_chart_of_lag() {
    let mut account = Account::with(&with("numCacheClusters: 1"));
    let body = body(&mut account);
    let titles: Vec<&str> = body["widgets"]
        .as_array()
        .expect("widgets")
        .iter()
        .filter_map(|one| one["properties"]["title"].as_str())
        .collect();
    assert!(!titles.iter().any(|title| title.contains("lag")) && titles.len() == 8, "{titles:?}");
}

#[test]
fn formatting_and_the_order_of_keys_are_no_difference_and_anything_else_is() {
    let declared = spec(&with("numCacheClusters: 2"));
    let mut account = Account::with(&with("numCacheClusters: 2"));
    fn turned(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                Value::Object(map.iter().rev().map(|(key, value)| (key.clone(), turned(value))).collect())
            }
            Value::Array(items) => items.iter().map(turned).collect(),
            other => other.clone(),
        }
    }
    let written = body(&mut account);
    put(&mut account, &serde_json::to_string_pretty(&turned(&written)).expect("JSON"));
    let plan = account.plan(&declared, &options(&[]));
    assert_eq!((plan.steps.len(), plan.changes.len()), (0, 0), "{}", shown(&plan));
    // Somebody moved the line of the hit rate, and took the chart of memory away.
    let mut other = written.clone();
    other["widgets"][1]["properties"]["annotations"]["horizontal"][0]["value"] = json!(50);
    other["widgets"].as_array_mut().expect("widgets").remove(2);
    put(&mut account, &other.to_string());
    let plan = account.plan(&declared, &options(&[]));
    let found = change(&plan, NAME);
    let paths: Vec<&str> = found.attributes.iter().map(|attribute| attribute.path.as_str()).collect();
    assert_eq!(
        (found.action, paths),
        (Action::Update, vec!["body.Hit rate (%)", "body.Memory (%)"]),
        "{}",
        shown(&plan)
    );
    account.run(&declared, &options(&[]), &plan).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(body(&mut account), written);
}

#[test]
fn none_deletes_it_without_a_word_and_a_lost_line_does_not() {
    let policy = "policy: {maxDeletes: 0}\n";
    let mut account = Account::with(&with("numCacheClusters: 2"));
    let lost = spec(&format!("{policy}{}", group("numCacheClusters: 2")));
    let plan = account.plan(&lost, &options(&[]));
    assert_eq!(plan.orphans, [Address::new(Kind::Dashboard, NAME)], "{}", shown(&plan));
    assert!(plan.steps.is_empty(), "{}", shown(&plan));
    let pruned = cachectl::model::options::Options { prune: true, ..options(&[]) };
    let plan = account.plan(&spec(&group("numCacheClusters: 2")), &pruned);
    let blocked = change(&plan, NAME).blocked.as_ref().expect("blocked");
    assert_eq!(blocked.rule, "delete-not-allowed");
    let none = spec(&format!("{policy}{}", group("numCacheClusters: 2\ndashboard: none")));
    account.settle(&none, &options(&[])).unwrap_or_else(|why| panic!("{why}"));
    assert!(!is_there(&mut account));
}

#[test]
fn an_orphan_goes_with_prune_and_leave() {
    let mut account = Account::with(&with("numCacheClusters: 2"));
    let pruned = cachectl::model::options::Options { prune: true, ..options(&["delete:dashboard/*"]) };
    account.settle(&spec(&group("numCacheClusters: 2")), &pruned).unwrap_or_else(|why| panic!("{why}"));
    assert!(!is_there(&mut account));
}

#[test]
fn somebody_elses_dashboard_of_that_name_is_adopted_only_with_leave_and_another_stacks_never() {
    let declared = spec(&with("numCacheClusters: 2"));
    let mut account = Account::with(&group("numCacheClusters: 2"));
    put(&mut account, r#"{"widgets": []}"#);
    let plan = account.plan(&declared, &options(&[]));
    let found = change(&plan, NAME);
    assert_eq!(found.action, Action::Adopt);
    assert_eq!(found.blocked.as_ref().expect("blocked").rule, "adopt-not-allowed", "{}", shown(&plan));
    let none = spec(&group("numCacheClusters: 2\ndashboard: none"));
    let plan = account.plan(&none, &options(&["delete:*"]));
    assert!(plan.steps.is_empty(), "what is not the stack's is not its to delete:\n{}", shown(&plan));
    // A copy of another stack's dashboard is that stack's, whatever its tags say.
    let text = "# g\n[cachectl:stack=other]";
    let other = json!({"widgets": [{"type": "text", "properties": {"markdown": text}}]});
    put(&mut account, &other.to_string());
    for options in [options(&[]), options(&["adopt:*", "delete:*", "replace:*"])] {
        let plan = account.plan(&declared, &options);
        let blocked = change(&plan, NAME).blocked.as_ref().expect("blocked");
        assert_eq!(blocked.rule, "foreign", "{}", shown(&plan));
        assert!(blocked.reason.contains("`other`"), "{}", blocked.reason);
    }
    put(&mut account, r#"{"widgets": []}"#);
    account.settle(&declared, &options(&["adopt:dashboard/*"])).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(nodes(&body(&mut account), "Memory (%)").len(), 2);
}

#[test]
fn what_could_not_be_read_is_blocked_and_keeps_nothing_else_from_being_planned() {
    let declared = spec(&with("numCacheClusters: 3"));
    let mut account = Account::with(&with("numCacheClusters: 2"));
    for destroy in [false, true] {
        let mut live = account.live(&declared);
        live.of_mut(Kind::Dashboard).clear();
        live.unread.insert(Address::new(Kind::Dashboard, NAME), "AccessDenied".into());
        let options = cachectl::model::options::Options { destroy, ..options(&["delete:*"]) };
        let plan = cachectl::plan::plan(&declared, &live, &options, Vec::new());
        assert_eq!(
            change(&plan, NAME).blocked.as_ref().expect("blocked").rule,
            "ownership-unknown",
            "{}",
            shown(&plan)
        );
        assert!(plan.steps.iter().all(|step| step.address.kind != Kind::Dashboard), "{}", shown(&plan));
        assert!(plan.steps.iter().any(|step| step.address.kind == Kind::ReplicationGroup), "{}", shown(&plan));
    }
}

#[test]
fn an_orphan_that_could_not_be_read_is_told_and_not_deleted() {
    let mut account = Account::with(&with("numCacheClusters: 2"));
    let without = spec(&group("numCacheClusters: 2"));
    let own = Address::new(Kind::Dashboard, NAME);
    let mut live = account.live(&without);
    live.of_mut(Kind::Dashboard).clear();
    live.owned.insert(own.clone());
    live.unread.insert(own.clone(), "AccessDenied".into());
    let plan = cachectl::plan::plan(&without, &live, &options(&[]), Vec::new());
    assert!(plan.orphans.contains(&own), "{}", shown(&plan));
    let pruned = cachectl::model::options::Options { prune: true, ..options(&["delete:*"]) };
    let plan = cachectl::plan::plan(&without, &live, &pruned, Vec::new());
    assert_eq!(change(&plan, NAME).blocked.as_ref().expect("blocked").rule, "ownership-unknown", "{}", shown(&plan));
    assert!(plan.steps.is_empty(), "{}", shown(&plan));
}

#[test]
fn one_that_does_not_say_whose_it_is_belongs_to_whom_its_tag_names() {
    let declared = spec(&with("numCacheClusters: 2"));
    let mut account = Account::with(&group("numCacheClusters: 2"));
    put(&mut account, r#"{"widgets": []}"#);
    let own = Address::new(Kind::Dashboard, NAME);
    let mut live = account.live(&declared);
    let allowed = options(&["adopt:*", "delete:*", "replace:*"]);
    live.tags.insert(own.clone(), [("cachectl:stack".to_owned(), "other".to_owned())].into());
    let plan = cachectl::plan::plan(&declared, &live, &allowed, Vec::new());
    assert_eq!(change(&plan, NAME).blocked.as_ref().expect("blocked").rule, "foreign", "{}", shown(&plan));
    // Where its tags may not be read, it can be anybody's.
    live.tags.remove(&own);
    live.tags_unread.insert(own.clone(), "AccessDenied".into());
    let none = spec(&group("numCacheClusters: 2\ndashboard: none"));
    for (spec, destroy) in [(&declared, false), (&none, false), (&declared, true)] {
        let options = cachectl::model::options::Options { destroy, ..allowed.clone() };
        let plan = cachectl::plan::plan(spec, &live, &options, Vec::new());
        let blocked = change(&plan, NAME).blocked.as_ref().expect("blocked");
        assert_eq!(blocked.rule, "ownership-unknown", "{}", shown(&plan));
        assert!(blocked.hint.contains("cloudwatch:ListTagsForResource"), "{}", blocked.hint);
        assert!(plan.steps.iter().all(|step| step.address != own), "{}", shown(&plan));
    }
}

#[test]
fn a_group_and_a_serverless_cache_of_one_name_have_each_its_own() {
    let both = format!(
        "{}serverlessCaches:\n  g: {{engine: valkey, subnetIds: [subnet-1a, subnet-1b], dashboard: recommended}}\n",
        with("numCacheClusters: 2")
    );
    let mut account = Account::with(&both);
    let answer = account.call("GetDashboard", json!({"DashboardName": "g_serverless-us-east-1"}));
    let other: Value = serde_json::from_str(answer["DashboardBody"].as_str().expect("a body")).expect("JSON");
    let row = &other["widgets"][1]["properties"]["metrics"][0];
    assert_eq!(
        row.as_array().expect("a row")[..4],
        [json!("AWS/ElastiCache"), json!("CacheHitRate"), json!("clusterId"), json!("g")]
    );
    let titles = other.to_string();
    assert!(
        titles.contains("ThrottledCmds")
            && titles.contains("ElastiCacheProcessingUnits")
            && !titles.contains("EngineCPU")
    );
    assert_eq!(nodes(&body(&mut account), "Memory (%)").len(), 2);
    let destroy =
        cachectl::model::options::Options { destroy: true, ..options(&["delete:*Cache/*", "delete:replication*"]) };
    let plan = account.plan(&spec(&both), &destroy);
    assert_eq!(plan.summary.blocked, 0, "{}", shown(&plan));
    account.run(&spec(&both), &destroy, &plan).unwrap_or_else(|why| panic!("{why}"));
    assert!(!is_there(&mut account));
}

#[test]
fn by_itself_a_dashboard_of_a_cache_that_is_not_there_is_blocked() {
    let mut account = Account::new();
    let only = cachectl::model::options::Options { only: vec!["dashboard/*".parse().expect("a glob")], ..options(&[]) };
    let plan = account.plan(&spec(&with("numCacheClusters: 2")), &only);
    assert_eq!(change(&plan, NAME).blocked.as_ref().expect("blocked").rule, "missing-dependency", "{}", shown(&plan));
    let without =
        cachectl::model::options::Options { only: vec!["replicationGroup/*".parse().expect("a glob")], ..options(&[]) };
    let plan = account.plan(&spec(&with("numCacheClusters: 2")), &without);
    assert!(plan.steps.iter().all(|step| step.address.kind != Kind::Dashboard), "{}", shown(&plan));
}

#[test]
fn no_section_of_a_spec_declares_dashboards() {
    let text = "apiVersion: cachectl/v1\nstack: a\nregion: us-east-1\ndashboards:\n  mine: {body: {}}\n";
    let loaded = cachectl::spec::from_text(text);
    assert!(loaded.diagnostics.iter().any(|one| one.code == "unknown-key"), "{:?}", loaded.diagnostics);
}

#[test]
fn an_import_writes_what_is_cachectls_and_leaves_what_somebody_drew() {
    use cachectl::import;
    use cachectl::model::Selection;
    let all = Selection { all: true, globs: Vec::new() };
    let declared = spec(&with("numCacheClusters: 2"));
    let mut account = Account::with(&with("numCacheClusters: 2"));
    let imported =
        import::spec(&account.live(&declared), &all, None).map_err(|refused| refused.message).expect("a spec");
    assert!(imported.yaml.contains("    dashboard: recommended\n"), "{}", imported.yaml);
    assert!(!imported.notes.iter().any(|note| note.contains("orphan")), "{:?}", imported.notes);
    put(&mut account, r#"{"widgets": []}"#);
    let imported =
        import::spec(&account.live(&declared), &all, None).map_err(|refused| refused.message).expect("a spec");
    assert!(!imported.yaml.contains("dashboard"), "{}", imported.yaml);
    assert!(imported.notes.iter().any(|note| note.contains("shows something else")), "{:?}", imported.notes);
}

//! Composite alarms in a plan: what is shown, allowed and ordered, whenever their alarms come to be known.

use cachectl::model::live::Live;
use cachectl::model::options::Options;
use cachectl::model::plan::{Action, Change, Plan};
use cachectl::model::{Kind, Spec};
use serde_json::json;

use super::plan_account::{Account, options, shown, spec};
use super::plan_case::group;

const PRESET: &str = "alarms: {preset: recommended}";
const NO_EVICTIONS: &str = "alarms: {preset: recommended, override: {Evictions: none}}";
/// Over any alarm of `g`.
const ANY: &str =
    "compositeAlarms:\n  g-down: {of: replicationGroup/g, description: something is wrong, tags: {on: call}}\n";

fn stack(nodes: usize, alarms: &str, composites: &str) -> Spec {
    spec(&(group(&format!("numCacheClusters: {nodes}\n{alarms}")) + composites))
}

fn only(globs: &[&str]) -> Options {
    let only = globs.iter().map(|glob| cachectl::model::Glob((*glob).to_owned())).collect();
    Options { only, ..options(&[]) }
}

fn composite(plan: &Plan) -> Option<&Change> {
    plan.changes.iter().find(|change| change.address.kind == Kind::CompositeAlarm)
}

#[track_caller]
fn blocked(plan: &Plan, rule: &str, words: &[&str]) {
    let found = plan.changes.iter().filter_map(|change| change.blocked.as_ref()).find(|blocked| blocked.rule == rule);
    let told = found.map(|blocked| format!("{} ({})", blocked.reason, blocked.hint)).unwrap_or_default();
    assert!(found.is_some() && words.iter().all(|word| told.contains(word)), "{rule} {words:?}:\n{}", shown(plan));
}

fn rule_of(account: &mut Account, spec: &Spec) -> String {
    account.live(spec).of(Kind::CompositeAlarm)["g-down"]["AlarmRule"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_only_leaves_out_is_not_put_with_the_alarms_of_members_either() {
    let mut account = Account::new();
    account.apply_all(&stack(2, PRESET, ANY), &options(&[]));
    let after = stack(3, PRESET, ANY);
    let before = rule_of(&mut account, &after);
    let how = only(&["replicationGroup/g", "alarm/g-*"]);
    let plan = account.plan(&after, &how);
    assert!(composite(&plan).is_none() && !plan.is_blocked(), "{}", shown(&plan));
    account.run(&after, &how, &plan).expect("it is applied");
    assert_eq!(rule_of(&mut account, &after), before);
    assert!(account.live(&after).of(Kind::Alarm).contains_key("g-003-Evictions"));
}

#[test]
fn one_that_is_put_once_the_nodes_are_known_shows_every_value_and_asks_for_the_same_word() {
    let mut account = Account::new();
    account.call("PutMetricAlarm", json!({"AlarmName": "a", "Namespace": "X", "MetricName": "Y", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}));
    account.call(
        "PutCompositeAlarm",
        json!({"AlarmName": "g-down", "AlarmRule": "ALARM(a)", "AlarmDescription": "theirs"}),
    );
    let stack = stack(2, PRESET, ANY);
    blocked(&account.plan(&stack, &options(&[])), "adopt-not-allowed", &["--allow adopt:compositeAlarm/g-down"]);
    let allowed = options(&["adopt:*"]);
    let plan = account.plan(&stack, &allowed);
    let change = composite(&plan).expect("it is in the plan");
    assert_eq!(change.action, Action::Adopt);
    let told = |path: &str| {
        let found = change.attributes.iter().find(|attribute| attribute.path == path);
        found
            .map(|found| (found.before.clone(), found.after.clone()))
            .unwrap_or_else(|| panic!("{path}: {}", shown(&plan)))
    };
    assert_eq!(told("description"), (json!("theirs"), json!("something is wrong [cachectl:stack=prod]")));
    assert_eq!(told("tags.on"), (json!(null), json!("call")));
    assert_eq!(told("rule").0, json!("ALARM(a)"));
    assert_eq!(account.apply_all(&stack, &allowed).len(), 1, "one apply does it all");
    assert!(rule_of(&mut account, &stack).contains("g-002-Evictions"));
    // A new one shows its tags as well.
    let plan = Account::new().plan(&stack, &options(&[]));
    let change = composite(&plan).expect("it is in the plan");
    let paths: Vec<&str> = change.attributes.iter().map(|attribute| attribute.path.as_str()).collect();
    for path in ["description", "rule", "tags.on", "tags.cachectl:stack"] {
        assert!(paths.contains(&path), "{path}: {}", shown(&plan));
    }
}

#[test]
fn a_rule_that_aws_will_not_take_blocks_before_the_cache_is_made() {
    // Twelve nodes with nine alarms each.
    let shards = "numNodeGroups: 6\nreplicasPerNodeGroup: 1\n";
    let of = |alarms: &str| spec(&(group(&format!("{shards}{alarms}")) + ANY));
    let plan = Account::new().plan(&of(PRESET), &options(&[]));
    blocked(&plan, "composite-rule", &["108 alarms", "AWS takes 100"]);
    assert!(!Account::new().plan(&of(NO_EVICTIONS), &options(&[])).is_blocked(), "96 are fine");
    let quoted = "alarms:\n  q: {for: replicationGroup/g, name: 'say \"${member}\"', metricName: Evictions, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 0, comparisonOperator: GreaterThanThreshold}\n";
    let quoted = spec(&(group("numCacheClusters: 2") + quoted + ANY));
    blocked(&Account::new().plan(&quoted, &options(&[])), "composite-rule", &["quotation mark", "say \"g-001\""]);
}

#[test]
fn alarms_go_after_whatever_stops_naming_them() {
    let mut account = Account::new();
    account.apply_all(&stack(2, PRESET, ANY), &options(&[]));
    // The rule is written with the alarms of the third node; until then it names those that go.
    let plans = account.apply_all(&stack(3, NO_EVICTIONS, ANY), &options(&[]));
    assert_eq!(plans.len(), 1, "one apply does it all");
    let after = stack(2, PRESET, ANY);
    assert_eq!(account.apply_all(&after, &options(&[])).len(), 1, "and back");
    assert!(rule_of(&mut account, &after).contains("g-002-Evictions"));
    // An alarm of a node that comes takes the place of one that goes.
    let named = |rule: &str| format!("compositeAlarms:\n  c: {{rule: {rule}}}\n");
    let before = stack(2, PRESET, &named("ALARM(g-001-Evictions) OR ALARM(g-001-NewConnections)"));
    let after = stack(3, NO_EVICTIONS, &named("ALARM(g-003-NewConnections) OR ALARM(g-001-NewConnections)"));
    let mut account = Account::new();
    account.apply_all(&before, &options(&[]));
    assert_eq!(account.apply_all(&after, &options(&[])).len(), 1, "one apply does it all");
    // And one that goes with its node is let go of before that node's alarms are taken.
    let fewer = stack(2, NO_EVICTIONS, &named("ALARM(g-001-NewConnections) OR ALARM(g-002-NewConnections)"));
    let plan = account.plan(&fewer, &options(&[]));
    blocked(&plan, "alarm-has-parent", &["c watches g-00"]);
}

fn with_parent(live: &mut Live, child: &str) {
    let parent = json!({"AlarmName": "pager", "AlarmRule": format!("ALARM(\"{child}\")")});
    live.parents.insert("pager".to_owned(), parent);
}

#[test]
fn a_replacement_whose_alarms_somebody_elses_composite_alarm_holds_is_foreseen() {
    let shards = |kind: &str, count: u8| {
        spec(&group(&format!("cacheNodeType: {kind}\nnumNodeGroups: {count}\nreplicasPerNodeGroup: 1\n{PRESET}")))
    };
    let mut account = Account::new();
    let tiered = "cache.r6gd.xlarge\ndataTieringEnabled: true";
    account.apply_all(&shards(tiered, 2), &options(&[]));
    // As many shards or more: no alarm goes by number, and one may by name.
    for (after, child, held) in [
        (shards("cache.r8g.large", 2), "g-0002-001-Evictions", false),
        (shards("cache.r8g.large", 3), "g-0002-001-Evictions", false),
        (shards("cache.r8g.large", 1), "g-0002-001-Evictions", true),
    ] {
        let mut live = account.live(&after);
        with_parent(&mut live, child);
        let plan = cachectl::plan::plan(&after, &live, &options(&["replace:*"]), Vec::new());
        let told = plan.changes.iter().filter_map(|change| change.blocked.as_ref()).any(|blocked| {
            blocked.rule == "alarm-has-parent" && blocked.reason.contains("pager") && blocked.reason.contains(child)
        });
        assert!(plan.changes.iter().any(|change| change.action == Action::Replace), "{}", shown(&plan));
        assert_eq!(told, held, "{child}:\n{}", shown(&plan));
    }
}

#[test]
fn what_a_composite_alarm_needs_and_only_leaves_out_is_a_missing_dependency() {
    let stack_of = |composites: &str| stack(2, PRESET, composites);
    let how = only(&["compositeAlarm/*"]);
    let plan = Account::new().plan(&stack_of(ANY), &how);
    blocked(&plan, "missing-dependency", &["replicationGroup/g", "--only leaves out", "--only 'alarm/g-*'"]);
    let named = |name: &str| format!("compositeAlarms:\n  c: {{rule: ALARM({name})}}\n");
    let plan = Account::new().plan(&stack_of(&named("g-001-Evictions")), &how);
    blocked(
        &plan,
        "missing-dependency",
        &["alarm/g-001-Evictions", "--only leaves out", "add --only alarm/g-001-Evictions"],
    );
    // The cache is there, its alarms are not.
    let mut account = Account::new();
    account.apply_all(&stack(2, "", ""), &options(&[]));
    blocked(&account.plan(&stack_of(ANY), &how), "missing-dependency", &["alarm/g-001", "--only 'alarm/g-*'"]);
    // Nobody has it.
    let plan = account.plan(&stack_of(&named("nobodys")), &options(&[]));
    blocked(&plan, "missing-dependency", &["alarm/nobodys", "neither in AWS nor in this spec"]);
    // Somebody else has it.
    let spec = stack_of(&named("theirs"));
    let mut live = account.live(&spec);
    live.alarms_elsewhere.insert("theirs".to_owned());
    let plan = cachectl::plan::plan(&spec, &live, &options(&[]), Vec::new());
    assert!(!plan.is_blocked(), "{}", shown(&plan));
}

#[test]
fn over_a_blocked_cache_there_is_no_change_yet() {
    for composites in [ANY, "compositeAlarms:\n  c: {rule: ALARM(g-001-Evictions)}\n"] {
        let spec = stack(
            2,
            &format!("{PRESET}\nuserGroupIds: [none-of-that-name]\ntransitEncryptionEnabled: true"),
            composites,
        );
        let plan = Account::new().plan(&spec, &options(&[]));
        assert!(plan.is_blocked() && composite(&plan).is_none(), "{}", shown(&plan));
        assert_eq!(plan.summary.blocked, 1, "{}", shown(&plan));
        assert_eq!(plan.summary.create, 1, "the cache alone:\n{}", shown(&plan));
    }
}

#[test]
fn names_that_would_be_written_twice_are_blocked_where_only_the_live_ones_tell() {
    // How many nodes there are is not in the spec.
    let bare = |more: &str| spec(&(group(PRESET).replace("    numCacheClusters: 2\n", "") + more));
    let mut account = Account::new();
    account.apply_all(&stack(2, PRESET, ""), &options(&[]));
    let twin = "alarms:\n  g-002-Evictions: {namespace: X, metricName: Y, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 1, comparisonOperator: GreaterThanThreshold}\n";
    let plan = account.plan(&bare(twin), &options(&[]));
    blocked(&plan, "alarm-names", &["g-002-Evictions", "the preset of replicationGroup/g"]);
    let twin = "compositeAlarms:\n  g-002-Evictions: {rule: ALARM(g-001-Evictions)}\n";
    blocked(&account.plan(&bare(twin), &options(&[])), "alarm-names", &["compositeAlarm/g-002-Evictions"]);
    // What is there under that name is of the other type.
    account.call("PutCompositeAlarm", json!({"AlarmName": "x", "AlarmRule": "ALARM(g-001-Evictions)"}));
    let lone = "alarms:\n  x: {namespace: X, metricName: Y, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 1, comparisonOperator: GreaterThanThreshold}\n";
    blocked(&account.plan(&bare(lone), &options(&[])), "alarm-names", &["a composite alarm of that name exists"]);
}

#[test]
fn the_suppressor_is_there_before_the_alarm_that_it_silences() {
    let lone = |name: &str| {
        format!(
            "  {name}: {{namespace: X, metricName: Y, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 1, comparisonOperator: GreaterThanThreshold}}\n"
        )
    };
    let composite = "compositeAlarms:\n  a: {rule: ALARM(x), actionsSuppressor: z, actionsSuppressorWaitPeriod: 1, actionsSuppressorExtensionPeriod: 1}\n  z: {rule: ALARM(y)}\n";
    let spec = spec(&format!("alarms:\n{}{}{composite}", lone("x"), lone("y")));
    assert_eq!(Account::new().apply_all(&spec, &options(&[])).len(), 1);
}

#[test]
fn a_rule_that_is_too_large_is_found_offline() {
    let of = |rule: String| {
        let text = format!(
            "apiVersion: cachectl/v1\nstack: prod\nregion: us-east-1\ncompositeAlarms:\n  c: {{rule: \"{rule}\"}}\n"
        );
        let loaded = cachectl::spec::from_text(&text);
        loaded
            .diagnostics
            .iter()
            .map(|found| format!("{}: {}", found.code, found.message))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let children = |count: usize| (0..count).map(|at| format!("ALARM(a{at})")).collect::<Vec<_>>().join(" OR ");
    assert_eq!(of(children(100)), "");
    assert!(of(children(101)).contains("composite-rule: the rule names 101 alarms"), "{}", of(children(101)));
    let grouped = |depth: usize| format!("{}ALARM(a){}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(of(grouped(499)), "");
    assert!(of(grouped(500)).contains("501 elements"), "{}", of(grouped(500)));
}

//! Alarms of a cache whose members come and go in the same apply: what the plan says is what happens.

use cachectl::model::Kind;
use cachectl::model::plan::{Action, Plan, Summary};

use super::plan_account::{Account, options, shown, spec};
use super::plan_case::group;

const PRESET: &str = "alarms: {preset: recommended, override: {Evictions: {threshold: 7}}}";
const PLAIN: &str = "alarms: {preset: recommended}";

/// From one spec to another: the plan, and what its first apply did to the alarms.
#[track_caller]
fn change(before: &str, after: &str) -> Plan {
    let mut account = Account::with(&group(before));
    let alarms = |account: &mut Account| account.live(&spec(&group(after))).of(Kind::Alarm).clone();
    let earlier = alarms(&mut account);
    let after_spec = spec(&group(after));
    let plans = account.settle(&after_spec, &options(&[])).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(plans.len(), 1, "one apply does it all");
    let plan = plans.into_iter().next().expect("a plan");
    let later = alarms(&mut account);
    let created = later.keys().filter(|name| !earlier.contains_key(*name)).count();
    let deleted = earlier.keys().filter(|name| !later.contains_key(*name)).count();
    let of_alarms = |action: Action| -> usize {
        let of = plan.changes.iter().filter(|change| change.address.to_string().starts_with("alarm/"));
        of.filter(|change| change.action == action).map(|change| change.count.unwrap_or(1)).sum()
    };
    assert_eq!((of_alarms(Action::Create), of_alarms(Action::Delete)), (created, deleted), "{}", shown(&plan));
    plan
}

fn updates(plan: &Plan) -> usize {
    let Summary { update, .. } = plan.summary;
    // The group itself is one of them.
    update - 1
}

#[test]
fn with_more_nodes_the_alarms_of_the_others_still_change_in_sight() {
    let plan = change(&format!("numCacheClusters: 3\n{PLAIN}"), &format!("numCacheClusters: 4\n{PRESET}"));
    assert_eq!(updates(&plan), 3, "Evictions of the three nodes that are there:\n{}", shown(&plan));
}

#[test]
fn with_fewer_nodes_too() {
    let plan = change(&format!("numCacheClusters: 3\n{PLAIN}"), &format!("numCacheClusters: 2\n{PRESET}"));
    assert_eq!(updates(&plan), 3, "{}", shown(&plan));
}

#[test]
fn with_another_tag_of_the_stack_every_alarm_is_in_the_plan() {
    let tagged = |count: u8, team: &str| format!("numCacheClusters: {count}\ntags: {{team: {team}}}\n{PLAIN}");
    let mut account = Account::with(&format!("tags: {{team: a}}\n{}", group(&tagged(3, "a"))));
    let alarms = account.live(&spec("")).of(Kind::Alarm).len();
    let after = spec(&format!("tags: {{team: b}}\n{}", group(&tagged(2, "b"))));
    let plans = account.settle(&after, &options(&[])).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(plans.len(), 1);
    assert_eq!(updates(&plans[0]), alarms, "{}", shown(&plans[0]));
}

#[test]
fn a_preset_that_comes_with_more_nodes_is_counted_for_all_of_them() {
    change("numCacheClusters: 2", &format!("numCacheClusters: 3\n{PLAIN}"));
    change(&format!("numCacheClusters: 3\n{PLAIN}"), "numCacheClusters: 2\nalarms: none");
}

#[test]
fn shards_that_come_and_go_bring_and_take_their_alarms() {
    let shards = |count: u8, alarms: &str| format!("numNodeGroups: {count}\nreplicasPerNodeGroup: 1\n{alarms}");
    change(&shards(2, PLAIN), &shards(3, PRESET));
    change(&shards(3, PLAIN), &shards(2, PRESET));
}

#[test]
fn an_alarm_that_is_not_wanted_any_more_goes_from_every_node() {
    let without = "alarms: {preset: recommended, override: {Evictions: none}}";
    change(&format!("numCacheClusters: 2\n{PLAIN}"), &format!("numCacheClusters: 3\n{without}"));
}

#[test]
fn alarms_whose_preset_is_gone_from_the_spec_still_go_with_their_member() {
    let mut account = Account::with(&group(&format!("numCacheClusters: 3\n{PLAIN}")));
    let before = account.live(&spec("")).of(Kind::Alarm).len();
    let after = spec(&group("numCacheClusters: 2"));
    let plans = account.settle(&after, &options(&[])).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(plans.len(), 1, "one apply does it all");
    assert_eq!(plans[0].summary.delete, before / 3, "{}", shown(&plans[0]));
    assert_eq!(account.live(&after).of(Kind::Alarm).len(), before / 3 * 2);
}

#[test]
fn a_composite_alarm_of_somebody_elses_is_foreseen() {
    use serde_json::json;
    let before = group(&format!("numCacheClusters: 3\n{PLAIN}"));
    let mut account = Account::with(&before);
    let parent = json!({"AlarmName": "pager", "AlarmRule": "ALARM(\"g-003-Evictions\")"});
    account.sandbox.call("PutCompositeAlarm", parent.clone()).expect("a composite alarm");
    let live = |account: &mut Account, text: &str| {
        let mut live = account.live(&spec(text));
        live.parents.insert("pager".to_owned(), parent.clone());
        live
    };
    for after in [group(&format!("numCacheClusters: 2\n{PLAIN}")), group("numCacheClusters: 3\nalarms: none")] {
        let live = live(&mut account, &after);
        let plan = cachectl::plan::plan(&spec(&after), &live, &options(&[]), Vec::new());
        let blocked: Vec<_> = plan.changes.iter().filter_map(|change| change.blocked.as_ref()).collect();
        assert!(
            blocked.iter().any(|blocked| blocked.rule == "alarm-has-parent" && blocked.reason.contains("pager")),
            "{}",
            shown(&plan)
        );
    }
    let live = live(&mut account, &before);
    let plan = cachectl::plan::plan(&spec(&before), &live, &options(&[]), Vec::new());
    assert_eq!(plan.summary.blocked, 0, "{}", shown(&plan));
}

#[test]
fn a_replacement_by_fewer_shards_takes_the_alarms_of_those_that_go_although_their_line_is_lost() {
    let before = "cacheNodeType: cache.r6gd.xlarge\ndataTieringEnabled: true\nnumNodeGroups: 3\nreplicasPerNodeGroup: 1\nalarms: {preset: recommended}";
    let after = "cacheNodeType: cache.r8g.large\nnumNodeGroups: 2\nreplicasPerNodeGroup: 1";
    let mut account = Account::with(&group(before));
    let plans = account.settle(&spec(&group(after)), &options(&["replace:*"])).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(plans.len(), 1, "one apply does it all");
    let going = plans[0].changes.iter().find(|change| change.address.to_string() == "alarm/g-*").expect("alarms");
    assert_eq!((going.action, going.count), (Action::Delete, Some(18)), "{}", shown(&plans[0]));
    assert_eq!(account.live(&spec(&group(after))).of(Kind::Alarm).len(), 36, "the others are orphans");
}

#[test]
fn wherever_a_run_was_killed_one_more_takes_the_alarms_of_all_nodes_that_went() {
    let node = "alarms:\n  node: {for: replicationGroup/g, metricName: Evictions, statistic: Sum, period: 60, evaluationPeriods: 2, threshold: 1, comparisonOperator: GreaterThanThreshold}\n";
    let lopsided =
        "numNodeGroups: 3\nnodeGroupConfiguration: [{replicaCount: 2}, {replicaCount: 1}, {replicaCount: 1}]";
    let before = format!("{node}{}", group(lopsided));
    let after =
        spec(&group("numNodeGroups: 2\nreplicasPerNodeGroup: 1\npreferredMaintenanceWindow: sun:05:00-sun:06:00"));
    let how = options(&[]);
    for killed_after in 0..=4 {
        let mut account = Account::with(&before);
        let mut plan = account.plan(&after, &how);
        assert_eq!(plan.steps.len(), 4, "{}", shown(&plan));
        plan.steps.truncate(killed_after);
        account.run(&after, &how, &plan).unwrap_or_else(|why| panic!("{why}"));
        let plans = account.settle(&after, &how).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(plans.len(), usize::from(killed_after < 4), "killed after {killed_after} steps");
        assert_eq!(account.live(&after).of(Kind::Alarm).len(), 4);
    }
}

/// One alarm for each node, under a name of one's own.
fn named(name: &str, for_: &str) -> String {
    format!(
        "alarms:\n  evicts:\n    for: \"{for_}\"\n    name: \"{name}\"\n    description: \"${{member}} of ${{cache}} evicts\"\n    metricName: Evictions\n    statistic: Sum\n    period: 60\n    evaluationPeriods: 1\n    threshold: 0\n    comparisonOperator: GreaterThanThreshold\n"
    )
}

#[test]
fn names_and_descriptions_by_a_pattern_follow_the_nodes_and_a_glob_follows_the_caches() {
    let caches = |count: u8| group(&format!("numCacheClusters: {count}")) + &serverless();
    let stack = |count: u8, name: &str| spec(&(caches(count) + &named(name, "*")));
    let mut account = Account::new();
    let mut settle = |spec: &cachectl::model::Spec| {
        account.settle(spec, &options(&[])).unwrap_or_else(|why| panic!("{why}"));
        let live = account.live(spec);
        let told = |alarm: &serde_json::Value| alarm["AlarmDescription"].as_str().unwrap_or_default().to_owned();
        live.of(Kind::Alarm).iter().map(|(name, alarm)| (name.clone(), told(alarm))).collect::<Vec<_>>()
    };
    let first = settle(&stack(2, "[prod] ${member} evicts"));
    let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["[prod] g-001 evicts", "[prod] g-002 evicts", "[prod] s evicts"]);
    assert_eq!(first[1].1, "g-002 of g evicts [cachectl:stack=prod]");
    assert_eq!(first[2].1, "s of s evicts [cachectl:stack=prod]");
    assert_eq!(settle(&stack(3, "[prod] ${member} evicts")).len(), 4, "a node came");
    assert_eq!(settle(&stack(2, "[prod] ${member} evicts")).len(), 3, "a node went, and its alarm with it");
}

fn serverless() -> String {
    "serverlessCaches:\n  s: {engine: valkey, majorEngineVersion: \"8\"}\n".to_owned()
}

#[test]
fn a_node_that_came_does_not_page_while_it_is_filled_and_what_was_declared_stands() {
    let mut account = Account::with(&group(&format!("numCacheClusters: 2\n{PLAIN}")));
    let after = spec(&group(&format!("numCacheClusters: 3\n{PLAIN}")));
    account.apply_all(&after, &options(&[]));
    let live = account.live(&after);
    let new = &live.of(Kind::Alarm)["g-003-Evictions"]["WarmUpConfiguration"];
    assert_eq!(new["WarmUpPeriodDurationInMinutes"], 15);
    assert_eq!(new["OnlyStartEvaluatingAfterWarmUpPeriodEnds"], true);
    for (declared, minutes) in [("{warmUpPeriodDurationInMinutes: 5}", Some(5)), ("null", None)] {
        let own = named("${member}-evicts", "replicationGroup/g") + &format!("    warmUpConfiguration: {declared}\n");
        let stack = spec(&(group("numCacheClusters: 2") + &own));
        let mut account = Account::new();
        account.apply_all(&stack, &options(&[]));
        let live = account.live(&stack);
        let found = &live.of(Kind::Alarm)["g-001-evicts"]["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"];
        assert_eq!(found.as_i64(), minutes, "{declared}");
    }
}

#[test]
fn from_one_preset_to_the_other_the_alarms_that_only_the_first_has_go_and_nothing_else_is_asked() {
    let of = |preset: &str| format!("numCacheClusters: 2\nalarms: {{preset: {preset}}}");
    let plan = change(&of("recommended"), &of("article"));
    assert!(!plan.is_blocked() && plan.orphans.is_empty(), "{}", shown(&plan));
}

/// A composite alarm over any alarm of `g`.
const ANY: &str = "compositeAlarms:\n  g-down: {of: replicationGroup/g, description: something is wrong}\n";

fn rule(account: &mut Account, spec: &cachectl::model::Spec) -> Vec<String> {
    let live = account.live(spec);
    let own = live.of(Kind::CompositeAlarm)["g-down"]["AlarmRule"].as_str().unwrap_or_default().to_owned();
    let named: Vec<String> = cachectl::resource::alarm_rule::named_in(&own).into_iter().collect();
    let alarms: Vec<String> = live.of(Kind::Alarm).keys().cloned().collect();
    assert_eq!(named, alarms, "it is of every alarm of the cache, and of no other");
    named
}

#[test]
fn a_composite_alarm_of_a_cache_follows_its_nodes_and_never_holds_an_alarm_that_goes() {
    let stack = |count: u8| spec(&(group(&format!("numCacheClusters: {count}\n{PLAIN}")) + ANY));
    let mut account = Account::new();
    for (count, alarms) in [(3_u8, 27_usize), (4, 36), (2, 18)] {
        let stack = stack(count);
        let plans = account.settle(&stack, &options(&[])).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(plans.len(), 1, "one apply does it all");
        let change = plans[0].changes.iter().find(|change| change.address.kind == Kind::CompositeAlarm);
        let action = if count == 3 { Action::Create } else { Action::Update };
        assert_eq!(change.expect("it is in the plan").action, action, "{}", shown(&plans[0]));
        assert_eq!(rule(&mut account, &stack).len(), alarms);
    }
    // With one metric less, its alarms go once the rule does not name them any more.
    let fewer = spec(&(group("numCacheClusters: 2\nalarms: {preset: recommended, override: {Evictions: none}}") + ANY));
    let plans = account.settle(&fewer, &options(&[])).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!((plans.len(), rule(&mut account, &fewer).len()), (1, 16));
    // It goes before its children, and everything with it.
    let mut destroy = options(&["delete:*"]);
    destroy.destroy = true;
    let plan = account.plan(&fewer, &destroy);
    account.run(&fewer, &destroy, &plan).unwrap_or_else(|why| panic!("{why}"));
    assert!(account.live(&fewer).found.values().all(|found| found.keys().all(|id| id.contains("default"))));
}

#[test]
fn a_composite_alarm_is_changed_whole_tagged_adopted_blocked_where_foreign_and_an_orphan_without_its_line() {
    let topic = "arn:aws:sns:us-east-1:012345678901:a";
    let lone = "alarms:\n  a: {namespace: X, metricName: Y, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 1, comparisonOperator: GreaterThanThreshold}\n";
    let own = |more: &str| spec(&format!("{lone}compositeAlarms:\n  c: {{rule: ALARM(a), {more}}}\n"));
    let mut account = Account::new();
    let none = options(&[]);
    account.apply_all(&own(&format!("alarmActions: [{topic}], tags: {{x: \"1\"}}")), &none);
    // What the spec leaves out stays; only the tag is sent apart.
    let plans = account.apply_all(&own("description: new, tags: {x: \"2\"}"), &none);
    let called: Vec<&str> = plans[0].steps.iter().map(|step| step.operation().name()).collect();
    assert_eq!(called, ["TagResource", "PutCompositeAlarm"], "{}", shown(&plans[0]));
    assert_eq!(plans[0].steps[1].parameters()["AlarmActions"], serde_json::json!([topic]));
    assert_eq!(plans[0].steps[1].parameters()["AlarmDescription"], "new [cachectl:stack=prod]");
    // Its line lost, it is an orphan that holds its child; with leave it goes, and the child after it.
    let without = spec(lone);
    let plan = account.plan(&without, &none);
    assert_eq!(
        plan.orphans.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["compositeAlarm/c"],
        "{}",
        shown(&plan)
    );
    let mut prune = options(&["delete:*"]);
    prune.prune = true;
    account.apply_all(&spec(""), &prune);
    assert!(account.live(&without).of(Kind::Alarm).is_empty());
    // Somebody else's under that name is adopted by permission only, another stack's not at all.
    let put = |account: &mut Account, description: &str| {
        let alarm = serde_json::json!({"AlarmName": "a", "Namespace": "X", "MetricName": "Y", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", "AlarmDescription": description});
        account.call("PutMetricAlarm", alarm);
        account.call(
            "PutCompositeAlarm",
            serde_json::json!({"AlarmName": "c", "AlarmRule": "ALARM(a)", "AlarmDescription": description}),
        );
    };
    put(&mut account, "theirs");
    let blocked = |plan: &Plan| {
        plan.changes
            .iter()
            .filter_map(|change| change.blocked.as_ref())
            .map(|blocked| blocked.rule.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(blocked(&account.plan(&own("description: d"), &none)), ["adopt-not-allowed", "adopt-not-allowed"]);
    account.apply_all(&own("description: d"), &options(&["adopt:*"]));
    put(&mut account, "theirs [cachectl:stack=other]");
    assert_eq!(blocked(&account.plan(&own("description: d"), &options(&["adopt:*"]))), ["foreign", "foreign"]);
}

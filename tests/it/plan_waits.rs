//! Replication groups: what rests on an engine, a node type or a mode that waits for the maintenance window remains
//! until that is there. It is never sent before, and never becomes a replacement.

use cachectl::model::plan::{Action, Plan};
use serde_json::json;

use super::plan_account::{options, shown, spec};
use super::plan_case::{Case, change, group, regroup};

const TLS: &str = "transitEncryptionEnabled: true\ntransitEncryptionMode: required";
const PREFERRED: &str = "transitEncryptionEnabled: true\ntransitEncryptionMode: preferred";
const OFF: &str = "transitEncryptionEnabled: false";
const TOKEN: &str = "authToken: {secretsManager: prod/cache, key: token}";
const WAITS: &str = "applyImmediately: false";

fn redis(version: &str, rest: &str) -> String {
    format!("engine: redis\nengineVersion: \"{version}\"\n{rest}")
}

fn log(kind: &str) -> String {
    format!(
        "{{logType: {kind}, destinationType: cloudwatch-logs, logFormat: json, destinationDetails: {{cloudWatchLogsDetails: {{logGroup: g}}}}}}"
    )
}

/// Users and a user group of an engine, with a password, so that a group of either engine takes them.
fn people(engine: &str) -> String {
    let way = "passwords: [{secretsManager: prod/cache, key: password}]";
    format!(
        "users:\n  base: {{userName: default, engine: {engine}, accessString: off -@all, {way}}}\nuserGroups:\n  people: {{engine: {engine}, userIds: [base]}}\n"
    )
}

/// The first plan says what remains and replaces nothing; the window opens; then the rest comes, by calls alone.
#[track_caller]
fn remains_until_the_window(mut case: Case, text: &str) {
    let (after, options) = (spec(&case.after), case.options.clone());
    let first = case.plan();
    says(&first, text);
    replaces_nothing(&first);
    case.account.settle(&after, &options).unwrap_or_else(|why| panic!("{why}"));
    let waiting = case.plan();
    says(&waiting, text);
    assert!(waiting.steps.is_empty(), "{}", shown(&waiting));
    assert!(case.account.sandbox.open_maintenance_window("g").expect("a group at rest"), "{}", shown(&first));
    let plans = case.account.settle(&after, &options).unwrap_or_else(|why| panic!("{why}"));
    assert!(!plans.is_empty(), "something remained:\n{}", shown(&first));
    plans.iter().for_each(replaces_nothing);
    case.nothing();
}

#[track_caller]
fn says(plan: &Plan, text: &str) {
    let found = plan.changes.iter().flat_map(|change| &change.remaining).any(|line| line.contains(text));
    assert!(found && !plan.is_blocked(), "nothing remains of {text}:\n{}", shown(plan));
}

#[track_caller]
fn replaces_nothing(plan: &Plan) {
    assert!(plan.changes.iter().all(|change| change.action != Action::Replace), "{}", shown(plan));
}

/// The engine of `after` waits already, sent by a spec that asked for nothing else.
fn pending(before: &str, engine: &str, after: &str) -> Case {
    let mut case = regroup(before, &format!("{engine}\n{WAITS}"));
    case.account.apply_all(&spec(&case.after), &case.options);
    case.after = group(after);
    case
}

mod tls {
    use super::*;

    #[test]
    fn on_or_off_remains_until_the_engine_is_7_0_5() {
        let text = "transitEncryptionEnabled true once the engine is redis 7.1";
        let case = regroup(&redis("6.2", OFF), &redis("7.1", &format!("{PREFERRED}\n{WAITS}")));
        remains_until_the_window(case.allow(&["replace:*"]), text);
        let case = regroup(&redis("6.2", TLS), &redis("7.1", &format!("{OFF}\n{WAITS}")));
        remains_until_the_window(case, "transitEncryptionEnabled false once the engine is redis 7.1");
        let valkey = format!("engine: valkey\nengineVersion: \"8.0\"\n{PREFERRED}\n{WAITS}");
        remains_until_the_window(regroup(&redis("6.2", OFF), &valkey), "once the engine is valkey 8.0");
    }

    #[test]
    fn remains_while_that_engine_is_pending_whatever_the_spec_says_of_when_or_of_the_engine() {
        let text = "transitEncryptionEnabled true once the engine is redis 7.1";
        let engine = redis("7.1", "");
        for after in [redis("7.1", PREFERRED), redis("7.1", &format!("{PREFERRED}\n{WAITS}"))] {
            let case = pending(&redis("6.2", OFF), &engine, &after);
            remains_until_the_window(case, text);
        }
        let mut undeclared = pending(&redis("6.2", OFF), &engine, &redis("7.1", PREFERRED));
        undeclared.after = undeclared.after.replace("    engineVersion: \"7.1\"\n", "");
        remains_until_the_window(undeclared, text);
    }

    #[test]
    fn in_another_mode_remains_too() {
        let case = regroup(&redis("6.2", TLS), &redis("7.1", &format!("{PREFERRED}\n{WAITS}")));
        remains_until_the_window(case, "transitEncryptionMode preferred once the engine is redis 7.1");
    }

    #[test]
    fn is_a_replacement_where_the_engine_that_comes_is_too_old_as_well() {
        let r6g = "cacheNodeType: cache.r6g.large";
        let (before, after) = (format!("{OFF}\n{r6g}"), format!("{TLS}\n{WAITS}\n{r6g}"));
        regroup(&redis("5.0.6", &before), &redis("6.2", &after)).replaces("replicationGroup/g");
    }

    #[test]
    fn is_blocked_and_never_a_replacement_where_the_engine_version_is_not_known() {
        let mut case = regroup(&redis("7.1", OFF), &redis("7.1", PREFERRED));
        let after = spec(&case.after);
        let mut live = case.account.live(&after);
        for cluster in live.cache_clusters.values_mut() {
            cluster.as_object_mut().expect("a cluster").remove("EngineVersion");
        }
        let plan = cachectl::plan::plan(&after, &live, &options(&["replace:*"]), Vec::new());
        replaces_nothing(&plan);
        assert!(plan.is_blocked() && plan.steps.is_empty(), "{}", shown(&plan));
    }

    #[test]
    fn comes_before_anybody_must_log_in_also_where_it_waits_itself() {
        let case = regroup(&redis("6.2", OFF), &redis("7.1", &format!("{TLS}\n{TOKEN}\n{WAITS}")));
        remains_until_the_window(case, "authToken once TLS is on");
    }

    #[test]
    fn under_access_control_that_stays_is_blocked_at_once() {
        let with = |fields: &str| format!("{}{}", people("redis"), group(fields));
        let before = with(&redis("6.2", &format!("{TLS}\nuserGroupIds: [people]")));
        let after = with(&redis("7.1", &format!("{OFF}\n{WAITS}")));
        change(&before, &after).blocked("tls-with-access-control", "userGroupIds: []");
    }
}

#[test]
fn a_log_that_the_engine_to_come_has_remains_and_the_other_one_is_sent() {
    let r6g = "cacheNodeType: cache.r6g.large";
    let logs = format!("{r6g}\nlogDeliveryConfigurations:\n  - {}\n  - {}", log("slow-log"), log("engine-log"));
    let case = || regroup(&redis("6.0", r6g), &redis("7.1", &format!("{logs}\n{WAITS}")));
    let mut other = case();
    remains_until_the_window(case(), "logDeliveryConfigurations engine-log once the engine is redis 7.1");
    let sent = other.plan();
    let sent = sent.steps[0].parameters()["LogDeliveryConfigurations"].as_array().map(Vec::len);
    assert_eq!(sent, Some(1));
}

#[test]
fn cluster_mode_remains_while_anything_waits_declared_or_not() {
    let ready = "automaticFailoverEnabled: true";
    let mode = format!("{ready}\nclusterMode: compatible");
    let mut case = pending(&redis("6.2", ready), &redis("7.1", ready), &redis("7.1", &mode));
    case.after = case.after.replace("    engineVersion: \"7.1\"\n", "");
    remains_until_the_window(case, "clusterMode compatible once what waits for the maintenance window is done");
}

#[test]
fn shards_remain_with_the_cluster_mode_that_waits() {
    let ready = "automaticFailoverEnabled: true";
    let one = format!("{ready}\ncacheNodeType: cache.r7g.xlarge\nnumCacheClusters: 2");
    let two = "clusterMode: enabled\nnumNodeGroups: 2\nreplicasPerNodeGroup: 1";
    let smaller = format!("{ready}\ncacheNodeType: cache.r7g.large\n{two}\n{WAITS}");
    remains_until_the_window(regroup(&one, &smaller).all_hops(), "numNodeGroups 2 once cluster mode is enabled");
}

#[test]
fn cluster_mode_that_waits_and_can_never_be_is_blocked_at_once() {
    let off = "automaticFailoverEnabled: false\ncacheNodeType: cache.r7g.xlarge";
    let after = "automaticFailoverEnabled: false\ncacheNodeType: cache.r7g.large\nclusterMode: compatible";
    regroup(off, &format!("{after}\n{WAITS}")).blocked("cluster-mode-needs-failover", "automaticFailoverEnabled: true");
    // So is an engine that does not know it, unless one that does is what waits.
    let with = |node_type: &str| format!("automaticFailoverEnabled: true\ncacheNodeType: {node_type}");
    let mode = format!("{}\nclusterMode: compatible\n{WAITS}", with("cache.r7g.xlarge"));
    let old = redis("6.2", &with("cache.r7g.large"));
    regroup(&old, &redis("6.2", &mode)).blocked("cluster-mode-engine", "7.0");
    regroup(&old, &redis("7.1", &mode)).remains("clusterMode compatible once what waits");
}

#[test]
fn cluster_mode_that_waits_and_does_not_fit_its_parameter_group_is_blocked_at_once() {
    let off = "parameterGroups:\n  off: {family: valkey8, description: d}\n";
    let with = |fields: &str| {
        let always = "automaticFailoverEnabled: true\ncacheParameterGroupName: off";
        format!("{off}{}", group(&format!("{always}\n{fields}")))
    };
    let after = format!("cacheNodeType: cache.r7g.large\nclusterMode: compatible\n{WAITS}");
    change(&with("cacheNodeType: cache.r7g.xlarge"), &with(&after))
        .blocked("parameter-group-cluster-mode", "cluster-enabled: \"yes\"");
}

#[test]
fn zones_that_new_shards_could_not_have_are_told_before_the_way_to_them_is_begun() {
    let one = "automaticFailoverEnabled: true\nnumCacheClusters: 3";
    let entry = |replicas: u8, zones: &str| {
        format!(
            "{{replicaCount: {replicas}, primaryAvailabilityZone: us-east-1b, replicaAvailabilityZones: [{zones}]}}"
        )
    };
    let (fits, some) = (entry(2, "us-east-1a, us-east-1b"), entry(1, "us-east-1a"));
    let two = |first: &str| {
        let shards = format!("numNodeGroups: 2\nnodeGroupConfiguration: [{first}, {fits}]");
        format!("automaticFailoverEnabled: true\nclusterMode: enabled\n{shards}")
    };
    regroup(one, &two(&some)).blocked("zones-of-new-shards", "as many as the smallest shard has");
    regroup(one, &two(&fits)).remains("numNodeGroups 2 once cluster mode is enabled");
    // Shards whose replicas go first are waited for, too.
    let four = "automaticFailoverEnabled: true\nnumCacheClusters: 4";
    let first = entry(2, "us-east-1a, us-east-1b");
    let both = |second: &str| two(&first).replace(&format!("{fits}]"), &format!("{second}]"));
    regroup(four, &both(&some)).all_hops().blocked("zones-of-new-shards", "as many as the smallest shard has");
    regroup(four, &both(&fits)).all_hops().remains("once the other shards have their replicas");
    // So is a zone that no subnet reaches.
    let subnets = "subnetGroups:\n  x: {subnetIds: [subnet-1a, subnet-1b]}\n";
    let within = |fields: &str| format!("{subnets}{}", group(&format!("cacheSubnetGroupName: x\n{fields}")));
    change(&within(one), &within(&two(&fits))).remains("numNodeGroups 2 once cluster mode is enabled");
    let far = two(&fits).replace("us-east-1a", "us-east-1c");
    change(&within(one), &within(&far)).blocked("zone-not-covered", "add a subnet there");
}

#[test]
fn a_node_type_remains_while_the_engine_that_runs_it_is_pending() {
    let text = "cacheNodeType cache.r8g.large once the engine is valkey 8.0";
    let engine = "engine: valkey\nengineVersion: \"8.0\"";
    let after = format!("{engine}\ncacheNodeType: cache.r8g.large");
    remains_until_the_window(pending(&redis("7.1", ""), engine, &after), text);
    let mut undeclared = pending(&redis("7.1", ""), engine, &after);
    undeclared.after = undeclared.after.replace("    engineVersion: \"8.0\"\n", "");
    remains_until_the_window(undeclared, text);
}

#[test]
fn durable_writes_remain_while_engine_or_node_type_is_pending() {
    let fit = "numNodeGroups: 1\nreplicasPerNodeGroup: 1\nclusterMode: enabled\nmultiAZEnabled: true\nautomaticFailoverEnabled: true\ntransitEncryptionEnabled: true\ntransitEncryptionMode: required\ncacheParameterGroupName: default.valkeyX.cluster.on";
    let fit = |version: &str, rest: &str| {
        let rest = format!("{rest}\nengineVersion: \"{version}\"");
        format!("{}\n{rest}", fit.replace('X', &version[..1]))
    };
    let case = pending(&fit("8.0", ""), &fit("9.0", ""), &fit("9.0", "durability: sync"));
    remains_until_the_window(case, "durability once the engine is valkey 9.0 or later");
    let t4g = "cacheNodeType: cache.t4g.medium";
    let r7g = "cacheNodeType: cache.r7g.large";
    let mut case = pending(&fit("9.0", t4g), &fit("9.0", r7g), &fit("9.0", "durability: sync"));
    case.after = group(&format!("{}\nlifecycle: {{ignore: [cacheNodeType]}}", fit("9.0", "durability: sync")));
    remains_until_the_window(case, "durability once the node type is cache.r7g.large");
}

#[test]
fn shards_go_only_once_the_larger_node_type_that_waits_is_there() {
    let shards = |count: u8, rest: &str| format!("numNodeGroups: {count}\nreplicasPerNodeGroup: 1\n{rest}");
    let larger = format!("cacheNodeType: cache.r7g.xlarge\n{WAITS}");
    let text = "numNodeGroups 2 once the node type is cache.r7g.xlarge";
    remains_until_the_window(regroup(&shards(3, ""), &shards(2, &larger)), text);
    // Less memory has nothing to wait for, and more shards have neither.
    let smaller = format!("cacheNodeType: cache.r7g.large\n{WAITS}");
    let mut grows = regroup(&shards(2, "cacheNodeType: cache.r7g.xlarge"), &shards(3, &smaller));
    assert!(grows.plan().changes.iter().all(|change| change.remaining.is_empty()));
}

mod users_and_their_groups {
    use super::*;

    fn with(users: &str, fields: &str) -> String {
        format!("{}{}", people(users), group(&format!("{fields}\n{TLS}\nuserGroupIds: [people]")))
    }

    #[test]
    fn turn_to_valkey_once_the_cache_is() {
        let valkey = format!("engine: valkey\nengineVersion: \"8.0\"\n{WAITS}");
        let case = change(&with("redis", &redis("7.1", "")), &with("valkey", &valkey));
        remains_until_the_window(case, "engine valkey once replicationGroup/g is of engine valkey");
        let case = change(&with("redis", &redis("7.1", "")), &with("valkey", &valkey));
        remains_until_the_window(case, "engine valkey once userGroup/people is of engine valkey");
    }

    #[test]
    fn are_blocked_where_the_cache_stays_of_redis() {
        let after = format!("{}{}", people("valkey"), group(&redis("7.1", "")).replace("    engine: redis\n", ""));
        change(&with("redis", &redis("7.1", "")), &after)
            .blocked("user-group-engine", "declare `engine: valkey` for replicationGroup/g");
    }
}

#[test]
fn an_engine_that_waits_and_another_version_of_it_is_sent_again() {
    let engine = |version: &str| format!("engine: valkey\nengineVersion: \"{version}\"\n{WAITS}");
    let mut case = pending(&redis("7.1", ""), "engine: valkey\nengineVersion: \"8.0\"", &engine("7.2"));
    let plan = case.plan();
    assert_eq!(plan.steps[0].parameters()["EngineVersion"], json!("7.2"), "{}", shown(&plan));
    case.account.apply_all(&spec(&case.after), &case.options);
    assert!(case.account.sandbox.open_maintenance_window("g").expect("a group at rest"));
    case.nothing();
}

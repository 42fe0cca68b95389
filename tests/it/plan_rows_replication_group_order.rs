//! Replication groups: changes that AWS takes only one after the other, or only beside one another. From the guide
//! and from reports, not from what the planner does.

use cachectl::model::Kind;
use serde_json::{Value, json};

use super::plan_account::{options, shown, spec};
use super::plan_case::{Case, change, group, regroup};

const MODIFY: &str = "ModifyReplicationGroup";

fn engine(engine: &str, version: &str, node_type: &str) -> String {
    format!("engine: {engine}\nengineVersion: \"{version}\"\ncacheNodeType: {node_type}")
}

fn engine_call(engine: &str, version: &str) -> (&'static str, Value) {
    (MODIFY, json!({"Engine": engine, "EngineVersion": version}))
}

fn node_type_call(node_type: &str) -> (&'static str, Value) {
    (MODIFY, json!({"CacheNodeType": node_type}))
}

mod a_node_type_that_the_engine_does_not_run {
    use super::*;

    #[test]
    fn comes_after_the_engine_that_does() {
        for (before, after) in [
            (("redis", "4.0.10", "cache.r5.large"), ("redis", "5.0.6", "cache.r6g.large")),
            (("redis", "6.0", "cache.r6g.large"), ("redis", "6.2", "cache.r7g.large")),
            (("redis", "7.1", "cache.r7g.large"), ("valkey", "8.0", "cache.r8g.large")),
        ] {
            regroup(&engine(before.0, before.1, before.2), &engine(after.0, after.1, after.2))
                .calls(&[engine_call(after.0, after.1), node_type_call(after.2)]);
        }
    }

    #[test]
    fn remains_where_the_engine_waits_for_the_window() {
        let after = engine("valkey", "8.0", "cache.r8g.large");
        regroup(&engine("redis", "7.1", "cache.r7g.large"), &format!("{after}\napplyImmediately: false"))
            .remains("cacheNodeType cache.r8g.large once the engine is valkey 8.0")
            .calls(&[engine_call("valkey", "8.0")]);
    }

    #[test]
    fn is_blocked_where_no_such_engine_is_declared() {
        let before = group(&engine("redis", "6.0", "cache.r6g.large"));
        let after = before.replace("r6g", "r7g").replace("    engineVersion: \"6.0\"\n", "");
        change(&before, &after).blocked("node-type-engine", "the engine is changed first");
    }

    #[test]
    fn goes_before_the_engine_that_it_does_not_run_comes_back() {
        regroup(&engine("valkey", "7.2", "cache.r8g.large"), &engine("redis", "7.1", "cache.r7g.large"))
            .calls(&[node_type_call("cache.r7g.large"), engine_call("redis", "7.1")]);
    }
}

mod valkey_7_2_back_to_redis_7_1 {
    use super::*;

    const TLS: &str = "transitEncryptionEnabled: true\ntransitEncryptionMode: required";

    fn users(engine: &str) -> String {
        let way = "passwords: [{secretsManager: prod/cache, key: password}]";
        format!(
            "users:\n  base: {{userName: default, engine: {engine}, accessString: off -@all, {way}}}\nuserGroups:\n  people: {{engine: {engine}, userIds: [base]}}\n"
        )
    }

    #[test]
    fn is_one_call_like_an_upgrade() {
        regroup("engineVersion: \"7.2\"", "engine: redis\nengineVersion: \"7.1\"")
            .calls(&[engine_call("redis", "7.1")]);
    }

    #[test]
    fn takes_a_parameter_group_of_the_family_along() {
        let groups = "parameterGroups:\n  seven: {family: valkey7, parameters: {timeout: \"20\"}}\n  old: {family: redis7, parameters: {timeout: \"20\"}}\n";
        let before = group("engineVersion: \"7.2\"\ncacheParameterGroupName: seven");
        let after = group("engine: redis\nengineVersion: \"7.1\"\ncacheParameterGroupName: old");
        change(&format!("{groups}{before}"), &format!("{groups}{after}"))
            .calls(&[(MODIFY, json!({"Engine": "redis", "EngineVersion": "7.1", "CacheParameterGroupName": "old"}))]);
    }

    #[test]
    fn comes_after_its_users_and_their_group_turned_to_redis() {
        let fields = |engine: &str, version: &str| {
            group(&format!("engine: {engine}\nengineVersion: \"{version}\"\n{TLS}\nuserGroupIds: [people]"))
        };
        let (before, after) = (fields("valkey", "7.2"), fields("redis", "7.1"));
        change(&format!("{}{before}", users("valkey")), &format!("{}{after}", users("redis"))).calls(&[
            ("ModifyUser", json!({"Engine": "redis"})),
            ("ModifyUserGroup", json!({"Engine": "redis"})),
            engine_call("redis", "7.1"),
        ]);
    }

    #[test]
    fn is_blocked_while_users_stay_of_valkey() {
        let fields = |engine: &str, version: &str, users: &str| {
            group(&format!("engine: {engine}\nengineVersion: \"{version}\"\n{TLS}{users}"))
        };
        let before = format!("{}{}", users("valkey"), fields("valkey", "7.2", "\nuserGroupIds: [people]"));
        // The cache's spec says nothing of the group that is attached.
        let after = format!("{}{}", users("redis"), fields("redis", "7.1", ""));
        change(&before, &after).blocked("user-group-engine", "engine: redis");
    }

    #[test]
    fn is_the_only_way_back() {
        for before in ["engineVersion: \"8.0\"", "engineVersion: \"9.0\""] {
            regroup(before, "engine: redis\nengineVersion: \"7.1\"")
                .allow(&["replace:*"])
                .blocked("engine-downgrade", "restored as redis 7.1");
        }
        regroup("engineVersion: \"7.2\"", "engine: redis\nengineVersion: \"7.0\"")
            .blocked("engine-downgrade", "engineVersion: \"7.1\"");
    }
}

mod a_scale_up_and_an_engine_upgrade {
    use super::*;

    /// A group for which one of the two waits for the window.
    fn waiting(first: &str, then: &str) -> Case {
        let mut case = regroup("", &format!("applyImmediately: false\n{first}"));
        case.account.apply_all(&spec(&case.after), &case.options);
        case.after = group(&format!("{first}\n{then}"));
        case
    }

    #[test]
    fn the_second_is_sent_deferred_while_the_first_waits() {
        for (first, then) in [
            ("cacheNodeType: cache.r7g.xlarge", "engineVersion: \"8.1\""),
            ("engineVersion: \"8.1\"", "cacheNodeType: cache.r7g.xlarge"),
        ] {
            let mut case = waiting(first, then);
            let plan = case.plan();
            assert!(
                plan.steps.iter().all(|step| step.parameters()["ApplyImmediately"] == json!(false)),
                "{}",
                shown(&plan)
            );
            case.account.run(&spec(&case.after), &case.options, &plan).expect("accepted");
        }
    }

    #[test]
    fn that_the_second_waits_unasked_is_told_with_the_way_out() {
        for (first, then, what) in [
            ("cacheNodeType: cache.r7g.xlarge", "engineVersion: \"8.1\"", "takes no EngineVersion at once"),
            ("engineVersion: \"8.1\"", "cacheNodeType: cache.r7g.xlarge", "takes no CacheNodeType at once"),
        ] {
            let mut case = waiting(first, then);
            let plan = case.plan();
            let told = |note: &String| note.contains(what) && note.contains("--allow flush:replicationGroup/g");
            assert!(plan.notes.iter().any(told), "{}", shown(&plan));
            // Who asks for the window is told nothing that he knows.
            case.after = group(&format!("{first}\n{then}\napplyImmediately: false"));
            let plan = case.plan();
            assert!(!plan.notes.iter().any(told), "{}", shown(&plan));
        }
    }

    #[test]
    fn both_go_in_one_call_where_flushing_is_allowed() {
        for (first, then) in [
            ("cacheNodeType: cache.r7g.xlarge", "engineVersion: \"8.1\""),
            ("engineVersion: \"8.1\"", "cacheNodeType: cache.r7g.xlarge"),
        ] {
            let both = json!({"Engine": "valkey", "EngineVersion": "8.1", "CacheNodeType": "cache.r7g.xlarge"});
            waiting(first, then).allow(&["flush:*"]).calls(&[(MODIFY, both)]);
        }
    }
}

mod tls_and_access_control_in_one_edit {
    use super::*;

    const USERS: &str = "users:\n  nobody: {userName: default, engine: redis, accessString: off ~* -@all, passwords: [{secretsManager: prod/cache, key: password}]}\nuserGroups:\n  movers: {engine: redis, userIds: [nobody]}\n";

    fn hops(access: &str) -> Vec<String> {
        let before = format!("{USERS}{}", group("transitEncryptionEnabled: false"));
        let after = format!("{USERS}{}", group(&format!("transitEncryptionEnabled: true\n{access}")));
        let mut case = change(&before, &after);
        let plans = case.account.apply_all(&spec(&after), &options(&[]));
        let said = |plan: &cachectl::model::plan::Plan| {
            let sent = plan.steps.iter().flat_map(|step| step.parameters().iter());
            let sent = sent.filter(|(member, _)| {
                member.starts_with("TransitEncryptionMode")
                    || member.starts_with("UserGroupIdsToAdd")
                    || *member == "AuthTokenUpdateStrategy"
            });
            sent.map(|(_, value)| value.to_string().replace(['"', '[', ']'], "")).collect::<Vec<_>>().join(" then ")
        };
        plans.iter().map(said).collect()
    }

    #[test]
    fn tls_is_required_before_anybody_must_log_in() {
        assert_eq!(hops("userGroupIds: [movers]"), ["preferred", "required then movers"]);
        assert_eq!(
            hops("authToken: {secretsManager: prod/cache, key: token}"),
            ["preferred", "required then ROTATE", "SET"]
        );
    }

    #[test]
    fn who_declares_preferred_is_told_that_it_stays() {
        let before = format!("{USERS}{}", group("transitEncryptionEnabled: true\ntransitEncryptionMode: preferred"));
        let after = before.replace("preferred\n", "preferred\n    userGroupIds: [movers]\n");
        let mut case = change(&before, &after);
        let plan = case.plan();
        assert!(plan.notes.iter().any(|note| note.contains("it stays `preferred`")), "{}", shown(&plan));
    }
}

mod new_shards_with_zones {
    use super::*;

    fn shards(count: usize) -> String {
        let entry = |index: usize| {
            let (one, other) = if index.is_multiple_of(2) { ("a", "b") } else { ("b", "a") };
            format!(
                "  - {{primaryAvailabilityZone: us-east-1{one}, replicaAvailabilityZones: [us-east-1{other}], replicaCount: 1}}"
            )
        };
        let entries: Vec<String> = (0..count).map(entry).collect();
        format!(
            "automaticFailoverEnabled: true\nmultiAZEnabled: true\nnumNodeGroups: {count}\nnodeGroupConfiguration:\n{}",
            entries.join("\n")
        )
    }

    #[test]
    fn name_the_zones_of_every_shard_of_the_result() {
        let mut case = regroup(&shards(2), &shards(3));
        let plan = case.plan();
        let configuration =
            plan.steps[0].parameters()["ReshardingConfiguration"].as_array().cloned().unwrap_or_default();
        assert_eq!(configuration.len(), 3, "{}", shown(&plan));
        assert_eq!(configuration[2], json!({"PreferredAvailabilityZones": ["us-east-1a", "us-east-1b"]}));
        case.account.apply_all(&spec(&case.after), &case.options);
        case.nothing();
    }

    /// Two shards, and these entries for two more.
    fn two_more(entries: &str) -> Case {
        let after = shards(2).replace("numNodeGroups: 2", "numNodeGroups: 4");
        regroup(&shards(2), &format!("{after}\n{entries}"))
    }

    #[test]
    fn are_never_dropped_in_silence() {
        let whole =
            "  - {primaryAvailabilityZone: us-east-1a, replicaAvailabilityZones: [us-east-1b], replicaCount: 1}";
        let bare = "  - {replicaCount: 1}";
        for (other, told) in [
            (bare, "an entry without zones names 0 of 2"),
            ("  - {primaryAvailabilityZone: us-east-1c, replicaCount: 1}", "the entry with us-east-1c names 1 of 2"),
            ("  - {replicaAvailabilityZones: [us-east-1c], replicaCount: 1}", "the entry with us-east-1c names 1 of 2"),
        ] {
            let mut case = two_more(&format!("{whole}\n{other}"));
            let plan = case.plan();
            let reasons: Vec<_> = plan.changes.iter().filter_map(|change| change.blocked.as_ref()).collect();
            assert!(reasons.iter().any(|blocked| blocked.reason.contains(told)), "{}", shown(&plan));
            case.blocked("zones-of-new-shards", "replicaAvailabilityZones");
        }
        // Who names none leaves them to AWS.
        two_more(&format!("{bare}\n{bare}"))
            .calls(&[("ModifyReplicationGroupShardConfiguration", json!({"NodeGroupCount": 4}))]);
    }
}

mod windows {
    use super::*;

    #[test]
    fn one_that_meets_the_live_other_is_blocked() {
        regroup(
            "preferredMaintenanceWindow: sun:05:00-sun:06:00\nsnapshotWindow: 01:00-02:00",
            "snapshotWindow: 05:30-06:30",
        )
        .blocked("windows-overlap", "move one of them");
        regroup("snapshotWindow: 01:00-02:00", "preferredMaintenanceWindow: mon:01:30-mon:02:30")
            .blocked("windows-overlap", "the other is the live one");
        regroup(
            "preferredMaintenanceWindow: sun:05:00-sun:06:00\nsnapshotWindow: 01:00-02:00",
            "snapshotWindow: 06:00-07:00",
        )
        .calls(&[(MODIFY, json!({"SnapshotWindow": "06:00-07:00"}))]);
    }
}

mod log_deliveries_in_error {
    use super::*;

    const LOG: &str = "logDeliveryConfigurations: [{logType: slow-log, destinationType: cloudwatch-logs, destinationDetails: {cloudWatchLogsDetails: {logGroup: logs}}, logFormat: json}]";

    #[test]
    fn are_told_with_aws_message_and_sent_once_more() {
        let mut case = regroup(LOG, LOG);
        let mut live = case.account.live(&spec(&case.after));
        let delivery = live
            .of_mut(Kind::ReplicationGroup)
            .get_mut("g")
            .and_then(|group| group.pointer_mut("/LogDeliveryConfigurations/0"));
        let delivery = delivery.expect("a delivery");
        delivery["Status"] = json!("error");
        delivery["Message"] = json!("The resource policy is too large");
        let plan = cachectl::plan::plan(&spec(&case.after), &live, &case.options, Vec::new());
        assert_eq!(plan.steps.len(), 1, "{}", shown(&plan));
        assert_eq!(plan.steps[0].parameters()["LogDeliveryConfigurations"][0]["LogType"], "slow-log");
        assert!(plan.notes.iter().any(|note| note.contains("The resource policy is too large")), "{}", shown(&plan));
    }
}

mod a_member_of_a_global_datastore {
    use super::*;

    fn member(role: &str) -> (Case, cachectl::model::Live) {
        let mut case = regroup("", "port: 6380");
        let mut live = case.account.live(&spec(&group("")));
        live.of_mut(Kind::ReplicationGroup).get_mut("g").expect("the group")["GlobalReplicationGroupInfo"] =
            json!({"GlobalReplicationGroupId": "ldgnf-world", "GlobalReplicationGroupMemberRole": role});
        (case, live)
    }

    #[test]
    fn is_neither_replaced_nor_deleted_whatever_is_allowed() {
        for (role, way) in
            [("SECONDARY", "disassociate-global-replication-group"), ("PRIMARY", "retain-primary-replication-group")]
        {
            let (case, live) = member(role);
            let allowed = options(&["replace:*", "delete:*"]);
            let mut destroy = options(&["delete:*"]);
            destroy.destroy = true;
            for options in [allowed, destroy] {
                let plan = cachectl::plan::plan(&spec(&case.after), &live, &options, Vec::new());
                let blocked = plan.changes.iter().find_map(|change| change.blocked.as_ref()).expect("it is a member");
                assert_eq!(blocked.rule, "global-member", "{}", shown(&plan));
                assert!(blocked.hint.contains(way) && blocked.hint.contains("ldgnf-world"), "{blocked:?}");
                assert!(plan.steps.is_empty(), "{}", shown(&plan));
            }
        }
    }

    #[test]
    fn is_told_to_be_one() {
        let (_, live) = member("SECONDARY");
        let plan = cachectl::plan::plan(&spec(&group("")), &live, &options(&[]), Vec::new());
        let told = "the group is secondary of the global datastore ldgnf-world";
        assert!(plan.notes.iter().any(|note| note.contains(told)), "{}", shown(&plan));
    }
}

mod what_a_global_datastore_decides {
    use super::*;

    /// What a plan blocks in a member of a datastore.
    fn blocked(before: &str, after: &str) -> Option<(String, String)> {
        let mut case = regroup(before, after);
        let mut live = case.account.live(&spec(&group(before)));
        live.of_mut(Kind::ReplicationGroup).get_mut("g").expect("the group")["GlobalReplicationGroupInfo"] =
            json!({"GlobalReplicationGroupId": "ldgnf-world", "GlobalReplicationGroupMemberRole": "SECONDARY"});
        let plan = cachectl::plan::plan(&spec(&case.after), &live, &case.options, Vec::new());
        assert!(plan.steps.is_empty() || !plan.is_blocked(), "{}", shown(&plan));
        plan.changes.iter().find_map(|change| change.blocked.clone()).map(|blocked| (blocked.rule, blocked.reason))
    }

    #[test]
    fn is_failover_and_a_replica_count_is_each_members_own() {
        let (rule, reason) = blocked("automaticFailoverEnabled: false", "automaticFailoverEnabled: true")
            .expect("the datastore decides");
        assert_eq!((rule.as_str(), reason.contains("automaticFailoverEnabled")), ("global-member", true), "{reason}");
        assert_eq!(blocked("", "numCacheClusters: 3"), None);
        assert_eq!(blocked("", "description: another"), None);
    }

    #[test]
    fn is_cluster_mode_in_which_all_members_are_alike() {
        let (rule, reason) = blocked("", "clusterMode: compatible").expect("members are alike");
        assert_eq!((rule.as_str(), reason.contains("alike in clusterMode")), ("global-member", true), "{reason}");
    }

    #[test]
    fn are_no_durable_writes_since_no_member_has_them() {
        const FIT: &str = "engineVersion: \"9.0\"\nnumNodeGroups: 2\nreplicasPerNodeGroup: 1\nmultiAZEnabled: true\ntransitEncryptionEnabled: true\ntransitEncryptionMode: required";
        let (rule, reason) = blocked(FIT, &format!("{FIT}\ndurability: sync")).expect("no member has them");
        assert_eq!((rule.as_str(), reason.contains("global datastore")), ("durability-needs", true), "{reason}");
        assert_eq!(blocked(FIT, &format!("{FIT}\ndurability: disabled")), None);
    }
}

mod t2 {
    use super::*;

    #[test]
    fn no_new_group_is_made_on_it_and_one_that_exists_goes_on() {
        let t2 = group("cacheNodeType: cache.t2.small");
        change("", &t2).blocked("node-type-closed", "cache.t4g.small");
        let mut case = regroup("", "");
        let mut live = case.account.live(&spec(&case.after));
        live.of_mut(Kind::ReplicationGroup).get_mut("g").expect("the group")["CacheNodeType"] = json!("cache.t2.small");
        let plan = cachectl::plan::plan(&spec(&t2), &live, &case.options, Vec::new());
        assert!(plan.steps.is_empty() && !plan.is_blocked(), "{}", shown(&plan));
    }
}

mod more_replicas_than_the_quota {
    use super::*;

    #[test]
    fn are_asked_for_since_aws_decides() {
        let mut case = regroup("", "numCacheClusters: 8");
        let plan = case.plan();
        assert_eq!(plan.steps[0].parameters()["NewReplicaCount"], json!(7), "{}", shown(&plan));
    }
}

mod a_smaller_node_type {
    use super::*;

    fn shards(engine: &str, version: &str, node_type: &str, count: u8) -> String {
        format!("{}\nnumNodeGroups: {count}\nreplicasPerNodeGroup: 1", self::engine(engine, version, node_type))
    }

    /// Row 13: "Do AFTER scale-out of shards", also where the engine has to be another one first or afterwards.
    #[test]
    fn comes_after_new_shards_whichever_engine_it_runs() {
        let more = ("ModifyReplicationGroupShardConfiguration", json!({"NodeGroupCount": 4}));
        for node_type in ["cache.r8g.large", "cache.r7g.large"] {
            regroup(&shards("redis", "6.2", "cache.r6g.xlarge", 2), &shards("valkey", "8.0", node_type, 4)).calls(&[
                engine_call("valkey", "8.0"),
                more.clone(),
                node_type_call(node_type),
            ]);
        }
        let before = shards("valkey", "7.2", "cache.r8g.xlarge", 2);
        regroup(&before, &shards("redis", "7.1", "cache.r7g.large", 4)).calls(&[
            more,
            node_type_call("cache.r7g.large"),
            engine_call("redis", "7.1"),
        ]);
    }

    #[test]
    fn comes_after_shards_that_go_too_and_a_larger_one_before_them() {
        let fewer =
            ("ModifyReplicationGroupShardConfiguration", json!({"NodeGroupCount": 1, "NodeGroupsToRemove": ["0002"]}));
        regroup(&shards("redis", "6.2", "cache.r6g.xlarge", 2), &shards("valkey", "8.0", "cache.r8g.2xlarge", 1))
            .calls(&[engine_call("valkey", "8.0"), node_type_call("cache.r8g.2xlarge"), fewer]);
    }
}

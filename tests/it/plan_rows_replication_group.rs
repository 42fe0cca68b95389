//! Replication groups: settings, engine, node type, windows, snapshots. One module an attribute's way to change.

use cachectl::model::Kind;
use cachectl::model::attribute::Impact;
use serde_json::json;

use super::plan_account::{options, shown, spec};
use super::plan_case::{Case, change, expect_calls, group, parameters, regroup};

const MODIFY: &str = "ModifyReplicationGroup";

#[test]
fn what_only_unread_nodes_tell_is_unknown_and_no_difference() {
    let mut case =
        regroup("port: 6380\ncacheParameterGroupName: default.valkey8", "port: 6380\nengineVersion: \"8.1\"");
    let spec = spec(&case.after);
    let mut live = case.account.live(&spec);
    live.cache_clusters.clear();
    let plan = cachectl::plan::plan(&spec, &live, &options(&["replace:*"]), Vec::new());
    let blocked = plan.changes[0].blocked.as_ref().expect("blocked");
    assert_eq!(blocked.rule, "members-unread", "{}", shown(&plan));
    assert!(blocked.reason.contains("engineVersion") && plan.steps.is_empty(), "{}", shown(&plan));
    assert_eq!(plan.summary.replace, 0, "{}", shown(&plan));
}

mod replication_group_id {
    use super::*;

    #[test]
    fn another_id_is_another_group_and_the_old_one_is_an_orphan() {
        let after = group("").replace("  g:", "  h:");
        let mut case = change(&group(""), &after);
        let plan = case.plan();
        assert_eq!(plan.orphans.iter().map(ToString::to_string).collect::<Vec<_>>(), ["replicationGroup/g"]);
        assert_eq!(parameters(&plan, "CreateReplicationGroup")["ReplicationGroupId"], "h");
        assert_eq!(plan.steps.len(), 1, "nothing is deleted unasked");
    }

    #[test]
    fn ids_are_in_lower_case_whatever_the_spec_writes() {
        change(&group(""), &group("").replace("  g:", "  G:")).nothing();
    }
}

mod description {
    use super::*;

    #[test]
    fn is_changed_in_place() {
        regroup("description: old", "description: new")
            .calls(&[(MODIFY, json!({"ReplicationGroupDescription": "new"}))]);
    }
}

mod engine_redis_to_valkey {
    use super::*;

    const REDIS: &str = "engine: redis\nengineVersion: \"7.1\"";

    #[test]
    fn engine_and_version_go_in_one_call_and_aws_exchanges_its_own_parameter_group() {
        regroup(REDIS, "engine: valkey\nengineVersion: \"8.0\"")
            .impact(Impact::Brief)
            .calls(&[(MODIFY, json!({"Engine": "valkey", "EngineVersion": "8.0"}))]);
    }

    #[test]
    fn the_new_family_is_created_before_and_the_old_group_removed_after() {
        let with = |family: &str, name: &str, rest: &str| {
            format!(
                "parameterGroups:\n  {name}: {{family: {family}, description: d, parameters: {{maxmemory-policy: allkeys-lru}}}}\n{}",
                group(&format!("{rest}\ncacheParameterGroupName: {name}"))
            )
        };
        let (before, after) =
            (with("redis7", "old", REDIS), with("valkey8", "new", "engine: valkey\nengineVersion: \"8.0\""));
        let mut case = change(&before, &after).prune().allow(&["delete:parameterGroup/*"]);
        let plan = case.plan();
        let steps: Vec<(&str, String)> =
            plan.steps.iter().map(|step| (step.operation().name(), step.address.to_string())).collect();
        let names: Vec<(&str, &str)> =
            steps.iter().map(|(operation, address)| (*operation, address.as_str())).collect();
        assert_eq!(
            names,
            [
                ("CreateCacheParameterGroup", "parameterGroup/new"),
                ("ModifyCacheParameterGroup", "parameterGroup/new"),
                (MODIFY, "replicationGroup/g"),
                ("DeleteCacheParameterGroup", "parameterGroup/old"),
            ]
        );
        let sent = parameters(&plan, MODIFY);
        assert_eq!(
            (&sent["Engine"], &sent["EngineVersion"], &sent["CacheParameterGroupName"]),
            (&json!("valkey"), &json!("8.0"), &json!("new"))
        );
        case.account.apply_all(&spec(&case.after), &case.options);
    }

    /// "A valkey-family group with the same static parameter values must be in the same call."
    #[test]
    fn static_parameters_stay_as_they_are() {
        let with = |family: &str, name: &str, parameters: &str, rest: &str| {
            format!(
                "parameterGroups:\n  {name}: {{family: {family}, description: d, parameters: {{{parameters}}}}}\n{}",
                group(&format!("{rest}\ncacheParameterGroupName: {name}"))
            )
        };
        let before = with("redis7", "old", "databases: \"32\"", REDIS);
        let after = |parameters: &str| {
            change(&before, &with("valkey8", "new", parameters, "engine: valkey\nengineVersion: \"8.0\""))
        };
        let mut case = after("timeout: \"300\"");
        let new = json!({"CacheParameterGroupName": "new", "CacheParameterGroupFamily": "valkey8", "Description": "d"});
        case.account.call("CreateCacheParameterGroup", new);
        let sent = json!({"ReplicationGroupId": "g", "Engine": "valkey", "EngineVersion": "8.0", "CacheParameterGroupName": "new", "ApplyImmediately": true});
        let refusal = case.account.sandbox.call(MODIFY, sent);
        assert!(refusal.is_err_and(|refusal| refusal.to_string().contains("databases")));
        after("timeout: \"300\"").blocked("parameter-at-creation", "declare `databases: \"32\"` in new");
        let mut case = after("databases: \"32\", timeout: \"300\"");
        assert!(!case.plan().is_blocked());
        case.account.apply_all(&spec(&case.after), &case.options);
        // From AWS's own group there is nothing to keep.
        let own = group(&format!("{REDIS}\ncacheParameterGroupName: default.redis7"));
        let new = with("valkey8", "new", "databases: \"32\"", "engine: valkey\nengineVersion: \"8.0\"");
        assert!(!change(&own, &new).plan().is_blocked());
    }

    #[test]
    fn without_a_version_it_is_blocked() {
        let after = group("engine: valkey\nengineVersion: x").replace("    engineVersion: x\n", "");
        change(&group(REDIS), &after).blocked("engine-needs-version", "declare engineVersion");
    }

    #[test]
    fn a_custom_group_of_the_old_family_is_blocked() {
        let mut case = regroup(REDIS, "engine: valkey\nengineVersion: \"8.0\"");
        case.account.call(
            "CreateCacheParameterGroup",
            json!({"CacheParameterGroupName": "mine", "CacheParameterGroupFamily": "redis7", "Description": "d"}),
        );
        case.account.call(
            MODIFY,
            json!({"ReplicationGroupId": "g", "CacheParameterGroupName": "mine", "ApplyImmediately": true}),
        );
        case.blocked("parameter-group-family", "`family: valkey8`");
    }

    #[test]
    fn a_default_group_of_the_old_family_by_name_is_an_error_of_the_spec() {
        let sections = group("engine: valkey\nengineVersion: \"8.0\"\ncacheParameterGroupName: default.redis7");
        let loaded =
            cachectl::spec::from_text(&format!("apiVersion: cachectl/v1\nstack: prod\nregion: us-east-1\n{sections}"));
        assert!(loaded.diagnostics.iter().any(|diagnostic| diagnostic.code == "parameter-group-family"));
    }
}

mod engine_version_upgrade_same_major {
    use super::*;

    #[test]
    fn is_made_in_place_with_the_engine_named() {
        regroup("engineVersion: \"8.0\"", "engineVersion: \"8.1\"")
            .impact(Impact::Brief)
            .calls(&[(MODIFY, json!({"Engine": "valkey", "EngineVersion": "8.1"}))]);
    }

    #[test]
    fn waits_for_the_window_and_then_shows_as_pending() {
        let mut case = regroup("engineVersion: \"8.0\"", "engineVersion: \"8.1\"\napplyImmediately: false")
            .impact(Impact::Deferred);
        let plan = case.plan();
        assert_eq!(parameters(&plan, MODIFY)["ApplyImmediately"], false);
        case.account.apply_all(&spec(&case.after), &case.options);
        let plan = case.plan();
        let pending: Vec<_> =
            plan.pending().map(|(_, pending)| (pending.path.as_str(), pending.value.clone())).collect();
        assert_eq!(pending, [("engineVersion", json!("8.1.0"))]);
        assert!(plan.steps.is_empty());
        case.account.sandbox.open_maintenance_window("g").expect("something waits");
        case.nothing();
    }
}

mod engine_version_upgrade_new_major {
    use super::*;

    fn with(name: &str, family: &str, version: &str) -> String {
        format!(
            "parameterGroups:\n  {name}: {{family: {family}, description: d}}\n{}",
            group(&format!("engineVersion: \"{version}\"\ncacheParameterGroupName: {name}"))
        )
    }

    #[test]
    fn version_and_parameter_group_go_in_one_call() {
        let mut case = change(&with("v7", "valkey7", "7.2"), &with("v8", "valkey8", "8.0"))
            .prune()
            .allow(&["delete:parameterGroup/v7"]);
        let plan = case.plan();
        expect_calls(
            &plan,
            &[
                (
                    "CreateCacheParameterGroup",
                    json!({"CacheParameterGroupFamily": "valkey8", "Description": "d", "Tags": [{"Key": "cachectl:stack", "Value": "prod"}]}),
                ),
                (MODIFY, json!({"Engine": "valkey", "EngineVersion": "8.0", "CacheParameterGroupName": "v8"})),
                ("DeleteCacheParameterGroup", json!({})),
            ],
        );
        case.account.apply_all(&spec(&case.after), &case.options);
    }

    #[test]
    fn the_same_group_with_another_family_is_blocked() {
        change(&with("v", "valkey7", "7.2"), &with("v", "valkey8", "8.0"))
            .blocked("parameter-group-family", "under another name");
    }

    #[test]
    fn a_parameter_group_of_another_family_than_the_running_version_is_blocked() {
        let after = with("v8", "valkey8", "8.0").replace("    engineVersion: \"8.0\"\n", "");
        change(&group("engineVersion: \"7.2\""), &after).blocked("parameter-group-family", "`family: valkey7`");
    }

    #[test]
    fn a_deferred_change_of_engine_and_parameter_group_is_pending_as_a_whole() {
        let redis = "engine: redis\nengineVersion: \"7.1\"";
        let after = format!(
            "parameterGroups:\n  v8: {{family: valkey8, description: d}}\n{}",
            group("engine: valkey\nengineVersion: \"8.0\"\ncacheParameterGroupName: v8\napplyImmediately: false")
        );
        let mut case = change(&group(redis), &after);
        case.account.apply_all(&spec(&case.after), &case.options);
        let plan = case.plan();
        let pending: Vec<_> = plan.pending().map(|(_, pending)| pending.path.as_str()).collect();
        assert_eq!(pending, ["engine", "engineVersion", "cacheParameterGroupName"]);
    }
}

mod engine_version_downgrade {
    use super::*;

    #[test]
    fn is_a_replacement_that_starts_empty() {
        let plan = regroup("engineVersion: \"8.1\"\nautoMinorVersionUpgrade: false", "engineVersion: \"8.0\"")
            .replaces("replicationGroup/g");
        assert!(parameters(&plan, "DeleteReplicationGroup")["FinalSnapshotIdentifier"].is_string());
        assert_eq!(
            parameters(&plan, "CreateReplicationGroup").get("SnapshotName"),
            None,
            "no older engine reads the snapshot"
        );
        assert!(plan.notes.iter().any(|note| note.contains("starts empty")));
    }

    #[test]
    fn six_x_is_whatever_minor_version_runs() {
        regroup("engine: redis\nengineVersion: \"6.2\"", "engine: redis\nengineVersion: \"6.x\"").nothing();
    }
}

mod engine_version_patch_level {
    use super::*;

    #[test]
    fn is_awss_own() {
        regroup("engineVersion: \"7.2\"", "engineVersion: \"7.2\"").nothing();
    }

    #[test]
    fn of_redis_5_is_declared() {
        let redis =
            |version: &str| format!("engine: redis\nengineVersion: \"{version}\"\ncacheNodeType: cache.r5.large");
        regroup(&redis("4.0.10"), &redis("5.0.6"))
            .calls(&[(MODIFY, json!({"Engine": "redis", "EngineVersion": "5.0.6"}))]);
    }

    #[test]
    fn a_minor_version_that_aws_took_by_itself_is_no_difference() {
        regroup("engineVersion: \"8.0\"", "engineVersion: \"8.0\"")
            .meanwhile(|account| {
                account
                    .call(MODIFY, json!({"ReplicationGroupId": "g", "EngineVersion": "8.1", "ApplyImmediately": true}));
            })
            .noted("8.1");
    }
}

mod cache_parameter_group_name {
    use super::*;

    fn two(used: &str) -> String {
        format!(
            "parameterGroups:\n  a: {{family: valkey8, description: d}}\n  b: {{family: valkey8, description: d}}\n{}",
            group(&format!("cacheParameterGroupName: {used}"))
        )
    }

    #[test]
    fn is_exchanged_in_place() {
        change(&two("a"), &two("b")).impact(Impact::None).calls(&[(MODIFY, json!({"CacheParameterGroupName": "b"}))]);
    }

    #[test]
    fn one_that_does_not_exist_is_blocked() {
        regroup("", "cacheParameterGroupName: nowhere").blocked("missing-dependency", "declare it");
    }

    #[test]
    fn a_group_whose_name_only_begins_like_awss_own_must_exist() {
        regroup("", "cacheParameterGroupName: default-params").blocked("missing-dependency", "declare it");
        let moved = regroup("", "cacheSubnetGroupName: default-private").allow(&["replace:*"]);
        moved.blocked("missing-dependency", "declare it");
    }

    #[test]
    fn static_parameters_wait_for_a_reboot_that_must_be_allowed() {
        let sections = |databases: &str| {
            format!(
                "parameterGroups:\n  a: {{family: valkey8, description: d, parameters: {{databases: \"{databases}\"}}}}\n{}",
                group("cacheParameterGroupName: a")
            )
        };
        let mut case = change(&sections("16"), &sections("32"));
        case.account.apply_all(&spec(&case.after), &case.options);
        let plan = case.plan();
        assert!(plan.steps.is_empty());
        assert!(plan.pending().any(|(_, pending)| pending.value == json!("pending-reboot")), "{plan:?}");
        let case = case.allow(&["reboot:replicationGroup/g"]);
        let nodes = json!({"CacheNodeIdsToReboot": ["0001"]});
        let node = |id: &str| {
            let mut parameters = nodes.clone();
            parameters["CacheClusterId"] = json!(id);
            ("RebootCacheCluster", parameters)
        };
        case.calls(&[node("g-002"), node("g-001")]);
    }

    #[test]
    fn aws_reboots_no_nodes_in_cluster_mode_which_the_plan_says() {
        let sections = |databases: &str| {
            format!(
                "parameterGroups:\n  a: {{family: valkey8, description: d, parameters: {{cluster-enabled: \"yes\", databases: \"{databases}\"}}}}\n{}",
                group("cacheParameterGroupName: a\nnumNodeGroups: 2\nreplicasPerNodeGroup: 1")
            )
        };
        let mut case = change(&sections("16"), &sections("32"));
        case.account.apply_all(&spec(&case.after), &case.options);
        case.allow(&["reboot:*"]).noted("reboots no nodes in cluster mode");
    }
}

mod cache_subnet_group_name {
    use super::*;

    #[test]
    fn another_one_is_a_replacement_restored_from_a_snapshot() {
        let with = |used: &str| {
            format!(
                "subnetGroups:\n  a: {{subnetIds: [subnet-1a]}}\n  b: {{subnetIds: [subnet-1b]}}\n{}",
                group(&format!("cacheSubnetGroupName: {used}"))
            )
        };
        let plan = change(&with("a"), &with("b")).replaces("replicationGroup/g");
        assert_eq!(parameters(&plan, "DeleteReplicationGroup")["FinalSnapshotIdentifier"], "g-final-20270101-120000");
        assert_eq!(parameters(&plan, "CreateReplicationGroup")["SnapshotName"], "g-final-20270101-120000");
    }
}

mod security_group_ids {
    use super::*;

    #[test]
    fn the_whole_list_is_replaced() {
        regroup("securityGroupIds: [sg-a, sg-b]", "securityGroupIds: [sg-c, sg-b]")
            .calls(&[(MODIFY, json!({"SecurityGroupIds": ["sg-c", "sg-b"]}))]);
    }

    #[test]
    fn their_order_says_nothing() {
        regroup("securityGroupIds: [sg-a, sg-b]", "securityGroupIds: [sg-b, sg-a]").nothing();
    }
}

mod cache_security_group_names {
    #[test]
    fn ec2_classic_has_no_place_in_a_spec() {
        let text = format!(
            "apiVersion: cachectl/v1\nstack: prod\nregion: us-east-1\n{}",
            super::group("cacheSecurityGroupNames: [a]")
        );
        let loaded = cachectl::spec::from_text(&text);
        assert!(
            loaded.diagnostics.iter().any(|diagnostic| diagnostic.code == "unknown-key"),
            "{:?}",
            loaded.diagnostics
        );
    }
}

mod cache_node_type_scale_up {
    use super::*;

    #[test]
    fn is_made_in_place_before_all_else_that_needs_memory() {
        regroup("cacheNodeType: cache.r7g.large", "cacheNodeType: cache.r7g.xlarge")
            .impact(Impact::Brief)
            .calls(&[(MODIFY, json!({"CacheNodeType": "cache.r7g.xlarge"}))]);
    }

    #[test]
    fn comes_before_shards_go() {
        let sharded = |shards: u8, node_type: &str| {
            format!("numNodeGroups: {shards}\nreplicasPerNodeGroup: 1\ncacheNodeType: {node_type}")
        };
        regroup(&sharded(3, "cache.r7g.large"), &sharded(2, "cache.r7g.xlarge")).calls(&[
            (MODIFY, json!({"CacheNodeType": "cache.r7g.xlarge"})),
            ("ModifyReplicationGroupShardConfiguration", json!({"NodeGroupCount": 2, "NodeGroupsToRemove": ["0003"]})),
        ]);
    }

    #[test]
    fn a_type_that_aws_does_not_offer_is_blocked_with_those_it_offers() {
        regroup("", "cacheNodeType: cache.x9.large").blocked("allowed-node-type", "cache.r7g.xlarge");
    }
}

mod cache_node_type_scale_down {
    use super::*;

    #[test]
    fn comes_after_shards_were_added() {
        let sharded = |shards: u8, node_type: &str| {
            format!("numNodeGroups: {shards}\nreplicasPerNodeGroup: 1\ncacheNodeType: {node_type}")
        };
        regroup(&sharded(2, "cache.r7g.xlarge"), &sharded(3, "cache.r7g.large")).calls(&[
            ("ModifyReplicationGroupShardConfiguration", json!({"NodeGroupCount": 3})),
            (MODIFY, json!({"CacheNodeType": "cache.r7g.large"})),
        ]);
    }

    #[test]
    fn one_that_aws_took_back_is_planned_again() {
        let mut case = regroup("cacheNodeType: cache.r7g.xlarge", "cacheNodeType: cache.r7g.large");
        case.account.sandbox.fail_next(cachectl_sandbox::FailureKind::ScaleDownRolledBack, None);
        let spec = spec(&case.after);
        let plan = case.plan();
        case.account.run(&spec, &case.options, &plan).expect("accepted");
        expect_calls(&case.plan(), &[(MODIFY, json!({"CacheNodeType": "cache.r7g.large"}))]);
    }
}

mod cache_node_type_data_tiering {
    use super::*;

    const TIERED: &str = "cacheNodeType: cache.r6gd.xlarge\ndataTieringEnabled: true";

    #[test]
    fn to_another_family_is_a_replacement_that_starts_empty() {
        let plan = regroup(TIERED, "cacheNodeType: cache.r7g.xlarge\ndataTieringEnabled: false")
            .replaces("replicationGroup/g");
        assert_eq!(parameters(&plan, "CreateReplicationGroup").get("SnapshotName"), None);
    }

    #[test]
    fn within_r6gd_it_scales_in_place() {
        regroup(TIERED, "cacheNodeType: cache.r6gd.2xlarge\ndataTieringEnabled: true")
            .calls(&[(MODIFY, json!({"CacheNodeType": "cache.r6gd.2xlarge"}))]);
    }
}

mod port {
    use super::*;

    #[test]
    fn another_one_is_a_replacement() {
        regroup("port: 6379", "port: 6380").replaces("replicationGroup/g");
    }

    #[test]
    fn undeclared_it_is_awss() {
        regroup("port: 6380", "").nothing();
    }
}

mod at_rest_encryption_enabled {
    use super::*;

    #[test]
    fn is_chosen_at_creation() {
        regroup("atRestEncryptionEnabled: false", "atRestEncryptionEnabled: true").replaces("replicationGroup/g");
    }

    #[test]
    fn undeclared_it_stays_as_it_was_created_even_on_another_engine() {
        let redis = "engine: redis\nengineVersion: \"7.1\"";
        regroup(redis, "engine: valkey\nengineVersion: \"7.2\"")
            .calls(&[(MODIFY, json!({"Engine": "valkey", "EngineVersion": "7.2"}))]);
    }
}

mod kms_key_id {
    use super::*;

    const ARN: &str = "arn:aws:kms:us-east-1:012345678901:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn another_key_is_a_replacement() {
        regroup(&format!("kmsKeyId: {ARN}"), "kmsKeyId: 99999999-12ab-34cd-56ef-1234567890ab")
            .replaces("replicationGroup/g");
    }

    #[test]
    fn an_id_is_the_key_of_its_arn_and_an_alias_is_not_compared() {
        regroup(&format!("kmsKeyId: {ARN}"), "kmsKeyId: 1234abcd-12ab-34cd-56ef-1234567890ab").nothing();
        regroup(&format!("kmsKeyId: {ARN}"), "kmsKeyId: alias/cache").nothing();
    }
}

mod data_tiering_enabled {
    use super::*;

    #[test]
    fn is_chosen_at_creation_and_undeclared_it_follows_the_node_type() {
        regroup("dataTieringEnabled: false", "").nothing();
        regroup("", "dataTieringEnabled: true\ncacheNodeType: cache.r6gd.xlarge").replaces("replicationGroup/g");
    }
}

mod network_type {
    use super::*;

    #[test]
    fn another_one_is_a_replacement() {
        regroup("networkType: ipv4", "networkType: dual_stack").replaces("replicationGroup/g");
    }
}

mod ip_discovery {
    use super::*;

    #[test]
    fn is_changed_in_place_where_the_network_has_both() {
        regroup("networkType: dual_stack\nipDiscovery: ipv4", "networkType: dual_stack\nipDiscovery: ipv6")
            .calls(&[(MODIFY, json!({"IpDiscovery": "ipv6"}))]);
    }

    #[test]
    fn ipv6_on_an_ipv4_network_is_blocked() {
        regroup("", "ipDiscovery: ipv6").blocked("ip-discovery", "networkType");
    }
}

mod log_delivery_configuration {
    use super::*;

    fn log(kind: &str, format: &str) -> String {
        format!(
            "{{logType: {kind}, destinationType: cloudwatch-logs, destinationDetails: {{cloudWatchLogsDetails: {{logGroup: logs}}}}, logFormat: {format}}}"
        )
    }

    fn entry(kind: &str, format: &str) -> serde_json::Value {
        json!({"LogType": kind, "DestinationType": "cloudwatch-logs", "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": "logs"}}, "LogFormat": format, "Enabled": true})
    }

    fn logs(entries: &[String]) -> String {
        format!("logDeliveryConfigurations: [{}]", entries.join(", "))
    }

    #[test]
    fn only_what_differs_is_sent_and_what_is_left_out_is_turned_off() {
        let before = logs(&[log("slow-log", "json"), log("engine-log", "json")]);
        regroup(&before, &logs(&[log("slow-log", "text")])).calls(&[(
            MODIFY,
            json!({"LogDeliveryConfigurations": [entry("slow-log", "text"), {"LogType": "engine-log", "Enabled": false}]}),
        )]);
    }

    #[test]
    fn an_empty_list_turns_all_off() {
        regroup(&logs(&[log("slow-log", "json")]), "logDeliveryConfigurations: []")
            .calls(&[(MODIFY, json!({"LogDeliveryConfigurations": [{"LogType": "slow-log", "Enabled": false}]}))]);
    }

    #[test]
    fn a_log_of_a_newer_engine_follows_the_upgrade_in_a_call_of_its_own_and_at_once() {
        let redis = |version: &str, rest: &str| {
            format!("engine: redis\nengineVersion: \"{version}\"\ncacheNodeType: cache.r5.large\n{rest}")
        };
        let mut case = regroup(&redis("5.0.6", ""), &redis("6.2", &logs(&[log("slow-log", "json")])));
        let plan = case.plan();
        assert!(plan.steps.iter().all(|step| step.parameters()["ApplyImmediately"] == json!(true)));
        case.calls(&[
            (MODIFY, json!({"Engine": "redis", "EngineVersion": "6.2"})),
            (MODIFY, json!({"LogDeliveryConfigurations": [entry("slow-log", "json")]})),
        ]);
    }
}

mod preferred_maintenance_window {
    use super::*;

    #[test]
    fn is_changed_in_place_and_compared_in_lower_case() {
        regroup("preferredMaintenanceWindow: sun:05:00-sun:06:00", "preferredMaintenanceWindow: mon:05:00-mon:06:00")
            .calls(&[(MODIFY, json!({"PreferredMaintenanceWindow": "mon:05:00-mon:06:00"}))]);
        regroup("preferredMaintenanceWindow: sun:05:00-sun:06:00", "preferredMaintenanceWindow: SUN:05:00-SUN:06:00")
            .nothing();
    }
}

mod snapshot_retention_limit {
    use super::*;

    #[test]
    fn the_first_time_aws_is_told_which_replica_to_take_them_from() {
        regroup("", "snapshotRetentionLimit: 7")
            .calls(&[(MODIFY, json!({"SnapshotRetentionLimit": 7, "SnapshottingClusterId": "g-002"}))]);
    }

    #[test]
    fn in_cluster_mode_no_member_is_named() {
        let sharded = "numNodeGroups: 2\nreplicasPerNodeGroup: 1";
        regroup(sharded, &format!("{sharded}\nsnapshotRetentionLimit: 7"))
            .calls(&[(MODIFY, json!({"SnapshotRetentionLimit": 7}))]);
    }

    #[test]
    fn later_it_goes_alone_and_zero_turns_it_off() {
        regroup("snapshotRetentionLimit: 7", "snapshotRetentionLimit: 0")
            .calls(&[(MODIFY, json!({"SnapshotRetentionLimit": 0}))]);
    }
}

mod snapshot_window {
    use super::*;

    #[test]
    fn is_changed_in_place() {
        regroup("snapshotWindow: 03:00-04:00", "snapshotWindow: 04:00-05:00")
            .calls(&[(MODIFY, json!({"SnapshotWindow": "04:00-05:00"}))]);
    }
}

mod snapshotting_cluster_id {
    use super::*;

    #[test]
    fn is_changed_in_place_and_undeclared_it_is_awss() {
        regroup("snapshotRetentionLimit: 7", "snapshotRetentionLimit: 7\nsnapshottingClusterId: g-001")
            .calls(&[(MODIFY, json!({"SnapshottingClusterId": "g-001"}))]);
        regroup("snapshotRetentionLimit: 7", "snapshotRetentionLimit: 7").nothing();
    }

    #[test]
    fn in_cluster_mode_it_is_blocked() {
        let sharded = "numNodeGroups: 2\nreplicasPerNodeGroup: 1";
        regroup(sharded, &format!("{sharded}\nsnapshottingClusterId: g-0001-001"))
            .blocked("snapshotting-cluster", "leave it out");
    }

    #[test]
    fn a_new_group_gets_it_once_its_members_exist() {
        let mut case = Case {
            account: super::super::plan_account::Account::new(),
            options: options(&[]),
            after: group("snapshotRetentionLimit: 7\nsnapshottingClusterId: g-001"),
        };
        let plan = case.plan();
        assert_eq!(
            plan.steps.iter().map(|step| step.operation().name()).collect::<Vec<_>>(),
            ["CreateReplicationGroup", MODIFY]
        );
        case.account.apply_all(&spec(&case.after), &case.options);
    }
}

mod snapshot_seeds {
    use super::*;

    #[test]
    fn are_read_at_creation_only() {
        regroup("", "snapshotName: some-snapshot").nothing();
        regroup("", "snapshotArns: [arn:aws:s3:::bucket/file.rdb]").nothing();
        regroup("", "serverlessCacheSnapshotName: other").nothing();
    }
}

mod final_snapshot_identifier {
    use super::*;

    #[test]
    fn is_named_when_the_group_goes_unless_the_spec_says_otherwise() {
        let mut case = change(&group(""), "").prune().allow(&["delete:*"]);
        assert_eq!(
            parameters(&case.plan(), "DeleteReplicationGroup")["FinalSnapshotIdentifier"],
            "g-final-20270101-120000"
        );
        let mut case = regroup("", "lifecycle: {finalSnapshot: false}");
        case.options.destroy = true;
        let case = case.allow(&["delete:*"]);
        let mut case = case;
        assert_eq!(parameters(&case.plan(), "DeleteReplicationGroup").get("FinalSnapshotIdentifier"), None);
    }
}

mod notification_topic_arn {
    use super::*;

    const TOPIC: &str = "notificationTopicArn: arn:aws:sns:us-east-1:012345678901:cache";

    #[test]
    fn is_set_and_null_stops_it() {
        regroup("", TOPIC).calls(&[(
            MODIFY,
            json!({"NotificationTopicArn": "arn:aws:sns:us-east-1:012345678901:cache", "NotificationTopicStatus": "active"}),
        )]);
        regroup(TOPIC, "notificationTopicArn: null").calls(&[(MODIFY, json!({"NotificationTopicStatus": "inactive"}))]);
    }
}

mod auto_minor_version_upgrade {
    use super::*;

    #[test]
    fn is_changed_in_place() {
        regroup("", "autoMinorVersionUpgrade: false").calls(&[(MODIFY, json!({"AutoMinorVersionUpgrade": false}))]);
    }
}

mod tags {
    use super::*;

    #[test]
    fn come_last_and_null_removes_one_while_others_are_left_alone() {
        regroup("tags: {team: a, old: b}", "tags: {team: c, old: null}\ndescription: new")
            .meanwhile(|account| {
                let tags = json!([{"Key": "by-hand", "Value": "x"}]);
                account.call("AddTagsToResource", json!({"ResourceName": "arn:aws:elasticache:us-east-1:012345678901:replicationgroup:g", "Tags": tags}));
            })
            .calls(&[
                (MODIFY, json!({"ReplicationGroupDescription": "new"})),
                (
                    "AddTagsToResource",
                    json!({"ResourceName": "arn:aws:elasticache:us-east-1:012345678901:replicationgroup:g", "Tags": [{"Key": "team", "Value": "c"}]}),
                ),
                ("RemoveTagsFromResource", json!({"ResourceName": "arn:aws:elasticache:us-east-1:012345678901:replicationgroup:g", "TagKeys": ["old"]})),
            ]);
    }
}

mod global_replication_group_id {
    use super::*;

    #[test]
    fn is_chosen_at_creation_and_what_the_global_datastore_decides_is_left_to_it() {
        let before = spec(&group(""));
        let mut case = regroup("", "cacheNodeType: cache.r7g.xlarge\nautoMinorVersionUpgrade: false\ndescription: new");
        let mut live = case.account.live(&before);
        if let Some(group) = live.of_mut(Kind::ReplicationGroup).get_mut("g") {
            group["GlobalReplicationGroupInfo"] =
                json!({"GlobalReplicationGroupId": "ldgnf-global", "GlobalReplicationGroupMemberRole": "SECONDARY"});
            group["AutoMinorVersionUpgrade"] = json!(false);
        }
        let plan = cachectl::plan::plan(&spec(&case.after), &live, &case.options, Vec::new());
        let blocked = plan.changes[0].blocked.as_ref().expect("the node type is the datastore's");
        assert_eq!(blocked.rule, "global-member");
        assert!(blocked.hint.contains("ldgnf-global"), "{blocked:?}");
        let sections = group("")
            .replace("    engine: valkey\n    engineVersion: \"8.0\"\n", "")
            .replace("    cacheNodeType: cache.r7g.large\n", "");
        let joined = |id: &str| spec(&(sections.clone() + &format!("    globalReplicationGroupId: {id}\n")));
        let plan = cachectl::plan::plan(&joined("ldgnf-other"), &live, &case.options, Vec::new());
        assert_eq!(plan.summary.replace, 1, "{plan:?}");
        let plan = cachectl::plan::plan(&joined("ldgnf-global"), &live, &case.options, Vec::new());
        assert!(plan.steps.is_empty() && !plan.is_blocked(), "{plan:?}");
    }
}

mod durability {
    use super::*;

    const TLS: &str = "transitEncryptionEnabled: true\ntransitEncryptionMode: required";
    /// All that durable writes need.
    const FIT: &str = "engineVersion: \"9.0\"\nnumNodeGroups: 2\nreplicasPerNodeGroup: 1\nmultiAZEnabled: true\ntransitEncryptionEnabled: true\ntransitEncryptionMode: required";

    fn fit(rest: &str) -> String {
        format!("{FIT}\n{rest}")
    }

    /// With these lines in place of the ones that begin alike.
    fn but(fields: &str, other: &str) -> String {
        let key = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
        let kept = fields.lines().filter(|line| other.lines().all(|other| key(other) != key(line)));
        kept.chain(other.lines()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_mode_is_exchanged_in_place_in_a_call_of_its_own() {
        for (before, after) in
            [("disabled", "sync"), ("disabled", "async"), ("sync", "async"), ("async", "sync"), ("sync", "disabled")]
        {
            regroup(&fit(&format!("durability: {before}")), &fit(&format!("durability: {after}\ndescription: new")))
                .calls(&match after {
                    "disabled" => [
                        (MODIFY, json!({"Durability": after})),
                        (MODIFY, json!({"ReplicationGroupDescription": "new"})),
                    ],
                    _ => [
                        (MODIFY, json!({"ReplicationGroupDescription": "new"})),
                        (MODIFY, json!({"Durability": after})),
                    ],
                });
        }
    }

    #[test]
    fn it_comes_after_what_it_needs_and_goes_before_that_goes() {
        let bare = but(FIT, "replicasPerNodeGroup: 0\nmultiAZEnabled: false");
        regroup(&bare, &fit("durability: async")).calls(&[
            ("IncreaseReplicaCount", json!({"NewReplicaCount": 1})),
            (MODIFY, json!({"MultiAZEnabled": true})),
            (MODIFY, json!({"Durability": "async"})),
        ]);
        regroup(&fit("durability: async"), &format!("{bare}\ndurability: disabled")).calls(&[
            (MODIFY, json!({"Durability": "disabled"})),
            (MODIFY, json!({"MultiAZEnabled": false})),
            ("DecreaseReplicaCount", json!({"NewReplicaCount": 0})),
        ]);
    }

    #[test]
    fn it_comes_with_the_engine_version_that_has_it() {
        let old = but(FIT, "engineVersion: \"8.2\"");
        regroup(&old, &fit("durability: sync")).calls(&[
            (MODIFY, json!({"Engine": "valkey", "EngineVersion": "9.0"})),
            (MODIFY, json!({"Durability": "sync"})),
        ]);
    }

    #[test]
    fn without_what_it_needs_it_is_blocked_and_says_what_is_missing() {
        let lonely = but(FIT, "replicasPerNodeGroup: 0\nmultiAZEnabled: false");
        let undeclared = |fields: &str, name: &str| {
            let kept = fields.lines().filter(|line| !line.starts_with(name));
            kept.collect::<Vec<_>>().join("\n")
        };
        for (before, gone, hint) in [
            (but(FIT, "multiAZEnabled: false"), "multiAZEnabled", "multiAZEnabled: true"),
            (lonely.clone(), "replicasPerNodeGroup", "replicasPerNodeGroup: 1"),
            (but(FIT, "engineVersion: \"8.2\""), "engineVersion", "engineVersion"),
        ] {
            let after = undeclared(&format!("{before}\ndurability: sync"), gone).replace("multiAZEnabled: false\n", "");
            let mut case = regroup(&before, &after);
            case.after = case.after.replace("    engineVersion: \"8.0\"\n", "");
            case.blocked("durability-needs", hint);
        }
    }

    /// "Cluster mode disabled (enabled when num_node_groups>1)" is AWS's default, so that one shard says nothing.
    #[test]
    fn a_new_group_of_one_shard_says_that_it_is_in_cluster_mode() {
        let one = but(FIT, "clusterMode: enabled\ncacheParameterGroupName: default.valkey9.cluster.on");
        let without = |fields: &str, gone: &[&str]| {
            let kept = fields.lines().filter(|line| !gone.iter().any(|name| line.starts_with(name)));
            kept.collect::<Vec<_>>().join("\n")
        };
        let one = format!(
            "{}\nnumNodeGroups: 1\nautomaticFailoverEnabled: true\ndurability: async",
            without(&one, &["numNodeGroups", "automaticFailover"])
        );
        let new = |fields: &str| change("", &group(fields));
        new(&without(&one, &["clusterMode", "cacheParameterGroupName"]))
            .blocked("durability-needs", "clusterMode: enabled");
        for kept in ["clusterMode", "cacheParameterGroupName"] {
            let mut case = new(&without(&one, &[kept]));
            case.account.apply_all(&spec(&case.after), &case.options);
            case.nothing();
        }
    }

    #[test]
    fn what_it_rests_on_does_not_go_under_it() {
        for (other, named) in [
            ("multiAZEnabled: false", "Multi-AZ"),
            ("cacheNodeType: cache.t4g.medium", "t4g"),
            ("transitEncryptionMode: preferred\ntransitEncryptionEnabled: false", "TLS"),
        ] {
            let after = but(FIT, other);
            let after = if other.contains("Encryption") {
                but(&after, "transitEncryptionEnabled: false").replace("transitEncryptionMode: preferred\n", "")
            } else {
                after
            };
            let mut case = regroup(&fit("durability: sync"), &after);
            let plan = case.plan();
            let blocked = plan.changes.iter().filter_map(|change| change.blocked.as_ref());
            let fits = blocked.clone().any(|blocked| {
                blocked.rule == "durability-needs"
                    && blocked.reason.contains(named)
                    && blocked.hint.contains("durability: disabled")
            });
            assert!(fits, "{other}:\n{}", super::super::plan_account::shown(&plan));
        }
    }

    #[test]
    fn encryption_at_rest_that_came_with_it_is_no_replacement() {
        let mut before = fit("durability: sync\natRestEncryptionEnabled: false");
        regroup(&before, &before).nothing();
        before = fit("durability: sync");
        regroup(&before, &fit("durability: sync\natRestEncryptionEnabled: true")).nothing();
    }

    #[test]
    fn none_is_as_good_as_disabled() {
        regroup(TLS, &format!("{TLS}\ndurability: disabled")).nothing();
    }
}

mod apply_immediately {
    use super::*;

    #[test]
    fn false_lets_only_what_may_wait_wait_and_sends_it_last() {
        let mut case = regroup(
            "",
            "applyImmediately: false\ncacheNodeType: cache.r7g.xlarge\nnumCacheClusters: 3\ntransitEncryptionEnabled: true\ntransitEncryptionMode: preferred\ndescription: new",
        );
        let plan = case.plan();
        let sent: Vec<(&str, &serde_json::Value)> =
            plan.steps.iter().map(|step| (step.operation().name(), &step.parameters()["ApplyImmediately"])).collect();
        assert_eq!(
            sent,
            [
                ("IncreaseReplicaCount", &json!(true)),
                (MODIFY, &json!(true)),
                (MODIFY, &json!(true)),
                (MODIFY, &json!(false))
            ]
        );
        assert_eq!(plan.steps[3].parameters()["CacheNodeType"], "cache.r7g.xlarge");
        case.account.apply_all(&spec(&case.after), &case.options);
        let plan = case.plan();
        assert!(plan.pending().any(|(_, pending)| pending.path == "cacheNodeType"), "{plan:?}");
    }

    #[test]
    fn what_waits_is_not_flushed_by_another_change_unless_that_is_allowed() {
        let waiting = "applyImmediately: false\ncacheNodeType: cache.r7g.xlarge";
        let mut case = regroup("", waiting);
        case.account.apply_all(&spec(&case.after), &case.options);
        // Settings go through without immediacy; shards of replicas, TLS and the like do not.
        case.after = group(&format!("{waiting}\ndescription: new"));
        let case = case.calls(&[(MODIFY, json!({"ReplicationGroupDescription": "new"}))]);
        let mut case = case;
        case.after = group(&format!(
            "{waiting}\ndescription: new\ntransitEncryptionEnabled: true\ntransitEncryptionMode: preferred"
        ));
        let mut case = case;
        let plan = case.plan();
        let blocked = plan.changes[0].blocked.as_ref().expect("it would flush");
        assert_eq!(
            (blocked.rule.as_str(), blocked.hint.contains("--allow flush:replicationGroup/g")),
            ("flush-pending", true)
        );
        let mut case = case.allow(&["flush:*"]);
        let shown: Vec<String> = case.plan().changes[0].attributes.iter().map(|change| change.path.clone()).collect();
        assert_eq!(shown, ["cacheNodeType", "transitEncryptionEnabled", "transitEncryptionMode"]);
        case.calls(&[(MODIFY, json!({"TransitEncryptionEnabled": true, "TransitEncryptionMode": "preferred"}))]);
    }

    #[test]
    fn what_waits_is_carried_out_now_where_that_is_allowed_and_shown() {
        let waiting = "applyImmediately: false\ncacheNodeType: cache.r7g.xlarge\nengineVersion: \"8.1\"";
        let mut case = regroup("", waiting);
        case.account.apply_all(&spec(&case.after), &case.options);
        assert!(case.plan().steps.is_empty(), "it waits");
        let mut case = case.allow(&["flush:replicationGroup/g"]);
        let plan = case.plan();
        let shown: Vec<&str> = plan.changes[0].attributes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(shown, ["engineVersion", "cacheNodeType"]);
        assert!(plan.steps.iter().all(|step| step.parameters()["ApplyImmediately"] == json!(true)), "{plan:?}");
        // AWS takes neither of the two at once while the other waits, but both in one call.
        let both = json!({"Engine": "valkey", "EngineVersion": "8.1", "CacheNodeType": "cache.r7g.xlarge"});
        case.calls(&[(MODIFY, both)]).nothing();
    }

    #[test]
    fn what_waits_against_the_spec_is_taken_back_before_anything_could_carry_it_out() {
        let mut case = regroup("", "description: new");
        let wait = json!({"ReplicationGroupId": "g", "CacheNodeType": "cache.r7g.xlarge", "ApplyImmediately": false});
        case.account.call(MODIFY, wait);
        let plan = case.plan();
        assert!(plan.is_contradicted() && plan.changes[0].blocked.is_none(), "{}", shown(&plan));
        case.calls(&[
            (MODIFY, json!({"CacheNodeType": "cache.r7g.large"})),
            (MODIFY, json!({"ReplicationGroupDescription": "new"})),
        ])
        .nothing();
    }

    #[test]
    fn a_version_that_waits_against_the_spec_is_taken_back_with_the_parameter_group_that_waits_unseen() {
        let mut case = regroup("", "");
        let wait =
            json!({"ReplicationGroupId": "g", "Engine": "valkey", "EngineVersion": "8.1", "ApplyImmediately": false});
        case.account.call(MODIFY, wait);
        let plan = case.plan();
        let parameters = plan.steps[0].parameters();
        for member in ["Engine", "EngineVersion", "CacheParameterGroupName"] {
            assert!(parameters.contains_key(member), "{member}: {}", shown(&plan));
        }
        assert_eq!((plan.steps.len(), &parameters["ApplyImmediately"]), (1, &json!(true)), "{}", shown(&plan));
        case.account.apply_all(&spec(&case.after), &case.options);
        case.nothing();
    }
}

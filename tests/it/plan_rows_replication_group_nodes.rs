//! Replication groups: nodes, shards, zones, failover, cluster mode. One module an attribute's way to change.

use cachectl::model::attribute::Impact;
use cachectl::model::plan::Plan;
use serde_json::json;

use super::plan_account::{Account, options, shown, spec};
use super::plan_case::{change, expect_calls, group, parameters, regroup};

const MODIFY: &str = "ModifyReplicationGroup";
const UP: &str = "IncreaseReplicaCount";
const DOWN: &str = "DecreaseReplicaCount";
const RESHARD: &str = "ModifyReplicationGroupShardConfiguration";

fn sharded(shards: u8, replicas: u8) -> String {
    format!("numNodeGroups: {shards}\nreplicasPerNodeGroup: {replicas}")
}

mod num_cache_clusters_increase {
    use super::*;

    #[test]
    fn replicas_are_added_before_failover_is_turned_on() {
        regroup("numCacheClusters: 1", "numCacheClusters: 3\nautomaticFailoverEnabled: true\nmultiAZEnabled: true")
            .calls(&[
                (UP, json!({"NewReplicaCount": 2})),
                (MODIFY, json!({"AutomaticFailoverEnabled": true, "MultiAZEnabled": true})),
            ]);
    }

    #[test]
    fn a_group_in_cluster_mode_takes_other_numbers() {
        change(&group(&sharded(2, 1)), &group("numCacheClusters: 3")).blocked("shape-conflict", "numNodeGroups");
    }
}

mod num_cache_clusters_decrease {
    use super::*;

    #[test]
    fn failover_goes_off_before_the_last_replica_goes() {
        regroup(
            "numCacheClusters: 3\nautomaticFailoverEnabled: true\nmultiAZEnabled: true",
            "numCacheClusters: 1\nautomaticFailoverEnabled: false\nmultiAZEnabled: false\ndescription: new",
        )
        .calls(&[
            (MODIFY, json!({"AutomaticFailoverEnabled": false, "MultiAZEnabled": false})),
            (MODIFY, json!({"ReplicationGroupDescription": "new"})),
            (DOWN, json!({"NewReplicaCount": 0})),
        ]);
    }

    #[test]
    fn the_last_replica_of_a_group_with_failover_stays() {
        let live = "numCacheClusters: 2\nautomaticFailoverEnabled: true";
        regroup(live, "numCacheClusters: 1").blocked("failover-needs-replica", "automaticFailoverEnabled: false");
    }
}

mod replicas_per_node_group {
    use super::*;

    #[test]
    fn all_shards_change_in_one_call() {
        regroup(&sharded(2, 1), &sharded(2, 3)).calls(&[(UP, json!({"NewReplicaCount": 3}))]);
        regroup(&sharded(2, 2), &sharded(2, 0)).calls(&[(DOWN, json!({"NewReplicaCount": 0}))]);
    }

    #[test]
    fn shards_that_have_enough_are_left_alone() {
        let shard = |id: &str, count: u8| json!({"NodeGroupId": id, "NewReplicaCount": count});
        regroup(&sharded(3, 1), &sharded(3, 1))
            .meanwhile(|account| {
                account.call(UP, json!({"ReplicationGroupId": "g", "ApplyImmediately": true, "ReplicaConfiguration": [shard("0002", 3)]}));
            })
            .calls(&[(DOWN, json!({"ReplicaConfiguration": [shard("0002", 1)]}))]);
    }

    #[test]
    fn the_last_replica_stays_with_multi_az() {
        let live = format!("{}\nautomaticFailoverEnabled: true\nmultiAZEnabled: true", sharded(2, 1));
        regroup(&live, &sharded(2, 0)).blocked("multi-az-needs-replica", "multiAZEnabled: false");
    }
}

mod node_group_configuration_replica_count {
    use super::*;

    fn shards(entries: &str) -> String {
        format!("nodeGroupConfiguration: [{entries}]")
    }

    #[test]
    fn each_shard_goes_to_its_own_count_ups_and_downs_apart() {
        regroup(
            &shards("{nodeGroupId: \"1\", replicaCount: 1}, {nodeGroupId: \"2\", replicaCount: 2}"),
            &shards("{nodeGroupId: \"1\", replicaCount: 2}, {nodeGroupId: \"2\", replicaCount: 1}"),
        )
        .calls(&[
            (UP, json!({"ReplicaConfiguration": [{"NodeGroupId": "0001", "NewReplicaCount": 2}]})),
            (DOWN, json!({"ReplicaConfiguration": [{"NodeGroupId": "0002", "NewReplicaCount": 1}]})),
        ]);
    }

    #[test]
    fn new_replicas_go_where_the_spec_says() {
        let entry = |count: u8, zones: &str| {
            format!(
                "{{nodeGroupId: \"0001\", replicaCount: {count}, primaryAvailabilityZone: us-east-1a, replicaAvailabilityZones: [{zones}]}}, {{nodeGroupId: \"0002\", replicaCount: 1}}"
            )
        };
        regroup(&shards(&entry(1, "us-east-1b")), &shards(&entry(2, "us-east-1b, us-east-1c"))).calls(&[(
            UP,
            json!({"ReplicaConfiguration": [{"NodeGroupId": "0001", "NewReplicaCount": 2, "PreferredAvailabilityZones": ["us-east-1a", "us-east-1b", "us-east-1c"]}]}),
        )]);
    }

    #[test]
    fn entries_without_ids_go_to_the_shards_that_fit_best() {
        let two = |one: u8, other: u8| shards(&format!("{{replicaCount: {one}}}, {{replicaCount: {other}}}"));
        regroup(&two(1, 2), &two(2, 1)).nothing();
        regroup(&two(1, 2), &two(2, 2))
            .calls(&[(UP, json!({"ReplicaConfiguration": [{"NodeGroupId": "0001", "NewReplicaCount": 2}]}))]);
    }
}

mod num_node_groups_increase {
    use super::*;

    #[test]
    fn shards_are_added_online() {
        regroup(&sharded(2, 1), &sharded(4, 1)).impact(Impact::None).calls(&[(RESHARD, json!({"NodeGroupCount": 4}))]);
    }

    #[test]
    fn replicas_go_up_before_and_down_after() {
        regroup(&sharded(2, 1), &sharded(3, 2))
            .calls(&[(UP, json!({"NewReplicaCount": 2})), (RESHARD, json!({"NodeGroupCount": 3}))]);
        regroup(&sharded(2, 2), &sharded(3, 1))
            .calls(&[(RESHARD, json!({"NodeGroupCount": 3})), (DOWN, json!({"NewReplicaCount": 1}))]);
    }

    #[test]
    fn new_shards_go_where_the_spec_says() {
        let entry = |id: &str, zones: [&str; 2]| {
            format!(
                "{{nodeGroupId: \"{id}\", replicaCount: 1, primaryAvailabilityZone: {}, replicaAvailabilityZones: [{}]}}",
                zones[0], zones[1]
            )
        };
        let two =
            format!("{}, {}", entry("0001", ["us-east-1a", "us-east-1b"]), entry("0002", ["us-east-1b", "us-east-1c"]));
        let three = format!("{two}, {}", entry("0003", ["us-east-1c", "us-east-1a"]));
        let mut case =
            regroup(&format!("nodeGroupConfiguration: [{two}]"), &format!("nodeGroupConfiguration: [{three}]"));
        let sent = parameters(&case.plan(), RESHARD);
        assert_eq!(sent["NodeGroupCount"], 3);
        assert_eq!(
            sent["ReshardingConfiguration"],
            json!([
                {"NodeGroupId": "0001", "PreferredAvailabilityZones": ["us-east-1a", "us-east-1b"]},
                {"NodeGroupId": "0002", "PreferredAvailabilityZones": ["us-east-1b", "us-east-1c"]},
                {"NodeGroupId": "0003", "PreferredAvailabilityZones": ["us-east-1c", "us-east-1a"]},
            ])
        );
        case.account.apply_all(&spec(&case.after), &case.options);
    }

    #[test]
    fn outside_of_cluster_mode_the_way_round_is_told() {
        regroup("", &sharded(2, 1)).blocked("cluster-mode-disabled", "clusterMode: compatible");
    }
}

mod num_node_groups_decrease {
    use super::*;

    #[test]
    fn the_shards_that_go_are_named_by_their_live_ids() {
        regroup(&sharded(4, 1), &sharded(2, 1))
            .calls(&[(RESHARD, json!({"NodeGroupCount": 2, "NodeGroupsToRemove": ["0003", "0004"]}))]);
    }

    #[test]
    fn those_that_the_spec_still_names_stay() {
        let list = |ids: &[&str]| {
            let entries: Vec<String> =
                ids.iter().map(|id| format!("{{nodeGroupId: \"{id}\", replicaCount: 1}}")).collect();
            format!("nodeGroupConfiguration: [{}]", entries.join(", "))
        };
        regroup(&list(&["0001", "0002", "0003"]), &list(&["0001", "0003"]))
            .calls(&[(RESHARD, json!({"NodeGroupCount": 2, "NodeGroupsToRemove": ["0002"]}))]);
    }

    #[test]
    fn no_replica_count_names_a_shard_that_went_before() {
        regroup(&sharded(3, 1), &sharded(2, 1))
            .meanwhile(|account| {
                let shard = json!([{"NodeGroupId": "0003", "NewReplicaCount": 2}]);
                account.call(
                    UP,
                    json!({"ReplicationGroupId": "g", "ApplyImmediately": true, "ReplicaConfiguration": shard}),
                );
            })
            .calls(&[(RESHARD, json!({"NodeGroupCount": 2, "NodeGroupsToRemove": ["0003"]}))]);
    }
}

mod num_node_groups_rebalance {
    use super::*;

    #[test]
    fn the_same_count_is_no_change() {
        regroup(&sharded(2, 1), &sharded(2, 1)).nothing();
    }
}

mod node_group_configuration_slots {
    use super::*;

    #[test]
    fn are_not_compared_after_creation() {
        let with = |first: &str, second: &str| {
            format!(
                "nodeGroupConfiguration: [{{nodeGroupId: \"0001\", slots: {first}, replicaCount: 1}}, {{nodeGroupId: \"0002\", slots: {second}, replicaCount: 1}}]"
            )
        };
        regroup(&with("0-99", "100-16383"), &with("0-8191", "8192-16383")).nothing();
    }
}

mod node_group_configuration_node_group_id {
    use super::*;

    #[test]
    fn one_that_is_not_live_is_no_change_of_the_others_and_short_forms_are_the_same() {
        let with = |one: &str, other: &str| {
            format!(
                "nodeGroupConfiguration: [{{nodeGroupId: \"{one}\", replicaCount: 1}}, {{nodeGroupId: \"{other}\", replicaCount: 1}}]"
            )
        };
        regroup(&with("0001", "0002"), &with("1", "2")).nothing();
        regroup(&with("0001", "0002"), &with("0001", "0007")).nothing();
    }
}

mod node_group_configuration_availability_zones {
    use super::*;

    #[test]
    fn existing_nodes_stay_where_they_are() {
        let with = |primary: &str, replica: &str| {
            format!(
                "nodeGroupConfiguration: [{{nodeGroupId: \"0001\", replicaCount: 1, primaryAvailabilityZone: {primary}, replicaAvailabilityZones: [{replica}]}}, {{nodeGroupId: \"0002\", replicaCount: 1}}]"
            )
        };
        regroup(&with("us-east-1a", "us-east-1b"), &with("us-east-1b", "us-east-1a")).nothing();
    }
}

mod node_group_configuration_outpost_arn {
    use super::*;

    #[test]
    fn are_read_at_creation_only() {
        let outpost = "arn:aws:outposts:us-east-1:012345678901:outpost/op-1";
        let with = |rest: &str| {
            format!(
                "nodeGroupConfiguration: [{{nodeGroupId: \"0001\", replicaCount: 1{rest}}}, {{nodeGroupId: \"0002\", replicaCount: 1}}]"
            )
        };
        regroup(&with(""), &with(&format!(", primaryOutpostArn: {outpost}"))).nothing();
    }
}

mod preferred_cache_cluster_azs {
    use super::*;

    #[test]
    fn existing_nodes_stay_and_new_ones_go_where_the_spec_says() {
        regroup(
            "preferredCacheClusterAZs: [us-east-1a, us-east-1b]",
            "preferredCacheClusterAZs: [us-east-1c, us-east-1b]",
        )
        .nothing();
        regroup(
            "preferredCacheClusterAZs: [us-east-1a, us-east-1b]",
            "numCacheClusters: 3\npreferredCacheClusterAZs: [us-east-1a, us-east-1b, us-east-1c]",
        )
        .calls(&[(
            UP,
            json!({"ReplicaConfiguration": [{"NodeGroupId": "0001", "NewReplicaCount": 2, "PreferredAvailabilityZones": ["us-east-1a", "us-east-1b", "us-east-1c"]}]}),
        )]);
    }
}

mod primary_cluster_id {
    use super::*;

    #[test]
    fn a_failover_is_not_undone() {
        regroup("automaticFailoverEnabled: true", "automaticFailoverEnabled: true\nprimaryClusterId: g-001")
            .meanwhile(|account| {
                account.call("TestFailover", json!({"ReplicationGroupId": "g", "NodeGroupId": "0001"}));
            })
            .noted("the primary is g-002, and AWS promotes no other one while automatic failover is on");
    }

    const OFF: &str = "automaticFailoverEnabled: false\nmultiAZEnabled: false";

    fn promotion() -> (&'static str, serde_json::Value) {
        ("ModifyReplicationGroup", json!({"PrimaryClusterId": "g-002"}))
    }

    fn failover(on: bool) -> (&'static str, serde_json::Value) {
        ("ModifyReplicationGroup", json!({"AutomaticFailoverEnabled": on}))
    }

    /// "Automatic failover must be OFF first (AF off -> wait -> promote -> wait -> AF on)".
    #[test]
    fn a_member_is_promoted_while_failover_is_off() {
        let wanted = "primaryClusterId: g-002";
        regroup(OFF, &format!("{OFF}\n{wanted}")).impact(Impact::Brief).calls(&[promotion()]);
        let (on, off) = ("automaticFailoverEnabled: true", "automaticFailoverEnabled: false");
        regroup(on, &format!("{off}\n{wanted}")).calls(&[failover(false), promotion()]);
        regroup(off, &format!("{on}\n{wanted}")).calls(&[promotion(), failover(true)]);
        regroup(OFF, &format!("{OFF}\nprimaryClusterId: G-001")).nothing();
    }

    #[test]
    fn what_counts_at_creation_only_is_told_and_left_alone() {
        regroup(OFF, &format!("{OFF}\nprimaryClusterId: another-001")).noted("another-001 is no member of the group");
        let shards = "numNodeGroups: 2\nreplicasPerNodeGroup: 1";
        regroup(shards, &format!("{shards}\nprimaryClusterId: g-0001-001"))
            .noted("in cluster mode AWS takes no primary");
    }

    #[test]
    fn a_group_is_not_replaced_by_one_made_of_a_member_that_goes_with_it() {
        regroup(OFF, &format!("{OFF}\nport: 7000\nprimaryClusterId: g-001"))
            .allow(&["replace:*"])
            .blocked("primary-goes", "final snapshot");
    }
}

mod automatic_failover_enabled_on {
    use super::*;

    #[test]
    fn is_one_call_that_takes_effect_at_once() {
        let mut case =
            regroup("automaticFailoverEnabled: false", "automaticFailoverEnabled: true\napplyImmediately: false");
        assert_eq!(
            parameters(&case.plan(), MODIFY)["ApplyImmediately"],
            true,
            "without immediacy AWS only notes it down"
        );
        case.calls(&[(MODIFY, json!({"AutomaticFailoverEnabled": true}))]);
    }

    #[test]
    fn without_a_replica_it_is_blocked() {
        let after =
            group("numCacheClusters: x\nautomaticFailoverEnabled: true").replace("    numCacheClusters: x\n", "");
        change(&group("numCacheClusters: 1"), &after).blocked("failover-needs-replica", "numCacheClusters");
    }
}

mod automatic_failover_enabled_off {
    use super::*;

    #[test]
    fn multi_az_goes_off_in_the_same_call() {
        regroup(
            "automaticFailoverEnabled: true\nmultiAZEnabled: true",
            "automaticFailoverEnabled: false\nmultiAZEnabled: false",
        )
        .calls(&[(MODIFY, json!({"AutomaticFailoverEnabled": false, "MultiAZEnabled": false}))]);
    }

    #[test]
    fn under_multi_az_it_is_blocked() {
        regroup("automaticFailoverEnabled: true\nmultiAZEnabled: true", "automaticFailoverEnabled: false")
            .blocked("multi-az-needs-failover", "multiAZEnabled: false");
    }

    #[test]
    fn in_cluster_mode_it_is_blocked_whatever_is_allowed() {
        let after =
            group("numCacheClusters: x\nautomaticFailoverEnabled: false").replace("    numCacheClusters: x\n", "");
        change(&group(&sharded(2, 1)), &after)
            .allow(&["replace:*"])
            .blocked("failover-in-cluster-mode", "leave it out");
    }
}

mod multi_az_enabled_on {
    use super::*;

    #[test]
    fn failover_goes_on_in_the_same_call_after_the_replica() {
        regroup("numCacheClusters: 1", "numCacheClusters: 2\nautomaticFailoverEnabled: true\nmultiAZEnabled: true")
            .calls(&[
                (UP, json!({"NewReplicaCount": 1})),
                (MODIFY, json!({"AutomaticFailoverEnabled": true, "MultiAZEnabled": true})),
            ]);
    }

    #[test]
    fn an_unchanged_failover_is_not_sent_along() {
        let live = format!("{}\nautomaticFailoverEnabled: true", sharded(2, 1));
        regroup(&live, &format!("{live}\nmultiAZEnabled: true")).calls(&[(MODIFY, json!({"MultiAZEnabled": true}))]);
    }

    #[test]
    fn without_a_replica_it_is_blocked() {
        let live = format!("{}\nautomaticFailoverEnabled: true", sharded(2, 0));
        regroup(&live, &format!("{live}\nmultiAZEnabled: true"))
            .blocked("multi-az-needs-replica", "replicasPerNodeGroup");
    }
}

mod multi_az_enabled_off {
    use super::*;

    #[test]
    fn comes_before_the_last_replica_goes() {
        let live = format!("{}\nautomaticFailoverEnabled: true\nmultiAZEnabled: true", sharded(2, 1));
        let after = format!("{}\nautomaticFailoverEnabled: true\nmultiAZEnabled: false", sharded(2, 0));
        regroup(&live, &after)
            .calls(&[(MODIFY, json!({"MultiAZEnabled": false})), (DOWN, json!({"NewReplicaCount": 0}))]);
    }
}

mod cluster_mode_disabled_to_compatible {
    use super::*;

    const ON: &str = "automaticFailoverEnabled: true";

    fn with(groups: &str, fields: &str) -> String {
        format!("parameterGroups:\n{groups}{}", group(fields))
    }

    #[test]
    fn is_a_call_of_its_own_and_aws_exchanges_its_own_parameter_group() {
        regroup(ON, &format!("{ON}\nclusterMode: compatible"))
            .impact(Impact::Brief)
            .calls(&[(MODIFY, json!({"ClusterMode": "compatible"}))]);
    }

    #[test]
    fn a_parameter_group_for_cluster_mode_goes_along() {
        let off = "  off: {family: valkey8, description: d}\n";
        let on = "  on: {family: valkey8, description: d, parameters: {cluster-enabled: \"yes\"}}\n";
        let before = with(&format!("{off}{on}"), &format!("{ON}\ncacheParameterGroupName: off"));
        let after = with(&format!("{off}{on}"), &format!("{ON}\ncacheParameterGroupName: on\nclusterMode: compatible"));
        change(&before, &after)
            .calls(&[(MODIFY, json!({"ClusterMode": "compatible", "CacheParameterGroupName": "on"}))]);
        let stays =
            with(&format!("{off}{on}"), &format!("{ON}\ncacheParameterGroupName: off\nclusterMode: compatible"));
        change(&before, &stays).blocked("parameter-group-cluster-mode", "cluster-enabled: \"yes\"");
        let only_group = with(&format!("{off}{on}"), &format!("{ON}\ncacheParameterGroupName: on"));
        change(&before, &only_group).blocked("parameter-group-cluster-mode", "cluster-enabled: \"no\"");
    }

    #[test]
    fn needs_failover_and_an_engine_that_knows_it() {
        regroup("automaticFailoverEnabled: false", "automaticFailoverEnabled: false\nclusterMode: compatible")
            .blocked("cluster-mode-needs-failover", "automaticFailoverEnabled: true");
        let redis = format!("engine: redis\nengineVersion: \"6.2\"\n{ON}");
        regroup(&redis, &format!("{redis}\nclusterMode: compatible")).blocked("cluster-mode-engine", "7.0");
    }

    #[test]
    fn alarms_follow_the_members_afterwards() {
        let alarms = format!("{ON}\nalarms: {{preset: recommended}}");
        let mut account = Account::with(&group(&alarms));
        let after = spec(&group(&format!("{alarms}\nclusterMode: enabled")));
        let all = cachectl::model::options::Options { all_hops: true, ..super::super::plan_account::options(&[]) };
        account.apply_all(&after, &all);
        let watched = account.call("DescribeAlarms", json!({"MaxRecords": 100}));
        let members = account.member_ids("g");
        for alarm in watched["MetricAlarms"].as_array().into_iter().flatten() {
            let name = alarm["AlarmName"].as_str().unwrap_or_default();
            assert!(
                members.iter().any(|member| name.starts_with(&format!("{member}-"))),
                "{name} watches no member of {members:?}"
            );
        }
    }

    #[test]
    fn waits_for_what_takes_several_applies_since_compatible_takes_nothing_else() {
        let after = "automaticFailoverEnabled: true\nengineVersion: \"8.1\"\nclusterMode: compatible\ntransitEncryptionEnabled: true\nauthToken: {secretsManager: prod/cache, key: one}";
        let before = "automaticFailoverEnabled: false\natRestEncryptionEnabled: false\ntransitEncryptionEnabled: false";
        let mut account = Account::with(&group(before));
        let plans = account.settle(&spec(&group(after)), &options(&[])).unwrap_or_else(|why| panic!("{why}"));
        let hops = |plan: &Plan| plan.steps.iter().filter(|step| step.parameters().contains_key("ClusterMode")).count();
        assert_eq!(plans.iter().map(hops).sum::<usize>(), 1);
        assert_eq!(plans.iter().position(|plan| hops(plan) == 1), Some(plans.len() - 1), "it is in the last apply");
        assert!(plans[0].changes.iter().any(|change| change.remaining.iter().any(|left| left.contains("compatible"))));
    }
}

mod cluster_mode_compatible_to_enabled {
    use super::*;

    #[test]
    fn is_a_call_of_its_own_and_shards_come_after() {
        let compatible = "automaticFailoverEnabled: true\nclusterMode: compatible";
        let before = format!("numCacheClusters: 2\n{compatible}");
        let after = format!("automaticFailoverEnabled: true\nclusterMode: enabled\n{}", sharded(2, 1));
        regroup(&before, &after)
            .remains("numNodeGroups once cluster mode is enabled")
            .calls(&[(MODIFY, json!({"ClusterMode": "enabled"}))]);
        regroup(&before, &after)
            .all_hops()
            .calls(&[(MODIFY, json!({"ClusterMode": "enabled"})), (RESHARD, json!({"NodeGroupCount": 2}))]);
    }

    #[test]
    fn in_compatible_aws_takes_nothing_else() {
        let compatible = "automaticFailoverEnabled: true\nclusterMode: compatible";
        for other in [
            "numCacheClusters: 3",
            "cacheNodeType: cache.r7g.xlarge",
            "engineVersion: \"8.1\"",
            "description: another",
            "snapshotRetentionLimit: 3",
        ] {
            regroup(compatible, &format!("{compatible}\n{other}"))
                .blocked("cluster-mode-compatible", "clusterMode: enabled");
            let enabled = compatible.replace("compatible", "enabled");
            regroup(compatible, &format!("{enabled}\n{other}")).calls(&[(MODIFY, json!({"ClusterMode": "enabled"}))]);
        }
    }

    #[test]
    fn tags_and_alarms_go_on_in_compatible() {
        let compatible = "automaticFailoverEnabled: true\nclusterMode: compatible";
        let mut case = regroup(compatible, &format!("{compatible}\ntags: {{a: \"1\"}}"));
        assert_eq!(case.plan().steps.len(), 1);
        case.account.apply_all(&spec(&case.after), &case.options);
    }
}

mod cluster_mode_disabled_to_enabled {
    use super::*;

    const BEFORE: &str = "automaticFailoverEnabled: true";
    const AFTER: &str = "automaticFailoverEnabled: true\nclusterMode: enabled";

    #[test]
    fn one_hop_is_planned_and_the_other_remains() {
        regroup(BEFORE, AFTER).remains("clusterMode enabled").calls(&[(MODIFY, json!({"ClusterMode": "compatible"}))]);
    }

    #[test]
    fn the_hop_is_the_last_call_on_the_group() {
        let after = format!(
            "{AFTER}\ncacheNodeType: cache.r7g.xlarge\nengineVersion: \"8.1\"\nnumCacheClusters: 3\ndescription: another\nsnapshotRetentionLimit: 3"
        );
        let mut case = regroup(BEFORE, &after);
        let plan = case.plan();
        let operations: Vec<String> = plan.steps.iter().map(|step| format!("{:?}", step.parameters().keys())).collect();
        assert!(operations.len() > 4 && operations[operations.len() - 1].contains("ClusterMode"), "{operations:?}");
        // Taken while cluster mode is still disabled, where AWS wants to know the member.
        assert!(operations.iter().any(|keys| keys.contains("SnapshottingClusterId")), "{operations:?}");
        case.account.apply_all(&spec(&case.after), &case.options);
    }

    #[test]
    fn what_waits_for_the_window_comes_before_the_hop() {
        let after = format!("{AFTER}\napplyImmediately: false\nengineVersion: \"8.1\"");
        let case = regroup(BEFORE, &after).remains("clusterMode enabled once what waits");
        case.calls(&[(MODIFY, json!({"Engine": "valkey", "EngineVersion": "8.1"}))]);
    }

    #[test]
    fn with_all_hops_shards_come_after_them() {
        let after = format!("{AFTER}\n{}\ndescription: another", sharded(2, 1));
        regroup(BEFORE, &after).all_hops().calls(&[
            (MODIFY, json!({"ReplicationGroupDescription": "another"})),
            (MODIFY, json!({"ClusterMode": "compatible"})),
            (MODIFY, json!({"ClusterMode": "enabled"})),
            (RESHARD, json!({"NodeGroupCount": 2})),
        ]);
    }

    #[test]
    fn all_hops_are_two_calls() {
        let case = regroup(BEFORE, AFTER).all_hops();
        case.calls(&[(MODIFY, json!({"ClusterMode": "compatible"})), (MODIFY, json!({"ClusterMode": "enabled"}))]);
    }
}

mod cluster_mode_compatible_to_disabled {
    use super::*;

    #[test]
    fn is_the_way_back() {
        regroup(
            "automaticFailoverEnabled: true\nclusterMode: compatible",
            "automaticFailoverEnabled: true\nclusterMode: disabled",
        )
        .calls(&[(MODIFY, json!({"ClusterMode": "disabled"}))]);
    }
}

mod cluster_mode_enabled_to_disabled {
    use super::*;

    #[test]
    fn is_blocked_whatever_is_allowed() {
        let after = group("numCacheClusters: x\nclusterMode: disabled").replace("    numCacheClusters: x\n", "");
        change(&group(&sharded(2, 1)), &after).allow(&["replace:*"]).blocked("cluster-mode-oneway", "second group");
    }

    #[test]
    fn an_undeclared_mode_is_kept() {
        let mut case = regroup(&sharded(2, 1), &format!("{}\ndescription: new", sharded(2, 1)));
        let plan = case.plan();
        expect_calls(&plan, &[(MODIFY, json!({"ReplicationGroupDescription": "new"}))]);
        assert!(plan.changes[0].attributes.len() == 1, "{}", shown(&plan));
    }
}

mod shards_that_come_while_others_shrink {
    use super::*;

    #[test]
    fn keep_the_replicas_that_they_came_with() {
        let live = "numNodeGroups: 1\nreplicasPerNodeGroup: 2\nclusterMode: enabled";
        let entries = "nodeGroupConfiguration: [{nodeGroupId: \"0001\", replicaCount: 1}, {nodeGroupId: \"0002\", replicaCount: 2}]";
        regroup(live, &format!("numNodeGroups: 2\n{entries}\nclusterMode: enabled")).calls(&[
            (RESHARD, json!({"NodeGroupCount": 2})),
            (DOWN, json!({"ReplicaConfiguration": [{"NodeGroupId": "0001", "NewReplicaCount": 1}]})),
        ]);
    }
}

mod zones_and_subnets {
    use super::*;

    fn sections(subnets: &str, zones: &str, port: &str) -> String {
        let placed = group(&format!("cacheSubnetGroupName: x\npreferredCacheClusterAZs: [{zones}]\n{port}"));
        format!("subnetGroups:\n  x: {{subnetIds: [{subnets}]}}\n{placed}")
    }

    #[test]
    fn a_replacement_is_not_begun_where_the_subnet_group_does_not_reach_its_zones() {
        let before = sections("subnet-1b, subnet-1c", "us-east-1b, us-east-1c", "");
        let after = |subnets: &str| sections(subnets, "us-east-1b, us-east-1a", "port: 6380");
        let allow = &["replace:*"];
        change(&before, &after("subnet-1b, subnet-1c"))
            .allow(allow)
            .blocked("zone-not-covered", "add a subnet there to x");
        let mut only = change(&before, &after("subnet-1a, subnet-1b, subnet-1c")).allow(allow);
        only.options.only = vec!["replicationGroup/g".parse().expect("a glob")];
        only.blocked("zone-not-covered", "or together");
        change(&before, &after("subnet-1a, subnet-1b, subnet-1c")).replaces("replicationGroup/g");
    }
}

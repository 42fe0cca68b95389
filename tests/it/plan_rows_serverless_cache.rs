//! Serverless caches: one field a call, in order. One module an attribute's way to change.

use serde_json::json;

use super::plan_account::Account;
use super::plan_case::{Case, change, parameters};

const MODIFY: &str = "ModifyServerlessCache";

/// A cache `s` with these fields.
fn cache(fields: &str) -> String {
    let engine = if fields.contains("engine:") { "" } else { "    engine: valkey\n" };
    let lines: String = fields.lines().map(|line| format!("    {line}\n")).collect();
    format!("serverlessCaches:\n  s:\n{engine}{lines}")
}

fn recache(before: &str, after: &str) -> Case {
    change(&cache(before), &cache(after))
}

mod serverless_cache_name {
    use super::*;

    #[test]
    fn another_name_is_another_cache() {
        let mut case = change(&cache("description: d"), &cache("description: d").replace("  s:", "  t:"));
        let plan = case.plan();
        assert_eq!(parameters(&plan, "CreateServerlessCache")["ServerlessCacheName"], "t");
        assert_eq!(plan.orphans.len(), 1);
    }
}

mod connection_type {
    use super::*;

    const PUBLIC: &str = "majorEngineVersion: \"9\"\nuserGroupId: default.iam-user-group";

    #[test]
    fn is_chosen_at_creation_and_vpc_is_what_a_cache_has_that_does_not_say_it() {
        let mut case = change("", &cache(&format!("{PUBLIC}\nconnectionType: public")));
        assert_eq!(parameters(&case.plan(), "CreateServerlessCache")["ConnectionType"], "public");
        recache(PUBLIC, &format!("{PUBLIC}\nconnectionType: vpc")).nothing();
        recache(PUBLIC, &format!("{PUBLIC}\nconnectionType: public")).replaces("serverlessCache/s");
    }
}

mod engine_redis_to_valkey {
    use super::*;

    #[test]
    fn engine_and_major_version_are_one_field() {
        recache("engine: redis", "engine: valkey\nmajorEngineVersion: \"8\"\ndescription: new").calls(&[
            (MODIFY, json!({"Engine": "valkey", "MajorEngineVersion": "8"})),
            (MODIFY, json!({"Description": "new"})),
        ]);
    }

    #[test]
    fn without_a_version_it_is_awss_choice() {
        recache("engine: redis", "engine: valkey").calls(&[(MODIFY, json!({"Engine": "valkey"}))]);
    }
}

mod engine_valkey_to_redis {
    use super::*;

    #[test]
    fn is_blocked_but_from_7_2_whatever_is_allowed() {
        recache("engine: valkey\nmajorEngineVersion: \"8\"", "engine: redis\nmajorEngineVersion: \"7\"")
            .allow(&["replace:*"])
            .blocked("engine-downgrade", "keep `engine: valkey`");
    }

    #[test]
    fn from_7_2_it_is_made_in_place() {
        recache("engine: valkey\nmajorEngineVersion: \"7\"", "engine: redis\nmajorEngineVersion: \"7\"")
            .calls(&[("ModifyServerlessCache", json!({"Engine": "redis", "MajorEngineVersion": "7"}))]);
    }
}

mod engine_memcached {
    use super::*;

    #[test]
    fn to_or_from_another_engine_is_a_replacement_without_a_snapshot() {
        let plan = recache("engine: memcached", "engine: valkey").replaces("serverlessCache/s");
        assert_eq!(
            parameters(&plan, "DeleteServerlessCache").get("FinalSnapshotName"),
            None,
            "memcached has no snapshots"
        );
        let plan = recache("engine: valkey", "engine: memcached").replaces("serverlessCache/s");
        assert!(parameters(&plan, "DeleteServerlessCache")["FinalSnapshotName"].is_string());
        assert_eq!(parameters(&plan, "CreateServerlessCache").get("SnapshotArnsToRestore"), None);
    }
}

mod major_engine_version_upgrade {
    use super::*;

    #[test]
    fn is_made_in_place_with_the_engine_named() {
        recache("majorEngineVersion: \"7\"", "majorEngineVersion: \"8\"")
            .calls(&[(MODIFY, json!({"Engine": "valkey", "MajorEngineVersion": "8"}))]);
    }

    #[test]
    fn an_unchanged_engine_is_never_sent() {
        recache("majorEngineVersion: \"8\"", "majorEngineVersion: \"8\"\ndescription: new")
            .calls(&[(MODIFY, json!({"Description": "new"}))]);
    }
}

mod major_engine_version_downgrade {
    use super::*;

    #[test]
    fn is_a_replacement_that_starts_empty() {
        let plan = recache("majorEngineVersion: \"8\"", "majorEngineVersion: \"7\"").replaces("serverlessCache/s");
        assert!(parameters(&plan, "DeleteServerlessCache")["FinalSnapshotName"].is_string());
        assert_eq!(parameters(&plan, "CreateServerlessCache").get("SnapshotArnsToRestore"), None);
    }
}

mod description {
    use super::*;

    #[test]
    fn is_one_call() {
        recache("description: old", "description: new").calls(&[(MODIFY, json!({"Description": "new"}))]);
    }

    #[test]
    fn every_field_that_changes_is_a_call_of_its_own_in_the_same_order() {
        recache(
            "description: old",
            "description: new\nsecurityGroupIds: [sg-a]\nsnapshotRetentionLimit: 3\ndailySnapshotTime: \"04:00\"\ncacheUsageLimits: {ecpuPerSecond: {maximum: 5000}}",
        )
        .calls(&[
            (MODIFY, json!({"Description": "new"})),
            (MODIFY, json!({"CacheUsageLimits": {"ECPUPerSecond": {"Maximum": 5000}}})),
            (MODIFY, json!({"SecurityGroupIds": ["sg-a"]})),
            (MODIFY, json!({"SnapshotRetentionLimit": 3})),
            (MODIFY, json!({"DailySnapshotTime": "04:00"})),
        ]);
    }
}

mod cache_usage_limits {
    use super::*;

    const BOTH: &str = "cacheUsageLimits: {dataStorage: {maximum: 10, unit: GB}, ecpuPerSecond: {maximum: 5000}}";

    #[test]
    fn storage_and_processing_are_one_field_and_an_omitted_half_is_kept() {
        recache(BOTH, "cacheUsageLimits: {dataStorage: {maximum: 20, unit: GB}}").calls(&[(
            MODIFY,
            json!({"CacheUsageLimits": {"DataStorage": {"Maximum": 20, "Unit": "GB"}, "ECPUPerSecond": {"Maximum": 5000}}}),
        )]);
    }

    #[test]
    fn a_limit_that_is_there_cannot_be_removed_and_the_plan_says_so() {
        recache(BOTH, "cacheUsageLimits: {}").blocked("sl-limit-removal", "raise");
    }

    #[test]
    fn no_limits_where_there_are_none_is_no_change() {
        recache("description: d", "cacheUsageLimits: {}").nothing();
    }
}

mod security_group_ids {
    use super::*;

    #[test]
    fn the_whole_list_is_replaced() {
        recache("securityGroupIds: [sg-a, sg-b]", "securityGroupIds: [sg-b, sg-c]")
            .calls(&[(MODIFY, json!({"SecurityGroupIds": ["sg-b", "sg-c"]}))]);
    }
}

const USERS: &str = "\
users:
  app: {userName: app, engine: valkey, accessString: on ~* +@all, passwords: [{secretsManager: prod/cache, key: password}]}
userGroups:
  one: {engine: valkey, userIds: [app]}
";

fn with_users(before: &str, after: &str) -> Case {
    change(&format!("{USERS}{}", cache(before)), &format!("{USERS}{}", cache(after)))
}

mod user_group_id_set {
    use super::*;

    #[test]
    fn is_one_call() {
        with_users("description: d", "userGroupId: one").calls(&[(MODIFY, json!({"UserGroupId": "one"}))]);
    }
}

mod user_group_id_removed {
    use super::*;

    #[test]
    fn null_detaches_it_and_leaving_it_out_does_not() {
        with_users("userGroupId: one", "userGroupId: null").calls(&[(MODIFY, json!({"RemoveUserGroup": true}))]);
        with_users("userGroupId: one", "engine: valkey").nothing();
    }
}

mod snapshot_retention_limit {
    use super::*;

    #[test]
    fn is_one_call_and_zero_turns_it_off() {
        recache("snapshotRetentionLimit: 3", "snapshotRetentionLimit: 0")
            .calls(&[(MODIFY, json!({"SnapshotRetentionLimit": 0}))]);
    }
}

mod daily_snapshot_time {
    use super::*;

    #[test]
    fn is_one_call_and_undeclared_it_is_awss() {
        recache("dailySnapshotTime: \"03:00\"", "dailySnapshotTime: \"05:00\"")
            .calls(&[(MODIFY, json!({"DailySnapshotTime": "05:00"}))]);
        recache("dailySnapshotTime: \"03:00\"", "engine: valkey").nothing();
    }
}

mod kms_key_id {
    use super::*;

    #[test]
    fn another_key_is_a_replacement_restored_from_a_snapshot() {
        let key = |id: &str| format!("kmsKeyId: arn:aws:kms:us-east-1:012345678901:key/{id}");
        let plan = recache(&key("1111"), &key("2222")).replaces("serverlessCache/s");
        let arns = parameters(&plan, "CreateServerlessCache")["SnapshotArnsToRestore"].clone();
        assert_eq!(
            arns,
            json!(["arn:aws:elasticache:us-east-1:012345678901:serverlesssnapshot:s-final-20270101-120000"])
        );
    }
}

mod subnet_ids {
    use super::*;

    #[test]
    fn other_subnets_are_a_replacement_and_undeclared_they_are_awss() {
        recache("subnetIds: [subnet-1a, subnet-1b]", "subnetIds: [subnet-1a, subnet-1c]").replaces("serverlessCache/s");
        recache("subnetIds: [subnet-1a, subnet-1b]", "subnetIds: [subnet-1b, subnet-1a]").nothing();
        recache("description: d", "engine: valkey").nothing();
    }
}

mod network_type {
    use super::*;

    #[test]
    fn is_chosen_at_creation() {
        recache("networkType: ipv4", "networkType: dual_stack").replaces("serverlessCache/s");
    }
}

mod snapshot_arns_to_restore {
    use super::*;

    #[test]
    fn are_read_at_creation_only() {
        recache(
            "description: d",
            "snapshotArnsToRestore: [arn:aws:elasticache:us-east-1:012345678901:serverlesssnapshot:x]",
        )
        .nothing();
    }
}

mod final_snapshot_name {
    use super::*;

    #[test]
    fn is_given_when_the_cache_goes_unless_the_spec_says_otherwise() {
        let mut case = change(&cache("description: d"), "").prune().allow(&["delete:*"]);
        assert_eq!(parameters(&case.plan(), "DeleteServerlessCache")["FinalSnapshotName"], "s-final-20270101-120000");
        let mut case = recache("description: d", "lifecycle: {finalSnapshot: false}").allow(&["delete:*"]);
        case.options.destroy = true;
        assert_eq!(parameters(&case.plan(), "DeleteServerlessCache").get("FinalSnapshotName"), None);
    }
}

mod tags {
    use super::*;

    #[test]
    fn go_apart_from_all_fields_and_last() {
        let arn = "arn:aws:elasticache:us-east-1:012345678901:serverlesscache:s";
        recache("tags: {a: \"1\"}", "tags: {a: \"2\", b: \"3\"}\ndescription: new").calls(&[
            (MODIFY, json!({"Description": "new"})),
            (
                "AddTagsToResource",
                json!({"ResourceName": arn, "Tags": [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]}),
            ),
        ]);
    }

    #[test]
    fn a_cache_that_exists_unowned_is_adopted() {
        let mut account = Account::new();
        account.call("CreateServerlessCache", json!({"ServerlessCacheName": "s", "Engine": "valkey"}));
        let case = Case { account, options: super::super::plan_account::options(&[]), after: cache("engine: valkey") };
        let arn = "arn:aws:elasticache:us-east-1:012345678901:serverlesscache:s";
        case.allow(&["adopt:serverlessCache/s"]).calls(&[(
            "AddTagsToResource",
            json!({"ResourceName": arn, "Tags": [{"Key": "cachectl:stack", "Value": "prod"}]}),
        )]);
    }
}

mod migration {
    use super::*;

    /// 1.8: "a cache with Migration set is not a planner's to modify".
    #[test]
    fn under_way_keeps_the_cache_from_every_change() {
        for after in [
            cache("description: another"),
            cache("description: d\ntags: {a: \"1\"}"),
            cache("description: d\nkmsKeyId: other"),
        ] {
            change(&cache("description: d"), &after)
                .meanwhile(|account| account.sandbox.migrate("s", Some("migrating")).expect("a cache"))
                .allow(&["replace:*"])
                .blocked("migration", "stop-migration");
        }
        change(&cache("description: d"), "tags: {a: b}\n")
            .meanwhile(|account| account.sandbox.migrate("s", Some("migrating")).expect("a cache"))
            .prune()
            .allow(&["delete:*"])
            .blocked("migration", "complete-migration");
    }

    #[test]
    fn is_told_where_nothing_differs_and_over_it_is_a_cache_like_others() {
        let mut case = recache("description: d", "description: d")
            .meanwhile(|account| account.sandbox.migrate("s", Some("migrating")).expect("a cache"));
        let plan = case.plan();
        assert!(plan.steps.is_empty() && !plan.is_blocked());
        assert!(plan.notes.iter().any(|note| note.contains("being migrated into the cache (migrating)")));
        case.account.sandbox.migrate("s", None).expect("a cache");
        case.after = cache("description: another");
        case.calls(&[(MODIFY, json!({"Description": "another"}))]);
    }
}

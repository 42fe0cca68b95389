//! Replication groups: TLS, tokens, user groups. One module an attribute's way to change.

use cachectl::model::attribute::Impact;
use cachectl::model::plan::Plan;
use cachectl::model::{Kind, StepId};
use serde_json::{Value, json};

use super::plan_account::{mark, shown, spec};
use super::plan_case::{Case, change, expect_calls, group, regroup};

const MODIFY: &str = "ModifyReplicationGroup";
const TLS: &str = "transitEncryptionEnabled: true\ntransitEncryptionMode: required";
const PREFERRED: &str = "transitEncryptionEnabled: true\ntransitEncryptionMode: preferred";
const TOKEN: &str = "authToken: {secretsManager: prod/cache, key: token}";
const USERS: &str = "\
users:
  app: {userName: app, engine: valkey, accessString: on ~* +@all, passwords: [{secretsManager: prod/cache, key: password}]}
userGroups:
  one: {engine: valkey, userIds: [app]}
  two: {engine: valkey, userIds: [app]}
";

fn token() -> Value {
    json!({"secretsManager": "prod/cache", "key": "token"})
}

/// Users and user groups stand in both specs.
fn with_users(before: &str, after: &str) -> Case {
    change(&format!("{USERS}{}", group(before)), &format!("{USERS}{}", group(after)))
}

fn tag(value: &str) -> Value {
    json!({"ResourceName": "arn:aws:elasticache:us-east-1:012345678901:replicationgroup:g", "Tags": [{"Key": "cachectl:auth-token", "Value": value}]})
}

mod transit_encryption_enabled_on {
    use super::*;

    #[test]
    fn goes_to_preferred_first_and_says_what_remains() {
        regroup("", TLS)
            .impact(Impact::Brief)
            .remains("transitEncryptionMode required")
            .calls(&[(MODIFY, json!({"TransitEncryptionEnabled": true, "TransitEncryptionMode": "preferred"}))]);
    }

    #[test]
    fn all_hops_are_two_calls() {
        let case = regroup("", TLS).all_hops();
        case.calls(&[
            (MODIFY, json!({"TransitEncryptionEnabled": true, "TransitEncryptionMode": "preferred"})),
            (MODIFY, json!({"TransitEncryptionMode": "required"})),
        ]);
    }

    #[test]
    fn an_undeclared_mode_stays_at_preferred() {
        regroup("", "transitEncryptionEnabled: true")
            .calls(&[(MODIFY, json!({"TransitEncryptionEnabled": true, "TransitEncryptionMode": "preferred"}))]);
    }

    #[test]
    fn before_redis_7_0_5_it_is_a_replacement_unless_the_upgrade_comes_first() {
        let redis = |version: &str, rest: &str| format!("engine: redis\nengineVersion: \"{version}\"\n{rest}");
        regroup(&redis("6.2", ""), &redis("6.2", TLS)).replaces("replicationGroup/g");
        regroup(&redis("6.2", ""), &redis("7.1", PREFERRED)).calls(&[
            (MODIFY, json!({"Engine": "redis", "EngineVersion": "7.1"})),
            (MODIFY, json!({"TransitEncryptionEnabled": true, "TransitEncryptionMode": "preferred"})),
        ]);
    }

    #[test]
    fn a_token_or_user_groups_wait_until_tls_is_where_it_should_be() {
        regroup("", &format!("{TLS}\n{TOKEN}"))
            .remains("authToken")
            .calls(&[(MODIFY, json!({"TransitEncryptionEnabled": true, "TransitEncryptionMode": "preferred"}))]);
        with_users("", &format!("{TLS}\nuserGroupIds: [one]"))
            .remains("userGroupIds")
            .calls(&[(MODIFY, json!({"TransitEncryptionEnabled": true, "TransitEncryptionMode": "preferred"}))]);
        let case = with_users("", &format!("{TLS}\nuserGroupIds: [one]")).all_hops();
        case.calls(&[
            (MODIFY, json!({"TransitEncryptionEnabled": true, "TransitEncryptionMode": "preferred"})),
            (MODIFY, json!({"TransitEncryptionMode": "required"})),
            (MODIFY, json!({"UserGroupIdsToAdd": ["one"]})),
        ]);
    }
}

mod transit_encryption_mode_preferred_to_required {
    use super::*;

    #[test]
    fn sends_the_mode_alone() {
        regroup(PREFERRED, TLS).calls(&[(MODIFY, json!({"TransitEncryptionMode": "required"}))]);
    }
}

mod transit_encryption_mode_required_to_preferred {
    use super::*;

    #[test]
    fn sends_the_mode_alone() {
        regroup(TLS, PREFERRED).calls(&[(MODIFY, json!({"TransitEncryptionMode": "preferred"}))]);
    }

    #[test]
    fn under_access_control_it_is_blocked() {
        with_users(&format!("{TLS}\nuserGroupIds: [one]"), &format!("{PREFERRED}\nuserGroupIds: [one]"))
            .blocked("tls-with-access-control", "userGroupIds: []");
    }
}

mod transit_encryption_enabled_off {
    use super::*;

    #[test]
    fn goes_by_preferred() {
        regroup(TLS, "transitEncryptionEnabled: false")
            .remains("transitEncryptionEnabled false")
            .calls(&[(MODIFY, json!({"TransitEncryptionMode": "preferred"}))]);
        regroup(PREFERRED, "transitEncryptionEnabled: false")
            .calls(&[(MODIFY, json!({"TransitEncryptionEnabled": false}))]);
        regroup(TLS, "transitEncryptionEnabled: false").all_hops().calls(&[
            (MODIFY, json!({"TransitEncryptionMode": "preferred"})),
            (MODIFY, json!({"TransitEncryptionEnabled": false})),
        ]);
    }

    #[test]
    fn an_unchanged_tls_is_never_sent_along() {
        with_users(&format!("{TLS}\nuserGroupIds: [one]"), &format!("{TLS}\nuserGroupIds: [one]\ndescription: new"))
            .calls(&[(MODIFY, json!({"ReplicationGroupDescription": "new"}))]);
    }

    #[test]
    fn user_groups_go_first() {
        let case = with_users(
            &format!("{PREFERRED}\nuserGroupIds: [one]"),
            "transitEncryptionEnabled: false\nuserGroupIds: []",
        );
        case.remains("transitEncryptionEnabled false").calls(&[(MODIFY, json!({"RemoveUserGroups": true}))]);
        with_users(&format!("{PREFERRED}\nuserGroupIds: [one]"), "transitEncryptionEnabled: false\nuserGroupIds: []")
            .all_hops()
            .calls(&[
                (MODIFY, json!({"RemoveUserGroups": true})),
                (MODIFY, json!({"TransitEncryptionEnabled": false})),
            ]);
    }

    #[test]
    fn under_a_token_it_is_blocked() {
        regroup(&format!("{TLS}\n{TOKEN}"), "transitEncryptionEnabled: false")
            .blocked("tls-with-access-control", "user groups");
    }
}

mod auth_token_set {
    use super::*;

    #[test]
    fn the_first_token_is_rotated_in_and_then_set() {
        regroup(TLS, &format!("{TLS}\n{TOKEN}")).remains("authToken SET").calls(&[
            ("AddTagsToResource", tag(&format!("rotating:none:{}", mark("token", 1)))),
            (MODIFY, json!({"AuthToken": token(), "AuthTokenUpdateStrategy": "ROTATE"})),
        ]);
    }

    #[test]
    fn the_second_apply_sets_it() {
        let mut case = regroup(TLS, &format!("{TLS}\n{TOKEN}"));
        let spec = spec(&case.after);
        let plan = case.plan();
        case.account.run(&spec, &case.options, &plan).expect("accepted");
        case.calls(&[
            (MODIFY, json!({"AuthToken": token(), "AuthTokenUpdateStrategy": "SET"})),
            ("AddTagsToResource", tag(&mark("token", 1))),
        ]);
    }

    #[test]
    fn other_tags_go_along_with_the_one_that_announces_the_token() {
        let mut case = regroup(TLS, &format!("{TLS}\n{TOKEN}\ntags: {{team: cache}}"));
        let plan = case.plan();
        let operations: Vec<&str> = plan.steps.iter().map(|step| step.operation().name()).collect();
        assert_eq!(operations, ["AddTagsToResource", MODIFY]);
        assert_eq!(plan.steps[0].parameters()["Tags"].as_array().map(Vec::len), Some(2), "{}", shown(&plan));
        // AWS knows no other member of it.
        assert_eq!(plan.steps[0].parameters().keys().collect::<Vec<_>>(), ["ResourceName", "Tags"]);
        case.account.apply_all(&spec(&case.after), &case.options);
    }

    #[test]
    fn all_hops_are_two_calls_each_with_its_tag() {
        regroup(TLS, &format!("{TLS}\n{TOKEN}")).all_hops().calls(&[
            ("AddTagsToResource", tag(&format!("rotating:none:{}", mark("token", 1)))),
            (MODIFY, json!({"AuthToken": token(), "AuthTokenUpdateStrategy": "ROTATE"})),
            (MODIFY, json!({"AuthToken": token(), "AuthTokenUpdateStrategy": "SET"})),
            ("AddTagsToResource", tag(&mark("token", 1))),
        ]);
    }
}

mod auth_token_rotate {
    use super::*;

    #[test]
    fn a_new_version_of_the_secret_is_rotated_in_and_never_printed() {
        let mut case = regroup(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\n{TOKEN}"));
        case.account.secrets.insert("prod-cache-token".into(), 2);
        let plan = case.plan();
        assert!(
            plan.changes[0].attributes.iter().any(|change| change.path == "authToken" && change.sensitive),
            "{}",
            shown(&plan)
        );
        let since = last_change(&mut case);
        case.remains("authToken SET").calls(&[
            ("AddTagsToResource", tag(&format!("rotating:{since}:{}", mark("token", 2)))),
            (MODIFY, json!({"AuthToken": token(), "AuthTokenUpdateStrategy": "ROTATE"})),
        ]);
    }

    #[test]
    fn a_rotation_that_is_under_way_is_told_and_blocks_while_its_token_cannot_be_read() {
        let mut case = regroup(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\n{TOKEN}"));
        case.account.secrets.insert("prod-cache-token".into(), 2);
        let spec = spec(&case.after);
        let rotation = case.plan();
        case.account.run(&spec, &case.options, &rotation).expect("accepted");
        let mut live = case.account.live(&spec);
        live.secrets.clear();
        live.unreadable.insert("replicationGroup/g".parse().expect("an address"), "access denied".to_owned());
        let plan = cachectl::plan::plan(&spec, &live, &case.options, Vec::new());
        let change = plan.changes.first().unwrap_or_else(|| panic!("{}", shown(&plan)));
        let blocked = change.blocked.as_ref().unwrap_or_else(|| panic!("{}", shown(&plan)));
        assert!(blocked.rule == "secret-unreadable" && blocked.reason.contains("access denied"), "{}", shown(&plan));
        assert!(
            change.attributes.iter().any(|change| change.path == "authToken" && change.sensitive),
            "{}",
            shown(&plan)
        );
    }

    /// When AWS says that the token was changed last.
    fn last_change(case: &mut Case) -> String {
        let groups = case.account.call("DescribeReplicationGroups", json!({}));
        groups["ReplicationGroups"][0]["AuthTokenLastModifiedDate"].to_string()
    }

    /// Every plan that a run killed after `steps` of its steps leaves to the next, in brief.
    fn killed_after(steps: usize, case: &mut Case) -> Vec<String> {
        let spec = spec(&case.after);
        let plan = case.plan();
        for step in &plan.steps[..steps] {
            case.account.step(&spec, &case.options, step, &plan.steps).expect("accepted");
        }
        let strategy = |plan: &Plan| {
            let steps = plan.steps.iter();
            let named = steps.map(|step| step.parameters().get("AuthTokenUpdateStrategy").and_then(Value::as_str));
            named.map(|strategy| strategy.unwrap_or("tag").to_owned()).collect::<Vec<_>>().join(" ")
        };
        case.account.apply_all(&spec, &case.options).iter().map(strategy).collect()
    }

    #[test]
    fn a_run_that_is_killed_is_taken_up_where_it_was_and_no_token_is_added_twice() {
        let first = || regroup(TLS, &format!("{TLS}\n{TOKEN}"));
        let next = || {
            let mut case = regroup(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\n{TOKEN}"));
            case.account.secrets.insert("prod-cache-token".into(), 2);
            case
        };
        for case in [first, next] as [fn() -> Case; 2] {
            assert_eq!(killed_after(0, &mut case()), ["tag ROTATE", "SET tag"]);
            assert_eq!(killed_after(1, &mut case()), ["ROTATE", "SET tag"]);
            assert_eq!(killed_after(2, &mut case()), ["SET tag"]);
            let all_hops = |killed| killed_after(killed, &mut case().all_hops());
            assert_eq!(all_hops(1), ["ROTATE SET tag"]);
            assert_eq!(all_hops(2), ["SET tag"]);
            // SET of the token that is set already is refused, which an apply takes for done.
            assert_eq!(all_hops(3), ["SET tag"]);
        }
    }

    #[test]
    fn where_aws_does_not_say_when_the_token_was_changed_an_announced_one_counts_as_added() {
        let mut case = regroup(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\n{TOKEN}"));
        case.account.secrets.insert("prod-cache-token".into(), 2);
        let spec = spec(&case.after);
        let plan = |case: &mut Case| {
            let mut live = case.account.live(&spec);
            live.of_mut(Kind::ReplicationGroup).get_mut("g").unwrap()["AuthTokenLastModifiedDate"].take();
            cachectl::plan::plan(&spec, &live, &case.options, Vec::new())
        };
        let rotate = plan(&mut case);
        assert_eq!(
            rotate.steps[0].parameters(),
            tag(&format!("rotating:untold:{}", mark("token", 2))).as_object().unwrap()
        );
        case.account.run(&spec, &case.options, &rotate).expect("accepted");
        let set = plan(&mut case);
        assert_eq!(set.steps[0].parameters()["AuthTokenUpdateStrategy"], "SET", "{}", shown(&set));
        case.account.run(&spec, &case.options, &set).expect("accepted");
        assert!(plan(&mut case).steps.is_empty());
    }

    #[test]
    fn the_same_version_is_no_change() {
        regroup(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\n{TOKEN}")).nothing();
    }

    fn unmarked() -> Case {
        regroup(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\n{TOKEN}")).meanwhile(|account| {
            let arn = "arn:aws:elasticache:us-east-1:012345678901:replicationgroup:g";
            account.call("RemoveTagsFromResource", json!({"ResourceName": arn, "TagKeys": ["cachectl:auth-token"]}));
        })
    }

    #[test]
    fn without_its_tag_nobody_can_tell_and_nothing_is_changed() {
        unmarked().noted("--allow rotate:replicationGroup/g");
        unmarked().allow(&["rotate:user/*", "replace:*"]).nothing();
    }

    #[test]
    fn what_no_tag_tells_is_rotated_where_that_is_allowed() {
        let mut case = unmarked().allow(&["rotate:replicationGroup/g"]);
        let since = last_change(&mut case);
        case.remains("authToken SET").calls(&[
            ("AddTagsToResource", tag(&format!("rotating:{since}:{}", mark("token", 1)))),
            (MODIFY, json!({"AuthToken": token(), "AuthTokenUpdateStrategy": "ROTATE"})),
        ]);
    }

    #[test]
    fn a_known_one_is_not_rotated_for_a_permit() {
        regroup(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\n{TOKEN}")).allow(&["rotate:*"]).nothing();
    }
}

mod auth_token_to_user_groups {
    use super::*;

    #[test]
    fn is_one_call_without_the_token() {
        with_users(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\nauthToken: null\nuserGroupIds: [one]"))
            .calls(&[
                (MODIFY, json!({"AuthTokenUpdateStrategy": "DELETE", "UserGroupIdsToAdd": ["one"]})),
                ("RemoveTagsFromResource", json!({"ResourceName": "arn:aws:elasticache:us-east-1:012345678901:replicationgroup:g", "TagKeys": ["cachectl:auth-token"]})),
            ]);
    }

    #[test]
    fn must_be_said() {
        with_users(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\nuserGroupIds: [one]"))
            .blocked("token-and-users", "authToken: null");
    }
}

mod user_groups_to_auth_token {
    use super::*;

    #[test]
    fn is_rotate_in_the_call_that_removes_the_groups_and_set_in_the_next_hop() {
        let case = || with_users(&format!("{TLS}\nuserGroupIds: [one]"), &format!("{TLS}\nuserGroupIds: []\n{TOKEN}"));
        let announced = || ("AddTagsToResource", tag(&format!("rotating:none:{}", mark("token", 1))));
        let rotate =
            || (MODIFY, json!({"RemoveUserGroups": true, "AuthToken": token(), "AuthTokenUpdateStrategy": "ROTATE"}));
        case().remains("authToken SET").calls(&[announced(), rotate()]);
        case().all_hops().calls(&[
            announced(),
            rotate(),
            (MODIFY, json!({"AuthToken": token(), "AuthTokenUpdateStrategy": "SET"})),
            ("AddTagsToResource", tag(&mark("token", 1))),
        ]);
    }

    #[test]
    fn says_that_the_cache_is_open_between_the_two() {
        let mut case = with_users(&format!("{TLS}\nuserGroupIds: [one]"), &format!("{TLS}\nuserGroupIds: []\n{TOKEN}"));
        let plan = case.plan();
        assert!(plan.notes.iter().any(|note| note.contains("between ROTATE and SET anyone")), "{}", shown(&plan));
    }

    #[test]
    fn must_be_said() {
        with_users(&format!("{TLS}\nuserGroupIds: [one]"), &format!("{TLS}\n{TOKEN}"))
            .blocked("token-and-users", "userGroupIds: []");
    }
}

mod auth_token_removed {
    use super::*;

    #[test]
    fn without_a_word_on_user_groups_it_is_blocked_whatever_is_allowed() {
        regroup(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\nauthToken: null"))
            .allow(&["replace:*"])
            .blocked("token-removal", "userGroupIds: []");
    }

    #[test]
    fn for_good_it_goes_in_two_hops_by_way_of_a_user_group() {
        let case = || with_users(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\nauthToken: null\nuserGroupIds: []"));
        let exchange = || (MODIFY, json!({"AuthTokenUpdateStrategy": "DELETE", "UserGroupIdsToAdd": ["one"]}));
        let mut first = case().remains("userGroupIds: one is removed again");
        assert!(first.plan().notes.iter().any(|note| note.contains("afterwards no login is required")));
        let untag = json!({"ResourceName": tag("")["ResourceName"], "TagKeys": ["cachectl:auth-token"]});
        first.calls(&[exchange(), ("RemoveTagsFromResource", untag.clone())]);
        case().all_hops().calls(&[
            exchange(),
            (MODIFY, json!({"UserGroupIdsToRemove": ["one"]})),
            ("RemoveTagsFromResource", untag),
        ]);
        regroup(&format!("{TLS}\n{TOKEN}"), &format!("{TLS}\nauthToken: null\nuserGroupIds: []"))
            .blocked("token-removal", "user group");
    }
}

mod user_group_ids {
    use super::*;

    #[test]
    fn are_attached_swapped_and_detached_in_one_call_each() {
        with_users(TLS, &format!("{TLS}\nuserGroupIds: [one]"))
            .calls(&[(MODIFY, json!({"UserGroupIdsToAdd": ["one"]}))]);
        with_users(&format!("{TLS}\nuserGroupIds: [one]"), &format!("{TLS}\nuserGroupIds: [two]"))
            .calls(&[(MODIFY, json!({"UserGroupIdsToAdd": ["two"], "UserGroupIdsToRemove": ["one"]}))]);
        with_users(&format!("{TLS}\nuserGroupIds: [one]"), &format!("{TLS}\nuserGroupIds: []"))
            .calls(&[(MODIFY, json!({"RemoveUserGroups": true}))]);
    }

    #[test]
    fn a_new_group_waits_for_its_user_group_and_that_for_its_users() {
        let after = format!("{USERS}{}", group(&format!("{TLS}\nuserGroupIds: [one]")));
        let mut case = change(&group(TLS), &after);
        let plan = case.plan();
        let operations: Vec<&str> = plan.steps.iter().map(|step| step.operation().name()).collect();
        assert_eq!(operations, ["CreateUser", "CreateUserGroup", "CreateUserGroup", MODIFY]);
        assert_eq!(plan.steps[1].after, [StepId(1)]);
        assert_eq!(plan.steps[3].after, [StepId(2)], "only the group that it uses");
        case.account.apply_all(&spec(&case.after), &case.options);
    }

    #[test]
    fn tokens_and_groups_that_are_as_declared_are_no_change() {
        let users = format!("{TLS}\nuserGroupIds: [one]");
        with_users(&users, &users).nothing();
        let mut case = with_users(&users, TLS);
        expect_calls(&case.plan(), &[]);
    }
}

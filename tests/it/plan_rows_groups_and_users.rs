//! Parameter groups, subnet groups, users and user groups. One module an attribute's way to change.

use cachectl::model::{Kind, StepId};
use serde_json::{Value, json};

use super::plan_account::{Account, mark, options, shown, spec};
use super::plan_case::{Case, change, expect_calls, group, parameters};

fn arn(kind: &str, id: &str) -> String {
    format!("arn:aws:elasticache:us-east-1:012345678901:{kind}:{id}")
}

fn operations(plan: &cachectl::model::plan::Plan) -> Vec<(&str, String)> {
    plan.steps.iter().map(|step| (step.operation().name(), step.address.to_string())).collect()
}

fn named(operations: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    operations
        .iter()
        .map(|(operation, address)| (&*String::leak((*operation).to_owned()), (*address).to_owned()))
        .collect()
}

mod parameter_group {
    use super::*;

    const MODIFY: &str = "ModifyCacheParameterGroup";
    const RESET: &str = "ResetCacheParameterGroup";

    fn with(parameters: &str) -> String {
        format!("parameterGroups:\n  p: {{family: valkey8, description: d, parameters: {parameters}}}\n")
    }

    fn values(pairs: &[(&str, &str)]) -> Value {
        json!({"ParameterNameValues": pairs.iter().map(|(name, value)| json!({"ParameterName": name, "ParameterValue": value})).collect::<Vec<_>>()})
    }

    mod name {
        use super::*;

        #[test]
        fn another_one_is_created_the_cache_repointed_and_the_old_one_deleted() {
            let with = |name: &str| {
                format!(
                    "parameterGroups:\n  {name}: {{family: valkey8, description: d}}\n{}",
                    group(&format!("cacheParameterGroupName: {name}"))
                )
            };
            let mut case = change(&with("old"), &with("new")).prune().allow(&["delete:*"]);
            let plan = case.plan();
            assert_eq!(
                operations(&plan),
                named(&[
                    ("CreateCacheParameterGroup", "parameterGroup/new"),
                    ("ModifyReplicationGroup", "replicationGroup/g"),
                    ("DeleteCacheParameterGroup", "parameterGroup/old"),
                ])
            );
            assert!(plan.steps[2].after.contains(&StepId(2)), "after the cache let go of it");
            case.account.apply_all(&spec(&case.after), &case.options);
        }
    }

    mod family {
        use super::*;

        #[test]
        fn is_blocked_with_the_way_round() {
            change(&with("{}"), &with("{}").replace("valkey8", "valkey7"))
                .allow(&["replace:*"])
                .blocked("parameter-group-family", "under another name");
        }
    }

    mod description {
        use super::*;

        #[test]
        fn a_difference_is_a_warning() {
            change(&with("{}"), &with("{}").replace("description: d", "description: e"))
                .noted("cannot change description");
        }
    }

    mod parameters_set {
        use super::*;

        #[test]
        fn only_what_differs_is_sent() {
            change(
                &with("{maxmemory-policy: allkeys-lru, timeout: \"0\"}"),
                &with("{maxmemory-policy: volatile-lru, timeout: \"0\"}"),
            )
            .calls(&[(MODIFY, values(&[("maxmemory-policy", "volatile-lru")]))]);
        }

        #[test]
        fn twenty_go_in_a_call() {
            let names: Vec<String> = {
                let mut account = Account::new();
                let rows = account.call(
                    "DescribeEngineDefaultParameters",
                    json!({"CacheParameterGroupFamily": "valkey8", "MaxRecords": 100}),
                );
                let rows = rows["EngineDefaults"]["Parameters"].as_array().cloned().unwrap_or_default();
                rows.iter()
                    .filter(|row| {
                        row["IsModifiable"] == json!(true)
                            && row["DataType"] == json!("integer")
                            && row["ParameterName"] != json!("reserved-memory")
                    })
                    .filter(|row| row["ParameterValue"].as_str().is_some_and(|value| !value.is_empty()))
                    .map(|row| {
                        format!(
                            "{}: \"{}\"",
                            row["ParameterName"].as_str().unwrap_or_default(),
                            row["ParameterValue"].as_str().unwrap_or_default()
                        )
                    })
                    .take(25)
                    .collect()
            };
            let mut case = change(&with("{}"), &with(&format!("{{{}}}", names.join(", "))));
            let plan = case.plan();
            let sizes: Vec<usize> = plan
                .steps
                .iter()
                .map(|step| step.parameters()["ParameterNameValues"].as_array().map_or(0, Vec::len))
                .collect();
            assert_eq!(sizes, [20, 5], "{}", shown(&plan));
            case.account.apply_all(&spec(&case.after), &case.options);
        }

        #[test]
        fn unknown_names_and_illegal_values_are_found_before_aws_refuses_them() {
            change(&with("{}"), &with("{maxmemory-polici: allkeys-lru}"))
                .blocked("unknown-parameter", "maxmemory-policy");
            change(&with("{}"), &with("{maxmemory-policy: lru}")).blocked("parameter-value", "allkeys-lru");
        }

        #[test]
        fn names_are_compared_in_lower_case() {
            change(&with("{maxmemory-policy: allkeys-lru}"), &with("{Maxmemory-Policy: allkeys-lru}")).nothing();
        }
    }

    mod parameters_removed {
        use super::*;

        #[test]
        fn resets_come_before_sets() {
            change(
                &with("{maxmemory-policy: allkeys-lru, timeout: \"20\"}"),
                &with("{maxmemory-policy: volatile-lru}"),
            )
            .calls(&[
                (RESET, json!({"ParameterNameValues": [{"ParameterName": "timeout"}]})),
                (MODIFY, values(&[("maxmemory-policy", "volatile-lru")])),
            ]);
        }

        #[test]
        fn what_somebody_set_by_hand_is_reset_since_the_group_is_owned_whole() {
            change(&with("{timeout: \"20\"}"), &with("{timeout: \"20\"}"))
                .meanwhile(|account| {
                    account.call(MODIFY, json!({"CacheParameterGroupName": "p", "ParameterNameValues": [{"ParameterName": "databases", "ParameterValue": "32"}]}));
                })
                .calls(&[(RESET, json!({"ParameterNameValues": [{"ParameterName": "databases"}]}))]);
        }

        #[test]
        fn undeclared_parameters_are_not_managed() {
            change(&with("{timeout: \"20\"}"), "parameterGroups:\n  p: {family: valkey8, description: d}\n").nothing();
        }
    }

    mod parameters_removed_all {
        use super::*;

        #[test]
        fn is_one_call_whatever_their_number() {
            change(&with("{maxmemory-policy: allkeys-lru, timeout: \"20\"}"), &with("{}"))
                .calls(&[(RESET, json!({"ResetAllParameters": true}))]);
        }
    }

    mod reserved_memory {
        use super::*;

        fn old(parameters: &str) -> String {
            with(parameters).replace("valkey8", "redis3.2")
        }

        #[test]
        fn goes_by_its_percentage() {
            change(&old("{reserved-memory: \"1000\", timeout: \"20\"}"), &old("{timeout: \"20\"}")).calls(&[
                (MODIFY, values(&[("reserved-memory-percent", "0")])),
                (RESET, json!({"ParameterNameValues": [{"ParameterName": "reserved-memory-percent"}]})),
            ]);
        }

        #[test]
        fn a_percentage_that_is_declared_is_all_it_takes() {
            change(&old("{reserved-memory: \"1000\"}"), &old("{reserved-memory-percent: \"30\"}"))
                .calls(&[(MODIFY, values(&[("reserved-memory-percent", "30")]))]);
        }
    }

    mod cluster_enabled {
        use super::*;

        #[test]
        fn is_set_when_the_group_is_new_and_blocked_once_a_cache_uses_it() {
            change("", &with("{cluster-enabled: \"yes\"}")).calls(&[
                ("CreateCacheParameterGroup", json!({"CacheParameterGroupFamily": "valkey8", "Description": "d", "Tags": [{"Key": "cachectl:stack", "Value": "prod"}]})),
                (MODIFY, values(&[("cluster-enabled", "yes")])),
            ]);
            let used = group("cacheParameterGroupName: p");
            change(&format!("{}{used}", with("{}")), &format!("{}{used}", with("{cluster-enabled: \"yes\"}")))
                .blocked("cluster-enabled", "another parameter group");
        }
    }

    mod cluster_databases {
        use super::*;

        /// Rule 40: "`cluster-databases` (valkey9) only at creation".
        #[test]
        fn is_of_family_valkey9_and_stays_once_a_cache_uses_the_group() {
            let with = |family: &str, parameters: &str| {
                format!("parameterGroups:\n  p: {{family: {family}, description: d, parameters: {parameters}}}\n")
            };
            let used = group("engineVersion: \"9.0\"\ncacheParameterGroupName: p");
            let nine = |count: u8| with("valkey9", &format!("{{cluster-databases: \"{count}\"}}"));
            let mut case = change("", &format!("{}{used}", nine(4)));
            case.account.apply_all(&spec(&case.after), &case.options);
            case.nothing();
            change(&format!("{}{used}", nine(4)), &format!("{}{used}", nine(8)))
                .blocked("parameter-at-creation", "keep the value here");
            change(&nine(4), &nine(8)).calls(&[(MODIFY, values(&[("cluster-databases", "8")]))]);
            change("", &with("valkey8", "{cluster-databases: \"4\"}")).blocked("unknown-parameter", "");
        }

        /// The same rule: another parameter group changes it as little.
        #[test]
        fn stays_when_a_cache_takes_another_parameter_group() {
            let sections = |used: &str, q: &str| {
                let of = |name: &str, count: &str| {
                    format!("  {name}: {{family: valkey9, description: d, parameters: {{{count}}}}}\n")
                };
                let groups = of("p", "cluster-databases: \"4\"") + &of("q", q);
                let used = group(&format!("engineVersion: \"9.0\"\ncacheParameterGroupName: {used}"));
                format!("parameterGroups:\n{groups}{used}")
            };
            let exchange = |from: &str, to: &str, q: &str| change(&sections(from, q), &sections(to, q));
            let sent = |name: &str| json!({"ReplicationGroupId": "g", "CacheParameterGroupName": name});
            for q in ["cluster-databases: \"8\"", ""] {
                let mut case = exchange("p", "q", q);
                let refusal = case.account.sandbox.call("ModifyReplicationGroup", sent("q"));
                assert!(refusal.is_err_and(|refusal| refusal.to_string().contains("cluster-databases")), "{q}");
                case.blocked("parameter-at-creation", "declare `cluster-databases: \"4\"` in q");
            }
            exchange("default.valkey9", "p", "").blocked("parameter-at-creation", "`cluster-databases: \"16\"` in p");
            let alike = "cluster-databases: \"4\", maxmemory-policy: noeviction";
            let takes_q = [("ModifyReplicationGroup", json!({"CacheParameterGroupName": "q"}))];
            exchange("p", "q", alike).calls(&takes_q);
            exchange("default.valkey9", "q", "cluster-databases: \"16\"").calls(&takes_q);
        }
    }

    mod tags {
        use super::*;

        #[test]
        fn are_changed_apart() {
            let with =
                |tags: &str| format!("parameterGroups:\n  p: {{family: valkey8, description: d, tags: {tags}}}\n");
            change(&with("{a: \"1\"}"), &with("{a: null, b: \"2\"}")).calls(&[
                (
                    "AddTagsToResource",
                    json!({"ResourceName": arn("parametergroup", "p"), "Tags": [{"Key": "b", "Value": "2"}]}),
                ),
                ("RemoveTagsFromResource", json!({"ResourceName": arn("parametergroup", "p"), "TagKeys": ["a"]})),
            ]);
        }
    }
}

mod subnet_group {
    use super::*;

    const MODIFY: &str = "ModifyCacheSubnetGroup";

    fn with(subnets: &str, rest: &str) -> String {
        format!("subnetGroups:\n  n: {{description: d, subnetIds: [{subnets}]{rest}}}\n")
    }

    mod name {
        use super::*;

        #[test]
        fn another_one_is_another_group() {
            let mut case = change(&with("subnet-1a", ""), &with("subnet-1a", "").replace("  n:", "  m:"));
            let plan = case.plan();
            assert_eq!(operations(&plan), named(&[("CreateCacheSubnetGroup", "subnetGroup/m")]));
            assert_eq!(plan.orphans.len(), 1);
        }
    }

    mod description {
        use super::*;

        #[test]
        fn is_sent_with_the_subnets() {
            change(
                &with("subnet-1a, subnet-1b", ""),
                &with("subnet-1a, subnet-1b", "").replace("description: d", "description: e"),
            )
            .calls(&[(MODIFY, json!({"CacheSubnetGroupDescription": "e", "SubnetIds": ["subnet-1a", "subnet-1b"]}))]);
        }
    }

    mod subnet_ids_added {
        use super::*;

        #[test]
        fn come_before_the_replicas_that_need_them() {
            let cache = |nodes: u8| group(&format!("cacheSubnetGroupName: n\nnumCacheClusters: {nodes}"));
            let mut case = change(
                &format!("{}{}", with("subnet-1a", ""), cache(1)),
                &format!("{}{}", with("subnet-1a, subnet-1b", ""), cache(2)),
            );
            let plan = case.plan();
            assert_eq!(
                operations(&plan),
                named(&[(MODIFY, "subnetGroup/n"), ("IncreaseReplicaCount", "replicationGroup/g")])
            );
            case.account.apply_all(&spec(&case.after), &case.options);
        }
    }

    mod subnet_ids_removed {
        use super::*;

        #[test]
        fn go_after_the_nodes_that_live_in_them_and_after_the_new_ones_came() {
            let cache = |nodes: u8| {
                group(&format!("cacheSubnetGroupName: n\nnumCacheClusters: {nodes}\nautomaticFailoverEnabled: false"))
            };
            let before = format!("{}{}", with("subnet-1a, subnet-1b", ""), cache(2));
            let after = format!("{}{}", with("subnet-1a, subnet-1c", ""), cache(1));
            let mut case = change(&before, &after);
            let plan = case.plan();
            assert_eq!(
                operations(&plan),
                named(&[
                    (MODIFY, "subnetGroup/n"),
                    ("DecreaseReplicaCount", "replicationGroup/g"),
                    (MODIFY, "subnetGroup/n")
                ])
            );
            assert_eq!(plan.steps[0].parameters()["SubnetIds"], json!(["subnet-1a", "subnet-1c", "subnet-1b"]));
            assert_eq!(plan.steps[2].parameters()["SubnetIds"], json!(["subnet-1a", "subnet-1c"]));
            assert_eq!(plan.steps[2].after, [StepId(1), StepId(2)]);
            case.account.apply_all(&spec(&case.after), &case.options);
        }

        #[test]
        fn one_that_a_node_lives_in_is_blocked() {
            let cache = group("cacheSubnetGroupName: n\nnumCacheClusters: 2");
            change(
                &format!("{}{cache}", with("subnet-1a, subnet-1b", "")),
                &format!("{}{cache}", with("subnet-1a, subnet-1c", "")),
            )
            .blocked("subnet-in-use", "g-002");
        }

        #[test]
        fn additions_and_removals_share_a_call_where_no_cache_is_in_between() {
            change(&with("subnet-1a, subnet-1b", ""), &with("subnet-1c, subnet-1a", ""))
                .calls(&[(MODIFY, json!({"SubnetIds": ["subnet-1c", "subnet-1a"]}))]);
        }
    }

    mod vpc {
        use super::*;

        #[test]
        fn subnets_of_another_one_are_refused_by_aws_and_the_plan_names_them() {
            let mut case = change(&with("subnet-1a", ""), &with("subnet-vpc2-1a", ""));
            let plan = case.plan();
            expect_calls(&plan, &[(MODIFY, json!({"SubnetIds": ["subnet-vpc2-1a"]}))]);
            assert!(plan.notes.iter().any(|note| note.contains("vpc-sandbox")), "{}", shown(&plan));
            let spec = spec(&case.after);
            let refused = case.account.run(&spec, &case.options, &plan).expect_err("no group moves to another VPC");
            assert!(refused.contains("not in the same Vpc"), "{refused}");
        }
    }

    mod tags {
        use super::*;

        #[test]
        fn are_changed_apart() {
            change(&with("subnet-1a", ", tags: {a: \"1\"}"), &with("subnet-1a", ", tags: {a: \"2\"}")).calls(&[(
                "AddTagsToResource",
                json!({"ResourceName": arn("subnetgroup", "n"), "Tags": [{"Key": "a", "Value": "2"}]}),
            )]);
        }
    }
}

const PASSWORD: &str = "passwords: [{secretsManager: prod/cache, key: password}]";

fn user(id: &str, name: &str, engine: &str, rest: &str) -> String {
    let access = if rest.contains("accessString") { String::new() } else { "accessString: on ~* +@all, ".to_owned() };
    format!("  {id}: {{userName: {name}, engine: {engine}, {access}{rest}}}\n")
}

mod users {
    use super::*;

    const MODIFY: &str = "ModifyUser";

    fn one(rest: &str) -> String {
        format!("users:\n{}", user("app", "app", "redis", rest))
    }

    mod user_id {
        use super::*;

        #[test]
        fn another_one_is_another_user() {
            let mut case = change(&one(PASSWORD), &one(PASSWORD).replace("  app:", "  web:"));
            assert_eq!(operations(&case.plan()), named(&[("CreateUser", "user/web")]));
        }
    }

    mod user_name {
        use super::*;

        #[test]
        fn another_one_is_a_replacement() {
            change(&one(PASSWORD), &one(PASSWORD).replace("userName: app", "userName: web")).replaces("user/app");
        }

        #[test]
        fn within_a_user_group_a_new_user_takes_its_place_in_one_call() {
            let with = |id: &str, name: &str| {
                format!(
                    "users:\n{}userGroups:\n  people: {{engine: valkey, userIds: [{id}]}}\n",
                    user(id, name, "valkey", PASSWORD)
                )
            };
            change(&with("app", "app"), &with("app", "web"))
                .allow(&["replace:*"])
                .blocked("replace-in-use", "another id");
            let mut case = change(&with("app", "app"), &with("web", "app")).prune().allow(&["delete:user/app"]);
            let plan = case.plan();
            assert_eq!(
                operations(&plan),
                named(&[
                    ("CreateUser", "user/web"),
                    ("ModifyUserGroup", "userGroup/people"),
                    ("DeleteUser", "user/app")
                ])
            );
            assert_eq!(
                (&plan.steps[1].parameters()["UserIdsToAdd"], &plan.steps[1].parameters()["UserIdsToRemove"]),
                (&json!(["web"]), &json!(["app"]))
            );
            case.account.apply_all(&spec(&case.after), &case.options);
        }
    }

    mod engine {
        use super::*;

        #[test]
        fn is_changed_in_place() {
            change(&one(PASSWORD), &one(PASSWORD).replace("engine: redis", "engine: valkey"))
                .calls(&[(MODIFY, json!({"Engine": "valkey"}))]);
        }

        #[test]
        fn to_valkey_the_cache_goes_first_then_the_group_then_the_user() {
            let with = |engine: &str, version: &str| {
                format!(
                    "users:\n{}userGroups:\n  people: {{engine: {engine}, userIds: [app]}}\n{}",
                    user("app", "default", engine, PASSWORD),
                    group(&format!(
                        "engine: {engine}\nengineVersion: \"{version}\"\ntransitEncryptionEnabled: true\ntransitEncryptionMode: required\nuserGroupIds: [people]"
                    ))
                )
            };
            let mut case = change(&with("redis", "7.1"), &with("valkey", "8.0"));
            let plan = case.plan();
            assert_eq!(
                operations(&plan),
                named(&[
                    ("ModifyReplicationGroup", "replicationGroup/g"),
                    ("ModifyUserGroup", "userGroup/people"),
                    (MODIFY, "user/app")
                ])
            );
            assert_eq!((&plan.steps[1].after, &plan.steps[2].after), (&vec![StepId(1)], &vec![StepId(1), StepId(2)]));
            case.account.apply_all(&spec(&case.after), &case.options);
        }
    }

    mod access_string {
        use super::*;

        #[test]
        fn awss_own_spelling_is_no_difference() {
            let with = |access: &str| one(&format!("accessString: \"{access}\", {PASSWORD}"));
            change(&with("on ~app:* +@read +get"), &with("on ~app:* +@read +get")).nothing();
            change(&with("on allkeys allcommands"), &with("on ~* +@all")).nothing();
            change(&with("on ~app:* +@read"), &with("on ~app:* +@read +@write"))
                .calls(&[(MODIFY, json!({"AccessString": "on ~app:* +@read +@write"}))]);
        }

        /// Rule 48: "`db=0,1` from Valkey 9.1".
        #[test]
        fn may_limit_a_user_to_databases() {
            let with = |access: &str| one(&format!("accessString: \"{access}\", {PASSWORD}"));
            change(&with("on ~app:* db=0,1 +@read"), &with("on db=0,1 ~app:* +@read")).nothing();
            change(&with("on ~app:* +@read"), &with("on ~app:* db=0,1 +@read"))
                .calls(&[(MODIFY, json!({"AccessString": "on ~app:* db=0,1 +@read"}))]);
        }
    }

    mod passwords {
        use super::*;

        #[test]
        fn that_no_tag_tells_of_are_set_only_where_that_is_allowed() {
            let unmarked = || {
                change(&one(PASSWORD), &one(PASSWORD)).meanwhile(|account| {
                    let tag = json!({"ResourceName": arn("user", "app"), "TagKeys": ["cachectl:passwords"]});
                    account.call("RemoveTagsFromResource", tag);
                })
            };
            unmarked().nothing();
            let mut case = unmarked().allow(&["rotate:user/app"]);
            let plan = case.plan();
            assert_eq!(plan.steps[0].operation().name(), "ModifyUser", "{}", shown(&plan));
            case.account.apply_all(&spec(&case.after), &case.options);
            case.nothing();
        }

        #[test]
        fn a_new_version_of_the_secret_replaces_the_list() {
            let mut case = change(&one(PASSWORD), &one(PASSWORD));
            case.account.secrets.insert("prod-cache-password".into(), 2);
            case.calls(&[
                (MODIFY, json!({"Passwords": [{"secretsManager": "prod/cache", "key": "password"}]})),
                ("AddTagsToResource", json!({"ResourceName": arn("user", "app"), "Tags": [{"Key": "cachectl:passwords", "Value": mark("password", 2)}]})),
            ]);
        }

        #[test]
        fn two_are_valid_side_by_side_while_clients_move() {
            let both =
                "passwords: [{secretsManager: prod/cache, key: new}, {secretsManager: prod/cache, key: password}]";
            change(&one(PASSWORD), &one(both)).calls(&[
                (MODIFY, json!({"Passwords": [{"secretsManager": "prod/cache", "key": "new"}, {"secretsManager": "prod/cache", "key": "password"}]})),
                ("AddTagsToResource", json!({"ResourceName": arn("user", "app"), "Tags": [{"Key": "cachectl:passwords", "Value": format!("{} {}", mark("new", 1), mark("password", 1))}]})),
            ]);
        }
    }

    mod no_password_required {
        use super::*;

        #[test]
        fn goes_on_and_passwords_take_its_place() {
            change(&one(PASSWORD), &one("noPasswordRequired: true"))
                .calls(&[(MODIFY, json!({"NoPasswordRequired": true}))]);
            change(&one("noPasswordRequired: true"), &one(&format!("noPasswordRequired: false, {PASSWORD}"))).calls(&[
                ("AddTagsToResource", json!({"ResourceName": arn("user", "app"), "Tags": [{"Key": "cachectl:passwords", "Value": mark("password", 1)}]})),
                (MODIFY, json!({"Passwords": [{"secretsManager": "prod/cache", "key": "password"}]})),
            ]);
        }
    }

    mod authentication_mode {
        use super::*;

        #[test]
        fn iam_is_set_and_reads_back_as_itself() {
            change(&one(PASSWORD), &one("authenticationMode: {type: iam}"))
                .calls(&[(MODIFY, json!({"AuthenticationMode": {"Type": "iam"}}))]);
        }

        #[test]
        fn no_password_reads_back_under_another_name() {
            change(&one("noPasswordRequired: true"), &one("authenticationMode: {type: no-password-required}"))
                .nothing();
        }

        #[test]
        fn the_type_password_alone_keeps_the_passwords_and_cannot_set_any() {
            let alone = one("authenticationMode: {type: password}");
            change(&one(PASSWORD), &alone).nothing();
            change("", &alone).blocked("user-needs-password", "passwords:");
            change(&one("authenticationMode: {type: iam}"), &alone).blocked("user-needs-password", "passwords:");
        }

        #[test]
        fn the_type_password_goes_with_the_passwords_in_one_member() {
            let with = one(&format!("authenticationMode: {{type: password}}, {PASSWORD}"));
            change("", &with).calls(&[(
                "CreateUser",
                json!({
                    "UserName": "app", "Engine": "redis", "AccessString": "on ~* +@all",
                    "Passwords": [{"secretsManager": "prod/cache", "key": "password"}],
                    "Tags": [{"Key": "cachectl:passwords", "Value": mark("password", 1)}, {"Key": "cachectl:stack", "Value": "prod"}],
                }),
            )]);
            let tag = json!({"ResourceName": arn("user", "app"), "Tags": [{"Key": "cachectl:passwords", "Value": mark("password", 1)}]});
            change(&one("authenticationMode: {type: iam}"), &with).calls(&[
                ("AddTagsToResource", tag),
                (MODIFY, json!({"Passwords": [{"secretsManager": "prod/cache", "key": "password"}]})),
            ]);
        }
    }

    mod tags {
        use super::*;

        #[test]
        fn come_after_the_change_of_the_user() {
            change(&one(PASSWORD), &one(&format!("{PASSWORD}, accessString: on ~a +@all, tags: {{a: \"1\"}}"))).calls(
                &[
                    (MODIFY, json!({"AccessString": "on ~a +@all"})),
                    (
                        "AddTagsToResource",
                        json!({"ResourceName": arn("user", "app"), "Tags": [{"Key": "a", "Value": "1"}]}),
                    ),
                ],
            );
        }
    }
}

mod user_group {
    use super::*;

    const MODIFY: &str = "ModifyUserGroup";

    fn people(ids: &str, rest: &str) -> String {
        let users: String = ["a", "b", "c"].iter().map(|id| user(id, id, "valkey", PASSWORD)).collect();
        format!("users:\n{users}userGroups:\n  people: {{engine: valkey, userIds: [{ids}]{rest}}}\n")
    }

    mod user_group_id {
        use super::*;

        #[test]
        fn another_one_is_another_group() {
            let mut case = change(&people("a", ""), &people("a", "").replace("  people:", "  folk:"));
            assert_eq!(operations(&case.plan()), named(&[("CreateUserGroup", "userGroup/folk")]));
        }
    }

    mod engine {
        use super::*;

        #[test]
        fn is_changed_in_place() {
            let with = |engine: &str| {
                format!(
                    "users:\n{}userGroups:\n  people: {{engine: {engine}, userIds: [app]}}\n",
                    user("app", "default", "redis", PASSWORD)
                )
            };
            change(&with("redis"), &with("valkey")).calls(&[(MODIFY, json!({"Engine": "valkey"}))]);
            change(&with("valkey"), &with("redis")).calls(&[(MODIFY, json!({"Engine": "redis"}))]);
        }
    }

    mod user_ids {
        use super::*;

        #[test]
        fn additions_and_removals_go_in_one_call() {
            change(&people("a, b", ""), &people("b, c", ""))
                .calls(&[(MODIFY, json!({"UserIdsToAdd": ["c"], "UserIdsToRemove": ["a"]}))]);
        }

        #[test]
        fn a_user_that_goes_leaves_the_group_before() {
            let after = people("b", "").replace(&user("a", "a", "valkey", PASSWORD), "");
            let mut case = change(&people("a, b", ""), &after).prune().allow(&["delete:user/a"]);
            assert_eq!(operations(&case.plan()), named(&[(MODIFY, "userGroup/people"), ("DeleteUser", "user/a")]));
            case.account.apply_all(&spec(&case.after), &case.options);
        }

        #[test]
        fn what_is_pending_is_no_difference() {
            let mut case = change(&people("a", ""), &people("a, b", ""));
            let spec = spec(&case.after);
            let mut live = case.account.live(&spec);
            if let Some(group) = live.of_mut(Kind::UserGroup).get_mut("people") {
                group["Status"] = json!("modifying");
                group["PendingChanges"] = json!({"UserIdsToAdd": ["b"]});
            }
            let plan = cachectl::plan::plan(&spec, &live, &options(&[]), Vec::new());
            assert!(
                plan.steps.is_empty() && plan.pending().any(|(_, pending)| pending.path == "userIds"),
                "{}",
                shown(&plan)
            );
        }
    }

    mod delete {
        use super::*;

        const TLS: &str = "transitEncryptionEnabled: true\ntransitEncryptionMode: required";

        #[test]
        fn comes_after_it_was_detached() {
            let before = format!("{}{}", people("a", ""), group(&format!("{TLS}\nuserGroupIds: [people]")));
            let users: String = ["a", "b", "c"].iter().map(|id| user(id, id, "valkey", PASSWORD)).collect();
            let detached = format!("users:\n{users}{}", group(&format!("{TLS}\nuserGroupIds: []")));
            let mut case = change(&before, &detached).prune().allow(&["delete:*"]);
            let plan = case.plan();
            assert_eq!(
                operations(&plan),
                named(&[("ModifyReplicationGroup", "replicationGroup/g"), ("DeleteUserGroup", "userGroup/people")])
            );
            assert_eq!(plan.steps[1].after, [StepId(1)]);
            case.account.apply_all(&spec(&case.after), &case.options);
            let attached = format!("users:\n{users}{}", group(TLS));
            change(&before, &attached).prune().allow(&["delete:*"]).blocked("in-use", "userGroupIds");
        }
    }

    mod tags {
        use super::*;

        #[test]
        fn are_changed_apart() {
            change(&people("a", ", tags: {a: \"1\"}"), &people("a", ", tags: {a: null}")).calls(&[(
                "RemoveTagsFromResource",
                json!({"ResourceName": arn("usergroup", "people"), "TagKeys": ["a"]}),
            )]);
        }
    }
}

/// Nothing of these is replaced silently.
#[test]
fn a_parameter_group_is_never_replaced_under_its_own_name() {
    let case = Case {
        account: Account::with("parameterGroups:\n  p: {family: valkey7, description: d}\n"),
        options: options(&["replace:*"]),
        after: "parameterGroups:\n  p: {family: valkey8, description: d}\n".into(),
    };
    let mut case = case;
    let plan = case.plan();
    assert!(plan.steps.is_empty() && plan.is_blocked());
    let created = change("", &case.after).plan();
    assert_eq!(parameters(&created, "CreateCacheParameterGroup")["Description"], "d");
}

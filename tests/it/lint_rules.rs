//! Every lint rule both ways: a spec that it finds a fault in, and the same spec mended.

use cachectl::lint::{self, rules::RULES};
use cachectl::model::live::Live;
use cachectl::model::secret::Seen;
use cachectl::model::{Address, Kind, Severity};
use cachectl::resource::secret;
use cachectl::spec;
use serde_json::json;

const HEAD: &str = "apiVersion: cachectl/v1\nstack: lint\nregion: us-east-1\n";
const TODAY: &str = "2026-11-27";

/// A group that no rule finds a fault in, with these lines in place of its own of the same names.
fn group(lines: &str) -> String {
    let usual = [
        "description: A cache",
        "engine: valkey",
        "engineVersion: \"8.0\"",
        "cacheNodeType: cache.r7g.large",
        "numCacheClusters: 3",
        "automaticFailoverEnabled: true",
        "multiAZEnabled: true",
        "transitEncryptionEnabled: true",
        "transitEncryptionMode: required",
        "atRestEncryptionEnabled: true",
        "kmsKeyId: arn:aws:kms:us-east-1:012345678901:key/1",
        "authToken: {secretsManager: prod/cache}",
        "snapshotRetentionLimit: 7",
        "cacheParameterGroupName: own",
        "cacheSubnetGroupName: own",
        "securityGroupIds: [sg-1]",
        "port: 6380",
        "lifecycle: {protect: true}",
        "alarms: {preset: recommended, alarmActions: [\"arn:aws:sns:us-east-1:012345678901:alerts\"]}",
    ];
    entry("replicationGroups", "cache", &usual, lines)
}

fn serverless(lines: &str) -> String {
    let usual = [
        "engine: valkey",
        "kmsKeyId: arn:aws:kms:us-east-1:012345678901:key/1",
        "userGroupId: own",
        "snapshotRetentionLimit: 7",
        "securityGroupIds: [sg-1]",
        "subnetIds: [subnet-1, subnet-2]",
        "lifecycle: {protect: true}",
        "cacheUsageLimits: {dataStorage: {maximum: 10, unit: GB}, ecpuPerSecond: {maximum: 10000}}",
        "alarms: {preset: recommended, alarmActions: [\"arn:aws:sns:us-east-1:012345678901:alerts\"]}",
    ];
    entry("serverlessCaches", "cache", &usual, lines)
}

/// `-name` takes a line away.
fn entry(section: &str, id: &str, usual: &[&str], lines: &str) -> String {
    let name = |line: &str| line.split(':').next().unwrap_or_default().trim_start_matches('-').to_owned();
    let own: Vec<&str> = lines.lines().filter(|line| !line.is_empty()).collect();
    let kept = usual.iter().filter(|line| !own.iter().any(|other| name(other) == name(line))).copied();
    let all = kept.chain(own.iter().copied().filter(|line| !line.starts_with('-')));
    format!("{HEAD}{section}:\n  {id}:\n{}", all.map(|line| format!("    {line}\n")).collect::<String>())
}

fn user(access: &str) -> String {
    format!(
        "{HEAD}users:\n  app: {{userName: app, engine: valkey, accessString: \"{access}\", passwords: [{{env: APP}}]}}\n"
    )
}

fn parameters(policy: &str) -> String {
    format!("{HEAD}parameterGroups:\n  own: {{family: valkey8, parameters: {{maxmemory-policy: {policy}}}}}\n")
}

fn alarm(actions: &str) -> String {
    format!(
        "{HEAD}alarms:\n  own: {{namespace: AWS/ElastiCache, metricName: Evictions, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 0, comparisonOperator: GreaterThanThreshold, alarmActions: {actions}}}\n"
    )
}

const TOPIC: &str = "[\"arn:aws:sns:us-east-1:012345678901:alerts\"]";

/// A group with these alarms, and a composite alarm over them with these actions.
fn composite(alarms: &str, actions: &str) -> String {
    group(&format!("alarms: {alarms}"))
        + &format!("compositeAlarms:\n  any: {{of: replicationGroup/cache, alarmActions: {actions}}}\n")
}

/// What the plan of a group in this TLS mode reads.
fn in_mode(mode: &str) -> Live {
    let mut live = Live::default();
    let group = json!({"ReplicationGroupId": "cache", "TransitEncryptionMode": mode});
    live.of_mut(Kind::ReplicationGroup).insert("cache".into(), group);
    live
}

/// A live group with these members, and alarms on these nodes.
fn live_group(members: serde_json::Value, watched: &[&str]) -> Live {
    let mut group = json!({
        "ReplicationGroupId": "cache", "Status": "available", "AutomaticFailover": "enabled", "MultiAZ": "enabled",
        "TransitEncryptionEnabled": true, "TransitEncryptionMode": "required", "SnapshotRetentionLimit": 7,
        "StorageEncryptionType": "sse-kms", "AtRestEncryptionEnabled": true, "AuthTokenEnabled": true,
        "MemberClusters": ["cache-001", "cache-002"],
    });
    group.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let of = |node: &str| json!({"AlarmName": node, "Dimensions": [{"Name": "CacheClusterId", "Value": node}]});
    Live {
        found: [
            (Kind::ReplicationGroup, [("cache".to_owned(), group)].into()),
            (Kind::Alarm, watched.iter().map(|node| ((*node).to_owned(), of(node))).collect()),
        ]
        .into(),
        ..Live::default()
    }
}

fn live_serverless(user_group: &str) -> Live {
    let cache = json!({"ServerlessCacheName": "cache", "Status": "available", "UserGroupId": user_group});
    Live { found: [(Kind::ServerlessCache, [("cache".to_owned(), cache)].into())].into(), ..Live::default() }
}

/// A live group whose members have these settings.
fn live_members(group: serde_json::Value, members: serde_json::Value) -> Live {
    let mut live = live_group(group, &[]);
    for id in ["cache-001", "cache-002"] {
        live.cache_clusters.insert(id.to_owned(), members.clone());
    }
    live
}

/// A group without alarms of its own, and an alarm beside it that watches this node.
fn group_and_alarm_on(node: &str) -> String {
    let alarm = alarm("[\"arn:aws:sns:us-east-1:012345678901:alerts\"]");
    let alarm = alarm
        .strip_prefix(HEAD)
        .unwrap()
        .replace("alarmActions", &format!("dimensions: [{{name: CacheClusterId, value: {node}}}], alarmActions"));
    group("-alarms") + &alarm
}

fn with_secret(weak: bool) -> Live {
    let key = secret::key(&Address::new(Kind::User, "app"), "passwords");
    Live { secrets: [(key, Seen { mark: String::new(), matches: true, weak })].into(), ..Live::default() }
}

/// The rule, a spec that it finds a fault in, the spec mended, and what is live beside each.
type Row = (&'static str, String, String, Option<(Live, Live)>);

fn rows() -> Vec<Row> {
    let of_group = |rule, bad: &str, good: &str| (rule, group(bad), group(good), None);
    let of_serverless = |rule, bad: &str, good: &str| (rule, serverless(bad), serverless(good), None);
    let open = "-transitEncryptionMode\n-authToken\n";
    let redis = "engine: redis\nengineVersion: \"7.1\"\n";
    // The same spec, and a live group with and without these members.
    let looked_at = |rule, lines: &str, members: serde_json::Value| {
        (rule, group(lines), group(lines), Some((live_group(members, &[]), live_group(json!({}), &[]))))
    };
    let nothing = || (json!({}), json!({}));
    let of_live = |rule, lines: &str, bad: (_, _), good: (_, _)| {
        (rule, group(lines), group(lines), Some((live_members(bad.0, bad.1), live_members(good.0, good.1))))
    };
    vec![
        of_group("tls", &format!("transitEncryptionEnabled: false\n{open}"), ""),
        of_group("tls", &format!("-transitEncryptionEnabled\n{open}"), ""),
        of_group("encryption-at-rest", "atRestEncryptionEnabled: false\n-kmsKeyId", ""),
        of_group("encryption-at-rest", &format!("{redis}-atRestEncryptionEnabled\n-kmsKeyId"), ""),
        of_group(
            "encryption-at-rest",
            "atRestEncryptionEnabled: false\n-kmsKeyId",
            "-atRestEncryptionEnabled\n-kmsKeyId",
        ),
        looked_at("encryption-at-rest", "", json!({"StorageEncryptionType": "none", "AtRestEncryptionEnabled": false})),
        looked_at(
            "encryption-at-rest",
            "-atRestEncryptionEnabled\n-kmsKeyId",
            json!({"StorageEncryptionType": "none"}),
        ),
        looked_at("tls", &format!("-transitEncryptionEnabled\n{open}"), json!({"TransitEncryptionEnabled": false})),
        looked_at(
            "auto-failover",
            "-automaticFailoverEnabled\n-multiAZEnabled",
            json!({"AutomaticFailover": "disabled"}),
        ),
        looked_at("multi-az", "-multiAZEnabled", json!({"MultiAZ": "disabled"})),
        looked_at("backup", "-snapshotRetentionLimit", json!({"SnapshotRetentionLimit": 0})),
        looked_at("auth-required", "-authToken", json!({"AuthTokenEnabled": false})),
        (
            "auth-required",
            serverless("-userGroupId"),
            serverless("-userGroupId"),
            Some((live_serverless(""), live_serverless("own"))),
        ),
        of_group("customer-managed-key", "-kmsKeyId", ""),
        of_serverless("customer-managed-key", "-kmsKeyId", ""),
        of_group("auth-required", "-authToken", ""),
        of_group("auth-required", "-authToken", "-authToken\nuserGroupIds: [own]"),
        of_serverless("auth-required", "-userGroupId", ""),
        of_group("tls-preferred", "transitEncryptionMode: preferred\n-authToken", ""),
        (
            "tls-preferred",
            group("-transitEncryptionMode"),
            group("-transitEncryptionMode"),
            Some((in_mode("preferred"), in_mode("required"))),
        ),
        of_group("auto-failover", "automaticFailoverEnabled: false\n-multiAZEnabled", ""),
        of_group(
            "auto-failover",
            "-automaticFailoverEnabled\n-multiAZEnabled",
            "-automaticFailoverEnabled\n-multiAZEnabled\n-numCacheClusters\nnumNodeGroups: 3\nreplicasPerNodeGroup: 2",
        ),
        of_group("multi-az", "multiAZEnabled: false", ""),
        of_group("backup", "snapshotRetentionLimit: 0", ""),
        of_serverless("backup", "-snapshotRetentionLimit", ""),
        of_group("auto-minor", "autoMinorVersionUpgrade: false", "autoMinorVersionUpgrade: true"),
        of_group("engine-eol", "engine: redis\nengineVersion: \"5.0.6\"\ncacheNodeType: cache.r5.large", redis),
        of_live(
            "engine-eol",
            "-engine\n-engineVersion\n-cacheParameterGroupName",
            (json!({"Engine": "redis"}), json!({"EngineVersion": "5.0.6"})),
            (json!({"Engine": "redis"}), json!({"EngineVersion": "7.1.0"})),
        ),
        of_live(
            "previous-generation",
            // Only a member of a global datastore goes without a node type.
            "globalReplicationGroupId: ldgnf-1\n-cacheNodeType\n-engine\n-engineVersion\n-cacheParameterGroupName\n-transitEncryptionEnabled\n-transitEncryptionMode\n-atRestEncryptionEnabled\n-kmsKeyId\n-authToken\n-securityGroupIds\n-automaticFailoverEnabled\n-multiAZEnabled",
            (json!({"CacheNodeType": "cache.m3.large"}), json!({})),
            (json!({"CacheNodeType": "cache.r7g.large"}), json!({})),
        ),
        of_live(
            "auto-minor",
            "",
            (json!({"AutoMinorVersionUpgrade": false}), json!({"AutoMinorVersionUpgrade": false})),
            (json!({"AutoMinorVersionUpgrade": true}), json!({"AutoMinorVersionUpgrade": true})),
        ),
        of_live("customer-managed-key", "-kmsKeyId", nothing(), (json!({"KmsKeyId": "arn:aws:kms:key/1"}), json!({}))),
        of_live(
            "default-parameter-group",
            "-cacheParameterGroupName",
            (json!({}), json!({"CacheParameterGroup": {"CacheParameterGroupName": "default.valkey8"}})),
            (json!({}), json!({"CacheParameterGroup": {"CacheParameterGroupName": "own"}})),
        ),
        of_live(
            "default-subnet-group",
            "-cacheSubnetGroupName",
            (json!({}), json!({"CacheSubnetGroupName": "default"})),
            (json!({}), json!({"CacheSubnetGroupName": "own"})),
        ),
        of_live(
            "valkey-advice",
            "-engine\n-engineVersion\n-cacheParameterGroupName",
            (json!({"Engine": "redis"}), json!({})),
            (json!({"Engine": "valkey"}), json!({})),
        ),
        of_group("valkey-advice", redis, ""),
        of_serverless("valkey-advice", "engine: redis", ""),
        of_group("default-parameter-group", "-cacheParameterGroupName", ""),
        of_group("default-parameter-group", "cacheParameterGroupName: default.valkey8", ""),
        of_group("default-subnet-group", "-cacheSubnetGroupName", ""),
        of_group("default-subnet-group", "cacheSubnetGroupName: default", ""),
        of_group("security-group", "-securityGroupIds", ""),
        of_serverless("security-group", "-securityGroupIds", ""),
        of_group("default-port", "-port", ""),
        of_group("default-port", "port: 6379", ""),
        of_group("previous-generation", &format!("cacheNodeType: cache.m3.large\n{redis}"), redis),
        of_group("read-only-replica-routing", "numCacheClusters: 2", ""),
        of_group(
            "read-only-replica-routing",
            "-numCacheClusters\nnumNodeGroups: 2\nreplicasPerNodeGroup: 1",
            "-numCacheClusters\nnumNodeGroups: 2\nreplicasPerNodeGroup: 2",
        ),
        of_group("protect", "lifecycle: {protect: false}", ""),
        of_serverless("protect", "-lifecycle", ""),
        of_group("final-snapshot", "lifecycle: {finalSnapshot: false}", "lifecycle: {finalSnapshot: true}"),
        of_group("no-alarms", "-alarms", ""),
        of_serverless("no-alarms", "-alarms", ""),
        ("no-alarms", group_and_alarm_on("other-001"), group_and_alarm_on("cache-001"), None),
        (
            "no-alarms",
            group_and_alarm_on("cache-001"),
            group_and_alarm_on("cache-001"),
            Some((live_group(json!({}), &["cache-001"]), live_group(json!({}), &["cache-001", "cache-002"]))),
        ),
        of_group("alarm-no-action", "alarms: {preset: recommended}", ""),
        ("alarm-no-action", composite("{preset: recommended}", "[]"), composite("{preset: recommended}", TOPIC), None),
        (
            "alarm-no-action",
            alarm("[]"),
            alarm("[]") + "compositeAlarms:\n  any: {rule: ALARM(own), alarmActions: " + TOPIC + "}\n",
            None,
        ),
        ("alarm-no-action", alarm("[]"), alarm("[\"arn:aws:sns:us-east-1:012345678901:alerts\"]"), None),
        of_serverless("serverless-limits", "-cacheUsageLimits", ""),
        of_serverless("serverless-limits", "cacheUsageLimits: {dataStorage: {maximum: 10, unit: GB}}", ""),
        ("maxmemory-policy", parameters("noeviction"), parameters("allkeys-lru"), None),
        ("dangerous-acl", user("on ~* +@all"), user("on ~app:* +@read +@write"), None),
        ("dangerous-acl", user("on allkeys allcommands"), user("off allkeys allcommands"), None),
        ("dangerous-acl", user("on ~app:* +@all"), user("on ~app:* +@all -@dangerous"), None),
        (
            "weak-secret",
            user("on ~app:* +@read"),
            user("on ~app:* +@read"),
            Some((with_secret(true), with_secret(false))),
        ),
        of_group("smoke-host", "smoke: {host: 10.0.0.7}", "smoke: {duration: 5s}"),
        of_serverless("smoke-host", "smoke: {host: tunnel.example.com}", "smoke: none"),
        of_group("placeholder", "securityGroupIds: [sg-replace-me]", "securityGroupIds: [sg-1]"),
        of_serverless("placeholder", "subnetIds: [subnet-replace-me-1, subnet-2]", ""),
    ]
}

/// The rules that find a fault, with all of them turned on.
fn found(text: &str, live: Option<&Live>) -> Vec<String> {
    let text = format!("{text}policy: {{lint: {{\"*\": warn}}}}\n");
    let loaded = spec::from_text(&text);
    let spec = loaded.spec.as_ref().unwrap_or_else(|| panic!("{:#?}\n{text}", loaded.diagnostics));
    let findings = lint::findings(spec, live, &loaded.sources, TODAY);
    assert!(findings.iter().all(|finding| finding.severity == Severity::Warn && finding.line > 0), "{findings:#?}");
    findings.into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn each_rule_finds_its_fault_and_nothing_once_it_is_mended() {
    for (rule, bad, good, live) in rows() {
        let (bad_live, good_live) = live.map_or((None, None), |(bad, good)| (Some(bad), Some(good)));
        assert!(found(&bad, bad_live.as_ref()).contains(&rule.to_owned()), "{rule} finds nothing in\n{bad}");
        assert!(!found(&good, good_live.as_ref()).contains(&rule.to_owned()), "{rule} finds a fault in\n{good}");
    }
}

#[test]
fn no_rule_is_without_a_row_and_a_spec_that_follows_them_all_has_no_findings() {
    let rows = rows();
    for rule in RULES {
        assert!(rows.iter().any(|row| row.0 == rule.id), "{} has no row", rule.id);
    }
    assert_eq!(found(&group(""), None), Vec::<String>::new());
    assert_eq!(found(&serverless(""), None), Vec::<String>::new());
}

#[test]
fn a_policy_turns_rules_off_up_and_down_and_a_waiver_has_an_end() {
    let with = |policy: &str| {
        let text = format!("{}policy: {policy}\n", group("multiAZEnabled: false"));
        let loaded = spec::from_text(&text);
        let spec = loaded.spec.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
        let findings = lint::findings(&spec, None, &loaded.sources, TODAY);
        findings.into_iter().map(|finding| (finding.rule, finding.severity)).collect::<Vec<_>>()
    };
    let is = |severity| vec![("multi-az".to_owned(), severity)];
    assert_eq!(with("{lint: {multi-az: warn}}"), is(Severity::Warn));
    assert_eq!(with("{lint: {multi-az: error, \"*\": none}}"), is(Severity::Error));
    assert_eq!(with("{lint: {\"*\": info, default-port: none}}"), is(Severity::Info));
    assert_eq!(with("{lint: {multi-az: none}}"), []);
    let waiver = |until: &str| {
        with(&format!(
            "{{waivers: [{{rule: multi-az, resource: \"replicationGroup/*\", reason: known, until: {until}}}]}}"
        ))
    };
    assert_eq!(waiver(TODAY), []);
    let ended = waiver("2026-11-26");
    assert!(
        ended.contains(&("multi-az".to_owned(), Severity::Warn)) && ended.iter().any(|(rule, _)| rule == "waiver"),
        "{ended:?}"
    );
}

#[test]
fn a_finding_says_which_half_is_missing() {
    let said = |rule: &str, lines: &str, live: Option<Live>| {
        let loaded = spec::from_text(&group(lines));
        let spec = loaded.spec.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
        let findings = lint::findings(&spec, live.as_ref(), &loaded.sources, TODAY);
        findings.into_iter().find(|finding| finding.rule == rule).map(|finding| finding.message).unwrap_or_default()
    };
    let open = "-authToken\n-atRestEncryptionEnabled\n-kmsKeyId\n-alarms";
    let bare = || {
        Some(live_group(
            json!({"StorageEncryptionType": "none", "AtRestEncryptionEnabled": false, "AuthTokenEnabled": false}),
            &[],
        ))
    };
    for (rule, lines, live, words) in [
        ("auth-required", open, None, "is declared"),
        ("auth-required", open, bare(), "declared or live"),
        ("auth-required", "-authToken\nuserGroupIds: []", bare(), "the spec removes"),
        ("encryption-at-rest", "", bare(), "declared, and the live group has none"),
        ("encryption-at-rest", open, bare(), "off, and the spec does not ask for it"),
        (
            "encryption-at-rest",
            "engine: redis\nengineVersion: \"7.1\"\n-atRestEncryptionEnabled\n-kmsKeyId",
            None,
            "AWS's default is off",
        ),
        (
            "engine-eol",
            "-engine\n-engineVersion\n-cacheParameterGroupName",
            Some(live_members(json!({"Engine": "redis"}), json!({"EngineVersion": "5.0.6"}))),
            "5.0.6, live and not declared",
        ),
        (
            "security-group",
            "-securityGroupIds",
            Some(live_members(json!({}), json!({"SecurityGroups": [{"SecurityGroupId": "sg-7"}]}))),
            "live are sg-7",
        ),
        ("no-alarms", open, None, "no alarms of the spec"),
        ("no-alarms", open, bare(), "declared or live"),
        ("no-alarms", open, Some(live_group(json!({}), &["cache-001"])), "the spec has none of them"),
    ] {
        let found = said(rule, lines, live);
        assert!(found.contains(words), "{rule} with {lines:?} says {found:?}, not {words:?}");
    }
}

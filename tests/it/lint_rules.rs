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

/// What the plan of a group in this TLS mode reads.
fn in_mode(mode: &str) -> Live {
    let mut live = Live::default();
    let group = json!({"ReplicationGroupId": "cache", "TransitEncryptionMode": mode});
    live.of_mut(Kind::ReplicationGroup).insert("cache".into(), group);
    live
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
    vec![
        of_group("tls", &format!("transitEncryptionEnabled: false\n{open}"), ""),
        of_group("tls", &format!("-transitEncryptionEnabled\n{open}"), ""),
        of_group("encryption-at-rest", "atRestEncryptionEnabled: false\n-kmsKeyId", ""),
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
        of_group("alarm-no-action", "alarms: {preset: recommended}", ""),
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

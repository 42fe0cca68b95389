//! "Done" is said of what was seen to be done, and of all of it.

use cachectl_sandbox::{FailureKind, Fault, Options, Quotas};

use crate::endpoint::{Answer, Endpoint};
use crate::harness::{World, path, small};
use crate::rig::{Rig, by_hand};
use crate::servers::await_that;

const CHAT: &str = r#"
apiVersion: cachectl/v1
stack: chat
region: us-east-1
parameterGroups:
  chat-params: {family: redis7, parameters: {maxmemory-policy: allkeys-lru}}
replicationGroups:
  chat: {description: chat, engine: redis, engineVersion: "7.1", cacheNodeType: cache.t4g.small, numCacheClusters: 2, automaticFailoverEnabled: true, transitEncryptionEnabled: true, cacheParameterGroupName: chat-params, applyImmediately: false}
"#;

#[test]
fn what_is_to_wait_for_the_window_is_sent_again_while_the_group_is_busy_and_waits_then() {
    let rig = Rig::with(CHAT, Options { time_scale: 0.01, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&CHAT.replace("allkeys-lru", "noeviction").replace("t4g.small", "t4g.medium"));
    let ran = rig.run(&["apply", "--yes", "--no-smoke", "--detailed-exitcode"]).exits(7);
    assert!(!ran.all().contains("already carried out"), "{}", ran.all());
    rig.run(&["plan"]).exits(0).says("cache.t4g.medium");
}

#[test]
fn an_alarm_whose_description_ends_in_a_line_end_converges() {
    let alarm = "alarms:\n  lonely:\n    namespace: AWS/ElastiCache\n    metricName: Evictions\n    statistic: Sum\n    period: 60\n    evaluationPeriods: 1\n    threshold: 1\n    comparisonOperator: GreaterThanThreshold\n    dimensions: [{name: CacheClusterId, value: cache-001}]\n    description: |\n      First line.\n      Second line.\n";
    let world = World::new();
    let spec = world.spec("cachectl.yaml", &(small("") + alarm));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    world.run(&["plan", path(&spec), "--detailed-exitcode"]).exits(0).says("No changes.");
}

#[test]
fn commands_of_an_access_string_in_another_case_are_no_change() {
    let user = |access: &str| {
        format!(
            "apiVersion: cachectl/v1\nstack: users\nregion: us-east-1\nusers:\n  app: {{userName: app, engine: valkey, authenticationMode: {{type: iam}}, accessString: \"{access}\"}}\n"
        )
    };
    let world = World::new();
    let spec = world.spec("cachectl.yaml", &user("on ~App:* +GET +@Read -FLUSHALL"));
    world.run(&["apply", path(&spec), "--yes"]).exits(0);
    world.run(&["plan", path(&spec), "--detailed-exitcode"]).exits(0);
    world.spec("cachectl.yaml", &user("on ~App:* +get +@read -flushall"));
    world.run(&["plan", path(&spec), "--detailed-exitcode"]).exits(0);
    world.spec("cachectl.yaml", &user("on ~app:* +get +@read -flushall"));
    world.run(&["plan", path(&spec), "--detailed-exitcode"]).exits(2);
}

#[test]
fn a_cache_that_is_found_on_its_way_is_tested_and_one_that_did_not_change_is_named() {
    let rig = Rig::with(&small(""), Options { time_scale: 0.01, ..Options::default() });
    let mut running = rig.start(&["apply", "--yes", "--no-smoke"]);
    rig.begun("CreateReplicationGroup", &mut running);
    running.kill();
    let ran = rig.run(&["apply", "--yes"]);
    ran.says("Smoke test of replicationGroup/cache");
    rig.run(&["apply", "--yes"]).exits(0).says("Not tested, since nothing changed: replicationGroup/cache");
}

#[test]
fn the_first_hop_of_a_cache_with_alarms_is_a_success() {
    let state = |mode: &str| {
        format!(
            r#"
apiVersion: cachectl/v1
stack: state
region: us-east-1
parameterGroups:
  state-on: {{family: redis7, parameters: {{cluster-enabled: "yes"}}}}
replicationGroups:
  state: {{description: state, engine: redis, engineVersion: "7.1", cacheNodeType: cache.t4g.small, numCacheClusters: 2, automaticFailoverEnabled: true, transitEncryptionEnabled: true, {mode}}}
alarms:
  memory: {{for: replicationGroup/state, namespace: AWS/ElastiCache, metricName: DatabaseMemoryUsagePercentage, statistic: Average, period: 60, evaluationPeriods: 5, threshold: 80, comparisonOperator: GreaterThanThreshold}}
"#
        )
    };
    let rig = Rig::new(&state("clusterMode: disabled"));
    rig.apply().exits(0);
    rig.spec(&state("clusterMode: enabled, cacheParameterGroupName: state-on"));
    rig.apply().exits(0).says("The next plan holds the next hop of replicationGroup/state");
    rig.apply().exits(0);
    rig.settled();
}

#[test]
fn a_parameter_that_needs_a_reboot_waits_for_one_or_gets_it_in_the_same_run() {
    let spec = |databases: u32| {
        format!(
            "apiVersion: cachectl/v1\nstack: small\nregion: us-east-1\nparameterGroups:\n  params: {{family: valkey8, parameters: {{databases: \"{databases}\"}}}}\n{}",
            small("cacheParameterGroupName: params").split_once("region: us-east-1\n").expect("a spec").1
        )
    };
    let rig = Rig::with(&spec(16), Options { time_scale: 0.01, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&spec(20));
    let ran = rig.run(&["apply", "--yes", "--no-smoke", "--detailed-exitcode"]).exits(7);
    ran.says("waits for the maintenance window or a reboot").says("only pending changes are left");
    assert_eq!(rig.called("RebootCacheCluster"), 0);
    let rig = Rig::with(&spec(16), Options { time_scale: 0.01, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&spec(20));
    let allowed = ["apply", "--yes", "--no-smoke", "--detailed-exitcode", "--allow", "reboot:*"];
    rig.run(&allowed).exits(0);
    assert_eq!(rig.accepted("RebootCacheCluster"), 2);
    rig.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_log_that_aws_takes_and_cannot_deliver_is_no_success_and_its_message_is_told() {
    let logs = "logDeliveryConfigurations: [{logType: slow-log, destinationType: cloudwatch-logs, destinationDetails: {cloudWatchLogsDetails: {logGroup: /cache/slow}}, logFormat: json}]";
    let rig = Rig::new(&small(""));
    rig.apply().exits(0);
    rig.sandbox.fail_next(FailureKind::LogDeliveryFailed, Some("cache"));
    rig.spec(&small(logs));
    rig.apply().exits(6).says("the slow-log cannot be delivered: Access denied to the log delivery destination");
    // Once somebody has seen to the destination, the same spec asks for it again.
    rig.run(&["plan"]).exits(0).says("AWS could not deliver the slow-log");
    rig.apply().exits(0);
    rig.settled();
}

#[test]
fn what_waits_against_the_spec_is_a_change_and_a_step_takes_it_back() {
    let rig = Rig::with(CHAT, Options { time_scale: 0.01, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&CHAT.replace("t4g.small", "t4g.medium"));
    rig.run(&["apply", "--yes", "--no-smoke", "--detailed-exitcode"]).exits(7);
    rig.spec(CHAT);
    let plan = rig.run(&["plan", "--detailed-exitcode"]).exits(2);
    plan.says("pending: cacheNodeType cache.t4g.medium, which contradicts the spec")
        .says("CacheNodeType=cache.t4g.small");
    let json = rig.run(&["plan", "--format", "json"]).exits(0).json();
    assert_eq!(json["changes"][0]["pending"][0]["contradicts"], true, "{json}");
    rig.run(&["apply", "--yes", "--no-smoke", "--detailed-exitcode"]).exits(0).says("no changes are left");
    assert!(!rig.sandbox.open_maintenance_window("chat").expect("a window"), "nothing may wait any more");
    rig.run(&["plan", "--detailed-exitcode"]).exits(0).says("No changes.");
}

#[test]
fn what_is_taken_back_carries_out_nothing_else_that_waits() {
    let shop = |node_type: &str, version: &str| {
        small("applyImmediately: false").replace("cache.t4g.small", node_type).replace("\"8.0\"", version)
    };
    let rig = Rig::with(&shop("cache.t4g.small", "\"7.2\""), Options { time_scale: 0.01, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&shop("cache.t4g.medium", "\"8.0\""));
    rig.run(&["apply", "--yes", "--no-smoke", "--detailed-exitcode"]).exits(7);
    rig.spec(&shop("cache.t4g.small", "\"8.0\""));
    rig.run(&["plan", "--detailed-exitcode"]).exits(2);
    rig.run(&["apply", "--yes", "--no-smoke", "--detailed-exitcode"]).exits(7);
    let plan = rig.run(&["plan", "--detailed-exitcode"]).exits(7);
    let plan = plan.says("engineVersion 8.0");
    assert!(!plan.all().contains("cacheNodeType"), "{}", plan.all());
    assert!(rig.sandbox.open_maintenance_window("cache").expect("a window"), "the version waits");
    rig.run(&["apply", "--yes", "--no-smoke", "--detailed-exitcode"]).exits(0);
    rig.run(&["status"]).says("valkey 8.0").says("cache.t4g.small");
}

#[test]
fn what_aws_does_not_take_back_is_told_as_not_done_and_nobody_waits_for_it() {
    let rig = Rig::with(CHAT, Options { time_scale: 0.01, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&CHAT.replace("t4g.small", "t4g.medium"));
    rig.run(&["apply", "--yes", "--no-smoke", "--detailed-exitcode"]).exits(7);
    rig.spec(CHAT);
    let unmoved = Fault::error(400, "InvalidParameterCombination", "No modifications were requested");
    rig.sandbox.inject(unmoved.on("ModifyReplicationGroup"));
    rig.apply().exits(1).says("cacheNodeType cache.t4g.medium still waits for the maintenance window");
}

#[test]
fn what_is_left_and_blocked_after_the_last_step_is_no_success() {
    let user = "users:\n  app: {userName: app, engine: valkey, authenticationMode: {type: iam}, accessString: on ~app:* +get}\n";
    // Seconds to create the group.
    let rig = Rig::with(&(small("") + user), Options { time_scale: 0.02, ..Options::default() });
    let mut running = rig.start(&["apply", "--yes", "--no-smoke"]);
    rig.begun("CreateReplicationGroup", &mut running);
    rig.begun("CreateUser", &mut running);
    // Somebody changes the user meanwhile, whose tags can be read no more.
    await_that("the user is changed", || {
        rig.by_hand("ModifyUser", "UserId=app&AccessString=on%20~app:*%20%2Bset").contains("ModifyUserResult")
    });
    assert!(!running.ended(), "the group came too early for this test");
    for operation in ["GetResources", "ListTagsForResource"] {
        rig.sandbox.inject(Fault::access_denied().on(operation));
    }
    let ran = running.end().exits(6).says("what is left is blocked: user/app");
    assert!(!ran.all().contains("no changes are left"), "{}", ran.all());
}

#[test]
fn more_alarms_than_the_endpoint_takes_a_second_are_all_put() {
    let shards = "numNodeGroups: 3\nreplicasPerNodeGroup: 1\nalarms: {preset: recommended}";
    let spec = small(shards).replace("    numCacheClusters: 2\n", "");
    let rig = Rig::new(&spec);
    rig.sandbox.set_quotas(Quotas { call_rates: true, ..Quotas::default() });
    rig.apply().exits(0).says("no changes are left");
    assert_eq!(rig.accepted("PutMetricAlarm"), 54);
}

#[test]
fn what_an_alarm_carries_and_the_spec_leaves_out_is_kept_over_the_wire() {
    let alarm = |threshold: u8, more: &str| {
        format!(
            "apiVersion: cachectl/v1\nstack: demo\nregion: us-east-1\nalarms:\n  a:\n    namespace: AWS/ElastiCache\n    metricName: Evictions\n    dimensions: [{{name: CacheClusterId, value: c-001}}]\n    statistic: Sum\n    period: 300\n    evaluationPeriods: 3\n    comparisonOperator: GreaterThanThreshold\n    threshold: {threshold}\n{more}"
        )
    };
    let whole = "    description: as it was\n    datapointsToAlarm: 2\n    unit: Count\n    treatMissingData: breaching\n    actionsEnabled: false\n    okActions: [\"arn:aws:sns:us-east-1:012345678901:a\"]\n    warmUpConfiguration: {warmUpPeriodDurationInMinutes: 7, onlyStartEvaluatingAfterWarmUpPeriodEnds: true}\n    evaluationWindow: {wallClockWindow: {timezone: Europe/Vienna}}\n    actionConfiguration: {alarmTagsPropagation: {enabled: true, excludedTagKeys: [team]}}\n";
    let rig = Rig::with(&alarm(1, whole), Options { time_scale: 0.0, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&alarm(2, ""));
    rig.apply().exits(0);
    assert_eq!(rig.accepted("PutMetricAlarm"), 2);
    // A spec that declares all of it finds all of it, and the new threshold.
    rig.spec(&alarm(2, whole));
    rig.run(&["plan"]).exits(0).says("No changes.");
    rig.spec(&alarm(1, whole));
    rig.run(&["plan", "--detailed-exitcode"]).exits(2);
}

#[test]
fn what_is_under_way_against_the_spec_and_cannot_be_stopped_ends_an_apply_with_6_and_no_call() {
    let rig = Rig::with(&small(""), Options { time_scale: 0.0, ..Options::default() });
    rig.apply().exits(0);
    // The group is at rest, and something of it is on its way to another value: as AWS tells it for a moment.
    let behind = rig.sandbox.endpoint();
    let endpoint = Endpoint::new(move |asked| {
        if !asked.headers.contains("/elasticache/") {
            return Answer::Usual;
        }
        let more = asked.body.split('&').filter(|part| !part.starts_with("Action=") && !part.starts_with("Version="));
        let answer = by_hand(&behind, &asked.operation, &more.collect::<Vec<_>>().join("&"));
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let pending =
            "<PendingModifiedValues><TransitEncryptionEnabled>false</TransitEncryptionEnabled></PendingModifiedValues>";
        let body = match asked.operation.as_str() {
            "DescribeReplicationGroups" => body
                .replace("<PendingModifiedValues/>", "")
                .replace("<PendingModifiedValues></PendingModifiedValues>", "")
                .replacen("<ReplicationGroupId>", &format!("{pending}<ReplicationGroupId>"), 1),
            _ => body.to_owned(),
        };
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        if status == 200 {
            Answer::Xml(body)
        } else {
            Answer::Status(status, "content-type: text/xml\r\n".to_owned(), body)
        }
    });
    rig.sandbox.clear_calls();
    let url = endpoint.url();
    let plan = rig.run(&["plan", "--detailed-exitcode", "--endpoint-url", &url]).exits(2);
    plan.says("pending: transitEncryptionEnabled false, which contradicts the spec");
    let apply = rig.run(&["apply", "--yes", "--no-smoke", "--endpoint-url", &url]).exits(6);
    apply
        .says("AWS is carrying out what the spec contradicts, and no call stops that")
        .says("run the same command again");
    assert_eq!(rig.writes(), Vec::<String>::new());
    // Once it is through without harm, the same command finds nothing left.
    rig.apply().exits(0);
}

//! Every writable member of the API has its place in the spec. The members are botocore's, written down by
//! `schema/coverage.py`.

use cachectl::model::Kind;
use cachectl::model::shape::{Field, Shape};
use serde_json::Value;

const MEMBERS: &str = include_str!("../../schema/api-members.json");

const CALLS: &[(&str, Kind)] = &[
    ("CreateReplicationGroup", Kind::ReplicationGroup),
    ("ModifyReplicationGroup", Kind::ReplicationGroup),
    ("ModifyReplicationGroupShardConfiguration", Kind::ReplicationGroup),
    ("IncreaseReplicaCount", Kind::ReplicationGroup),
    ("DecreaseReplicaCount", Kind::ReplicationGroup),
    ("CreateServerlessCache", Kind::ServerlessCache),
    ("ModifyServerlessCache", Kind::ServerlessCache),
    ("CreateUser", Kind::User),
    ("ModifyUser", Kind::User),
    ("CreateUserGroup", Kind::UserGroup),
    ("ModifyUserGroup", Kind::UserGroup),
    ("CreateCacheParameterGroup", Kind::ParameterGroup),
    ("ModifyCacheParameterGroup", Kind::ParameterGroup),
    ("CreateCacheSubnetGroup", Kind::SubnetGroup),
    ("ModifyCacheSubnetGroup", Kind::SubnetGroup),
    ("PutMetricAlarm", Kind::Alarm),
    ("PutCompositeAlarm", Kind::CompositeAlarm),
];

/// Members without a field of their name, and why. `*` is any call.
const EXCLUDED: &[(&str, &str, &str)] = &[
    ("*", "ReplicationGroupId", "the key under replicationGroups"),
    ("*", "ServerlessCacheName", "the key under serverlessCaches"),
    ("*", "UserId", "the key under users"),
    ("*", "UserGroupId", "the key under userGroups; of a serverless cache it has its place"),
    ("*", "CacheParameterGroupName", "the key under parameterGroups; of a group it has its place"),
    ("*", "CacheSubnetGroupName", "the key under subnetGroups; of a group it has its place"),
    ("*", "AlarmName", "the key under alarms"),
    ("*", "CacheSecurityGroupNames", "EC2-Classic"),
    ("*", "ReplicaConfiguration.PreferredOutpostArns", "Outposts"),
    ("*", "LogDeliveryConfigurations.Enabled", "a log that is in the list is on, one that is taken out is off"),
    (
        "ModifyReplicationGroup",
        "AuthTokenUpdateStrategy",
        "the plan chooses it: ROTATE, then SET; DELETE with user groups",
    ),
    ("ModifyReplicationGroup", "NotificationTopicStatus", "notificationTopicArn: null is inactive"),
    ("ModifyReplicationGroup", "NodeGroupId", "deprecated by AWS"),
    ("ModifyReplicationGroup", "UserGroupIdsToAdd", "the plan makes it from userGroupIds"),
    ("ModifyReplicationGroup", "UserGroupIdsToRemove", "the plan makes it from userGroupIds"),
    ("ModifyReplicationGroup", "RemoveUserGroups", "userGroupIds: []"),
    ("ModifyReplicationGroupShardConfiguration", "NodeGroupCount", "numNodeGroups"),
    ("ModifyReplicationGroupShardConfiguration", "NodeGroupsToRemove", "the plan takes the last shards"),
    ("ModifyReplicationGroupShardConfiguration", "NodeGroupsToRetain", "the plan takes the last shards"),
    ("ModifyReplicationGroupShardConfiguration", "ReshardingConfiguration", "zones of new shards are AWS's choice"),
    ("*", "NewReplicaCount", "numCacheClusters or replicasPerNodeGroup"),
    ("*", "ReplicaConfiguration", "nodeGroupConfiguration's replicaCount, by shard"),
    ("DecreaseReplicaCount", "ReplicasToRemove", "the plan chooses replicas, never primaries"),
    ("CreateServerlessCache", "Integrations", "not in the SDK yet: `explain integrations`"),
    ("ModifyServerlessCache", "RemoveUserGroup", "userGroupId: null"),
    ("*", "AuthenticationMode.Passwords", "the user's own passwords say the same"),
    ("ModifyUser", "AppendAccessString", "accessString is the whole of it"),
    ("ModifyUserGroup", "UserIdsToAdd", "the plan makes it from userIds"),
    ("ModifyUserGroup", "UserIdsToRemove", "the plan makes it from userIds"),
];

fn excluded(call: &str, path: &str) -> bool {
    EXCLUDED.iter().any(|(of, member, _)| (*of == "*" || *of == call) && *member == path)
}

fn api() -> Value {
    serde_json::from_str(MEMBERS).expect("schema/api-members.json")
}

fn members(call: &str) -> Value {
    api()["calls"][call].clone()
}

/// Members of `found` that neither `fields` nor the list of exclusions know.
fn missing(call: &str, above: &str, found: &Value, fields: &[Field], out: &mut Vec<String>) {
    for (member, inner) in found.as_object().into_iter().flatten() {
        let path = if above.is_empty() { member.clone() } else { format!("{above}.{member}") };
        // cachectl's own fields have no member; `applyImmediately` is the call's flag under its own name.
        let field = fields
            .iter()
            .find(|field| field.member == member || (member == "ApplyImmediately" && field.name == "applyImmediately"));
        match field {
            None if excluded(call, &path) => {}
            None => out.push(format!("{call}.{path}")),
            Some(field) => nested(call, &path, inner, &field.shape, out),
        }
    }
}

fn nested(call: &str, path: &str, found: &Value, shape: &Shape, out: &mut Vec<String>) {
    match (found, shape) {
        (Value::Array(items), Shape::List { of, .. }) => nested(call, path, &items[0], of, out),
        // Tags and parameters are lists of names and values in the API, and maps in the spec.
        (Value::Array(_), Shape::Map { .. }) => {}
        (Value::Object(_), Shape::Object(fields)) => missing(call, path, found, fields, out),
        (Value::Object(_) | Value::Array(_), _) => out.push(format!("{call}.{path} has parts, its field has none")),
        (Value::String(words), Shape::Enum(known)) if words.contains('|') => {
            // A word that AWS has added since.
            let unknown = words.split('|').filter(|word| !known.iter().any(|known| known.eq_ignore_ascii_case(word)));
            out.extend(unknown.map(|word| format!("{call}.{path}: the word {word}")));
        }
        _ => {}
    }
}

#[test]
fn every_writable_member_of_the_api_has_a_place_in_the_spec() {
    let mut out = Vec::new();
    for (call, kind) in CALLS {
        let fields: Vec<Field> = kind.attributes().iter().map(|attribute| attribute.field).collect();
        let found = members(call);
        assert!(found.is_object(), "schema/api-members.json has no {call}");
        missing(call, "", &found, &fields, &mut out);
    }
    assert!(out.is_empty(), "without a place:\n{}", out.join("\n"));
}

#[test]
fn the_calls_of_every_kind_that_a_spec_declares_are_held_against_the_api() {
    for kind in Kind::ALL.into_iter().filter(|kind| kind.companion().is_none()) {
        let calls = kind.row().calls;
        for operation in [calls.create, calls.modify] {
            assert!(CALLS.contains(&(operation.name(), kind)), "{operation}: in CALLS here and in schema/coverage.py");
        }
    }
}

#[test]
fn no_exclusion_outlives_its_member() {
    fn has(found: &Value, path: &str) -> bool {
        let found = found.get(0).unwrap_or(found);
        match path.split_once('.') {
            Some((first, rest)) => found.get(first).is_some_and(|inner| has(inner, rest)),
            None => found.get(path).is_some(),
        }
    }
    for (call, path, _) in EXCLUDED {
        let calls = CALLS.iter().filter(|(name, _)| *call == "*" || name == call);
        assert!(calls.into_iter().any(|(name, _)| has(&members(name), path)), "{call}.{path} is no member any more");
    }
}

#[test]
fn every_field_is_named_by_the_rule() {
    // A member in lowerCamelCase: a leading run of capitals goes lower, but for its last where a word follows.
    fn camel(member: &str) -> String {
        let capitals = member.chars().take_while(char::is_ascii_uppercase).count();
        let run = if capitals > 1 && capitals < member.len() { capitals - 1 } else { capitals };
        member[..run].to_ascii_lowercase() + &member[run..]
    }
    fn walk(prefixes: &[&str], fields: &[Field], out: &mut Vec<String>) {
        for field in fields.iter().filter(|field| !field.member.is_empty()) {
            let short = prefixes.iter().find_map(|prefix| field.member.strip_prefix(prefix));
            let named = camel(field.member) == field.name || short.is_some_and(|short| camel(short) == field.name);
            // `ECPUPerSecond` and `OKActions` are spelt out by the contract.
            let spelt =
                [("ECPUPerSecond", "ecpuPerSecond"), ("OKActions", "okActions"), ("ParameterNameValues", "parameters")];
            if !named && !spelt.contains(&(field.member, field.name)) {
                out.push(format!("{} is {}", field.member, field.name));
            }
            let mut shape = field.shape;
            while let Shape::List { of, .. } | Shape::Map { of, .. } | Shape::OrNone(of) = shape {
                shape = *of;
            }
            if let Shape::Object(fields) = shape {
                walk(&[], fields, out);
            }
        }
    }
    let mut out = Vec::new();
    for kind in Kind::ALL {
        let fields: Vec<Field> = kind.attributes().iter().map(|attribute| attribute.field).collect();
        let prefixes = ["ReplicationGroup", "CacheParameterGroup", "CacheSubnetGroup", "Alarm", "Dashboard"];
        let own = match kind {
            Kind::Dashboard => &prefixes[4..],
            kind if kind.is_alarm() => &prefixes[3..4],
            _ => &prefixes[..3],
        };
        walk(own, &fields, &mut out);
    }
    assert!(out.is_empty(), "{out:?}");
}

/// `describe_cache_clusters` is `DescribeCacheClusters`.
fn operation(method: &str) -> String {
    let capital = |word: &str| word.get(..1).map(|first| first.to_uppercase() + &word[1..]);
    method.split('_').filter_map(capital).collect()
}

#[test]
fn every_answer_that_is_read_is_compared_with_the_newest_api() {
    let api = api();
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/aws")];
    let (mut seen, mut unwatched) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("src/aws") {
            let path = entry.expect("a file").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            // What the calls that list in pages are called stands in quotes.
            for name in text.split('"').skip(1).step_by(2) {
                let reads =
                    ["Describe", "List", "Get"].iter().any(|verb| name.len() > verb.len() && name.starts_with(verb));
                let own = ["GetCallerIdentity", "GetParameter", "GetSecretValue"];
                if reads && !own.contains(&name) && name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    unwatched.extend((!api["answers"][name].is_object()).then(|| name.to_owned()));
                }
            }
            for part in
                text.split('.').filter(|part| ["describe_", "list_", "get_"].iter().any(|verb| part.starts_with(verb)))
            {
                let Some((method, _)) = part.split_once("()") else { continue };
                let own = ["get_caller_identity", "get_parameter", "get_secret_value"];
                if own.contains(&method) || !method.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
                    continue;
                }
                seen += 1;
                let name = operation(method);
                unwatched.extend((!api["answers"][&name].is_object()).then_some(name));
            }
        }
    }
    assert!(seen > 10 && unwatched.is_empty(), "{seen} calls, not in schema/coverage.py: {unwatched:?}");
}

#[test]
fn members_of_answers_operations_and_errors_are_news_too() {
    let script = r#"
import sys
sys.path.insert(0, "schema")
sys.dont_write_bytecode = True
from coverage import drift
before = {"calls": {"CreateUser": {"UserId": "string"}}, "answers": {"DescribeAlarms": {"MetricAlarms": [{"AlarmName": "string"}]}},
          "operations": {"cloudwatch": ["PutMetricAlarm"]}, "errors": {"CreateUser": ["UserQuotaExceeded"]}}
after = {"calls": {"CreateUser": {"UserId": "string", "Shoe": "string"}},
         "answers": {"DescribeAlarms": {"MetricAlarms": [{"AlarmName": "string"}], "LogAlarms": [{"AlarmName": "string"}]}},
         "operations": {"cloudwatch": ["PutLogAlarm", "PutMetricAlarm"]}, "errors": {"CreateUser": ["UserIsTired"]}}
print("\n".join(drift(before, after)))
assert not list(drift(after, after))
"#;
    let mut python = std::process::Command::new("python3");
    let ran = python.args(["-c", script]).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("python3");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let told = String::from_utf8_lossy(&ran.stdout);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines,
        [
            "+ CreateUser.Shoe: no place in the spec",
            "+ DescribeAlarms.LogAlarms: in an answer that is read",
            "+ DescribeAlarms.LogAlarms.AlarmName: in an answer that is read",
            "+ cloudwatch: the operation PutLogAlarm",
            "+ CreateUser: the error UserIsTired",
            "- CreateUser: the error UserQuotaExceeded",
        ]
    );
}

//! The journal, and what is left when a run is interrupted.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use cachectl_sandbox::{Fault, Options};
use serde_json::{Value, json};

use crate::rig::Rig;

const SECRET: &str = "0123456789abcdef-secret";

const STACK: &str = r#"
apiVersion: cachectl/v1
stack: journal
region: us-east-1
users:
  journal-app: {userName: app, engine: valkey, accessString: "on ~app:* +@read", passwords: [{secretsManager: journal}]}
userGroups:
  journal-users: {engine: valkey, userIds: [journal-app]}
replicationGroups:
  journal:
    description: A cache
    engine: valkey
    engineVersion: "7.2"
    cacheNodeType: cache.t4g.small
    numCacheClusters: 2
    automaticFailoverEnabled: true
    transitEncryptionEnabled: true
    userGroupIds: [journal-users]
"#;

const APPLY: &[&str] = &["apply", "--yes", "--no-smoke", "--events", "events.jsonl"];

/// A group takes this part of AWS's five minutes.
fn stack(time_scale: f64) -> Rig {
    let rig = Rig::with(STACK, Options { time_scale, ..Options::default() });
    rig.sandbox.set_secret("journal", SECRET);
    rig
}

fn lines(rig: &Rig) -> Vec<Value> {
    rig.read("events.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_type<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == name).collect()
}

#[test]
fn every_call_retry_state_and_result_is_a_line_as_the_schema_says_and_none_holds_a_secret() {
    let rig = stack(0.001);
    rig.sandbox.inject(Fault::throttle().on("CreateUserGroup").times(1));
    rig.run(APPLY).exits(0);
    let lines = lines(&rig);
    let schema: Value = serde_json::from_str(include_str!("../../schema/events.schema.json")).unwrap();
    lines.iter().for_each(|line| fits(line, &schema));

    assert_eq!(of_type(&lines, "call").iter().filter(|call| call["operation"] == "CreateUserGroup").count(), 1);
    let calls = of_type(&lines, "call").iter().map(|call| call["attempts"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(calls as usize, rig.sandbox.calls().len() - 1, "all but the look at whose account it is");
    let retry = of_type(&lines, "retry")[0];
    assert_eq!(
        (&retry["operation"], &retry["attempt"], &retry["status"]),
        (&json!("CreateUserGroup"), &json!(2), &json!(400))
    );
    let results = of_type(&lines, "result");
    assert_eq!(results.len(), 3);
    assert!(results.iter().all(|line| line["result"]["requestId"].is_string()), "{results:#?}");
    assert!(of_type(&lines, "state").iter().any(|line| line["state"]["status"] == "creating"));
    assert_eq!(lines.last().unwrap()["exit"], 0);
    assert!(!rig.read("events.jsonl").contains(SECRET));
}

/// As much of JSON Schema as this one uses.
fn fits(line: &Value, schema: &Value) {
    let variants = schema["oneOf"].as_array().unwrap();
    let variant = variants.iter().find(|variant| variant["properties"]["type"]["const"] == line["type"]);
    let variant = variant.unwrap_or_else(|| panic!("no such type: {line}"));
    for name in variant["required"].as_array().unwrap() {
        assert!(line.get(name.as_str().unwrap()).is_some(), "{name} is missing: {line}");
    }
    for (name, value) in line.as_object().unwrap() {
        let property = variant["properties"].get(name).or_else(|| schema["properties"].get(name));
        let property = property.unwrap_or_else(|| panic!("{name} is not in the schema: {line}"));
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let allowed = match &property["type"] {
            Value::Array(kinds) => kinds.iter().any(|allowed| allowed == kind),
            Value::Null => property["const"] == *value,
            allowed => allowed == kind || (allowed == "number" && kind == "integer"),
        };
        assert!(allowed, "{name}: {line}");
    }
}

#[test]
fn ctrl_c_and_kill_send_nothing_more_and_name_what_goes_on_and_how_to_resume() {
    for signal in ["INT", "TERM"] {
        // Three seconds.
        let rig = stack(0.01);
        let mut running = rig.start(APPLY);
        rig.begun("CreateReplicationGroup", &mut running);
        // The second look after the call begins when the first was read.
        rig.looked(2, &mut running);
        running.signal(signal);
        let ended = running.end().exits(130);
        let calls = rig.sandbox.calls().len();
        let ended = ended.says("Interrupted: no further call is sent");
        ended
            .says("Still running in AWS: step 3, CreateReplicationGroup replicationGroup/journal: creating, 0/2 nodes available")
            .says("Resume with the same command: cachectl apply --yes --no-smoke --events events.jsonl");
        let lines = lines(&rig);
        assert_eq!(lines.last().unwrap()["exit"], 130);
        assert_eq!(of_type(&lines, "result").last().unwrap()["result"]["status"], "interrupted");
        assert_eq!(rig.sandbox.calls().len(), calls, "nobody calls any more");
        rig.run(APPLY).exits(0);
        assert_eq!(rig.called("CreateReplicationGroup"), 1);
    }
}

#[test]
fn an_interrupt_does_not_wait_for_an_answer_that_does_not_come() {
    let rig = stack(0.001);
    rig.sandbox.inject(Fault::slow(3_600_000).on("CreateReplicationGroup").times(1));
    let mut running = rig.start(APPLY);
    rig.begun("CreateReplicationGroup", &mut running);
    running.signal("INT");
    running.end().exits(130).says("Was being sent: step 3, CreateReplicationGroup replicationGroup/journal; the next plan shows whether AWS has it");
    rig.run(APPLY).exits(0);
    assert_eq!(rig.called("CreateReplicationGroup"), 1, "it was, and AWS has it");
}

#[test]
fn a_terminal_that_closes_does_not_lose_the_journal() {
    let rig = stack(0.01);
    let mut child = rig.command(APPLY).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("CreateReplicationGroup") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0);
    }
    drop((said, child.stdout.take()));
    let mut running = crate::rig::Running::from(child);
    running.signal("HUP");
    running.end().exits(130);
    let lines = lines(&rig);
    assert_eq!(lines.last().unwrap()["exit"], 130);
}

//! Runs that end before their work does: by a signal, by a second one, by `--timeout`. Each says what goes on and
//! how to resume, and leaves whoever reads JSON a document.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use cachectl_sandbox::{Fault, Options};
use serde_json::Value;

use crate::harness::{Ran, small};
use crate::rig::{Rig, Running};

const STACK: &str = r#"
apiVersion: cachectl/v1
stack: endings
region: us-east-1
replicationGroups:
  endings:
    description: A cache
    engine: valkey
    engineVersion: "7.2"
    cacheNodeType: cache.t4g.small
    numCacheClusters: 2
    automaticFailoverEnabled: true
    transitEncryptionEnabled: true
"#;

const NEVER: u64 = 3_600_000;
const JSON: &[&str] = &["apply", "--yes", "--no-smoke", "--format", "json"];

/// A group takes ten seconds to be created.
fn slow() -> Rig {
    Rig::with(STACK, Options { time_scale: 0.033, ..Options::default() })
}

/// One document with all its keys, ended by an error or not.
fn document(ran: &Ran) -> Value {
    let document = ran.json();
    for key in ["plan", "results", "remaining", "pending", "smoke"] {
        assert!(document.get(key).is_some(), "no {key} in {document:#}");
    }
    document
}

fn error(ran: &Ran) -> (Value, String) {
    let error = &document(ran)["error"];
    (error["exit"].clone(), error["message"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_second_signal_leaves_at_once_whatever_is_still_waited_for() {
    for signal in ["INT", "TERM"] {
        let rig = Rig::new(STACK);
        rig.sandbox.inject(Fault::slow(NEVER).on("CreateReplicationGroup"));
        let mut command = rig.command(&["apply", "--yes", "--no-smoke"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut running = Running::from(child);
        rig.begun("CreateReplicationGroup", &mut running);
        running.signal(signal);
        let mut line = String::new();
        while !line.contains("Interrupt again to leave now") {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended by the first signal");
        }
        // It would wait for ever.
        running.signal(signal);
        running.end().exits(130);
    }
}

#[test]
fn an_interrupt_ends_a_read_whose_answer_does_not_come() {
    let rig = Rig::new(STACK);
    rig.sandbox.inject(Fault::slow(NEVER).on("DescribeReplicationGroups"));
    let mut running = rig.start(JSON);
    rig.begun("DescribeReplicationGroups", &mut running);
    running.signal("INT");
    let ended = running.end().exits(130);
    assert_eq!(error(&ended), (130.into(), "interrupted while AWS was being read".into()));
    assert_eq!(rig.writes(), [""; 0]);
}

#[test]
fn an_interrupt_while_an_earlier_run_is_waited_for_changes_nothing() {
    let rig = slow();
    let mut first = rig.start(&["apply", "--yes", "--no-smoke"]);
    rig.begun("CreateReplicationGroup", &mut first);
    first.signal("INT");
    first.end().exits(130);
    let mut second = rig.start(JSON);
    rig.sandbox.clear_calls();
    rig.begun("DescribeCacheClusters", &mut second);
    std::thread::sleep(Duration::from_millis(300));
    second.signal("TERM");
    let ended = second.end().exits(130);
    assert_eq!(error(&ended), (130.into(), "interrupted before anything was changed".into()));
    assert_eq!(rig.writes(), [""; 0]);
}

#[test]
fn an_interrupt_in_a_step_leaves_a_document_with_what_was_done() {
    let rig = slow();
    let mut running = rig.start(JSON);
    rig.begun("CreateReplicationGroup", &mut running);
    running.signal("INT");
    let document = document(&running.end().exits(130));
    assert_eq!(document["plan"]["steps"].as_array().unwrap().len(), 1);
    assert_eq!(document["results"][0]["status"], "interrupted");
}

#[test]
fn the_timeout_ends_a_read_whose_answer_does_not_come() {
    let rig = Rig::new(STACK);
    rig.sandbox.inject(Fault::slow(NEVER).on("DescribeReplicationGroups"));
    let ended = rig.run(&[JSON, &["--timeout", "500ms"]].concat()).exits(6);
    assert_eq!(error(&ended), (6.into(), "--timeout expired while AWS was being read".into()));
    assert_eq!(document(&ended)["plan"], Value::Null);
}

#[test]
fn the_timeout_ends_the_wait_for_what_an_earlier_run_began() {
    let rig = slow();
    rig.run(&["apply", "--yes", "--no-smoke", "--timeout", "1s"]).exits(6);
    for command in [JSON, &["destroy", "--yes", "--allow", "delete:*", "--format", "json"]] {
        let ended = rig.run(&[command, &["--timeout", "300ms"]].concat()).exits(6);
        let (exit, message) = error(&ended);
        assert_eq!(exit, 6);
        assert!(message.starts_with("replicationGroup/endings is still creating"), "{message}");
        assert!(message.contains("the same command resumes"), "{message}");
    }
    rig.run(&["apply", "--yes", "--no-smoke"]).exits(0);
    assert_eq!(rig.called("CreateReplicationGroup"), 1);
}

#[test]
fn the_timeout_ends_a_call_whose_answer_does_not_come() {
    let rig = Rig::new(STACK);
    rig.sandbox.inject(Fault::slow(NEVER).on("CreateReplicationGroup").times(1));
    let ended = rig.run(&[JSON, &["--timeout", "1s"]].concat()).exits(6);
    let results = document(&ended)["results"].clone();
    let why = "--timeout expired while CreateReplicationGroup was being sent; the next plan shows whether AWS has it";
    assert_eq!((&results[0]["status"], &results[0]["error"]), (&"failed".into(), &why.into()));
    rig.apply().exits(0);
    assert_eq!(rig.called("CreateReplicationGroup"), 1, "it has it");
}

#[test]
fn the_timeout_ends_a_call_that_aws_refuses_again_and_again_and_tells_what_it_is_busy_with() {
    // A change of the node type takes half a minute.
    let rig = Rig::with(STACK, Options { time_scale: 0.033, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&STACK.replace("A cache", "Another text"));
    rig.sandbox.inject(Fault::hold(1_500).on("ModifyReplicationGroup").times(1));
    let mut late = rig.start(&["apply", "--yes", "--no-smoke", "--timeout", "4s"]);
    rig.sandbox.clear_calls();
    rig.begun("ModifyReplicationGroup", &mut late);
    // Before it takes effect, somebody else's change does.
    rig.spec(&STACK.replace("t4g.small", "r7g.large"));
    let other = rig.start(&["apply", "--yes", "--no-smoke"]);
    let ended = late.end().exits(6);
    let ended = ended.says("--timeout expired, and AWS does not take ModifyReplicationGroup yet: ");
    ended
        .says("InvalidReplicationGroupState")
        .says("replicationGroup/endings is modifying")
        .says("the same command resumes")
        .says("Run the same command again");
    other.kill();
}

#[test]
fn the_timeout_ends_a_call_that_aws_refuses_although_it_looks_ready() {
    let rig = Rig::new(STACK);
    rig.apply().exits(0);
    rig.spec(&STACK.replace("A cache", "Another text"));
    let busy = Fault::error(400, "InvalidReplicationGroupState", "Replication group must be in available state.");
    rig.sandbox.inject(busy.on("ModifyReplicationGroup"));
    let ended = rig.run(&[JSON, &["--timeout", "1s"]].concat()).exits(6);
    assert!(rig.called("ModifyReplicationGroup") > 2, "it is tried again and again");
    let why = document(&ended)["results"][0]["error"].as_str().unwrap().to_owned();
    assert!(why.starts_with("--timeout expired, and AWS does not take ModifyReplicationGroup yet"), "{why}");
    rig.sandbox.clear_faults();
    rig.apply().exits(0);
}

#[test]
fn an_error_before_any_plan_leaves_a_document_too() {
    let rig = Rig::new(&STACK.replace("region: us-east-1", "region: us-east-1\naccountId: \"999999999999\""));
    let ended = rig.run(JSON).exits(3).says("999999999999");
    assert_eq!(error(&ended).0, 3);
    rig.spec("stack: [");
    let ended = rig.run(JSON).exits(78);
    assert_eq!((error(&ended).0, document(&ended)["error"]["spec"].clone()), (78.into(), "cachectl.yaml".into()));
}

#[test]
fn what_aws_refuses_for_what_the_spec_asks_is_not_worth_the_same_command_again() {
    let stack = small("cacheSubnetGroupName: nets")
        + "subnetGroups:\n  nets: {description: d, subnetIds: [subnet-private-1a, subnet-private-1b]}\n";
    for (status, code, said) in [
        (400, "InvalidParameterValue", "change that first"),
        (400, "InvalidParameterCombination", "change that first"),
        (404, "CacheParameterGroupNotFound", "change that first"),
        (400, "InvalidVPCNetworkFault", "change that first"),
        (400, "NodeQuotaForCustomerExceeded", "Service Quotas"),
        (400, "InsufficientCacheClusterCapacity", "ask for less"),
        (403, "AccessDenied", "iam-policy"),
    ] {
        let rig = Rig::new(&stack);
        rig.sandbox.inject(Fault::error(status, code, "No.").on("CreateReplicationGroup"));
        let ran = rig.apply().exits(6).says(code).says(said);
        assert!(!ran.all().to_lowercase().contains("same command"), "{code}: {}", ran.all());
        // What was done stays, and the next apply does the rest.
        rig.sandbox.clear_faults();
        rig.apply().exits(0);
        rig.settled();
    }
}

#[test]
fn what_passes_by_itself_is_worth_the_same_command_again() {
    let stack = small("cacheSubnetGroupName: nets")
        + "subnetGroups:\n  nets: {description: d, subnetIds: [subnet-private-1a, subnet-private-1b]}\n";
    let rig = Rig::new(&stack);
    rig.sandbox.inject(Fault::error(400, "ExpiredToken", "The token has expired.").on("CreateReplicationGroup"));
    rig.apply().exits(6).says("Run the same command again");
}

//! Nothing happens that was not shown, allowed and still true at that moment.

use std::path::Path;
use std::process::Command;

use cachectl_sandbox::{Fault, Options};
use serde_json::{Value, json};

use crate::harness::{Ran, World, path, small};
use crate::rig::Rig;

/// Runs the rest of its arguments in a pseudo-terminal. At the first question it runs a shell command
/// before it types; further ones get further answers.
const ASKED: &str = r#"
import os, pty, subprocess, sys
meanwhile, answers, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
seen, asked = b"", 0
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    seen += data
    while asked < seen.count(b"accepted:") + seen.count(b"to go on:"):
        if asked == 0:
            subprocess.run(["sh", "-c", meanwhile], check=True, stdout=subprocess.DEVNULL)
        os.write(terminal, answers[min(asked, len(answers) - 1)].encode() + b"\n")
        asked += 1
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

fn asked(rig: &Rig, meanwhile: &str, answer: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new("python3");
    command.args(["-c", ASKED, meanwhile, answer, env!("CARGO_BIN_EXE_cachectl")]);
    Ran::of(&mut rig.within(command, arguments))
}

fn writes(world: &World) -> Vec<String> {
    let reads = |operation: &str| ["Describe", "List", "Get"].iter().any(|verb| operation.starts_with(verb));
    world.sandbox.calls().into_iter().map(|call| call.operation).filter(|operation| !reads(operation)).collect()
}

fn edit(file: &Path, change: impl Fn(&mut Value)) {
    let text = std::fs::read_to_string(file).expect("a saved plan");
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    change(&mut document);
    std::fs::write(file, document.to_string()).expect("written");
}

fn other_stack(spec: &str) -> String {
    spec.replace("stack: small", "stack: other")
}

#[test]
fn tags_that_may_not_be_read_block_every_write_and_the_reason_is_told() {
    let world = World::new();
    let theirs = world.spec("theirs.yaml", &other_stack(&small("lifecycle: {protect: true, finalSnapshot: false}")));
    world.run(&["apply", path(&theirs), "--yes", "--no-smoke"]).exits(0);
    // A replacement, which would delete and make anew under this stack's tag.
    let ours = world.spec("cachectl.yaml", &small("port: 7000\nlifecycle: {finalSnapshot: false}"));
    let denied = || Fault::access_denied().on("ListTagsForResource");
    for fault in [denied(), Fault::error(400, "OptInRequired", "not here").on("ListTagsForResource")] {
        world.sandbox.inject(fault);
        let planned = world.run(&["plan", path(&ours)]).exits(3).says("ownership-unknown");
        planned.says("elasticache:ListTagsForResource");
        world.sandbox.clear_calls();
        let all = ["--allow", "replace:*", "--allow", "adopt:*", "--yes", "--no-smoke"];
        world.run(&[&["apply", path(&ours)][..], &all].concat()).exits(3);
        world.run(&["destroy", path(&ours), "--yes", "--allow", "delete:*"]).exits(3).says("ownership-unknown");
        assert_eq!(writes(&world), Vec::<String>::new());
        world.sandbox.clear_faults();
    }
    world.run(&["plan", path(&ours)]).exits(3).says("it belongs to the stack `other`");
}

#[test]
fn a_saved_plan_is_a_claim_and_what_was_added_to_it_is_not_carried_out() {
    let world = World::new();
    let theirs =
        world.spec("theirs.yaml", &other_stack(&small("lifecycle: {protect: true}").replace("  cache:", "  theirs:")));
    world.run(&["apply", path(&theirs), "--yes", "--no-smoke"]).exits(0);
    let spec = world.spec("cachectl.yaml", &small(""));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    world.spec("cachectl.yaml", &small("snapshotRetentionLimit: 3"));
    let saved = world.dir.path().join("plan.json");
    type Edit = fn(&mut Value);
    let edits: [(&str, Edit); 5] = [
        ("DeleteReplicationGroup", |document| {
            let steps = document["steps"].as_array_mut().expect("steps");
            let id = steps.len() + 1;
            steps.push(json!({"id": id, "address": "replicationGroup/theirs", "operation": "DeleteReplicationGroup",
                "parameters": {"ReplicationGroupId": "theirs"}, "after": [], "waitFor": "deleted"}));
        }),
        ("SnapshotRetentionLimit", |document| document["steps"][0]["parameters"]["SnapshotRetentionLimit"] = json!(0)),
        ("step 7", |document| document["steps"][0]["id"] = json!(7)),
        ("has come up", |document| document["steps"] = json!([])),
        ("differs in its place", |document| document["steps"][0]["after"] = json!([1])),
    ];
    for (told, change) in edits {
        world.run(&["plan", path(&spec), "--out", path(&saved)]).exits(0);
        edit(&saved, change);
        world.sandbox.clear_calls();
        world.run(&["apply", path(&saved), "--no-smoke"]).exits(4).says("the saved plan is stale").says(told);
        assert_eq!(writes(&world), Vec::<String>::new(), "{told}");
    }
    world.run(&["plan", path(&spec), "--out", path(&saved)]).exits(0);
    // No question, no terminal, no --yes: the plan was the question.
    world.run(&["apply", path(&saved), "--no-smoke"]).exits(0).says("the same steps as in the saved plan");
}

#[test]
fn a_saved_plan_holds_as_long_as_its_secret_is_the_same() {
    let world = World::new();
    let token = world.dir.path().join("token");
    let write = |secret: &str| std::fs::write(&token, secret).expect("a secret");
    let spec = small(&format!("transitEncryptionMode: required\nauthToken: {{file: {}}}", token.display()));
    write("first-token-first-token");
    let spec = world.spec("cachectl.yaml", &spec);
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    let saved = world.dir.path().join("plan.json");
    write("second-token-second-token");
    world.run(&["plan", path(&spec), "--out", path(&saved)]).exits(0);
    write("third-token-third-token");
    world.sandbox.clear_calls();
    world.run(&["apply", path(&saved), "--no-smoke"]).exits(4).says("differs in Tags");
    assert_eq!(writes(&world), Vec::<String>::new());
    write("second-token-second-token");
    world.run(&["apply", path(&saved), "--no-smoke"]).exits(0);
    assert!(world.sandbox.tokens("cache").contains(&"second-token-second-token".to_owned()));
}

#[test]
fn what_moves_while_a_question_waits_ends_the_run_before_the_write() {
    let rig = Rig::new(&small("lifecycle: {finalSnapshot: false}"));
    rig.apply().exits(0);
    let protected = rig.path("protected.yaml");
    std::fs::write(&protected, small("lifecycle: {finalSnapshot: false, protect: true}")).expect("a spec");
    let meanwhile = format!("{} apply {} --yes --no-smoke", env!("CARGO_BIN_EXE_cachectl"), protected.display());
    rig.spec(&small("port: 7000\nlifecycle: {finalSnapshot: false}"));
    let arguments = ["apply", "--allow", "replace:*", "--no-smoke"];
    let ran = asked(&rig, &meanwhile, "yes", &arguments).exits(4);
    let ran =
        ran.says("stack small in account").says("1 to replace").says("something changed while the question was open");
    ran.says("replicationGroup/cache is now blocked");
    assert!(!writes(&rig).contains(&"DeleteReplicationGroup".to_owned()));
    // The same of a destruction.
    std::fs::write(
        &protected,
        small("description: Another\nlifecycle: {finalSnapshot: false, protect: false}").replacen(
            "    description: A cache\n",
            "",
            1,
        ),
    )
    .expect("a spec");
    rig.run(&["apply", path(&protected), "--yes", "--no-smoke"]).exits(0);
    std::fs::write(&protected, small("lifecycle: {finalSnapshot: false, protect: true}")).expect("a spec");
    rig.spec(&small("lifecycle: {finalSnapshot: false}"));
    asked(&rig, &meanwhile, "small", &["destroy"]).exits(4).says("is now blocked");
    // Nothing moved: what was agreed to is done.
    std::fs::write(&protected, small("lifecycle: {finalSnapshot: false, protect: false}")).expect("a spec");
    rig.run(&["apply", path(&protected), "--yes", "--no-smoke"]).exits(0);
    asked(&rig, "true", "small", &["destroy"]).exits(0).says("nothing of the stack is left");
}

#[test]
fn right_before_a_deletion_the_resource_is_read_again() {
    let rig = Rig::new(&small("lifecycle: {finalSnapshot: false}"));
    rig.apply().exits(0);
    rig.spec(&small("port: 7000\nlifecycle: {finalSnapshot: false}"));
    // The plan reads its tags once; the look before the deletion is refused.
    rig.sandbox.inject(Fault::access_denied().on("ListTagsForResource"));
    let ran = rig.run(&["apply", "--allow", "replace:*", "--yes", "--no-smoke"]).exits(4);
    ran.says("no longer shows its tags").says("Nothing was changed");
    assert!(!writes(&rig).contains(&"DeleteReplicationGroup".to_owned()));
    rig.sandbox.clear_faults();
    rig.run(&["apply", "--allow", "replace:*", "--yes", "--no-smoke"]).exits(0);
}

#[test]
fn one_stack_is_not_given_twice_in_a_run() {
    let world = World::new();
    let first = world.spec("first.yaml", &small(""));
    let second = world.spec("second.yaml", &small("snapshotRetentionLimit: 3"));
    for command in ["plan", "apply"] {
        let ran = world.run(&[command, path(&first), path(&second)]).exits(78);
        ran.says("first.yaml and").says("are the same stack: `small` in us-east-1");
    }
    assert_eq!(world.sandbox.calls().len(), 0);
    let other = world.spec("other.yaml", &other_stack(&small("").replace("  cache:", "  theirs:")));
    world.run(&["plan", path(&first), path(&other)]).exits(0);
}

#[test]
fn a_spec_comes_through_a_pipe_once() {
    let world = World::new();
    let spec = world.spec("cachectl.yaml", &small(""));
    let mut command = Command::new("bash");
    let own = world.command();
    command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let line = format!("{} apply <(cat {}) --yes --no-smoke", env!("CARGO_BIN_EXE_cachectl"), spec.display());
    Ran::of(command.args(["-c", &line])).exits(0);
    world.run(&["plan", path(&spec)]).exits(0).says("No changes.");
}

#[test]
fn alarms_whose_line_is_lost_are_orphans_and_go_only_by_a_word() {
    let world = World::new();
    let entry = "alarms:\n  memory:\n    for: replicationGroup/cache\n    metricName: FreeableMemory\n    statistic: Average\n    period: 60\n    evaluationPeriods: 5\n    threshold: 1\n    comparisonOperator: LessThanThreshold\n";
    let preset = small("alarms: {preset: recommended}");
    let spec = world.spec("cachectl.yaml", &(preset.clone() + entry));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    let count = |world: &World| {
        let document = world.run(&["plan", path(&spec), "--format", "json"]).json();
        (document["orphans"].as_array().expect("orphans").len(), document["steps"].as_array().expect("steps").len())
    };
    // The entry is gone: its two alarms stay, listed.
    world.spec("cachectl.yaml", &preset);
    assert_eq!(count(&world), (2, 0));
    // The preset, too: all of them.
    world.spec("cachectl.yaml", &small(""));
    let (orphans, steps) = count(&world);
    assert!(orphans > 10 && steps == 0, "{orphans} orphans, {steps} steps");
    world.sandbox.clear_calls();
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    assert_eq!(writes(&world), Vec::<String>::new());
    world.run(&["plan", path(&spec), "--prune"]).exits(3).says("delete-not-allowed");
    // `none` says that they are to go; the entry's stay.
    world.spec("cachectl.yaml", &small("alarms: none"));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    assert_eq!(count(&world), (2, 0));
    world.run(&["apply", path(&spec), "--prune", "--allow", "delete:alarm/*", "--yes", "--no-smoke"]).exits(0);
    assert_eq!(count(&world), (0, 0));
}

#[test]
fn no_alarm_is_put_on_a_node_that_the_same_plan_removes() {
    let world = World::new();
    let three = small("").replace("numCacheClusters: 2", "numCacheClusters: 3");
    let spec = world.spec("cachectl.yaml", &three);
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    world.spec("cachectl.yaml", &small("alarms: {preset: recommended}"));
    world.sandbox.clear_calls();
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    let calls = writes(&world);
    assert!(calls.contains(&"PutMetricAlarm".to_owned()), "{calls:?}");
    assert!(!calls.contains(&"DeleteAlarms".to_owned()), "{calls:?}");
    world.run(&["plan", path(&spec), "--detailed-exitcode"]).exits(0);
}

/// These users, and a user group of some of them.
fn people(users: &[&str], ids: &str) -> String {
    let user = |id: &str| {
        format!(
            "  {id}: {{userName: {id}, engine: valkey, accessString: on ~* +@read, authenticationMode: {{type: iam}}}}\n"
        )
    };
    let users: String = users.iter().map(|id| user(id)).collect();
    format!(
        "apiVersion: cachectl/v1\nstack: small\nregion: us-east-1\nusers:\n{users}userGroups:\n  people: {{engine: valkey, userIds: [{ids}]}}\n"
    )
}

/// AWS refuses the whole request for one user that is no member any more (Terraform issue 49945), additions too.
#[test]
fn a_user_that_left_its_group_meanwhile_does_not_keep_the_others_from_coming() {
    let rig = Rig::new(&people(&["a", "b", "c"], "a, b"));
    rig.apply().exits(0);
    rig.spec(&people(&["b", "c"], "b, c"));
    rig.sandbox.inject(Fault::error(400, "InvalidUserGroupState", "busy").on("ModifyUserGroup").times(10_000));
    let mut running = rig.start(&["apply", "--yes", "--no-smoke", "--poll-interval", "20ms"]);
    rig.begun("ModifyUserGroup", &mut running);
    // Somebody deletes the user, which takes it out of its groups without a word.
    assert!(rig.by_hand("DeleteUser", "UserId=a").contains("DeleteUserResult"));
    while !rig.by_hand("DescribeUserGroups", "UserGroupId=people").contains("<UserIds><member>b</member></UserIds>") {
        assert!(!running.ended(), "it gave up");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    rig.sandbox.clear_faults();
    running.end().exits(0);
    rig.settled();
}

/// Between the look and the call there is still a moment.
#[test]
fn a_refusal_for_a_user_that_just_left_is_looked_at_again() {
    let rig = Rig::new(&people(&["a", "b", "c"], "a, b"));
    rig.apply().exits(0);
    rig.spec(&people(&["a", "b", "c"], "b, c"));
    let left = Fault::error(400, "InvalidParameterValue", "a is not a member of user group people.");
    rig.sandbox.inject(left.on("ModifyUserGroup").times(2));
    rig.apply().exits(0);
    assert_eq!((rig.called("ModifyUserGroup"), rig.accepted("ModifyUserGroup")), (3, 1));
    rig.settled();
}

/// Nodes are never moved, so that a zone which the group's subnets do not reach is told before anything is called, also
/// where the spec leaves the subnet group out.
#[test]
fn zones_are_held_against_the_subnet_group_that_a_cache_lives_in() {
    let world = World::new();
    let spec = world.spec("cachectl.yaml", &small(""));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    let three = |zone: &str| {
        let zones = format!("preferredCacheClusterAZs: [us-east-1a, us-east-1b, {zone}]");
        small(&zones).replace("numCacheClusters: 2", "numCacheClusters: 3")
    };
    world.spec("cachectl.yaml", &three("us-east-1z"));
    world.run(&["plan", path(&spec)]).exits(3).says("zone-not-covered").says("us-east-1z");
    world.spec("cachectl.yaml", &three("us-east-1c"));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
}

fn databases(count: u32) -> String {
    format!(
        "apiVersion: cachectl/v1\nstack: small\nregion: us-east-1\nparameterGroups:\n  params: {{family: valkey8, parameters: {{databases: \"{count}\"}}}}\n{}",
        small("cacheParameterGroupName: params").split_once("region: us-east-1\n").expect("a spec").1
    )
}

#[test]
fn reboots_that_come_up_in_an_apply_are_asked_for_again_and_a_no_says_what_was_done() {
    let rig = Rig::with(&databases(16), Options { time_scale: 0.01, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&databases(20));
    let allowed = ["apply", "--no-smoke", "--allow", "reboot:*"];
    let ran = asked(&rig, "true", "yes,no", &allowed).exits(6);
    let told = ran.all();
    assert!(told.contains("2 reboots") && told.contains("the changes before it were made"), "{told}");
    assert!(!told.contains("nothing was changed"), "{told}");
    assert_eq!(rig.called("RebootCacheCluster"), 0);
    asked(&rig, "true", "yes", &allowed).exits(0);
    assert_eq!(rig.accepted("RebootCacheCluster"), 2);
}

#[test]
fn a_saved_plan_makes_no_reboot_that_it_does_not_have_and_says_that_one_waits() {
    let rig = Rig::with(&databases(16), Options { time_scale: 0.01, ..Options::default() });
    rig.apply().exits(0);
    rig.spec(&databases(20));
    rig.run(&["plan", "--allow", "reboot:*", "--out", "plan.json"]).exits(0);
    let ran = rig.run(&["apply", "plan.json", "--no-smoke", "--detailed-exitcode"]).exits(7);
    ran.says("waits for a reboot, which the saved plan did not have");
    assert_eq!(rig.called("RebootCacheCluster"), 0);
    rig.run(&["plan", "--allow", "reboot:*", "--out", "plan.json"]).exits(0).says("RebootCacheCluster");
    rig.run(&["apply", "plan.json", "--no-smoke", "--detailed-exitcode"]).exits(0);
    assert_eq!(rig.accepted("RebootCacheCluster"), 2);
}

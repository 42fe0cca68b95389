//! Secrets that are not there, or somewhere else, when the binary is run.

use serde_json::json;

use crate::rig::Rig;

const STACK: &str = "\
apiVersion: cachectl/v1
stack: secrets
region: us-east-1
replicationGroups:
  secrets:
    description: A cache
    engine: valkey
    engineVersion: \"8.0\"
    cacheNodeType: cache.t4g.small
    numCacheClusters: 1
    transitEncryptionEnabled: true
    transitEncryptionMode: required
    authToken: PLACE
";

fn stack(place: &str) -> String {
    STACK.replace("PLACE", place)
}

#[test]
fn a_file_is_looked_for_beside_the_spec_that_names_it() {
    let rig = Rig::new("");
    let folder = rig.path("stacks");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("cachectl.yaml"), stack("{file: token}")).unwrap();
    std::fs::write(folder.join("token"), "a-token-of-some-length-1\n").unwrap();
    let spec = "stacks/cachectl.yaml";
    rig.run(&["apply", spec, "--yes", "--no-smoke"]).exits(0);
    assert_eq!(rig.sandbox.tokens("secrets"), ["a-token-of-some-length-1"]);
    rig.run(&["plan", spec]).exits(0).says("No changes.");
    // An overlay's file is beside the overlay.
    std::fs::create_dir(rig.path("overlays")).unwrap();
    let overlay = "replicationGroups: {secrets: {authToken: {file: other}}}";
    std::fs::write(rig.path("overlays/prod.yaml"), overlay).unwrap();
    std::fs::write(rig.path("overlays/other"), "a-token-of-some-length-2").unwrap();
    rig.run(&["plan", spec, "--overlay", "overlays/prod.yaml"]).exits(0).says("AuthTokenUpdateStrategy=ROTATE");
}

#[test]
fn what_cannot_be_read_blocks_what_would_send_it_and_shows_the_rest() {
    let rig = Rig::new(&stack("{env: NO_SUCH_TOKEN}"));
    let plan = rig.run(&["plan"]).exits(3).says("secret-unreadable").says("NO_SUCH_TOKEN is not set");
    assert!(plan.stdout.contains("cacheNodeType"), "{}", plan.all());
    rig.run(&["apply", "--yes"]).exits(3);
    assert_eq!(rig.writes(), Vec::<String>::new());
    rig.run(&["destroy", "--yes", "--allow", "delete:*"]).exits(0);
}

#[test]
fn a_first_token_that_cannot_be_read_is_a_difference_that_blocks() {
    let declared = stack("{file: token}");
    let without: String =
        declared.lines().filter(|line| !line.contains("authToken")).map(|line| format!("{line}\n")).collect();
    let rig = Rig::new(&without);
    rig.apply().exits(0);
    rig.spec(&declared);
    rig.run(&["plan"]).exits(3).says("authToken").says("secret-unreadable");
    rig.run(&["plan", "--detailed-exitcode"]).exits(3);
}

#[test]
fn a_plan_of_what_exists_compares_the_rest_and_an_apply_does_not_begin() {
    let rig = Rig::new(&stack("{file: token}"));
    std::fs::write(rig.path("token"), "a-token-of-some-length-1").unwrap();
    rig.apply().exits(0);
    std::fs::remove_file(rig.path("token")).unwrap();
    rig.spec(&stack("{file: token}").replace("A cache", "Another text"));
    let plan = rig.run(&["plan"]).exits(0).says("it is not compared").says("Another text");
    assert!(!plan.stdout.contains("no tag says which"), "{}", plan.all());
    rig.sandbox.clear_calls();
    let report = rig.run(&["apply", "--yes", "--no-smoke", "--format", "json"]).exits(3).json();
    assert_eq!(report["plan"]["changes"][0]["blocked"]["rule"], json!("secret-unreadable"));
    assert_eq!(rig.writes(), Vec::<String>::new());
    rig.run(&["destroy", "--yes", "--allow", "delete:*"]).exits(0);
}

#[test]
fn a_secret_that_aws_does_not_take_is_found_before_the_first_call() {
    let rig = Rig::new(&stack("{file: token}"));
    std::fs::write(rig.path("token"), "too short").unwrap();
    let apply = rig.run(&["apply", "--yes", "--no-smoke"]).exits(3).says("16 to 128 characters");
    assert!(!apply.all().contains("too short"));
    assert_eq!(rig.writes(), Vec::<String>::new());
}

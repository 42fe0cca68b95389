//! Values that `${env:NAME}` brings: used, shown nowhere, and never credentials.

use serde_json::json;

use crate::harness::{Ran, small};
use crate::rig::Rig;

const TEXT: &str = "quiet-harbour-text";

fn spec() -> String {
    small("")
        .replace("description: A cache", "description: ${env:ABOUT}")
        .replace("numCacheClusters: 2", "numCacheClusters: ${env:NODES}")
        + "vars: {topic: \"arn:aws:sns:us-east-1:012345678901:${env:TOPIC}\"}\ntags: {note: \"${env:ABOUT}\"}\n\
           alarms:\n  evictions: {for: replicationGroup/cache, description: \"${env:ABOUT}\", alarmActions: [\"${var.topic}\"], metricName: Evictions, statistic: Sum, period: 60, evaluationPeriods: 1, threshold: 0, comparisonOperator: GreaterThanThreshold}\n"
}

fn run(rig: &Rig, arguments: &[&str]) -> Ran {
    let mut command = rig.command(arguments);
    Ran::of(command.env("ABOUT", TEXT).env("NODES", "2").env("TOPIC", "harbour-topic-7").env("COLUMNS", "200"))
}

#[track_caller]
fn shows_nothing(ran: &Ran) {
    for value in [TEXT, "harbour-topic-7"] {
        assert!(!ran.all().contains(value), "{value} in {}", ran.all());
    }
}

#[test]
fn a_value_from_the_environment_is_used_and_nowhere_shown() {
    let rig = Rig::new(&spec());
    shows_nothing(&run(&rig, &["validate"]).exits(0));
    let plan = run(&rig, &["plan", "-v"]).exits(0);
    shows_nothing(&plan);
    assert!(plan.stdout.contains("(from env ABOUT)") && plan.stdout.contains("(from env NODES)"), "{}", plan.stdout);
    shows_nothing(&run(&rig, &["plan", "--format", "markdown"]).exits(0));
    let plan = run(&rig, &["plan", "--format", "json", "--out", "plan.json"]).exits(0);
    shows_nothing(&plan);
    assert!(!rig.read("plan.json").contains(TEXT));
    let attributes = plan.json()["changes"][0]["attributes"].clone();
    for (path, shown) in [
        ("description", "(from env ABOUT)"),
        ("numCacheClusters", "(from env NODES)"),
        ("tags.note", "(from env ABOUT)"),
    ] {
        let attribute = attributes.as_array().unwrap().iter().find(|attribute| attribute["path"] == path);
        if let Some(attribute) = attribute {
            assert_eq!((&attribute["after"], &attribute["sensitive"]), (&json!(shown), &json!(true)), "{path}");
        } else {
            assert_eq!(path, "tags.note", "{attributes:#}");
        }
    }
    // The saved plan is carried out with the values.
    let applied =
        run(&rig, &["apply", "plan.json", "--yes", "--no-smoke", "--format", "json", "--events", "events"]).exits(0);
    shows_nothing(&applied);
    assert!(!rig.read("events").contains(TEXT));
    run(&rig, &["plan", "--detailed-exitcode"]).exits(0).says("No changes.");
    let changed = Ran::of(
        rig.command(&["plan"]).env("ABOUT", "another-text-1").env("NODES", "2").env("TOPIC", "harbour-topic-7"),
    );
    assert!(!changed.all().contains("another-text-1"), "{}", changed.all());
}

#[test]
fn render_keeps_the_place_and_is_a_spec_again() {
    let rig = Rig::new(&spec());
    let rendered = run(&rig, &["render"]).exits(0);
    shows_nothing(&rendered);
    for line in [
        "description: \"${env:ABOUT}\"",
        "numCacheClusters: \"${env:NODES}\"",
        "arn:aws:sns:us-east-1:012345678901:${env:TOPIC}",
    ] {
        assert!(rendered.stdout.contains(line), "{line} in {}", rendered.stdout);
    }
    rig.spec(&rendered.stdout);
    run(&rig, &["validate"]).exits(0);
    assert_eq!(run(&rig, &["render"]).exits(0).stdout, rendered.stdout);
    // JSON says the same, for whoever checks it with other tools, and is a spec again, too.
    let json = run(&rig, &["render", "--format", "json"]).exits(0);
    let cache = &json.json()["replicationGroups"]["cache"];
    assert_eq!((&cache["description"], &cache["transitEncryptionEnabled"]), (&json!("${env:ABOUT}"), &json!(true)));
    rig.spec(&json.stdout);
    run(&rig, &["validate"]).exits(0);
    assert_eq!(run(&rig, &["render", "--format", "json"]).exits(0).stdout, json.stdout);
}

#[test]
fn names_that_hold_credentials_are_refused_outside_of_secret_references() {
    for name in ["AWS_SECRET_ACCESS_KEY", "AWS_REGION", "CI_TOKEN", "db_password", "MySecret"] {
        let rig = Rig::new(&small("").replace("A cache", &format!("\"${{env:{name}}}\"")));
        let ran = Ran::of(rig.command(&["plan"]).env(name, TEXT)).exits(78).says("credential-variable");
        shows_nothing(&ran);
    }
}

#[test]
fn the_account_and_region_of_a_stack_are_told_wherever_they_came_from() {
    let rig = Rig::new(&small("").replace("region: us-east-1", "region: ${env:PLACE}"));
    let plan = Ran::of(rig.command(&["plan"]).env("PLACE", "us-east-1")).exits(0);
    assert!(plan.stdout.contains("account 012345678901   us-east-1"), "{}", plan.stdout);
}

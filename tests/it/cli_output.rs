//! What goes where: quiet runs, files, stdout.

use crate::harness::small;
use crate::rig::Rig;

#[test]
fn a_quiet_plan_shows_what_changes_and_nothing_that_was_not_asked_for() {
    let rig = Rig::new(&small(""));
    let loud = rig.run(&["plan"]).exits(0);
    for said in ["account 012345678901", "calls,", "Lint", "  warn"] {
        assert!(loud.stdout.contains(said), "{said}: {}", loud.stdout);
        let quiet = rig.run(&["plan", "-q"]).exits(0);
        assert!(!quiet.stdout.contains(said), "{said}: {}", quiet.stdout);
        assert!(quiet.stdout.starts_with("+ replicationGroup/cache\n"), "{}", quiet.stdout);
        assert!(quiet.stdout.ends_with("Plan: 1 to create, 0 to update, 0 to replace, 0 to delete; 1 step.\n"));
        assert_eq!(quiet.stderr, "");
    }
}

#[test]
fn a_quiet_apply_says_how_it_ended_and_no_more() {
    let rig = Rig::new(&small(""));
    let quiet = ["apply", "--yes", "--no-smoke", "-q"];
    let applied = rig.run(&quiet).exits(0);
    assert_eq!((applied.stdout.trim(), applied.stderr.as_str()), ("Applied: 1 step.", ""));
    let nothing = rig.run(&quiet).exits(0);
    assert_eq!((nothing.stdout.trim(), nothing.stderr.as_str()), ("No changes.", ""));
    let destroyed = rig.run(&["destroy", "--yes", "--allow", "delete:*", "-q"]).exits(0);
    assert_eq!((destroyed.stdout.trim(), destroyed.stderr.as_str()), ("Applied: 1 step.", ""));
}

#[test]
fn a_quiet_run_still_says_what_stands_in_the_way() {
    let rig = Rig::new(&small("lifecycle: {protect: true}"));
    rig.apply().exits(0);
    let blocked = rig.run(&["destroy", "--yes", "--allow", "delete:*", "-q"]).exits(3);
    assert!(blocked.stdout.contains("BLOCKED (protected)"), "{}", blocked.all());
    assert!(blocked.stderr.contains("error: blocked"), "{}", blocked.all());
    // What fails is an error, whoever is quiet.
    rig.spec(&small("port: 70000"));
    rig.run(&["plan", "-q"]).exits(78).says("port");
}

#[test]
fn a_plan_is_not_saved_under_the_name_of_a_dash() {
    let rig = Rig::new(&small(""));
    for flag in ["--out", "--json-out"] {
        rig.run(&["plan", flag, "-"]).exits(64).says("--format json");
    }
    assert!(!rig.path("-").exists());
    assert_eq!(rig.sandbox.calls().len(), 0, "told before anything is read");
}

#[test]
fn the_alarms_of_a_cache_are_a_line_with_their_number_and_what_they_are_and_v_names_each() {
    let rig = Rig::new(&small(""));
    rig.apply().exits(0);
    rig.spec(&small("alarms: {preset: recommended}"));
    let plan = rig.run(&["plan"]).exits(0);
    let lines = |text: &str, part: &str| text.lines().filter(|line| line.contains(part)).count();
    assert_eq!(lines(&plan.stdout, "alarm/cache-"), 2, "{}", plan.stdout);
    plan.says("+ alarm/cache-*  x").says("Evictions").says("on 2 nodes").says("alarms, a call each");
    let json = rig.run(&["plan", "--format", "json"]).exits(0).json();
    let count = json["steps"].as_array().map_or(0, Vec::len);
    assert_eq!(json["summary"]["create"], count, "{json}");
    assert!(count > 8 && json["changes"].as_array().is_some_and(|changes| changes.len() == count), "{json}");
    let all = rig.run(&["plan", "-v"]).exits(0);
    assert!(all.stdout.contains("cache-001-Evictions") && all.stdout.contains("cache-002-Evictions"), "{}", all.stdout);
    let markdown = rig.run(&["plan", "--format", "markdown"]).exits(0);
    assert_eq!(lines(&markdown.stdout, "alarm/cache-"), 2, "{}", markdown.stdout);
    rig.apply().exits(0);
    // One threshold of the preset, on both nodes.
    rig.spec(&small("alarms: {preset: recommended, override: {Evictions: {threshold: 7}}}"));
    let plan = rig.run(&["plan"]).exits(0);
    assert_eq!(lines(&plan.stdout, "threshold"), 1, "{}", plan.stdout);
    plan.says("~ alarm/cache-*  x2");
    rig.spec(&small("alarms: none"));
    let plan = rig.run(&["plan"]).exits(0).says(&format!("{count} alarms"));
    assert!(plan.stdout.contains("DeleteAlarms") && !plan.stdout.contains("alarm/cache-001"), "{}", plan.stdout);
    let json = rig.run(&["plan", "--format", "json"]).exits(0).json();
    assert_eq!(json["steps"][0]["address"], "alarm/cache-*", "{json}");
    assert_eq!(json["steps"][0]["parameters"]["AlarmNames"].as_array().map_or(0, Vec::len), count, "{json}");
    rig.apply().exits(0);
    rig.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn alarms_of_a_cache_that_is_blocked_are_neither_counted_nor_a_step() {
    let rig = Rig::new(&small("cacheParameterGroupName: nowhere\nalarms: {preset: recommended}"));
    let json = rig.run(&["plan", "--format", "json"]).exits(3).json();
    assert_eq!((&json["summary"]["create"], &json["summary"]["blocked"]), (&1.into(), &1.into()), "{json}");
    assert_eq!(json["steps"], serde_json::json!([]), "{json}");
    rig.run(&["plan"]).exits(3).says("once it is not blocked");
}

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

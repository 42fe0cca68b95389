//! Files that commands read and write: whole or not at all, never through a link, never over the spec, never without
//! an end.

use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::json;

use crate::harness::{Ran, small};
use crate::rig::Rig;

#[test]
fn nothing_is_written_over_the_spec_or_through_a_link_and_that_is_said_before_aws_is_asked() {
    let rig = Rig::new(&small(""));
    let text = rig.read("cachectl.yaml");
    std::fs::write(rig.path("over.yaml"), "tags: {a: b}").unwrap();
    symlink(rig.path("cachectl.yaml"), rig.path("link")).unwrap();
    std::fs::create_dir(rig.path("folder")).unwrap();
    for flag in ["--out", "--json-out"] {
        rig.run(&["plan", flag, "./cachectl.yaml"]).exits(64).says("not overwritten");
        rig.run(&["plan", "--overlay", "over.yaml", flag, "over.yaml"]).exits(64).says("not overwritten");
        for (target, why) in
            [("link", "symbolic link"), ("folder", "folder"), ("/dev/null", "device"), ("no/p", "no/p")]
        {
            rig.run(&["plan", flag, target]).exits(1).says(why);
        }
    }
    assert_eq!(rig.sandbox.calls().len(), 0, "told before anything is read");
    for target in ["cachectl.yaml", "link"] {
        let code = if target == "link" { 1 } else { 64 };
        rig.run(&["apply", "--yes", "--no-smoke", "--events", target]).exits(code);
    }
    rig.run(&["import", "--all", "--stack", "x", "-o", "link", "--force"]).exits(1).says("symbolic link");
    assert_eq!(rig.writes(), Vec::<String>::new());
    assert_eq!(rig.read("cachectl.yaml"), text);
}

#[test]
fn a_run_whose_events_cannot_be_written_ends_and_sends_nothing_more() {
    let rig = Rig::new(&small(""));
    let ran = rig.run(&["apply", "--yes", "--no-smoke", "--events", "/dev/full"]).exits(1);
    ran.says("cannot write /dev/full: the disk is full").says("no further call was sent");
    assert_eq!(rig.writes(), Vec::<String>::new());
    let report =
        rig.run(&["apply", "--yes", "--no-smoke", "--format", "json", "--events", "/dev/full"]).exits(1).json();
    assert_eq!(report["error"]["exit"], json!(1), "{report:#}");
    rig.run(&["destroy", "--yes", "--allow", "delete:*", "--events", "missing/events"]).exits(1).says("missing/events");
}

#[test]
fn several_plans_as_json_keep_their_shape_when_one_spec_fails() {
    let rig = Rig::new(&small(""));
    std::fs::write(rig.path("bad.yaml"), "stack: [").unwrap();
    let plans = ["plan", "cachectl.yaml", "bad.yaml", "--format", "json", "--json-out", "plans.json"];
    let plans = rig.run(&plans).exits(78).json();
    assert_eq!(plans["formatVersion"], json!("1"));
    assert_eq!(plans["stacks"][0]["stack"], json!("small"));
    let error = &plans["stacks"][1]["error"];
    assert_eq!((&error["spec"], &error["exit"]), (&json!("bad.yaml"), &json!(78)), "{plans:#}");
    let file: serde_json::Value = serde_json::from_str(&rig.read("plans.json")).unwrap();
    assert_eq!(file, plans);
    let both = rig.run(&["plan", "bad.yaml", "bad.yaml", "--format", "json"]).exits(78).json();
    assert_eq!(both["stacks"].as_array().map(Vec::len), Some(2), "{both:#}");
}

#[test]
fn a_secret_or_a_spec_without_an_end_is_refused_and_not_waited_for() {
    let group = |file: &str| small(&format!("transitEncryptionMode: required\nauthToken: {{file: {file}}}"));
    let rig = Rig::new("");
    assert!(Command::new("mkfifo").arg(rig.path("pipe")).status().unwrap().success());
    for file in ["/dev/zero", "pipe", "/dev/stdin", "/"] {
        rig.spec(&group(file));
        let ran = Ran::of(rig.command(&["plan"]).env("COLUMNS", "200")).exits(3);
        ran.says("secret-unreadable").says("it is not a file");
    }
    std::fs::write(rig.path("long"), "x".repeat(1 << 20)).unwrap();
    rig.spec(&group("long"));
    rig.run(&["plan"]).exits(3).says("no secret");
    rig.run(&["plan", "/dev/zero"]).exits(78).says("larger than 8 MB");
    rig.run(&["plan", "--show", "/dev/zero"]).exits(1).says("/dev/zero");
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_v_tells_what_was_behind_it() {
    let rig = Rig::new(&small(""));
    rig.run(&["plan", "--show", "nowhere.json"]).exits(1).says("cannot read nowhere.json: there is no such file");
    let loud = rig.run(&["plan", "--show", "nowhere.json", "-v"]).exits(1);
    assert!(loud.stderr.contains("because: No such file or directory (os error 2)"), "{}", loud.stderr);
}

//! Somebody who has the binary and nothing else.

use std::io::Write;
use std::process::Stdio;

use crate::harness::{Ran, World, path, small};

/// The command in the world's folder, as a person would start it.
fn here(world: &World, arguments: &[&str]) -> Ran {
    Ran::of(world.command().current_dir(world.dir.path()).env("AWS_REGION", "us-east-1").args(arguments))
}

fn fed(world: &World, text: &str, arguments: &[&str]) -> Ran {
    let mut command = world.command();
    command.current_dir(world.dir.path()).args(arguments).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    child.stdin.take().expect("stdin").write_all(text.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends").into()
}

#[test]
fn an_empty_folder_points_to_init_whose_spec_validates_and_plans_at_once() {
    let world = World::new();
    here(&world, &["plan"]).exits(78).says("cachectl init");
    here(&world, &["init", "--stack", "shop"]).exits(0).says("Wrote cachectl.yaml");
    let text = std::fs::read_to_string(world.dir.path().join("cachectl.yaml")).expect("a spec");
    let first = text.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("# yaml-language-server: $schema=https://") && first.ends_with(".schema.json"),
        "{first}"
    );
    let ran = here(&world, &["validate"]).exits(0).says("ok cachectl.yaml: stack shop");
    assert!(!ran.all().contains("warning["), "{}", ran.all());
    assert!(world.sandbox.calls().is_empty(), "no AWS call until now");
    here(&world, &["plan"]).exits(0).says("+ replicationGroup/shop-cache").says("to create");
    // It is work by now.
    here(&world, &["init"]).exits(64).says("exists already").says("--force");
    here(&world, &["init", "--force", "--region", "eu-west-1"]).exits(0);
}

#[test]
fn the_first_spec_can_be_applied_and_destroyed_as_it_is() {
    let world = World::new();
    here(&world, &["init", "--stack", "shop"]).exits(0);
    here(&world, &["apply", "--yes", "--no-smoke"]).exits(0).says("no changes are left");
    here(&world, &["destroy", "--yes", "--allow", "delete:*"]).exits(0);
}

#[test]
fn a_first_spec_of_what_exists_is_an_import() {
    let world = World::new();
    world.sandbox.seed(2).expect("seeds");
    here(&world, &["init", "--from", "replicationGroup/seed-*", "--stack", "seeds"]).exits(0).says("Imported 2");
    let text = std::fs::read_to_string(world.dir.path().join("cachectl.yaml")).expect("a spec");
    assert!(text.starts_with("# yaml-language-server: $schema=") && text.contains("seed-0001"), "{text}");
    here(&world, &["validate"]).exits(0);
}

#[test]
fn a_saved_plan_where_a_spec_belongs_is_told_with_what_to_type() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small(""));
    here(&world, &["plan", path(&spec), "--out", "plan.json"]).exits(0);
    for command in ["plan", "validate", "render", "status", "destroy", "smoke"] {
        here(&world, &[command, "plan.json"]).exits(64).says("plan.json is a saved plan").says("--show plan.json");
    }
}

#[test]
fn a_spec_may_come_by_standard_input() {
    let world = World::new();
    fed(&world, &small(""), &["validate", "-"]).exits(0).says("ok <stdin>: stack small");
    fed(&world, &small("colour: blue"), &["validate", "-", "--format", "github"]).exits(78).says("file=<stdin>");
    let ran = fed(&world, &small(""), &["render", "-"]).exits(0);
    assert!(ran.stdout.contains("cacheNodeType: cache.t4g.small"), "{}", ran.stdout);
    fed(&world, &small(""), &["plan", "-"]).exits(0).says("+ replicationGroup/cache");
    fed(&world, &small(""), &["plan", "-", "--out", "plan.json"]).exits(64).says("standard input");
}

#[test]
fn slips_in_the_policy_are_told_beside_the_files_other_errors() {
    let world = World::new();
    let policy = "policy:\n  lint: {tsl: none}\n  waivers: [{rule: multiaz, resource: '*', reason: r}]\n";
    let spec = world.spec("small.yaml", &(small("colour: blue") + policy));
    let ran = world.run(&["validate", path(&spec)]).exits(78).says("unknown key `colour`");
    let ran = ran.says("policy.lint names `tsl`").says("`multiaz`, which is not a lint rule");
    assert!(!ran.all().contains("warn :"), "{}", ran.all());
    let sound = world.spec("sound.yaml", &(small("") + "policy:\n  lint: {tls: error, multi-az: error}\n"));
    world.run(&["validate", path(&sound)]).exits(3).says("blocked ").says("1 resource;");
    let ran = world.run(&["validate", path(&sound), "--format", "markdown"]).exits(3);
    assert!(
        ran.stdout.starts_with("| severity | rule |") && ran.stdout.contains("\n| error | `multi-az` |"),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_unit_of_storage_need_not_be_said() {
    let world = World::new();
    let limits = |unit: &str| {
        format!(
            "apiVersion: cachectl/v1\nstack: s\nregion: us-east-1\nserverlessCaches:\n  c:\n    engine: valkey\n    cacheUsageLimits: {{dataStorage: {{maximum: 10{unit}}}, ecpuPerSecond: {{maximum: 5000}}}}\n"
        )
    };
    let spec = world.spec("s.yaml", &limits(""));
    world.run(&["validate", path(&spec)]).exits(0);
    let plan = world.run(&["plan", path(&spec), "--format", "json"]).exits(0).json();
    assert_eq!(plan["steps"][0]["parameters"]["CacheUsageLimits"]["DataStorage"]["Unit"], "GB", "{plan:#}");
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    let same = world.spec("s.yaml", &limits(", unit: GB"));
    world.run(&["plan", path(&same)]).exits(0).says("No changes.");
    let one = world.spec("s.yaml", &limits("").replace(", ecpuPerSecond: {maximum: 5000}", ""));
    world.run(&["validate", path(&one)]).exits(0).says("no maximum for processing");
}

#[test]
fn an_endpoint_that_is_set_to_nothing_is_told() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small(""));
    let mut command = world.command();
    command.env("AWS_ENDPOINT_URL", "").args(["plan", path(&spec)]);
    Ran::of(&mut command).exits(64).says("AWS_ENDPOINT_URL is set but empty");
}

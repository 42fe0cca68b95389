//! What `explain`, `--help`, the manual pages and the completions say: everything that has a name has an answer.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use cachectl::cli::explain::{about, topics};
use cachectl::lint::{elsewhere::ELSEWHERE, rules::RULES};
use cachectl::model::Kind;
use cachectl::spec::rules;

use crate::harness::{Ran, World, path};

#[test]
fn everything_that_has_a_name_is_explained() {
    let topics = topics();
    assert!(topics.len() > 400, "{}", topics.len());
    for topic in &topics {
        assert!(!about(topic).is_empty(), "`{topic}` is in the index and is not a known word it");
    }
    for topic in [
        "stack",
        "environments",
        "policy.lint",
        "waivers",
        "vars",
        "preset",
        "smoke.require.p99Ms",
        "p99Ms",
        "exit-3",
        "3",
        "exit 130",
        "exit codes",
        "orphan",
        "hop",
        "CKV_AWS_31",
        "ElastiCache.5",
        "AVD-AWS-0051",
        "AEC3",
        "replicationGroups.prod-cache.engineVersion",
        "parameterGroup.parameters.maxmemory-policy",
        "nodeGroupConfiguration[0].slots",
        "CacheNodeType",
        "cache_node_type",
        "nodetype",
        "numNodes",
        "replication_group_id",
        "alarms.override.Evictions.threshold",
        "cacheClusters",
        "--allow".trim_start_matches('-'),
    ] {
        assert!(!about(topic).is_empty(), "`{topic}` is not a known word");
    }
}

#[test]
fn rules_of_other_tools_name_rules_that_exist_and_no_id_stands_twice() {
    let ours: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).chain(rules::all().map(|rule| rule.code)).collect();
    let mut seen = BTreeSet::new();
    for row in ELSEWHERE {
        assert!(seen.insert((row.tool, row.id)), "{} {} stands twice", row.tool, row.id);
        for rule in row.here {
            assert!(ours.contains(rule), "{} names `{rule}`, which does not exist", row.id);
        }
    }
}

#[test]
fn explanations_fill_the_line_and_stay_within_it() {
    let world = World::new();
    for width in [60_usize, 80, 120] {
        for topic in ["", "replicationGroup", "engineVersion", "shape-conflict", "CKV_AWS_31", "smoke", "exit"] {
            let mut command = world.command();
            command.env("COLUMNS", width.to_string()).arg("explain");
            if !topic.is_empty() {
                command.arg(topic);
            }
            let ran = Ran::of(&mut command).exits(0);
            for line in ran.stdout.lines() {
                // A word of its own may be longer than its column.
                let fits = line.chars().count() <= width || line.trim().split(' ').count() == 1;
                assert!(fits, "{topic} at {width}: {line}");
            }
        }
    }
    let ran = Ran::of(world.command().env("COLUMNS", "80").args(["explain", "replicationGroup"])).exits(0);
    let fullest = ran.stdout.lines().filter(|line| line.starts_with("      ")).map(|line| line.chars().count()).max();
    assert!(fullest > Some(70), "continued lines leave {fullest:?} of 80 columns");
}

#[test]
fn a_slip_is_answered_with_what_was_meant() {
    let world = World::new();
    world.run(&["explain", "enginVersion"]).exits(64).says("did you mean `engineVersion`?");
    world
        .run(&["explain", "replicationGroup.smoke.duraton"])
        .exits(64)
        .says("did you mean `replicationGroup.smoke.duration`?");
    world.run(&["explain", "quux"]).exits(64).says("without a word lists");
    world.run(&["explain", "tls"]).exits(0).says("CKV_AWS_30").says("policy: {lint: {tls:");
    world.run(&["explain", "nodetype"]).exits(0).says("replicationGroup.cacheNodeType");
    world.run(&["explain", "exit-6"]).exits(0).says("The same command resumes");
}

#[test]
fn flags_are_grouped_in_the_help() {
    let world = World::new();
    let ran = world.run(&["plan", "--help"]).exits(0);
    for group in ["Spec:", "AWS:", "Safety:", "Output:"] {
        assert!(ran.stdout.lines().any(|line| line == group), "no {group} in\n{}", ran.stdout);
    }
    let options: Vec<&str> = ran.stdout.split("\n\n").filter(|block| block.starts_with("Options:")).collect();
    assert!(options.iter().all(|block| !block.contains("--allow") && !block.contains("--region")), "{options:?}");
}

#[test]
fn each_command_has_a_page_that_says_whose_it_is() {
    let world = World::new();
    let folder = world.dir.path().join("man");
    world.run(&["man", "--out", path(&folder)]).exits(0);
    let pages: BTreeSet<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for page in ["cachectl.1", "cachectl-plan.1", "cachectl-explain.1", "cachectl-init.1", "cachectl-drill-failover.1"]
    {
        assert!(pages.contains(page), "{pages:?}");
    }
    let plan = std::fs::read_to_string(folder.join("cachectl-plan.1")).unwrap();
    assert!(plan.contains(".TH cachectl-plan 1") && plan.contains("\\fBcachectl plan\\fR"), "{plan}");
    assert!(plan.contains("EXIT STATUS") && !plan.contains("EXTRA"), "{plan}");
    let one = world.run(&["man"]).exits(0);
    assert_eq!(one.stdout.matches(".TH ").count(), 1);
}

/// What bash is offered after these words, of which the last is not finished.
fn offered(world: &World, words: &[&str]) -> Vec<String> {
    let mut command: Command = world.command();
    command.current_dir(world.dir.path()).env("COMPLETE", "bash").env("_CLAP_IFS", "\n").arg("--").arg("cachectl");
    command.env("_CLAP_COMPLETE_INDEX", words.len().to_string()).args(words);
    Ran::of(&mut command).exits(0).stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_with_what_the_readme_has_it_source() {
    let world = World::new();
    let own = world.command();
    let mut script = Command::new("bash");
    script.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let folder = Path::new(env!("CARGO_BIN_EXE_cachectl")).parent().expect("a folder");
    script.env("PATH", format!("{}:/usr/bin:/bin", folder.display())).arg("-c").arg(
        "source <(cachectl completions bash) || exit 1
         complete -p cachectl | sed -n 's/.* -F \\([^ ]*\\) .*/\\1/p' >function
         COMP_LINE='cachectl explain exit-1' COMP_POINT=23 COMP_WORDS=(cachectl explain exit-1) COMP_CWORD=2
         \"$(cat function)\" cachectl exit-1 explain
         printf '%s\n' \"${COMPREPLY[@]}\"",
    );
    let ran = Ran::of(script.current_dir(world.dir.path())).exits(0);
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), ["exit-1", "exit-130"], "{}", ran.all());
}

/// Types into an interactive bash at a terminal: lines are completed and then only printed.
const TYPED: &str = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
os.write(terminal, b"source <(cachectl completions bash)\n")
for line in sys.argv[1:]:
    os.write(terminal, line.encode() + b"\t\x01echo completed: \x05\n")
os.write(terminal, b"exit\n")
try:
    while data := os.read(terminal, 4096):
        sys.stdout.buffer.write(data)
except OSError:
    pass
os.waitpid(pid, 0)
"#;

#[test]
fn bash_goes_on_within_words_that_it_breaks() {
    let world = World::new();
    world.spec(
        "cachectl.yaml",
        "apiVersion: cachectl/v1\nstack: s\nregion: us-east-1\nreplicationGroups:\n  orders: {engine: valkey}\nenvironments:\n  staging: {}\n",
    );
    let own = world.command();
    let mut typed = Command::new("python3");
    typed.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let folder = Path::new(env!("CARGO_BIN_EXE_cachectl")).parent().expect("a folder");
    typed.env("PATH", format!("{}:/usr/bin:/bin", folder.display())).env("TERM", "dumb").env("COLUMNS", "200");
    typed.args(["-c", TYPED, "cachectl plan --allow delete:replicationGroup/o", "cachectl plan --env=st"]);
    let ran = Ran::of(typed.current_dir(world.dir.path())).exits(0);
    for line in
        ["completed: cachectl plan --allow delete:replicationGroup/orders", "completed: cachectl plan --env=staging"]
    {
        assert!(ran.stdout.lines().any(|seen| seen.trim() == line), "no `{line}` in\n{}", ran.all());
    }
}

#[test]
fn completions_know_the_specs_environments_and_addresses() {
    let world = World::new();
    world.spec(
        "prod.yaml",
        "apiVersion: cachectl/v1\nstack: s\nregion: us-east-1\nreplicationGroups:\n  cache: {engine: valkey}\nenvironments:\n  staging: {}\n  prod: {}\n",
    );
    assert_eq!(offered(&world, &["plan", "prod.yaml", "-e", ""]), ["staging", "prod"]);
    assert_eq!(
        offered(&world, &["plan", "prod.yaml", "--only", "repl"]),
        ["replicationGroup/cache", "replicationGroup/*"]
    );
    let allowed = offered(&world, &["plan", "prod.yaml", "--allow", "delete:repl"]);
    assert_eq!(allowed, ["delete:replicationGroup/cache", "delete:replicationGroup/*"]);
    assert!(
        offered(&world, &["explain", "replicationGroup.cacheN"]).contains(&"replicationGroup.cacheNodeType".to_owned())
    );
    assert!(offered(&world, &["plan", "--region", "eu-"]).contains(&"eu-west-1".to_owned()));
    let config = world.spec("config", "[default]\n[profile prod-admin]\n[sso-session x]\n");
    let mut command = world.command();
    command.env("AWS_CONFIG_FILE", path(&config)).env("COMPLETE", "bash").env("_CLAP_IFS", "\n");
    command.env("_CLAP_COMPLETE_INDEX", "3").args(["--", "cachectl", "plan", "--profile", ""]);
    let profiles = Ran::of(&mut command).exits(0);
    assert_eq!(profiles.stdout.lines().collect::<Vec<_>>(), ["default", "prod-admin"]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        world.run(&["completions", shell]).exits(0).says("COMPLETE");
    }
    assert!(Kind::ALL.len() >= 7);
}

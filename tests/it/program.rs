//! What a user meets: the whole loop, errors, exit codes, and what is never shown.

use std::path::PathBuf;

use cachectl_sandbox::{Fault, Options};
use serde_json::Value;

use crate::harness::{Ran, World, bare, path, small};

fn article() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("specs/article.yaml")
}

#[test]
fn the_article_is_planned_applied_planned_to_empty_changed_and_destroyed() {
    let world = World::with(Options { time_scale: 0.0002, ..Options::default() });
    let article = article();
    let spec = path(&article);
    let plan = world.run(&["plan", spec, "--format", "json"]).exits(0).json();
    assert_eq!(plan["summary"]["create"], 28, "{plan:#}");
    world.run(&["plan", spec, "--detailed-exitcode"]).exits(2).says("Plan: 28 to create");
    world.run(&["apply", spec, "--yes", "--no-smoke"]).exits(0).says("no changes are left");

    let before = world.sandbox.calls().len();
    world.run(&["plan", spec, "--detailed-exitcode"]).exits(0).says("No changes.");
    let calls = world.sandbox.calls().len() - before;
    assert!(calls <= 10, "the no-change plan took {calls} calls");

    let text = std::fs::read_to_string(&article).expect("the article's spec");
    let changed = text
        .replace("cacheNodeType: cache.r7g.xlarge", "cacheNodeType: cache.r7g.2xlarge")
        .replace("threshold: 80\n", "threshold: 75\n");
    let changed = world.spec("article.yaml", &changed);
    let plan = world.run(&["plan", path(&changed), "--format", "json"]).exits(0).json();
    let paths: Vec<_> = plan["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .flat_map(|change| change["attributes"].as_array().expect("attributes"))
        .map(|attribute| attribute["path"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(paths, ["cacheNodeType", "threshold", "threshold", "threshold"]);
    world.run(&["apply", path(&changed), "--yes", "--no-smoke"]).exits(0);
    world.run(&["plan", path(&changed)]).exits(0).says("No changes.");

    world.run(&["destroy", path(&changed), "--yes"]).exits(3).says("--allow delete:replicationGroup/prod-cache");
    world.run(&["plan", path(&changed)]).exits(0).says("No changes.");
    world
        .run(&["destroy", path(&changed), "--yes", "--allow", "delete:*"])
        .exits(0)
        .says("nothing of the stack is left");
    let plan = world.run(&["plan", path(&changed), "--format", "json"]).exits(0).json();
    assert_eq!(plan["summary"]["create"], 28);
}

#[test]
fn replicas_bring_their_alarms_and_take_them_along() {
    let world = World::new();
    let with = |nodes: usize| {
        small("alarms: {preset: recommended, alarmActions: [\"arn:aws:sns:us-east-1:012345678901:alerts\"]}")
            .replace("numCacheClusters: 2", &format!("numCacheClusters: {nodes}"))
    };
    let spec = world.spec("small.yaml", &with(2));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    world.run(&["plan", path(&spec)]).exits(0).says("No changes.");
    world.spec("small.yaml", &with(3));
    let plan = world.run(&["plan", path(&spec), "--format", "json"]).exits(0).json();
    assert_eq!(plan["summary"]["create"], 9, "nine alarms of the new replica: {plan:#}");
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    world.run(&["plan", path(&spec)]).exits(0).says("No changes.");
    world.spec("small.yaml", &with(2));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    world.run(&["plan", path(&spec), "--show-unchanged", "--format", "json"]).exits(0).says("\"noop\": 19");
}

#[test]
fn a_broken_spec_tells_every_fault_with_its_place_and_exits_78() {
    let world = World::new();
    let spec = world.spec(
        "broken.yaml",
        "apiVersion: cachectl/v1\nstack: broken\nregion: us-east-1\nreplicationGroups:\n  cache:\n    description: x\n    engine: valkey\n    engineVersion: 8.0\n    cacheNodeTyp: cache.t4g.small\n    numCacheClusters: many\n    numCacheClusters: 2\n    userGroupIds: [ghost]\nalarms:\n  a:\n    for: replicationGroup/cach\n    metricName: Evictions\n    statistic: Sum\n    period: 60\n    evaluationPeriods: 1\n    threshold: 0\n    comparisonOperator: GreaterThanThreshold\n",
    );
    for command in ["validate", "plan", "apply"] {
        let ran = world.run(&[command, path(&spec)]).exits(78);
        let all = ran.all();
        for (place, code) in [
            ("8:20", "wrong-type"),
            ("9:5", "unknown-key"),
            ("10:23", "wrong-type"),
            ("11:5", "duplicate-key"),
            ("15:10", "dangling-reference"),
        ] {
            assert!(all.contains(&format!("broken.yaml:{place}")), "no {place} in\n{all}");
            assert!(all.contains(code), "no {code} in\n{all}");
        }
        assert!(all.contains("did you mean `cacheNodeType`?"), "{all}");
    }
    assert!(world.sandbox.calls().is_empty(), "a broken spec makes no call");
    let ran = Ran::of(world.command().args(["validate", path(&world.spec("bad.yaml", "a: [1\nb: 2\n"))])).exits(78);
    assert!(ran.all().contains("bad.yaml:2:"), "{}", ran.all());
}

#[test]
fn without_credentials_one_message_says_how_to_log_in() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small(""));
    let mut command = bare(world.dir.path());
    command.env("AWS_ENDPOINT_URL", world.sandbox.endpoint()).args(["plan", path(&spec)]);
    let ran = Ran::of(&mut command).exits(1).says("no usable AWS credentials").says("aws sso login");
    assert!(ran.stderr.lines().count() <= 3, "{}", ran.stderr);
}

#[test]
fn an_unreachable_endpoint_a_refusal_and_throttling_each_say_what_to_do() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small(""));
    let ran = Ran::of(world.command().env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").args(["plan", path(&spec)]))
        .exits(1)
        .says("cannot be reached")
        .says("AWS_ENDPOINT_URL");
    assert!(ran.stderr.lines().count() <= 3, "{}", ran.stderr);
    world.sandbox.inject(Fault::access_denied().on("DescribeReplicationGroups"));
    let ran = world.run(&["plan", path(&spec)]).exits(1).says("DescribeReplicationGroups").says("IAM policy");
    assert!(ran.stderr.lines().count() <= 3, "{}", ran.stderr);
    world.sandbox.clear_faults();
    world.sandbox.inject(Fault::throttle().on("GetCallerIdentity"));
    let ran = world.run(&["plan", path(&spec)]).exits(1).says("Throttling").says("run the same command again");
    assert!(ran.stderr.lines().count() <= 3, "{}", ran.stderr);
    world.sandbox.clear_faults();
    // A passing fault is nobody's business.
    world.sandbox.inject(Fault::unavailable().on("DescribeReplicationGroups").times(2));
    world.run(&["plan", path(&spec)]).exits(0);
}

#[test]
fn a_secret_is_used_and_nowhere_to_be_seen() {
    const TOKEN: &str = "correct-horse-battery-staple-42";
    let world = World::new();
    let spec = world.spec("small.yaml", &small("authToken: {env: CACHE_TOKEN}\nsnapshotRetentionLimit: 1"));
    let events = world.dir.path().join("events.jsonl");
    let saved = world.dir.path().join("plan.json");
    let run = |arguments: &[&str]| Ran::of(world.command().env("CACHE_TOKEN", TOKEN).args(arguments));
    let mut seen = String::new();
    seen += &run(&["plan", path(&spec), "-vv", "--out", path(&saved)]).exits(0).all();
    seen += &run(&["plan", path(&spec), "--format", "json"]).exits(0).all();
    seen += &run(&["render", path(&spec)]).exits(0).says("CACHE_TOKEN").all();
    seen += &run(&["apply", path(&spec), "--yes", "--no-smoke", "-vv", "--events", path(&events), "--format", "json"])
        .exits(0)
        .all();
    seen += &run(&["plan", path(&spec)]).exits(0).says("No changes.").all();
    for file in [&events, &saved] {
        seen += &std::fs::read_to_string(file).expect("what was written");
    }
    assert!(!seen.contains(TOKEN), "the token is in the output");
    // Another token is a change; which, is told without saying it.
    let other = Ran::of(world.command().env("CACHE_TOKEN", "another-token-of-16-chars").args(["plan", path(&spec)]))
        .exits(0)
        .says("(secret)");
    assert!(!other.all().contains("another-token"), "{}", other.all());
    // A literal is refused, and its line is not shown.
    let literal = world.spec("literal.yaml", &small(&format!("authToken: {TOKEN}")));
    for format in ["table", "json", "github", "sarif"] {
        let ran = world.run(&["validate", path(&literal), "--format", format]).exits(78).says("secret-literal");
        assert!(!ran.all().contains(TOKEN), "{}", ran.all());
    }
}

#[test]
fn without_a_terminal_nothing_is_applied_unless_yes_is_said() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small(""));
    world.run(&["apply", path(&spec)]).exits(64).says("--yes");
    world.run(&["destroy", path(&spec)]).exits(0);
    let writes = world
        .sandbox
        .calls()
        .iter()
        .filter(|call| !["Describe", "List", "Get"].iter().any(|read| call.operation.starts_with(read)))
        .count();
    assert_eq!(writes, 0);
}

#[test]
fn the_wrong_account_or_region_stops_before_any_other_call() {
    let world = World::new();
    let spec = world.spec(
        "small.yaml",
        &small("").replace("region: us-east-1\n", "region: us-east-1\naccountId: \"999999999999\"\n"),
    );
    world.run(&["plan", path(&spec)]).exits(3).says("999999999999");
    let calls: Vec<_> = world.sandbox.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["GetCallerIdentity"]);
    world.run(&["plan", path(&spec), "--region", "eu-west-1"]).exits(64);
}

#[test]
fn a_saved_plan_is_applied_as_long_as_nothing_moved() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small(""));
    let saved = world.dir.path().join("plan.json");
    world.run(&["plan", path(&spec), "--out", path(&saved)]).exits(0);
    world.run(&["plan", "--show", path(&saved)]).exits(0).says("+ replicationGroup/cache");
    world.run(&["apply", path(&saved), "--yes", "--no-smoke"]).exits(0);
    world.run(&["apply", path(&saved), "--yes", "--no-smoke"]).exits(4).says("now exists");
    world.spec("small.yaml", &small("snapshotRetentionLimit: 3"));
    world.run(&["plan", path(&spec), "--out", path(&saved)]).exits(0);
    world.spec("small.yaml", &small("snapshotRetentionLimit: 4"));
    world.run(&["apply", path(&saved), "--yes", "--no-smoke"]).exits(4).says("the spec has changed");
}

#[test]
fn what_aws_refuses_is_blocked_with_the_way_round_and_nothing_is_written() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small(""));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    world.spec(
        "small.yaml",
        &small("snapshotRetentionLimit: 3").replace("engine: valkey", "engine: redis").replace("8.0", "7.1"),
    );
    world.sandbox.clear_calls();
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(3).says("BLOCKED (engine-downgrade)");
    // A change that only a replacement makes is never made in silence.
    world.spec("small.yaml", &small("port: 7000"));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(3).says("--allow replace:replicationGroup/cache");
    let writes = world
        .sandbox
        .calls()
        .iter()
        .filter(|call| {
            ["Create", "Modify", "Delete", "Put", "Add"].iter().any(|write| call.operation.starts_with(write))
        })
        .count();
    assert_eq!(writes, 0);
}

#[test]
fn a_resource_without_the_tag_is_adopted_only_when_that_is_allowed() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small(""));
    let other = world.spec("other.yaml", &small("").replace("stack: small", "stack: other"));
    world.run(&["apply", path(&other), "--yes", "--no-smoke"]).exits(0);
    world
        .run(&["apply", path(&spec), "--yes", "--no-smoke", "--allow", "adopt:*"])
        .exits(3)
        .says("belongs to the stack `other`");
}

#[test]
fn an_orphan_is_listed_and_deleted_only_when_pruning_is_allowed() {
    let world = World::new();
    let two = small("")
        .replace("replicationGroups:", "subnetGroups:\n  old: {subnetIds: [subnet-1, subnet-2]}\nreplicationGroups:");
    let spec = world.spec("small.yaml", &two);
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    world.spec("small.yaml", &small(""));
    world.run(&["plan", path(&spec)]).exits(0).says("Orphans").says("No changes.");
    world.run(&["plan", path(&spec), "--prune"]).exits(3).says("--allow delete:subnetGroup/old");
    world.run(&["apply", path(&spec), "--prune", "--allow", "delete:subnetGroup/*", "--yes", "--no-smoke"]).exits(0);
    let ran = world.run(&["plan", path(&spec)]).exits(0).says("No changes.");
    assert!(!ran.all().contains("Orphans"));
}

#[test]
fn several_specs_are_several_stacks_and_the_worst_exit_wins() {
    let world = World::new();
    let one = world.spec("one.yaml", &small(""));
    let two = world.spec("two.yaml", &small("").replace("stack: small", "stack: two").replace("  cache:", "  other:"));
    let plan = world.run(&["plan", path(&one), path(&two), "--format", "json"]).exits(0).json();
    assert_eq!(plan["stacks"].as_array().map(Vec::len), Some(2));
    let broken = world.spec("broken.yaml", "stack: [");
    world.run(&["plan", path(&one), path(&broken)]).exits(78).says("+ replicationGroup/cache");
}

#[test]
fn usage_errors_exit_64_and_help_exits_0() {
    let world = World::new();
    world.run(&["plan", "--no-such-flag"]).exits(64);
    world.run(&["aply"]).exits(64).says("apply");
    world.run(&["plan", "--allow", "explode:*"]).exits(64).says("explode");
    world.run(&["--help"]).exits(0).says("Exit codes");
    world.run(&["explain", "replicationGroup.cacheNodeType"]).exits(0).says("ModifyReplicationGroup");
    world.run(&["explain", "tls"]).exits(0).says("Security Hub");
    world.run(&["explain", "subnet-in-use"]).exits(0).says("AWS does not take a subnet out of a group");
    world.run(&["explain", "snapshotRetentionLimit"]).exits(0).says("replicationGroup.").says("serverlessCache.");
    world.run(&["completions", "bash"]).exits(0).says("cachectl");
    world.run(&["man"]).exits(0).says(".TH cachectl");
    let schema: Value = world.run(&["schema"]).exits(0).json();
    assert!(schema["properties"]["replicationGroups"].is_object());
}

#[test]
fn a_pipe_and_no_color_get_plain_text() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small(""));
    let plain = world.run(&["plan", path(&spec)]).exits(0);
    assert!(!plain.stdout.contains('\u{1b}'));
    let styled = world.run(&["plan", path(&spec), "--color", "always"]).exits(0);
    assert!(styled.stdout.contains('\u{1b}'));
    let no_color = Ran::of(world.command().env("NO_COLOR", "1").args(["plan", path(&spec)])).exits(0);
    assert!(!no_color.stdout.contains('\u{1b}'));
    for width in ["80", "60", "200"] {
        let ran = Ran::of(world.command().env("COLUMNS", width).args(["plan", path(&article())])).exits(0);
        let longest = ran.stdout.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(longest <= width.parse().unwrap_or(0) || width == "60", "{longest} columns at {width}");
    }
}

#[test]
fn every_example_spec_is_valid() {
    let world = World::new();
    let specs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("specs");
    let files: Vec<_> = std::fs::read_dir(specs).expect("specs").filter_map(|entry| Some(entry.ok()?.path())).collect();
    assert!(!files.is_empty());
    for file in files {
        world.run(&["validate", path(&file)]).exits(0);
    }
}

#[test]
fn a_refused_change_of_what_cannot_be_read_back_fails_in_aws_own_words() {
    let world = World::new();
    let users = |password: &str| {
        format!(
            "apiVersion: cachectl/v1\nstack: small\nregion: us-east-1\nusers:\n  app: {{userName: app, engine: valkey, accessString: \"on ~* +@all\", passwords: [{{env: {password}}}]}}\n"
        )
    };
    let run = |arguments: &[&str]| {
        let mut command = world.command();
        command.env("OLD", "an-old-password-of-some-length").env("NEW", "a-new-password-of-some-length");
        Ran::of(command.args(arguments))
    };
    let spec = world.spec("users.yaml", &users("OLD"));
    run(&["apply", path(&spec), "--yes"]).exits(0);
    world.spec("users.yaml", &users("NEW"));
    world.sandbox.inject(Fault::error(400, "InvalidParameterValue", "No, not this one.").on("ModifyUser").times(1));
    run(&["apply", path(&spec), "--yes"]).exits(1).says("No, not this one.");
    run(&["plan", path(&spec), "--detailed-exitcode"]).exits(2);
    run(&["apply", path(&spec), "--yes"]).exits(0);
    run(&["plan", path(&spec), "--detailed-exitcode"]).exits(0);
}

#[test]
fn what_would_be_ignored_is_a_usage_error() {
    let world = World::new();
    let spec = world.spec("small.yaml", &small(""));
    let saved = world.dir.path().join("plan.json");
    world.run(&["plan", path(&spec), "--out", path(&saved)]).exits(0);
    world.run(&["apply", path(&saved), "--only", "alarm/*", "--yes"]).exits(64).says("--only");
    world.run(&["apply", path(&saved), path(&spec), "--yes"]).exits(64);
    world
        .run(&["plan", path(&spec), "--only", "replicationGroup/cach"])
        .exits(64)
        .says("did you mean `replicationGroup/cache`?");
    world.run(&["smoke", path(&spec), "replicationGroup/other"]).exits(64);
    assert!(!world.sandbox.calls().iter().any(|call| call.operation.starts_with("Create")));
}

#[test]
fn users_with_passwords_are_not_let_in_from_the_internet_by_a_group_that_the_spec_does_not_have() {
    let rig = crate::rig::Rig::with("", cachectl_sandbox::Options::default());
    let with = |group: &str| {
        format!(
            "apiVersion: cachectl/v1\nstack: open\nregion: us-east-1\nserverlessCaches:\n  s: {{engine: valkey, majorEngineVersion: \"9\", connectionType: public, userGroupId: {group}}}\n"
        )
    };
    rig.by_hand("CreateUser", "UserId=bob&UserName=bob&Engine=valkey&AccessString=on%20~*%20%2B%40read&Passwords.member.1=a-password-of-some-length");
    rig.by_hand("CreateUserGroup", "UserGroupId=people&Engine=valkey&UserIds.member.1=bob");
    let blocked = |rig: &crate::rig::Rig| {
        let plan = rig.run(&["plan"]).exits(3);
        plan.says("user/bob of the user group people does not log in by IAM");
    };
    rig.spec(&with("people"));
    blocked(&rig);
    rig.spec(&with("default.iam-user-group"));
    rig.apply().exits(0);
    rig.sandbox.clear_calls();
    rig.run(&["plan"]).exits(0).says("No changes");
    assert_eq!(rig.called("DescribeUsers"), 0, "the spec has no users, and AWS's own group has none to look at");
    rig.spec(&with("people"));
    blocked(&rig);
    rig.spec(&with("people").replace("connectionType: public, ", ""));
    blocked(&rig);
}

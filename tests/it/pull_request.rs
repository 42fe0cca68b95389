//! A plan as a comment on a pull request.

use serde_json::json;

use crate::harness::{World, path, small};

/// A stack of so many caches, each with its alarms.
fn many(caches: usize, node_type: &str) -> String {
    let group = |index: usize| {
        format!(
            "  cache-{index:03}:\n    description: Cache number {index}\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: {node_type}\n    numCacheClusters: 2\n    automaticFailoverEnabled: true\n    transitEncryptionEnabled: true\n    alarms: {{preset: recommended}}\n"
        )
    };
    let groups: String = (0..caches).map(group).collect();
    format!("apiVersion: cachectl/v1\nstack: many\nregion: us-east-1\nreplicationGroups:\n{groups}")
}

#[test]
fn a_comment_on_a_hundred_caches_fits_and_says_how_many_more() {
    let world = World::new();
    let spec = world.spec("many.yaml", &many(100, "cache.t4g.small"));
    for phase in ["created", "changed", "deleted"] {
        let arguments = match phase {
            "deleted" => vec!["plan", path(&spec), "--prune", "--allow", "delete:*", "--format", "markdown"],
            _ => vec!["plan", path(&spec), "--format", "markdown"],
        };
        let ran = world.run(&arguments).exits(0);
        assert!(ran.stdout.chars().count() < 65_536, "{phase}: {} characters", ran.stdout.chars().count());
        assert!(ran.stdout.ends_with('\n') && !ran.stdout.ends_with("\n\n"), "{phase}");
        match phase {
            "created" => {
                world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
                world.spec("many.yaml", &many(100, "cache.t4g.medium"));
            }
            _ => drop(world.spec("many.yaml", &many(1, "cache.t4g.small").replace("cache-000", "other"))),
        }
    }
    let more = world.spec(
        "more.yaml",
        &many(900, "cache.t4g.small").replace("stack: many", "stack: more").replace("  cache-", "  more-"),
    );
    let ran = world.run(&["plan", path(&more), "--only", "replicationGroup/*", "--format", "markdown"]).exits(0);
    assert!(ran.stdout.chars().count() < 65_536, "{} characters", ran.stdout.chars().count());
    assert!(ran.stdout.contains(" more: the job's log has them") && ran.stdout.ends_with('\n'), "{}", ran.stdout);
}

#[test]
fn what_destroys_stands_first_and_values_stand_in_full() {
    let world = World::new();
    let long = "a description that is much longer than sixty characters, since people write such, and `|` or <b> in it";
    let two = |description: &str, rest: &str| {
        small(rest).replace("description: A cache", &format!("description: \"{description}\"")).replace(
            "replicationGroups:",
            "subnetGroups:\n  old: {subnetIds: [subnet-1, subnet-2]}\nreplicationGroups:",
        )
    };
    let spec = world.spec("small.yaml", &two("short", ""));
    world.run(&["apply", path(&spec), "--yes", "--no-smoke"]).exits(0);
    let gone = two(long, "").replace("subnetGroups:\n  old: {subnetIds: [subnet-1, subnet-2]}\n", "");
    world.spec("small.yaml", &gone);
    let markdown = world.dir.path().join("plan.md");
    let json = world.dir.path().join("plan.json");
    let arguments = [
        "plan",
        path(&spec),
        "--prune",
        "--allow",
        "delete:*",
        "--markdown-out",
        path(&markdown),
        "--json-out",
        path(&json),
    ];
    world.run(&arguments).exits(0).says("~ replicationGroup/cache");
    let text = std::fs::read_to_string(&markdown).expect("the comment");
    let destroyed = text.find("#### Replaced or deleted").unwrap_or_else(|| panic!("{text}"));
    let changed = text.find("#### Changes").unwrap_or_else(|| panic!("{text}"));
    assert!(destroyed < changed && text.contains("| **delete** | `subnetGroup/old` |"), "{text}");
    assert!(text.contains("since people write such, and") && text.contains("\\|") && !text.contains('…'), "{text}");
    assert!(text.contains("| warn | `") && !text.contains("| info |"), "{text}");
    assert!(json.exists());
    // What is blocked comes before all else.
    world.spec("small.yaml", &two("short", "port: 7000"));
    let ran = world.run(&["plan", path(&spec), "--format", "markdown"]).exits(3);
    assert!(ran.stdout.find("#### Blocked").is_some_and(|at| at < 400), "{}", ran.stdout);
    world.run(&["plan", path(&spec), "--markdown-out", "-"]).exits(64);
}

#[test]
fn warnings_of_the_spec_stand_in_the_plan_that_a_comment_shows() {
    let world = World::new();
    let spec = world.spec("cachectl.yaml", &small("").replace("t4g.small", "t4g.smal"));
    let plan = |format: &str| world.run(&["plan", path(&spec), "--format", format]).exits(0);
    let document = plan("json").json();
    let finding = &document["lint"].as_array().unwrap().iter().find(|one| one["rule"] == "unknown-node-type");
    let finding = finding.unwrap_or_else(|| panic!("{document:#}"));
    assert_eq!((&finding["severity"], &finding["address"]), (&json!("warn"), &json!("replicationGroup/cache")));
    assert!(finding["message"].as_str().is_some_and(|message| message.contains("did you mean `cache.t4g.small`?")));
    assert_eq!(finding["line"], 9);
    plan("markdown").says("| warn | `unknown-node-type` | `replicationGroup/cache` |");
    let table = plan("table").says("unknown-node-type  replicationGroup/cache");
    // Once is enough.
    assert_eq!(table.all().matches("cache.t4g.smal`").count(), 1, "{}", table.all());
    let out = world.dir.path().join("plan.json");
    world.run(&["plan", path(&spec), "--out", path(&out)]).exits(0);
    world.run(&["plan", "--show", path(&out)]).exits(0).says("unknown-node-type");
    world.run(&["status", path(&spec)]).exits(0).says("is not known here");
}

#[test]
fn validate_counts_all_that_it_shows_by_the_words_that_it_shows() {
    let world = World::new();
    let count = |text: &str, code: i32| {
        let ran = world.run(&["validate", path(&world.spec("cachectl.yaml", text))]).exits(code);
        let shown = |word: &str| {
            let of_rules = ran.stdout.lines().filter(|line| line.starts_with(&format!("{word}[")));
            let of_lint =
                ran.stdout.lines().filter(|line| line.contains(&format!(": {} ", word.replace("warning", "warn"))));
            of_rules.count() + of_lint.count()
        };
        let told = ["error", "warning"].map(|word| {
            let count = shown(word);
            format!("{count} {word}{}", if count == 1 { "" } else { "s" })
        });
        let info = ran.stdout.lines().filter(|line| line.contains(": info ")).count();
        let last = ran.stdout.lines().last().unwrap_or_default().to_owned();
        assert!(last.contains(&told.join(", ")), "{told:?} in\n{}", ran.stdout);
        assert_eq!(last.contains(&format!(", {info} info")), info > 0, "{last}");
        assert!(!last.contains("hint"), "{last}");
        told
    };
    let misnamed = "policy: {lint: {no-alarm: error}, waivers: [{rule: nothing, resource: \"*\", reason: none, until: \"2030-01-01\"}]}\n";
    let text = small("").replace("t4g.small", "t4g.smal") + misnamed;
    assert!(count(&text, 0)[1] != "0 warnings");
    assert_eq!(count(&text.replace("engine: valkey", "engine: valky"), 78)[1], "3 warnings");
    count(&small(""), 0);
}

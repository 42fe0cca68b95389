//! A plan as a comment on a pull request.

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

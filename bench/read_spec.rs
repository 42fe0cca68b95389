//! How long reading a spec of 501 resources takes, and where the time goes.
//!
//!     cargo run --release --example read_spec [RESOURCES]

use std::fmt::Write as _;
use std::time::Instant;

use cachectl::spec::source::Sources;
use cachectl::spec::{from_text, render, yaml};

/// Groups with everything that a group in production has, each with an alarm of its own and a user.
fn spec(resources: usize) -> String {
    let each = (resources - 1) / 3;
    let head = String::from(
        "apiVersion: cachectl/v1\nstack: bench\nregion: us-east-1\nvars: {alerts: \"arn:aws:sns:us-east-1:012345678901:alerts\"}\n\
         tags: {team: platform}\nsubnetGroups:\n  private: {subnetIds: [subnet-a, subnet-b]}\n",
    );
    let subnets: String = (1..resources - 3 * each)
        .map(|index| format!("  private-{index}: {{subnetIds: [subnet-{index}]}}\n"))
        .collect();
    let (mut groups, mut alarms, mut users) =
        (String::from("replicationGroups:\n"), String::from("alarms:\n"), String::from("users:\n"));
    for index in 0..each {
        let _ = write!(
            groups,
            "  cache-{index}:\n    description: Cache {index}\n    engine: valkey\n    engineVersion: \"8.0\"\n    cacheNodeType: cache.r7g.large\n    \
             numCacheClusters: 3\n    multiAZEnabled: true\n    automaticFailoverEnabled: true\n    atRestEncryptionEnabled: true\n    \
             transitEncryptionEnabled: true\n    transitEncryptionMode: required\n    cacheSubnetGroupName: private\n    \
             securityGroupIds: [sg-cache]\n    snapshotRetentionLimit: 7\n    preferredMaintenanceWindow: sun:05:00-sun:06:00\n    \
             authToken: {{secretsManager: prod/cache-{index}, key: token}}\n    alarms: {{preset: recommended, alarmActions: [\"${{var.alerts}}\"]}}\n    \
             lifecycle: {{protect: true}}\n    tags: {{service: s{index}, tier: cache}}\n"
        );
        let _ = write!(
            alarms,
            "  evictions-{index}:\n    for: replicationGroup/cache-{index}\n    metricName: Evictions\n    statistic: Sum\n    period: 60\n    \
             evaluationPeriods: 3\n    threshold: 0\n    comparisonOperator: GreaterThanThreshold\n    alarmActions: [\"${{var.alerts}}\"]\n"
        );
        let _ = write!(
            users,
            "  user-{index}:\n    userName: user-{index}\n    engine: valkey\n    accessString: on ~app{index}:* +@read +@write\n    \
             passwords: [{{secretsManager: prod/user-{index}, key: password}}]\n"
        );
    }
    head + &subnets + &groups + &alarms + &users
}

fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..30)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[expect(clippy::print_stdout, reason = "the figures are the result")]
fn main() {
    let resources = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(501);
    let text = spec(resources);
    let loaded = from_text(&text);
    assert!(loaded.is_sound(), "{:?}", loaded.diagnostics.first());
    let (Some(spec), Some(document)) = (&loaded.spec, &loaded.document) else { return };
    println!("{} resources, {} lines, {} bytes", spec.resources.len(), text.lines().count(), text.len());
    let parsed = median(|| {
        let mut sources = Sources::default();
        let file = sources.add("spec.yaml", text.as_str());
        assert!(yaml::parse(&sources, file, &mut Vec::new()).is_some());
    });
    println!("YAML to nodes                  {parsed:7.2} ms");
    println!("read, decoded and checked      {:7.2} ms", median(|| assert!(from_text(&text).is_sound())));
    println!("rendered                       {:7.2} ms", median(|| assert!(!render::yaml(document, spec).is_empty())));
}

//! From Terraform: the output of `terraform show -json`, in the shape of the public modules, becomes a spec and the
//! blocks by which Terraform forgets what is in it.

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use cachectl_sandbox::Options;

use crate::harness::Ran;
use crate::rig::Rig;

pub(crate) const STATE: &str = include_str!("../terraform/state.json");

/// What the state tells of, but for two that somebody deleted since.
pub(crate) const LIVE: &str = r#"
apiVersion: cachectl/v1
stack: shop
region: us-east-1
subnetGroups:
  shop-cache: {subnetIds: [subnet-private-1a, subnet-private-1b]}
  shop-carts: {subnetIds: [subnet-private-1a, subnet-private-1b]}
  shop-search: {subnetIds: [subnet-private-1a, subnet-private-1b]}
parameterGroups:
  shop-cache: {family: valkey8}
users:
  shop-app: {userName: shop-app, engine: valkey, accessString: "on ~app:* +@all", authenticationMode: {type: iam}}
  shop-report: {userName: shop-report, engine: valkey, accessString: "on ~app:* +@read", authenticationMode: {type: iam}}
userGroups:
  shop-users: {engine: valkey, userIds: [shop-app, shop-report]}
replicationGroups:
  shop-cache: &cache {description: A cache, engine: valkey, engineVersion: "8.0", cacheNodeType: cache.t4g.small, numCacheClusters: 2, automaticFailoverEnabled: true, transitEncryptionEnabled: true}
  shop-sessions-a: *cache
  shop-carts: *cache
  shop-search: *cache
serverlessCaches:
  shop-serverless: {engine: valkey}
alarms:
  shop-cache-cpu: &alarm {namespace: AWS/ElastiCache, metricName: CPUUtilization, dimensions: [{name: CacheClusterId, value: shop-cache-001}], statistic: Average, period: 60, evaluationPeriods: 1, threshold: 90, comparisonOperator: GreaterThanThreshold}
  shop-carts-001-freeable-memory: *alarm
compositeAlarms:
  shop-down: {rule: ALARM(shop-cache-cpu)}
  shop-pages: {rule: ALARM(shop-down)}
"#;

fn rig() -> Rig {
    let rig = Rig::with(LIVE, Options { time_scale: 0.0, ..Options::default() });
    rig.apply().exits(0);
    rig.sandbox.clear_calls();
    rig
}

/// The state on stdin.
fn import(rig: &Rig, state: &str, arguments: &[&str]) -> Ran {
    let all = [&["import", "--from-terraform", "-", "--stack", "shop"], arguments].concat();
    let mut command = rig.command(&all);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Who refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(state.as_bytes());
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_state_of_the_public_modules_becomes_a_spec_and_the_blocks_that_forget_it() {
    let rig = rig();
    let ran = import(&rig, STATE, &["-o", "shop.yaml"]).exits(0);
    assert_eq!(rig.writes(), Vec::<String>::new());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/terraform/removed.tf");
    if std::env::var_os("CACHECTL_BLESS").is_some() {
        std::fs::write(&path, &ran.stdout).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap_or_default() == ran.stdout, "{}", ran.stdout);
    for note in [
        "aws_elasticache_cluster.memcached stays with Terraform",
        "replicationGroup/shop-sessions-b is in Terraform's state, and AWS does not have it",
        "alarm/shop-search-001-freeable-memory is in Terraform's state, and AWS does not have it",
    ] {
        assert!(ran.stderr.contains(note), "{note}: {}", ran.stderr);
    }
    // All of it is in the spec, and nothing else.
    let plan = rig.run(&["plan", "shop.yaml"]).exits(0).says("No changes.");
    assert!(!plan.all().contains("Orphans"), "{}", plan.all());
    for secret in ["a-secret-of-the-state", "shop-queue", "shop-memcached"] {
        assert!(!ran.stdout.contains(secret) && !rig.read("shop.yaml").contains(secret), "{secret}");
    }
}

#[test]
fn no_block_forgets_what_was_not_imported() {
    let rig = rig();
    let removed = import(&rig, STATE, &["-o", "shop.yaml"]).exits(0).stdout;
    let active: Vec<&str> = removed.lines().filter_map(|line| line.strip_prefix("  from = ")).collect();
    for from in ["module.users", "module.platform", "module.elasticache.aws_elasticache_replication_group.this"] {
        assert!(active.contains(&from), "{from}: {active:?}");
    }
    // Instances that stay, resources that are not ElastiCache's, and modules that hold more.
    for from in [
        "aws_elasticache_replication_group.sessions",
        "aws_cloudwatch_metric_alarm.all",
        "module.redis.aws_cloudwatch_metric_alarm.cache_memory",
        "module.elasticache",
        "module.redis",
        "module.elasticache.aws_security_group.this",
        "aws_elasticache_cluster.memcached",
    ] {
        assert!(!active.contains(&from), "{from}: {active:?}");
    }
    assert!(active.iter().all(|from| !from.contains('[')), "Terraform takes no keys there: {active:?}");
    assert!(
        removed.contains("#   terraform state rm 'aws_elasticache_replication_group.sessions[\"a\"]'"),
        "{removed}"
    );
    assert!(!removed.contains("rm 'aws_elasticache_replication_group.sessions[\"b"), "{removed}");
    assert!(removed.contains("#   from = module.elasticache.aws_security_group.this"), "{removed}");
}

#[test]
fn a_printed_spec_carries_the_blocks_as_comments() {
    let rig = rig();
    let ran = import(&rig, STATE, &[]).exits(0);
    assert!(ran.stdout.contains("\n# removed {\n#   from = module.users\n"), "{}", ran.stdout);
    rig.spec(&ran.stdout);
    rig.run(&["plan"]).exits(0).says("No changes.");
}

#[test]
fn a_state_of_another_account_or_of_several_regions_is_refused_before_anything_is_written() {
    let rig = rig();
    let other = STATE.replace("012345678901", "210987654321");
    import(&rig, &other, &["-o", "shop.yaml"]).exits(3).says("of account 210987654321");
    let two = STATE.replacen("us-east-1:012345678901:serverlesscache", "eu-west-1:012345678901:serverlesscache", 1);
    import(&rig, &two, &["-o", "shop.yaml"]).exits(64).says("caches in eu-west-1, us-east-1").says("--region");
    assert!(!rig.path("shop.yaml").exists());
    let one = import(&rig, &two, &["-o", "shop.yaml", "--region", "us-east-1"]).exits(0);
    let one = one.says("serverlessCache/shop-serverless is in account 012345678901, eu-west-1: left out");
    assert!(!one.stdout.contains("from = module.platform"), "{}", one.stdout);
    import(&rig, "{", &[]).exits(64).says("this is not JSON").says("terraform show -json");
    import(&rig, STATE, &["replicationGroup/shop-cache"]).exits(64);
}

//! The same rules in other tools, by the ids there: whoever moves maps waivers with it.

/// One rule of another tool.
pub struct Elsewhere {
    pub tool: &'static str,
    pub id: &'static str,
    /// What checks the same here: lint rules, and faults of the spec. Empty where nothing does.
    pub here: &'static [&'static str],
}

const fn row(tool: &'static str, id: &'static str, here: &'static [&'static str]) -> Elsewhere {
    Elsewhere { tool, id, here }
}

const CHECKOV: &str = "checkov";
const TRIVY: &str = "trivy";
const CFN_NAG: &str = "cfn-nag";
const CFN_LINT: &str = "cfn-lint";
const HUB: &str = "Security Hub";
const CONFIG: &str = "AWS Config";
const TOWER: &str = "Control Tower";
const ADVISOR: &str = "Trusted Advisor";
const NAG: &str = "cdk-nag";
const PROWLER: &str = "Prowler";
const TFLINT: &str = "tflint";
const GUARD: &str = "aws-guard-rules-registry";

#[rustfmt::skip]
pub const ELSEWHERE: &[Elsewhere] = &[
    row(HUB, "ElastiCache.1", &["backup"]),
    row(HUB, "ElastiCache.2", &["auto-minor"]),
    row(HUB, "ElastiCache.3", &["auto-failover"]),
    row(HUB, "ElastiCache.4", &["encryption-at-rest"]),
    row(HUB, "ElastiCache.5", &["tls"]),
    row(HUB, "ElastiCache.6", &["auth-required"]),
    row(HUB, "ElastiCache.7", &["default-subnet-group"]),
    row(CONFIG, "elasticache-auto-minor-version-upgrade-check", &["auto-minor"]),
    row(CONFIG, "elasticache-automatic-backup-check-enabled", &["backup"]),
    row(CONFIG, "elasticache-redis-cluster-automatic-backup-check", &["backup"]),
    row(CONFIG, "elasticache-rbac-auth-enabled", &["auth-required"]),
    row(CONFIG, "elasticache-repl-grp-auto-failover-enabled", &["auto-failover"]),
    row(CONFIG, "elasticache-repl-grp-encrypted-at-rest", &["encryption-at-rest"]),
    row(CONFIG, "elasticache-repl-grp-encrypted-in-transit", &["tls"]),
    row(CONFIG, "elasticache-repl-grp-redis-auth-enabled", &["auth-required"]),
    row(CONFIG, "elasticache-subnet-group-check", &["default-subnet-group"]),
    row(CONFIG, "elasticache-supported-engine-version", &["engine-eol"]),
    row(TOWER, "CT.ELASTICACHE.PR.1", &["backup"]),
    row(ADVISOR, "ElastiCache Multi-AZ clusters", &["multi-az"]),
    row(ADVISOR, "Clusters Automatic Backup", &["backup"]),
    row(CHECKOV, "CKV_AWS_23", &[]),
    row(CHECKOV, "CKV_AWS_29", &["encryption-at-rest"]),
    row(CHECKOV, "CKV_AWS_30", &["tls"]),
    row(CHECKOV, "CKV_AWS_31", &["tls", "auth-required"]),
    row(CHECKOV, "CKV_AWS_134", &["backup"]),
    row(CHECKOV, "CKV_AWS_191", &["customer-managed-key"]),
    row(CHECKOV, "CKV_AWS_196", &[]),
    row(CHECKOV, "CKV_AWS_322", &["auto-minor"]),
    row(CHECKOV, "CKV_AWS_323", &["default-subnet-group"]),
    row(CHECKOV, "CKV2_AWS_5", &["security-group"]),
    row(CHECKOV, "CKV2_AWS_50", &["auto-failover"]),
    row(TRIVY, "AWS-0045", &["encryption-at-rest"]),
    row(TRIVY, "AWS-0049", &[]),
    row(TRIVY, "AWS-0050", &["backup"]),
    row(TRIVY, "AWS-0051", &["tls"]),
    row(CFN_NAG, "F25", &["encryption-at-rest"]),
    row(CFN_NAG, "F33", &["tls"]),
    row(CFN_NAG, "F44", &["secret-literal"]),
    row(CFN_LINT, "E3026", &["failover-in-cluster-mode"]),
    row(CFN_LINT, "E3647", &[]),
    row(CFN_LINT, "E3695", &["unknown-engine-version"]),
    row(CFN_LINT, "E3704", &["valkey-tls-undeclared"]),
    row(NAG, "AwsSolutions-AEC1", &["default-subnet-group"]),
    row(NAG, "AwsSolutions-AEC3", &["tls", "encryption-at-rest"]),
    row(NAG, "AwsSolutions-AEC4", &["multi-az"]),
    row(NAG, "AwsSolutions-AEC5", &["default-port"]),
    row(NAG, "AwsSolutions-AEC6", &["auth-required"]),
    row(NAG, "HIPAA.Security-ElastiCacheRedisClusterAutomaticBackup", &["backup"]),
    row(NAG, "NIST.800.53.R5-ElastiCacheRedisClusterAutomaticBackup", &["backup"]),
    row(PROWLER, "elasticache_cluster_uses_public_subnet", &[]),
    row(PROWLER, "elasticache_redis_cluster_auto_minor_version_upgrades", &["auto-minor"]),
    row(PROWLER, "elasticache_redis_cluster_automatic_failover_enabled", &["auto-failover"]),
    row(PROWLER, "elasticache_redis_cluster_backup_enabled", &["backup"]),
    row(PROWLER, "elasticache_redis_cluster_in_transit_encryption_enabled", &["tls"]),
    row(PROWLER, "elasticache_redis_cluster_multi_az_enabled", &["multi-az"]),
    row(PROWLER, "elasticache_redis_cluster_rest_encryption_enabled", &["encryption-at-rest"]),
    row(PROWLER, "elasticache_redis_replication_group_auth_enabled", &["auth-required"]),
    row(TFLINT, "aws_elasticache_replication_group_default_parameter_group", &["default-parameter-group"]),
    row(TFLINT, "aws_elasticache_replication_group_previous_type", &["previous-generation"]),
    row(TFLINT, "aws_elasticache_replication_group_invalid_type", &[]),
    row(TFLINT, "aws_elasticache_user_invalid_access_string", &["access-string"]),
    row(TFLINT, "aws_elasticache_user_invalid_user_id", &["id-format"]),
    row(TFLINT, "aws_elasticache_user_group_invalid_engine", &["user-group-engine"]),
    row(GUARD, "ELASTICACHE_REPLICATION_GROUP_ENCRYPTION_AT_REST", &["encryption-at-rest"]),
    row(GUARD, "ELASTICACHE_REPLICATION_GROUP_TRANSIT_ENCRYPTION", &["tls"]),
    row("Terraform", "prevent_destroy", &["protect"]),
];

/// Rules of other tools by an id as people write it: without the tool's name, or with an older prefix.
pub fn by_id(word: &str) -> Vec<&'static Elsewhere> {
    let word = word.trim();
    let word = word.strip_prefix("AVD-").or_else(|| word.strip_prefix("avd-")).unwrap_or(word);
    let tail = |id: &str| id.rsplit_once('-').map(|(_, tail)| tail.to_owned());
    let fits = |id: &str| {
        id.eq_ignore_ascii_case(word)
            || (word.len() > 3 && tail(id).is_some_and(|tail| tail.eq_ignore_ascii_case(word)))
    };
    ELSEWHERE.iter().filter(|row| fits(row.id)).collect()
}

/// Where else a rule of ours is known: `checkov CKV_AWS_30, trivy AWS-0051`.
pub fn of(rule: &str) -> String {
    let same = ELSEWHERE.iter().filter(|row| row.here.contains(&rule));
    same.map(|row| format!("{} {}", row.tool, row.id)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_as_people_write_them() {
        let here = |word: &str| by_id(word).iter().flat_map(|row| row.here).copied().collect::<Vec<_>>();
        assert_eq!(here("CKV_AWS_31"), ["tls", "auth-required"]);
        assert_eq!(here("ckv_aws_30"), ["tls"]);
        assert_eq!(here("AVD-AWS-0051"), ["tls"]);
        assert_eq!(here("AEC4"), ["multi-az"]);
        assert_eq!(here("ElastiCache.1"), ["backup"]);
        assert_eq!(here("CKV_AWS_999"), [""; 0]);
    }
}

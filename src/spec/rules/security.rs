//! Encryption, and who may log in to a replication group.

use super::finder::{Finder, set};
use super::{CACHES, Check, GROUP, Rule};
use crate::model::live::strings;
use crate::model::{Kind, Resource};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "auth-needs-tls", check: Check::Resource(GROUP, needs_tls),
        why: "A token or a password sent unencrypted protects nothing: AWS takes AUTH tokens and user groups with encryption in transit only.",
        source: "API reference, CreateReplicationGroup: AuthToken, UserGroupIds" },
    Rule { code: "token-and-users", check: Check::Resource(GROUP, token_and_users),
        why: "A group has an AUTH token or user groups (\"User group can't be associated with auth token enabled\").",
        source: "Terraform provider issues 31710 and 34496" },
    Rule { code: "tls-mode-without-tls", check: Check::Resource(GROUP, mode_without_tls),
        why: "transitEncryptionMode says how TLS is offered, and there is none.",
        source: "API reference, CreateReplicationGroup: TransitEncryptionMode" },
    Rule { code: "valkey-tls-undeclared", check: Check::Resource(GROUP, valkey_tls),
        why: "For valkey, CloudFormation requires TransitEncryptionEnabled to be declared, on or off. cachectl leaves alone what is not declared; saying it makes the choice plain.",
        source: "cfn-lint E3704" },
    Rule { code: "kms-without-encryption", check: Check::Resource(GROUP, kms),
        why: "A KMS key is for encryption at rest, and AWS refuses one without it.",
        source: "Terraform documentation, kms_key_id" },
    Rule { code: "user-group-engine", check: Check::Resource(CACHES, user_group_engine),
        why: "A redis cache takes user groups of engine redis only; a valkey cache takes both.",
        source: "AWS guide, role-based access control (Clusters.RBAC)" },
];

pub(super) fn tls(group: &Resource) -> bool {
    // A secondary of a global datastore has what its primary has.
    group.flag("transitEncryptionEnabled") == Some(true) || set(group, "globalReplicationGroupId")
}

/// Reports at a field that needs TLS, and at what says that there is none.
pub(super) fn without_tls(finder: &mut Finder<'_>, group: &Resource, field: &str, message: &str) {
    let declared = group.fields.contains_key("transitEncryptionEnabled");
    let label = if declared { "is off here" } else { "transitEncryptionEnabled is not declared" };
    let reported = finder.error(
        group,
        &[(field, "needs TLS"), ("transitEncryptionEnabled", label)],
        message,
        "declare `transitEncryptionEnabled: true`",
    );
    if declared {
        reported.instead(group, "transitEncryptionEnabled", "true");
    } else {
        reported.insert(group, field, "transitEncryptionEnabled: true");
    }
}

fn needs_tls(finder: &mut Finder<'_>, group: &Resource) {
    for (field, message) in [
        ("authToken", "an AUTH token needs encryption in transit"),
        ("userGroupIds", "user groups need encryption in transit"),
    ] {
        if set(group, field) && !tls(group) {
            without_tls(finder, group, field, message);
            return;
        }
    }
}

fn token_and_users(finder: &mut Finder<'_>, group: &Resource) {
    if set(group, "authToken") && set(group, "userGroupIds") {
        finder.error(
            group,
            &[("authToken", "a token"), ("userGroupIds", "and users")],
            "an AUTH token and user groups exclude each other",
            "keep one; `authToken: null` beside userGroupIds moves from the token to users",
        );
    }
}

fn mode_without_tls(finder: &mut Finder<'_>, group: &Resource) {
    if group.fields.contains_key("transitEncryptionMode") && !tls(group) {
        without_tls(
            finder,
            group,
            "transitEncryptionMode",
            "transitEncryptionMode is for encryption in transit, which is not on",
        );
    }
}

fn valkey_tls(finder: &mut Finder<'_>, group: &Resource) {
    let asked =
        set(group, "authToken") || set(group, "userGroupIds") || group.fields.contains_key("transitEncryptionMode");
    let declared = group.fields.contains_key("transitEncryptionEnabled") || set(group, "globalReplicationGroupId");
    if group.text("engine") == Some("valkey") && !declared && !asked {
        finder.warn(
            group,
            &[("engine", "valkey"), ("transitEncryptionEnabled", "transitEncryptionEnabled is not declared")],
            "a valkey group should say whether it has encryption in transit",
            "declare `transitEncryptionEnabled: true` (or false)",
        );
    }
}

fn kms(finder: &mut Finder<'_>, group: &Resource) {
    if set(group, "kmsKeyId") && group.flag("atRestEncryptionEnabled") == Some(false) {
        finder.error(
            group,
            &[("kmsKeyId", "a key for nothing"), ("atRestEncryptionEnabled", "encryption at rest is off")],
            "kmsKeyId is for encryption at rest, which is off",
            "declare `atRestEncryptionEnabled: true`, or take the key out",
        );
    }
}

fn user_group_engine(finder: &mut Finder<'_>, cache: &Resource) {
    if cache.text("engine") == Some("memcached") && set(cache, "userGroupId") {
        finder.error(
            cache,
            &[("userGroupId", "not for memcached"), ("engine", "memcached")],
            "memcached has no users",
            "take userGroupId out",
        );
        return;
    }
    if cache.text("engine") != Some("redis") {
        return;
    }
    let groups =
        strings(cache.fields.get("userGroupIds")).enumerate().map(|(index, id)| (format!("userGroupIds[{index}]"), id));
    let single = cache.text("userGroupId").map(|id| ("userGroupId".to_owned(), id));
    for (field, id) in groups.chain(single).collect::<Vec<_>>() {
        let own = finder.own(Kind::UserGroup, id);
        if own.is_some_and(|own| own.text("engine") == Some("valkey")) {
            finder.error(
                cache,
                &[(&field, "a user group of engine valkey"), ("engine", "a redis cache")],
                format!("the user group {id} is for valkey, the cache is redis"),
                "make the user group's engine redis, or move the cache to valkey",
            );
        }
    }
}

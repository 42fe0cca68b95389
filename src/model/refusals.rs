//! Why a change is blocked, by the rule that the plan names: for `cachectl explain`.

/// A rule that blocks changes, and why it does.
pub struct Refusal {
    pub rule: &'static str,
    pub why: &'static str,
}

const fn row(rule: &'static str, why: &'static str) -> Refusal {
    Refusal { rule, why }
}

/// Every rule that can block a change.
#[rustfmt::skip]
pub const REFUSALS: &[Refusal] = &[
    // What somebody must allow or decide.
    row("adopt-not-allowed", "The resource exists without this stack's tag. From its adoption on the stack changes and prunes it, so that is said on the command line: --allow adopt:ADDRESS."),
    row("delete-not-allowed", "--yes never covers a deletion. --allow delete:ADDRESS does; of a cache, a final snapshot is taken unless lifecycle.finalSnapshot is false."),
    row("replace-not-allowed", "AWS cannot change the attribute in place. A replacement deletes the cache and creates it again, from a final snapshot where engine and node type allow it. --allow replace:ADDRESS."),
    row("flush-pending", "ApplyImmediately carries out everything that waits for the maintenance window, not only its own call. Wait for the window, or carry out both with --allow flush:ADDRESS."),
    row("protected", "lifecycle.protect beats --allow. It is kept in a tag, so that it holds when the resource is gone from the spec."),
    row("policy", "policy.maxDeletes and policy.maxReplacements bound what one apply may destroy, whatever --allow says."),
    row("foreign", "The resource carries the tag of another stack. Two stacks on one resource undo each other's changes; no flag allows that."),
    row("ownership-unknown", "A resource's owner is recorded in its tags. Where they cannot be read it may be another stack's, and nothing is written to it."),
    row("members-unread", "What is set on the nodes of a group, such as its subnet group, is told of the nodes alone. Where AWS lists none of them it is not known, and is neither compared nor taken for a difference."),
    row("missing-dependency", "What the resource refers to exists neither in AWS nor in this plan."),
    row("public-endpoint", "AWS lets IAM users alone in from the internet: a public endpoint needs a user group, and all of its users log in by IAM. Those of a group that the spec does not have are looked up."),
    row("composite-rule", "A composite alarm of a cache is any of the cache's alarms: there is one at least, and their names make a rule of at most 100 alarms and 10,240 characters. No rule can name an alarm with a quotation mark in its name."),
    row("alarm-names", "Metric, composite and log alarms share their names: one is not put under the name of another type, and what puts one twice overwrites it. Two entries of a spec that give one name would take turns."),
    row("alarm-has-parent", "AWS deletes no alarm that a composite alarm watches. Where that is not this stack's, its owner has to take the alarm out of the rule first."),
    row("in-use", "AWS deletes no parameter group, subnet group, user or user group that something uses, or does so behind its back."),
    row("replace-in-use", "AWS takes a deleted user out of its groups, and clients could not log in until it is back."),
    row("secret-unreadable", "A password or token that is declared cannot be read here, or is not one that AWS takes. A plan compares without it where the resource exists; an apply does not begin."),
    // Engine, node type, parameters.
    row("engine-downgrade", "AWS upgrades engines in place and does not downgrade them, except valkey 7.2, which goes back to redis 7.1 once its users and user groups are of redis."),
    row("node-type-engine", "A family of node types runs certain engines and versions. The engine is upgraded before a node type that needs it, and a node type goes before an engine that it does not run."),
    row("node-type-closed", "AWS lets no new cluster be made on T2 node types. Existing ones keep running."),
    row("windows-overlap", "AWS takes no snapshot window that meets the maintenance window, also where no snapshots are kept."),
    row("durability-needs", "Durable writes rest on valkey 9.0, cluster mode, Multi-AZ with a replica of every shard, TLS, certain node types, and no global datastore. They are turned off before one of these goes."),
    row("engine-needs-version", "AWS requires the engine version in the call that changes the engine."),
    row("engine-version-unreadable", "Members that are created or replaced do not tell their version yet."),
    row("engine-and-cluster-mode", "A new engine version needs a parameter group of its family, cluster mode one with cluster-enabled: one call cannot be on the way to both."),
    row("allowed-node-type", "ListAllowedNodeTypeModifications says which node types AWS offers for the group, by its data, its engine and the region."),
    row("data-does-not-fit", "The data of the last hour (BytesUsedForCache) are more than the smaller node type, or fewer shards, may use: maxmemory less reserved-memory-percent. Keys would be evicted, or AWS would roll the change back."),
    row("parameter-group-family", "A parameter group belongs to the family of an engine version, such as valkey8, and AWS takes no other. Its own family cannot be changed."),
    row("parameter-group-cluster-mode", "A parameter group with cluster-enabled \"yes\" only fits cluster mode, one with \"no\" only a group without."),
    row("cluster-enabled", "AWS does not change cluster-enabled in a parameter group that a cache uses; clusterMode with another parameter group does."),
    row("parameter-at-creation", "A cache has some parameters, such as cluster-databases, from its creation on. AWS does not change them in a parameter group that a cache uses, nor by another parameter group. A redis cache that becomes valkey needs a parameter group with the same static parameters (databases, activerehashing)."),
    row("unknown-parameter", "DescribeEngineDefaultParameters lists the parameters of a family, and this is none of them."),
    row("fixed-parameter", "The parameter has IsModifiable false in its family: AWS sets it."),
    row("parameter-value", "The value is not among the parameter's AllowedValues."),
    // Shape.
    row("shape-conflict", "numCacheClusters counts the nodes of a group of one shard. Several shards are counted by numNodeGroups and replicasPerNodeGroup."),
    row("cluster-mode-disabled", "Shards are added and removed in cluster mode only. The way there is clusterMode: compatible, then enabled."),
    row("cluster-mode-oneway", "AWS has no way back from cluster mode, and a replacement would lose data and endpoints."),
    row("cluster-mode-compatible", "In cluster mode compatible AWS takes nothing but the way out: to enabled, or back to disabled."),
    row("cluster-mode-needs-failover", "AWS changes the cluster mode of groups with automatic failover and a replica only."),
    row("cluster-mode-engine", "AWS changes the cluster mode from engine version 7.0 on."),
    row("failover-in-cluster-mode", "Automatic failover is always on in cluster mode."),
    row("failover-needs-replica", "Without a replica there is nothing to fail over to; AWS refuses to remove the last one while failover is on."),
    row("multi-az-needs-failover", "Multi-AZ is on only with automatic failover."),
    row("multi-az-needs-replica", "Multi-AZ needs a replica of every shard in another zone."),
    row("subnet-in-use", "AWS does not take a subnet out of a group while nodes live in it, and does not move nodes."),
    row("zone-not-covered", "AWS puts nodes only into zones in which their subnet group has a subnet. A replacement would find that out after its deletion."),
    row("zones-of-new-shards", "ReshardingConfiguration names the zones of every node of every shard, or is left out, and AWS chooses. Nodes are never moved afterwards, so that zones which the spec names are not dropped in silence."),
    row("primary-goes", "A replacement deletes the members of a group with it, and primaryClusterId names one of them: the new group could not be made of it, after the old one is gone."),
    row("migration", "Data are being migrated into the serverless cache (StartMigration). Until the migration is completed or stopped the cache is neither changed nor deleted."),
    row("snapshotting-cluster", "snapshottingClusterId names a member of a group without cluster mode; members are known once the group exists."),
    row("global-member", "Engine, node type, shards, failover, cluster mode and TLS of a member of a global datastore are decided by the datastore, and AWS deletes no member while it is one."),
    row("ip-discovery", "ipDiscovery must be among the IP versions of the group's networkType, which is chosen at creation."),
    row("log-engine-version", "The slow log begins with redis 6.0, the engine log with 6.2."),
    row("alarm-member", "PutMetricAlarm overwrites the whole alarm. A member that the AWS SDK in this cachectl cannot read cannot be sent again, and would be lost."),
    // Access.
    row("tls-off", "transitEncryptionMode says how TLS is offered, and the group has none."),
    row("tls-mode-engine", "Before engine version 7.0.5 TLS is on or off, with nothing between, and is chosen at creation."),
    row("tls-with-access-control", "AWS does not change TLS on a group that has an AUTH token or user groups in force, and refuses even an unchanged value."),
    row("user-needs-password", "AWS takes `authenticationMode: {type: password}` only together with passwords. A user that logs in by password already may be declared without them: they stay as they are."),
    row("token-removal", "AWS removes an AUTH token only in exchange for user groups, in one call. Where no login is wanted afterwards, the group that replaced it is removed by the next hop."),
    row("token-and-users", "An AUTH token and user groups exclude each other. One call moves from one to the other."),
    row("user-group-engine", "A valkey cache takes user groups of both engines, a redis cache those of redis only."),
    row("sl-limit-removal", "AWS raises and lowers a serverless cache's limits, and cannot remove one that is set."),
];

/// The refusal of this rule; `None` where no rule has that name.
pub fn of(rule: &str) -> Option<&'static Refusal> {
    REFUSALS.iter().find(|refusal| refusal.rule == rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_one_row_and_a_sentence() {
        for refusal in REFUSALS {
            assert_eq!(REFUSALS.iter().filter(|other| other.rule == refusal.rule).count(), 1, "{}", refusal.rule);
            assert!(refusal.why.ends_with('.'), "{}", refusal.rule);
        }
    }
}

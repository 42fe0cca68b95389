//! IP versions.

use super::{CACHES, Check, GROUP, Rule, finder::Finder};
use crate::model::Resource;
use crate::model::version::Version;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "ipv6-engine", check: Check::Resource(GROUP, engine),
        why: "IPv6 is offered from redis 6.2 and valkey 7.2 on.",
        source: "API reference, CreateReplicationGroup: NetworkType" },
    Rule { code: "ipv6-node-type", check: Check::Resource(GROUP, node_type),
        why: "IPv6 is offered on instances built on the Nitro system, which the older node types are not.",
        source: "API reference, CreateReplicationGroup: NetworkType" },
    Rule { code: "ip-discovery", check: Check::Resource(CACHES, discovery),
        why: "Clients can only discover addresses that the nodes have.",
        source: "API reference, CreateReplicationGroup: IpDiscovery, NetworkType" },
];

/// Families that are not built on Nitro.
const OLD: [&str; 9] = ["t1", "t2", "m1", "m2", "m3", "m4", "c1", "r3", "r4"];

fn ipv6(group: &Resource) -> bool {
    matches!(group.text("networkType"), Some("ipv6" | "dual_stack"))
}

fn engine(finder: &mut Finder<'_>, group: &Resource) {
    let old = group.text("engineVersion").and_then(Version::parse).is_some_and(|version| !version.at_least(6, 2, 0));
    if ipv6(group) && old {
        finder.error(
            group,
            &[("networkType", "needs redis 6.2 or later"), ("engineVersion", "older")],
            "the engine version has no IPv6",
            "declare `networkType: ipv4`, or upgrade the engine",
        );
    }
}

fn node_type(finder: &mut Finder<'_>, group: &Resource) {
    let family = group.text("cacheNodeType").and_then(|node_type| node_type.split('.').nth(1)).unwrap_or_default();
    if ipv6(group) && OLD.contains(&family) {
        finder.error(
            group,
            &[("networkType", "needs a Nitro node type"), ("cacheNodeType", "not built on Nitro")],
            format!("{family} node types have no IPv6"),
            "take a newer type, such as cache.t4g.medium",
        );
    }
}

fn discovery(finder: &mut Finder<'_>, group: &Resource) {
    let (Some(discovery), Some(network)) = (group.text("ipDiscovery"), group.text("networkType")) else { return };
    if network != "dual_stack" && network != discovery {
        finder
            .error(
                group,
                &[("ipDiscovery", "clients look for these"), ("networkType", "nodes have these only")],
                format!("clients cannot discover {discovery} addresses on an {network} network"),
                format!("declare `ipDiscovery: {network}`, or `networkType: dual_stack`"),
            )
            .instead(group, "ipDiscovery", network);
    }
}

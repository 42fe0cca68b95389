//! Node types: the ones that there are, and the engines that run on them.

use super::finder::Finder;
use super::{Check, GROUP, Rule};
use crate::model::node_type::{self, Runs};
use crate::model::{Resource, suggest};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "unknown-node-type", check: Check::Resource(GROUP, known),
        why: "A node type that was not known when this was built may be new, or a slip. AWS refuses a slip in the middle of an apply.",
        source: "AWS guide, CacheNodes.SupportedTypes" },
    Rule { code: "node-type-engine", check: Check::Resource(GROUP, engine),
        why: "A family of node types runs certain engines: r8g, m8g and c8gn valkey only; m7g, r7g, c7gn and r6gd redis from 6.2; m6g, r6g and t4g redis from 5.0.6.",
        source: "AWS guide, CacheNodes.SupportedTypes" },
    Rule { code: "node-type-closed", check: Check::Resource(GROUP, closed),
        why: "AWS makes no new cluster on T2 node types; those that there are go on. Whether this group is there already, only a plan knows.",
        source: "AWS guide, CacheNodes.SupportedTypes" },
];

/// Families that AWS still runs, and of which the table has no types.
const OLDER: [&str; 6] = ["t1", "m1", "m2", "m3", "r3", "c1"];

fn known(finder: &mut Finder<'_>, group: &Resource) {
    let Some(name) = group.text("cacheNodeType") else { return };
    if node_type::get(name).is_some() || OLDER.contains(&node_type::family_of(name)) {
        return;
    }
    let family = node_type::family_of(name);
    let of_family: Vec<&str> =
        node_type::all().filter(|known| known.family() == family).map(|known| known.size()).collect();
    let mut help = match suggest(name, node_type::all().map(|node_type| node_type.name.as_str())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "AWS's guide lists them under \"Supported node types\"".to_owned(),
    };
    if !of_family.is_empty() {
        help = format!("{help} {family} is known as {}", of_family.join(", "));
    }
    finder.warn(
        group,
        &[("cacheNodeType", "not a known node type")],
        format!("the node type `{name}` is not known here"),
        help,
    );
}

fn closed(finder: &mut Finder<'_>, group: &Resource) {
    let Some(name) = group.text("cacheNodeType").filter(|name| node_type::family_of(name) == "t2") else { return };
    finder.warn(
        group,
        &[("cacheNodeType", "for groups that exist only")],
        format!("AWS makes no new cluster on {name}"),
        format!("for a new group take {}", name.replace("cache.t2.", "cache.t4g.")),
    );
}

fn engine(finder: &mut Finder<'_>, group: &Resource) {
    let (Some(name), Some(engine)) = (group.text("cacheNodeType"), group.text("engine")) else { return };
    let family = node_type::family_of(name);
    let Some(runs) = node_type::family(family).map(|family| family.runs(engine)) else { return };
    let node_type = ("cacheNodeType", format!("runs no {engine}"));
    match (runs, group.text("engineVersion")) {
        (Runs::Never, _) => {
            finder.error(
                group,
                &[("engine", &format!("{engine} here")), (node_type.0, &node_type.1)],
                format!("{engine} does not run on {family} node types"),
                "take a node type of another family such as r7g, or `engine: valkey`",
            );
        }
        (Runs::From(first), Some(version)) if runs.version(version) == Some(false) => {
            finder.error(
                group,
                &[("engineVersion", &format!("before {first}")), (node_type.0, "newer than this version")],
                format!("{family} node types run {engine} from {first} on"),
                format!("declare {engine} {first} or later, or a node type of an older family"),
            );
        }
        _ => {}
    }
}

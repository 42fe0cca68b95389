//! Node types: vCPU, memory, network, and the engines that run on them, from `data/elasticache.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::version::Version;

/// The text of the one dated file of node types and list prices.
pub(crate) const DATA: &str = include_str!("../../data/elasticache.json");

/// Share of `maxmemory` that AWS reserves unless a parameter group says otherwise, in percent.
pub const RESERVED_MEMORY_PERCENT: u64 = 25;

/// A node type as the file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeType {
    /// `cache.r7g.large`
    #[serde(skip)]
    pub name: String,
    pub vcpu: u32,
    /// Bytes, before `reserved-memory-percent`.
    pub maxmemory: u64,
    pub baseline_gbps: f64,
    /// GiB of local SSD; only types with data tiering have one.
    #[serde(rename = "ssdGiB")]
    pub ssd_gib: Option<f64>,
}

/// A family of node types, such as `r7g`.
#[derive(Clone, Debug, Deserialize)]
pub struct Family {
    /// By engine: the first version that runs on it; `None` where every version does. An engine that is not here does not run on it.
    engines: BTreeMap<String, Option<String>>,
    /// AWS lets no new cache be created on it.
    #[serde(default)]
    pub closed: bool,
}

/// Whether an engine runs on a node type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    Never,
    /// From this version on.
    From(&'static str),
    Always,
}

impl Runs {
    /// Does this version of the engine run? `None` where the version cannot be read.
    pub fn version(self, version: &str) -> Option<bool> {
        match self {
            Runs::Never => Some(false),
            Runs::Always => Some(true),
            Runs::From(first) => {
                let first = Version::parse(first)?;
                Version::parse(version)
                    .map(|version| version.at_least(first.major, first.minor.unwrap_or(0), first.patch.unwrap_or(0)))
            }
        }
    }
}

#[derive(Deserialize)]
struct Data {
    families: BTreeMap<String, Family>,
    nodes: BTreeMap<String, NodeType>,
}

static TABLE: LazyLock<Data> = LazyLock::new(|| {
    let mut data: Data = serde_json::from_str(DATA).expect("data/elasticache.json is read in a test");
    data.nodes.iter_mut().for_each(|(name, node_type)| node_type.name.clone_from(name));
    data
});

/// The node type of this name. `None` says only that the file does not have it: AWS may.
pub fn get(name: &str) -> Option<&'static NodeType> {
    TABLE.nodes.get(name)
}

/// Every node type of the file.
pub fn all() -> impl Iterator<Item = &'static NodeType> {
    TABLE.nodes.values()
}

/// The family that a node type's name tells: `r7g` of `cache.r7g.large`.
pub fn family_of(name: &str) -> &str {
    name.split('.').nth(1).unwrap_or_default()
}

/// The family of this name. `None` says only that the file does not have it.
pub fn family(name: &str) -> Option<&'static Family> {
    TABLE.families.get(name)
}

impl Family {
    /// Whether an engine (`redis`, `valkey`) runs on the family's node types.
    pub fn runs(&'static self, engine: &str) -> Runs {
        match self.engines.get(engine) {
            None => Runs::Never,
            Some(None) => Runs::Always,
            Some(Some(first)) => Runs::From(first),
        }
    }
}

impl NodeType {
    /// The family that the type's name tells: `r7g` of `cache.r7g.large`.
    pub fn family(&self) -> &str {
        family_of(&self.name)
    }

    /// The size that the type's name tells: `large` of `cache.r7g.large`.
    pub fn size(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }

    /// Do nodes of this type keep cold data on an SSD?
    pub fn has_data_tiering(&self) -> bool {
        self.ssd_gib.is_some()
    }

    /// Bytes that data may use under a `reserved-memory-percent`.
    pub fn usable_memory(&self, reserved_percent: u64) -> u64 {
        let share = 100 - reserved_percent.min(100);
        // In 128 bits: the largest type times 100 is near the limit of 64.
        (u128::from(self.maxmemory) * u128::from(share) / 100) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_type_is_whole_and_its_family_is_known() {
        assert_eq!(all().count(), 94);
        for node_type in all() {
            assert!(node_type.vcpu > 0 && node_type.maxmemory > 500_000_000, "{}", node_type.name);
            assert!(node_type.baseline_gbps > 0.0, "{}", node_type.name);
            let family = family(node_type.family()).unwrap_or_else(|| panic!("{} has no family", node_type.name));
            assert_ne!(family.runs("valkey"), Runs::Never, "{}", node_type.name);
            assert_eq!(node_type.has_data_tiering(), node_type.family() == "r6gd", "{}", node_type.name);
        }
    }

    #[test]
    fn redis_does_not_run_on_the_eighth_generation_and_the_seventh_wants_6_2() {
        let runs = |family_name: &str, engine: &str| family(family_name).expect("a family").runs(engine);
        for eighth in ["r8g", "m8g", "c8gn"] {
            assert_eq!(runs(eighth, "redis"), Runs::Never);
            assert_eq!(runs(eighth, "valkey").version("7.2"), Some(true));
        }
        for seventh in ["r7g", "m7g", "c7gn", "r6gd"] {
            let redis = runs(seventh, "redis");
            assert_eq!(
                (redis.version("6.2"), redis.version("6.0"), redis.version("5.0.6")),
                (Some(true), Some(false), Some(false))
            );
        }
        let sixth = runs("r6g", "redis");
        assert_eq!(
            (sixth.version("5.0.6"), sixth.version("5.0.5"), sixth.version("?")),
            (Some(true), Some(false), None)
        );
        assert_eq!(runs("r5", "redis").version("3.2.10"), Some(true));
    }

    #[test]
    fn a_quarter_of_maxmemory_is_reserved_and_what_is_left_is_exact() {
        let large = get("cache.r7g.large").expect("a node type");
        assert_eq!((large.maxmemory, large.usable_memory(RESERVED_MEMORY_PERCENT)), (14_037_181_030, 10_527_885_772));
        assert_eq!((large.usable_memory(0), large.usable_memory(100)), (14_037_181_030, 0));
        assert_eq!((large.family(), large.size()), ("r7g", "large"));
        assert!(get("cache.t3.smal").is_none());
    }

    #[test]
    fn no_new_cache_is_created_on_t2() {
        let closed: Vec<&str> =
            TABLE.families.iter().filter(|(_, family)| family.closed).map(|(name, _)| name.as_str()).collect();
        assert_eq!(closed, ["t2"]);
    }
}

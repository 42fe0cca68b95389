//! What a drill is run against: a shard, its nodes by AWS's names, the way in, and the drill's own keys.

use std::time::Duration;

use crate::client::Way;
use crate::client::topology::key_slot;

/// A host and its port.
pub type Endpoint = (String, u16);

/// What the drill's keys begin with, unless the user may only have others.
pub const PREFIX: &str = "cachectl:drill:";

/// Each key ends by itself so long after its last write.
pub const TTL: Duration = Duration::from_secs(300);

/// A member of a replication group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// AWS's name, such as `prod-cache-001`.
    pub id: String,
    pub endpoint: Endpoint,
}

/// One shard and its clients.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The primary endpoint, or with cluster mode the configuration endpoint; with TLS, login and tunnels.
    pub way: Way,
    /// The reader endpoint; with cluster mode there is none.
    pub reader: Option<Endpoint>,
    /// The nodes of the shard.
    pub nodes: Vec<Node>,
    /// Nodes of other shards, which know who is who in this one.
    pub others: Vec<Endpoint>,
    /// The run's own, such as `cachectl:drill:1f2e3d4c:`.
    pub prefix: String,
    /// With cluster mode, a hash tag of the shard.
    pub tag: Option<String>,
    /// Writes and reads a second.
    pub rate: f64,
    /// Clients of the three behaviours, and readers on every node, beside the writer and the reader.
    pub whole: bool,
}

impl Setup {
    /// The full name of one of the run's keys.
    pub fn key(&self, name: &str) -> String {
        match &self.tag {
            Some(tag) => format!("{}{{{tag}}}:{name}", self.prefix),
            None => format!("{}{name}", self.prefix),
        }
    }

    /// Does a tag of the prefix's own put the keys into another slot than the shard's?
    pub fn is_led_astray(&self) -> bool {
        self.tag.as_ref().is_some_and(|tag| key_slot(&self.key("x")) != key_slot(tag))
    }

    /// Every key that a run may write.
    pub fn keys(&self) -> Vec<String> {
        let names = ["writer", "waited", "read", "never", "resolves", "caches"];
        names.into_iter().map(|name| self.key(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(prefix: &str, tag: Option<&str>) -> Setup {
        Setup {
            way: Way::default(),
            reader: None,
            nodes: Vec::new(),
            others: Vec::new(),
            prefix: prefix.into(),
            tag: tag.map(str::to_owned),
            rate: 100.0,
            whole: true,
        }
    }

    #[test]
    fn with_cluster_mode_all_keys_lie_in_the_shard() {
        let plain = setup("cachectl:drill:1:", None);
        assert_eq!(plain.key("writer"), "cachectl:drill:1:writer");
        let tagged = setup("cachectl:drill:1:", Some("t7"));
        assert_eq!(tagged.key("writer"), "cachectl:drill:1:{t7}:writer");
        assert!(!tagged.is_led_astray() && !plain.is_led_astray());
        assert!(setup("{app}:cachectl:drill:1:", Some("t7")).is_led_astray());
    }
}

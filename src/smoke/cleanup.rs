//! Takes the run's keys away again, by name. Every key has a TTL, so what is missed here goes by
//! itself; the point is to leave no trace, and to say so when there is one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::{RedisResult, pipe};

use super::checks::Finding;
use crate::client::caller::Routes;
use crate::client::connect::{Connection, Connector, ask};
use crate::client::topology::key_slot;

/// Keys of one pipeline: a server must not stand still for a clean-up.
const BATCH: usize = 500;
/// `--thorough` walks the whole keyspace, ours or not; on a huge one it ends here.
const LONGEST_SCAN: Duration = Duration::from_secs(15);

/// What became of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cleaned {
    pub(super) deleted: u64,
    /// Names that could not be deleted.
    pub(super) left: Vec<String>,
    pub(super) trouble: Option<String>,
}

impl Cleaned {
    pub(super) fn finding(&self, ttl: Duration) -> Finding {
        let hint = Some(format!("they expire within {} s", ttl.as_secs()));
        match (&self.trouble, self.left.len()) {
            (Some(trouble), left) => Finding::warned(format!("{left} keys may be left: {trouble}"), hint),
            (None, 0) => Finding::passed(format!("{} keys deleted, 0 left", self.deleted)),
            (None, left) => Finding::warned(format!("{left} keys are left"), hint),
        }
    }
}

/// Deletes these keys where they live now. What fails is tried once more, since slots may have moved.
pub(super) async fn delete(connector: &Connector, routes: &Routes, names: Vec<String>) -> Cleaned {
    let mut cleaned = Cleaned { left: names, ..Cleaned::default() };
    for attempt in 0..2 {
        if cleaned.left.is_empty() {
            break;
        }
        if attempt > 0 && connector.is_cluster() {
            routes.refresh(connector).await;
        }
        let mut by_node: BTreeMap<(String, u16), Vec<String>> = BTreeMap::new();
        let shards = routes.shards();
        for name in std::mem::take(&mut cleaned.left) {
            let slot = key_slot(&name);
            let owner = shards.iter().find(|shard| shard.serves(slot)).map(|shard| shard.primary.clone());
            by_node.entry(owner.unwrap_or_else(|| connector.home())).or_default().push(name);
        }
        cleaned.trouble = None;
        for ((host, port), names) in by_node {
            let outcome = async {
                let mut connection = connector.node(&host, port).await.map_err(|error| (error, 0))?;
                for (batch, names) in names.chunks(BATCH).enumerate() {
                    let deleted = unlink(&mut connection, names).await.map_err(|error| (error, batch * BATCH))?;
                    cleaned.deleted += deleted;
                }
                Ok(())
            };
            if let Err((error, done)) = outcome.await {
                cleaned.trouble = Some(format!("{host}:{port}: {}", connector.describe(&error)));
                cleaned.left.extend(names.into_iter().skip(done));
            }
        }
    }
    cleaned
}

/// One command per key: in cluster mode a node refuses keys of several slots in one.
async fn unlink(connection: &mut Connection, names: &[String]) -> RedisResult<u64> {
    let mut commands = pipe();
    for name in names {
        commands.cmd("UNLINK").arg(name);
    }
    let deleted: Vec<u64> = commands.query_async(connection).await?;
    Ok(deleted.iter().sum())
}

/// Keys under `prefix` on every primary, by SCAN. `None` when the keyspace is too large, or may not be scanned.
pub(super) async fn scan(connector: &Connector, routes: &Routes, prefix: &str) -> Option<u64> {
    let until = Instant::now() + LONGEST_SCAN;
    let pattern = format!("{}*", escape(prefix));
    let mut found = 0;
    for shard in routes.shards() {
        let (host, port) = &shard.primary;
        let mut connection = connector.node(host, *port).await.ok()?;
        let mut cursor = String::from("0");
        loop {
            let (next, keys): (String, Vec<Vec<u8>>) =
                ask(&mut connection, &["SCAN", &cursor, "MATCH", &pattern, "COUNT", "1000"]).await.ok()?;
            found += keys.len() as u64;
            if next == "0" {
                break;
            }
            if Instant::now() > until {
                return None;
            }
            cursor = next;
        }
    }
    Some(found)
}

/// The prefix is literal, `MATCH` takes a glob.
fn escape(prefix: &str) -> String {
    let mut escaped = String::with_capacity(prefix.len());
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_with_glob_characters_matches_only_itself() {
        assert_eq!(escape("cachectl:smoke:1f:"), "cachectl:smoke:1f:");
        assert_eq!(escape("app*[1]?\\"), "app\\*\\[1\\]\\?\\\\");
    }
}

//! Takes the run's keys away again. Every key has a TTL, so what is missed here goes by itself; the
//! point is to leave no trace, and to say so when there is one.

use std::time::{Duration, Instant};

use redis::{RedisResult, pipe};

use super::checks::Finding;
use crate::client::connect::{Connection, Connector, ask};
use crate::client::topology::Shard;

/// `SCAN` walks the whole keyspace, ours or not; on a huge one the rest is left to the TTLs.
const LONGEST_SCAN: Duration = Duration::from_secs(15);

/// Deletes every key under `prefix` on every primary, and counts what is left.
pub(super) async fn clean(connector: &Connector, shards: &[Shard], prefix: &str, ttl: Duration) -> (u64, Finding) {
    let until = Instant::now() + LONGEST_SCAN;
    let (mut deleted, mut left, mut trouble) = (0, 0, None);
    for shard in shards {
        let (host, port) = &shard.primary;
        let result = async {
            let mut connection = connector.node(host, *port).await?;
            let (found, _) = sweep(&mut connection, prefix, true, until).await?;
            let (left, complete) = sweep(&mut connection, prefix, false, until).await?;
            Ok((found, left, complete))
        };
        match result.await {
            Ok((found, remaining, complete)) => {
                deleted += found;
                left += remaining;
                if !complete {
                    trouble = Some("the keyspace is too large to scan".to_owned());
                }
            }
            Err(error) => trouble = Some(format!("{host}:{port}: {}", connector.describe(&error))),
        }
    }
    let hint = Some(format!("they expire within {} s", ttl.as_secs()));
    let finding = match trouble {
        Some(trouble) => Finding::warn(format!("keys may be left: {trouble}"), hint),
        None if left > 0 => Finding::warn(format!("{left} keys are left"), hint),
        None => Finding::ok(format!("{deleted} keys deleted, 0 left")),
    };
    (left, finding)
}

/// One walk over a node's keyspace. Returns how many keys matched, and whether it got to the end.
async fn sweep(connection: &mut Connection, prefix: &str, delete: bool, until: Instant) -> RedisResult<(u64, bool)> {
    let pattern = format!("{}*", escape(prefix));
    let (mut cursor, mut matched) = (String::from("0"), 0);
    loop {
        let (next, keys): (String, Vec<Vec<u8>>) =
            ask(connection, &["SCAN", &cursor, "MATCH", &pattern, "COUNT", "1000"]).await?;
        matched += keys.len() as u64;
        if delete && !keys.is_empty() {
            // One command per key: in cluster mode a node refuses keys of several slots in one.
            let mut commands = pipe();
            for key in &keys {
                commands.cmd("UNLINK").arg(key).ignore();
            }
            let () = commands.query_async(connection).await?;
        }
        if next == "0" {
            return Ok((matched, true));
        }
        if Instant::now() > until {
            return Ok((matched, false));
        }
        cursor = next;
    }
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

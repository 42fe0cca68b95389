//! Large objects: what the client and the limits do with a value of more than 1 MiB.

use std::time::Instant;

use redis::cmd;

use super::budget::{Room, size};
use super::checks::Finding;
use super::patterns::Ground;
use super::probe::milliseconds;
use crate::client::connect::error_class;

/// Over 1 MiB, the size from which on the article calls an object large.
const BYTES: usize = (1 << 20) + (1 << 16);

/// Writes one large value, reads it back, and says how long every other client of that shard waited.
pub(super) async fn check(ground: &Ground, room: &Room) -> Finding {
    if room.bytes < 3 * BYTES as u64 {
        return Finding::not_tested(
            format!(
                "{} a shard ({}) leave no room for a value of {}",
                size(room.bytes),
                room.reason,
                size(BYTES as u64)
            ),
            None,
        );
    }
    let key = ground.key("large");
    let mut caller = ground.caller();
    let value = vec![b'.'; BYTES];
    let begun = Instant::now();
    let ttl = ground.key_ttl.as_millis() as u64;
    let written: Result<(), _> = caller.query(cmd("SET").arg(&key).arg(&value[..]).arg("PX").arg(ttl)).await;
    let write = begun.elapsed();
    let begun = Instant::now();
    let read: Result<Option<Vec<u8>>, _> = match written {
        Ok(()) => caller.query(cmd("GET").arg(&key)).await,
        Err(error) => Err(error),
    };
    let read_time = begun.elapsed();
    if caller.query::<i64>(cmd("UNLINK").arg(&key)).await.is_ok() {
        ground.written.forget(&key);
    }
    match read {
        Ok(Some(read)) if read == value => Finding::passed(format!(
            "{} written in {}, read in {}; a shard serves no other client meanwhile",
            size(BYTES as u64),
            milliseconds(write),
            milliseconds(read_time)
        )),
        Ok(read) => Finding::failed(
            format!("of {} written, {} came back", size(BYTES as u64), size(read.map_or(0, |read| read.len() as u64))),
            None,
        ),
        Err((error, node)) => Finding::warned(
            format!("{} were not stored at {node}: {}", size(BYTES as u64), error_class(&error)),
            Some("keep values below 1 MiB, or split and compress them".to_owned()),
        ),
    }
}

//! A look at some keys of a cache that does it no harm: commands that only read, few at a time and not many in all,
//! ended as soon as answers are slow. Nothing blocks, nothing walks over all keys, and no key's name leaves this file.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::{Cmd, RedisResult, Value};

use super::connect::{Connection, Connector, ask, is_denied};
use super::memory::memory;
use super::topology::{Facts, facts, shards};
use super::way::Way;
use crate::model::sample::{BIG_VALUE, Sample};
use crate::model::text::inert;

/// Keys of a whole cache that are looked at.
const KEYS: usize = 1_000;
/// Keys of each shard at least, as long as the time lasts.
const KEYS_OF_SHARD: usize = 50;
/// Keys whose commands are under way at once.
const AT_ONCE: usize = 20;
/// Commands a second.
const RATE: f64 = 1_000.0;
/// For a whole cache, connecting included.
const LONGEST: Duration = Duration::from_secs(10);
/// For one answer. A server that is slower than this has better things to do.
const SLOW: Duration = Duration::from_millis(250);
const CONNECT: Duration = Duration::from_secs(3);
/// Looks through the table of keys, each over this many places.
const SCAN_COUNT: usize = 100;
const SCANS_OF_NODE: usize = 50;
/// A prefix that fewer of the keys have than one in this many, or fewer than [`SHARED`], could be somebody's name.
const ONE_IN: usize = 100;
const SHARED: usize = 5;
const LONGEST_PREFIX: usize = 32;
/// So many digits are a number of something, not a version of it.
const DIGITS: usize = 4;
const PREFIXES: usize = 10;
/// Between the parts of a key's name.
const SEPARATORS: [char; 5] = [':', '/', '|', '.', '#'];
/// What keys begin with that have no prefix in common with others.
const OTHERS: &str = "(others)";

/// The nodes of one shard, the ones to ask first: name and endpoint.
pub(crate) type Candidates = Vec<(String, (String, u16))>;

/// Looks at a cache. `nodes` are those of each shard where the cluster does not tell them itself.
pub(crate) async fn look(way: &Way, nodes: Vec<Candidates>) -> Sample {
    let connector = Connector::new(way.clone(), CONNECT);
    let deadline = Instant::now() + LONGEST;
    let mut taken = Taken::default();
    let shards = if way.cluster { of_cluster(&connector, &mut taken).await } else { nodes };
    let share = (KEYS / shards.len().max(1)).max(KEYS_OF_SHARD);
    for shard in &shards {
        if Instant::now() >= deadline {
            taken.unseen(format!("the sample ended after {} s, before every shard was looked at", LONGEST.as_secs()));
            break;
        }
        taken.shard(&connector, shard, share, deadline).await;
    }
    if taken.answered < shards.len() {
        // A count of some shards is not the cache's.
        (taken.sample.keys_in_cache, taken.sample.with_ttl_in_cache) = (None, None);
    }
    taken.told()
}

/// Each shard's nodes, replicas first, as the cluster names them.
async fn of_cluster(connector: &Connector, taken: &mut Taken) -> Vec<Candidates> {
    let (host, port) = connector.home();
    let reply = async { ask::<Value>(&mut connector.endpoint().await?, &["CLUSTER", "SLOTS"]).await };
    match reply.await {
        Ok(reply) => {
            let named = |(host, port): (String, u16)| (format!("{host}:{port}"), (host, port));
            let shards = shards(&reply, (&host, port)).into_iter();
            shards.map(|shard| shard.replicas.into_iter().chain([shard.primary]).map(named).collect()).collect()
        }
        Err(error) => {
            taken.unseen(format!("its shards are unknown: {}", connector.describe(&error)));
            Vec::new()
        }
    }
}

#[derive(Default)]
struct Taken {
    sample: Sample,
    /// Shards whose server told of its memory and keys.
    answered: usize,
    /// By prefix, as the keys have it: keys and bytes.
    prefixes: BTreeMap<String, (usize, u64)>,
    big: Vec<(String, u64)>,
    /// Keys that this user may not look at.
    denied: usize,
}

impl Taken {
    fn unseen(&mut self, what: String) {
        if !self.sample.unseen.contains(&what) {
            self.sample.unseen.push(what);
        }
    }

    /// The first node of a shard that is fit to be asked.
    async fn shard(&mut self, connector: &Connector, nodes: &Candidates, share: usize, deadline: Instant) {
        let map = &connector.way().map;
        for (index, (name, (host, port))) in nodes.iter().enumerate() {
            let is_last = index + 1 == nodes.len();
            if Instant::now() >= deadline {
                return self.unseen(format!("the sample ended after {} s", LONGEST.as_secs()));
            }
            // Behind a tunnel, only the nodes that have one can be reached.
            if !is_last && !map.is_empty() && !map.has(host, *port) {
                continue;
            }
            let why = match self.node(connector, name, (host, *port), share, deadline, is_last).await {
                Ok(()) => return,
                Err(why) => why,
            };
            if is_last {
                self.unseen(format!("{name} was not looked at: {why}"));
            }
        }
    }

    /// `Err` is why another node should be asked.
    async fn node(
        &mut self,
        connector: &Connector,
        name: &str,
        (host, port): (&str, u16),
        share: usize,
        deadline: Instant,
        is_last: bool,
    ) -> Result<(), String> {
        let told = |error: &redis::RedisError| connector.describe(error);
        let mut connection = connector.node(host, port).await.map_err(|error| told(&error))?;
        let info = match ask::<String>(&mut connection, &["INFO"]).await {
            Ok(info) => Some(facts(&info)),
            Err(error) if is_denied(&error) || error.code() == Some("ERR") => {
                self.unseen(format!("memory, policy and the number of keys are unknown: {}", told(&error)));
                None
            }
            Err(error) => return Err(told(&error)),
        };
        if let Some(info) = &info {
            let is = |key: &str, value: &str| info.get(key).is_some_and(|found| found == value);
            if is("loading", "1") || (!is_last && is("master_link_status", "down")) {
                return Err("it is not in step".to_owned());
            }
            self.facts(info);
            self.answered += 1;
        }
        self.sample.nodes.push(name.to_owned());
        if connector.is_cluster() {
            // Of this connection alone: without it a replica sends readers of keys to its primary.
            let _ = ask::<Value>(&mut connection, &["READONLY"]).await;
        }
        self.keys(connector, &mut connection, share, deadline).await;
        Ok(())
    }

    fn facts(&mut self, info: &Facts) {
        let sample = &mut self.sample;
        if let Some(policy) = info.get("maxmemory_policy") {
            sample.maxmemory_policy.get_or_insert_with(|| policy.clone());
        }
        if let Some(memory) = memory(info) {
            let fullness = |used: u64, limit: u64| if limit == 0 { 0.0 } else { used as f64 / limit as f64 };
            let now = sample.used_memory.map(|used| fullness(used, sample.maxmemory.unwrap_or(0)));
            if now.is_none_or(|now| fullness(memory.used, memory.limit) > now) {
                (sample.used_memory, sample.maxmemory) = (Some(memory.used), Some(memory.limit));
            }
        }
        let (mut keys, mut expires) = (0, 0);
        // `db0:keys=10,expires=3,avg_ttl=0`
        for (_, line) in info.iter().filter(|(key, _)| key.starts_with("db") && key[2..].parse::<u32>().is_ok()) {
            for field in line.split(',') {
                match field.split_once('=').map(|(key, value)| (key, value.parse::<u64>().unwrap_or(0))) {
                    Some(("keys", count)) => keys += count,
                    Some(("expires", count)) => expires += count,
                    _ => {}
                }
            }
        }
        *sample.keys_in_cache.get_or_insert(0) += keys;
        *sample.with_ttl_in_cache.get_or_insert(0) += expires;
    }

    async fn keys(&mut self, connector: &Connector, connection: &mut Connection, share: usize, deadline: Instant) {
        let (mut cursor, mut looked) = ("0".to_owned(), 0);
        for _ in 0..SCANS_OF_NODE {
            let begun = Instant::now();
            let count = SCAN_COUNT.to_string();
            let page = ask::<(String, Vec<Vec<u8>>)>(connection, &["SCAN", &cursor, "COUNT", &count]).await;
            let (next, keys) = match page {
                Ok(page) => page,
                Err(error) => return self.unseen(format!("keys were not looked at: {}", connector.describe(&error))),
            };
            if begun.elapsed() > SLOW {
                return self.slow(begun.elapsed());
            }
            cursor = next;
            for chunk in keys.chunks(AT_ONCE) {
                if looked >= share {
                    return;
                }
                if Instant::now() >= deadline {
                    return self.unseen(format!("the sample ended after {} s", LONGEST.as_secs()));
                }
                let chunk = &chunk[..chunk.len().min(share - looked)];
                let begun = Instant::now();
                match self.chunk(connection, chunk).await {
                    Ok(()) => looked += chunk.len(),
                    Err(error) => {
                        return self.unseen(format!("keys were not looked at further: {}", connector.describe(&error)));
                    }
                }
                if begun.elapsed() > SLOW {
                    return self.slow(begun.elapsed());
                }
                let pace = Duration::from_secs_f64((2 * chunk.len()) as f64 / RATE);
                tokio::time::sleep(pace.saturating_sub(begun.elapsed())).await;
            }
            if cursor == "0" {
                return;
            }
        }
    }

    fn slow(&mut self, took: Duration) {
        self.unseen(format!(
            "the sample ended after {} keys, since an answer took {} ms: the cache has other things to do",
            self.sample.keys,
            took.as_millis()
        ));
    }

    /// Looks at these keys. An error is one of the connection, or of the server's whole state.
    async fn chunk(&mut self, connection: &Connection, keys: &[Vec<u8>]) -> RedisResult<()> {
        let looks = keys.iter().map(|key| {
            let mut connection = connection.clone();
            async move {
                let mut ttl = Cmd::new();
                ttl.arg("PTTL").arg(key.as_slice());
                let mut size = Cmd::new();
                size.arg("MEMORY").arg("USAGE").arg(key.as_slice());
                let ttl = ttl.query_async::<i64>(&mut connection).await;
                (ttl, size.query_async::<Option<u64>>(&mut connection).await)
            }
        });
        for (key, (ttl, size)) in keys.iter().zip(join_all(looks).await) {
            let ttl = match ttl {
                Ok(ttl) => ttl,
                // Such as a key outside of this user's patterns.
                Err(error) if is_denied(&error) => {
                    self.denied += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if ttl == -2 {
                // It went meanwhile.
                continue;
            }
            self.sample.keys += 1;
            self.sample.with_ttl += usize::from(ttl >= 0);
            let prefix = prefix(key);
            let size = match size {
                Ok(size) => size.unwrap_or(0),
                Err(error) if is_denied(&error) || error.code() == Some("ERR") => {
                    self.unseen("sizes are unknown: this user, or this server, has no MEMORY USAGE".to_owned());
                    0
                }
                Err(error) => return Err(error),
            };
            let sum = self.prefixes.entry(prefix.clone()).or_default();
            *sum = (sum.0 + 1, sum.1 + size);
            if size > BIG_VALUE {
                self.big.push((prefix, size));
            }
        }
        Ok(())
    }

    /// What may be told of it: prefixes that several keys have.
    fn told(mut self) -> Sample {
        if self.denied > 0 {
            let text = format!("{} keys are outside of what this user may read", self.denied);
            self.unseen(text);
        }
        let least = SHARED.max(self.sample.keys.div_ceil(ONE_IN));
        let shown = |prefix: &str| {
            let keys = self.prefixes.get(prefix).map_or(0, |(keys, _)| *keys);
            if keys >= least { prefix.to_owned() } else { OTHERS.to_owned() }
        };
        let mut by_prefix: BTreeMap<String, u64> = BTreeMap::new();
        for (prefix, (_, bytes)) in &self.prefixes {
            *by_prefix.entry(shown(prefix)).or_default() += bytes;
        }
        let mut prefixes: Vec<(String, u64)> = by_prefix.into_iter().filter(|(_, bytes)| *bytes > 0).collect();
        prefixes.sort_by_key(|(name, bytes)| (name == OTHERS, std::cmp::Reverse(*bytes)));
        if prefixes.len() > PREFIXES {
            let rest = prefixes.split_off(PREFIXES - 1).iter().map(|(_, bytes)| bytes).sum();
            prefixes.push((OTHERS.to_owned(), rest));
        }
        let mut big: Vec<(String, u64)> = self.big.iter().map(|(prefix, size)| (shown(prefix), *size)).collect();
        big.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        self.sample.prefixes = prefixes;
        self.sample.big = big;
        self.sample
    }
}

/// What a key begins with, up to its first separator; nothing of a key that has none, or where it looks like somebody's
/// address or number.
fn prefix(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    let is_personal =
        |prefix: &str| prefix.contains('@') || prefix.chars().filter(char::is_ascii_digit).count() >= DIGITS;
    let Some((prefix, _)) = text.split_once(SEPARATORS).filter(|(prefix, _)| !is_personal(prefix)) else {
        return OTHERS.to_owned();
    };
    let short: String = prefix.chars().take(LONGEST_PREFIX).collect();
    let more = if short.len() < prefix.len() { "…" } else { "" };
    format!("{}{more}", inert(&short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_only_the_part_before_its_first_separator_is_told_and_made_harmless() {
        for (key, told) in [
            ("cart:17:items", "cart"),
            ("session/abc", "session"),
            ("user.42", "user"),
            ("jane@example", OTHERS),
            ("jane@example:cart", OTHERS),
            ("u4711:cart", OTHERS),
            ("v2:cart", "v2"),
            ("", OTHERS),
            ("a\u{1b}[31mb:c", "a\u{241b}[31mb"),
        ] {
            assert_eq!(prefix(key.as_bytes()), told, "{key}");
        }
        assert_eq!(prefix(format!("{}:x", "p".repeat(40)).as_bytes()), format!("{}…", "p".repeat(32)));
        assert!(!prefix(b"\xff\xfe:x").contains('\u{ff}'));
    }

    #[test]
    fn a_prefix_that_few_keys_have_could_be_a_name_and_is_not_told() {
        let mut taken = Taken::default();
        taken.sample.keys = 200;
        taken.prefixes =
            [("cart".to_owned(), (195, 1_000)), ("jane.doe".to_owned(), (4, 900)), ("u7".to_owned(), (1, 5))].into();
        taken.big = vec![("jane.doe".to_owned(), 3 << 20), ("cart".to_owned(), 2 << 20)];
        let sample = taken.told();
        assert_eq!(sample.prefixes, [("cart".to_owned(), 1_000), (OTHERS.to_owned(), 905)]);
        assert_eq!(sample.big, [(OTHERS.to_owned(), 3 << 20), ("cart".to_owned(), 2 << 20)]);
    }
}

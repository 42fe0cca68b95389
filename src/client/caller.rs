//! One client of the cache as an application holds it: one command in flight, a connection to every
//! primary that it needs and to no replica, its timings and its errors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::{Arg, Cmd, FromRedisValue, RedisError, RedisResult, Value};

use super::connect::{Connection, Connector, ask, error_class};
use super::latency::Recorder;
use super::topology::{Shard, key_slot, shards};

/// What a caller counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub latency: Recorder,
    /// Commands that were answered.
    pub answered: u64,
    pub errors: BTreeMap<String, u64>,
    /// Where they happened, `class at host:port`.
    pub places: BTreeSet<String>,
    pub hits: u64,
    pub misses: u64,
    /// Completed runs of a pattern.
    pub ops: u64,
    /// Commands that were sent on after MOVED or ASK.
    pub redirected: u64,
    pub reconnects: u64,
    /// Broken promises, in words, each once.
    pub violations: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Adds what another caller counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        self.answered += other.answered;
        self.hits += other.hits;
        self.misses += other.misses;
        self.ops += other.ops;
        self.redirected += other.redirected;
        self.reconnects += other.reconnects;
        self.places.extend(other.places.iter().cloned());
        for (class, count) in &other.errors {
            *self.errors.entry(class.clone()).or_default() += count;
        }
        for (what, count) in &other.violations {
            *self.violations.entry(what).or_default() += count;
        }
    }

    /// Commands that failed, of all classes together.
    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Counts a failed command under its class, and notes where it was: a hundred places at most.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        *self.errors.entry(failure.class.clone()).or_default() += 1;
        // A hundred places are as good as all of them.
        if self.places.len() < 100 {
            self.places.insert(format!("{} at {}", failure.class, failure.node));
        }
    }

    /// Counts a read of the cache as a hit or as a miss.
    pub(crate) fn read(&mut self, hit: bool) {
        if hit {
            self.hits += 1;
        } else {
            self.misses += 1;
        }
    }

    /// The share of reads that hit, 0 to 1; `None` before the first read.
    pub(crate) fn hit_rate(&self) -> Option<f64> {
        let reads = self.hits + self.misses;
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }

    /// Notes that the cache broke a promise.
    pub(crate) fn violated(&mut self, what: &'static str) {
        *self.violations.entry(what).or_default() += 1;
    }
}

/// Which primary serves which slot, as all callers of a run see it. Empty outside of cluster mode.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes(Arc<RwLock<Vec<Shard>>>);

impl Routes {
    /// Routes to these shards, until they are refreshed.
    pub(crate) fn new(shards: Vec<Shard>) -> Self {
        Self(Arc::new(RwLock::new(shards)))
    }

    /// The shards as they were seen last.
    pub(crate) fn shards(&self) -> Vec<Shard> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn primary(&self, slot: u16) -> Option<(String, u16)> {
        let shards = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shards.iter().find(|shard| shard.serves(slot)).map(|shard| shard.primary.clone())
    }

    /// Asks the known nodes one after the other how the slots lie by now; false when nobody tells.
    pub(crate) async fn refresh(&self, connector: &Connector) -> bool {
        let known = self.shards();
        let replicas = known.iter().flat_map(|shard| &shard.replicas);
        for (host, port) in known.iter().map(|shard| &shard.primary).chain(replicas) {
            let Ok(mut connection) = connector.node(host, *port).await else { continue };
            let Ok(reply) = ask::<Value>(&mut connection, &["CLUSTER", "SLOTS"]).await else { continue };
            let found = shards(&reply, (host, *port));
            if !found.is_empty() {
                *self.0.write().unwrap_or_else(PoisonError::into_inner) = found;
                return true;
            }
        }
        false
    }
}

/// One client of the cache: its connections, and what it counted.
pub(crate) struct Caller {
    connector: Connector,
    routes: Routes,
    connections: BTreeMap<(String, u16), Connection>,
    pause: Duration,
    pub tally: Tally,
}

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// More would hide a cluster that never settles.
const REDIRECTIONS: usize = 4;

impl Caller {
    /// A client that connects with its first command, or when it is told to.
    pub(crate) fn new(connector: Connector, routes: Routes) -> Self {
        Self { connector, routes, connections: BTreeMap::new(), pause: FIRST_PAUSE, tally: Tally::default() }
    }

    /// Connects to every primary, so that no command pays for a handshake. What fails now fails again with a command.
    pub(crate) async fn connect(&mut self) {
        let mut nodes = vec![self.connector.home()];
        if self.connector.is_cluster() {
            nodes = self.routes.shards().into_iter().map(|shard| shard.primary).collect();
        }
        for node in nodes {
            let _ = self.connection(&node).await;
        }
    }

    /// Hands out what was counted and starts anew.
    pub(crate) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Sends a command, times it and counts it. `None` is an error, which is counted too.
    pub(crate) async fn call<T: FromRedisValue>(&mut self, command: &Cmd) -> Option<T> {
        let begun = Instant::now();
        match self.attempt(command).await {
            Ok(reply) => {
                self.tally.latency.record(begun.elapsed());
                self.tally.answered += 1;
                Some(reply)
            }
            Err(failure) => {
                // A timeout is a wait that a user had; leaving it out would make an outage look fast.
                if failure.timed_out {
                    self.tally.latency.record(begun.elapsed());
                }
                self.tally.failed(&failure);
                None
            }
        }
    }

    /// Sends a command without timing or counting it, for a caller that does both.
    pub(crate) async fn attempt<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Failure> {
        self.query(command).await.map_err(|(error, node)| Failure::of(&error, &node))
    }

    /// Sends a command as [`Caller::attempt`] does; an error is the library's own, with its node (`host:port`).
    pub(crate) async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, (RedisError, String)> {
        let slot = key(command).map_or(0, |key| key_slot(&key));
        let home = self.connector.home();
        let cluster = self.connector.is_cluster();
        let mut node = if cluster { self.routes.primary(slot).unwrap_or(home) } else { home };
        let mut asking = false;
        let mut left = REDIRECTIONS;
        loop {
            let error = match self.at(&node, command, asking).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let redirected = cluster && matches!(error.code(), Some("MOVED" | "ASK")) && left > 0;
            if let Some((host, port)) = error.redirect_node().filter(|_| redirected) {
                asking = error.code() == Some("ASK");
                let host = if host.is_empty() { node.0.clone() } else { host.to_owned() };
                node = (host, port);
                self.tally.redirected += 1;
                left -= 1;
                if !asking {
                    self.routes.refresh(&self.connector).await;
                }
                continue;
            }
            // After a failover the name or the slot leads to another node.
            if error.is_unrecoverable_error() || error.is_connection_dropped() || error.code() == Some("READONLY") {
                self.connections.remove(&node);
                if cluster {
                    self.routes.refresh(&self.connector).await;
                }
            }
            return Err((error, format!("{}:{}", node.0, node.1)));
        }
    }

    async fn at<T: FromRedisValue>(&mut self, node: &(String, u16), command: &Cmd, asking: bool) -> RedisResult<T> {
        let connection = self.connection(node).await?;
        if asking {
            let mut both = redis::pipe();
            both.cmd("ASKING").ignore().add_command(command.clone());
            let (reply,): (T,) = both.query_async(connection).await?;
            return Ok(reply);
        }
        command.query_async::<T>(connection).await
    }

    async fn connection(&mut self, node: &(String, u16)) -> RedisResult<&mut Connection> {
        if !self.connections.contains_key(node) {
            let broken = self.pause > FIRST_PAUSE;
            if broken {
                tokio::time::sleep(self.pause).await;
            }
            match self.connector.node(&node.0, node.1).await {
                Ok(connection) => {
                    self.tally.reconnects += u64::from(broken);
                    self.pause = FIRST_PAUSE;
                    self.connections.insert(node.clone(), connection);
                }
                Err(error) => {
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                    return Err(error);
                }
            }
        }
        match self.connections.get_mut(node) {
            Some(connection) => Ok(connection),
            None => Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into()),
        }
    }
}

/// The key of a command, which decides about its node. The commands sent here have one key.
fn key(command: &Cmd) -> Option<String> {
    let mut arguments = command.args_iter().filter_map(|argument| match argument {
        Arg::Simple(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    let verb = arguments.next()?;
    // EVAL script 1 key
    if verb == "EVAL" { arguments.nth(2) } else { arguments.next() }
}

/// A command that was not answered as it should.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub class: String,
    /// `host:port`.
    pub node: String,
    pub timed_out: bool,
}

impl Failure {
    /// What to count of the library's error, at this node (`host:port`).
    pub(crate) fn of(error: &RedisError, node: &str) -> Self {
        Self { class: error_class(error), node: node.to_owned(), timed_out: error.is_timeout() }
    }
}

#[cfg(test)]
mod tests {
    use redis::cmd;

    use super::*;

    #[test]
    fn a_command_goes_where_its_key_lives() {
        assert_eq!(key(cmd("GET").arg("a")), Some("a".to_owned()));
        assert_eq!(key(cmd("EVAL").arg("return 1").arg(1).arg("b")), Some("b".to_owned()));
        assert_eq!(key(&cmd("PING")), None);
    }
}

//! One client of the cache: a connection with one command in flight, its timings and its errors.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::{Cmd, FromRedisValue, RedisError};

use super::connect::{Connection, Connector, error_class};
use super::latency::Recorder;

/// What a client counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub latency: Recorder,
    /// Commands that were answered.
    pub answered: u64,
    pub errors: BTreeMap<String, u64>,
    pub hits: u64,
    pub misses: u64,
    /// Completed runs of a pattern.
    pub ops: u64,
    /// Broken promises, in words, each once.
    pub violations: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        self.answered += other.answered;
        self.hits += other.hits;
        self.misses += other.misses;
        self.ops += other.ops;
        for (class, count) in &other.errors {
            *self.errors.entry(class.clone()).or_default() += count;
        }
        for (what, count) in &other.violations {
            *self.violations.entry(what).or_default() += count;
        }
    }

    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    pub fn error(&mut self, class: String) {
        *self.errors.entry(class).or_default() += 1;
    }

    pub fn read(&mut self, hit: bool) {
        if hit {
            self.hits += 1;
        } else {
            self.misses += 1;
        }
    }

    pub fn hit_rate(&self) -> Option<f64> {
        let reads = self.hits + self.misses;
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }

    /// Notes that the cache broke a promise.
    pub fn violated(&mut self, what: &'static str) {
        *self.violations.entry(what).or_default() += 1;
    }
}

/// One client of the cache.
pub struct Caller {
    connector: Connector,
    connection: Option<Connection>,
    pause: Duration,
    pub tally: Tally,
}

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl Caller {
    /// Starts without a connection when none can be had: the first command tries again.
    pub async fn new(connector: Connector) -> Self {
        let mut client = Self { connector, connection: None, pause: FIRST_PAUSE, tally: Tally::default() };
        match client.connector.open().await {
            Ok(connection) => client.connection = Some(connection),
            Err(error) => client.tally.error(error_class(&error)),
        }
        client
    }

    /// Hands out what was counted and starts anew.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Sends a command, times it and counts it. `None` is an error, which is counted too.
    pub async fn call<T: FromRedisValue>(&mut self, command: &Cmd) -> Option<T> {
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
                self.tally.error(failure.class);
                None
            }
        }
    }

    /// As `call`, for a caller that does the timing and counting.
    pub async fn attempt<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Failure> {
        let connection = self.connection().await?;
        match command.query_async::<T>(connection).await {
            Ok(reply) => Ok(reply),
            Err(error) => {
                // After a failover the name points to another node: connect anew, by name. The
                // cluster client does that by itself.
                if error.is_unrecoverable_error() || error.is_connection_dropped() || error.code() == Some("READONLY") {
                    self.connection = None;
                }
                Err(Failure::of(&error))
            }
        }
    }

    async fn connection(&mut self) -> Result<&mut Connection, Failure> {
        let connected = match self.connection.take() {
            Some(connection) => connection,
            None => {
                tokio::time::sleep(self.pause).await;
                match self.connector.open().await {
                    Ok(connection) => {
                        self.pause = FIRST_PAUSE;
                        connection
                    }
                    Err(error) => {
                        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                        return Err(Failure::of(&error));
                    }
                }
            }
        };
        Ok(self.connection.insert(connected))
    }
}

/// A command that was not answered as it should.
#[derive(Clone, Debug)]
pub struct Failure {
    pub class: String,
    pub timed_out: bool,
}

impl Failure {
    fn of(error: &RedisError) -> Self {
        Self { class: error_class(error), timed_out: error.is_timeout() }
    }
}

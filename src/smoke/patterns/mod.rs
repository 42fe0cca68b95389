//! The caching patterns that applications run, each with its promise checked: what must hold is
//! written beside each pattern, and breaking it fails the check whatever the latency was.

mod cache_aside;
mod lock;
mod session;
mod stampede;
mod write_through;

pub(super) use cache_aside::WORKING_SET;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, cmd};
use tokio::task::JoinSet;

use super::checks::Finding;
use super::report::PatternReport;
use super::target::Pattern;
use crate::client::caller::{Caller, Tally};
use crate::client::connect::Connector;

/// What all patterns share.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) connector: Connector,
    pub(super) prefix: Arc<str>,
    pub(super) value_size: usize,
    /// Time to live of ordinary keys: they outlast the run, and not by much.
    pub(super) key_ttl: Duration,
    /// How long one pattern runs.
    pub(super) window: Duration,
    pub(super) timeout: Duration,
    /// Whether the user may run scripts.
    pub(super) scripting: bool,
}

impl Ground {
    pub(super) fn key(&self, name: impl std::fmt::Display) -> String {
        format!("{}{name}", self.prefix)
    }

    /// `text`, padded to the size of a value.
    pub(super) fn value(&self, text: &str) -> String {
        let mut value = String::with_capacity(self.value_size.max(text.len()));
        value.push_str(text);
        while value.len() < self.value_size {
            value.push('.');
        }
        value
    }

    pub(super) fn set(&self, key: &str, value: &str) -> Cmd {
        let mut command = cmd("SET");
        command.arg(key).arg(value).arg("PX").arg(self.key_ttl.as_millis() as u64);
        command
    }
}

pub(super) struct Played {
    pub(super) clients: Vec<Caller>,
    pub(super) report: PatternReport,
    pub(super) tally: Tally,
    pub(super) finding: Finding,
}

/// A pattern's clients with what they counted, its own account, and how long it ran.
type Run = (Vec<Caller>, String, Duration);

/// Runs one pattern for its window.
pub(super) async fn play(pattern: Pattern, clients: Vec<Caller>, ground: &Ground) -> Played {
    let (mut clients, told, elapsed) = match pattern {
        Pattern::CacheAside => cache_aside::play(clients, ground).await,
        Pattern::WriteThrough => write_through::play(clients, ground).await,
        Pattern::Stampede => stampede::play(clients, ground).await,
        Pattern::Session => session::play(clients, ground).await,
        Pattern::Lock => lock::play(clients, ground).await,
    };
    let mut tally = Tally::default();
    for client in &mut clients {
        tally.merge(&client.take_tally());
    }
    Played { report: report(pattern, &tally, elapsed), finding: judge(&tally, told), tally, clients }
}

fn report(pattern: Pattern, tally: &Tally, elapsed: Duration) -> PatternReport {
    let latencies = tally.latency.latencies();
    PatternReport {
        pattern,
        ops: tally.ops,
        ops_per_second: tally.ops as f64 / elapsed.as_secs_f64().max(1e-6),
        errors: tally.error_count(),
        hit_rate: tally.hit_rate(),
        p50_ms: latencies.p50_ms,
        p95_ms: latencies.p95_ms,
        p99_ms: latencies.p99_ms,
        p999_ms: latencies.p999_ms,
        max_ms: latencies.max_ms,
        samples: latencies.samples,
    }
}

/// `told` is the pattern's own account, used when all went well.
fn judge(tally: &Tally, told: String) -> Finding {
    let errors = || {
        let classes: Vec<String> = tally.errors.iter().map(|(class, count)| format!("{count} {class}")).collect();
        classes.join(", ")
    };
    let denied = tally.errors.contains_key("NOPERM");
    let hint = denied.then(|| {
        "the user's access string must allow the pattern's commands on the smoke keys: set \
         `keyPrefix` to a prefix the user may write"
            .to_owned()
    });
    if !tally.violations.is_empty() {
        let broken: Vec<String> = tally.violations.iter().map(|(what, count)| format!("{what} (x{count})")).collect();
        Finding::failed(broken.join("; "), None)
    } else if tally.ops == 0 {
        let why = if tally.errors.is_empty() { "in the time given".to_owned() } else { errors() };
        Finding::failed(format!("never completed: {why}"), hint)
    } else if tally.errors.is_empty() {
        Finding::ok(told)
    } else {
        Finding::warn(format!("{told}; errors: {}", errors()), hint)
    }
}

/// Runs `work` for every client at once and collects the clients again.
async fn each<F, W>(clients: Vec<Caller>, work: F) -> Vec<Caller>
where
    F: Fn(usize, Caller) -> W,
    W: Future<Output = Caller> + Send + 'static,
{
    let mut running = JoinSet::new();
    for (index, client) in clients.into_iter().enumerate() {
        running.spawn(work(index, client));
    }
    let mut clients = Vec::new();
    while let Some(done) = running.join_next().await {
        clients.extend(done);
    }
    clients
}

/// Deletes the lock only while it still holds this token, in one step on the server: between a
/// `GET` and a `DEL` the lock could expire and be taken by someone else.
const RELEASE: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then \
     return redis.call('del', KEYS[1]) else return 0 end";

/// `Some(true)` when the lock was released, `Some(false)` when it was not this token's.
async fn release(client: &mut Caller, key: &str, token: &str) -> Option<bool> {
    // EVAL rather than EVALSHA: a replica that was just promoted may not have the script, and the
    // fallback costs more code than these bytes.
    client.call::<i64>(cmd("EVAL").arg(RELEASE).arg(1).arg(key).arg(token)).await.map(|deleted| deleted == 1)
}

/// Takes the lock, if nobody holds it.
async fn acquire(client: &mut Caller, key: &str, token: &str, ttl: Duration) -> Option<bool> {
    client
        .call::<Option<String>>(cmd("SET").arg(key).arg(token).arg("NX").arg("PX").arg(ttl.as_millis() as u64))
        .await
        .map(|reply| reply.is_some())
}

#[cfg(test)]
mod tests {
    use super::super::report::CheckStatus;
    use super::*;

    #[test]
    fn a_broken_promise_fails_whatever_else_went_well() {
        let mut tally = Tally { ops: 10, ..Tally::default() };
        assert_eq!(judge(&tally, "fine".into()).status, CheckStatus::Ok);
        tally.error("timeout".into());
        let finding = judge(&tally, "fine".into());
        assert_eq!(finding.status, CheckStatus::Warn);
        assert_eq!(finding.detail, "fine; errors: 1 timeout");
        tally.violated("two winners");
        assert_eq!(judge(&tally, "fine".into()).status, CheckStatus::Failed);
    }

    #[test]
    fn a_pattern_that_never_completes_says_which_errors_it_met() {
        let mut tally = Tally::default();
        tally.error("NOPERM".into());
        let finding = judge(&tally, String::new());
        assert_eq!(finding.detail, "never completed: 1 NOPERM");
        assert!(finding.hint.unwrap().contains("keyPrefix"));
    }
}

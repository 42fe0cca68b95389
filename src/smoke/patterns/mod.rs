//! The caching patterns that applications run, each with its promise checked: what must hold is
//! written beside each pattern, and breaking it fails the check whatever the latency was.

mod cache_aside;
mod lock;
mod session;
mod stampede;
mod versioned_keys;
mod write_behind;
mod write_through;

pub(super) use cache_aside::working_set;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Cmd, cmd};
use tokio::task::JoinSet;

use super::checks::Finding;
use super::keys::Written;
use super::report::PatternReport;
use crate::client::caller::{Caller, Routes, Tally};
use crate::client::connect::Connector;
use crate::client::engine::Stop;
use crate::model::pattern::Pattern;

/// What all patterns share.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) connector: Connector,
    pub(super) routes: Routes,
    pub(super) prefix: Arc<str>,
    pub(super) value_size: usize,
    /// Time to live of ordinary keys: they outlast the run, and not by much.
    pub(super) key_ttl: Duration,
    /// How long one pattern runs.
    pub(super) window: Duration,
    pub(super) timeout: Duration,
    /// Whether the user may run scripts.
    pub(super) scripting: bool,
    /// Keys that one pattern may hold at once.
    pub(super) keys: usize,
    pub(super) written: Written,
    pub(super) stop: Stop,
}

impl Ground {
    /// A key of the run; whoever names one may write it, so it is noted for the clean-up.
    pub(super) fn key(&self, name: impl std::fmt::Display) -> String {
        let key = format!("{}{name}", self.prefix);
        self.written.note(&key);
        key
    }

    pub(super) fn caller(&self) -> Caller {
        Caller::new(self.connector.clone(), self.routes.clone())
    }

    /// Whether a pattern that runs until then goes on.
    pub(super) fn goes_on(&self, until: Instant) -> bool {
        Instant::now() < until && !self.stop.is_asked()
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
        Pattern::WriteBehind => write_behind::play(clients, ground).await,
        Pattern::VersionedKeys => versioned_keys::play(clients, ground).await,
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
        proves: pattern.proves(),
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
        let places: Vec<&str> = tally.places.iter().take(3).map(String::as_str).collect();
        format!("{} ({})", classes.join(", "), places.join(", "))
    };
    let denied = tally.errors.contains_key("NOPERM");
    let hint = denied.then(|| {
        "the user's access string must allow the pattern's commands on the test's keys: see `smoke.keyPrefix`"
            .to_owned()
    });
    if !tally.violations.is_empty() {
        let broken: Vec<String> = tally.violations.iter().map(|(what, count)| format!("{what} (x{count})")).collect();
        Finding::failed(broken.join("; "), None)
    } else if denied {
        Finding::not_tested(format!("the user may not: {}", errors()), hint)
    } else if tally.ops == 0 && tally.errors.is_empty() {
        // Nothing went wrong, and nothing was shown: on a slow machine or a far cache a short window is over first.
        Finding::not_tested("not completed once in its share of `duration`", Some("give more `duration`".to_owned()))
    } else if tally.ops == 0 {
        Finding::failed(format!("never completed: {}", errors()), hint)
    } else if let Some(refused) = tally.errors.keys().find(|class| refused(class)) {
        Finding::failed(format!("the cache refused commands with {refused}: {}", errors()), hint)
    } else if tally.errors.is_empty() {
        Finding::passed(told)
    } else {
        Finding::warned(format!("{told}; errors: {}", errors()), hint)
    }
}

/// Answers that say that nobody is served, not that one connection broke.
fn refused(class: &str) -> bool {
    matches!(
        class,
        "OOM" | "READONLY" | "CLUSTERDOWN" | "NOAUTH" | "LOADING" | "MASTERDOWN" | "MISCONF" | "max clients"
    )
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
    use super::super::report::Verdict;
    use super::*;
    use crate::client::caller::Failure;

    #[test]
    fn a_broken_promise_fails_whatever_else_went_well() {
        let mut tally = Tally { ops: 10, ..Tally::default() };
        assert_eq!(judge(&tally, "fine".into()).status, Verdict::Passed);
        let failure = |class: &str| Failure { class: class.into(), node: "a:1".into(), timed_out: true };
        tally.failed(&failure("timeout"));
        let finding = judge(&tally, "fine".into());
        assert_eq!(finding.status, Verdict::Warned);
        assert_eq!(finding.detail, "fine; errors: 1 timeout (timeout at a:1)");
        tally.violated("two winners");
        assert_eq!(judge(&tally, "fine".into()).status, Verdict::Failed);
    }

    #[test]
    fn a_window_that_was_too_short_is_no_failure() {
        assert_eq!(judge(&Tally::default(), String::new()).status, Verdict::NotTested);
    }

    #[test]
    fn a_pattern_that_never_completes_says_which_errors_it_met() {
        let mut tally = Tally::default();
        tally.failed(&Failure { class: "timeout".into(), node: "a:1".into(), timed_out: true });
        assert_eq!(judge(&tally, String::new()).detail, "never completed: 1 timeout (timeout at a:1)");
    }

    #[test]
    fn what_the_user_may_not_do_is_not_tested_and_what_the_cache_refuses_fails() {
        let failure = |class: &str| Failure { class: class.into(), node: "a:1".into(), timed_out: false };
        let mut tally = Tally { ops: 10, ..Tally::default() };
        tally.failed(&failure("NOPERM"));
        assert_eq!(judge(&tally, String::new()).status, Verdict::NotTested);
        let mut tally = Tally { ops: 10, ..Tally::default() };
        tally.failed(&failure("OOM"));
        assert_eq!(judge(&tally, String::new()).status, Verdict::Failed);
    }
}

//! An interceptor on every client: it counts calls, reports them, refuses writes where only reading is
//! allowed, and stops everything once the user interrupted.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use super::client::Access;
use super::wire;
use crate::model::kept;

/// Why a call was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("interrupted before it was sent")]
    Interrupted,
    #[error("this command only reads, and refuses to call {0}")]
    ReadOnly(String),
    #[error("it was not sent: over plain http to {0}, anyone on the way could read the secret")]
    InTheClear(String),
}

/// No call is waited for as long as this.
const LONGEST_CALL: Duration = Duration::from_secs(240);

/// Operations whose answers are secrets.
const SECRETS: [&str; 2] = ["GetSecretValue", "GetParameter"];

/// What listeners hear: `-vv` and `--events`.
#[derive(Clone, Debug)]
pub enum Event {
    /// An operation ended, with all its attempts.
    Call(CallRecord),
    /// It is about to be sent again.
    Retry { service: String, operation: String, attempt: usize, status: Option<u16> },
}

#[derive(Clone, Debug)]
pub struct CallRecord {
    pub service: String,
    pub operation: String,
    pub attempts: usize,
    pub seconds: f64,
    pub status: Option<u16>,
    pub request_id: Option<String>,
}

type Listener = Box<dyn Fn(&Event) + Send + Sync>;

#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    access: Access,
    interrupted: AtomicBool,
    calls: AtomicUsize,
    writes: AtomicUsize,
    listeners: Mutex<Vec<Listener>>,
    /// Calls without an answer so far, the oldest first.
    under_way: Mutex<Vec<(Instant, String)>>,
    interruption: tokio::sync::watch::Sender<bool>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("access", &self.0.access).finish_non_exhaustive()
    }
}

/// What one execution carries from its start to its end.
#[derive(Debug)]
struct Started {
    at: Instant,
    attempts: AtomicUsize,
    /// HTTP status of the last answer; 0 while there is none.
    status: AtomicU16,
}

impl Storable for Started {
    type Storer = StoreReplace<Self>;
}

impl Guard {
    pub fn new(access: Access) -> Self {
        Self(Arc::new(Inner {
            access,
            interrupted: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            listeners: Mutex::default(),
            under_way: Mutex::default(),
            interruption: tokio::sync::watch::Sender::new(false),
        }))
    }

    pub fn calls(&self) -> usize {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// Writes that AWS answered with success.
    pub fn writes(&self) -> usize {
        self.0.writes.load(Ordering::Relaxed)
    }

    /// From now on no call leaves this process. It is told before whoever waits goes on, and may end the process.
    pub fn interrupt(&self, tell: impl FnOnce()) {
        self.0.interrupted.store(true, Ordering::SeqCst);
        tell();
        self.0.interruption.send_replace(true);
    }

    /// Resolves once the user interrupted.
    pub async fn interruption(&self) {
        let mut interruption = self.0.interruption.subscribe();
        // The sender lives as long as the guard, so waiting cannot fail.
        let _ = interruption.wait_for(|interrupted| *interrupted).await;
    }

    pub fn is_interrupted(&self) -> bool {
        self.0.interrupted.load(Ordering::SeqCst)
    }

    /// The call that has waited longest for its answer, if it has waited as long as this.
    pub fn waiting(&self, at_least: Duration) -> Option<String> {
        let under_way = self.0.under_way.lock().ok()?;
        // A call that was given up by its caller never ends here; no call takes longer than this.
        let still = |(since, _): &&(Instant, String)| (at_least..LONGEST_CALL).contains(&since.elapsed());
        under_way.iter().find(still).map(|(_, operation)| operation.clone())
    }

    pub fn listen(&self, listener: Listener) {
        if let Ok(mut listeners) = self.0.listeners.lock() {
            listeners.push(listener);
        }
    }

    fn tell(&self, event: &Event) {
        if let Ok(listeners) = self.0.listeners.lock() {
            listeners.iter().for_each(|listener| listener(event));
        }
    }
}

tokio::task_local! {
    static ATTEMPTS: Cell<usize>;
}

/// How often the last call within `calls` was sent, beside what came of it.
pub async fn counting<T>(calls: impl Future<Output = T>) -> (T, usize) {
    ATTEMPTS.scope(Cell::new(0), async { (calls.await, ATTEMPTS.with(Cell::get)) }).await
}

/// The host, where what is sent to it could be read by others on the way.
fn in_the_clear(uri: &str) -> Option<&str> {
    let host = wire::host_of(uri);
    (!uri.starts_with("https://") && !wire::is_loopback(host)).then_some(host)
}

pub fn is_read(operation: &str) -> bool {
    ["Describe", "List", "Get"].iter().any(|prefix| operation.starts_with(prefix))
}

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "cachectl::Guard"
    }

    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.is_interrupted() {
            return Err(Refusal::Interrupted.into());
        }
        // Without a name nothing can be said about the operation, so nothing is allowed.
        let operation = cfg.load::<Metadata>().map_or("an unnamed operation", Metadata::name);
        if !is_read(operation) && !self.0.access.admits(operation) {
            return Err(Refusal::ReadOnly(operation.to_owned()).into());
        }
        if let Ok(mut under_way) = self.0.under_way.lock() {
            under_way.push((Instant::now(), operation.to_owned()));
        }
        cfg.interceptor_state().store_put(Started {
            at: Instant::now(),
            attempts: AtomicUsize::new(0),
            status: AtomicU16::new(0),
        });
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.is_interrupted() {
            return Err(Refusal::Interrupted.into());
        }
        let (Some(metadata), Some(started)) = (cfg.load::<Metadata>(), cfg.load::<Started>()) else { return Ok(()) };
        let request = context.request();
        if let Some(host) = in_the_clear(request.uri()) {
            let body = request.body().bytes().unwrap_or_default();
            if SECRETS.contains(&metadata.name()) || kept::is_in(body) {
                return Err(Refusal::InTheClear(host.to_owned()).into());
            }
        }
        let attempt = started.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        // Absent outside of a step.
        let _ = ATTEMPTS.try_with(|attempts| attempts.set(attempt));
        if attempt > 1 {
            let status = started.status.load(Ordering::Relaxed);
            self.tell(&Event::Retry {
                service: metadata.service().to_owned(),
                operation: metadata.name().to_owned(),
                attempt,
                status: (status > 0).then_some(status),
            });
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(started) = cfg.load::<Started>() {
            let status = context.response().map_or(0, |response| response.status().as_u16());
            started.status.store(status, Ordering::Relaxed);
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (Some(metadata), Some(started)) = (cfg.load::<Metadata>(), cfg.load::<Started>()) else { return Ok(()) };
        if let Ok(mut under_way) = self.0.under_way.lock()
            && let Some(at) = under_way.iter().position(|(_, name)| name == metadata.name())
        {
            under_way.remove(at);
        }
        let response = context.response();
        let success = response.is_some_and(|response| response.status().is_success());
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        if success && !is_read(metadata.name()) {
            self.0.writes.fetch_add(1, Ordering::Relaxed);
        }
        let header = |name: &str| response.and_then(|response| response.headers().get(name)).map(str::to_owned);
        let record = CallRecord {
            service: metadata.service().to_owned(),
            operation: metadata.name().to_owned(),
            attempts: started.attempts.load(Ordering::Relaxed),
            seconds: started.at.elapsed().as_secs_f64(),
            status: response.map(|response| response.status().as_u16()),
            request_id: header("x-amzn-requestid").or_else(|| header("x-amz-request-id")),
        };
        self.tell(&Event::Call(record));
        Ok(())
    }
}

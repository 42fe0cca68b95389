//! One sandbox's state with its past, its faults and its log of calls, behind one lock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::bridge::{self, Bridge};
use crate::control::Operation;
use crate::data::DataPlane;
use crate::faults::{Armed, Fault, Verdict};
use crate::quotas::Meter;
use crate::refusal::Refusal;
use crate::state::{Servers, Settings, State};
use crate::wire::output::Output;
use crate::wire::{Incoming, Service};
use crate::{cloudwatch, control, life, secrets, sts, tagging};

/// One call that was made, in the order in which calls began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    pub service: String,
    pub operation: String,
    /// Milliseconds since the sandbox started.
    pub at_ms: u64,
    /// 0 while the call is still being answered.
    pub duration_ms: u64,
    /// HTTP status; 0 when the connection was closed without an answer.
    pub status: u16,
    /// The error code, if the call was refused.
    pub error: Option<String>,
    /// How many calls were being answered when this one began, itself included.
    pub in_flight: usize,
}

/// Calls kept in the log; the oldest go first.
const LOGGED: usize = 100_000;

/// Past states kept for stale reads.
const HISTORY: usize = 2_000;

pub(crate) struct World {
    state: Arc<State>,
    history: VecDeque<(i64, Arc<State>)>,
    pub faults: Armed,
    calls: VecDeque<Call>,
    /// How many calls the log has forgotten: the number of its first line.
    forgotten: usize,
    in_flight: usize,
    request_number: u64,
    started: Instant,
    /// How far the sandbox's clock is ahead, in milliseconds.
    ahead: i64,
    bridge: Option<Bridge>,
    meter: Meter,
}

fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn operation(service: Service, name: &str) -> Option<Operation> {
    match (service, name) {
        (Service::ElastiCache, _) => control::operation(name),
        (Service::CloudWatch, _) => cloudwatch::operation(name),
        (Service::Sts, "GetCallerIdentity") => Some(Operation::Read(sts::get_caller_identity)),
        (Service::Tagging, "GetResources") => Some(Operation::Read(tagging::get_resources)),
        (Service::SecretsManager, "GetSecretValue") => Some(Operation::Read(secrets::get_secret_value)),
        (Service::Ssm, "GetParameter") => Some(Operation::Read(secrets::get_parameter)),
        _ => None,
    }
}

/// What a call in progress must remember to finish its line in the log.
pub(crate) struct Began {
    /// Counted from the first call ever, so that it finds its line even after the log forgot some.
    number: usize,
    at: Instant,
}

impl World {
    /// With a bridge every change of a group's shape goes to its real servers.
    pub(crate) fn new(settings: Settings, bridge: Option<Bridge>) -> Self {
        let mut state = State::new(settings, wall_clock());
        state.servers = Servers(bridge.as_ref().map(|bridge| bridge.servers().clone()));
        World {
            state: Arc::new(state),
            history: VecDeque::new(),
            faults: Armed::default(),
            calls: VecDeque::new(),
            forgotten: 0,
            in_flight: 0,
            request_number: 0,
            started: Instant::now(),
            ahead: 0,
            bridge,
            meter: Meter::default(),
        }
    }

    /// Forgets everything but the settings.
    pub(crate) fn reset(&mut self) {
        let old: Vec<String> = self.state.groups.keys().chain(self.state.serverless.keys()).cloned().collect();
        let mut state = State::new(self.state.settings.clone(), self.now());
        state.servers = self.state.servers.clone();
        // What is under way reports back to this state.
        state.busy = self.state.busy.clone();
        // Their servers have to end.
        state.touched.extend(old);
        self.state = Arc::new(state);
        self.history.clear();
        self.faults = Armed::default();
        self.clear_calls();
        self.hand_over();
    }

    pub(crate) fn clear_calls(&mut self) {
        self.forgotten += self.calls.len();
        self.calls.clear();
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.iter().cloned().collect()
    }

    /// The state as of now, to change.
    pub(crate) fn edit<T>(&mut self, change: impl FnOnce(&mut State) -> T) -> T {
        self.advance();
        let result = change(Arc::make_mut(&mut self.state));
        self.hand_over();
        self.remember();
        result
    }

    fn now(&self) -> i64 {
        wall_clock() + self.ahead
    }

    /// Lets this much time pass at once.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.ahead += i64::try_from(time.as_millis()).unwrap_or(0);
        self.advance();
        self.remember();
    }

    pub(crate) fn inject(&mut self, fault: Fault) {
        self.advance();
        self.faults.add(fault);
        if self.faults.any_stale() && self.history.is_empty() {
            self.history.push_back((0, Arc::clone(&self.state)));
        }
    }

    pub(crate) fn set_secret(&mut self, name: &str, value: String) {
        self.edit(|state| {
            let at = state.now_seconds();
            state.secrets.entry(name.to_owned()).or_default().push(name, value, at);
        });
    }

    pub(crate) fn set_parameter(&mut self, name: &str, value: String) {
        self.edit(|state| {
            let at = state.now_seconds();
            state.parameters.entry(name.to_owned()).or_default().push(name, value, at);
        });
    }

    pub(crate) fn begin(&mut self, service: Service, operation: &str) -> Began {
        self.in_flight += 1;
        if self.calls.len() == LOGGED {
            self.calls.pop_front();
            self.forgotten += 1;
        }
        self.calls.push_back(Call {
            service: service.name().to_owned(),
            operation: operation.to_owned(),
            at_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            duration_ms: 0,
            status: 0,
            error: None,
            in_flight: self.in_flight,
        });
        Began { number: self.forgotten + self.calls.len() - 1, at: Instant::now() }
    }

    pub(crate) fn end(&mut self, began: &Began, status: u16, error: Option<&str>) {
        self.in_flight -= 1;
        let line = began.number.checked_sub(self.forgotten);
        if let Some(call) = line.and_then(|line| self.calls.get_mut(line)) {
            call.duration_ms = u64::try_from(began.at.elapsed().as_millis()).unwrap_or(u64::MAX);
            call.status = status;
            call.error = error.map(str::to_owned);
        }
    }

    pub(crate) fn judge(&mut self, incoming: &Incoming) -> Verdict {
        let is_read = matches!(operation(incoming.service, &incoming.operation), Some(Operation::Read(_)));
        self.faults.judge(&incoming.operation, is_read)
    }

    pub(crate) fn request_id(&mut self) -> String {
        self.request_number += 1;
        format!("5a11db0c-0000-4000-8000-{:012x}", self.request_number)
    }

    pub(crate) fn run(&mut self, incoming: &Incoming, stale_ms: Option<u64>) -> Result<Option<Output>, Refusal> {
        let Some(operation) = operation(incoming.service, &incoming.operation) else {
            return Err(match incoming.service {
                Service::ElastiCache | Service::Sts => Refusal::unknown_operation(&incoming.operation),
                _ => Refusal::bad("UnknownOperationException", format!("Unknown operation {}", incoming.operation)),
            });
        };
        self.advance();
        if self.state.quotas.call_rates {
            self.meter.take(incoming.service, &incoming.operation, self.state.now)?;
        }
        match operation {
            Operation::Read(read) => match stale_ms {
                Some(ms) => read(&self.past(ms), &incoming.input).map(Some),
                None => read(&self.state, &incoming.input).map(Some),
            },
            Operation::Write(write) => {
                let answer = write(Arc::make_mut(&mut self.state), &incoming.input);
                self.hand_over();
                self.remember();
                answer
            }
        }
    }

    /// Lets time pass: what is due happens, and the servers hear of it.
    pub(crate) fn advance(&mut self) {
        let now = self.now();
        life::advance(Arc::make_mut(&mut self.state), now);
        self.hand_over();
    }

    fn hand_over(&mut self) {
        let state = Arc::make_mut(&mut self.state);
        match &self.bridge {
            Some(bridge) => bridge.hand_over(state),
            None => state.touched.clear(),
        }
    }

    /// The servers of a group are as one of its shapes wanted them, or could not be made so.
    pub(crate) fn servers_ready(&mut self, group: &str, failure: Option<&str>) {
        let state = Arc::make_mut(&mut self.state);
        bridge::settle(state, group, failure);
        self.advance();
    }

    /// Lets go of the servers, so that they end with the thread that runs them.
    pub(crate) fn close_servers(&mut self) {
        self.bridge = None;
        self.history.clear();
        Arc::make_mut(&mut self.state).servers = Servers::default();
    }

    pub(crate) fn servers(&self) -> Option<DataPlane> {
        self.state.servers.0.clone()
    }

    pub(crate) fn ca_pem(&self) -> Option<String> {
        Some(self.bridge.as_ref()?.servers().ca_pem().to_owned())
    }

    fn remember(&mut self) {
        if !self.faults.any_stale() {
            self.history.clear();
            return;
        }
        self.history.push_back((self.now(), Arc::clone(&self.state)));
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    /// What was true `ms` milliseconds ago.
    fn past(&self, ms: u64) -> State {
        let then = self.now() - i64::try_from(ms).unwrap_or(0);
        let kept = self.history.iter().rev().find(|(at, _)| *at <= then);
        let mut state = kept.map_or_else(|| State::clone(&self.state), |(_, state)| State::clone(state));
        let then = then.max(state.now);
        life::advance(&mut state, then);
        state
    }
}

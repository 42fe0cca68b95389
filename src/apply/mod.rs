//! Carries a plan out: steps side by side as their order allows, one observer for all waits, every
//! effect read again before it is called done.

pub mod alarm_looks;
pub mod effect;
pub mod member_alarms;
pub mod observer;
pub mod recheck;
pub mod send;
pub mod settle;
pub mod step;
pub mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::stream::{FuturesUnordered, StreamExt};

use crate::aws::error::Kind as ErrorKind;
use crate::aws::reader::ALARM_NAMES;
use crate::aws::{Aws, AwsError};
use crate::model::live::Live;
use crate::model::options::Options;
use crate::model::plan::Plan;
use crate::model::report::{Progress, Remedy, Reporter, Status, StepResult, Subject, WaitState};
use crate::model::{Address, Operation, Spec, Step, StepId};
use alarm_looks::AlarmLooks;
use observer::Observer;
use task::Task;

/// How a plan is carried out.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many resources to work on at once.
    pub parallelism: usize,
    /// When the whole run gives up waiting; each kind of step has its own limit besides.
    pub deadline: Option<Instant>,
    /// Between two looks; without it they start at 2 s and grow to 30 s.
    pub poll_interval: Option<Duration>,
}

/// The first pause between two looks, when none is asked for.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

impl Settings {
    pub fn pause(&self) -> Duration {
        self.poll_interval.unwrap_or(FIRST_PAUSE)
    }

    /// How long a change may stay invisible before it counts as not done: reads lag behind writes.
    pub fn grace(&self) -> Duration {
        (self.pause() * 10).max(Duration::from_secs(5))
    }
}

/// The alarms of members have steps of their own, numbered within the step that stands for them.
type Key = (StepId, Address);

/// What every step needs at hand.
pub struct Engine<'a> {
    pub aws: &'a Aws,
    pub spec: &'a Spec,
    pub options: &'a Options,
    /// What the plan was made of.
    pub before: &'a Live,
    /// All that the plan does.
    pub steps: &'a [Step],
    pub observer: &'a Observer,
    pub reporter: &'a dyn Reporter,
    pub settings: &'a Settings,
    /// Reads of caches' members and alarms.
    members: member_alarms::Together,
    /// Looks at alarms that are about to be made.
    alarms: AlarmLooks,
    /// The last state of what is waited for, by step: what an interruption leaves inside AWS.
    states: Mutex<BTreeMap<StepId, WaitState>>,
    /// Why AWS does not take a call yet.
    refusals: Mutex<BTreeMap<Key, AwsError>>,
    /// Calls that AWS has taken.
    accepted: Mutex<BTreeSet<Key>>,
}

impl Engine<'_> {
    fn note(&self, step: &Step, text: &str) {
        self.reporter.report(&Progress::Note { subject: Subject::Step(step), text });
    }

    /// How a step's resource is now, with the last event that AWS told since the step began.
    fn seen(&self, task: Task<'_>, mut state: WaitState) {
        state.event = self.observer.last_event(&task.step.address, task.started);
        self.waiting(task.step, state);
    }

    fn waiting(&self, step: &Step, state: WaitState) {
        self.reporter.report(&Progress::Waiting { subject: Subject::Step(step), state: &state });
        if let Ok(mut states) = self.states.lock() {
            states.insert(step.id, state);
        }
    }

    fn last_state(&self, step: StepId) -> Option<String> {
        Some(self.states.lock().ok()?.get(&step)?.to_string())
    }

    /// AWS is busy with something else, and the call is sent again later: said once, however often that happens.
    fn refused(&self, step: &Step, why: &AwsError) {
        let Ok(mut refusals) = self.refusals.lock() else { return };
        let before = refusals.insert(key(step), why.clone());
        drop(refusals);
        if before.is_none_or(|before| (before.code, before.message) != (why.code.clone(), why.message.clone())) {
            self.note(step, &format!("AWS is busy with it, waiting: {why}"));
        }
    }

    fn accepted(&self, step: &Step) {
        if let Ok(mut refusals) = self.refusals.lock() {
            refusals.remove(&key(step));
        }
        if let Ok(mut accepted) = self.accepted.lock() {
            accepted.insert(key(step));
        }
    }

    /// How it is with a step that nobody waits for any longer: its last state, where AWS has taken its call.
    fn interrupted(&self, step: &Step) -> StepResult {
        let accepted = self.accepted.lock().is_ok_and(|accepted| accepted.contains(&key(step)));
        let state = || self.last_state(step.id).unwrap_or_else(|| "not looked at yet".to_owned());
        StepResult { error: accepted.then(state), ..StepResult::new(step.id, Status::Interrupted) }
    }

    /// The whole run's time is over while this step is under way.
    fn out_of_time(&self, step: &Step, after: Duration) -> Failure {
        let address = step.address.to_string();
        let status = self.last_state(step.id);
        let refusal = self.refusals.lock().ok().and_then(|refusals| refusals.get(&key(step)).map(AwsError::to_string));
        match (refusal, status) {
            (Some(refusal), status) => {
                let status = status.unwrap_or_else(|| "busy".to_owned());
                Failure::StillRefused { operation: step.operation(), address, status, refusal }
            }
            (None, Some(status)) => Failure::TimedOut { address, status, after },
            (None, None) => Failure::NoTime { operation: step.operation() },
        }
    }
}

/// Runs all steps; those that need a failed one are skipped. One result a step, in the plan's order.
pub async fn run(
    aws: &Aws,
    spec: &Spec,
    options: &Options,
    plan: &Plan,
    before: &Live,
    settings: &Settings,
    reporter: &dyn Reporter,
) -> Vec<StepResult> {
    let observer = Observer::new(aws.clone(), settings.poll_interval);
    let engine = Engine {
        aws,
        spec,
        options,
        before,
        steps: &plan.steps,
        observer: &observer,
        reporter,
        settings,
        members: member_alarms::Together::default(),
        alarms: AlarmLooks::default(),
        states: Mutex::default(),
        refusals: Mutex::default(),
        accepted: Mutex::default(),
    };
    let mut results: BTreeMap<StepId, StepResult> = BTreeMap::new();
    let mut waiting: BTreeMap<StepId, &Step> = plan.steps.iter().map(|step| (step.id, step)).collect();
    let mut running = FuturesUnordered::new();
    let mut under_way: BTreeMap<StepId, (&Step, Instant)> = BTreeMap::new();
    let observing = observer.watch();
    let interruption = aws.guard.interruption();
    let over = until(settings.deadline);
    futures::pin_mut!(observing, interruption, over);
    loop {
        // What moved may have moved for more than one step: nothing else is begun.
        let stopped = aws.guard.is_interrupted() || results.values().any(|result| result.moved);
        skip_hopeless(&mut waiting, &mut results, stopped, reporter);
        let ready = ready(&waiting, &results);
        let next = ready.iter().take(ALARM_NAMES).filter_map(|id| waiting.get(id).copied());
        engine.alarms.expect(next.filter(|step| alarm_looks::makes_one(step, before)));
        for id in ready {
            if under_way.len() >= settings.parallelism.max(1) {
                break;
            }
            if let Some(step) = waiting.remove(&id) {
                under_way.insert(id, (step, Instant::now()));
                running.push(timed(&engine, step));
            }
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            // The observer never ends by itself; it looks for as long as somebody waits.
            () = &mut observing => {}
            // Nothing more is sent, and nothing is waited for: what AWS has begun, AWS goes on with.
            () = &mut interruption => {
                for (step, _) in std::mem::take(&mut under_way).into_values() {
                    let result = engine.interrupted(step);
                    reporter.report(&Progress::Done { subject: Subject::Step(step), result: &result });
                    results.insert(step.id, result);
                }
                skip_hopeless(&mut waiting, &mut results, true, reporter);
                break;
            }
            // The same, with what there is to say about each.
            () = &mut over => {
                for (step, started) in std::mem::take(&mut under_way).into_values() {
                    let result = ended(step, started, Err(engine.out_of_time(step, started.elapsed())));
                    reporter.report(&Progress::Done { subject: Subject::Step(step), result: &result });
                    results.insert(step.id, result);
                }
                skip_hopeless(&mut waiting, &mut results, true, reporter);
                break;
            }
            Some(result) = running.next() => {
                if let Some((step, _)) = under_way.remove(&result.step) {
                    reporter.report(&Progress::Done { subject: Subject::Step(step), result: &result });
                }
                results.insert(result.step, result);
            }
        }
    }
    results.into_values().collect()
}

async fn timed(engine: &Engine<'_>, step: &Step) -> StepResult {
    let started = Instant::now();
    engine.reporter.report(&Progress::Started { subject: Subject::Step(step) });
    let result = ended(step, started, step::run(engine, step).await);
    if result.status == Status::Interrupted {
        StepResult { seconds: result.seconds, ..engine.interrupted(step) }
    } else {
        result
    }
}

fn ended(step: &Step, started: Instant, outcome: Result<Option<String>, Failure>) -> StepResult {
    let seconds = started.elapsed().as_secs_f64();
    match outcome {
        Ok(request_id) => StepResult { request_id, seconds, ..StepResult::new(step.id, Status::Done) },
        Err(failure) => {
            let interrupted = matches!(&failure, Failure::Aws(error) if error.kind == ErrorKind::Interrupted);
            let status = if interrupted { Status::Interrupted } else { Status::Failed };
            StepResult {
                request_id: failure.request_id(),
                seconds,
                error: Some(failure.to_string()),
                remedy: failure.remedy(),
                timed_out: failure.is_timeout(),
                moved: matches!(failure, Failure::Moved { .. }),
                ..StepResult::new(step.id, status)
            }
        }
    }
}

fn ready(waiting: &BTreeMap<StepId, &Step>, results: &BTreeMap<StepId, StepResult>) -> Vec<StepId> {
    let done = |id: &StepId| results.get(id).is_some_and(|result| result.status == Status::Done);
    waiting.values().filter(|step| step.after.iter().all(done)).map(|step| step.id).collect()
}

fn skip_hopeless(
    waiting: &mut BTreeMap<StepId, &Step>,
    results: &mut BTreeMap<StepId, StepResult>,
    stopped: bool,
    reporter: &dyn Reporter,
) {
    loop {
        let lost = |id: &StepId| results.get(id).is_some_and(|result| result.status != Status::Done);
        let Some(step) = waiting.values().find(|step| stopped || step.after.iter().any(lost)).copied() else {
            return;
        };
        waiting.remove(&step.id);
        let result = StepResult::new(step.id, Status::Skipped);
        reporter.report(&Progress::Done { subject: Subject::Step(step), result: &result });
        results.insert(step.id, result);
    }
}

fn key(step: &Step) -> Key {
    (step.id, step.address.clone())
}

/// Never, without a deadline.
pub async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Why a step is not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Aws(#[from] AwsError),
    /// AWS took the call and did not do it.
    #[error("AWS accepted {operation} and did not carry it out: {missing}{}", quoted(events))]
    NotDone { operation: Operation, missing: String, events: Vec<String>, remedy: Remedy },
    /// The resource ended in a state that it does not leave by itself.
    #[error("{address} is {status}{}", quoted(events))]
    Broken { address: String, status: String, events: Vec<String> },
    #[error("{address} is still {status} after {}; AWS continues with it, and the same command resumes", render_duration(*after))]
    TimedOut { address: String, status: String, after: Duration },
    #[error("--timeout expired while {operation} was being sent; the next plan shows whether AWS has it")]
    NoTime { operation: Operation },
    #[error(
        "--timeout expired, and AWS does not take {operation} yet: {refusal}; {address} is {status}; the same command resumes"
    )]
    StillRefused { operation: Operation, address: String, status: String, refusal: String },
    /// It is not what was planned any more, and nothing was sent.
    #[error("{address} {what}: the call was not sent")]
    Moved { address: String, what: String },
    #[error("{address} exists and is not this stack's; it appeared after the plan was made")]
    NotOurs { address: String },
}

impl Failure {
    /// Nothing is wrong but that nobody waits any longer.
    fn is_timeout(&self) -> bool {
        matches!(self, Failure::TimedOut { .. } | Failure::NoTime { .. } | Failure::StillRefused { .. })
    }

    fn remedy(&self) -> Remedy {
        match self {
            Failure::Aws(error) => error.remedy(),
            Failure::NotOurs { .. } => Remedy::Spec,
            Failure::NotDone { remedy, .. } => *remedy,
            Failure::Broken { .. } => Remedy::Cause,
            Failure::TimedOut { .. }
            | Failure::NoTime { .. }
            | Failure::StillRefused { .. }
            | Failure::Moved { .. } => Remedy::Time,
        }
    }

    fn request_id(&self) -> Option<String> {
        match self {
            Failure::Aws(error) => error.request_id.clone(),
            _ => None,
        }
    }
}

fn quoted(events: &[String]) -> String {
    if events.is_empty() {
        String::new()
    } else {
        format!(
            "; its last events: {}",
            events.iter().map(|event| format!("\"{event}\"")).collect::<Vec<_>>().join(", ")
        )
    }
}

pub fn render_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {:02} s", seconds / 60, seconds % 60) }
}

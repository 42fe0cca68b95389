//! One step: send the call, recognise answers that were lost, wait, and look whether it was done.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};

use super::effect;
use super::readiness::{self, Condition};
use super::report::{Progress, WaitState};
use super::{Engine, Failure};
use crate::aws::error::Kind as ErrorKind;
use crate::aws::{AwsError, events, operations, reader, secrets, tags};
use crate::plan::model::{Step, Wait};
use crate::plan::ownership::STACK;
use crate::plan::{alarms, order};
use crate::resource::{Address, Kind};

/// How long AWS may be busy with something else before a call goes through.
const BUSY: Duration = Duration::from_secs(600);
/// Calls whose answer was lost are sent again this often.
const LOST: usize = 3;
/// Events of this long before a failure are quoted.
const RECENT: Duration = Duration::from_secs(3600);

/// The request id of the call.
pub async fn run(engine: &Engine<'_>, step: &Step) -> Result<Option<String>, Failure> {
    if step.operation == "PutMetricAlarm" && step.address.id.ends_with("-*") {
        return expand(engine, step).await.map(|()| None);
    }
    let started = Instant::now();
    let sent = send(engine, step, started).await?;
    match step.wait_for {
        Wait::Nothing => {}
        Wait::Available | Wait::Active | Wait::Deleted => await_effect(engine, step, started).await?,
    }
    if sent.existed {
        claim(engine, step).await?;
    }
    Ok(sent.request_id)
}

struct Sent {
    request_id: Option<String>,
    /// A create call found the resource there: its first answer was lost, or it is somebody else's.
    existed: bool,
}

async fn send(engine: &Engine<'_>, step: &Step, started: Instant) -> Result<Sent, Failure> {
    let mut lost = 0;
    loop {
        let parameters = secrets::resolve(engine.aws, &step.parameters).await?;
        let error = match operations::execute(engine.aws, &step.operation, parameters).await {
            Ok(request_id) => return Ok(Sent { request_id, existed: false }),
            Err(error) => error,
        };
        let done = |existed: bool| Ok(Sent { request_id: error.request_id.clone(), existed });
        match verdict(step, &error) {
            Verdict::Done => {
                note(engine, step, &format!("already so: {error}"));
                return done(false);
            }
            Verdict::Existed => {
                note(engine, step, "already there: an earlier answer was lost");
                return done(true);
            }
            Verdict::Busy if started.elapsed() < BUSY => {
                if already(engine, step).await? {
                    note(engine, step, "already carried out: an earlier answer was lost");
                    return done(false);
                }
                note(engine, step, &format!("AWS is busy with it, trying again: {error}"));
                settle(engine, step, started).await?;
            }
            Verdict::Lost if lost < LOST => {
                lost += 1;
                if already(engine, step).await? {
                    note(engine, step, "carried out, although its answer was lost");
                    return done(false);
                }
                note(engine, step, &format!("the answer was lost, trying again: {error}"));
            }
            Verdict::Refused if already(engine, step).await? => {
                note(engine, step, "already carried out: an earlier answer was lost");
                return done(false);
            }
            Verdict::Busy | Verdict::Lost | Verdict::Refused | Verdict::Fatal => return Err(error.into()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Done,
    Existed,
    /// Another change is under way, or something still refers to it.
    Busy,
    Lost,
    Refused,
    Fatal,
}

fn verdict(step: &Step, error: &AwsError) -> Verdict {
    let code = error.code.as_deref().unwrap_or_default();
    let create = step.operation.starts_with("Create");
    match error.kind {
        ErrorKind::Interrupted
        | ErrorKind::AccessDenied
        | ErrorKind::Credentials
        | ErrorKind::ReadOnly
        | ErrorKind::Unsupported
        | ErrorKind::Unreachable => Verdict::Fatal,
        ErrorKind::Unknown | ErrorKind::Timeout | ErrorKind::Throttled => Verdict::Lost,
        ErrorKind::NotFound if step.operation.starts_with("Delete") => Verdict::Done,
        _ if create && code.contains("AlreadyExists") => Verdict::Existed,
        _ if error.message.contains("No modifications were requested") => Verdict::Done,
        // InvalidReplicationGroupState, InvalidUserGroupState, CacheSubnetGroupInUse, SubnetInUse, ...
        _ if code.contains("State") || code.contains("InUse") => Verdict::Busy,
        ErrorKind::Refused if code == "ServiceUnavailable" || code == "InternalFailure" => Verdict::Lost,
        ErrorKind::Refused => Verdict::Refused,
        ErrorKind::NotFound => Verdict::Fatal,
    }
}

fn note(engine: &Engine<'_>, step: &Step, text: &str) {
    engine.reporter.report(&Progress::Note { step, text });
}

/// One look of its own: is the effect there although the call was refused?
async fn already(engine: &Engine<'_>, step: &Step) -> Result<bool, Failure> {
    let modifies =
        step.wait_for != Wait::Nothing && !step.operation.contains("Tags") && !step.operation.starts_with("Reboot");
    if !modifies {
        return Ok(false);
    }
    let mut ticket = engine.observer.register(&step.address);
    let live = ticket.next().await?;
    let (condition, _) = readiness::of(&live, &step.address);
    if step.operation.starts_with("Delete") {
        let deleting = live.status(&step.address) == Some("deleting");
        return Ok(condition == Condition::Gone || deleting);
    }
    let verifiable = step.operation != "ModifyReplicationGroup" || has_readable_parameters(step);
    // While AWS is at work the effect can be half there: then it counts once all is ready.
    Ok(verifiable && condition == Condition::Ready && effect::missing(step, &live).is_none())
}

/// A call that only sets what AWS never tells cannot be recognised afterwards.
fn has_readable_parameters(step: &Step) -> bool {
    step.parameters.keys().any(|member| {
        step.address.kind.attributes().iter().any(|attribute| attribute.field.member == member && member != "AuthToken")
    })
}

/// Waits until the resource, where it has states, is at rest; else for a moment.
async fn settle(engine: &Engine<'_>, step: &Step, started: Instant) -> Result<(), Failure> {
    if step.address.kind.ready() == Wait::Nothing {
        tokio::time::sleep(engine.observer.pause()).await;
        return Ok(());
    }
    let mut ticket = engine.observer.register(&step.address);
    loop {
        let live = look(engine, step, &mut ticket, started).await?;
        let (condition, state) = readiness::of(&live, &step.address);
        engine.reporter.report(&Progress::Waiting { step, state: &state });
        if condition != Condition::Moving {
            return Ok(());
        }
    }
}

/// The next look; a failed one is only an error when it does not pass.
async fn look(
    engine: &Engine<'_>,
    step: &Step,
    ticket: &mut super::observer::Ticket<'_>,
    started: Instant,
) -> Result<std::sync::Arc<crate::resource::live::Live>, Failure> {
    let mut failures = 0;
    loop {
        check_time(engine, step, started, "being looked at")?;
        match ticket.next().await {
            Ok(live) => return Ok(live),
            Err(error)
                if error.kind == ErrorKind::Interrupted || error.kind == ErrorKind::AccessDenied || failures >= 5 =>
            {
                return Err(error.into());
            }
            Err(error) => {
                failures += 1;
                note(engine, step, &format!("could not look, trying again: {error}"));
            }
        }
    }
}

fn check_time(engine: &Engine<'_>, step: &Step, started: Instant, status: &str) -> Result<(), Failure> {
    let after = started.elapsed();
    let over = after > limit(step) || engine.deadline.is_some_and(|deadline| Instant::now() > deadline);
    if over {
        return Err(Failure::TimedOut { address: step.address.to_string(), status: status.to_owned(), after });
    }
    Ok(())
}

/// As long as Terraform's provider waits, and resharding as long as it takes with a full cache.
fn limit(step: &Step) -> Duration {
    let minutes = match step.operation.as_str() {
        "ModifyReplicationGroupShardConfiguration" => 24 * 60,
        "CreateReplicationGroup" => 60,
        "DeleteReplicationGroup" => 45,
        "ModifyServerlessCache" => 80,
        _ if step.address.kind.is_cache() => 60,
        _ => 15,
    };
    Duration::from_secs(minutes * 60)
}

/// Waits until the resource is at rest and the step's effect is to be seen.
async fn await_effect(engine: &Engine<'_>, step: &Step, started: Instant) -> Result<(), Failure> {
    let mut ticket = engine.observer.register(&step.address);
    let mut at_rest_since: Option<Instant> = None;
    loop {
        let live = look(engine, step, &mut ticket, started).await?;
        let (condition, state) = readiness::of(&live, &step.address);
        engine.reporter.report(&Progress::Waiting { step, state: &state });
        check_time(engine, step, started, &state.status)?;
        if step.wait_for == Wait::Deleted {
            if condition == Condition::Gone {
                return Ok(());
            }
            continue;
        }
        match condition {
            Condition::Broken => return Err(broken(engine, step, &state).await),
            Condition::Moving => at_rest_since = None,
            // Right after a create, the reads may not know it yet.
            Condition::Ready | Condition::Gone => {
                let missing = effect::missing(step, &live);
                if condition == Condition::Ready && missing.is_none() {
                    return Ok(());
                }
                let since = *at_rest_since.get_or_insert_with(Instant::now);
                if since.elapsed() > engine.observer.grace() {
                    let events = events::messages(engine.aws, &step.address.id, RECENT).await;
                    let missing = missing.unwrap_or_else(|| "it does not exist".to_owned());
                    return Err(Failure::NotDone { operation: step.operation.clone(), missing, events: last(events) });
                }
            }
        }
    }
}

async fn broken(engine: &Engine<'_>, step: &Step, state: &WaitState) -> Failure {
    let events = events::messages(engine.aws, &step.address.id, RECENT).await;
    Failure::Broken { address: step.address.to_string(), status: state.status.clone(), events: last(events) }
}

fn last(mut events: Vec<String>) -> Vec<String> {
    events.split_off(events.len().saturating_sub(3))
}

/// What a create call found there must carry this stack's tag.
async fn claim(engine: &Engine<'_>, step: &Step) -> Result<(), Failure> {
    let address = &step.address;
    let identity = engine.aws.identity().await?;
    let arn = address.arn(&identity.partition, &engine.aws.region, &identity.account_id);
    let found = tags::of(engine.aws, &arn).await?;
    if found.get(STACK) == Some(&engine.spec.stack) {
        Ok(())
    } else {
        Err(Failure::NotOurs { address: address.to_string() })
    }
}

/// The alarms of a cache, once its members can be read: planned now, put side by side.
async fn expand(engine: &Engine<'_>, step: &Step) -> Result<(), Failure> {
    let cache = step.address.id.trim_end_matches("-*");
    let mut spec = engine.spec.clone();
    spec.resources.retain(|address, resource| {
        (address.kind.is_cache() && address.id == cache)
            || (address.kind == Kind::Alarm
                && resource
                    .text("for")
                    .and_then(|cache| cache.parse::<Address>().ok())
                    .is_some_and(|address| address.id == cache))
    });
    let identity = engine.aws.identity().await?;
    let live = reader::read(engine.aws, &identity, &spec).await?;
    let planned = alarms::of_cache(&spec, &live, engine.options, cache);
    if let Some(blocked) = planned
        .iter()
        .find_map(|planned| planned.draft.blocked.first().map(|blocked| (planned.draft.address.clone(), blocked)))
    {
        return Err(AwsError::local(
            "PutMetricAlarm",
            format!("{}: {}; {}", blocked.0, blocked.1.reason, blocked.1.hint),
        )
        .into());
    }
    let steps = order::steps(&spec, &live, &planned);
    let total = steps.len();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let calls = steps.iter().map(|alarm| {
        let done = &done;
        async move {
            let result = send(engine, alarm, Instant::now()).await;
            let ready = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            let state = WaitState { status: "alarms".into(), ready, total, detail: String::new() };
            engine.reporter.report(&Progress::Waiting { step, state: &state });
            result
        }
    });
    let results: Vec<_> = stream::iter(calls).buffer_unordered(engine.settings.parallelism.max(1)).collect().await;
    results.into_iter().try_for_each(|result| result.map(drop))
}

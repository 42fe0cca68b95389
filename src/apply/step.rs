//! One step: send the call, wait, and look whether it was done.

use std::time::{Duration, Instant};

use super::effect::{self, Seen};
use super::send::{claim, send};
use super::task::{Task, look};
use super::{Engine, Failure, member_alarms, recheck};
use crate::aws::events;
use crate::model::Step;
use crate::model::operation::Verb;
use crate::model::report::WaitState;
use crate::model::step::{Wait, Work};
use crate::resource::readiness::{self, Condition};

/// Events of the step's own time are quoted, and of as much before as clocks may differ.
const SKEW: Duration = Duration::from_secs(60);
/// The last of them.
const QUOTED: usize = 3;

/// The request id of the call.
pub async fn run(engine: &Engine<'_>, step: &Step) -> Result<Option<String>, Failure> {
    let call = match &step.work {
        Work::MemberAlarms(alarms) => return member_alarms::expand(engine, step, &alarms.cache).await.map(|()| None),
        Work::Call(call) => call,
    };
    let task = Task { step, call, started: Instant::now() };
    if call.operation.deletes() {
        recheck::still_true(engine, task).await?;
    } else if step.address.kind.is_alarm() {
        engine.alarms.still_free(engine, step, engine.before).await?;
    } else if call.operation.verb() == Verb::Put && step.address.kind.companion().is_some() {
        recheck::still_ours(engine, &step.address).await?;
    }
    let sent = send(engine, task).await?;
    if sent.existed {
        claim(engine, task).await?;
    }
    match call.wait_for {
        Wait::Nothing => {}
        Wait::Available | Wait::Active | Wait::Deleted => await_effect(engine, task).await?,
    }
    Ok(sent.request_id)
}

/// Waits until the resource is at rest and the call's effect is to be seen.
async fn await_effect(engine: &Engine<'_>, task: Task<'_>) -> Result<(), Failure> {
    let Task { step, call, .. } = task;
    let mut ticket = engine.observer.register(&step.address);
    let mut at_rest_since: Option<Instant> = None;
    loop {
        // A look that takes long tells of when it began.
        let began = Instant::now();
        let live = look(engine, task, &mut ticket).await?;
        let (mut condition, mut state) = readiness::of(&live, &step.address);
        if condition == Condition::Ready
            && let Some(pending) = effect::pending(&step.address, call, &live)
        {
            condition = Condition::Moving;
            state.detail = pending;
        }
        engine.seen(task, state.clone());
        if call.wait_for == Wait::Deleted {
            if condition == Condition::Gone {
                return Ok(());
            }
            continue;
        }
        match condition {
            Condition::Broken => return Err(broken(engine, task, &state).await),
            Condition::Moving => at_rest_since = None,
            // Right after a create, the reads may not know it yet.
            Condition::Ready | Condition::Gone => {
                let missing = match effect::seen(&step.address, call, &live) {
                    // Where nothing can be seen, AWS accepted it and is at rest again.
                    Seen::There | Seen::Untold if condition == Condition::Ready => return Ok(()),
                    Seen::There | Seen::Untold => "it does not exist".to_owned(),
                    Seen::Missing(missing) => missing,
                };
                let since = *at_rest_since.get_or_insert_with(Instant::now);
                if began.saturating_duration_since(since) > engine.settings.grace() {
                    let events = quoted(engine, task).await;
                    let remedy = effect::remedy(&step.address, call, &live);
                    return Err(Failure::NotDone { operation: call.operation, missing, events, remedy });
                }
            }
        }
    }
}

async fn broken(engine: &Engine<'_>, task: Task<'_>, state: &WaitState) -> Failure {
    let events = quoted(engine, task).await;
    Failure::Broken { address: task.step.address.to_string(), status: state.status.clone(), events }
}

async fn quoted(engine: &Engine<'_>, task: Task<'_>) -> Vec<String> {
    events::last_messages(engine.aws, &task.step.address.id, task.started.elapsed() + SKEW, QUOTED).await
}

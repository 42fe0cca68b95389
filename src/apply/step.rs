//! One step: send the call, wait, and look whether it was done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::observer::Ticket;
use super::send::{claim, send};
use super::{Engine, Failure, effect, member_alarms, recheck};
use crate::aws::error::Kind as ErrorKind;
use crate::aws::events;
use crate::model::Kind;
use crate::model::live::Live;
use crate::model::plan::{Step, Wait};
use crate::model::report::WaitState;
use crate::plan::alarms;
use crate::resource::readiness::{self, Condition};

/// Events of the step's own time are quoted, and of as much before as clocks may differ.
const SKEW: Duration = Duration::from_secs(60);
/// The last of them.
const QUOTED: usize = 3;
/// A look that fails this often in a row is an error; each is made of calls that were tried many times.
const FAILED_LOOKS: usize = 5;

/// The request id of the call.
pub async fn run(engine: &Engine<'_>, step: &Step) -> Result<Option<String>, Failure> {
    if let Some(cache) = alarms::step_of_members_to_come(step) {
        return member_alarms::expand(engine, step, cache).await.map(|()| None);
    }
    let started = Instant::now();
    if step.operation.starts_with("Delete") {
        recheck::still_true(engine, step).await?;
    }
    let sent = send(engine, step, started).await?;
    if sent.existed {
        claim(engine, step, started).await?;
    }
    match step.wait_for {
        Wait::Nothing => {}
        Wait::Available | Wait::Active | Wait::Deleted => await_effect(engine, step, started).await?,
    }
    Ok(sent.request_id)
}

/// Waits until the resource, where it has states, is at rest; else for a moment.
pub async fn settle(engine: &Engine<'_>, step: &Step, started: Instant) -> Result<(), Failure> {
    if step.address.kind.ready() == Wait::Nothing {
        tokio::time::sleep(engine.settings.pause()).await;
        return Ok(());
    }
    let mut ticket = engine.observer.register(&step.address);
    loop {
        let live = look(engine, step, &mut ticket, started).await?;
        let (condition, state) = readiness::of(&live, &step.address);
        engine.seen(step, state);
        if condition != Condition::Moving {
            return Ok(());
        }
    }
}

/// The next look; a failed one is only an error when it does not pass.
pub async fn look(
    engine: &Engine<'_>,
    step: &Step,
    ticket: &mut Ticket<'_>,
    started: Instant,
) -> Result<Arc<Live>, Failure> {
    let mut failures = 0;
    loop {
        check_time(engine, step, started)?;
        match ticket.next().await {
            Ok(live) => return Ok(live),
            Err(error)
                if error.kind == ErrorKind::Interrupted
                    || error.kind == ErrorKind::AccessDenied
                    || failures >= FAILED_LOOKS =>
            {
                return Err(error.into());
            }
            Err(error) => {
                failures += 1;
                engine.note(step, &format!("could not look, trying again: {error}"));
            }
        }
    }
}

fn check_time(engine: &Engine<'_>, step: &Step, started: Instant) -> Result<(), Failure> {
    let after = started.elapsed();
    if after > limit(step) {
        let status = engine.last_state(step.id).unwrap_or_else(|| "being looked at".to_owned());
        return Err(Failure::TimedOut { address: step.address.to_string(), status, after });
    }
    Ok(())
}

/// As long as Terraform's provider waits, and half as long again for changes of a group, which grow with its
/// members; resharding takes as long as the data takes to move.
fn limit(step: &Step) -> Duration {
    let minutes = match (step.operation.as_str(), step.address.kind) {
        ("ModifyReplicationGroupShardConfiguration", _) => 24 * 60,
        ("DeleteReplicationGroup", _) => 45,
        (_, Kind::ReplicationGroup) => 60,
        ("ModifyServerlessCache", _) => 80,
        (_, Kind::ServerlessCache) => 40,
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
        let (mut condition, mut state) = readiness::of(&live, &step.address);
        if condition == Condition::Ready
            && let Some(pending) = effect::pending(step, &live)
        {
            condition = Condition::Moving;
            state.detail = pending;
        }
        engine.seen(step, state.clone());
        if step.wait_for == Wait::Deleted {
            if condition == Condition::Gone {
                return Ok(());
            }
            continue;
        }
        match condition {
            Condition::Broken => return Err(broken(engine, step, started, &state).await),
            Condition::Moving => at_rest_since = None,
            // Right after a create, the reads may not know it yet.
            Condition::Ready | Condition::Gone => {
                let missing = effect::missing(step, &live);
                if condition == Condition::Ready && missing.is_none() {
                    return Ok(());
                }
                let since = *at_rest_since.get_or_insert_with(Instant::now);
                if since.elapsed() > engine.settings.grace() {
                    let events = quoted(engine, step, started).await;
                    let missing = missing.unwrap_or_else(|| "it does not exist".to_owned());
                    return Err(Failure::NotDone { operation: step.operation.clone(), missing, events });
                }
            }
        }
    }
}

async fn broken(engine: &Engine<'_>, step: &Step, started: Instant, state: &WaitState) -> Failure {
    let events = quoted(engine, step, started).await;
    Failure::Broken { address: step.address.to_string(), status: state.status.clone(), events }
}

async fn quoted(engine: &Engine<'_>, step: &Step, started: Instant) -> Vec<String> {
    events::last_messages(engine.aws, &step.address.id, started.elapsed() + SKEW, QUOTED).await
}

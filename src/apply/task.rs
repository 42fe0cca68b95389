//! A call under way, and the looks at its resource.

use std::sync::Arc;
use std::time::Instant;

use super::observer::Ticket;
use super::{Engine, Failure};
use crate::aws::error::Kind as ErrorKind;
use crate::model::step::{Call, Wait};
use crate::model::{Live, Step};
use crate::resource::readiness::{self, Condition};

/// A look that fails this often in a row is an error; each is made of calls that were tried many times.
const FAILED_LOOKS: usize = 5;

/// A step's call, since it was begun.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    pub step: &'a Step,
    pub call: &'a Call,
    pub started: Instant,
}

/// Waits until the resource, where it has states, is at rest; else for a moment.
pub async fn settle(engine: &Engine<'_>, task: Task<'_>) -> Result<(), Failure> {
    let address = &task.step.address;
    if address.kind.ready() == Wait::Nothing {
        tokio::time::sleep(engine.settings.pause()).await;
        return Ok(());
    }
    let mut ticket = engine.observer.register(address);
    loop {
        let live = look(engine, task, &mut ticket).await?;
        let (condition, state) = readiness::of(&live, address);
        engine.seen(task, state);
        if condition != Condition::Moving {
            return Ok(());
        }
    }
}

/// The next look; a failed one is only an error when it does not pass.
pub async fn look(engine: &Engine<'_>, task: Task<'_>, ticket: &mut Ticket<'_>) -> Result<Arc<Live>, Failure> {
    let mut failures = 0;
    loop {
        check_time(engine, task)?;
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
                engine.note(task.step, &format!("the state could not be read, trying again: {error}"));
            }
        }
    }
}

fn check_time(engine: &Engine<'_>, task: Task<'_>) -> Result<(), Failure> {
    let after = task.started.elapsed();
    let address = &task.step.address;
    if after > task.call.operation.limit(address.kind) {
        let status = engine.last_state(task.step.id).unwrap_or_else(|| "being looked at".to_owned());
        return Err(Failure::TimedOut { address: address.to_string(), status, after });
    }
    Ok(())
}

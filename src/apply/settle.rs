//! Plans are made of resources at rest: what an earlier run or somebody else began is waited for.

use std::time::Instant;

use super::observer::Observer;
use super::{Failure, Settings, until};
use crate::aws::{Aws, AwsError};
use crate::model::live::Live;
use crate::model::report::{Progress, Reporter, Status, StepResult, Subject};
use crate::model::step::Wait;
use crate::model::{Address, Spec};
use crate::resource::readiness::{self, Condition};

/// What of the stack is on its way, orphans included.
pub fn moving(spec: &Spec, live: &Live) -> Vec<Address> {
    let orphans = live.owned.iter().filter(|address| !spec.resources.contains_key(address));
    spec.resources
        .keys()
        .chain(orphans)
        .filter(|address| address.kind.ready() != Wait::Nothing)
        .filter(|address| readiness::of(live, address).0 == Condition::Moving)
        .cloned()
        .collect()
}

/// Returns once all of these are at rest, or gone.
pub async fn settle(
    aws: &Aws,
    moving: &[Address],
    settings: &Settings,
    reporter: &dyn Reporter,
) -> Result<(), Failure> {
    let observer = Observer::new(aws.clone(), settings.poll_interval);
    let waits =
        futures::future::try_join_all(moving.iter().map(|address| wait(&observer, address, settings, reporter)));
    let watching = observer.watch();
    futures::pin_mut!(waits, watching);
    tokio::select! {
        result = &mut waits => result.map(drop),
        () = &mut watching => Ok(()),
        () = aws.guard.interruption() => Err(Failure::Aws(AwsError::interrupted())),
    }
}

async fn wait(
    observer: &Observer,
    address: &Address,
    settings: &Settings,
    reporter: &dyn Reporter,
) -> Result<(), Failure> {
    let started = Instant::now();
    let subject = Subject::Resource(address);
    reporter.report(&Progress::Started { subject });
    let mut ticket = observer.register(address);
    let mut status = "on its way".to_owned();
    loop {
        let live = tokio::select! {
            live = ticket.next() => live?,
            () = until(settings.deadline) => {
                let address = address.to_string();
                return Err(Failure::TimedOut { address, status, after: started.elapsed() });
            }
        };
        let (condition, state) = readiness::of(&live, address);
        reporter.report(&Progress::Waiting { subject, state: &state });
        if condition != Condition::Moving {
            let result = StepResult {
                seconds: started.elapsed().as_secs_f64(),
                ..StepResult::new(Subject::NO_STEP, Status::Done)
            };
            reporter.report(&Progress::Done { subject, result: &result });
            return Ok(());
        }
        status = state.to_string();
    }
}

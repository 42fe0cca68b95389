//! Before a plan is made for execution: waits until what an earlier run or somebody else began is done.

use std::time::Instant;

use super::observer::Observer;
use super::readiness::{self, Condition};
use super::report::{Progress, Reporter, Status, StepResult};
use super::{Failure, Settings};
use crate::aws::client::Identity;
use crate::aws::{Aws, reader};
use crate::plan::model::{Step, Wait};
use crate::resource::Address;
use crate::spec::Spec;

/// Returns once every resource of the stack that has states is at rest, or gone.
pub async fn settle(
    aws: &Aws,
    identity: &Identity,
    spec: &Spec,
    settings: &Settings,
    reporter: &dyn Reporter,
) -> Result<(), Failure> {
    let addresses: Vec<Address> =
        spec.resources.keys().filter(|address| address.kind.ready() != Wait::Nothing).cloned().collect();
    if addresses.is_empty() {
        return Ok(());
    }
    let live = reader::stack_states(aws, identity, spec).await?;
    let moving: Vec<Address> = live
        .1
        .into_iter()
        .chain(addresses)
        .filter(|address| readiness::of(&live.0, address).0 == Condition::Moving)
        .collect();
    if moving.is_empty() {
        return Ok(());
    }
    let observer = Observer::new(aws.clone(), settings.poll_interval);
    let deadline = settings.timeout.map(|timeout| Instant::now() + timeout);
    let waits =
        futures::future::try_join_all(moving.iter().map(|address| wait(&observer, address, deadline, reporter)));
    let watching = observer.watch();
    futures::pin_mut!(waits, watching);
    tokio::select! {
        result = &mut waits => result.map(drop),
        () = &mut watching => Ok(()),
        () = aws.guard.interruption() => Err(Failure::Aws(crate::aws::AwsError::interrupted())),
    }
}

async fn wait(
    observer: &Observer,
    address: &Address,
    deadline: Option<Instant>,
    reporter: &dyn Reporter,
) -> Result<(), Failure> {
    let started = Instant::now();
    // A step in all but number: what is shown is what is waited for.
    let step = Step {
        id: 0,
        address: address.clone(),
        operation: "wait".into(),
        parameters: Default::default(),
        after: Vec::new(),
        wait_for: address.kind.ready(),
    };
    reporter.report(&Progress::Started { step: &step });
    let mut ticket = observer.register(address);
    loop {
        let live = ticket.next().await?;
        let (condition, state) = readiness::of(&live, address);
        reporter.report(&Progress::Waiting { step: &step, state: &state });
        if condition != Condition::Moving {
            let result = StepResult { seconds: started.elapsed().as_secs_f64(), ..StepResult::new(0, Status::Done) };
            reporter.report(&Progress::Done { step: &step, result: &result });
            return Ok(());
        }
        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err(Failure::TimedOut {
                address: address.to_string(),
                status: state.to_string(),
                after: started.elapsed(),
            });
        }
    }
}

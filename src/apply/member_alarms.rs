//! The alarms of a cache, once its members can be read: planned now, put side by side.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::alarm_looks::makes_one;
use super::recheck::given_up;
use super::send::send;
use super::task::Task;
use super::{Engine, Failure};
use crate::aws::{AwsError, reader};
use crate::model::plan::Ownership;
use crate::model::report::WaitState;
use crate::model::{Address, Kind, Live, Locations, Resource, Spec, Step};
use crate::plan::{Planned, companions, composites};
use crate::resource::{alarm, alarm_entries, companion, composite_alarm};

/// Caches that come to rest at the same look are read together; so long is waited for others.
const WITHIN: Duration = Duration::from_millis(100);

/// The reads of members and alarms that wait for one another.
#[derive(Default)]
pub struct Together(Mutex<Vec<Waiting>>);

struct Waiting {
    cache: String,
    answer: oneshot::Sender<Result<Arc<Seen>, AwsError>>,
}

/// What was there at a read that began then.
struct Seen {
    live: Live,
    began: Instant,
}

impl Together {
    /// The members and alarms of a cache, read with those of all who ask within a moment: the first one reads.
    async fn read(&self, engine: &Engine<'_>, cache: &str) -> Result<Arc<Seen>, AwsError> {
        let (answer, told) = oneshot::channel();
        let reads = {
            let mut waiting = self.0.lock().map_err(|_| given_up())?;
            waiting.push(Waiting { cache: cache.to_owned(), answer });
            waiting.len() == 1
        };
        if reads {
            tokio::time::sleep(WITHIN).await;
            let waiting = std::mem::take(&mut *self.0.lock().map_err(|_| given_up())?);
            let caches: BTreeSet<&str> = waiting.iter().map(|waiting| waiting.cache.as_str()).collect();
            let began = Instant::now();
            let read = read(engine, &caches).await.map(|live| Arc::new(Seen { live, began }));
            for waiting in waiting {
                // Who does not wait any longer needs no answer.
                let _ = waiting.answer.send(read.clone());
            }
        }
        told.await.map_err(|_| given_up())?
    }

    /// A companion that was to be written once the nodes of its cache are known.
    pub async fn written_out(
        &self,
        engine: &Engine<'_>,
        task: Task<'_>,
        mut parameters: Map<String, Value>,
    ) -> Result<Map<String, Value>, AwsError> {
        let kind = task.step.address.kind;
        let Some(cache) = companion::to_come(kind, &parameters) else { return Ok(parameters) };
        let seen = self.read(engine, &cache.id).await?;
        let (member, body) = companions::written_out(engine.spec, &seen.live, kind, &cache)
            .ok_or_else(|| AwsError::local(task.call.operation.name(), format!("{cache} has no nodes to show")))?;
        parameters.insert(member.to_owned(), body);
        Ok(parameters)
    }
}

async fn read(engine: &Engine<'_>, caches: &BTreeSet<&str>) -> Result<Live, AwsError> {
    let spec = of_caches(engine.spec, caches);
    let before = engine.before.of(Kind::Alarm).iter().filter(|(_, alarm)| {
        let is_of = |address: &Address| alarm::belongs_to(alarm, address);
        spec.resources.keys().any(is_of)
    });
    let before = before.map(|(name, _)| name.clone()).collect();
    let identity = engine.aws.identity().await?;
    reader::members_and_alarms(engine.aws, &identity, &spec, before).await
}

/// As much of the spec as a plan of these caches' alarms looks at. Alarms that are declared under their own names
/// stay, or they would count as left over.
fn of_caches(spec: &Spec, caches: &BTreeSet<&str>) -> Spec {
    let is_one = |address: &Address| address.kind.is_cache() && caches.contains(address.id.as_str());
    let these: Vec<&Address> = spec.resources.keys().filter(|address| is_one(address)).collect();
    let looked_at = |(address, resource): &(&Address, &Resource)| match address.kind {
        Kind::Alarm => {
            !resource.fields.contains_key("for") || these.iter().any(|cache| alarm_entries::is_for(resource, cache))
        }
        Kind::CompositeAlarm => composite_alarm::cache_of(resource).is_some_and(|cache| is_one(&cache)),
        _ => is_one(address),
    };
    let resources = spec.resources.iter().filter(looked_at);
    Spec {
        stack: spec.stack.clone(),
        region: spec.region.clone(),
        account_id: spec.account_id.clone(),
        environment: spec.environment.clone(),
        tags: spec.tags.clone(),
        policy: spec.policy.clone(),
        aws: spec.aws.clone(),
        resources: resources.map(|(address, resource)| (address.clone(), resource.clone())).collect(),
        locations: Locations::default(),
        digest: spec.digest.clone(),
    }
}

/// An alarm that the plan counted among those to make, and that is there and somebody else's: whatever may be adopted,
/// this one was not shown.
fn unshown<'a>(engine: &Engine<'_>, planned: &'a Planned) -> Option<&'a Address> {
    let address = &planned.draft.address;
    let is_others = !matches!(planned.ownership, Ownership::Absent | Ownership::Owned);
    (is_others && engine.before.get(address).is_none()).then_some(address)
}

/// Makes the call of one of the alarms, where it is still one to be made.
async fn put(engine: &Engine<'_>, step: &Step, before: &Live) -> Result<(), Failure> {
    let Some(call) = step.call() else { return Ok(()) };
    if !call.operation.deletes() {
        engine.alarms.still_free(engine, step, before).await?;
    }
    send(engine, Task { step, call, started: Instant::now() }).await.map(drop)
}

/// Makes the calls that the step stands for.
pub async fn expand(engine: &Engine<'_>, step: &Step, cache: &str) -> Result<(), Failure> {
    let seen = engine.members.read(engine, cache).await?;
    let spec = of_caches(engine.spec, &[cache].into());
    let composites::Members { planned, stages } =
        composites::of_members(&spec, &seen.live, engine.options, cache, engine.steps);
    if let Some(address) = planned.iter().find_map(|planned| unshown(engine, planned)) {
        let what = "exists and is not this stack's, which the plan did not show".to_owned();
        return Err(Failure::Moved { address: address.to_string(), what });
    }
    let blocked = planned
        .iter()
        .find_map(|planned| planned.draft.blocked.first().map(|blocked| (planned.draft.address.clone(), blocked)));
    if let Some((address, blocked)) = blocked {
        let message = format!("{address}: {}; {}", blocked.reason, blocked.hint);
        return Err(AwsError::local("PutMetricAlarm", message).into());
    }
    let made = stages.iter().flatten().filter(|step| makes_one(step, &seen.live));
    engine.alarms.expect_unseen(made, seen.began);
    let total = stages.iter().map(Vec::len).sum();
    let done = AtomicUsize::new(0);
    for stage in &stages {
        let calls = stage.iter().map(|alarm| {
            let (done, before) = (&done, &seen.live);
            async move {
                let result = put(engine, alarm, before).await;
                let ready = done.fetch_add(1, Ordering::Relaxed) + 1;
                engine.waiting(step, WaitState { status: "alarms".into(), ready, total, ..WaitState::default() });
                result
            }
        });
        let results: Vec<_> = stream::iter(calls).buffer_unordered(engine.settings.parallelism.max(1)).collect().await;
        results.into_iter().collect::<Result<(), Failure>>()?;
    }
    Ok(())
}

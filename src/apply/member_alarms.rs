//! The alarms of a cache, once its members can be read: planned now, put side by side.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures::stream::{self, StreamExt};

use super::send::send;
use super::task::Task;
use super::{Engine, Failure};
use crate::aws::{AwsError, reader};
use crate::model::report::WaitState;
use crate::model::{Address, Kind, Locations, Resource, Spec, Step};
use crate::plan::{alarms, order};

/// As much of the spec as a plan of one cache's alarms looks at. Alarms that are declared under their own names
/// stay, or they would count as left over.
fn of_cache(spec: &Spec, cache: &str) -> Spec {
    let watched = |resource: &Resource| resource.text("for").and_then(|watched| watched.parse::<Address>().ok());
    let looked_at = |(address, resource): &(&Address, &Resource)| match address.kind {
        Kind::Alarm => watched(resource).is_none_or(|watched| watched.id == cache),
        kind => kind.is_cache() && address.id == cache,
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

/// Makes the calls that the step stands for.
pub async fn expand(engine: &Engine<'_>, step: &Step, cache: &str) -> Result<(), Failure> {
    let spec = of_cache(engine.spec, cache);
    let identity = engine.aws.identity().await?;
    let live = reader::members_and_alarms(engine.aws, &identity, &spec, cache).await?;
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
    let steps = order::steps(&spec, &planned);
    let total = steps.len();
    let done = AtomicUsize::new(0);
    let calls = steps.iter().map(|alarm| {
        let done = &done;
        async move {
            let result = match alarm.call() {
                Some(call) => send(engine, Task { step: alarm, call, started: Instant::now() }).await.map(drop),
                None => Ok(()),
            };
            let ready = done.fetch_add(1, Ordering::Relaxed) + 1;
            engine.waiting(step, WaitState { status: "alarms".into(), ready, total, ..WaitState::default() });
            result
        }
    });
    let results: Vec<_> = stream::iter(calls).buffer_unordered(engine.settings.parallelism.max(1)).collect().await;
    results.into_iter().collect()
}

//! Snapshots of serverless caches.

use super::{Source, legal_name};
use crate::control::engine::{Engine, Version};
use crate::control::{events, paging, serverless, tags};
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

#[derive(Debug, Clone)]
pub(crate) struct ServerlessSnapshot {
    pub name: String,
    pub status: &'static str,
    pub cache: String,
    pub engine: Engine,
    pub major: String,
    pub taken: f64,
}

fn not_found(name: &str) -> Refusal {
    Refusal::missing("ServerlessCacheSnapshotNotFoundFault", format!("Serverless cache snapshot {name} not found."))
}

pub(crate) fn start(state: &mut State, name: &str, cache: &str, tags: tags::Tags) -> Result<(), Refusal> {
    let name = name.to_ascii_lowercase();
    legal_name(&name)?;
    let source = serverless::require(state, cache)?;
    if source.engine == Engine::Memcached {
        return Err(Refusal::invalid_combination("Snapshots are not supported for memcached."));
    }
    if state.serverless_snapshots.contains_key(&name) {
        return Err(Refusal::bad(
            "ServerlessCacheSnapshotAlreadyExistsFault",
            format!("Serverless cache snapshot {name} already exists."),
        ));
    }
    let snapshot = ServerlessSnapshot {
        name: name.clone(),
        status: "creating",
        cache: cache.to_owned(),
        engine: source.engine,
        major: source.major.clone(),
        taken: state.now_seconds(),
    };
    tags::put(state, &state.settings.arn("serverlesscachesnapshot", &name), tags);
    state.serverless_snapshots.insert(name.clone(), snapshot);
    state.later(durations::SNAPSHOT, Job::ServerlessSnapshotReady(name));
    Ok(())
}

pub(crate) fn finish(state: &mut State, name: &str) {
    if let Some(snapshot) = state.serverless_snapshots.get_mut(name) {
        snapshot.status = "available";
        events::record(state, "serverless-cache-snapshot", name, format!("Serverless cache snapshot {name} created"));
    }
}

pub(crate) fn create(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("ServerlessCacheSnapshotName")?;
    let cache = input.required_id("ServerlessCacheName")?;
    serverless::available(state, &cache)?;
    start(state, &name, &cache, tags::read(input)?)?;
    answer(state, &name)
}

fn answer(state: &State, name: &str) -> Result<Output, Refusal> {
    let snapshot = state.serverless_snapshots.get(name).ok_or_else(|| not_found(name))?;
    Ok(Record::new().put("ServerlessCacheSnapshot", render(state, snapshot)).into())
}

fn render(state: &State, snapshot: &ServerlessSnapshot) -> Output {
    let configuration = Record::new()
        .put("ServerlessCacheName", &snapshot.cache)
        .put("Engine", snapshot.engine.name())
        .put("MajorEngineVersion", &snapshot.major);
    Record::new()
        .put("ServerlessCacheSnapshotName", &snapshot.name)
        .put("ARN", state.settings.arn("serverlesscachesnapshot", &snapshot.name))
        .put("SnapshotType", "manual")
        .put("Status", snapshot.status)
        .put("CreateTime", Output::Time(snapshot.taken))
        .put("BytesUsedForCache", "0")
        .put("ServerlessCacheConfiguration", configuration)
        .into()
}

pub(crate) fn delete(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("ServerlessCacheSnapshotName")?;
    let snapshot = state.serverless_snapshots.get(&name).ok_or_else(|| not_found(&name))?;
    if snapshot.status != "available" {
        return Err(Refusal::bad(
            "InvalidServerlessCacheSnapshotStateFault",
            format!("Serverless cache snapshot {name} is not in available state."),
        ));
    }
    let mut gone = snapshot.clone();
    gone.status = "deleting";
    let answer = Record::new().put("ServerlessCacheSnapshot", render(state, &gone)).into();
    state.serverless_snapshots.remove(&name);
    tags::forget(state, &state.settings.arn("serverlesscachesnapshot", &name));
    Ok(answer)
}

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let name = input.id("ServerlessCacheSnapshotName");
    if let Some(name) = &name
        && !state.serverless_snapshots.contains_key(name)
    {
        return Err(not_found(name));
    }
    let cache = input.id("ServerlessCacheName");
    let kind = input.text("SnapshotType");
    let found = state.serverless_snapshots.iter().filter(|(key, snapshot)| {
        name.as_ref().is_none_or(|name| name == *key)
            && cache.as_ref().is_none_or(|cache| *cache == snapshot.cache)
            && kind.as_deref() != Some("system")
    });
    let asked = input.int("MaxResults")?.map_or(50, |n| usize::try_from(n).unwrap_or(50)).clamp(1, 50);
    let page = paging::cut(input.text("NextToken"), asked, state.settings.page_size, found, |snapshot| {
        render(state, snapshot)
    })?;
    Ok(Record::new()
        .put_some("NextToken", page.next)
        .list("ServerlessCacheSnapshots", "ServerlessCacheSnapshot", page.items)
        .into())
}

/// A serverless cache restored from `arn:…:serverlesscachesnapshot:NAME` needs that snapshot.
pub(crate) fn check_restore(state: &State, input: &Input) -> Result<(), Refusal> {
    for arn in input.texts("SnapshotArnsToRestore").unwrap_or_default() {
        let name = arn.rsplit(':').next().unwrap_or_default();
        let known = state.serverless_snapshots.contains_key(name) || state.snapshots.contains_key(name);
        if !known {
            return Err(Refusal::invalid_value(format!("Snapshot {arn} does not exist.")));
        }
    }
    Ok(())
}

/// A replication group restored from a serverless snapshot brings its own node type.
pub(crate) fn source(state: &State, name: &str, input: &Input) -> Result<Source, Refusal> {
    let snapshot = state.serverless_snapshots.get(name).ok_or_else(|| not_found(name))?;
    Ok(Source {
        version: Version::latest(snapshot.engine),
        node_type: input.required("CacheNodeType")?,
        shards: crate::control::replication_groups::slots::even(1),
    })
}

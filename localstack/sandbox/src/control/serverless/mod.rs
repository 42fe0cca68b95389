//! Serverless caches.

pub(crate) mod create;
pub(crate) mod modify;

use crate::control::engine::Engine;
use crate::control::replication_groups::endpoints;
use crate::control::{events, paging, snapshots, tags, user_groups};
use crate::failures;
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

/// Minimum and maximum.
pub(crate) type Bounds = (Option<i64>, Option<i64>);

/// Limits as the caller gave them; a bound left out is not set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct UsageLimits {
    /// In GB.
    pub storage: Option<Bounds>,
    pub ecpu: Option<Bounds>,
}

#[derive(Debug, Clone)]
pub(crate) struct ServerlessCache {
    pub name: String,
    pub description: String,
    pub status: &'static str,
    pub created: f64,
    pub engine: Engine,
    /// `8`, or `1.6` for Memcached.
    pub major: String,
    pub full: String,
    pub limits: UsageLimits,
    pub kms_key: Option<String>,
    pub security_groups: Vec<String>,
    pub subnets: Vec<String>,
    pub user_group: Option<String>,
    pub snapshot_retention: Option<i64>,
    pub daily_snapshot_time: Option<String>,
    pub network_type: String,
    /// `vpc`, or `public` with an endpoint on the internet.
    pub connection_type: String,
    pub integrations: Vec<String>,
    /// The status of a migration into the cache that is under way.
    pub migration: Option<String>,
    /// What a modification will have changed once it is over.
    pub next: Option<Box<ServerlessCache>>,
}

fn not_found(name: &str) -> Refusal {
    Refusal::missing("ServerlessCacheNotFoundFault", format!("Serverless Cache {name} not found"))
}

pub(crate) fn require<'a>(state: &'a State, name: &str) -> Result<&'a ServerlessCache, Refusal> {
    state.serverless.get(name).ok_or_else(|| not_found(name))
}

pub(crate) fn available<'a>(state: &'a State, name: &str) -> Result<&'a ServerlessCache, Refusal> {
    let cache = require(state, name)?;
    if cache.status == "available" {
        return Ok(cache);
    }
    Err(Refusal::bad(
        "InvalidServerlessCacheStateFault",
        format!("Serverless cache {name} is not in available state: {}", cache.status),
    ))
}

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let name = input.id("ServerlessCacheName");
    if let Some(name) = &name {
        require(state, name)?;
    }
    let asked = match input.int("MaxResults")? {
        None => 50,
        Some(n @ 1..=100) => usize::try_from(n).unwrap_or(50),
        Some(n) => {
            return Err(Refusal::invalid_value(format!("Invalid value {n} for MaxResults. Must be between 1 and 100")));
        }
    };
    let found = state.serverless.iter().filter(|(key, _)| name.as_ref().is_none_or(|name| name == *key));
    let page =
        paging::cut(input.text("NextToken"), asked, state.settings.page_size, found, |cache| render(state, cache))?;
    Ok(Record::new().put_some("NextToken", page.next).list("ServerlessCaches", "member", page.items).into())
}

pub(crate) fn answer(state: &State, name: &str) -> Result<Output, Refusal> {
    let cache = require(state, name)?;
    Ok(Record::new().put("ServerlessCache", render(state, cache)).into())
}

fn bounds(limits: Bounds) -> Record {
    Record::new().put_some("Maximum", limits.1).put_some("Minimum", limits.0)
}

fn render(state: &State, cache: &ServerlessCache) -> Output {
    let limits = Record::new()
        .put_some("DataStorage", cache.limits.storage.map(|storage| bounds(storage).put("Unit", "GB")))
        .put_some("ECPUPerSecond", cache.limits.ecpu.map(bounds))
        .non_empty();
    let ready = !matches!(cache.status, "creating" | "create-failed");
    // The reader listens on the next port but one hundred: 6379 and 6380, 11211 and 11212.
    let port: i64 = if cache.engine == Engine::Memcached { 11_211 } else { 6379 };
    let endpoint = |port| ready.then(|| endpoints::endpoint(state, endpoints::serverless(state, cache), port));
    let integration_status = if ready { "enabled" } else { "enabling" };
    let integrations = cache.integrations.iter();
    let integrations = integrations
        .map(|kind| Record::new().put("IntegrationType", kind).put("Status", integration_status).into())
        .collect();
    let is_snapshottable = cache.engine != Engine::Memcached;
    Record::new()
        .put("ServerlessCacheName", &cache.name)
        .put("Description", &cache.description)
        .put("CreateTime", Output::Time(cache.created))
        .put("Status", cache.status)
        .put("Engine", cache.engine.name())
        .put("MajorEngineVersion", &cache.major)
        .put("FullEngineVersion", &cache.full)
        .put_some("CacheUsageLimits", limits)
        .put_some("KmsKeyId", cache.kms_key.as_ref())
        .list("SecurityGroupIds", "SecurityGroupId", &cache.security_groups)
        .put_some("Endpoint", endpoint(port))
        .put_some("ReaderEndpoint", endpoint(port + 1))
        .put("ARN", state.settings.arn("serverlesscache", &cache.name))
        .put_some("UserGroupId", cache.user_group.as_ref())
        .list("SubnetIds", "SubnetId", &cache.subnets)
        .put_some("SnapshotRetentionLimit", cache.snapshot_retention.filter(|_| is_snapshottable))
        .put_some("DailySnapshotTime", cache.daily_snapshot_time.as_ref().filter(|_| is_snapshottable))
        .put("NetworkType", &cache.network_type)
        .put("StorageEncryptionType", if cache.kms_key.is_some() { "sse-kms" } else { "sse-elasticache" })
        .put("ConnectionType", &cache.connection_type)
        .put_some("Migration", cache.migration.as_ref().map(|status| Record::new().put("Status", status)))
        .put_some("Integrations", (!cache.integrations.is_empty()).then_some(Output::List("Integration", integrations)))
        .into()
}

/// Which error AWS has for it is not known.
fn refuse_under_migration(cache: &ServerlessCache) -> Result<(), Refusal> {
    match &cache.migration {
        None => Ok(()),
        Some(status) => Err(Refusal::bad(
            "InvalidServerlessCacheStateFault",
            format!("Serverless cache {} is under migration: {status}", cache.name),
        )),
    }
}

/// Data are being migrated into a cache, as StartMigration would have it; or no more.
///
/// # Errors
/// There is no such cache, or it is not at rest.
pub(crate) fn migrate(state: &mut State, name: &str, status: Option<String>) -> Result<(), Refusal> {
    available(state, name)?;
    if let Some(cache) = state.serverless.get_mut(name) {
        cache.migration = status;
    }
    Ok(())
}

pub(crate) fn delete(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("ServerlessCacheName")?;
    let cache = require(state, &name)?;
    refuse_under_migration(cache)?;
    if !matches!(cache.status, "available" | "create-failed") {
        available(state, &name)?;
    }
    let snapshot = input.text("FinalSnapshotName").filter(|name| !name.is_empty());
    if let Some(snapshot) = &snapshot {
        snapshots::serverless::start(state, snapshot, &name, tags::Tags::new())?;
    }
    if let Some(cache) = state.serverless.get_mut(&name) {
        cache.status = "deleting";
    }
    state.later(durations::SERVERLESS, Job::ServerlessGone(name.clone()));
    answer(state, &name)
}

/// Creating or modifying is over.
pub(crate) fn finish(state: &mut State, name: &str) {
    let Some(cache) = state.serverless.get(name) else {
        return;
    };
    let created = cache.status == "creating";
    let failed = created && failures::strikes(state, failures::Kind::ServerlessCreateFailed, name);
    let mut links = None;
    if let Some(cache) = state.serverless.get_mut(name) {
        if let Some(next) = cache.next.take() {
            links = Some((cache.user_group.clone(), next.user_group.clone()));
            *cache = *next;
        }
        cache.status = if failed { "create-failed" } else { "available" };
    }
    if let Some((before, after)) = links {
        user_groups::relink_serverless(state, before.as_deref(), after.as_deref(), name);
    }
    let text = match (failed, created) {
        (true, _) => "Failed to create serverless cache",
        (false, true) => "Serverless cache created",
        (false, false) => "Serverless cache modified",
    };
    events::record(state, "serverless-cache", name, format!("{text} {name}"));
    state.touched.insert(name.to_owned());
}

/// A creation that came to nothing.
pub(crate) fn fail(state: &mut State, name: &str, why: &str) {
    if let Some(cache) = state.serverless.get_mut(name) {
        cache.status = "create-failed";
    }
    events::record(state, "serverless-cache", name, format!("Failed to create serverless cache {name}: {why}"));
    state.touched.insert(name.to_owned());
}

pub(crate) fn gone(state: &mut State, name: &str) {
    let Some(cache) = state.serverless.remove(name) else {
        return;
    };
    let arn = state.settings.arn("serverlesscache", name);
    tags::forget(state, &arn);
    user_groups::relink_serverless(state, cache.user_group.as_deref(), None, name);
    state.touched.insert(name.to_owned());
    events::record(state, "serverless-cache", name, format!("Serverless cache {name} deleted"));
}

//! ModifyServerlessCache: one field a call.

use super::create;
use super::{ServerlessCache, answer, available, refuse_under_migration};
use crate::control::engine::Engine;
use crate::control::replication_groups::request;
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

/// Members that count as one field together stand in one row.
const FIELDS: &[&[&str]] = &[
    &["Description"],
    &["CacheUsageLimits"],
    &["RemoveUserGroup", "UserGroupId"],
    &["SecurityGroupIds"],
    &["SnapshotRetentionLimit"],
    &["DailySnapshotTime"],
    &["Engine", "MajorEngineVersion"],
];

pub(crate) fn modify(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("ServerlessCacheName")?;
    let cache = available(state, &name)?;
    refuse_under_migration(cache)?;
    let asked = FIELDS.iter().filter(|row| row.iter().any(|member| input.has(member))).count();
    if asked > 1 {
        // TF issues 43862, 41103, 35897, 37499.
        return Err(Refusal::invalid_combination(
            "Serverless Cache modifications only support modifying one field per request",
        ));
    }
    if asked == 0 {
        return Err(Refusal::invalid_combination("No modifications were requested"));
    }
    let mut next = cache.clone();
    next.status = "available";
    fields(state, cache, input, &mut next)?;
    if let Some(cache) = state.serverless.get_mut(&name) {
        cache.status = "modifying";
        cache.next = Some(Box::new(next));
    }
    state.later(durations::SERVERLESS, Job::ServerlessReady(name.clone()));
    answer(state, &name)
}

fn fields(state: &State, cache: &ServerlessCache, input: &Input, next: &mut ServerlessCache) -> Result<(), Refusal> {
    if let Some(text) = create::description(input)? {
        next.description = text;
    }
    if let Some(limits) = create::limits(input)? {
        next.limits = limits;
    }
    if input.bool("RemoveUserGroup")?.unwrap_or(false) {
        if input.has("UserGroupId") {
            return Err(Refusal::invalid_combination("RemoveUserGroup and UserGroupId can not be used together."));
        }
        next.user_group = None;
    } else if let Some(id) = input.id("UserGroupId") {
        create::user_group(state, &id, cache.engine)?;
        next.user_group = Some(id);
    }
    if cache.connection_type == "public" {
        create::public_access(state, next.user_group.as_deref())?;
    }
    if let Some(groups) = request::security_groups(input)? {
        next.security_groups = groups;
    }
    if let Some(days) = request::snapshot_retention(input)? {
        snapshottable(cache)?;
        next.snapshot_retention = Some(days);
    }
    if let Some(time) = create::daily_time(input)? {
        snapshottable(cache)?;
        next.daily_snapshot_time = Some(time);
    }
    if input.has("Engine") || input.has("MajorEngineVersion") {
        engine(state, cache, input, next)?;
    }
    Ok(())
}

fn snapshottable(cache: &ServerlessCache) -> Result<(), Refusal> {
    if cache.engine == Engine::Memcached {
        return Err(Refusal::invalid_combination("Snapshots are not supported for memcached."));
    }
    Ok(())
}

fn engine(state: &State, cache: &ServerlessCache, input: &Input, next: &mut ServerlessCache) -> Result<(), Refusal> {
    let engine = match input.text("Engine") {
        Some(text) => Engine::parse(&text).ok_or_else(|| {
            Refusal::invalid_value(format!("Invalid engine {text}. Valid values: redis, valkey, memcached"))
        })?,
        None => cache.engine,
    };
    let asked = input.text("MajorEngineVersion");
    let same_major = asked.as_deref().is_none_or(|major| major == cache.major);
    let unchanged = engine == cache.engine && same_major;
    let rolls_back = engine == Engine::Redis && cache.engine == Engine::Valkey;
    if rolls_back {
        rollback(state, cache, asked.as_deref())?;
    } else if unchanged || (engine != cache.engine && engine != Engine::Valkey) || cache.engine == Engine::Memcached {
        // The text is quoted in a comment of the Terraform AWS provider.
        return Err(Refusal::invalid_combination(
            "This API supports only cross-engine upgrades to Valkey engine currently.",
        ));
    }
    let (major, full) = create::major(engine, asked.as_deref())?;
    let number = |text: &str| text.parse::<f64>().unwrap_or(0.0);
    if engine == cache.engine && number(&major) < number(&cache.major) {
        return Err(Refusal::invalid_combination(format!(
            "Cannot downgrade major engine version from {} to {major}.",
            cache.major
        )));
    }
    (next.engine, next.major, next.full) = (engine, major, full);
    Ok(())
}

/// Documented from Valkey 7.2 to Redis OSS 7.1 only, with users of engine redis (AWS guide, VersionManagement.HowTo).
fn rollback(state: &State, cache: &ServerlessCache, major: Option<&str>) -> Result<(), Refusal> {
    if cache.major != "7" || major.is_some_and(|major| major != "7") {
        return Err(Refusal::invalid_combination("Only valkey 7.2 can be modified to redis, and only to 7.1."));
    }
    let group = cache.user_group.as_ref().and_then(|id| state.user_groups.get(id));
    let of_valkey = |id: &String| state.users.get(id).is_some_and(|user| user.engine == Engine::Valkey);
    if group.is_some_and(|group| group.engine == Engine::Valkey || group.users.iter().any(of_valkey)) {
        return Err(Refusal::invalid_combination(
            "The user group and its users must have engine redis before the engine is modified to redis.",
        ));
    }
    Ok(())
}

//! CreateServerlessCache.

use super::{Bounds, ServerlessCache, UsageLimits, answer};
use crate::control::engine::Engine;
use crate::control::replication_groups::{request, windows};
use crate::control::{snapshots, tags, user_groups};
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

/// AWS's default quota of serverless caches in a region.
const QUOTA: usize = 40;
const ECPU: std::ops::RangeInclusive<i64> = 1_000..=15_000_000;
const STORAGE_GB: std::ops::RangeInclusive<i64> = 1..=5_000;

/// The major versions on offer and the full version each stands for.
const MAJORS: &[(Engine, &str, &str)] = &[
    (Engine::Memcached, "1.6", "1.6.22"),
    (Engine::Redis, "7", "7.1"),
    (Engine::Valkey, "7", "7.2"),
    (Engine::Valkey, "8", "8.1"),
    (Engine::Valkey, "9", "9.0"),
];

pub(crate) fn major(engine: Engine, asked: Option<&str>) -> Result<(String, String), Refusal> {
    let mut offered = MAJORS.iter().filter(|(name, _, _)| *name == engine);
    let found = match asked {
        Some(text) => offered.find(|(_, major, _)| *major == text),
        None => offered.next_back(),
    };
    match found {
        Some((_, major, full)) => Ok(((*major).into(), (*full).into())),
        None => Err(Refusal::invalid_combination(format!(
            "MajorEngineVersion {} is not available for engine {}.",
            asked.unwrap_or_default(),
            engine.name()
        ))),
    }
}

pub(crate) fn limits(input: &Input) -> Result<Option<UsageLimits>, Refusal> {
    let Some(limits) = input.get("CacheUsageLimits") else {
        return Ok(None);
    };
    let read = |member: &str, range: std::ops::RangeInclusive<i64>| -> Result<Option<Bounds>, Refusal> {
        let Some(limit) = limits.get(member) else {
            return Ok(None);
        };
        let (low, high) = (limit.int("Minimum")?, limit.int("Maximum")?);
        for bound in [low, high].into_iter().flatten() {
            if !range.contains(&bound) {
                return Err(Refusal::invalid_value(format!(
                    "Invalid value {bound} for {member}. Must be between {} and {}",
                    range.start(),
                    range.end()
                )));
            }
        }
        if let (Some(low), Some(high)) = (low, high)
            && low > high
        {
            return Err(Refusal::invalid_combination(format!("Minimum of {member} can not be greater than Maximum.")));
        }
        Ok(Some((low, high)))
    };
    let storage = read("DataStorage", STORAGE_GB)?;
    if let Some(storage) = limits.get("DataStorage") {
        request::one_of("Unit", &storage.required("Unit")?, &["GB"])?;
    }
    Ok(Some(UsageLimits { storage, ecpu: read("ECPUPerSecond", ECPU)? }))
}

pub(crate) fn daily_time(input: &Input) -> Result<Option<String>, Refusal> {
    match input.text("DailySnapshotTime").filter(|text| !text.is_empty()) {
        Some(text) if windows::minutes(&text).is_none() => {
            Err(Refusal::invalid_value(format!("Invalid DailySnapshotTime {text} (format hh:mm)")))
        }
        time => Ok(time),
    }
}

pub(crate) fn description(input: &Input) -> Result<Option<String>, Refusal> {
    match input.text("Description") {
        Some(text) if text.chars().count() > 255 => {
            Err(Refusal::invalid_value("Description must be at most 255 characters long."))
        }
        text => Ok(text),
    }
}

pub(crate) fn user_group(state: &State, id: &str, engine: Engine) -> Result<(), Refusal> {
    let group = user_groups::require(state, id)?;
    if engine == Engine::Memcached {
        return Err(Refusal::invalid_combination("User groups are not supported for memcached."));
    }
    if group.status != "active" {
        return Err(Refusal::bad("InvalidUserGroupState", format!("User group {id} is not in active state.")));
    }
    if engine == Engine::Redis && group.engine == Engine::Valkey {
        return Err(Refusal::invalid_combination(format!(
            "User group {id} of engine valkey can not be associated with a serverless cache of engine redis."
        )));
    }
    Ok(())
}

/// A cache on the internet lets in by IAM alone (AWS guide, serverless public endpoints).
pub(crate) fn public_access(state: &State, user_group: Option<&str>) -> Result<(), Refusal> {
    if user_group.is_some_and(|id| user_groups::is_iam_only(state, id)) {
        return Ok(());
    }
    Err(Refusal::invalid_combination(
        "ConnectionType public requires a user group whose users all use IAM authentication.",
    ))
}

fn integrations(input: &Input) -> Result<Vec<String>, Refusal> {
    let listed = input.list("Integrations").unwrap_or_default();
    listed
        .into_iter()
        .map(|item| {
            let kind = item.required("IntegrationType")?;
            request::one_of("IntegrationType", &kind, &["dynamodb"])?;
            Ok(kind)
        })
        .collect()
}

pub(crate) fn create(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("ServerlessCacheName")?;
    request::identifier("ServerlessCacheName", &name, 40)?;
    let engine = input.required("Engine")?;
    let engine = Engine::parse(&engine).ok_or_else(|| {
        Refusal::invalid_value(format!("Invalid engine {engine}. Valid values: redis, valkey, memcached"))
    })?;
    let (major, full) = major(engine, input.text("MajorEngineVersion").as_deref())?;
    let limits = limits(input)?.unwrap_or_default();
    let user_group_id = input.id("UserGroupId").filter(|id| !id.is_empty());
    if let Some(id) = &user_group_id {
        user_group(state, id, engine)?;
    }
    let connection_type = request::network(input, "ConnectionType", &["vpc", "public"])?;
    let connection_type = connection_type.unwrap_or_else(|| "vpc".into());
    let is_new_enough = engine == Engine::Valkey && major.parse().is_ok_and(|major: u32| major >= 9);
    if connection_type == "public" {
        if !is_new_enough {
            return Err(Refusal::invalid_combination("ConnectionType public requires engine valkey 9 or later."));
        }
        public_access(state, user_group_id.as_deref())?;
    }
    let integrations = integrations(input)?;
    if !integrations.is_empty() && !is_new_enough {
        return Err(Refusal::invalid_combination("Integrations require engine valkey 9 or later."));
    }
    let subnets = input.texts("SubnetIds").unwrap_or_default();
    if let Some(id) = subnets.iter().find(|id| !id.starts_with("subnet-")) {
        return Err(Refusal::invalid_value(format!("The subnet ID '{id}' does not exist")));
    }
    let zones: std::collections::BTreeSet<String> =
        subnets.iter().map(|id| crate::control::subnet_groups::zone_of(id, &state.settings.region)).collect();
    if !subnets.is_empty() && zones.len() < subnets.len() {
        // AWS guide: each subnet of a serverless cache is in another zone.
        return Err(Refusal::invalid_combination("SubnetIds must be in distinct availability zones."));
    }
    let snapshot_retention = request::snapshot_retention(input)?;
    let daily_snapshot_time = daily_time(input)?;
    if engine == Engine::Memcached && (snapshot_retention.is_some_and(|days| days > 0) || daily_snapshot_time.is_some())
    {
        return Err(Refusal::invalid_combination("Snapshots are not supported for memcached."));
    }
    snapshots::serverless::check_restore(state, input)?;
    let tags = tags::read(input)?;
    if state.serverless.contains_key(&name) {
        return Err(Refusal::bad(
            "ServerlessCacheAlreadyExistsFault",
            format!("Serverless cache {name} already exists."),
        ));
    }
    if state.serverless.len() >= QUOTA {
        return Err(Refusal::bad(
            "ServerlessCacheQuotaForCustomerExceededFault",
            format!("The number of serverless caches exceeds the customer quota of {QUOTA}."),
        ));
    }
    tags::put(state, &state.settings.arn("serverlesscache", &name), tags);
    user_groups::relink_serverless(state, None, user_group_id.as_deref(), &name);
    let cache = ServerlessCache {
        name: name.clone(),
        description: description(input)?.unwrap_or_default(),
        status: "creating",
        created: state.now_seconds(),
        engine,
        major,
        full,
        limits,
        kms_key: input.text("KmsKeyId"),
        security_groups: request::security_groups(input)?.unwrap_or_else(|| vec!["sg-default".into()]),
        subnets: if subnets.is_empty() {
            ["a", "b", "c"].map(|zone| format!("subnet-default-1{zone}")).to_vec()
        } else {
            subnets
        },
        user_group: user_group_id,
        snapshot_retention: Some(snapshot_retention.unwrap_or(0)),
        daily_snapshot_time: Some(daily_snapshot_time.unwrap_or_else(|| "03:00".into())),
        network_type: request::network(input, "NetworkType", &["ipv4", "ipv6", "dual_stack"])?
            .unwrap_or_else(|| "ipv4".into()),
        connection_type,
        integrations,
        migration: None,
        next: None,
    };
    state.serverless.insert(name.clone(), cache);
    state.touched.insert(name.clone());
    state.later(durations::SERVERLESS, Job::ServerlessReady(name.clone()));
    answer(state, &name)
}

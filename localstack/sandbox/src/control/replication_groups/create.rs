//! CreateReplicationGroup: the checks, the defaults AWS fills in, and the end of `creating`.

use super::placement::{self, Placement};
use super::{
    Access, Change, ClusterMode, LogDelivery, ReplicationGroup, Shard, Slots, Tls, Topic, describe, request, rules,
    slots, windows,
};
use crate::control::engine::{Engine, Version};
use crate::control::{events, parameter_groups, snapshots, subnet_groups, tags, user_groups};
use crate::failures;
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::Output;

/// What the caller wants of shards and replicas, from either of the API's two vocabularies.
struct Topology {
    shards: Vec<WantedShard>,
    clustered: bool,
}

struct WantedShard {
    id: String,
    slots: Option<Slots>,
    /// Zone of the primary, then of each replica.
    zones: Vec<Option<String>>,
}

pub(crate) fn create(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("ReplicationGroupId")?;
    request::group_id(&id)?;
    let description = input.required("ReplicationGroupDescription")?;
    request::description(&description)?;
    rules::refuse_unmodelled(input)?;
    let restored = snapshots::restore_source(state, input)?;
    let engine = match input.text("Engine") {
        Some(text) => Engine::parse_replicated(&text)?,
        None => restored.as_ref().map_or(Engine::Redis, |source| source.version.engine),
    };
    let version = match input.text("EngineVersion") {
        Some(text) => Version::requested(engine, &text)?,
        None => restored
            .as_ref()
            .map(|source| source.version)
            .filter(|version| version.engine == engine)
            .unwrap_or_else(|| Version::latest(engine)),
    };
    let node_type = match input.text("CacheNodeType") {
        Some(node_type) => node_type,
        None => restored.as_ref().map(|source| source.node_type.clone()).ok_or_else(|| {
            Refusal::invalid_value("The parameter CacheNodeType must be provided and must not be blank.")
        })?,
    };
    rules::node_type(&node_type, input.bool("DataTieringEnabled")?, version)?;
    let topology = topology(state, input, &version, restored.as_ref())?;
    let tags = tags::read(input)?;
    let group = assemble(state, input, id.clone(), description, version, node_type, &topology)?;
    if state.groups.contains_key(&id) {
        return Err(Refusal::bad("ReplicationGroupAlreadyExists", format!("Replication group {id} already exists.")));
    }
    rules::node_quota(state, &group, group.node_count())?;
    let arns: Vec<String> = group
        .members()
        .map(|member| state.settings.arn("cluster", &member.id))
        .chain([state.settings.arn("replicationgroup", &id)])
        .collect();
    for arn in arns {
        tags::put(state, &arn, tags.clone());
    }
    user_groups::link(state, &group.access.user_groups, &id);
    state.groups.insert(id.clone(), group);
    state.touched.insert(id.clone());
    state.later(durations::CREATE_GROUP, Job::GroupCreated(id.clone()));
    describe::answer(state, &id)
}

fn topology(
    state: &State,
    input: &Input,
    version: &Version,
    restored: Option<&snapshots::Source>,
) -> Result<Topology, Refusal> {
    let clusters = input.int("NumCacheClusters")?;
    let groups = input.int("NumNodeGroups")?;
    let replicas = input.int("ReplicasPerNodeGroup")?;
    let configuration = input.list("NodeGroupConfiguration").unwrap_or_default();
    let mode = input.text("ClusterMode").map(|text| ClusterMode::parse(&text)).transpose()?;
    let named = input.id("CacheParameterGroupName");
    let clustered_by_name = match &named {
        Some(name) => parameter_groups::require(state, name)?.is_clustered(),
        None => false,
    };
    if clusters.is_some() && (groups.is_some() || replicas.is_some() || !configuration.is_empty()) {
        return Err(Refusal::invalid_combination(
            "NumCacheClusters cannot be used together with NumNodeGroups, ReplicasPerNodeGroup or NodeGroupConfiguration.",
        ));
    }
    let shards_from_snapshot = restored.map(|source| source.shards.len());
    let clustered = clustered_by_name
        || mode == Some(ClusterMode::Enabled)
        || groups.is_some_and(|count| count > 1)
        || configuration.len() > 1
        || shards_from_snapshot.is_some_and(|count| count > 1);
    if named.is_some() && clustered && !clustered_by_name {
        return Err(Refusal::invalid_combination(
            "Use of cluster mode requires a parameter group with cluster-enabled set to yes.",
        ));
    }
    if clustered && mode == Some(ClusterMode::Disabled) {
        return Err(Refusal::invalid_combination(
            "ClusterMode disabled cannot be used with more than one node group or a parameter group with cluster-enabled set to yes.",
        ));
    }
    let default_groups = shards_from_snapshot.map_or(1, |count| i64::try_from(count).unwrap_or(1));
    let count = groups.unwrap_or_else(|| {
        if configuration.is_empty() { default_groups } else { i64::try_from(configuration.len()).unwrap_or(1) }
    });
    if count < 1 {
        return Err(Refusal::invalid_value("NumNodeGroups must be at least 1."));
    }
    rules::shard_quota(count, version)?;
    if !configuration.is_empty() && i64::try_from(configuration.len()) != Ok(count) {
        return Err(Refusal::invalid_combination(format!(
            "Number of node group configurations ({}) must match NumNodeGroups ({count}).",
            configuration.len()
        )));
    }
    let most = state.quotas.replicas + 1;
    let replicas = match (clusters, replicas) {
        (Some(clusters), _) if !(1..=most).contains(&clusters) => {
            return Err(Refusal::invalid_value(format!(
                "Invalid value for NumCacheClusters: {clusters}. Must be between 1 and {most}"
            )));
        }
        (Some(clusters), _) => clusters - 1,
        (None, replicas) => replicas.unwrap_or(0),
    };
    rules::replica_count(state, replicas)?;
    let preferred = input.texts("PreferredCacheClusterAZs").unwrap_or_default();
    if !preferred.is_empty() {
        if count > 1 {
            // TF issues 14425 and 1271.
            return Err(Refusal::invalid_combination(
                "PreferredCacheClusterAZs can only be specified for one node group.",
            ));
        }
        if !configuration.is_empty() {
            return Err(Refusal::invalid_combination(
                "PreferredCacheClusterAZs can not be used together with NodeGroupConfiguration.",
            ));
        }
        if i64::try_from(preferred.len()) != Ok(replicas + 1) {
            return Err(Refusal::invalid_combination(
                "The number of PreferredCacheClusterAZs must match the number of cache clusters.",
            ));
        }
    }
    let mut shards = Vec::new();
    for index in 0..usize::try_from(count).unwrap_or(1) {
        let one = configuration.get(index).copied();
        shards.push(wanted_shard(state, index, one, replicas, &preferred)?);
    }
    check_slots(&mut shards)?;
    let mut ids: Vec<&String> = shards.iter().map(|shard| &shard.id).collect();
    ids.sort();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Refusal::invalid_value("NodeGroupId must be unique within a replication group."));
    }
    Ok(Topology { shards, clustered })
}

fn wanted_shard(
    state: &State,
    index: usize,
    configuration: Option<&Input>,
    replicas: i64,
    preferred: &[String],
) -> Result<WantedShard, Refusal> {
    let mut id = format!("{:04}", index + 1);
    let mut wanted = WantedShard { id: id.clone(), slots: None, zones: Vec::new() };
    let mut replicas = replicas;
    let mut zones: Vec<Option<String>> = preferred.iter().cloned().map(Some).collect();
    if let Some(one) = configuration {
        if let Some(text) = one.text("NodeGroupId") {
            let legal = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            if !legal {
                return Err(Refusal::invalid_value(format!("Invalid NodeGroupId {text}: 1 to 4 digits.")));
            }
            id = format!("{text:0>4}");
        }
        wanted.slots = match one.text("Slots") {
            Some(text) => Some(
                Slots::parse(&text)
                    .ok_or_else(|| Refusal::invalid_value(format!("Invalid slots {text} for node group {id}")))?,
            ),
            None => None,
        };
        replicas = one.int("ReplicaCount")?.unwrap_or(replicas);
        rules::replica_count(state, replicas)?;
        zones.push(one.text("PrimaryAvailabilityZone"));
        if let Some(listed) = one.texts("ReplicaAvailabilityZones").filter(|listed| !listed.is_empty()) {
            if i64::try_from(listed.len()) != Ok(replicas) {
                return Err(Refusal::invalid_combination(format!(
                    "The number of ReplicaAvailabilityZones must match ReplicaCount for node group {id}."
                )));
            }
            zones.extend(listed.into_iter().map(Some));
        }
    }
    zones.resize(usize::try_from(replicas + 1).unwrap_or(1), None);
    wanted.id = id;
    wanted.zones = zones;
    Ok(wanted)
}

fn check_slots(shards: &mut [WantedShard]) -> Result<(), Refusal> {
    let given: Vec<Slots> = shards.iter().filter_map(|shard| shard.slots.clone()).collect();
    if given.is_empty() {
        let even = slots::even(shards.len());
        for (shard, slots) in shards.iter_mut().zip(even) {
            shard.slots = Some(slots);
        }
        return Ok(());
    }
    if given.len() != shards.len() || !slots::cover_everything(&given) {
        return Err(Refusal::invalid_combination(
            "Slots must be given for every node group and together cover 0-16383 without overlap.",
        ));
    }
    Ok(())
}

fn assemble(
    state: &State,
    input: &Input,
    id: String,
    description: String,
    version: Version,
    node_type: String,
    topology: &Topology,
) -> Result<ReplicationGroup, Refusal> {
    let clustered = topology.clustered;
    let mode = input.text("ClusterMode").map(|text| ClusterMode::parse(&text)).transpose()?;
    let parameter_group = match input.id("CacheParameterGroupName") {
        Some(name) => {
            rules::parameter_group_fits(state, &name, &version)?;
            name
        }
        None => parameter_groups::default_name(&version.family(), clustered || mode == Some(ClusterMode::Compatible)),
    };
    let subnet_group = input.id("CacheSubnetGroupName").unwrap_or_else(|| "default".into());
    subnet_groups::require(state, &subnet_group)?;
    let zones = placement::zones(state, &subnet_group);
    if let Some(zone) =
        topology.shards.iter().flat_map(|shard| shard.zones.iter().flatten()).find(|zone| !zones.contains(zone))
    {
        return Err(Refusal::invalid_value(format!(
            "Availability zone {zone} is not covered by cache subnet group {subnet_group}."
        )));
    }
    let tls = rules::tls_at_create(input)?;
    let kms_key = input.text("KmsKeyId");
    // Valkey groups are encrypted at rest unless told otherwise.
    let at_rest = input.bool("AtRestEncryptionEnabled")?.unwrap_or(version.engine == Engine::Valkey);
    if kms_key.is_some() && !at_rest {
        return Err(Refusal::invalid_combination("KmsKeyId requires AtRestEncryptionEnabled."));
    }
    let access = access_at_create(state, input, tls, &version)?;
    let replicas = topology.shards.iter().map(|shard| shard.zones.len() - 1).min().unwrap_or(0);
    let multi_az = input.bool("MultiAZEnabled")?.unwrap_or(false);
    let automatic_failover = rules::failover_at_create(
        input.bool("AutomaticFailoverEnabled")?,
        multi_az,
        version.engine,
        clustered,
        replicas,
        &node_type,
    )?;
    if multi_az {
        rules::multi_az_possible(&zones, replicas)?;
    }
    let snapshot_retention = request::snapshot_retention(input)?.unwrap_or(0);
    if snapshot_retention > 0 && node_type == "cache.t1.micro" {
        return Err(Refusal::invalid_combination("Snapshots are not supported on cache.t1.micro."));
    }
    let snapshot_window = input.text("SnapshotWindow");
    if let Some(window) = &snapshot_window {
        windows::snapshot_window(window)?;
    }
    let maintenance_window =
        input.text("PreferredMaintenanceWindow").map(|text| windows::maintenance_window(&text)).transpose()?;
    let topic = input.text("NotificationTopicArn");
    if let Some(arn) = &topic {
        request::topic(arn, &state.settings)?;
    }
    rules::tiering_policy(state, &node_type, &parameter_group)?;
    let logs = LogDelivery::read(input)?.unwrap_or_default();
    rules::log_engine(&logs, &version)?;
    let port = input.int("Port")?.unwrap_or(6379);
    if !(1024..=65_535).contains(&port) {
        return Err(Refusal::invalid_value(format!("Invalid port {port}: 1024 to 65535.")));
    }
    let cluster_mode = match mode {
        Some(mode) => mode,
        None if clustered => ClusterMode::Enabled,
        None => ClusterMode::Disabled,
    };
    if cluster_mode == ClusterMode::Compatible && !version.at_least(7, 0, 0) {
        return Err(Refusal::invalid_combination("ClusterMode compatible requires engine version 7.0 or later."));
    }
    let durability = request::durability(input)?;
    let is_durable = matches!(durability.as_deref(), Some("sync" | "async"));
    if is_durable {
        let node_type = node_type.as_str();
        rules::Durable { version, cluster_mode, multi_az, replicas, tls, node_type, is_global: false }.check()?;
    }
    let now = state.now_seconds();
    let mut shards = Vec::new();
    for (turn, wanted) in topology.shards.iter().enumerate() {
        let mut shard = Shard {
            id: wanted.id.clone(),
            status: "creating",
            slots: wanted.slots.clone().unwrap_or_default(),
            members: Vec::new(),
            failing: None,
        };
        let placement = Placement { group: &id, clustered: cluster_mode == ClusterMode::Enabled, zones: &zones, now };
        for zone in &wanted.zones {
            placement.add(&mut shard, turn, zone.as_ref());
        }
        shards.push(shard);
    }
    let last_shard = shards.iter().filter_map(|shard| shard.id.parse().ok()).max().unwrap_or(0);
    let snapshotting_cluster = (snapshot_retention > 0 && !clustered)
        .then(|| shards.first().and_then(|shard| shard.members.last()).map(|member| member.id.clone()))
        .flatten();
    let (maintenance_window, snapshot_window) = windows::fill_in(&id, maintenance_window, snapshot_window);
    windows::apart(&maintenance_window, &snapshot_window)?;
    Ok(ReplicationGroup {
        description,
        status: "creating",
        created: now,
        version,
        node_type,
        shards,
        last_shard,
        leaving: Vec::new(),
        cluster_mode,
        automatic_failover,
        multi_az,
        port,
        parameter_group,
        subnet_group,
        security_groups: request::security_groups(input)?.unwrap_or_else(|| vec!["sg-default".into()]),
        maintenance_window,
        topic: topic.map(|arn| Topic { arn, active: true }),
        auto_minor_version_upgrade: input.bool("AutoMinorVersionUpgrade")?.unwrap_or(true),
        snapshot_retention,
        snapshot_window,
        snapshotting_cluster,
        access,
        tls,
        at_rest,
        kms_key,
        logs,
        network_type: request::network(input, "NetworkType", &["ipv4", "ipv6", "dual_stack"])?
            .unwrap_or_else(|| "ipv4".into()),
        ip_discovery: request::network(input, "IpDiscovery", &["ipv4", "ipv6"])?.unwrap_or_else(|| "ipv4".into()),
        effective_durability: durability.clone(),
        is_stored_encrypted: at_rest || is_durable,
        durability,
        global: None,
        generation: 0,
        deferred: Change::default(),
        applying: Change::default(),
        under_way: None,
        id,
    })
}

fn access_at_create(state: &State, input: &Input, tls: Tls, version: &Version) -> Result<Access, Refusal> {
    let token = input.text("AuthToken").filter(|token| !token.is_empty());
    let user_groups = input.texts("UserGroupIds").unwrap_or_default();
    if let Some(token) = &token {
        request::auth_token(token)?;
        if tls == Tls::Off {
            return Err(Refusal::invalid_combination(
                "AuthToken is only supported when TransitEncryptionEnabled is true.",
            ));
        }
        if !user_groups.is_empty() {
            return Err(Refusal::invalid_combination("AuthToken and UserGroupIds can not be used together."));
        }
    }
    rules::user_groups_fit(state, &user_groups, version.engine, tls)?;
    Ok(Access {
        token_changed: token.is_some().then(|| state.now_seconds()),
        tokens: token.into_iter().collect(),
        open: false,
        user_groups,
    })
}

/// The group becomes available, its members a little later.
pub(crate) fn finish(state: &mut State, id: &str) {
    const FAILURES: [(failures::Kind, &str, &str); 3] = [
        (failures::Kind::CreateFailed, "create-failed", "insufficient capacity"),
        (failures::Kind::IncompatibleNetwork, "incompatible-network", "the network can not be used"),
        (failures::Kind::RestoreFailed, "restore-failed", "the snapshot could not be restored"),
    ];
    for (kind, status, why) in FAILURES {
        if failures::strikes(state, kind, id) {
            return fail(state, id, status, why);
        }
    }
    let mut members = Vec::new();
    let logs_fail = failures::strikes(state, failures::Kind::LogDeliveryFailed, id);
    state.edit_group(id, |group| {
        group.status = "available";
        for shard in &mut group.shards {
            shard.status = "available";
        }
        for delivery in &mut group.logs {
            delivery.status = "active";
            if logs_fail {
                delivery.fail();
            }
        }
        members = group.members().map(|member| member.id.clone()).collect();
    });
    for member in members {
        events::cluster(state, &member, "Cache cluster created");
    }
    events::group(state, id, format!("Replication group {id} created"));
    state.later(durations::MEMBER_LAG, Job::MembersSettled(id.to_owned()));
}

pub(crate) fn fail(state: &mut State, id: &str, status: &'static str, why: &str) {
    state.edit_group(id, |group| {
        group.status = status;
        group.set_member_status(status);
        for shard in &mut group.shards {
            shard.status = status;
        }
    });
    state.touched.insert(id.to_owned());
    events::group(state, id, format!("Failed to create replication group {id}: {why}"));
}

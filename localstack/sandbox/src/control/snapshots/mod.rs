//! Snapshots of replication groups. All of them are manual: automatic ones are not taken, and a final
//! one outlives its group as manual ones do.

pub(crate) mod serverless;

use crate::control::engine::Version;
use crate::control::replication_groups::{ReplicationGroup, Slots};
use crate::control::{clusters, events, paging, tags};
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

pub(crate) use serverless::ServerlessSnapshot;

const QUOTA: usize = 200;

#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub name: String,
    pub status: &'static str,
    pub group: ReplicationGroup,
    pub taken: f64,
}

/// What a restored group takes over.
pub(crate) struct Source {
    pub version: Version,
    pub node_type: String,
    pub shards: Vec<Slots>,
}

fn not_found(name: &str) -> Refusal {
    Refusal::missing("SnapshotNotFoundFault", format!("Snapshot {name} not found."))
}

fn legal_name(name: &str) -> Result<(), Refusal> {
    let legal = (1..=255).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.contains("--")
        && !name.ends_with('-');
    if legal {
        return Ok(());
    }
    Err(Refusal::invalid_value(format!("The snapshot name is not a valid identifier: {name}")))
}

/// The snapshot a new group is to be restored from. Backups in S3 are beyond the sandbox.
pub(crate) fn restore_source(state: &State, input: &Input) -> Result<Option<Source>, Refusal> {
    if input.texts("SnapshotArns").is_some_and(|arns| !arns.is_empty()) {
        return Err(Refusal::invalid_value("SnapshotArns: the sandbox holds no backups in S3."));
    }
    if let Some(name) = input.id("ServerlessCacheSnapshotName") {
        return serverless::source(state, &name, input).map(Some);
    }
    let Some(name) = input.id("SnapshotName") else {
        return Ok(None);
    };
    let snapshot = state.snapshots.get(&name).ok_or_else(|| not_found(&name))?;
    if snapshot.status != "available" {
        return Err(Refusal::bad("InvalidSnapshotState", format!("Snapshot {name} is not in available state.")));
    }
    Ok(Some(Source {
        version: snapshot.group.version,
        node_type: snapshot.group.node_type.clone(),
        shards: snapshot.group.shards.iter().map(|shard| shard.slots.clone()).collect(),
    }))
}

pub(crate) fn create(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("SnapshotName")?;
    let group = match (input.id("ReplicationGroupId"), input.id("CacheClusterId")) {
        (Some(id), None) => id,
        (None, Some(id)) => {
            let (group, _) = clusters::find(state, &id).ok_or_else(|| clusters::not_found(&id))?;
            group.id.clone()
        }
        _ => {
            return Err(Refusal::invalid_combination(
                "Exactly one of CacheClusterId and ReplicationGroupId must be specified.",
            ));
        }
    };
    if state.group(&group)?.status != "available" {
        return Err(Refusal::group_state(format!("Replication group {group} is not in available state.")));
    }
    start(state, &name, &group, tags::read(input)?)?;
    state.edit_group(&group, |group| group.status = "snapshotting");
    state.later(durations::SNAPSHOT, Job::GroupAvailable(group));
    answer(state, &name)
}

pub(crate) fn start(state: &mut State, name: &str, group: &str, tags: tags::Tags) -> Result<(), Refusal> {
    let name = name.to_ascii_lowercase();
    legal_name(&name)?;
    if state.snapshots.contains_key(&name) {
        return Err(Refusal::bad("SnapshotAlreadyExistsFault", format!("Snapshot {name} already exists.")));
    }
    if state.snapshots.len() >= QUOTA {
        return Err(Refusal::bad(
            "SnapshotQuotaExceededFault",
            format!("The number of snapshots exceeds the quota of {QUOTA}."),
        ));
    }
    let group = state.group(group)?.clone();
    tags::put(state, &state.settings.arn("snapshot", &name), tags);
    let snapshot = Snapshot { name: name.clone(), status: "creating", group, taken: state.now_seconds() };
    state.snapshots.insert(name.clone(), snapshot);
    state.later(durations::FINAL_SNAPSHOT, Job::SnapshotReady(name));
    Ok(())
}

pub(crate) fn finish(state: &mut State, name: &str) {
    let Some(snapshot) = state.snapshots.get_mut(name) else {
        return;
    };
    snapshot.status = "available";
    let group = snapshot.group.id.clone();
    events::group(state, &group, format!("Snapshot succeeded for snapshot with ID '{name}'"));
}

pub(crate) fn delete(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("SnapshotName")?;
    let snapshot = state.snapshots.get(&name).ok_or_else(|| not_found(&name))?;
    if snapshot.status != "available" {
        return Err(Refusal::bad("InvalidSnapshotState", format!("Snapshot {name} is not in available state.")));
    }
    let mut gone = snapshot.clone();
    gone.status = "deleting";
    let answer = Record::new().put("Snapshot", render(state, &gone, true)).into();
    state.snapshots.remove(&name);
    tags::forget(state, &state.settings.arn("snapshot", &name));
    Ok(answer)
}

fn answer(state: &State, name: &str) -> Result<Output, Refusal> {
    let snapshot = state.snapshots.get(name).ok_or_else(|| not_found(name))?;
    Ok(Record::new().put("Snapshot", render(state, snapshot, true)).into())
}

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let name = input.id("SnapshotName");
    if let Some(name) = &name
        && !state.snapshots.contains_key(name)
    {
        return Err(not_found(name));
    }
    let group = input.id("ReplicationGroupId");
    let cluster = input.id("CacheClusterId");
    let source = input.text("SnapshotSource");
    let detailed = input.bool("ShowNodeGroupConfig")?.unwrap_or(false);
    let found = state.snapshots.iter().filter(|(key, snapshot)| {
        name.as_ref().is_none_or(|name| name == *key)
            && group.as_ref().is_none_or(|id| *id == snapshot.group.id)
            && cluster.as_ref().is_none_or(|id| snapshot.group.member(id).is_some())
            && source.as_deref() != Some("system")
    });
    // DescribeSnapshots pages by 50.
    let asked = input.int("MaxRecords")?.map_or(50, |n| usize::try_from(n).unwrap_or(50)).clamp(1, 50);
    let page = paging::cut(input.text("Marker"), asked, state.settings.page_size, found, |snapshot| {
        render(state, snapshot, detailed)
    })?;
    Ok(Record::new().put_some("Marker", page.next).list("Snapshots", "Snapshot", page.items).into())
}

fn render(state: &State, snapshot: &Snapshot, detailed: bool) -> Output {
    let group = &snapshot.group;
    let nodes = group.shards.iter().map(|shard| {
        let source = shard.members.last();
        let zones = shard.members.iter().filter(|member| !member.primary).map(|member| &member.zone);
        let configuration = Record::new()
            .put("NodeGroupId", &shard.id)
            .put("Slots", shard.slots.to_string())
            .put("ReplicaCount", shard.replicas())
            .put_some("PrimaryAvailabilityZone", shard.primary().map(|member| &member.zone))
            .list("ReplicaAvailabilityZones", "AvailabilityZone", zones);
        Record::new()
            .put_some("CacheClusterId", source.map(|member| &member.id))
            .put("NodeGroupId", &shard.id)
            .put("CacheNodeId", clusters::NODE_ID)
            .put_some("NodeGroupConfiguration", detailed.then_some(configuration))
            .put("CacheSize", "0 MB")
            .put_some("CacheNodeCreateTime", source.map(|member| Output::Time(member.created)))
            .put("SnapshotCreateTime", Output::Time(snapshot.taken))
    });
    let vpc = state.subnet_groups.get(&group.subnet_group).map(|subnets| &subnets.vpc);
    Record::new()
        .put("SnapshotName", &snapshot.name)
        .put("ReplicationGroupId", &group.id)
        .put("ReplicationGroupDescription", &group.description)
        .put("SnapshotStatus", snapshot.status)
        .put("SnapshotSource", "manual")
        .put("CacheNodeType", &group.node_type)
        .put("Engine", group.version.engine.name())
        .put("EngineVersion", group.version.full())
        .put("PreferredMaintenanceWindow", &group.maintenance_window)
        .put_some("TopicArn", group.topic.as_ref().map(|topic| &topic.arn))
        .put("Port", group.port)
        .put("CacheParameterGroupName", &group.parameter_group)
        .put("CacheSubnetGroupName", &group.subnet_group)
        .put_some("VpcId", vpc)
        .put("AutoMinorVersionUpgrade", group.auto_minor_version_upgrade)
        .put("SnapshotRetentionLimit", group.snapshot_retention)
        .put("SnapshotWindow", &group.snapshot_window)
        .put("NumNodeGroups", group.shards.len())
        .put("AutomaticFailover", if group.automatic_failover { "enabled" } else { "disabled" })
        .list("NodeSnapshots", "NodeSnapshot", nodes)
        .put_some("KmsKeyId", group.kms_key.as_ref())
        .put("ARN", state.settings.arn("snapshot", &snapshot.name))
        .put("DataTiering", if group.has_data_tiering() { "enabled" } else { "disabled" })
        .into()
}

//! A replication group: its shards, its members and what is still to happen to it.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod endpoints;
pub(crate) mod failover;
pub(crate) mod logs;
pub(crate) mod modify;
pub(crate) mod placement;
pub(crate) mod reboot;
pub(crate) mod replicas;
pub(crate) mod request;
pub(crate) mod rules;
pub(crate) mod shards;
pub(crate) mod slots;
pub(crate) mod windows;

use crate::control::engine::Version;
use crate::refusal::Refusal;
use crate::state::State;

pub(crate) use change::Change;
pub(crate) use failover::Failing;
pub(crate) use logs::LogDelivery;
pub(crate) use slots::Slots;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClusterMode {
    Disabled,
    Compatible,
    Enabled,
}

impl ClusterMode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ClusterMode::Disabled => "disabled",
            ClusterMode::Compatible => "compatible",
            ClusterMode::Enabled => "enabled",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        match text {
            "disabled" => Ok(ClusterMode::Disabled),
            "compatible" => Ok(ClusterMode::Compatible),
            "enabled" => Ok(ClusterMode::Enabled),
            other => Err(Refusal::invalid_value(format!(
                "Invalid value {other} for ClusterMode. Valid values: enabled, disabled, compatible"
            ))),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    Off,
    Preferred,
    Required,
}

impl Tls {
    /// `TransitEncryptionMode`; a group without TLS has none.
    pub(crate) fn mode(self) -> Option<&'static str> {
        match self {
            Tls::Off => None,
            Tls::Preferred => Some("preferred"),
            Tls::Required => Some("required"),
        }
    }
}

/// Who may connect.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Access {
    /// Newest last; two while a rotation is under way.
    pub tokens: Vec<String>,
    /// ROTATE on a group without a token leaves it open beside the token (TF issue 33439).
    pub open: bool,
    pub user_groups: Vec<String>,
    pub token_changed: Option<f64>,
}

impl Access {
    pub(crate) fn has_token(&self) -> bool {
        !self.tokens.is_empty()
    }

    pub(crate) fn is_controlled(&self) -> bool {
        self.has_token() || !self.user_groups.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub id: String,
    pub zone: String,
    pub primary: bool,
    pub status: &'static str,
    pub created: f64,
    pub parameters: ParameterStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParameterStatus {
    InSync,
    Applying,
    PendingReboot,
}

impl ParameterStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ParameterStatus::InSync => "in-sync",
            ParameterStatus::Applying => "applying",
            ParameterStatus::PendingReboot => "pending-reboot",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shard {
    /// `0001`.
    pub id: String,
    pub status: &'static str,
    pub slots: Slots,
    pub members: Vec<Member>,
    /// The failover that is not over yet.
    pub failing: Option<Failing>,
}

impl Shard {
    pub(crate) fn primary(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.primary)
    }

    pub(crate) fn replicas(&self) -> usize {
        self.members.len().saturating_sub(1)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Topic {
    pub arn: String,
    pub active: bool,
}

/// The global datastore a group belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Global {
    pub id: String,
    pub is_primary: bool,
}

/// Resharding or a failing operation under way: when it began and when it will be over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub from: i64,
    pub to: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct ReplicationGroup {
    pub id: String,
    pub description: String,
    pub status: &'static str,
    pub created: f64,
    pub version: Version,
    pub node_type: String,
    pub shards: Vec<Shard>,
    /// The highest shard number so far: shard ids are not used again.
    pub last_shard: usize,
    /// Members that left their shard and are not gone yet.
    pub leaving: Vec<Member>,
    pub cluster_mode: ClusterMode,
    pub automatic_failover: bool,
    pub multi_az: bool,
    pub port: i64,
    pub parameter_group: String,
    pub subnet_group: String,
    pub security_groups: Vec<String>,
    pub maintenance_window: String,
    pub topic: Option<Topic>,
    pub auto_minor_version_upgrade: bool,
    pub snapshot_retention: i64,
    pub snapshot_window: String,
    pub snapshotting_cluster: Option<String>,
    pub access: Access,
    pub tls: Tls,
    pub at_rest: bool,
    pub kms_key: Option<String>,
    pub logs: Vec<LogDelivery>,
    pub network_type: String,
    pub ip_discovery: String,
    pub durability: Option<String>,
    /// What is in effect; it lags behind what was asked for.
    pub effective_durability: Option<String>,
    /// Durability encrypts what it stores, whatever `at_rest` says.
    pub is_stored_encrypted: bool,
    pub global: Option<Global>,
    /// How often every node was replaced.
    pub generation: u32,
    /// Accepted, waiting for the maintenance window.
    pub deferred: Change,
    /// Accepted and being carried out.
    pub applying: Change,
    pub under_way: Option<Span>,
}

impl ReplicationGroup {
    /// Such a group never becomes available; it can only be deleted.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.status, "create-failed" | "incompatible-network" | "restore-failed")
    }

    pub(crate) fn is_clustered(&self) -> bool {
        self.cluster_mode != ClusterMode::Disabled
    }

    pub(crate) fn has_data_tiering(&self) -> bool {
        crate::control::node_types::has_data_tiering(&self.node_type)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.shards.iter().flat_map(|shard| &shard.members)
    }

    pub(crate) fn members_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.shards.iter_mut().flat_map(|shard| &mut shard.members)
    }

    pub(crate) fn member(&self, id: &str) -> Option<&Member> {
        self.members().find(|member| member.id == id)
    }

    pub(crate) fn node_count(&self) -> usize {
        self.members().count() + self.leaving.len()
    }

    /// Everything accepted that has not taken effect.
    pub(crate) fn pending(&self) -> Change {
        self.deferred.clone().overlaid_by(&self.applying)
    }

    /// Of the shard that has the fewest.
    pub(crate) fn fewest_replicas(&self) -> usize {
        self.shards.iter().map(Shard::replicas).min().unwrap_or(0)
    }

    /// Whether durable writes were asked for.
    pub(crate) fn is_durable(&self) -> bool {
        matches!(self.durability.as_deref(), Some("sync" | "async"))
    }

    /// What durable writes rest on, as it is.
    pub(crate) fn durable_as_is(&self) -> rules::Durable<'_> {
        rules::Durable {
            version: self.version,
            cluster_mode: self.cluster_mode,
            multi_az: self.multi_az,
            replicas: self.fewest_replicas(),
            tls: self.tls,
            node_type: &self.node_type,
            is_global: self.global.is_some(),
        }
    }

    pub(crate) fn set_member_status(&mut self, status: &'static str) {
        for member in self.members_mut() {
            member.status = status;
        }
    }
}

impl State {
    pub(crate) fn group(&self, id: &str) -> Result<&ReplicationGroup, Refusal> {
        self.groups.get(id).ok_or_else(|| Refusal::no_group(id))
    }

    /// The group if it may be modified now.
    pub(crate) fn modifiable_group(&self, id: &str) -> Result<&ReplicationGroup, Refusal> {
        let group = self.group(id)?;
        if group.status == "available" {
            Ok(group)
        } else {
            // TF issue 36017 quotes this text.
            Err(Refusal::group_state("Replication group must be in available state to modify."))
        }
    }

    /// Refuses while a member is still coming or going, although its group says `available`
    /// (TF issue 50096).
    pub(crate) fn with_settled_members(&self, id: &str) -> Result<&ReplicationGroup, Refusal> {
        let group = self.modifiable_group(id)?;
        let unsettled = group.members().chain(&group.leaving).find(|member| member.status != "available");
        match unsettled {
            None => Ok(group),
            Some(member) => Err(Refusal::bad(
                "InvalidCacheClusterState",
                format!("Cache cluster {} is not in available state: {}", member.id, member.status),
            )),
        }
    }

    pub(crate) fn edit_group(&mut self, id: &str, edit: impl FnOnce(&mut ReplicationGroup)) {
        if let Some(group) = self.groups.get_mut(id) {
            edit(group);
        }
    }
}

/// The end of a job that changed nothing but the status.
pub(crate) fn become_available(state: &mut State, id: &str) {
    state.edit_group(id, |group| {
        if matches!(group.status, "modifying" | "snapshotting") {
            group.status = "available";
        }
    });
}

/// Makes a group a member of a global datastore, or lets it go. AWS forces minor upgrades off for members (TF issue 24919).
pub(crate) fn global_member(state: &mut State, id: &str, global: Option<Global>) -> Result<(), Refusal> {
    state.modifiable_group(id)?;
    state.edit_group(id, |group| {
        group.auto_minor_version_upgrade &= global.is_none();
        group.global = global;
    });
    Ok(())
}

/// Members catch up with their group.
pub(crate) fn settle_members(state: &mut State, id: &str) {
    let mut gone = Vec::new();
    state.edit_group(id, |group| {
        gone = std::mem::take(&mut group.leaving);
        group.effective_durability = group.durability.clone();
        let recovering: Vec<String> =
            group.shards.iter().filter_map(|shard| Some(shard.failing.as_ref()?.old.clone())).collect();
        for member in group.members_mut() {
            if matches!(member.status, "creating" | "modifying") && !recovering.contains(&member.id) {
                member.status = "available";
            }
        }
    });
    for member in gone {
        let arn = state.settings.arn("cluster", &member.id);
        crate::control::tags::forget(state, &arn);
        crate::control::events::cluster(state, &member.id, "Cache cluster deleted");
    }
}

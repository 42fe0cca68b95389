//! A replication group: its shards, its members and what is still to happen to it.

pub mod change;
pub mod create;
pub mod delete;
pub mod describe;
pub mod endpoints;
pub mod failover;
pub mod logs;
pub mod modify;
pub mod placement;
pub mod reboot;
pub mod replicas;
pub mod request;
pub mod rules;
pub mod shards;
pub mod slots;
pub mod windows;

use crate::control::engine::Version;
use crate::refusal::Refusal;
use crate::state::State;

pub use change::Change;
pub use failover::Failing;
pub use logs::LogDelivery;
pub use slots::Slots;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterMode {
    Disabled,
    Compatible,
    Enabled,
}

impl ClusterMode {
    pub fn name(self) -> &'static str {
        match self {
            ClusterMode::Disabled => "disabled",
            ClusterMode::Compatible => "compatible",
            ClusterMode::Enabled => "enabled",
        }
    }

    pub fn parse(text: &str) -> Result<Self, Refusal> {
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
pub enum Tls {
    Off,
    Preferred,
    Required,
}

impl Tls {
    /// `TransitEncryptionMode`; a group without TLS has none.
    pub fn mode(self) -> Option<&'static str> {
        match self {
            Tls::Off => None,
            Tls::Preferred => Some("preferred"),
            Tls::Required => Some("required"),
        }
    }
}

/// Who may connect.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Access {
    /// Newest last; two while a rotation is under way.
    pub tokens: Vec<String>,
    /// ROTATE on a group without a token leaves it open beside the token (TF issue 33439).
    pub open: bool,
    pub user_groups: Vec<String>,
    pub token_changed: Option<f64>,
}

impl Access {
    pub fn has_token(&self) -> bool {
        !self.tokens.is_empty()
    }

    pub fn is_controlled(&self) -> bool {
        self.has_token() || !self.user_groups.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub id: String,
    pub zone: String,
    pub primary: bool,
    pub status: &'static str,
    pub created: f64,
    pub parameters: ParameterStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterStatus {
    InSync,
    Applying,
    PendingReboot,
}

impl ParameterStatus {
    pub fn name(self) -> &'static str {
        match self {
            ParameterStatus::InSync => "in-sync",
            ParameterStatus::Applying => "applying",
            ParameterStatus::PendingReboot => "pending-reboot",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Shard {
    /// `0001`.
    pub id: String,
    pub status: &'static str,
    pub slots: Slots,
    pub members: Vec<Member>,
    /// The failover that is not over yet.
    pub failing: Option<Failing>,
}

impl Shard {
    pub fn primary(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.primary)
    }

    pub fn replicas(&self) -> usize {
        self.members.len().saturating_sub(1)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    pub arn: String,
    pub active: bool,
}

/// The global datastore a group belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Global {
    pub id: String,
    pub is_primary: bool,
}

/// Resharding or a failing operation under way: when it began and when it will be over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub from: i64,
    pub to: i64,
}

#[derive(Debug, Clone)]
pub struct ReplicationGroup {
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
    pub fn has_failed(&self) -> bool {
        matches!(self.status, "create-failed" | "incompatible-network" | "restore-failed")
    }

    pub fn is_clustered(&self) -> bool {
        self.cluster_mode != ClusterMode::Disabled
    }

    pub fn has_data_tiering(&self) -> bool {
        crate::control::node_types::has_data_tiering(&self.node_type)
    }

    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.shards.iter().flat_map(|shard| &shard.members)
    }

    pub fn members_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.shards.iter_mut().flat_map(|shard| &mut shard.members)
    }

    pub fn member(&self, id: &str) -> Option<&Member> {
        self.members().find(|member| member.id == id)
    }

    pub fn node_count(&self) -> usize {
        self.members().count() + self.leaving.len()
    }

    /// Everything accepted that has not taken effect.
    pub fn pending(&self) -> Change {
        self.deferred.clone().overlaid_by(&self.applying)
    }

    /// Of the shard that has the fewest.
    pub fn fewest_replicas(&self) -> usize {
        self.shards.iter().map(Shard::replicas).min().unwrap_or(0)
    }

    /// Whether durable writes were asked for.
    pub fn is_durable(&self) -> bool {
        matches!(self.durability.as_deref(), Some("sync" | "async"))
    }

    /// What durable writes rest on, as it is.
    pub fn durable_as_is(&self) -> rules::Durable<'_> {
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

    pub fn set_member_status(&mut self, status: &'static str) {
        for member in self.members_mut() {
            member.status = status;
        }
    }
}

impl State {
    pub fn group(&self, id: &str) -> Result<&ReplicationGroup, Refusal> {
        self.groups.get(id).ok_or_else(|| Refusal::no_group(id))
    }

    /// The group if it may be modified now.
    pub fn modifiable_group(&self, id: &str) -> Result<&ReplicationGroup, Refusal> {
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
    pub fn with_settled_members(&self, id: &str) -> Result<&ReplicationGroup, Refusal> {
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

    pub fn edit_group(&mut self, id: &str, edit: impl FnOnce(&mut ReplicationGroup)) {
        if let Some(group) = self.groups.get_mut(id) {
            edit(group);
        }
    }
}

/// The end of a job that changed nothing but the status.
pub fn become_available(state: &mut State, id: &str) {
    state.edit_group(id, |group| {
        if matches!(group.status, "modifying" | "snapshotting") {
            group.status = "available";
        }
    });
}

/// Makes a group a member of a global datastore, or lets it go. AWS forces minor upgrades off for members (TF issue 24919).
pub fn global_member(state: &mut State, id: &str, global: Option<Global>) -> Result<(), Refusal> {
    state.modifiable_group(id)?;
    state.edit_group(id, |group| {
        group.auto_minor_version_upgrade &= global.is_none();
        group.global = global;
    });
    Ok(())
}

/// Members catch up with their group.
pub fn settle_members(state: &mut State, id: &str) {
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

//! How a stack's resources are: a pure view of what was read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::model::cost::Cost;
use crate::model::live::{Live, View};
use crate::model::plan::{FORMAT_VERSION, Ownership, PendingValue};
use crate::model::{Address, Glob, Kind, Spec};
use crate::resource::readiness::{self, Condition};
use crate::resource::replication_group::reboot;
use crate::resource::secret::{self, OpenTo};
use crate::resource::{alarm, ownership};

/// In the order of what wants looking at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Ok,
    /// It could not be read.
    Unknown,
    /// On its way: AWS creates, changes or deletes it.
    Moving,
    /// At rest, and an alarm of its is in ALARM.
    Alarm,
    /// The spec has it and AWS does not.
    Absent,
    /// It will not get well by itself.
    Broken,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub format_version: String,
    pub stack: String,
    pub account_id: String,
    pub region: String,
    /// The worst of all resources.
    pub health: Health,
    pub resources: Vec<Resource>,
    pub notes: Vec<String>,
    pub api_calls: usize,
    /// With `--cost` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    pub address: Address,
    /// AWS's own word, or `absent`.
    pub state: String,
    pub health: Health,
    /// What is under way, such as `resharding 40 %`.
    pub detail: String,
    /// The stack owns it, and the spec no longer has it.
    pub orphan: bool,
    /// Whose it is, seen from this stack.
    pub ownership: Ownership,
    /// Another stack owns it, although the spec has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_stack: Option<String>,
    /// What it is, in the order of importance: engine, node type, access.
    pub facts: Vec<String>,
    pub endpoints: Vec<Endpoint>,
    pub shards: Vec<Shard>,
    pub pending: Vec<PendingValue>,
    /// What AWS wants done to the nodes and is not through.
    pub service_updates: Vec<ServiceUpdate>,
    /// Logs that a replication group delivers.
    pub log_deliveries: Vec<LogDelivery>,
    /// A token was added and does not stand alone yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_rotation: Option<TokenRotation>,
    /// Caches only.
    pub alarms: Option<Alarms>,
}

impl Resource {
    /// Is it this stack's, or absent? What is declared may be another's, nobody's, or of an owner that cannot be read.
    pub fn is_ours(&self) -> bool {
        matches!(self.ownership, Ownership::Owned | Ownership::Absent)
    }

    /// Log deliveries that AWS gave up.
    pub fn failed_logs(&self) -> impl Iterator<Item = &LogDelivery> {
        self.log_deliveries.iter().filter(|log| log.status == "error")
    }
}

/// A log of a replication group on its way to its destination.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogDelivery {
    pub log_type: String,
    /// The log group or delivery stream.
    pub destination: String,
    /// AWS's word, such as `active` or `error`.
    pub status: String,
    /// Why AWS does not deliver it, where AWS says so.
    pub message: Option<String>,
}

/// The time between ROTATE and SET of an AUTH token.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenRotation {
    /// Whom the cache lets in besides those with the new token.
    pub open_to: &'static str,
}

/// A service update that a replication group has before it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceUpdate {
    pub name: String,
    /// AWS's word, such as `security-update`; there may be ones that nobody knows yet.
    #[serde(rename = "type")]
    pub kind: String,
    pub severity: String,
    /// AWS's word, such as `not-applied`.
    pub status: String,
    /// yyyy-mm-dd, by AWS's recommendation.
    pub apply_by: Option<String>,
    /// AWS says that this date has passed.
    pub is_late: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Endpoint {
    /// `primary`, `reader` or `configuration`; `endpoint` of a serverless cache.
    pub role: &'static str,
    pub address: String,
    pub port: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Shard {
    pub id: String,
    pub state: String,
    pub slots: Option<String>,
    pub nodes: Vec<Node>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Node {
    pub id: String,
    /// AWS tells it only with cluster mode disabled.
    pub role: Option<String>,
    pub zone: Option<String>,
    pub state: String,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alarms {
    pub ok: usize,
    pub insufficient_data: usize,
    /// By name: in ALARM.
    pub firing: Vec<String>,
    /// By name: the spec asks for them, and AWS has them not.
    pub absent: Vec<String>,
}

impl Alarms {
    pub fn count(&self) -> usize {
        self.ok + self.insufficient_data + self.firing.len() + self.absent.len()
    }
}

pub fn report(spec: &Spec, live: &Live, only: &[Glob]) -> Report {
    let wanted = alarm::wanted(spec, live);
    let orphans = live.owned.iter().filter(|address| {
        address.kind != Kind::Alarm
            && !spec.resources.contains_key(*address)
            && (live.get(address).is_some() || live.unread.contains_key(*address))
    });
    let caches: Vec<&Address> =
        spec.resources.keys().chain(orphans.clone()).filter(|address| address.kind.is_cache()).collect();
    let mut of_caches: BTreeMap<&Address, Alarms> = BTreeMap::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (name, alarm) in live.of(Kind::Alarm) {
        if let Some(cache) = caches.iter().find(|cache| alarm::belongs_to(alarm, cache)) {
            told.insert(name);
            count(of_caches.entry(cache).or_default(), name, alarm);
        }
    }
    for missing in wanted.named.iter().filter(|wanted| !live.of(Kind::Alarm).contains_key(&wanted.name)) {
        if let Some(cache) = caches.iter().find(|cache| Some(**cache) == missing.cache.as_ref()) {
            told.insert(&missing.name);
            of_caches.entry(cache).or_default().absent.push(missing.name.clone());
        }
    }
    let lone_orphans = live.owned.iter().filter(|address| {
        address.kind == Kind::Alarm && live.get(address).is_some() && !told.contains(address.id.as_str())
    });
    let declared = spec.resources.values().filter(|resource| {
        // With `for`, an entry stands for the alarms of a cache.
        resource.address.kind != Kind::Alarm
            || (!resource.fields.contains_key("for") && !told.contains(resource.address.id.as_str()))
    });
    let addresses: BTreeSet<&Address> =
        declared.map(|resource| &resource.address).chain(orphans).chain(lone_orphans).collect();
    let resources: Vec<Resource> = addresses
        .into_iter()
        .filter(|address| only.is_empty() || only.iter().any(|glob| glob.matches(address)))
        .map(|address| {
            let orphan =
                !spec.resources.contains_key(address) && !wanted.named.iter().any(|alarm| alarm.name == address.id);
            let found = resource(live, address, orphan, of_caches.remove(address));
            let ownership = ownership::of(spec, live, address);
            let other = (ownership == Ownership::Foreign)
                .then(|| ownership::stack_of(live, address).unwrap_or("another").to_owned());
            Resource { ownership, other_stack: other, ..found }
        })
        .collect();
    Report {
        format_version: FORMAT_VERSION.to_owned(),
        stack: spec.stack.clone(),
        account_id: live.account_id.clone(),
        region: live.region.clone(),
        health: resources.iter().map(|resource| resource.health).max().unwrap_or(Health::Ok),
        resources,
        notes: live.notes.clone(),
        api_calls: live.api_calls,
        cost: None,
    }
}

fn count(alarms: &mut Alarms, name: &str, alarm: &Value) {
    match alarm.get("StateValue").and_then(Value::as_str) {
        Some("ALARM") => alarms.firing.push(name.to_owned()),
        Some("OK") => alarms.ok += 1,
        _ => alarms.insufficient_data += 1,
    }
}

fn resource(live: &Live, address: &Address, orphan: bool, alarms: Option<Alarms>) -> Resource {
    let alarms = address.kind.is_cache().then(|| alarms.unwrap_or_default());
    let Some(view) = live.view(address) else {
        let is_unread = live.unread.contains_key(address);
        return Resource {
            address: address.clone(),
            state: if is_unread { "unknown" } else { "absent" }.into(),
            health: if is_unread { Health::Unknown } else { Health::Absent },
            detail: String::new(),
            orphan,
            ownership: Ownership::Absent,
            other_stack: None,
            facts: Vec::new(),
            endpoints: Vec::new(),
            shards: Vec::new(),
            pending: Vec::new(),
            service_updates: Vec::new(),
            log_deliveries: Vec::new(),
            token_rotation: None,
            alarms,
        };
    };
    let (condition, state) = readiness::of(live, address);
    let fires =
        alarms.as_ref().is_some_and(|alarms| !alarms.firing.is_empty()) || view.text("StateValue") == Some("ALARM");
    let health = match condition {
        Condition::Broken => Health::Broken,
        Condition::Gone => Health::Absent,
        Condition::Moving => Health::Moving,
        Condition::Ready if fires => Health::Alarm,
        Condition::Ready => Health::Ok,
    };
    let row = address.kind.row();
    let own = (row.state)(&view);
    let mut facts = (row.facts)(&view);
    facts.iter_mut().for_each(|fact| *fact = fact.trim().to_owned());
    facts.retain(|fact| !fact.is_empty());
    Resource {
        address: address.clone(),
        state: own.to_owned(),
        health,
        // A member that broke, where the group itself does not say so.
        detail: if condition == Condition::Broken && state.status != own {
            format!("a member is {}", state.status)
        } else {
            state.detail
        },
        orphan,
        ownership: Ownership::Unknown,
        other_stack: None,
        facts,
        endpoints: endpoints(&view),
        shards: shards(live, &view),
        pending: pending(address.kind, &view),
        service_updates: service_updates(live, address),
        log_deliveries: log_deliveries(&view),
        token_rotation: secret::open_to(live, address).map(|open_to| TokenRotation {
            open_to: match open_to {
                OpenTo::Anyone => "anyone",
                OpenTo::TokenBefore => "tokenBefore",
            },
        }),
        alarms,
    }
}

fn log_deliveries(view: &View<'_>) -> Vec<LogDelivery> {
    let text = |log: &Value, path: &str| log.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let delivery = |log: &Value| LogDelivery {
        log_type: text(log, "/LogType").unwrap_or_default(),
        destination: text(log, "/DestinationDetails/CloudWatchLogsDetails/LogGroup")
            .or_else(|| text(log, "/DestinationDetails/KinesisFirehoseDetails/DeliveryStream"))
            .unwrap_or_default(),
        status: text(log, "/Status").unwrap_or_default(),
        message: text(log, "/Message"),
    };
    let logs = view.own("LogDeliveryConfigurations").and_then(Value::as_array);
    logs.into_iter().flatten().map(delivery).collect()
}

fn service_updates(live: &Live, address: &Address) -> Vec<ServiceUpdate> {
    let text = |action: &Value, member: &str| action.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_of = |action: &&Value| {
        address.kind == Kind::ReplicationGroup && text(action, "ReplicationGroupId").eq_ignore_ascii_case(&address.id)
    };
    let update = |action: &Value| ServiceUpdate {
        name: text(action, "ServiceUpdateName"),
        kind: text(action, "ServiceUpdateType"),
        severity: text(action, "ServiceUpdateSeverity"),
        status: text(action, "UpdateActionStatus"),
        apply_by: text(action, "ServiceUpdateRecommendedApplyByDate").get(..10).map(str::to_owned),
        is_late: text(action, "SlaMet") == "no",
    };
    live.update_actions.iter().filter(is_of).map(update).collect()
}

/// Where clients connect.
pub fn endpoints(view: &View<'_>) -> Vec<Endpoint> {
    let endpoint = |role: &'static str, value: Option<&Value>| {
        let value = value?;
        let address = value.get("Address")?.as_str()?.to_owned();
        Some(Endpoint { role, address, port: value.get("Port")?.as_u64()? })
    };
    let first = view.node_groups().first();
    let of_shard = |member: &str| first.and_then(|group| group.get(member));
    let found = if view.own("ConfigurationEndpoint").is_some() {
        [endpoint("configuration", view.own("ConfigurationEndpoint")), None]
    } else if first.is_some() {
        [endpoint("primary", of_shard("PrimaryEndpoint")), endpoint("reader", of_shard("ReaderEndpoint"))]
    } else {
        [endpoint("endpoint", view.own("Endpoint")), endpoint("reader", view.own("ReaderEndpoint"))]
    };
    found.into_iter().flatten().collect()
}

fn shards(live: &Live, view: &View<'_>) -> Vec<Shard> {
    let text = |value: &Value, member: &str| value.get(member).and_then(Value::as_str).map(str::to_owned);
    let state = |id: &str| {
        let cluster = live.cache_clusters.get(id);
        cluster.and_then(|cluster| text(cluster, "CacheClusterStatus")).unwrap_or_else(|| "unknown".to_owned())
    };
    let mut shards: Vec<Shard> = view
        .node_groups()
        .iter()
        .map(|group| {
            let members = group.get("NodeGroupMembers").and_then(Value::as_array).into_iter().flatten();
            let node = |member: &Value| {
                let id = text(member, "CacheClusterId").unwrap_or_default();
                Node {
                    role: text(member, "CurrentRole"),
                    zone: text(member, "PreferredAvailabilityZone"),
                    state: state(&id),
                    id,
                }
            };
            Shard {
                id: text(group, "NodeGroupId").unwrap_or_default(),
                state: text(group, "Status").unwrap_or_default(),
                slots: text(group, "Slots"),
                nodes: members.map(node).collect(),
            }
        })
        .collect();
    shards.sort_by(|one, other| one.id.cmp(&other.id));
    // Members that come or go stand in no shard for a while.
    let known: BTreeSet<String> = shards.iter().flat_map(|shard| &shard.nodes).map(|node| node.id.clone()).collect();
    let loose: Vec<Node> = view
        .member_ids()
        .filter(|id| !known.contains(*id))
        .map(|id| Node { id: id.to_owned(), role: None, zone: None, state: state(id) })
        .collect();
    if !loose.is_empty() {
        shards.push(Shard { id: String::new(), state: String::new(), slots: None, nodes: loose });
    }
    shards
}

fn pending(kind: Kind, view: &View<'_>) -> Vec<PendingValue> {
    let mut pending: Vec<PendingValue> = kind
        .attributes()
        .iter()
        .filter_map(|row| {
            // What waits may be what is there: an engine version names its engine.
            let value = row.accepted(view)?;
            let same = row.live(view, None).is_some_and(|live| row.field.shape.same(&value, &live));
            (!same).then(|| PendingValue::new(row.field.name, value))
        })
        .collect();
    let token = view.pending("AuthTokenStatus").cloned();
    pending.extend(token.map(|value| PendingValue::new("authToken", value)));
    pending.extend(reboot::pending(view));
    pending
}

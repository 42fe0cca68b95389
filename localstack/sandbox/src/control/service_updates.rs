//! Service updates: what AWS wants done to nodes, and how far it is.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::control::{events, paging};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

const DAY: f64 = 86_400.0;

/// An update in the catalogue, and the groups that it concerns.
#[derive(Debug, Clone)]
pub(crate) struct ServiceUpdate {
    name: String,
    kind: String,
    severity: String,
    /// `available`, `cancelled` or `expired`.
    status: String,
    released: f64,
    apply_by: f64,
    /// By replication group: `not-applied`, `complete`, …
    groups: BTreeMap<String, String>,
}

/// What the control door is told of an update.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Published {
    name: String,
    #[serde(rename = "type", default = "security")]
    kind: String,
    #[serde(default = "important")]
    severity: String,
    #[serde(default = "available")]
    status: String,
    #[serde(default = "not_applied")]
    action: String,
    groups: Vec<String>,
}

impl Published {
    /// A security update of this severity that nobody has applied yet.
    pub(crate) fn security(name: &str, severity: &str, groups: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            kind: security(),
            severity: severity.to_owned(),
            status: available(),
            action: not_applied(),
            groups: groups.iter().map(|id| (*id).to_owned()).collect(),
        }
    }
}

fn security() -> String {
    "security-update".into()
}

fn important() -> String {
    "important".into()
}

fn available() -> String {
    "available".into()
}

fn not_applied() -> String {
    "not-applied".into()
}

/// Time to apply by severity (AWS guide, self-service updates).
fn days(severity: &str) -> f64 {
    match severity {
        "critical" => 14.0,
        "important" => 30.0,
        "medium" => 60.0,
        _ => 90.0,
    }
}

pub(crate) fn publish(state: &mut State, published: Published) -> Result<(), Refusal> {
    let groups: Vec<String> = published.groups.iter().map(|id| id.to_ascii_lowercase()).collect();
    for id in &groups {
        let members: Vec<String> = state.group(id)?.members().map(|member| member.id.clone()).collect();
        for member in members {
            events::cluster(state, &member, format!("Service update is available for cache node {member}."));
        }
    }
    let released = state.now_seconds();
    state.service_updates.retain(|update| update.name != published.name);
    state.service_updates.push(ServiceUpdate {
        apply_by: released + days(&published.severity) * DAY,
        released,
        groups: groups.into_iter().map(|id| (id, published.action.clone())).collect(),
        name: published.name,
        kind: published.kind,
        severity: published.severity,
        status: published.status,
    });
    state.service_updates.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(())
}

fn wants(listed: &[String], value: &str) -> bool {
    listed.is_empty() || listed.iter().any(|wanted| wanted == value)
}

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let name = input.text("ServiceUpdateName");
    if let Some(name) = &name
        && !state.service_updates.iter().any(|update| update.name == *name)
    {
        return Err(Refusal::missing("ServiceUpdateNotFoundFault", format!("Service update {name} not found")));
    }
    let statuses = input.texts("ServiceUpdateStatus").unwrap_or_default();
    let found = state
        .service_updates
        .iter()
        .filter(|update| name.as_ref().is_none_or(|name| *name == update.name) && wants(&statuses, &update.status));
    let found = found.map(|update| (&update.name, update));
    let page = paging::page(input, state.settings.page_size, found, |update| {
        Record::new()
            .put("ServiceUpdateName", &update.name)
            .put("ServiceUpdateReleaseDate", Output::Time(update.released))
            .put("ServiceUpdateEndDate", Output::Time(update.apply_by + 365.0 * DAY))
            .put("ServiceUpdateSeverity", &update.severity)
            .put("ServiceUpdateRecommendedApplyByDate", Output::Time(update.apply_by))
            .put("ServiceUpdateStatus", &update.status)
            .put("ServiceUpdateDescription", format!("Service update {}", update.name))
            .put("ServiceUpdateType", &update.kind)
            .put("Engine", "redis")
            .put("EngineVersion", "redis 5.0.6 and onwards")
            .put("AutoUpdateAfterRecommendedApplyByDate", false)
            .put("EstimatedUpdateTime", "30 minutes per node")
            .into()
    })?;
    Ok(Record::new().put_some("Marker", page.next).list("ServiceUpdates", "ServiceUpdate", page.items).into())
}

/// One update for one group.
struct Action<'a> {
    update: &'a ServiceUpdate,
    group: &'a str,
    status: &'a str,
}

pub(crate) fn actions(state: &State, input: &Input) -> Result<Output, Refusal> {
    let lower = |member: &str| -> Vec<String> {
        input.texts(member).unwrap_or_default().iter().map(|id| id.to_ascii_lowercase()).collect()
    };
    let groups = lower("ReplicationGroupIds");
    for id in &groups {
        state.group(id)?;
    }
    let only_clusters = groups.is_empty() && !lower("CacheClusterIds").is_empty();
    let name = input.text("ServiceUpdateName");
    let statuses = input.texts("ServiceUpdateStatus").unwrap_or_default();
    let action_statuses = input.texts("UpdateActionStatus").unwrap_or_default();
    let found = state
        .service_updates
        .iter()
        .flat_map(|update| update.groups.iter().map(move |(group, status)| Action { update, group, status }))
        // Clusters outside a group have actions of their own; the sandbox has none of them.
        .filter(|_| !only_clusters)
        .filter(|action| state.groups.contains_key(action.group))
        .filter(|action| wants(&groups, action.group) && wants(&statuses, &action.update.status))
        .filter(|action| wants(&action_statuses, action.status))
        .filter(|action| name.as_ref().is_none_or(|name| *name == action.update.name))
        .map(|action| (format!("{} {}", action.update.name, action.group), action));
    let page = paging::page(input, state.settings.page_size, found, |action| render(state, &action))?;
    Ok(Record::new().put_some("Marker", page.next).list("UpdateActions", "UpdateAction", page.items).into())
}

fn render(state: &State, action: &Action<'_>) -> Output {
    let Action { update, group, status } = action;
    let nodes = state.groups.get(*group).map_or(0, |group| group.members().count());
    let done = if *status == "complete" { nodes } else { 0 };
    let sla = match *status {
        "complete" => "yes",
        _ if state.now_seconds() > update.apply_by => "no",
        _ => "n/a",
    };
    let engine = state.groups.get(*group).map_or("redis", |group| group.version.engine.name());
    Record::new()
        .put("ReplicationGroupId", *group)
        .put("ServiceUpdateName", &update.name)
        .put("ServiceUpdateReleaseDate", Output::Time(update.released))
        .put("ServiceUpdateSeverity", &update.severity)
        .put("ServiceUpdateStatus", &update.status)
        .put("ServiceUpdateRecommendedApplyByDate", Output::Time(update.apply_by))
        .put("ServiceUpdateType", &update.kind)
        .put("UpdateActionAvailableDate", Output::Time(update.released))
        .put("UpdateActionStatus", *status)
        .put("NodesUpdated", format!("{done}/{nodes}"))
        .put("UpdateActionStatusModifiedDate", Output::Time(update.released))
        .put("SlaMet", sla)
        .put("EstimatedUpdateTime", "30 minutes per node")
        .put("Engine", engine)
        .into()
}

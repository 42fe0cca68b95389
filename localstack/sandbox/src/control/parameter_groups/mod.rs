//! Parameter groups: a family's parameters with some values of one's own.

pub(crate) mod apply;
pub(crate) mod catalogue;
mod describe;
mod rows;

use std::collections::BTreeMap;

use crate::control::replication_groups::{ParameterStatus, rules};
use crate::control::{events, tags};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

pub(crate) use catalogue::Family;
pub(crate) use describe::{describe, describe_engine_defaults, describe_parameters};

/// AWS's default quota of parameter groups in a region.
const QUOTA: usize = 300;
/// ModifyCacheParameterGroup and Reset take at most this many (API model).
const PER_CALL: usize = 20;

#[derive(Debug, Clone)]
pub(crate) struct ParameterGroup {
    pub name: String,
    pub family: Family,
    pub description: String,
    /// What differs from the engine's defaults, by lower-case name.
    pub values: BTreeMap<String, String>,
    /// One of AWS's own (`default.valkey8`), which nobody can change.
    pub is_default: bool,
}

impl ParameterGroup {
    pub(crate) fn value(&self, parameter: &str) -> Option<String> {
        let row = self.family.row(parameter)?;
        let own = self.values.get(row.name).cloned();
        Some(own.unwrap_or_else(|| self.family.default_of(row).to_owned()))
    }

    pub(crate) fn is_clustered(&self) -> bool {
        self.value("cluster-enabled").as_deref() == Some("yes")
    }
}

pub(crate) fn install_defaults(state: &mut State) {
    for family in catalogue::FAMILIES {
        let mut add = |suffix: &str, values: &[(&str, &str)], description: String| {
            let name = format!("default.{}{suffix}", family.name);
            state.parameter_groups.insert(
                name.clone(),
                ParameterGroup {
                    name,
                    family: *family,
                    description,
                    values: values.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
                    is_default: true,
                },
            );
        };
        add("", &[], format!("Default parameter group for {}", family.name));
        if family.has_cluster_mode() {
            let text = format!("Customized default parameter group for {} with cluster mode on", family.name);
            add(".cluster.on", &[("cluster-enabled", "yes")], text);
        }
    }
}

/// The group AWS takes when none is named.
pub(crate) fn default_name(family: &str, clustered: bool) -> String {
    format!("default.{family}{}", if clustered { ".cluster.on" } else { "" })
}

pub(crate) fn require<'a>(state: &'a State, name: &str) -> Result<&'a ParameterGroup, Refusal> {
    state.parameter_groups.get(name).ok_or_else(|| not_found(name))
}

fn not_found(name: &str) -> Refusal {
    Refusal::missing("CacheParameterGroupNotFound", format!("CacheParameterGroup {name} not found."))
}

/// Groups that use it or wait to use it.
pub(crate) fn users_of<'a>(state: &'a State, name: &'a str) -> impl Iterator<Item = &'a String> {
    state
        .groups
        .values()
        .filter(move |group| group.parameter_group == name || group.pending().parameter_group.as_deref() == Some(name))
        .map(|group| &group.id)
}

pub(crate) fn create(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("CacheParameterGroupName")?;
    let family = input.required("CacheParameterGroupFamily")?;
    let description = input.required("Description")?;
    let legal = name.len() <= 255
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.contains("--")
        && !name.ends_with('-');
    if !legal {
        return Err(Refusal::invalid_value(format!(
            "The parameter CacheParameterGroupName is not a valid identifier. Identifiers must begin \
             with a letter; must contain only ASCII letters, digits, and hyphens; and must not end \
             with a hyphen or contain two consecutive hyphens: {name}"
        )));
    }
    let Some(family) = catalogue::find(&family) else {
        return Err(Refusal::invalid_value(format!(
            "CacheParameterGroupFamily {family} is not a valid parameter group family."
        )));
    };
    let tags = tags::read(input)?;
    if state.parameter_groups.contains_key(&name) {
        return Err(Refusal::bad(
            "CacheParameterGroupAlreadyExists",
            format!("CacheParameterGroup {name} already exists."),
        ));
    }
    if state.parameter_groups.values().filter(|group| !group.is_default).count() >= QUOTA {
        return Err(Refusal::bad(
            "CacheParameterGroupQuotaExceeded",
            format!("Cannot create more than {QUOTA} cache parameter groups."),
        ));
    }
    tags::put(state, &state.settings.arn("parametergroup", &name), tags);
    let group = ParameterGroup { name: name.clone(), family, description, values: BTreeMap::new(), is_default: false };
    let answer = Record::new().put("CacheParameterGroup", describe::render(state, &group));
    state.parameter_groups.insert(name, group);
    Ok(answer.into())
}

fn editable<'a>(state: &'a State, name: &str) -> Result<&'a ParameterGroup, Refusal> {
    let group = require(state, name)?;
    if group.is_default {
        return Err(Refusal::invalid_value(format!(
            "The parameter CacheParameterGroupName is invalid: default cache parameter group {name} can not be modified."
        )));
    }
    let mut users = users_of(state, name).filter_map(|id| state.groups.get(id));
    // The text is what the Terraform provider waits 30 seconds for.
    if users.any(|group| group.members().any(|member| member.parameters == ParameterStatus::Applying)) {
        return Err(Refusal::bad(
            "InvalidCacheParameterGroupState",
            format!("Parameter group {name} has pending changes."),
        ));
    }
    Ok(group)
}

fn pairs(input: &Input) -> Result<Vec<(String, Option<String>)>, Refusal> {
    let items = input.list("ParameterNameValues").unwrap_or_default();
    if items.len() > PER_CALL {
        return Err(Refusal::invalid_value(format!(
            "The maximum number of parameters that can be modified in one request is {PER_CALL}."
        )));
    }
    items
        .into_iter()
        .map(|item| {
            let name = item.required_id("ParameterName")?;
            Ok((name, item.text("ParameterValue")))
        })
        .collect()
}

/// What a cluster has from its creation on, so that it is fixed once one uses the group (cloudposse issue 212 for
/// `cluster-enabled`; AWS guide, ParameterGroups.Engine, for `cluster-databases`).
const AT_CREATION: [&str; 2] = ["cluster-enabled", "cluster-databases"];

fn checked_row(state: &State, group: &ParameterGroup, name: &str) -> Result<&'static catalogue::Row, Refusal> {
    let row = group.family.row(name).ok_or_else(|| {
        Refusal::invalid_value(format!("The parameter {name} doesn't exist for family {}", group.family.name))
    })?;
    let frozen = AT_CREATION.contains(&row.name) && users_of(state, &group.name).next().is_some();
    if !row.modifiable || frozen {
        return Err(Refusal::invalid_value(format!("The parameter {} cannot be modified.", row.name)));
    }
    Ok(row)
}

pub(crate) fn modify(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("CacheParameterGroupName")?;
    let group = editable(state, &name)?;
    let wanted = pairs(input)?;
    if wanted.is_empty() {
        return Err(Refusal::invalid_value(
            "The parameter ParameterNameValues must be provided and must not be blank.",
        ));
    }
    let mut values = group.values.clone();
    for (parameter, value) in wanted {
        let row = checked_row(state, group, &parameter)?;
        let value = value.unwrap_or_default();
        if !row.allows(&value) {
            return Err(Refusal::invalid_value(format!(
                "The parameter value {value} is invalid for parameter {}. Allowed values: {}",
                row.name, row.allowed
            )));
        }
        if row.name == "maxmemory-policy" {
            for user in users_of(state, &name).filter_map(|id| state.groups.get(id)) {
                rules::tiering_takes(&user.node_type, &value)?;
            }
        }
        if row.name == "reserved-memory-percent" {
            // The two exclude each other: TF removes reserved-memory by way of its percentage.
            values.remove("reserved-memory");
        }
        values.insert(row.name.to_owned(), value);
    }
    write(state, &name, values);
    Ok(Record::new().put("CacheParameterGroupName", name).into())
}

pub(crate) fn reset(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("CacheParameterGroupName")?;
    let group = editable(state, &name)?;
    let wanted = pairs(input)?;
    let everything = input.bool("ResetAllParameters")?.unwrap_or(false);
    if everything != wanted.is_empty() {
        return Err(Refusal::invalid_combination(
            "Either ResetAllParameters or ParameterNameValues must be specified, and not both.",
        ));
    }
    let mut values = group.values.clone();
    if everything {
        let used = users_of(state, &name).next().is_some();
        values.retain(|parameter, _| used && AT_CREATION.contains(&parameter.as_str()));
    }
    for (parameter, _) in wanted {
        // TF: a direct reset of this one is refused although Describe lists it.
        if parameter == "reserved-memory" {
            return Err(Refusal::invalid_value("Parameter reserved-memory doesn't exist"));
        }
        values.remove(checked_row(state, group, &parameter)?.name);
    }
    write(state, &name, values);
    Ok(Record::new().put("CacheParameterGroupName", name).into())
}

fn write(state: &mut State, name: &str, values: BTreeMap<String, String>) {
    let Some(group) = state.parameter_groups.get_mut(name) else {
        return;
    };
    let before = std::mem::replace(&mut group.values, values);
    let family = group.family;
    let changed: Vec<&catalogue::Row> =
        family.rows().filter(|row| before.get(row.name) != group.values.get(row.name)).collect();
    let reboot = changed.iter().any(|row| row.reboot);
    let something = !changed.is_empty();
    events::record(state, "cache-parameter-group", name, format!("Updated parameters of cache parameter group {name}"));
    if something {
        apply::start(state, name, reboot);
    }
}

pub(crate) fn delete(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    let name = input.required_id("CacheParameterGroupName")?;
    let group = require(state, &name)?;
    if group.is_default {
        return Err(Refusal::invalid_value("Default CacheParameterGroups can not be deleted"));
    }
    if users_of(state, &name).next().is_some() {
        // cloudposse issue 178.
        return Err(Refusal::bad(
            "InvalidCacheParameterGroupState",
            format!(
                "One or more cache clusters are still members of this parameter group {name}, so the group cannot be deleted."
            ),
        ));
    }
    state.parameter_groups.remove(&name);
    tags::forget(state, &state.settings.arn("parametergroup", &name));
    Ok(None)
}

//! The three Describe calls about parameters.

use super::catalogue::{self, Family, Row};
use super::{ParameterGroup, not_found, require};
use crate::control::{node_types, paging};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

pub(super) fn render(state: &State, group: &ParameterGroup) -> Output {
    Record::new()
        .put("CacheParameterGroupName", &group.name)
        .put("CacheParameterGroupFamily", group.family.name)
        .put("Description", &group.description)
        .put("IsGlobal", false)
        .put("ARN", state.settings.arn("parametergroup", &group.name))
        .into()
}

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let name = input.id("CacheParameterGroupName");
    if let Some(name) = &name
        && !state.parameter_groups.contains_key(name)
    {
        return Err(not_found(name));
    }
    let found = state.parameter_groups.iter().filter(|(key, _)| name.as_ref().is_none_or(|name| name == *key));
    let page = paging::page(input, state.settings.page_size, found, |group| render(state, group))?;
    Ok(Record::new()
        .put_some("Marker", page.next)
        .list("CacheParameterGroups", "CacheParameterGroup", page.items)
        .into())
}

pub(crate) fn describe_parameters(state: &State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required_id("CacheParameterGroupName")?;
    let group = require(state, &name)?;
    let source = input.text("Source");
    if let Some(source) = &source
        && !["user", "system", "engine-default"].contains(&source.as_str())
    {
        return Err(Refusal::invalid_value(format!(
            "Invalid value {source} for Source. Valid values: user, system, engine-default"
        )));
    }
    let rows = group.family.rows().filter_map(|row| {
        let own = group.values.get(row.name);
        let from = if own.is_some() && !group.is_default { "user" } else { "system" };
        let wanted = source.as_deref().is_none_or(|source| source == from);
        wanted.then_some((row.name, (row, own, from)))
    });
    let family = group.family;
    let page = paging::page(input, state.settings.page_size, rows, |(row, own, from)| {
        parameter(family, row, own.map(String::as_str), from)
    })?;
    let node_specific = if source.as_deref() == Some("user") { Vec::new() } else { by_node_type(family) };
    Ok(Record::new()
        .put_some("Marker", page.next)
        .list("Parameters", "Parameter", page.items)
        .list("CacheNodeTypeSpecificParameters", "CacheNodeTypeSpecificParameter", node_specific)
        .into())
}

pub(crate) fn describe_engine_defaults(state: &State, input: &Input) -> Result<Output, Refusal> {
    let name = input.required("CacheParameterGroupFamily")?;
    let Some(family) = catalogue::find(&name) else {
        return Err(Refusal::invalid_value(format!(
            "CacheParameterGroupFamily {name} is not a valid parameter group family."
        )));
    };
    let rows = family.rows().map(|row| (row.name, row));
    let page = paging::page(input, state.settings.page_size, rows, |row| parameter(family, row, None, "system"))?;
    let defaults = Record::new()
        .put("CacheParameterGroupFamily", family.name)
        .put_some("Marker", page.next)
        .list("Parameters", "Parameter", page.items)
        .list("CacheNodeTypeSpecificParameters", "CacheNodeTypeSpecificParameter", by_node_type(family));
    Ok(Record::new().put("EngineDefaults", defaults).into())
}

/// A parameter whose value is empty (`notify-keyspace-events`) comes without ParameterValue.
fn parameter(family: Family, row: &Row, own: Option<&str>, source: &str) -> Output {
    let value = own.unwrap_or_else(|| family.default_of(row));
    Record::new()
        .put("ParameterName", row.name)
        .put_some("ParameterValue", (!value.is_empty()).then_some(value))
        .put("Description", row.description)
        .put("Source", source)
        .put("DataType", if row.integer { "integer" } else { "string" })
        .put_some("AllowedValues", (!row.allowed.is_empty()).then_some(row.allowed))
        .put("IsModifiable", row.modifiable)
        .put("MinimumEngineVersion", family.minimum_version())
        .put("ChangeType", if row.reboot { "requires-reboot" } else { "immediate" })
        .into()
}

/// `maxmemory` differs by node type and cannot be changed.
fn by_node_type(family: Family) -> Vec<Output> {
    if !family.has_cluster_mode() {
        return Vec::new();
    }
    let values =
        node_types::all().map(|(name, bytes)| Record::new().put("CacheNodeType", name).put("Value", bytes.to_string()));
    let row = Record::new()
        .put("ParameterName", "maxmemory")
        .put("Description", "The maximum configurable amount of memory to use to store items, in bytes.")
        .put("Source", "system")
        .put("DataType", "integer")
        .put("AllowedValues", "1-")
        .put("IsModifiable", false)
        .put("MinimumEngineVersion", family.minimum_version())
        .list("CacheNodeTypeSpecificValues", "CacheNodeTypeSpecificValue", values)
        .put("ChangeType", "immediate");
    vec![row.into()]
}

//! What is on offer: engine versions, node types.

use crate::control::engine::{Engine, OFFERED, Version};
use crate::control::{clusters, node_types, paging};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let engine = input.text("Engine");
    let version = input.text("EngineVersion");
    let family = input.text("CacheParameterGroupFamily");
    let default_only = input.bool("DefaultOnly")?.unwrap_or(false);
    let found = OFFERED.iter().enumerate().filter(|(_, offered)| {
        engine.as_deref().is_none_or(|name| offered.engine.name().eq_ignore_ascii_case(name))
            && version.as_deref().is_none_or(|text| offered.offered_name() == text)
            && family.as_deref().is_none_or(|name| offered.family() == name)
            && (!default_only || Version::latest(offered.engine) == **offered)
    });
    let found = found.map(|(index, offered)| (format!("{index:03}"), offered));
    let page = paging::page(input, state.settings.page_size, found, |offered| {
        let title = match offered.engine {
            Engine::Redis => "Redis",
            Engine::Valkey => "Valkey",
            Engine::Memcached => "memcached",
        };
        Record::new()
            .put("Engine", offered.engine.name())
            .put("EngineVersion", offered.offered_name())
            .put("CacheParameterGroupFamily", offered.family())
            .put("CacheEngineDescription", title)
            .put("CacheEngineVersionDescription", format!("{} version {}", offered.engine.name(), offered.full()))
            .into()
    })?;
    Ok(Record::new().put_some("Marker", page.next).list("CacheEngineVersions", "CacheEngineVersion", page.items).into())
}

pub(crate) fn allowed_node_types(state: &State, input: &Input) -> Result<Output, Refusal> {
    let group = match (input.id("ReplicationGroupId"), input.id("CacheClusterId")) {
        (Some(id), None) => state.group(&id)?,
        (None, Some(id)) => clusters::find(state, &id).ok_or_else(|| clusters::not_found(&id))?.0,
        _ => {
            return Err(Refusal::invalid_combination(
                "Exactly one of CacheClusterId and ReplicationGroupId must be specified.",
            ));
        }
    };
    let (up, down) = node_types::allowed_modifications(&group.node_type, group.version);
    Ok(Record::new().list("ScaleUpModifications", "member", up).list("ScaleDownModifications", "member", down).into())
}

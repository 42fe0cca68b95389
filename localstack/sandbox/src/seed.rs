//! Many groups at once, for trying how tools scale.

use std::collections::BTreeMap;

use crate::control::replication_groups::{self, create};
use crate::life::Job;
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;

pub(crate) fn is_seeded(group: &str) -> bool {
    group.starts_with("seed-")
}

/// Makes `count` available groups `seed-0001`, `seed-0002`… of two nodes, through the same checks as
/// CreateReplicationGroup but without the wait and without real servers.
pub(crate) fn groups(state: &mut State, count: usize, tags: &BTreeMap<String, String>) -> Result<usize, Refusal> {
    let text = |value: &str| Input::Text(value.to_owned());
    let tags: Vec<Input> = tags
        .iter()
        .map(|(key, value)| Input::Map([("Key".into(), text(key)), ("Value".into(), text(value))].into()))
        .collect();
    let first = state.groups.keys().filter(|id| is_seeded(id)).count();
    for number in first + 1..=first + count {
        let id = format!("seed-{number:04}");
        let input = Input::Map(
            [
                ("ReplicationGroupId", text(&id)),
                ("ReplicationGroupDescription", text("seeded")),
                ("Engine", text("valkey")),
                ("EngineVersion", text("8.0")),
                ("CacheNodeType", text("cache.t4g.small")),
                ("NumCacheClusters", Input::Int(2)),
                ("AutomaticFailoverEnabled", Input::Bool(true)),
                ("Tags", Input::List(tags.clone())),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        );
        create::create(state, &input)?;
        let own = |job: &Job| matches!(job, Job::GroupCreated(group) | Job::MembersSettled(group) if *group == id);
        state.timetable.cancel(own);
        create::finish(state, &id);
        state.timetable.cancel(own);
        replication_groups::settle_members(state, &id);
        state.touched.remove(&id);
    }
    Ok(count)
}

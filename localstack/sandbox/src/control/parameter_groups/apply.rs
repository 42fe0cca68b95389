//! How a parameter group's values reach the members that use it.

use crate::control::events;
use crate::control::replication_groups::ParameterStatus;
use crate::life::{Job, durations};
use crate::state::State;

/// Every group that uses it is `modifying` for a moment and its members are `applying`.
pub(crate) fn start(state: &mut State, name: &str, reboot: bool) {
    let users: Vec<String> = super::users_of(state, name).cloned().collect();
    for id in users {
        state.edit_group(&id, |group| {
            if group.status != "available" {
                return;
            }
            group.status = "modifying";
            for member in group.members_mut() {
                // A reboot that is already due stays due.
                member.parameters = if reboot || member.parameters == ParameterStatus::PendingReboot {
                    ParameterStatus::PendingReboot
                } else {
                    ParameterStatus::Applying
                };
            }
        });
        state.later(durations::PARAMETERS, Job::ParametersApplied(id));
    }
}

pub(crate) fn finish(state: &mut State, id: &str) {
    state.edit_group(id, |group| {
        for member in group.members_mut() {
            if member.parameters == ParameterStatus::Applying {
                member.parameters = ParameterStatus::InSync;
            }
        }
    });
    state.touched.insert(id.to_owned());
    state.later(0.0, Job::GroupAvailable(id.to_owned()));
    events::group(state, id, "Finished applying parameter group changes");
}

/// Whether changing to another parameter group leaves members waiting for a reboot.
pub(crate) fn needs_reboot(state: &State, id: &str, new: &str) -> bool {
    let Some(group) = state.groups.get(id) else {
        return false;
    };
    let (Some(old), Some(new)) = (state.parameter_groups.get(&group.parameter_group), state.parameter_groups.get(new))
    else {
        return false;
    };
    new.family
        .rows()
        .filter(|row| row.reboot && !super::AT_CREATION.contains(&row.name))
        .any(|row| old.value(row.name).is_some() && old.value(row.name) != new.value(row.name))
}

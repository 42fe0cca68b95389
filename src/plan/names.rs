//! Metric, composite and log alarms share their names: what would write one alarm in two ways is seen before.

use super::Planned;
use super::whole::From;
use crate::model::plan::Action;
use crate::model::{Address, Kind, Live};
use crate::resource::alarm::Alarms;
use crate::resource::alarm_names::{giver, shared};

const HINT: &str = "metric, composite and log alarms share their names: give one of them another";

/// Blocks alarms that two entries of the spec would give one name, and those whose name an alarm of another type has.
pub(super) fn collisions(from: From<'_>, wanted: &Alarms, to_come: &Alarms, planned: &mut [Planned]) {
    let From { spec, live, options } = from;
    if options.destroy {
        return;
    }
    let all = || wanted.named.iter().chain(to_come.named.iter().filter(|alarm| alarm.cache.is_some()));
    for (name, entries) in &shared(spec, all()) {
        let givers = entries.iter().map(|entry| giver(entry)).collect::<Vec<_>>().join(" and of ");
        let reason = format!("the name {name} is that of {givers}");
        let cache = all().find(|alarm| alarm.name == *name).and_then(|alarm| alarm.cache.as_ref());
        let stand_for = cache.map(|cache| Address::alarms_of(&cache.id));
        let is_it =
            |address: &Address| (address.kind.is_alarm() && address.id == *name) || Some(address) == stand_for.as_ref();
        block(planned, is_it, &reason);
    }
    of_another_type(live, planned);
}

/// Blocks alarms that are to be made under the name of an alarm of another type.
pub(super) fn of_another_type(live: &Live, planned: &mut [Planned]) {
    for one in planned.iter_mut().filter(|planned| planned.action == Action::Create) {
        if let Some(other) = holder_of_another_type(live, &one.draft.address) {
            one.draft.blocks("alarm-names", format!("a {other} of that name exists"), HINT);
        }
    }
}

/// What else has the name of an alarm that is not there: the type of the alarm that does, in words.
pub fn holder_of_another_type(live: &Live, address: &Address) -> Option<&'static str> {
    let name = &address.id;
    let is_metric = || live.of(Kind::Alarm).contains_key(name) || live.alarms_elsewhere.contains(name);
    match address.kind {
        Kind::Alarm | Kind::CompositeAlarm if live.log_alarms.contains(name) => Some("log alarm"),
        Kind::Alarm if live.of(Kind::CompositeAlarm).contains_key(name) => Some("composite alarm"),
        Kind::CompositeAlarm if is_metric() => Some("metric alarm"),
        _ => None,
    }
}

fn block(planned: &mut [Planned], is_it: impl Fn(&Address) -> bool, reason: &str) {
    for one in planned.iter_mut().filter(|planned| is_it(&planned.draft.address)) {
        one.draft.blocks("alarm-names", reason, HINT);
    }
}

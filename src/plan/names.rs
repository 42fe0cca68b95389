//! Metric alarms and composite alarms share their names: what would write one alarm in two ways is seen before.

use super::Planned;
use super::whole::From;
use crate::model::{Address, Kind};
use crate::resource::alarm::Alarms;
use crate::resource::alarm_names::{giver, shared};

const HINT: &str = "metric alarms and composite alarms share their names: give one of them another";

/// Blocks alarms that two entries of the spec would give one name, and those whose name an alarm of the other type has.
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
    let existing = live.of(Kind::CompositeAlarm);
    let twins = all().filter(|alarm| existing.contains_key(&alarm.name));
    let twins: Vec<Address> = twins.map(|alarm| alarm.address()).collect();
    let composites = spec.of(Kind::CompositeAlarm).map(|composite| &composite.address);
    let is_metric = |address: &&Address| {
        live.of(Kind::Alarm).contains_key(&address.id) || live.alarms_elsewhere.contains(&address.id)
    };
    let composites: Vec<Address> = composites.filter(is_metric).cloned().collect();
    for (addresses, other) in [(twins, "composite alarm"), (composites, "metric alarm")] {
        for address in addresses.iter().filter(|address| live.get(address).is_none()) {
            block(planned, |one| one == address, &format!("a {other} of that name exists"));
        }
    }
}

fn block(planned: &mut [Planned], is_it: impl Fn(&Address) -> bool, reason: &str) {
    for one in planned.iter_mut().filter(|planned| is_it(&planned.draft.address)) {
        one.draft.blocks("alarm-names", reason, HINT);
    }
}

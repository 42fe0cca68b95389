//! Which resources an import names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Refused;
use crate::model::live::Live;
use crate::model::{Address, Kind, Selection};
use crate::resource::alarm;
use crate::resource::composite_alarm::children;

const NAMESPACE: &str = "AWS/ElastiCache";

impl Selection {
    /// An address that is none is a slip.
    pub fn check(&self) -> Result<(), Refused> {
        for glob in &self.globs {
            let parsed = if glob.0.contains('*') {
                Kind::ALL.into_iter().any(|kind| glob.may_be(kind)).then_some(()).ok_or_else(|| {
                    let kinds = Kind::ALL.map(Kind::name).join(", ");
                    format!("`{}` cannot match any address: an address is KIND/ID, and kinds are {kinds}", glob.0)
                })
            } else {
                glob.0.parse::<Address>().map(drop)
            };
            parsed.map_err(|why| Refused::new(why, "such as replicationGroup/prod-cache; `*` matches anything"))?;
        }
        match self.exact().find(Address::is_aws_own) {
            Some(address) => Err(Refused::new(
                format!("{address} is AWS's own, and is not managed"),
                "what uses it names it; leave it out here",
            )),
            None => Ok(()),
        }
    }

    /// The live resources that are meant. An address that there is none of is a slip; of several patterns one
    /// may match nothing, which is noted.
    pub(super) fn chosen(&self, live: &Live, notes: &mut Vec<String>) -> Result<BTreeSet<Address>, Refused> {
        let known: Vec<Address> =
            Kind::ALL.into_iter().flat_map(|kind| live.of(kind).keys().map(move |id| Address::new(kind, id))).collect();
        let mut chosen = BTreeSet::new();
        let mut idle = Vec::new();
        if self.all {
            chosen.extend(known.iter().filter(|address| is_of_elasticache(live, address)).cloned());
        }
        for glob in &self.globs {
            let matching: Vec<&Address> = known.iter().filter(|address| glob.matches(address)).collect();
            if matching.is_empty() {
                let said = format!("{} matches nothing in account {}, {}", glob.0, live.account_id, live.region);
                if let Some(address) = self.exact().find(|address| glob.matches(address) && is_log_alarm(live, address))
                {
                    return Err(Refused::new(
                        format!("{address} is a log alarm, which no spec of cachectl's can have"),
                        "leave it out here; metric alarms and composite alarms can be imported",
                    ));
                }
                if !glob.0.contains('*') {
                    return Err(nothing(said));
                }
                idle.push(said);
            }
            chosen.extend(matching.into_iter().cloned());
        }
        if let Some(said) = idle.first().filter(|_| chosen.is_empty()) {
            return Err(nothing(said.clone()));
        }
        notes.extend(idle);
        chosen.retain(|address| !address.is_aws_own());
        if chosen.is_empty() {
            return Err(Refused::new(
                format!("there is nothing to import in account {}, {}", live.account_id, live.region),
                "another --region or --profile?",
            ));
        }
        Ok(chosen)
    }
}

fn is_log_alarm(live: &Live, address: &Address) -> bool {
    address.kind.is_alarm() && live.log_alarms.contains(&address.id)
}

fn nothing(said: String) -> Refused {
    Refused::new(said, "another --region or --profile? an address is KIND/ID; `*` matches anything")
}

/// Of all alarms of an account, those on ElastiCache's metrics, and those that a stack owns.
fn is_of_elasticache(live: &Live, address: &Address) -> bool {
    if !address.kind.is_alarm() {
        return true;
    }
    if let Some(composite) = live.get(address).filter(|_| address.kind == Kind::CompositeAlarm) {
        let names_one = |name: &String| is_of_elasticache(live, &Address::new(Kind::Alarm, name));
        return alarm::stack_of(composite).is_some() || children(composite).iter().any(names_one);
    }
    let Some(alarm) = live.of(Kind::Alarm).get(&address.id) else { return false };
    let named = |value: Option<&Value>| value.and_then(Value::as_str) == Some(NAMESPACE);
    let queries = alarm.get("Metrics").and_then(Value::as_array).into_iter().flatten();
    named(alarm.get("Namespace"))
        || queries.into_iter().any(|query| named(query.pointer("/MetricStat/Metric/Namespace")))
        || alarm::stack_of(alarm).is_some()
}

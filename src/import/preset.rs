//! The alarms of a cache as the preset that they came from, where they are its: a few lines in place of
//! one alarm for each node and metric, and they follow the topology.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::model::live::Live;
use crate::model::{Address, Kind, Locations, Resource, Spec};
use crate::resource::alarm::{self, Alarm};
use crate::resource::alarm_preset::PRESETS;
use crate::resource::alarm_whole::differences;

const ACTIONS: [&str; 3] = ["alarmActions", "okActions", "insufficientDataActions"];
/// What `override` can say of an alarm.
const OVERRIDES: [&str; 6] =
    ["threshold", "period", "evaluationPeriods", "datapointsToAlarm", "statistic", "treatMissingData"];

/// The `alarms` field of a cache, and the alarms that it stands for.
pub(super) fn of(
    live: &Live,
    cache: &Address,
    fields: &Map<String, Value>,
    chosen: &BTreeSet<Address>,
) -> Option<(Value, Vec<Address>)> {
    PRESETS.into_iter().find_map(|preset| named(live, cache, fields, chosen, preset))
}

/// The same, as this preset.
fn named(
    live: &Live,
    cache: &Address,
    fields: &Map<String, Value>,
    chosen: &BTreeSet<Address>,
    preset: &str,
) -> Option<(Value, Vec<Address>)> {
    let plain = json!({"preset": preset});
    let base = expanded(live, cache, fields, &plain);
    let mut preset = plain;
    let mut by_metric: BTreeMap<&str, Vec<&Alarm>> = BTreeMap::new();
    for alarm in &base {
        by_metric.entry(alarm.fields.get("metricName")?.as_str()?).or_default().push(alarm);
    }
    let mut overrides = Map::new();
    let mut present = 0;
    for (metric, alarms) in &by_metric {
        let found: Vec<&&Alarm> =
            alarms.iter().filter(|alarm| chosen.contains(&Address::new(Kind::Alarm, &alarm.name))).collect();
        if found.is_empty() {
            overrides.insert((*metric).to_owned(), json!("none"));
            continue;
        }
        present += 1;
        // The first node's alarm tells; whether the others are like it shows at the end.
        let first = live.view(&Address::new(Kind::Alarm, &found.first()?.name))?;
        let mut changed = Map::new();
        for (name, live, _) in differences(Kind::Alarm, &found.first()?.fields, &first) {
            if !OVERRIDES.contains(&name) {
                return None;
            }
            changed.insert(name.to_owned(), live?);
        }
        if !changed.is_empty() {
            overrides.insert((*metric).to_owned(), Value::Object(changed));
        }
        for name in ACTIONS {
            let row = Kind::Alarm.attributes().iter().find(|row| row.field.name == name)?;
            if let Some(actions) = row.imported(&first) {
                preset[name] = actions;
            }
        }
    }
    if present * 2 <= by_metric.len() {
        // Somebody's own alarms that happen to have these names.
        return None;
    }
    if !overrides.is_empty() {
        preset["override"] = Value::Object(overrides);
    }
    let meant = expanded(live, cache, fields, &preset);
    let addresses: Vec<Address> = meant.iter().map(|alarm| Address::new(Kind::Alarm, &alarm.name)).collect();
    let is_live = |alarm: &Alarm, address: &Address| {
        chosen.contains(address)
            && live.view(address).is_some_and(|view| {
                let declares = |name: &str| alarm.fields.contains_key(name);
                // What the preset does not say and somebody set would be lost from sight.
                let silent = ACTIONS.into_iter().filter(|name| !declares(name)).all(|name| {
                    let row = Kind::Alarm.attributes().iter().find(|row| row.field.name == name);
                    row.is_none_or(|row| row.imported(&view).is_none())
                });
                silent
                    && view.own("Unit").is_none()
                    && view.own("ActionsEnabled") != Some(&json!(false))
                    && differences(Kind::Alarm, &alarm.fields, &view).is_empty()
            })
    };
    meant.iter().zip(&addresses).all(|(alarm, address)| is_live(alarm, address)).then_some((preset, addresses))
}

/// Every alarm that a cache with this preset has, node by node.
fn expanded(live: &Live, cache: &Address, fields: &Map<String, Value>, preset: &Value) -> Vec<Alarm> {
    let mut fields = fields.clone();
    fields.insert("alarms".to_owned(), preset.clone());
    let resource = Resource { address: cache.clone(), fields, path: String::new() };
    let spec = Spec {
        stack: String::new(),
        region: live.region.clone(),
        account_id: None,
        environment: None,
        tags: Map::new(),
        policy: Map::new(),
        aws: Map::new(),
        resources: [(cache.clone(), resource)].into(),
        locations: Locations::default(),
        digest: String::new(),
    };
    alarm::wanted(&spec, live).named
}

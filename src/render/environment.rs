//! Values from the environment in a plan: they are used, and not shown. What may be shown is where they came from.

use serde_json::Value;

use crate::model::locations::Hidden;
use crate::model::plan::Plan;
use crate::model::step::Work;
use crate::model::{Address, Spec};

/// The plan as it may be shown and saved. The one that is carried out keeps the values.
pub fn hidden(plan: &Plan, spec: &Spec) -> Plan {
    let all: Vec<(&str, &Hidden)> = spec.locations.hidden().filter(|(path, _)| !is_known_anyway(path)).collect();
    let mut plan = plan.clone();
    if all.is_empty() {
        return plan;
    }
    let of = |address: &Address| {
        let own = spec.resources.get(address).map(|resource| format!("{}.", resource.path));
        move |path: &str| own.as_ref().is_some_and(|own| path.starts_with(own))
    };
    for change in &mut plan.changes {
        let is_own = of(&change.address);
        for attribute in &mut change.attributes {
            let hides = conceal(&mut attribute.after, &all, &is_own) | conceal(&mut attribute.before, &all, &is_own);
            attribute.sensitive |= hides;
        }
        for pending in &mut change.pending {
            conceal(&mut pending.value, &all, &is_own);
        }
    }
    for step in &mut plan.steps {
        let is_own = of(&step.address);
        if let Work::Call(call) = &mut step.work {
            for value in call.parameters.values_mut() {
                conceal(value, &all, &is_own);
            }
        }
    }
    plan
}

/// Whose stack this is, in which account and region, is told by AWS and has to be told to people.
fn is_known_anyway(path: &str) -> bool {
    matches!(path, "stack" | "region" | "accountId") || path.starts_with("aws.")
}

/// Puts the place in place of the value, and says whether it did. Text is told by being the same, wherever it was
/// carried; a number or a flag only on the resource that declares it, since many others have the same.
fn conceal(value: &mut Value, all: &[(&str, &Hidden)], is_own: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().fold(false, |hid, item| conceal(item, all, is_own) | hid),
        Value::Object(map) => map.values_mut().fold(false, |hid, item| conceal(item, all, is_own) | hid),
        Value::Null => false,
        Value::String(text) => {
            // An alarm's description ends in whose it is.
            let plain = text.split(" [cachectl:stack=").next().unwrap_or(text);
            let found = all.iter().find(|(_, hidden)| hidden.value == *text || hidden.value == plain);
            replace(value, found)
        }
        Value::Bool(_) | Value::Number(_) => {
            let text = value.to_string();
            let found = all.iter().find(|(path, hidden)| is_own(path) && is_same_number(&hidden.value, &text));
            replace(value, found)
        }
    }
}

fn is_same_number(one: &str, other: &str) -> bool {
    one == other || matches!((one.parse::<f64>(), other.parse::<f64>()), (Ok(one), Ok(other)) if one == other)
}

fn replace(value: &mut Value, found: Option<&(&str, &Hidden)>) -> bool {
    if let Some((_, hidden)) = found {
        *value = Value::from(hidden.shown.as_str());
    }
    found.is_some()
}

/// Is it what is shown in place of a value from the environment?
pub fn is_place(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("(from env "))
}

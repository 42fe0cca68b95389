//! Names within a resource's settings that would match nothing.

use serde_json::Value;

use super::{CACHES, Check, Rule, finder::Finder};
use crate::model::attribute::Route;
use crate::model::suggest::{either, suggest};
use crate::model::{Kind, Resource};
use crate::resource::alarm_preset;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "ignored-attribute", check: Check::Resource(&Kind::ALL, ignored),
        why: "What lifecycle.ignore names is an attribute of the resource, or a tag as `tags.KEY`. Any other name ignores nothing.",
        source: "the spec's own format: cachectl schema" },
    Rule { code: "alarm-metric", check: Check::Resource(CACHES, overridden),
        why: "alarms.override goes by the metrics of the preset. Under any other name it changes nothing.",
        source: "docs/spec.md: the recommended alarms" },
];

fn ignored(finder: &mut Finder<'_>, resource: &Resource) {
    let kind = resource.address.kind;
    let known: Vec<&str> = kind
        .attributes()
        .iter()
        .filter(|attribute| !matches!(attribute.route, Route::Local))
        .map(|attribute| attribute.field.name)
        .collect();
    let names = resource.fields.get("lifecycle").and_then(|lifecycle| lifecycle.get("ignore")?.as_array());
    for (index, name) in names.into_iter().flatten().filter_map(Value::as_str).enumerate() {
        if known.contains(&name) || name.strip_prefix("tags.").is_some_and(|key| !key.is_empty()) {
            continue;
        }
        let message = format!("`{name}` is no attribute of a {}", kind.name());
        let help = meant(name, &known).unwrap_or_else(|| "an attribute's name, or `tags.KEY`".to_owned());
        finder.error(resource, &[(&format!("lifecycle.ignore[{index}]"), "names nothing")], message, help);
    }
}

fn overridden(finder: &mut Finder<'_>, cache: &Resource) {
    let overrides = cache.fields.get("alarms").and_then(|alarms| alarms.get("override")?.as_object());
    let preset = cache.fields.get("alarms").and_then(|alarms| alarms.get("preset")?.as_str()).unwrap_or_default();
    let known = alarm_preset::metrics_of(cache.address.kind, preset);
    for metric in overrides.into_iter().flat_map(|overrides| overrides.keys()) {
        if !known.contains(&metric.as_str()) {
            let message = format!("the preset has no alarm on `{metric}`");
            let help = meant(metric, known).unwrap_or_else(|| either(known));
            finder.key_error(&cache.path, &format!("alarms.override.{metric}"), "names no alarm", message, &help);
        }
    }
}

fn meant(name: &str, known: &[&str]) -> Option<String> {
    suggest(name, known.iter().copied()).map(|word| format!("did you mean `{word}`?"))
}

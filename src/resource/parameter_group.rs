//! Parameter groups: the engine's settings. A group is owned whole: parameters that are not listed are reset.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::kind_row::{Arn, Calls, Creation, IdForm, KindRow, Names, Use};
use super::local;
use super::local::MANAGED;
use super::subnet_group::groups_of_clusters;
use crate::model::attribute::{Attribute, Difference, Impact, Phase, Read, Route};
use crate::model::draft::{Draft, Scene};
use crate::model::live::{Live, View, object};
use crate::model::plan::AttributeChange;
use crate::model::shape::{Field, Keys, Shape, pattern, text};
use crate::model::step::Wait;
use crate::model::{Address, Kind, Operation, Resource, Spec};

/// AWS takes this many parameters in a call.
const CHUNK: usize = 20;
const CLUSTER_ENABLED: &str = "cluster-enabled";
const CLUSTER_DATABASES: &str = "cluster-databases";
/// The parameters that a cache has from its creation on, with their defaults.
///
/// Source: AWS guide, ParameterGroups.Engine.
pub const AT_CREATION: [(&str, &str); 1] = [(CLUSTER_DATABASES, "16")];
/// The parameters that a redis cache keeps when it becomes valkey, with their defaults.
///
/// AWS asks for a parameter group "with the same static parameter values" (guide, VersionManagement.HowTo).
pub const STATIC: [(&str, &str); 2] = [("activerehashing", "yes"), ("databases", "16")];
const RESERVED_MEMORY: &str = "reserved-memory";
const RESERVED_PERCENT: &str = "reserved-memory-percent";

/// The rows of a parameter group, whose parameters are compared as a whole.
#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(Field::new("family", "CacheParameterGroupFamily", pattern("^(valkey|redis|memcached)[0-9]+(\\.[0-9x]+)?$", 32, "valkey8"), "Engine and major version that the group is for, such as `valkey8`.").required(),
        Read::Own("CacheParameterGroupFamily"), Route::With(family), Impact::None, "Chosen at creation. A new family needs a new group under a new name."),
    Attribute::new(Field::new("description", "Description", text(255), "What the group is for."),
        Read::Own("Description"), Route::Fixed, Impact::None, "Chosen at creation; AWS cannot change it.").import(super::local::not_blank),
    Attribute::new(Field::new("parameters", "ParameterNameValues", Shape::Map { of: &Shape::Scalar, keys: Keys::Any }, "Parameters by name, such as `maxmemory-policy: allkeys-lru`. Those not listed are reset to the family's default."),
        Read::With(parameters), Route::With(change_parameters), Impact::None, "Most take effect at once, in every cache that uses the group; some need a reboot.").later(),
    local::TAGS_ROW,
];

/// Parameter groups as a kind: made empty, then filled by calls of their own.
pub const KIND: KindRow = KindRow {
    uses: Some(Use {
        fields: "cacheParameterGroupName",
        users: |live, group| groups_of_clusters(live, "/CacheParameterGroup/CacheParameterGroupName", group),
    }),
    reads: &[
        "elasticache:DescribeCacheParameterGroups",
        "elasticache:DescribeCacheParameters",
        "elasticache:DescribeEngineDefaultParameters",
    ],
    reserves_default: true,
    is_aws_own,
    facts: |view| vec![view.word("CacheParameterGroupFamily")],
    create: |_, creation| {
        creation.parameters.entry("Description").or_insert_with(|| json!(MANAGED));
    },
    created: create_parameters,
    ..KindRow::plain(
        Names {
            kind: "parameterGroup",
            section: "parameterGroups",
            noun: "parameter group",
            about: "Parameter groups, by name: the engine's settings. A group is owned whole; parameters that are not listed are reset.",
        },
        ATTRIBUTES,
        Arn::elasticache("parametergroup"),
        IdForm {
            pattern: "^[a-zA-Z](-?[a-zA-Z0-9.])*$",
            longest: 255,
            words: "1 to 255 letters, digits and single hyphens, beginning with a letter",
            of_aws: None,
        },
        Calls {
            create: Operation::CreateCacheParameterGroup,
            modify: Operation::ModifyCacheParameterGroup,
            delete: Operation::DeleteCacheParameterGroup,
            id_member: "CacheParameterGroupName",
        },
    )
};

/// Is it one of AWS's own groups? There is one for each family and, with `.cluster.on`, for cluster mode.
pub fn is_aws_own(name: &str) -> bool {
    name == "default" || name.starts_with("default.")
}

/// The family of one of AWS's own groups, as its name says.
pub fn family_of_aws_own(name: &str) -> Option<&str> {
    Some(name.strip_prefix("default.")?.trim_end_matches(".cluster.on"))
}

/// The group of this name, where the spec declares it.
pub fn declared_as<'a>(spec: &'a Spec, group: &str) -> Option<&'a Resource> {
    spec.resources.get(&Address::new(Kind::ParameterGroup, group))
}

/// A parameter of a group: what the spec declares, else what someone has set; `None` where it is its family's default.
pub fn parameter(spec: &Spec, live: &Live, group: &str, name: &str) -> Option<String> {
    let declared = declared_as(spec, group).and_then(|own| own.fields.get("parameters")?.get(name));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    declared.map(text).or_else(|| user_parameters(live, group).remove(name))
}

/// A parameter that has another value in another parameter group.
pub struct Differing {
    pub name: &'static str,
    pub before: String,
    pub after: String,
}

/// The first of these parameters that has another value in the second group than in the first.
///
/// None where the parameters of one of them were not read.
pub fn differing(spec: &Spec, live: &Live, from: &str, to: &str, of: &[(&'static str, &str)]) -> Option<Differing> {
    let is_known = |group: &str| is_aws_own(group) || live.parameters.contains_key(group);
    if !is_known(from) || !(is_known(to) || declared_as(spec, to).is_some()) {
        return None;
    }
    let set = user_parameters(live, from);
    of.iter().find_map(|(name, default)| {
        let before = set.get(*name).cloned().unwrap_or_else(|| (*default).to_owned());
        let after = parameter(spec, live, to, name).unwrap_or_else(|| (*default).to_owned());
        (before != after).then_some(Differing { name, before, after })
    })
}

fn create_parameters(draft: &mut Draft, creation: &Creation<'_>) {
    let resource = creation.resource;
    let family = resource.text("family").unwrap_or_default();
    let declared = declared_parameters(resource.fields.get("parameters"));
    check(draft, creation.live.families.get(family), family, &declared);
    draft
        .attributes
        .extend(declared.iter().map(|(name, value)| parameter_change(name, Value::Null, json!(value), Impact::None)));
    push_parameters(draft, &declared.iter().collect::<Vec<_>>());
}

fn family(draft: &mut Draft, _scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    draft.blocks(
        "parameter-group-family",
        "AWS cannot change the family of a parameter group, and the group cannot be replaced under its own name while a cache uses it",
        "declare a group with the new family under another name and point the caches to it",
    );
}

/// The parameters that a user set, by name.
fn parameters(view: &View<'_>) -> Option<Value> {
    let name = view.text("CacheParameterGroupName")?;
    Some(json!(user_parameters(view.live, name)))
}

/// The parameters of a group that a user set, by name.
pub fn user_parameters(live: &Live, group: &str) -> BTreeMap<String, String> {
    live.parameters
        .get(group)
        .into_iter()
        .flatten()
        .filter(|parameter| parameter.get("Source").and_then(Value::as_str) == Some("user"))
        .filter_map(|parameter| {
            Some((
                parameter.get("ParameterName")?.as_str()?.to_owned(),
                parameter.get("ParameterValue")?.as_str()?.to_owned(),
            ))
        })
        .collect()
}

fn change_parameters(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let declared = declared_parameters(Some(&difference.declared));
    let live = user_parameters(scene.live, &draft.address.id);
    let family = scene.family_of(&draft.address.id).unwrap_or_default();
    let catalogue = scene.live.families.get(&family);
    check(draft, catalogue, &family, &declared);
    let set: Vec<_> = declared.iter().filter(|(name, value)| live.get(*name) != Some(value)).collect();
    let reset: Vec<_> = live.keys().filter(|name| !declared.contains_key(*name)).collect();
    for (name, value) in &set {
        let impact = if needs_reboot(catalogue, name) { Impact::Reboot } else { Impact::None };
        let before = live.get(*name).map_or(Value::Null, |value| json!(value));
        draft.attributes.push(parameter_change(name, before, json!(value), impact));
    }
    for name in &reset {
        let impact = if needs_reboot(catalogue, name) { Impact::Reboot } else { Impact::None };
        draft.attributes.push(parameter_change(name, json!(live[*name]), Value::Null, impact));
    }
    let used = used_by(scene.live, &draft.address.id);
    if let Some(cache) = used
        .filter(|_| set.iter().map(|(name, _)| *name).chain(reset.iter().copied()).any(|name| name == CLUSTER_ENABLED))
    {
        draft.blocks(
            CLUSTER_ENABLED,
            format!("AWS does not change cluster-enabled in a parameter group that a cache uses, and {cache} does"),
            "declare another parameter group with it, and move the cache by clusterMode",
        );
        return;
    }
    let changed = set.iter().map(|(name, _)| *name).chain(reset.iter().copied());
    if let Some((cache, name)) = used.zip(changed.into_iter().find(|name| *name == CLUSTER_DATABASES)) {
        draft.blocks(
            "parameter-at-creation",
            format!("{name} is chosen when a cache is created, and {cache} uses the parameter group"),
            "keep the value here; caches to be created can take another parameter group with another one",
        );
        return;
    }
    let (reserved, reset): (Vec<&String>, Vec<&String>) = reset.into_iter().partition(|name| *name == RESERVED_MEMORY);
    push_resets(draft, &reset, live.len());
    push_parameters(draft, &set);
    if !reserved.is_empty() && !declared.contains_key(RESERVED_PERCENT) {
        reset_reserved_memory(draft);
    }
}

/// A direct reset of reserved-memory is refused, although AWS lists it. Its percentage takes its place,
/// and that can be reset.
fn reset_reserved_memory(draft: &mut Draft) {
    let percent = (RESERVED_PERCENT.to_owned(), "0".to_owned());
    push_parameters(draft, &[(&percent.0, &percent.1)]);
    push_resets(draft, &[&percent.0], usize::MAX);
}

/// A member cluster that uses the group.
fn used_by<'a>(live: &'a Live, group: &str) -> Option<&'a String> {
    let name = |cluster: &Value| {
        cluster.pointer("/CacheParameterGroup/CacheParameterGroupName").and_then(Value::as_str) == Some(group)
    };
    live.cache_clusters.iter().find(|(_, cluster)| name(cluster)).map(|(id, _)| id)
}

fn parameter_change(name: &str, before: Value, after: Value, impact: Impact) -> AttributeChange {
    AttributeChange { path: format!("parameters.{name}"), before, after, impact, sensitive: false }
}

/// Resets come before sets: AWS refuses some values while an old one stands.
fn push_resets(draft: &mut Draft, names: &[&String], live: usize) {
    if names.is_empty() {
        return;
    }
    let group = json!(draft.address.id);
    if names.len() == live {
        let call = object([("CacheParameterGroupName", group), ("ResetAllParameters", json!(true))]);
        draft.push(Phase::Reset, Operation::ResetCacheParameterGroup, Wait::Nothing, call);
        return;
    }
    for chunk in names.chunks(CHUNK) {
        let entries: Vec<_> = chunk.iter().map(|name| json!({"ParameterName": name})).collect();
        let call = object([("CacheParameterGroupName", group.clone()), ("ParameterNameValues", json!(entries))]);
        draft.push(Phase::Reset, Operation::ResetCacheParameterGroup, Wait::Nothing, call);
    }
}

/// Adds the calls that set these parameters, twenty in each.
pub fn push_parameters(draft: &mut Draft, parameters: &[(&String, &String)]) {
    for chunk in parameters.chunks(CHUNK) {
        let entries: Vec<_> =
            chunk.iter().map(|(name, value)| json!({"ParameterName": name, "ParameterValue": value})).collect();
        let call =
            object([("CacheParameterGroupName", json!(draft.address.id)), ("ParameterNameValues", json!(entries))]);
        draft.push(Phase::Reset, Operation::ModifyCacheParameterGroup, Wait::Nothing, call);
    }
}

/// Declared parameters as they are compared: names in lower case, values as text.
pub fn declared_parameters(value: Option<&Value>) -> BTreeMap<String, String> {
    value
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())))
        .collect()
}

fn entry<'a>(catalogue: Option<&'a Vec<Value>>, name: &str) -> Option<&'a Value> {
    catalogue?.iter().find(|parameter| parameter.get("ParameterName").and_then(Value::as_str) == Some(name))
}

fn needs_reboot(catalogue: Option<&Vec<Value>>, name: &str) -> bool {
    entry(catalogue, name).and_then(|parameter| parameter.get("ChangeType")?.as_str()) == Some("requires-reboot")
}

/// Blocks unknown parameters and illegal values, before AWS refuses the call that holds them.
pub fn check(draft: &mut Draft, catalogue: Option<&Vec<Value>>, family: &str, declared: &BTreeMap<String, String>) {
    let Some(parameters) = catalogue.filter(|parameters| !parameters.is_empty()) else { return };
    let text =
        |parameter: &Value, member: &str| parameter.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    for (name, value) in declared {
        let Some(parameter) = entry(Some(parameters), name) else {
            let names = parameters.iter().filter_map(|parameter| parameter.get("ParameterName")?.as_str());
            let near = crate::model::suggest(name, names).map(|near| format!("did you mean `{near}`?"));
            draft.blocks(
                "unknown-parameter",
                format!("family {family} has no parameter `{name}`"),
                near.unwrap_or_else(|| format!("aws elasticache describe-engine-default-parameters --cache-parameter-group-family {family} lists them")),
            );
            continue;
        };
        if parameter.get("IsModifiable").and_then(Value::as_bool) == Some(false) {
            draft.blocks("fixed-parameter", format!("AWS does not let `{name}` be changed"), "remove it from the spec");
            continue;
        }
        let allowed = text(parameter, "AllowedValues");
        if !allowed.is_empty() && !legal(&allowed, &text(parameter, "DataType"), value) {
            draft.blocks("parameter-value", format!("`{name}: {value}` is not allowed"), format!("allowed: {allowed}"));
        }
    }
}

/// AWS writes ranges as `1-100`, several with commas, and lists of words with commas.
fn legal(allowed: &str, data_type: &str, value: &str) -> bool {
    if data_type == "integer" {
        let Ok(number) = value.parse::<i128>() else { return false };
        return allowed.split(',').any(|part| {
            let part = part.trim();
            match part.char_indices().skip(1).find(|(_, c)| *c == '-') {
                Some((dash, _)) => {
                    let (low, high) = (part[..dash].trim(), part[dash + 1..].trim());
                    let from = low.parse::<i128>().map_or(true, |low| low <= number);
                    // A range may have no end: `20-`.
                    from && high.parse::<i128>().map_or(true, |high| number <= high)
                }
                None => part.parse::<i128>().map_or(true, |only| only == number),
            }
        });
    }
    // Free text is allowed where AWS gives a pattern or a hint in place of words.
    let words: Vec<_> = allowed.split(',').map(str::trim).collect();
    let plain = |word: &&str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    !words.iter().all(plain) || words.contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_values_are_ranges_lists_or_hints() {
        for (allowed, data_type, value, ok) in [
            ("1-100", "integer", "5", true),
            ("1-100", "integer", "500", false),
            ("-1-100", "integer", "-1", true),
            ("0,20-500", "integer", "0", true),
            ("0,20-", "integer", "10", false),
            ("0,20-", "integer", "3600", true),
            ("volatile-lru,allkeys-lru", "string", "allkeys-lru", true),
            ("volatile-lru,allkeys-lru", "string", "lru", false),
            ("yes,no", "string", "on", false),
            ("any [a-z]* pattern", "string", "x", true),
        ] {
            assert_eq!(legal(allowed, data_type, value), ok, "{allowed} {value}");
        }
    }
}

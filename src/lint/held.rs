//! What holds of a cache: as declared, else as it is live, else by AWS's default.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::live::{Live, strings};
use crate::model::shape::is_empty;
use crate::model::{Address, Kind, Resource, Spec};
use crate::resource::alarm_rule::named_in;
use crate::resource::composite_alarm::cache_of;
use crate::resource::replication_group::durability;
use crate::resource::{alarm, alarm_entries, attribute, members};

/// A spec, and the alarm entries that stand for each of its caches, put together once.
pub struct WholeSpec<'a> {
    pub spec: &'a Spec,
    entries: BTreeMap<&'a Address, Vec<&'a Resource>>,
}

impl<'a> WholeSpec<'a> {
    pub fn of(spec: &'a Spec) -> Self {
        Self { spec, entries: alarm_entries::by_cache(spec) }
    }
}

/// A setting, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// The spec.
    Declared(bool),
    /// AWS, of the resource as it is; the spec leaves it alone.
    Live(bool),
    /// AWS, of what is made without a word about it.
    Default(bool),
    /// Nobody: it is not declared, and nothing live was read.
    Unknown,
}

impl Held {
    fn of(declared: Option<bool>, live: Option<bool>, default: Option<bool>) -> Self {
        match (declared, live, default) {
            (Some(declared), ..) => Held::Declared(declared),
            (None, Some(live), _) => Held::Live(live),
            (None, None, Some(default)) => Held::Default(default),
            (None, None, None) => Held::Unknown,
        }
    }

    /// Where it does not hold: a sentence that says which half is missing.
    pub(super) fn lacks(self, what: &str) -> Option<String> {
        match self {
            Held::Declared(true) | Held::Live(true) | Held::Default(true) => None,
            Held::Declared(false) => Some(format!("{what} is declared off")),
            Held::Live(false) => Some(format!("{what} is off, and the spec does not ask for it")),
            Held::Default(false) => Some(format!("{what} is not declared, and AWS's default is off")),
            Held::Unknown => Some(format!("{what} is not declared")),
        }
    }
}

/// An attribute's value as declared, else as it is live: what the spec leaves alone stays as it is.
pub(super) fn value(resource: &Resource, live: Option<&Live>, name: &str) -> Option<Value> {
    let of_live = || attribute(resource.address.kind, name)?.live(&live?.view(&resource.address)?, None);
    resource.fields.get(name).cloned().or_else(of_live).filter(|value| !is_empty(value))
}

/// The same, where it is a text.
pub(super) fn text(resource: &Resource, live: Option<&Live>, name: &str) -> Option<String> {
    value(resource, live, name)?.as_str().map(str::to_owned)
}

/// `, live and not declared` behind what is said of an attribute that the spec leaves alone.
pub(super) fn whose(resource: &Resource, name: &str) -> &'static str {
    if resource.fields.contains_key(name) { "" } else { ", live and not declared" }
}

/// A switch of a cache; AWS's default for it, where it is known, is off.
pub(super) fn switch(cache: &Resource, live: Option<&Live>, name: &str) -> Held {
    let now = live.and_then(|live| {
        let view = live.view(&cache.address)?;
        attribute(cache.address.kind, name)?.live(&view, None)?.as_bool()
    });
    Held::of(cache.flag(name), now, None)
}

/// Encryption at rest, by what is in effect and not by the group's own flag: AWS turns it on by itself for what is
/// durable, and by default for valkey.
pub(super) fn encryption_at_rest(group: &Resource, live: Option<&Live>) -> Held {
    let now = live.and_then(|live| live.view(&group.address)).map(|view| durability::is_encrypted(&view));
    let default = match group.text("engine") {
        Some("valkey") => Some(true),
        Some("redis") => Some(false),
        _ => None,
    };
    Held::of(group.flag("atRestEncryptionEnabled"), now, default)
}

/// A token or a user group.
pub(super) fn access_control(cache: &Resource, live: Option<&Live>) -> Held {
    let fields = ["authToken", "userGroupIds", "userGroupId"];
    let mut declared = fields.iter().filter_map(|name| cache.fields.get(*name)).peekable();
    let declared = declared.peek().is_some().then(|| declared.any(|value| !is_empty(value)));
    let now = live.and_then(|live| live.view(&cache.address)).map(|view| {
        let has_group = strings(view.own("UserGroupIds")).chain(view.text("UserGroupId")).any(|id| !id.is_empty());
        view.flag("AuthTokenEnabled") || has_group
    });
    Held::of(declared, now, Some(false))
}

/// Days that automatic snapshots are kept for; AWS's default is none.
pub(super) fn snapshots(cache: &Resource, live: Option<&Live>) -> Held {
    let days = |value: Option<&Value>| value.and_then(Value::as_i64).map(|days| days > 0);
    let now = live.and_then(|live| days(live.get(&cache.address)?.get("SnapshotRetentionLimit")));
    Held::of(cache.number("snapshotRetentionLimit").map(|days| days > 0), now, Some(false))
}

/// What alarms of the stack do not watch, by their dimensions and not by their names; `None` where all is watched.
pub(super) fn unwatched(cache: &Resource, all: &WholeSpec<'_>, live: Option<&Live>) -> Option<String> {
    // These follow the members; `alarms: none` is a decision.
    if cache.fields.contains_key("alarms") || all.entries.contains_key(&cache.address) {
        return None;
    }
    let of_live = |live: &Live| -> Vec<String> {
        let own = live.of(Kind::Alarm).values().filter(|alarm| alarm::belongs_to(alarm, &cache.address));
        own.flat_map(alarm::watched_members).map(str::to_owned).collect()
    };
    let members = all.spec.of(Kind::Alarm).flat_map(alarm::declared_members);
    let declared: Vec<String> = members.filter(|member| members::may_be_of(member, &cache.address)).collect();
    let existing = live.map(of_live).unwrap_or_default();
    let hint = "`alarms: {preset: recommended}`";
    match (declared.is_empty(), existing.is_empty(), live) {
        (true, true, None) => return Some(format!("no alarms of the spec watch it: {hint}")),
        (true, true, Some(_)) => {
            return Some(format!("no alarms of the stack watch it, declared or live: {hint}"));
        }
        (true, false, _) => {
            return Some(format!("alarms watch it, and the spec has none of them: declare them, or {hint}"));
        }
        (false, ..) => {}
    }
    let members = live.map(|live| members::nodes(live, &cache.address, "node")).unwrap_or_default();
    let is_watched = |member: &String| declared.contains(member) || existing.contains(member);
    let missing: Vec<String> = members.into_iter().filter(|member| !is_watched(member)).collect();
    (!missing.is_empty()).then(|| {
        let named = missing.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let more = if missing.len() > 3 { format!(" and {} more", missing.len() - 3) } else { String::new() };
        format!("no alarm watches {named}{more}: {hint}, or `for: {}` in the alarms, follows the nodes", cache.address)
    })
}

/// Is what is declared of encryption at rest true of the live group? It cannot be added to one.
pub(super) fn is_unencrypted_against_the_spec(group: &Address, declared: Option<bool>, live: Option<&Live>) -> bool {
    let view = live.and_then(|live| live.view(group));
    declared == Some(true) && view.is_some_and(|view| !durability::is_encrypted(&view))
}

/// Does the alarm notify somebody when it fires?
pub(super) fn acts(alarm: &Map<String, Value>) -> bool {
    alarm.get("alarmActions").and_then(Value::as_array).is_some_and(|actions| !actions.is_empty())
}

/// Does a composite alarm notify somebody of the alarms that a cache or an entry stands for?
pub(super) fn is_told_by_another(resource: &Resource, spec: &Spec) -> bool {
    let composites = || spec.of(Kind::CompositeAlarm).filter(|other| acts(&other.fields));
    let of_cache = |cache: &Address| composites().any(|other| cache_of(other).as_ref() == Some(cache));
    if resource.address.kind.is_cache() {
        return of_cache(&resource.address);
    }
    let mut caches = alarm_entries::caches(spec, resource).peekable();
    if caches.peek().is_some() {
        return caches.all(of_cache);
    }
    let members = alarm::declared_members(resource);
    composites().any(|other| {
        let named = other.text("rule").is_some_and(|rule| named_in(rule).contains(&resource.address.id));
        named || cache_of(other).is_some_and(|cache| members.iter().any(|member| members::may_be_of(member, &cache)))
    })
}

//! What stands in the way across resources: missing ones, used ones, limits, permits.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::whole::From;
use super::{Planned, alarms, companions};
use crate::model::attribute::Phase;
use crate::model::draft::Draft;
use crate::model::live::Live;
use crate::model::options::{Options, Permit};
use crate::model::plan::{Action, Ownership};
use crate::model::{Address, Kind, Spec};
use crate::resource::alarm::Alarms;
use crate::resource::ownership::{STACK, stack_of};
use crate::resource::{alarm, composite_alarm, members, references};

/// What the stack may not write to: another stack's, and what may be another's.
pub fn ownership(draft: &mut Draft, live: &Live, owner: Ownership) {
    let address = draft.address.clone();
    match owner {
        Ownership::Foreign => {
            let stack = stack_of(live, &address).unwrap_or("another");
            let hint = match address.kind {
                kind if kind.is_alarm() => "give one of the alarms another name".to_owned(),
                kind if kind.notes_its_stack() => {
                    "take the cache, or what it asks for, out of one of the specs".to_owned()
                }
                _ => format!("remove it from one of the specs, or remove its tag {STACK}"),
            };
            draft.blocks("foreign", format!("it belongs to the stack `{stack}`"), hint);
        }
        // What could say itself whose it is and does not has tags that some endpoints cannot tell.
        Ownership::Unknown
            if live.tags_unread.contains_key(&address)
                || !address.kind.notes_its_stack() && !are_tags_to_come(live, &address) =>
        {
            let why = live.tags_unread.get(&address).map_or("AWS did not tell them", String::as_str);
            draft.blocks(
                "ownership-unknown",
                format!("its tags could not be read, so its owner is unknown: {why}"),
                format!(
                    "allow these credentials {}:ListTagsForResource on it, then plan again",
                    address.kind.row().arn.service
                ),
            );
        }
        _ => {}
    }
}

/// AWS refuses the tags of a cache that is not available: those are read once it is. A failed creation never gets
/// there, and holds nothing.
fn are_tags_to_come(live: &Live, address: &Address) -> bool {
    let settled = ["available", "incompatible-network", "restore-failed"];
    address.kind.is_cache()
        && !live.tags_unread.contains_key(address)
        && live.status(address).is_some_and(|status| !settled.contains(&status))
}

/// With `--only`, and with references to what is neither declared nor live: what a resource needs must exist.
pub fn dependencies(spec: &Spec, live: &Live, options: &Options, planned: &mut [Planned]) {
    if options.destroy {
        return;
    }
    let made: Vec<Address> = planned
        .iter()
        .filter(|planned| planned.draft.blocked.is_empty())
        .map(|planned| planned.draft.address.clone())
        .collect();
    for planned in planned.iter_mut().filter(|planned| planned.action != Action::Delete) {
        let Some(resource) = spec.resources.get(&planned.draft.address) else { continue };
        for need in references(resource) {
            if live.get(&need).is_some() || made.contains(&need) || need.is_aws_own() {
                continue;
            }
            let declared = spec.resources.contains_key(&need);
            if declared && !options.selects(&need) {
                left_out(&mut planned.draft, &need, &format!("--only {need}"));
            } else if declared {
                let reason = format!("needs {need}, which is blocked itself");
                planned.draft.blocks("missing-dependency", reason, format!("see {need}"));
            } else {
                unknown(&mut planned.draft, &need);
            }
        }
    }
}

/// What `--only` leaves out, and is not there.
pub(super) fn left_out(draft: &mut Draft, need: &Address, only: &str) {
    let reason = format!("needs {need}, which does not exist and --only leaves out");
    draft.blocks("missing-dependency", reason, format!("add {only}"));
}

/// What nobody has.
pub(super) fn unknown(draft: &mut Draft, need: &Address) {
    let reason = format!("needs {need}, which exists neither in AWS nor in this spec");
    draft.blocks("missing-dependency", reason, "declare it, or correct the name");
}

/// What is to be deleted must not be in use by what stays as it is.
pub fn uses(live: &Live, planned: &mut [Planned]) {
    let going: BTreeSet<Address> = planned
        .iter()
        .filter(|planned| planned.action == Action::Delete)
        .map(|planned| planned.draft.address.clone())
        .collect();
    let (mut found, mut waiting) = (Vec::new(), Vec::new());
    for (index, deleted) in planned.iter().enumerate().filter(|(_, planned)| planned.action == Action::Delete) {
        let address = &deleted.draft.address;
        let lets_go = |user: &Address| {
            let ends = |planned: &Planned| lets_go(planned, address) || lets_go_later(planned, address);
            going.contains(user) || planned.iter().any(|planned| planned.draft.address == *user && ends(planned))
        };
        let users: Vec<String> =
            live_users(live, address).into_iter().filter(|user| !lets_go(user)).map(|user| user.to_string()).collect();
        if !users.is_empty() {
            found.push((index, users));
        } else if live_users(live, address)
            .iter()
            .any(|user| planned.iter().any(|planned| planned.draft.address == *user && lets_go_later(planned, address)))
        {
            waiting.push(index);
        }
    }
    for index in waiting {
        let one = &mut planned[index];
        (one.action, one.count) = (Action::Noop, None);
        one.draft.calls.clear();
        one.draft
            .warnings
            .push(("status".into(), "it is in use until the maintenance window, and can be deleted after it".into()));
    }
    for (index, users) in found {
        let uses = planned[index].draft.address.kind.row().uses;
        let field = uses.map_or("resource", |uses| uses.fields);
        planned[index].draft.blocks(
            "in-use",
            format!("{} uses it", users.join(", ")),
            format!("declare another {field} there, or none where AWS allows that, and apply first"),
        );
    }
}

/// AWS deletes no alarm that a composite alarm watches. One of another stack, or of nobody's, has to let go of it first.
pub(super) fn parents(from: From<'_>, to_come: &Alarms, planned: &mut [Planned]) {
    let From { spec, live, .. } = from;
    let is_ours = |own: &Value| alarm::stack_of(own) == Some(spec.stack.as_str());
    let foreign = live.parents.iter().filter(|(_, own)| !is_ours(own));
    // By name: what it holds, and what it holds until the alarms of members were put.
    let mut parents: Vec<(String, BTreeSet<String>, BTreeSet<String>)> =
        foreign.map(|(name, own)| (name.clone(), composite_alarm::children(own), BTreeSet::new())).collect();
    // One of the stack's own holds what its rule says when the plan is through; one that this plan leaves alone holds
    // what it says now.
    let mut touched: BTreeSet<&Address> = BTreeSet::new();
    for own in planned.iter().filter(|planned| planned.draft.address.kind == Kind::CompositeAlarm) {
        touched.insert(&own.draft.address);
        let children = &own.draft.children;
        if children.with_members || own.action == Action::Delete {
            // Put before those go that it named, or gone itself.
            continue;
        }
        let until = if children.to_come.is_empty() { BTreeSet::new() } else { children.before.clone() };
        parents.push((own.draft.address.id.clone(), children.names.clone(), until));
    }
    let left = live
        .of(Kind::CompositeAlarm)
        .iter()
        .filter(|(name, own)| is_ours(own) && !touched.contains(&Address::new(Kind::CompositeAlarm, name)));
    parents.extend(left.map(|(name, own)| (name.clone(), composite_alarm::children(own), BTreeSet::new())));
    let going: Vec<(usize, BTreeSet<String>)> = planned
        .iter()
        .enumerate()
        .map(|(index, one)| (index, going_alarms(from, to_come, planned, one)))
        .filter(|(_, going)| !going.is_empty())
        .collect();
    for (index, going) in going {
        // The alarms of members that go are taken in the step that puts those of members that come.
        let with_members = planned[index].draft.member_alarms.is_some();
        let held = going.iter().find_map(|name| {
            let mut holds = parents
                .iter()
                .filter(|(_, children, until)| children.contains(name) || (with_members && until.contains(name)));
            Some((name.clone(), holds.next()?.0.clone()))
        });
        if let Some((name, parent)) = held {
            let address = Address::new(Kind::CompositeAlarm, &parent);
            let is_orphan = live.get(&address).is_some_and(is_ours) && !spec.resources.contains_key(&address);
            let hint = match is_orphan {
                true => format!("delete that, too: --prune --allow 'delete:{address}'; or take {name} out of its rule"),
                false => format!("take {name} out of the rule of {parent} first"),
            };
            let reason =
                format!("the composite alarm {parent} watches {name}, and AWS deletes no alarm that one watches");
            planned[index].draft.blocks("alarm-has-parent", reason, hint);
        }
    }
}

/// The alarms that a change deletes, or may delete.
fn going_alarms(from: From<'_>, to_come: &Alarms, planned: &[Planned], one: &Planned) -> BTreeSet<String> {
    let From { spec, live, .. } = from;
    let Some(alarms) = &one.draft.member_alarms else {
        let goes = one.action == Action::Delete && one.draft.address.kind == Kind::Alarm;
        return goes.then(|| one.draft.address.id.clone()).into_iter().collect();
    };
    let mut going = BTreeSet::new();
    for cache in spec.resources.keys().filter(|cache| cache.kind.is_cache() && cache.id == alarms.cache) {
        let own = alarms::existing(spec, live, cache).filter_map(|own| own.get("AlarmName")?.as_str());
        let is_replaced = |planned: &Planned| planned.draft.address == *cache && planned.action == Action::Replace;
        if !live.stays(cache) || planned.iter().any(is_replaced) {
            // The members to come have the names that AWS gives to new ones.
            let stays = |name: &str| to_come.named.iter().any(|alarm| alarm.name == name);
            let cache = &spec.resources[cache];
            let members = members::to_come(spec, cache);
            let goes = |name: &&str| {
                let own = &live.of(Kind::Alarm)[*name];
                !stays(name) && (!alarm::watches_any(own, &members) || alarm::follows(spec, live, cache, name, own))
            };
            going.extend(own.filter(goes).map(str::to_owned));
        } else if alarms.fewer || alarms::leaving_nodes(planned, cache) > 0 {
            // Which members go is AWS's to choose.
            going.extend(own.map(str::to_owned));
        }
    }
    going
}

/// Nodes only go into zones that their subnet group reaches when the call is made. A replacement that finds out
/// after its deletion would leave nothing behind.
pub fn zones(spec: &Spec, live: &Live, planned: &mut [Planned]) {
    let reached: BTreeMap<String, BTreeSet<String>> = live
        .of(Kind::SubnetGroup)
        .keys()
        .filter_map(|group| Some((group.clone(), zones_then(live, planned, group)?)))
        .collect();
    let groups = planned.iter_mut().filter(|planned| planned.draft.address.kind == Kind::ReplicationGroup);
    for planned in groups.filter(|planned| planned.action != Action::Delete) {
        let address = &planned.draft.address;
        let made = matches!(planned.action, Action::Create | Action::Replace);
        let declared =
            spec.resources.get(address).filter(|_| made).and_then(|group| group.text("cacheSubnetGroupName"));
        let lives_in = || live.view(address)?.members.first()?.get("CacheSubnetGroupName")?.as_str();
        let Some(subnet_group) = declared.or_else(lives_in).map(str::to_ascii_lowercase) else { continue };
        let Some(reached) = reached.get(&subnet_group) else { continue };
        let missing: Vec<&str> = planned.draft.zones.difference(reached).map(String::as_str).collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            planned.draft.blocks(
                "zone-not-covered",
                format!("the subnet group {subnet_group} reaches no {missing}"),
                format!("add a subnet there to {subnet_group} and apply that first or together, or name other zones"),
            );
        }
    }
}

/// The zones of a subnet group when caches are made; `None` where a subnet comes whose zone AWS has not told.
fn zones_then(live: &Live, planned: &[Planned], group: &str) -> Option<BTreeSet<String>> {
    let address = Address::new(Kind::SubnetGroup, group);
    let zone_of = |subnet: &Value| subnet.pointer("/SubnetAvailabilityZone/Name")?.as_str().map(str::to_owned);
    let subnets = live.get(&address)?.get("Subnets")?.as_array()?;
    let then = planned.iter().find(|planned| planned.draft.address == address);
    let Some(then) = then.and_then(|planned| planned.draft.subnets.as_ref()) else {
        return subnets.iter().map(zone_of).collect();
    };
    let known = |id: &String| {
        subnets
            .iter()
            .find(|subnet| subnet.get("SubnetIdentifier").and_then(Value::as_str) == Some(id))
            .and_then(zone_of)
    };
    then.iter().map(known).collect()
}

/// What AWS says uses the resource now.
fn live_users(live: &Live, address: &Address) -> BTreeSet<Address> {
    address.kind.row().uses.map(|uses| (uses.users)(live, address)).unwrap_or_default()
}

/// Does the use only end in the maintenance window?
fn lets_go_later(user: &Planned, used: &Address) -> bool {
    let mut waiting = user.draft.calls.iter().filter(|call| call.phase == Phase::Window);
    user.draft.lets_go_in_window.contains(used) || waiting.any(|call| call.lets_go.contains(used))
}

/// Does this plan end the use? A replacement does, and any call that was decided to.
fn lets_go(user: &Planned, used: &Address) -> bool {
    user.action == Action::Replace || user.draft.calls.iter().any(|call| call.lets_go.contains(used))
}

/// The spec's own limits on what one apply may destroy.
pub fn limits(spec: &Spec, live: &Live, options: &Options, planned: &mut [Planned]) {
    let limits = [("maxDeletes", Action::Delete), ("maxReplacements", Action::Replace)];
    for (name, action) in limits {
        let Some(limit) = spec.policy.get(name).and_then(Value::as_u64) else { continue };
        let counts = |planned: &&mut Planned| {
            planned.action == action
                && !(action == Action::Delete
                    && (alarms::goes_with_its_cache(spec, live, options, planned)
                        || companions::goes_with_its_cache(spec, options, planned)))
        };
        let found = planned.iter_mut().filter(|planned| counts(planned)).count();
        if found as u64 <= limit || (options.destroy && action == Action::Replace) {
            continue;
        }
        for planned in planned.iter_mut().filter(|planned| counts(planned)) {
            planned.draft.blocks(
                "policy",
                format!("policy.{name} is {limit}, and {found} are planned"),
                format!("raise policy.{name} in the spec"),
            );
        }
    }
}

/// Deletions and replacements need a word on the command line.
pub fn needs_permit(draft: &mut Draft, options: &Options, permit: Permit) {
    if options.allows(permit, &draft.address) {
        return;
    }
    let (rule, name, what) = match permit {
        Permit::Delete => ("delete-not-allowed", "delete", "deleting it"),
        Permit::Replace => ("replace-not-allowed", "replace", "replacing it"),
        Permit::Adopt => ("adopt-not-allowed", "adopt", "it exists without this stack's tag; adopting it"),
        Permit::Reboot => ("reboot-not-allowed", "reboot", "rebooting it"),
        Permit::Flush => ("flush-pending", "flush", "carrying out what is pending"),
        Permit::Rotate => ("rotate-not-allowed", "rotate", "replacing a secret that is not known"),
    };
    let address = draft.address.clone();
    draft.blocks(rule, format!("{what} must be allowed"), format!("--allow {name}:{address}"));
}

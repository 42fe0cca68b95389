//! Who may log in: an AUTH token or user groups, never both. AWS never returns a token, so a tag says
//! which secret is set.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{MODIFY, engine, modify, tls};
use crate::model::attribute::{Difference, Phase};
use crate::model::draft::{Call, Draft, Scene};
use crate::model::live::{View, object, strings};
use crate::model::step::Wait;
use crate::model::{Address, Kind};
use crate::resource::secret;

fn has_users(view: &View<'_>) -> bool {
    strings(view.own("UserGroupIds")).next().is_some()
}

/// Must clients log in: is there an AUTH token, or a user group?
pub fn in_force(view: &View<'_>) -> bool {
    view.flag("AuthTokenEnabled") || has_users(view)
}

/// The spec declares no user groups, and no token.
fn declares_nobody(scene: &Scene<'_>) -> bool {
    scene.declared("userGroupIds").is_some_and(|ids| strings(Some(ids)).next().is_none())
        && scene.declared("authToken").is_none_or(Value::is_null)
}

/// Is what is in force taken off? User groups go at once, a token by way of a user group.
pub fn is_going(scene: &Scene<'_>) -> bool {
    declares_nobody(scene) && (has_users(scene.view) || scene.declared("authToken").is_some_and(Value::is_null))
}

/// Does access control come: must nobody log in yet, and does the spec declare who may?
pub fn comes(scene: &Scene<'_>) -> bool {
    !in_force(scene.view)
        && (scene.declared("authToken").is_some_and(|token| !token.is_null())
            || strings(scene.declared("userGroupIds")).next().is_some())
}

/// AWS changes TLS before anybody must log in: the way in comes when TLS is where it should be.
fn waits_for_tls(draft: &mut Draft, scene: &Scene<'_>, attribute: &str) -> bool {
    let waits = !in_force(scene.view) && tls::remains(scene);
    if waits {
        draft.remaining.push(format!("{attribute} once TLS is on: afterwards AWS does not change TLS any more"));
    }
    waits
}

/// A redis cache takes only redis user groups, so those of valkey come once the engine is.
fn waits_for_engine(draft: &mut Draft, scene: &Scene<'_>) -> bool {
    let engine = |id: &str| {
        let address = Address::new(Kind::UserGroup, id);
        let declared = scene.spec.resources.get(&address).and_then(|group| group.text("engine"));
        declared.or_else(|| scene.live.get(&address)?.get("Engine")?.as_str()).map(str::to_owned)
    };
    let live: Vec<_> = strings(scene.view.own("UserGroupIds")).collect();
    let valkey = strings(scene.declared("userGroupIds"))
        .filter(|id| !live.contains(id))
        .find(|id| engine(id).is_some_and(|engine| engine.eq_ignore_ascii_case("valkey")));
    let Some(id) = valkey.filter(|_| engine::engine_then(scene).as_deref() == Some("redis")) else { return false };
    if engine::engine_to_come(scene).as_deref() == Some("valkey") {
        draft.remaining.push(format!("userGroupIds {id} once the engine is valkey"));
    } else {
        draft.blocks(
            "user-group-engine",
            format!("{id} is a valkey user group, which a redis cache does not take"),
            "declare a redis user group, or `engine: valkey`",
        );
    }
    true
}

/// Plans the way to the declared token: added beside what is there, then alone, or gone for user groups.
pub fn auth_token(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    if difference.declared.is_null() {
        draft.shows(difference);
        let groups: Vec<_> = strings(scene.declared("userGroupIds")).collect();
        if groups.is_empty() {
            remove_token(draft, scene);
            return;
        }
        if waits_for_engine(draft, scene) {
            return;
        }
        let groups = json!(groups);
        let call = modify(draft, Phase::Auth);
        call.insert("AuthTokenUpdateStrategy".into(), json!("DELETE"));
        call.insert("UserGroupIdsToAdd".into(), groups);
        return;
    }
    set_token(draft, scene, difference);
}

/// AWS removes a token only in exchange for a user group, which then goes: two calls, the first of this apply.
fn remove_token(draft: &mut Draft, scene: &Scene<'_>) {
    if !declares_nobody(scene) {
        draft.blocks(
            "token-removal",
            "AWS removes an AUTH token only in exchange for user groups",
            "declare userGroupIds beside `authToken: null`; or `userGroupIds: []`, after which no login is required",
        );
        return;
    }
    let takes_valkey = engine::engine_then(scene).as_deref() != Some("redis");
    let fits = |id: &&String| {
        let live = scene.live.get(&Address::new(Kind::UserGroup, id));
        let engine = live.and_then(|group| group.get("Engine")?.as_str());
        engine.is_some_and(|engine| takes_valkey || engine.eq_ignore_ascii_case("redis"))
    };
    let own = scene.spec.of(Kind::UserGroup).map(|group| &group.address.id);
    let Some(by) = own.into_iter().find(fits) else {
        draft.blocks(
            "token-removal",
            "AWS removes an AUTH token only in exchange for a user group, which can go afterwards",
            "declare a user group for the way (`userGroups`), apply, then declare `authToken: null` and `userGroupIds: []`",
        );
        return;
    };
    draft.warnings.push((
        "authToken".into(),
        format!("it goes by way of the user group {by}: until the next hop its users must log in, and afterwards no login is required"),
    ));
    let call = modify(draft, Phase::Auth);
    call.insert("AuthTokenUpdateStrategy".into(), json!("DELETE"));
    call.insert("UserGroupIdsToAdd".into(), json!([by]));
    if scene.options.all_hops {
        let removal = object([("UserGroupIdsToRemove", json!([by]))]);
        draft.push(Phase::Auth, MODIFY, Wait::Available, removal);
    } else {
        draft.remaining.push(format!("userGroupIds: {by} is removed again; apply once no client logs in any more"));
    }
}

/// The way from what is set to the declared token.
fn set_token(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let sends = |strategy: &str| -> Map<String, Value> {
        object([("AuthToken", difference.declared.clone()), ("AuthTokenUpdateStrategy", json!(strategy))])
    };
    let shows = |draft: &mut Draft| {
        draft.shows(difference);
        draft.attributes.last_mut().into_iter().for_each(|change| change.sensitive = true);
    };
    if has_users(scene.view) {
        shows(draft);
        if scene.declared("userGroupIds").is_none() {
            draft.blocks(
                "token-and-users",
                "the group has user groups, which exclude an AUTH token",
                "declare `userGroupIds: []` beside authToken to move from user groups to the token",
            );
            return;
        }
        draft.warnings.push((
            difference.attribute.to_owned(),
            "between ROTATE and SET anyone who reaches the port gets in, even without a token".into(),
        ));
        let mut parameters = sends("ROTATE");
        parameters.insert("RemoveUserGroups".into(), json!(true));
        let lets_go = groups(strings(scene.view.own("UserGroupIds")));
        draft.calls.push(Call { parameters, lets_go, ..Call::new(Phase::Auth, MODIFY, Wait::Available) });
        set_later(draft, scene, sends("SET"));
        return;
    }
    let has_token = scene.view.flag("AuthTokenEnabled");
    let address = &scene.resource.address;
    let is_unreadable = scene.live.unreadable.contains_key(address);
    match secret::state(scene.live, address, "authToken", &difference.declared) {
        secret::State::Same if has_token => {}
        // A rotation that is under way ends with SET, which cannot be sent without the token: that is told, and blocks.
        secret::State::Unknown if has_token && is_unreadable && secret::is_announced(scene.live, address) => {
            shows(draft);
            draft.push(Phase::Auth, MODIFY, Wait::Available, sends("SET"));
        }
        // Which one is set cannot be told; that none is can.
        secret::State::Unknown if has_token && is_unreadable => {}
        secret::State::Unknown if has_token && !secret::may_replace_unknown(scene, "authToken") => {
            draft.warnings.push((
                difference.attribute.to_owned(),
                format!("a token is set, and no tag says which: it is taken to be the declared one and left as it is; --allow rotate:{address} sets the declared one"),
            ));
        }
        secret::State::Rotating if has_token => {
            shows(draft);
            draft.push(Phase::Auth, MODIFY, Wait::Available, sends("SET"));
        }
        _ => {
            shows(draft);
            if waits_for_tls(draft, scene, difference.attribute) {
                return;
            }
            draft.push(Phase::Auth, MODIFY, Wait::Available, sends("ROTATE"));
            set_later(draft, scene, sends("SET"));
        }
    }
}

/// The hop after ROTATE, from which on the token alone lets in.
fn set_later(draft: &mut Draft, scene: &Scene<'_>, set: Map<String, Value>) {
    if scene.options.all_hops {
        draft.push(Phase::Auth, MODIFY, Wait::Available, set);
    } else {
        draft.remaining.push(
            "authToken SET: apply again once all clients use the new token; until then the old way in stays open"
                .into(),
        );
    }
}

fn groups<'a>(ids: impl Iterator<Item = &'a str>) -> BTreeSet<Address> {
    ids.map(|id| Address::new(Kind::UserGroup, id)).collect()
}

/// The user groups once the change under way is over; `None` where none is.
pub fn pending_user_groups(view: &View<'_>) -> Option<Value> {
    let pending = view.pending("UserGroups")?;
    let removed: Vec<_> = strings(pending.get("UserGroupIdsToRemove")).collect();
    let kept = strings(view.own("UserGroupIds")).filter(|id| !removed.contains(id));
    Some(kept.chain(strings(pending.get("UserGroupIdsToAdd"))).collect())
}

/// Plans the user groups that come and go, in one call, once TLS and the engine are there for them.
pub fn user_groups(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if scene.view.flag("AuthTokenEnabled") {
        // Where the token is declared away, its own row makes the one call that AWS accepts.
        if !scene.declared("authToken").is_some_and(Value::is_null) {
            draft.blocks(
                "token-and-users",
                "the group has an AUTH token, which excludes user groups",
                "declare `authToken: null` beside userGroupIds to move from the token to user groups in one call",
            );
        }
        return;
    }
    if scene.declared("authToken").is_some_and(|token| !token.is_null()) {
        // From users to a token is one call too, which the token's row makes.
        return;
    }
    if waits_for_tls(draft, scene, difference.attribute) || waits_for_engine(draft, scene) {
        return;
    }
    let live: Vec<_> = strings(scene.view.own("UserGroupIds")).collect();
    let wanted: Vec<_> = strings(Some(&difference.declared)).collect();
    let add: Vec<_> = wanted.iter().filter(|id| !live.contains(id)).collect();
    let remove: Vec<_> = live.iter().filter(|id| !wanted.contains(id)).collect();
    let call = modify(draft, Phase::Auth);
    call.lets_go.extend(groups(remove.iter().copied().copied()));
    if wanted.is_empty() {
        call.insert("RemoveUserGroups".into(), json!(true));
        return;
    }
    if !add.is_empty() {
        call.insert("UserGroupIdsToAdd".into(), json!(add));
    }
    if !remove.is_empty() {
        call.insert("UserGroupIdsToRemove".into(), json!(remove));
    }
}

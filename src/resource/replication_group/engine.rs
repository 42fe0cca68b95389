//! Engine, version and parameter group hang together: AWS takes them in one call, by the family.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::{cluster_mode, modify, node_type, pending};
use crate::model::attribute::{Difference, Phase};
use crate::model::draft::{Draft, Scene};
use crate::model::live::{Live, View, strings};
use crate::model::version::{Version, declared, family};
use crate::model::{Address, Kind, Spec};
use crate::resource::parameter_group::{
    self, Differing, declared_parameters, family_of_aws_own, is_aws_own, user_parameters,
};
use crate::resource::user_group;

/// The engine version that the steps after an upgrade meet: the declared one where it does not wait.
pub fn version_then(scene: &Scene<'_>) -> Option<Version> {
    let live = Version::parse(&scene.live_text("engineVersion")?);
    let declared = scene.declared_text("engineVersion").filter(|_| super::is_immediate(scene)).and_then(Version::parse);
    match (declared, live) {
        (Some(declared), Some(live)) if declared.compare(live) == Ordering::Greater || scene.differs("engine") => {
            Some(declared)
        }
        _ => live,
    }
}

/// Does the spec ask for another engine, or for a newer version?
pub fn changes(scene: &Scene<'_>) -> bool {
    let live = scene.live_text("engineVersion").and_then(|version| Version::parse(&version));
    let newer = declared_version(scene).zip(live).is_some_and(|(declared, live)| declared.compare(live).is_gt());
    scene.differs("engine") || newer
}

/// The version that the spec asks for, now or in the window.
fn declared_version(scene: &Scene<'_>) -> Option<Version> {
    scene.declared_text("engineVersion").and_then(Version::parse)
}

/// The engine version once nothing waits any more: what rests on a newer one than [`version_then`] has to wait for it.
pub fn version_to_come(scene: &Scene<'_>) -> Option<Version> {
    let to_come = pending::to_come(scene, "engineVersion").as_ref().and_then(Value::as_str).and_then(Version::parse);
    let then = version_then(scene);
    match (to_come, then) {
        // An older one that is declared is a downgrade, and nothing that comes.
        (Some(to_come), Some(then)) if to_come.compare(then).is_lt() && !scene.differs("engine") => Some(then),
        (Some(to_come), _) => Some(to_come),
        (None, then) => then,
    }
}

/// The engine once nothing waits any more.
pub fn engine_to_come(scene: &Scene<'_>) -> Option<String> {
    pending::to_come(scene, "engine")?.as_str().map(str::to_owned)
}

/// For what has to wait: `once the engine is redis 7.1`.
pub fn once(scene: &Scene<'_>) -> String {
    let version = pending::to_come(scene, "engineVersion");
    let version = declared(version.as_ref().and_then(Value::as_str).unwrap_or_default());
    format!("once the engine is {} {version}", engine_to_come(scene).unwrap_or_default())
}

/// The engine that the steps after an upgrade meet.
pub fn engine_then(scene: &Scene<'_>) -> Option<String> {
    let declared = scene.declared_text("engine").filter(|_| super::is_immediate(scene)).map(str::to_owned);
    declared.or_else(|| scene.live_text("engine"))
}

/// Makes the call of a new engine or version, naming the engine and, where it is declared, the version.
pub fn engine_call(draft: &mut Draft, scene: &Scene<'_>) {
    let engine = scene.wanted("engine").unwrap_or_else(|| json!("redis"));
    let call = modify(draft, Phase::Engine);
    call.insert("Engine".into(), engine);
    if let Some(version) = scene.declared("engineVersion") {
        call.insert("EngineVersion".into(), version.clone());
    }
}

/// Plans another engine, in place: from redis to valkey, or from valkey 7.2 back to redis 7.1.
pub fn engine(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if difference.declared == json!("redis") && !may_go_back(draft, scene) {
        return;
    }
    if scene.declared("engineVersion").is_none() {
        draft.blocks(
            "engine-needs-version",
            "AWS requires the engine version in the call that changes the engine",
            "declare engineVersion, such as \"8.0\"",
        );
        return;
    }
    engine_call(draft, scene);
    needs_family(draft, scene);
}

/// AWS goes back from valkey 7.2 to redis 7.1 and no other way, and only once the users are of redis.
fn may_go_back(draft: &mut Draft, scene: &Scene<'_>) -> bool {
    let live = scene.live_text("engineVersion").and_then(|version| Version::parse(&version));
    let is_7_2 = live.is_some_and(|live| (live.major, live.minor) == (7, Some(2)));
    if !is_7_2 {
        draft.blocks(
            "engine-downgrade",
            "AWS goes back to redis from valkey 7.2 only, and a replacement would lose the data",
            "keep `engine: valkey`, which speaks the same protocol; a snapshot of valkey 7.2 can be restored as redis 7.1",
        );
        return false;
    }
    if declared_version(scene).is_some_and(|version| (version.major, version.minor) != (7, Some(1))) {
        draft.blocks(
            "engine-downgrade",
            "AWS goes back from valkey 7.2 to redis 7.1 only",
            "declare `engineVersion: \"7.1\"`",
        );
        return false;
    }
    let declared: Vec<&str> = strings(scene.declared("userGroupIds")).collect();
    let live: Vec<&str> = strings(scene.view.own("UserGroupIds")).collect();
    let odd = user_group::of_valkey(scene, &declared, &live);
    if !odd.is_empty() {
        draft.blocks(
            "user-group-engine",
            format!("{} would stay of engine valkey, and a redis cache takes users and user groups of redis only", odd.join(", ")),
            "declare `engine: redis` for them in this spec, and the group's userGroupIds: users, then user groups, then the cache are changed",
        );
        return false;
    }
    if let Some(name) = pending::to_come(scene, "cacheNodeType").as_ref().and_then(Value::as_str)
        && !node_type::runs(name, Some("redis"), Some("7.1"))
    {
        draft.blocks(
            "node-type-engine",
            format!("{name} nodes run no redis"),
            "declare a cacheNodeType of another family, such as cache.r7g.large: it is changed before the engine",
        );
        return false;
    }
    if !super::is_immediate(scene) && node_type::leaves_before_engine(scene) {
        draft.remaining.push("engine redis once the node type is as declared".into());
        return false;
    }
    true
}

/// The engine that waits, told by its version: redis ends at 7.1, and AWS names no engine that waits.
pub fn pending_engine(view: &View<'_>) -> Option<Value> {
    let version = Version::parse(view.member_pending("EngineVersion")?.as_str()?)?;
    Some(json!(if version.at_least(7, 2, 0) { "valkey" } else { "redis" }))
}

/// Plans an upgrade in place, and a replacement for a downgrade that is not AWS's own minor upgrade.
pub fn engine_version(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let live = difference.live.as_ref().and_then(Value::as_str).and_then(Version::parse);
    let (Some(declared), Some(live)) = (difference.declared.as_str().and_then(Version::parse), live) else {
        draft.shows(difference);
        draft.blocks(
            "engine-version-unreadable",
            "the running engine version could not be read",
            "run again once the members of the group answer",
        );
        return;
    };
    if scene.differs("engine") {
        draft.shows(difference);
        // The engine's own row sends the version, but where the engine waits already, and with another version.
        if pending_engine(scene.view) == scene.declared("engine").cloned() {
            engine_call(draft, scene);
            needs_family(draft, scene);
        }
        return;
    }
    if declared.compare(live) == Ordering::Less {
        if declared.major == live.major && scene.wanted("autoMinorVersionUpgrade") == Some(json!(true)) {
            draft.warnings.push((
                difference.attribute.into(),
                format!(
                    "AWS upgraded it to {} on its own (autoMinorVersionUpgrade); declare that version",
                    difference.live.as_ref().and_then(Value::as_str).unwrap_or_default()
                ),
            ));
            return;
        }
        draft.replaces(difference, "AWS refuses an engine downgrade");
        return;
    }
    draft.shows(difference);
    engine_call(draft, scene);
    needs_family(draft, scene);
}

/// AWS exchanges its own groups where none is named, and refuses any other of the wrong family.
fn needs_family(draft: &mut Draft, scene: &Scene<'_>) {
    let name = scene.wanted("cacheParameterGroupName").and_then(|name| name.as_str().map(str::to_owned));
    let Some(name) = name else { return };
    let live_default = scene.live_text("cacheParameterGroupName").is_some_and(|live| is_aws_own(&live));
    let crosses = cluster_mode::crosses(scene);
    // An engine that waits comes after the cluster-mode hop and not, as else, before it.
    let in_order = crosses && super::is_immediate(scene);
    if live_default && (scene.declared("cacheParameterGroupName").is_none() || in_order) {
        return;
    }
    if crosses && scene.differs("cacheParameterGroupName") {
        draft.blocks(
            "engine-and-cluster-mode",
            "a new engine version needs a parameter group of its family, and cluster mode another one: one parameter group cannot be both on the way",
            "take one of them out of the spec, apply, then put it back",
        );
        return;
    }
    fits_family(draft, scene, &name);
}

/// Is the parameter group of the family of the version that will run?
fn fits_family(draft: &mut Draft, scene: &Scene<'_>, name: &str) {
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let (Some(engine), Some(version)) = (text(scene.wanted("engine")), text(scene.wanted("engineVersion"))) else {
        return;
    };
    let Some(wanted) = family(&engine, &version) else { return };
    let Some(found) = scene.family_of(name).filter(|found| *found != wanted) else { return };
    if draft.blocked.iter().any(|blocked| blocked.rule == "parameter-group-family") {
        return;
    }
    let hint = if is_aws_own(name) {
        format!("set cacheParameterGroupName to default.{wanted}, or leave it out")
    } else {
        format!(
            "declare a new parameter group with `family: {wanted}` under another name and set cacheParameterGroupName to it; the old one can go with the next apply"
        )
    };
    draft.blocks(
        "parameter-group-family",
        format!("{engine} {version} needs a parameter group of family {wanted}, {name} is of family {found}"),
        hint,
    );
}

/// Plans another parameter group, in the call of the engine or of the cluster mode that needs it.
pub fn parameter_group(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let name = difference.declared.as_str().unwrap_or_default();
    if waits_with_the_engine(scene, name) {
        if pending::waits(draft, scene, difference, difference.declared.clone()) {
            draft.lets_go_in_window.extend(used_but(scene.view, name));
        }
        return;
    }
    draft.shows(difference);
    if let Some(on) = scene.cluster_on(name)
        && on != cluster_mode::next_speaks_cluster(scene)
    {
        draft.blocks(
            "parameter-group-cluster-mode",
            format!("{name} has cluster-enabled {}, and the group's cluster mode needs the other", yes_no(on)),
            format!("take a parameter group with `cluster-enabled: \"{}\"`", yes_no(!on)),
        );
        return;
    }
    fits_family(draft, scene, name);
    keeps_parameters(draft, scene, name);
    // The cluster-mode hop takes its parameter group along, unless that is for an engine which comes after the hop.
    let of_next_engine = || {
        let live = scene.live_text("cacheParameterGroupName").and_then(|live| scene.family_of(&live));
        cluster_mode::phase(scene) == Phase::LeaveCompatible && scene.family_of(name) != live
    };
    let with_hop = cluster_mode::crosses(scene) && !of_next_engine();
    let phase = if with_hop { cluster_mode::phase(scene) } else { Phase::Engine };
    let call = modify(draft, phase);
    call.insert(difference.member.into(), difference.declared.clone());
    call.lets_go.extend(used_but(scene.view, name));
}

/// Blocks another parameter group that would change what a cache has from its creation on, or keeps when it becomes valkey.
fn keeps_parameters(draft: &mut Draft, scene: &Scene<'_>, name: &str) {
    let Some(live) = scene.live_text("cacheParameterGroupName") else { return };
    let differing = |of| parameter_group::differing(scene.spec, scene.live, &live, name, of);
    let (before, after) = (scene.family_of(&live), scene.family_of(name));
    let becomes_valkey = before.as_ref().is_some_and(|family| family.starts_with("redis"))
        && scene.declared_text("engine") == Some("valkey");
    let (found, why) = if before == after {
        (differing(&parameter_group::AT_CREATION), "is chosen when a cache is created")
    } else if becomes_valkey && !is_aws_own(&live) {
        (differing(&parameter_group::STATIC), "stays as it is when redis becomes valkey")
    } else {
        return;
    };
    let Some(Differing { name: parameter, before, after }) = found else { return };
    draft.blocks(
        "parameter-at-creation",
        format!("{parameter} {why}: it is {before} in {live}, and {after} in {name}"),
        format!("declare `{parameter}: \"{before}\"` in {name}, or take another parameter group"),
    );
}

/// The parameter groups that the members use, but for this one.
fn used_but(view: &View<'_>, name: &str) -> Vec<Address> {
    let used = view
        .members
        .iter()
        .filter_map(|cluster| cluster.pointer("/CacheParameterGroup/CacheParameterGroupName")?.as_str());
    used.filter(|used| *used != name).map(|used| Address::new(Kind::ParameterGroup, used)).collect()
}

/// The value of `cluster-enabled` in a parameter group: `yes` or `no`.
pub fn yes_no(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

/// AWS shows an engine version that waits, and not the parameter group that was sent with it.
fn waits_with_the_engine(scene: &Scene<'_>, name: &str) -> bool {
    let Some(version) = scene.view.member_pending("EngineVersion").and_then(Value::as_str) else { return false };
    let waiting = ["valkey", "redis"].iter().filter_map(|engine| family(engine, version));
    let wanted = scene.family_of(name);
    let live = scene.live_text("cacheParameterGroupName").and_then(|live| scene.family_of(&live));
    wanted != live && waiting.into_iter().any(|family| Some(family) == wanted)
}

impl Scene<'_> {
    /// The family of a parameter group: as this spec declares it, as AWS describes it, or as a default group's name says.
    pub fn family_of(&self, name: &str) -> Option<String> {
        let address = Address::new(Kind::ParameterGroup, name);
        if let Some(family) = self.spec.resources.get(&address).and_then(|group| group.text("family")) {
            return Some(family.to_owned());
        }
        let described = self
            .live
            .get(&address)
            .and_then(|group| group.get("CacheParameterGroupFamily")?.as_str().map(str::to_owned));
        described.or_else(|| family_of_aws_own(name).map(str::to_owned))
    }

    /// Is the parameter group for cluster mode? `None` where nothing is known of it.
    pub fn cluster_on(&self, name: &str) -> Option<bool> {
        cluster_on(self.spec, self.live, name)
    }
}

/// Is the parameter group for cluster mode: as this spec declares it, or as AWS describes it?
pub fn cluster_on(spec: &Spec, live: &Live, name: &str) -> Option<bool> {
    if is_aws_own(name) {
        return Some(name.ends_with(".cluster.on"));
    }
    let address = Address::new(Kind::ParameterGroup, name);
    let on = |parameters: std::collections::BTreeMap<String, String>| {
        parameters.get("cluster-enabled").is_some_and(|value| value == "yes")
    };
    let declared = spec.resources.get(&address);
    match declared.and_then(|group| group.fields.get("parameters")) {
        Some(parameters) => Some(on(declared_parameters(Some(parameters)))),
        None if live.get(&address).is_some() => Some(on(user_parameters(live, &address.id))),
        None => declared.map(|_| false),
    }
}

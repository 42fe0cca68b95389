//! One resource: create it, change it, replace it, adopt it, delete it.

use serde_json::{Map, Value, json};

use super::{Planned, compare, composites, fingerprint, guards, needs_permit, tags};
use crate::model::attribute::{Impact, Phase, Route};
use crate::model::draft::{Draft, Scene};
use crate::model::live::{Live, object};
use crate::model::operation::Verb;
use crate::model::options::{Options, Permit};
use crate::model::plan::{Action, AttributeChange, Ownership};
use crate::model::shape::is_empty;
use crate::model::version::Version;
use crate::model::{Address, Kind, Resource, Spec};
use crate::resource::kind_row::Creation;
use crate::resource::replication_group::datastore;
use crate::resource::{alarm, ownership, secret, serverless_cache};

pub fn planned(spec: &Spec, live: &Live, options: &Options, resource: &Resource) -> Planned {
    let address = &resource.address;
    let owner = ownership::of(spec, live, address);
    let view = live.view(address);
    let going = view.as_ref().is_some_and(|view| view.status() == "deleting");
    let Some(view) = view.filter(|_| !going) else {
        let mut draft = Draft::new(address.clone());
        if going {
            draft.warnings.push((
                "status".into(),
                "it is being deleted; apply waits until it is gone and creates it again".into(),
            ));
        }
        create(&mut draft, spec, live, resource, None);
        needs_secret(&mut draft, live);
        return Planned { draft, action: Action::Create, ownership: Ownership::Absent, fingerprint: None, count: None };
    };
    let scene = Scene { spec, live, resource, view: &view, options, rows: address.kind.attributes() };
    let mut draft = Draft::new(address.clone());
    guards::ownership(&mut draft, live, owner);
    let restless = address.kind.is_cache() && !matches!(view.status(), "available" | "create-failed");
    if restless {
        draft.warnings.push(("status".into(), format!("it is {}; apply waits until it is at rest", view.status())));
    }
    if address.kind.is_cache() && view.status() == "create-failed" {
        draft.replace.push("it failed to be created, and AWS only lets it be deleted".to_owned());
    } else {
        update(&mut draft, &scene);
    }
    if options.secrets || !draft.replace.is_empty() || sends_secret(&draft) {
        needs_secret(&mut draft, live);
    } else if let Some(why) = live.unreadable.get(address) {
        draft.warnings.push(("secret".into(), format!("it is not compared: {why}")));
    }
    if !draft.replace.is_empty() {
        return replaced(draft, &scene, owner);
    }
    if !matches!(owner, Ownership::Unknown | Ownership::Foreign) {
        tags::change_tags(&mut draft, &scene);
    }
    if !draft.calls.is_empty() {
        serverless_cache::keeps(&mut draft, &view);
    }
    let action = match owner {
        Ownership::Unowned => Action::Adopt,
        _ if draft.attributes.is_empty() && draft.is_idle() => Action::Noop,
        _ => Action::Update,
    };
    if action == Action::Adopt {
        needs_permit(&mut draft, options, Permit::Adopt);
    }
    Planned { draft, action, ownership: owner, fingerprint: fingerprint::of(live, address), count: None }
}

fn sends_secret(draft: &Draft) -> bool {
    secret::field(draft.address.kind).is_some_and(|(attribute, _)| {
        draft.calls.iter().any(|call| call.parameters.contains_key(secret::member(attribute)))
    })
}

/// What is not read now would be missing in the middle of an apply.
fn needs_secret(draft: &mut Draft, live: &Live) {
    if let Some(why) = live.unreadable.get(&draft.address) {
        draft.blocks(
            "secret-unreadable",
            format!("its secret cannot be read: {why}"),
            "see where the spec says that it is kept",
        );
    }
}

fn update(draft: &mut Draft, scene: &Scene<'_>) {
    compare::compare(draft, scene);
    (draft.address.kind.row().finish)(draft, scene);
    let id = (draft.address.kind.id_member(), json!(draft.address.id));
    for call in draft.calls.iter_mut().filter(|call| call.operation.verb() != Verb::Reboot) {
        call.parameters.entry(id.0).or_insert_with(|| id.1.clone());
    }
}

/// Everything that is declared, as the create call takes it.
pub fn create(draft: &mut Draft, spec: &Spec, live: &Live, resource: &Resource, restore: Option<&str>) {
    let kind = resource.address.kind;
    let mut parameters = Map::new();
    parameters.insert(kind.id_member().to_owned(), json!(resource.address.id));
    for row in kind.attributes().iter().filter(|row| !row.later && !matches!(row.route, Route::Local)) {
        let Some(declared) = resource.fields.get(row.field.name).filter(|value| !is_empty(value)) else { continue };
        parameters.insert(row.field.member.to_owned(), row.field.shape.to_api(declared));
        draft.attributes.push(AttributeChange {
            path: row.field.name.to_owned(),
            before: Value::Null,
            after: declared.clone(),
            impact: Impact::None,
            sensitive: row.is_secret(),
        });
    }
    let tags = ownership::wanted_tags(spec, live, resource);
    parameters.insert("Tags".into(), ownership::tag_list(&tags));
    let told = tags.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    draft.attributes.extend(told.map(|(key, value)| AttributeChange {
        path: format!("tags.{key}"),
        before: Value::Null,
        after: json!(value),
        impact: Impact::None,
        sensitive: false,
    }));
    let row = kind.row();
    let mut creation = Creation { spec, live, resource, restore, parameters };
    (row.create)(draft, &mut creation);
    draft.push(Phase::Create, row.calls.create, kind.ready(), creation.parameters.clone());
    (row.created)(draft, &creation);
}

/// Delete with a final snapshot, create from it.
fn replaced(mut draft: Draft, scene: &Scene<'_>, owner: Ownership) -> Planned {
    let address = draft.address.clone();
    let failed = scene.view.status() == "create-failed";
    draft.calls.clear();
    draft.zones.clear();
    draft.topology = None;
    draft.remaining.clear();
    // What forces the replacement says so; all else comes with the new one.
    for change in draft.attributes.iter_mut().filter(|change| change.impact != Impact::Replace) {
        change.impact = Impact::None;
    }
    if ownership::is_protected(scene.live, &address, Some(scene.resource)) && !failed {
        draft.blocks(
            "protected",
            "lifecycle.protect keeps it from being replaced",
            "set `protect: false`, apply, then try again",
        );
    }
    datastore::keeps(&mut draft, scene.view, &scene.live.region);
    serverless_cache::keeps(&mut draft, scene.view);
    if owner == Ownership::Unowned {
        needs_permit(&mut draft, scene.options, Permit::Adopt);
    }
    needs_permit(&mut draft, scene.options, Permit::Replace);
    (address.kind.row().replaced)(&mut draft, scene);
    let memcached = scene.view.text("Engine") == Some("memcached");
    let snapshot =
        (!failed && !memcached && address.kind.is_cache() && scene.resource.lifecycle("finalSnapshot") != Some(false))
            .then(|| snapshot_name(&address, scene.options));
    if address.kind.is_cache() && snapshot.is_none() && !failed {
        draft.warnings.push(("lifecycle.finalSnapshot".into(), "no final snapshot is taken: the data is lost".into()));
    }
    let restore = snapshot.clone().filter(|_| restorable(scene));
    if snapshot.is_some() && restore.is_none() {
        draft.warnings.push((
            "engineVersion".into(),
            "a snapshot cannot be restored into an older engine: the new cache starts empty, the snapshot is kept"
                .into(),
        ));
    }
    push_delete(&mut draft, snapshot.as_deref());
    let shown = draft.attributes.len();
    create(&mut draft, scene.spec, scene.live, scene.resource, restore.as_deref());
    draft.attributes.truncate(shown);
    if let Some(reason) = draft.replace.first().filter(|_| shown == 0) {
        draft.attributes.push(AttributeChange {
            path: "status".into(),
            before: json!(scene.view.status()),
            after: json!(reason),
            impact: Impact::Replace,
            sensitive: false,
        });
    }
    Planned {
        draft,
        action: Action::Replace,
        ownership: owner,
        fingerprint: fingerprint::of(scene.live, &address),
        count: None,
    }
}

/// Snapshots go into the same engine or a newer one, and between node types but for data tiering.
fn restorable(scene: &Scene<'_>) -> bool {
    let name = if scene.resource.address.kind.is_serverless() { "majorEngineVersion" } else { "engineVersion" };
    // A serverless cache's version is a major one alone.
    let version = |text: &str| Version::parse(text).or_else(|| Version::parse(&format!("{text}.0")));
    let (declared, live) =
        (scene.declared_text(name).and_then(version), scene.live_text(name).as_deref().and_then(version));
    let older = declared.zip(live).is_some_and(|(declared, live)| declared.compare(live).is_lt());
    !older && !scene.differs("dataTieringEnabled") && !scene.differs("engine")
}

fn snapshot_name(address: &Address, options: &Options) -> String {
    format!("{}-final-{}", address.id, options.timestamp)
}

/// Plans the call that deletes the draft's resource.
pub(super) fn push_delete(draft: &mut Draft, snapshot: Option<&str>) {
    let address = draft.address.clone();
    let mut parameters = object([(address.kind.id_member(), json!(address.id))]);
    if let Some((member, snapshot)) = address.kind.row().final_snapshot.zip(snapshot) {
        parameters.insert(member.into(), json!(snapshot));
    }
    if let Some(list) = address.kind.row().deletes_many {
        parameters = object([(list, json!([address.id]))]);
    }
    draft.push(Phase::Delete, address.kind.row().calls.delete, address.kind.gone(), parameters);
}

/// A resource that could not be read may be anybody's, and be anything; `None` of what was read.
pub(super) fn unread(live: &Live, address: &Address) -> Option<Planned> {
    let why = live.unread.get(address)?;
    let mut draft = Draft::new(address.clone());
    let permission = address.kind.row().reads.first().unwrap_or(&"to read it");
    draft.blocks(
        "ownership-unknown",
        format!("it could not be read, so its owner and what it shows are unknown: {why}"),
        format!("allow these credentials {permission} on it, then plan again; or leave it out with --only"),
    );
    Some(Planned { draft, action: Action::Noop, ownership: Ownership::Unknown, fingerprint: None, count: None })
}

/// An orphan, or anything of a stack that is to go.
pub fn deleted(spec: &Spec, live: &Live, options: &Options, address: &Address) -> Planned {
    if let Some(unread) = unread(live, address) {
        return unread;
    }
    let mut draft = Draft::new(address.clone());
    let owner = ownership::of(spec, live, address);
    let resource = spec.resources.get(address);
    let Some(view) = live.view(address) else {
        return Planned { draft, action: Action::Noop, ownership: owner, fingerprint: None, count: None };
    };
    let unknown = owner == Ownership::Unknown && resource.is_some();
    if (owner != Ownership::Owned && !unknown) || view.status() == "deleting" {
        // What the stack does not own is not the stack's to delete; what is going needs no second call.
        return Planned { draft, action: Action::Noop, ownership: owner, fingerprint: None, count: None };
    }
    guards::ownership(&mut draft, live, owner);
    if ownership::is_protected(live, address, resource) {
        draft.blocks(
            "protected",
            "it is protected (lifecycle.protect, kept in a tag)",
            "set `protect: false`, apply, then try again",
        );
    }
    datastore::keeps(&mut draft, &view, &live.region);
    serverless_cache::keeps(&mut draft, &view);
    needs_permit(&mut draft, options, Permit::Delete);
    // A failed creation has nothing to keep, and AWS refuses to take a snapshot of it.
    let keep = resource.and_then(|resource| resource.lifecycle("finalSnapshot")) != Some(false)
        && view.status() != "create-failed";
    let memcached = view.text("Engine") == Some("memcached");
    let snapshot = (address.kind.is_cache() && keep && !memcached).then(|| snapshot_name(address, options));
    push_delete(&mut draft, snapshot.as_deref());
    if address.kind == Kind::CompositeAlarm {
        draft.children = composites::named_now(live, address);
    }
    if address.kind == Kind::Alarm {
        draft.watches = alarm::watched(view.own);
    }
    Planned {
        draft,
        action: Action::Delete,
        ownership: owner,
        fingerprint: fingerprint::of(live, address),
        count: None,
    }
}

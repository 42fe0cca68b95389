//! TLS: off, preferred, required. One stage a call, one hop an apply, and never while a token or user
//! groups are in force: AWS refuses even an unchanged value then.

use serde_json::{Value, json};

use super::{MODIFY, access, engine};
use crate::model::attribute::{Difference, Impact, Phase};
use crate::model::draft::{Draft, Scene};
use crate::model::live::object;
use crate::model::plan::AttributeChange;
use crate::model::step::Wait;
use crate::model::version::Version;

/// The calls from where the group is to where it should be; the first is this apply's.
fn hops(scene: &Scene<'_>) -> Vec<&'static str> {
    let live = match (scene.view.flag("TransitEncryptionEnabled"), scene.view.text("TransitEncryptionMode")) {
        (false, _) => "off",
        (true, Some("preferred")) => "preferred",
        (true, _) => "required",
    };
    let on = scene.wanted("transitEncryptionEnabled") == Some(json!(true));
    let wanted = match (on, scene.declared_text("transitEncryptionMode")) {
        (false, _) => "off",
        // Once somebody must log in AWS changes TLS no more, and `preferred` lets passwords go in clear.
        (true, None) if access::comes(scene) => "required",
        // A mode that is not declared stays; a group that had no TLS stays at the first stage.
        (true, None) if live == "off" => "preferred",
        (true, None) => live,
        (true, Some(mode)) => {
            if mode == "preferred" {
                "preferred"
            } else {
                "required"
            }
        }
    };
    match (live, wanted) {
        (live, wanted) if live == wanted => Vec::new(),
        ("off", "required") => vec!["preferred", "required"],
        ("required", "off") => vec!["preferred", "off"],
        (_, wanted) => vec![wanted],
    }
}

/// Makes a mode of TLS that is not declared `required` before anybody must log in.
pub fn ahead_of_access(draft: &mut Draft, scene: &Scene<'_>) {
    let path = "transitEncryptionMode";
    if !access::comes(scene) || scene.wanted("transitEncryptionEnabled") != Some(json!(true)) {
        return;
    }
    match scene.declared_text(path) {
        Some("preferred") => draft.warnings.push((
            path.into(),
            "once a login is required, AWS no longer changes TLS: it stays `preferred`, which answers plain connections too, and AWS documents only `required` with access control".into(),
        )),
        None if !scene.differs("transitEncryptionEnabled") && hops(scene) == ["required"] => {
            draft.attributes.push(AttributeChange {
                path: path.into(),
                before: json!("preferred"),
                after: json!("required"),
                impact: Impact::Brief,
                sensitive: false,
            });
            draft.warnings.push((
                path.into(),
                "it is not declared, and becomes `required` before a login is required: after that, AWS no longer changes TLS".into(),
            ));
            change(draft, scene);
        }
        _ => {}
    }
}

/// Is TLS still on its way to what is declared after this apply?
pub fn remains(scene: &Scene<'_>) -> bool {
    match hops(scene).len() {
        0 => false,
        more => waits_for_engine(scene) || more > 1 && !scene.options.all_hops,
    }
}

/// AWS changes TLS in place from engine version 7.0.5 on.
fn can_change(version: Option<Version>) -> bool {
    version.is_some_and(|version| version.at_least(7, 0, 5))
}

/// Does an engine that waits bring the version from which on TLS can be changed?
fn waits_for_engine(scene: &Scene<'_>) -> bool {
    !can_change(engine::version_then(scene)) && can_change(engine::version_to_come(scene))
}

/// Plans TLS on or off, a stage an apply; before engine version 7.0.5 by a replacement, unless a newer engine comes.
pub fn transit_encryption(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    if waits_for_engine(scene) {
        draft.shows(difference);
        remains_for_engine(draft, scene, difference);
    } else if can_change(engine::version_then(scene)) {
        draft.shows(difference);
        change(draft, scene);
    } else if engine::version_then(scene).is_none() {
        // A version that is not known is no reason to delete anything.
        draft.shows(difference);
        draft.blocks(
            "engine-version-unreadable",
            "whether TLS can be changed in place depends on the engine version, which could not be read",
            "run again once the members of the group answer",
        );
    } else {
        draft.replaces(difference, "before engine version 7.0.5 TLS is chosen at creation");
    }
}

fn remains_for_engine(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    if stays_for_access(draft, scene) {
        return;
    }
    let wanted = difference.declared.as_str().map_or_else(|| difference.declared.to_string(), str::to_owned);
    draft.remaining.push(format!("{} {wanted} {}", difference.attribute, engine::once(scene)));
}

/// Plans how TLS is offered where TLS itself stays on, a stage an apply.
pub fn transit_encryption_mode(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    if scene.differs("transitEncryptionEnabled") {
        return;
    }
    if !scene.view.flag("TransitEncryptionEnabled") {
        draft.blocks("tls-off", "the group has no TLS", "declare `transitEncryptionEnabled: true`");
        return;
    }
    if waits_for_engine(scene) {
        remains_for_engine(draft, scene, difference);
        return;
    }
    if !can_change(engine::version_then(scene)) {
        draft.blocks(
            "tls-mode-engine",
            "before engine version 7.0.5 TLS is required or off, and nothing between",
            "upgrade to 7.0.5 or later first",
        );
        return;
    }
    change(draft, scene);
}

/// Blocks a change of TLS under access control that stays in force.
fn stays_for_access(draft: &mut Draft, scene: &Scene<'_>) -> bool {
    let stays = access::in_force(scene.view) && !access::is_going(scene);
    if stays {
        draft.blocks(
            "tls-with-access-control",
            "AWS does not change TLS while an AUTH token or user groups are in force",
            if scene.view.flag("AuthTokenEnabled") {
                "declare `authToken: null` beside `userGroupIds: []`: the token goes in two hops, by way of user groups"
            } else {
                "declare `userGroupIds: []`"
            },
        );
    }
    stays
}

fn change(draft: &mut Draft, scene: &Scene<'_>) {
    let hops = hops(scene);
    let mut phase = Phase::Tls;
    if stays_for_access(draft, scene) {
        return;
    }
    if access::in_force(scene.view) {
        phase = Phase::TlsAfterAuth;
        if !scene.options.all_hops {
            draft.remaining.extend(hops.iter().map(|hop| later(hop)));
            return;
        }
    }
    for (index, hop) in hops.iter().enumerate() {
        if index > 0 && !scene.options.all_hops {
            draft.remaining.push(later(hop));
            continue;
        }
        draft.push(phase, MODIFY, Wait::Available, parameters(scene, hop, index));
    }
}

fn parameters(scene: &Scene<'_>, hop: &str, index: usize) -> serde_json::Map<String, Value> {
    let on = || ("TransitEncryptionEnabled", json!(true));
    let mode = |mode: &str| ("TransitEncryptionMode", json!(mode));
    match hop {
        "off" => object([("TransitEncryptionEnabled", json!(false))]),
        hop if index == 0 && !scene.view.flag("TransitEncryptionEnabled") => object([on(), mode(hop)]),
        hop => object([mode(hop)]),
    }
}

fn later(hop: &str) -> String {
    match hop {
        "off" => "transitEncryptionEnabled false: apply again once all clients connect without TLS".to_owned(),
        "required" => {
            "transitEncryptionMode required: apply again once all clients use TLS and the new endpoints".to_owned()
        }
        hop => format!("transitEncryptionMode {hop}: apply again once no client logs in any more"),
    }
}

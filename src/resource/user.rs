//! Users: names, passwords and what they may do.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::kind_row::{Arn, Calls, Creation, IdForm, KindRow, Names, Secret, States, Use};
use super::local;
use super::secret;
use crate::model::attribute::{Attribute, Difference, Impact, Phase, Read, Route};
use crate::model::draft::{Draft, Scene};
use crate::model::live::{Live, View, strings};
use crate::model::shape::{Field, Shape, list, pattern, text};
use crate::model::step::Wait;
use crate::model::{Address, Kind, Operation, Spec};

/// The rows of a user: its name, its rights, and three that say how it logs in, of which AWS takes one.
#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(Field::new("userName", "UserName", text(120), "Name to log in with. With IAM it must equal the id.").required(),
        Read::Own("UserName"), Route::Replace, Impact::Replace, "the name is chosen at creation"),
    Attribute::new(Field::new("engine", "Engine", super::replication_group::ENGINES, "`valkey` or `redis`.").required(),
        Read::Own("Engine"), Route::Call(Phase::Settings), Impact::None, ""),
    Attribute::new(Field::new("accessString", "AccessString", pattern("\\S", 2048, "on ~app:* +@read +@write"), "What the user may do, in ACL syntax. It starts with `on` or `off`.").required(),
        Read::Own("AccessString"), Route::With(access_string), Impact::None, "AWS writes it out in another form; both are compared by what they mean, as far as that is known.").unproven(),
    Attribute::new(Field::new("passwords", "Passwords", list(&Shape::Secret, 1, 2), "Where one or two passwords are kept; both are valid."),
        Read::Never, Route::Whole, Impact::None, "To rotate: declare new and old, move the clients, then declare the new one alone.").unproven().remark(passwords_remark),
    Attribute::new(Field::new("noPasswordRequired", "NoPasswordRequired", Shape::Bool, "Let the user in without a password. Not in a valkey user group."),
        Read::With(|view| Some(json!(matches!(authentication(view), Some("no-password"))))), Route::With(way_in), Impact::None, "").import(|_, value| (value == json!(true)).then_some(value)),
    Attribute::new(Field::new("authenticationMode", "AuthenticationMode", Shape::Object(&[
            Field::new("type", "Type", Shape::Enum(&["password", "no-password-required", "iam"]), "How the user proves who it is.").required(),
        ]), "Authentication by IAM instead of passwords: `{type: iam}`."),
        Read::With(|view| authentication(view).map(|mode| json!({"type": if mode == "no-password" { "no-password-required" } else { mode }}))),
        Route::With(way_in), Impact::None,"`{type: password}` without passwords leaves those of a user that exists as they are.").unproven().import(|_, value| (value != json!({"type": "no-password-required"})).then_some(value)),
    local::TAGS_ROW,
];

/// Users as a kind, whose passwords AWS never tells and a tag marks.
pub const KIND: KindRow = KindRow {
    reads: &["elasticache:DescribeUsers"],
    states: Some(States { at_rest: "active", ready: Wait::Active }),
    state: |view| view.status(),
    facts: |view| vec![view.word("Engine"), format!("name {}", view.word("UserName"))],
    secret: Some(Secret {
        attribute: "passwords",
        member: "Passwords",
        tag: "cachectl:passwords",
        is_in_force: |scene| !logs_in_without_password(scene.view),
    }),
    uses: Some(Use { fields: "userIds", users: |live, user| named_users(live, user, "UserGroupIds", Kind::UserGroup) }),
    is_aws_own: is_default,
    create: one_way_in,
    finish: passwords,
    replaced: |draft, scene| {
        let groups: Vec<&str> = strings(scene.view.own("UserGroupIds")).collect();
        if !groups.is_empty() {
            // AWS would take the user out of its groups without a word.
            draft.blocks(
                "replace-in-use",
                format!("the user is in {}, and could not log in until it is back there", groups.join(", ")),
                "declare a new user under another id with the new name, and put that into the group's userIds in place of this one",
            );
        }
    },
    ..KindRow::plain(
        Names {
            kind: "user",
            section: "users",
            noun: "user",
            about: "Users, by id: their names, where their passwords are kept, and what they may do.",
        },
        ATTRIBUTES,
        Arn::elasticache("user"),
        IdForm { of_aws: Some("default.iam-user"), ..USER_ID },
        Calls {
            create: Operation::CreateUser,
            modify: Operation::ModifyUser,
            delete: Operation::DeleteUser,
            id_member: "UserId",
        },
    )
};

/// Is it AWS's own user or user group? Every account has `default`, and some whose names go on after a dot.
pub fn is_default(id: &str) -> bool {
    id == "default" || id.starts_with("default.")
}

/// The form of the ids of users and user groups.
pub const USER_ID: IdForm = IdForm {
    pattern: "^[a-zA-Z][a-zA-Z0-9-]*$",
    longest: 40,
    words: "1 to 40 letters, digits and hyphens, beginning with a letter",
    of_aws: None,
};

/// The passwords say that they are the way in; AWS takes one member that does.
fn one_way_in(draft: &mut Draft, creation: &mut Creation<'_>) {
    let parameters = &mut creation.parameters;
    if parameters.contains_key("Passwords") {
        parameters.remove("AuthenticationMode");
        parameters.remove("NoPasswordRequired");
    } else if parameters.get("AuthenticationMode") == Some(&json!({"Type": "password"})) {
        needs_password(draft);
    }
}

/// The resources of a kind that a description lists.
pub fn named_users(live: &Live, used: &Address, member: &str, kind: Kind) -> BTreeSet<Address> {
    strings(live.get(used).and_then(|own| own.get(member))).map(|id| Address::new(kind, id)).collect()
}

fn authentication<'a>(view: &View<'a>) -> Option<&'a str> {
    view.own("Authentication")?.get("Type")?.as_str()
}

/// Does the user log in another way than by password, so that it has none yet?
pub fn logs_in_without_password(view: &View<'_>) -> bool {
    authentication(view).is_some_and(|mode| mode != "password")
}

/// Does the user log in by IAM, as declared or else as it is live? `None` where neither says.
pub fn logs_in_by_iam(spec: &Spec, live: &Live, user: &Address) -> Option<bool> {
    let declared =
        spec.resources.get(user).map(|user| user.fields.get("authenticationMode").and_then(|it| it.get("type")));
    let of_live = || Some(live.get(user)?.get("Authentication")?.get("Type"));
    let mode = declared.or_else(of_live)?;
    Some(mode.and_then(Value::as_str) == Some("iam"))
}

/// Blocks a user that is to log in by password and names none: AWS takes the one only with the other.
pub fn needs_password(draft: &mut Draft) {
    draft.blocks(
        "user-needs-password",
        "the user is to log in by password, and the spec names none to set",
        "declare `passwords: [{secretsManager: NAME, key: KEY}]`",
    );
}

fn passwords_remark(view: &View<'_>) -> Option<&'static str> {
    (authentication(view) == Some("password")).then_some(
        "AWS never returns passwords: left out, they stay as they are. To manage them, say where they are kept:\n\
         passwords: [{secretsManager: NAME, key: KEY}]",
    )
}

/// AWS takes one member that says how a user logs in. Where it is by passwords, those are the member.
fn way_in(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let by_password = scene.declared("passwords").is_some();
    if by_password {
        return;
    }
    if difference.declared == json!({"type": "password"}) {
        needs_password(draft);
        return;
    }
    let Some(row) = crate::resource::attribute(draft.address.kind, difference.attribute) else { return };
    let value = row.field.shape.to_api(&difference.declared);
    draft.call(Phase::Settings, Operation::ModifyUser, Wait::Active).insert(difference.member.into(), value);
}

/// AWS expands what it was given (`+@read` gains `-@all` before it, `&*` and the like). Rules are
/// compared as a set, without those that AWS adds.
fn access_string(draft: &mut Draft, _scene: &Scene<'_>, difference: &Difference) {
    let live = difference.live.as_ref().and_then(Value::as_str).unwrap_or_default();
    if normal(difference.declared.as_str().unwrap_or_default()) == normal(live) {
        return;
    }
    draft.shows(difference);
    draft
        .call(Phase::Settings, Operation::ModifyUser, Wait::Active)
        .insert(difference.member.into(), difference.declared.clone());
}

fn normal(access: &str) -> Vec<String> {
    let mut on = "off";
    let mut rules: Vec<String> = Vec::new();
    for rule in access.split_whitespace() {
        // Patterns say what they say; the server takes all else in any case.
        let rule = if rule.contains(['~', '&']) { rule.to_owned() } else { rule.to_ascii_lowercase() };
        match rule.as_str() {
            "on" => on = "on",
            "off" => on = "off",
            "allkeys" => rules.push("~*".into()),
            "allchannels" => rules.push("&*".into()),
            "allcommands" => rules.push("+@all".into()),
            "nocommands" => rules.push("-@all".into()),
            "sanitize-payload" => {}
            "resetchannels" => rules.retain(|rule| !rule.starts_with('&')),
            "resetkeys" => rules.retain(|rule| !rule.starts_with(['~', '%'])),
            _ => rules.push(rule),
        }
    }
    // Taking everything away first changes nothing: a user starts with nothing.
    if rules.iter().find(|rule| rule.starts_with(['+', '-'])).is_some_and(|first| first == "-@all") {
        let at = rules.iter().position(|rule| rule == "-@all");
        at.map(|at| rules.remove(at));
    }
    // Patterns are a set; commands apply in their order.
    let (mut patterns, commands): (Vec<_>, Vec<_>) = rules.into_iter().partition(|rule| !rule.starts_with(['+', '-']));
    patterns.sort();
    patterns.dedup();
    std::iter::once(on.to_owned()).chain(patterns).chain(commands).collect()
}

/// How far a user's commands reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every command on every key.
    Everything,
    /// Commands that take no key and spare none: FLUSHALL, CONFIG, SHUTDOWN and their like.
    Dangerous,
    Ordinary,
}

/// How far an access string reaches, by the form in which access strings are compared.
pub fn reach(access: &str) -> Reach {
    let rules = normal(access);
    if rules.first().is_none_or(|on| on != "on") {
        return Reach::Ordinary;
    }
    let (mut all, mut dangerous) = (false, false);
    for rule in &rules {
        match rule.to_ascii_lowercase().as_str() {
            "+@all" => (all, dangerous) = (true, true),
            "-@all" => (all, dangerous) = (false, false),
            "+@dangerous" | "+@admin" | "+flushall" | "+flushdb" | "+swapdb" => dangerous = true,
            "-@dangerous" => (all, dangerous) = (false, false),
            rule if rule.starts_with('-') => all = false,
            _ => {}
        }
    }
    match (all, dangerous, rules.iter().any(|rule| rule == "~*")) {
        (true, _, true) => Reach::Everything,
        (_, true, _) => Reach::Dangerous,
        _ => Reach::Ordinary,
    }
}

/// Plans passwords where the tag says that others are set, or where that is allowed: AWS never returns them.
pub fn passwords(draft: &mut Draft, scene: &Scene<'_>) {
    let Some(declared) = scene.declared("passwords") else { return };
    let differs = secret::state(scene.live, &draft.address, "passwords", declared) == secret::State::Different;
    if !logs_in_without_password(scene.view) && !differs && !secret::may_replace_unknown(scene, "passwords") {
        return;
    }
    draft.shows(&Difference {
        attribute: "passwords",
        member: "Passwords",
        declared: declared.clone(),
        live: None,
        impact: Impact::None,
    });
    if let Some(last) = draft.attributes.last_mut() {
        last.sensitive = true;
    }
    draft.call(Phase::Settings, Operation::ModifyUser, Wait::Active).insert("Passwords".into(), declared.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_that_may_flush_reaches_far_whatever_its_keys() {
        for access in ["on ~* +@all", "on allkeys allcommands", "on +@all ~*", "ON ~* +@ALL"] {
            assert_eq!(reach(access), Reach::Everything, "{access}");
        }
        for access in [
            "on ~app:* +@all",
            "on ~app:* +@read +flushall",
            "on ~* +@all -get",
            "on ~app:* allcommands",
            "on ~a:* +@admin",
        ] {
            assert_eq!(reach(access), Reach::Dangerous, "{access}");
        }
        for access in
            ["on ~app:* +@read +@write", "off ~* +@all", "on ~* +@all -@dangerous", "on ~* +@all -@all +get", ""]
        {
            assert_eq!(reach(access), Reach::Ordinary, "{access}");
        }
    }

    #[test]
    fn what_aws_adds_to_an_access_string_is_no_difference() {
        assert_eq!(normal("on ~app:* +@read +@write"), normal("on ~app:* -@all +@read +@write"));
        assert_eq!(normal("on allkeys allcommands"), normal("on ~* +@all"));
        assert_ne!(normal("on ~app:* +@read"), normal("on ~app:* +@read +@write"));
        assert_ne!(normal("on ~* +@all -get"), normal("on ~* -get +@all"));
        assert_ne!(normal("on ~* +get"), normal("off ~* +get"));
        assert_eq!(normal("ON ~App:* +GET -Config|Set +@READ"), normal("on ~App:* +get -config|set +@read"));
        assert_ne!(normal("on ~App:* +get"), normal("on ~app:* +get"));
        assert_eq!(normal("on ~old:* resetkeys ~new:* +get"), normal("on ~new:* +get"));
    }
}

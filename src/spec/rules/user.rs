//! Users and user groups.

use serde_json::Value;

use super::finder::{Finder, set};
use super::{Check, Rule};
use crate::model::live::strings;
use crate::model::suggest::suggest;
use crate::model::{Kind, Resource};
use crate::spec::source::Span;

const USER: &[Kind] = &[Kind::User];
const USER_GROUP: &[Kind] = &[Kind::UserGroup];

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "user-authentication", check: Check::Resource(USER, authentication),
        why: "A user logs in with one or two passwords, by IAM, or with none: exactly one of these. `authenticationMode: {type: password}` alone leaves the passwords of a user that exists as they are.",
        source: "API reference, CreateUser: AuthenticationMode, Passwords, NoPasswordRequired" },
    Rule { code: "iam-user-name", check: Check::Resource(USER, iam_name),
        why: "With IAM, AWS knows the user by its id, so that name and id must be the same.",
        source: "AWS guide, authenticating with IAM" },
    Rule { code: "access-string", check: Check::Resource(USER, access_string),
        why: "An access string holds rules on commands, keys and channels. Passwords, `nopass`, `resetpass` and `reset` are not for it, and neither are commands that ElastiCache keeps to itself.",
        source: "AWS guide, role-based access control (Clusters.RBAC)" },
    Rule { code: "access-string-off", check: Check::Resource(USER, off),
        why: "A user is off until its access string says `on`.",
        source: "AWS guide, role-based access control (Clusters.RBAC)" },
    Rule { code: "access-category", check: Check::Resource(USER, categories),
        why: "Rules on categories of commands name one that the engine has (+@read, -@dangerous). Another one may be new, or a slip: the engine refuses a slip.",
        source: "Valkey documentation, ACL: command categories" },
    Rule { code: "default-user", check: Check::Resource(USER_GROUP, default_user),
        why: "A user group of engine redis needs a user whose name is `default` (DefaultUserRequired).",
        source: "Terraform provider issue 25593" },
    Rule { code: "open-user", check: Check::Resource(USER_GROUP, open_user),
        why: "A user group of engine valkey takes users with passwords or IAM only.",
        source: "AWS guide, role-based access control (Clusters.RBAC)" },
    Rule { code: "user-engine", check: Check::Resource(USER_GROUP, engines),
        why: "A user of engine valkey goes into valkey user groups only; one of redis goes into both.",
        source: "AWS guide, role-based access control (Clusters.RBAC)" },
    Rule { code: "duplicate-user-name", check: Check::Resource(USER_GROUP, names),
        why: "Users log in by name, so that names are unique within a group.",
        source: "API reference, CreateUserGroup: DuplicateUserName" },
];

pub(super) fn mode(user: &Resource) -> Option<&str> {
    user.fields.get("authenticationMode")?.get("type")?.as_str()
}

fn is_open(user: &Resource) -> bool {
    user.flag("noPasswordRequired") == Some(true) || mode(user) == Some("no-password-required")
}

fn authentication(finder: &mut Finder<'_>, user: &Resource) {
    if ["passwords", "authenticationMode", "noPasswordRequired"].iter().any(|field| finder.is_faulty(user, field)) {
        return;
    }
    let passwords = set(user, "passwords");
    let other = match mode(user) {
        Some("iam") => Some("authenticationMode"),
        Some("no-password-required") => Some("authenticationMode"),
        _ if user.flag("noPasswordRequired") == Some(true) => Some("noPasswordRequired"),
        _ => None,
    };
    match other {
        Some(other) if passwords => {
            finder.error(
                user,
                &[("passwords", "passwords"), (other, "and another way in")],
                "a user has passwords, IAM, or no password: one of them",
                "keep one",
            );
        }
        Some(_) if mode(user) == Some("iam") && user.flag("noPasswordRequired") == Some(true) => {
            finder.error(
                user,
                &[("noPasswordRequired", "no password"), ("authenticationMode", "and IAM")],
                "a user has passwords, IAM, or no password: one of them",
                "keep one",
            );
        }
        // Set elsewhere, and left as they are.
        None if mode(user) == Some("password") => {}
        None if !passwords => {
            finder.error(
                user,
                &[("passwords", "needs a way to log in")],
                "the user has no way to log in",
                "declare `passwords: [{secretsManager: NAME, key: KEY}]`, `authenticationMode: {type: iam}` or `noPasswordRequired: true`",
            );
        }
        _ => {}
    }
}

fn iam_name(finder: &mut Finder<'_>, user: &Resource) {
    let id = &user.address.id;
    if mode(user) == Some("iam") && user.text("userName").is_some_and(|name| !name.eq_ignore_ascii_case(id)) {
        finder
            .error(
                user,
                &[("userName", "must equal the id"), ("authenticationMode", "IAM")],
                "with IAM the user's name must equal its id",
                format!("write `userName: {id}`"),
            )
            .instead(user, "userName", id);
    }
}

/// Commands that ElastiCache does not let clients run.
#[rustfmt::skip]
const RESTRICTED: &[&str] = &[
    "acl|setuser", "acl|deluser", "acl|load", "acl|save", "bgrewriteaof", "bgsave", "cluster|addslots", "cluster|delslots",
    "cluster|failover", "cluster|forget", "cluster|meet", "cluster|replicate", "cluster|reset", "cluster|setslot", "config|set",
    "config|rewrite", "debug", "migrate", "module", "psync", "replicaof", "save", "shutdown", "slaveof", "sync",
];

fn access_string(finder: &mut Finder<'_>, user: &Resource) {
    let Some(access) = user.text("accessString") else { return };
    let secret = |rule: &&str| rule.starts_with(['>', '<', '#', '!']) && rule.len() > 1;
    if access.split_whitespace().any(|rule| secret(&rule)) {
        // The password stands in the text, and its line would be shown.
        mask_passwords(finder, user);
        finder.error(
            user,
            &[("accessString", "a password in here")],
            "a password must not be in an access string",
            "passwords are declared under `passwords`, by where they are kept",
        );
    }
    for rule in access.split_whitespace() {
        if matches!(rule, "nopass" | "resetpass" | "reset") {
            finder.error(
                user,
                &[("accessString", "here")],
                format!("`{rule}` is not allowed in an access string"),
                if rule == "nopass" { "`noPasswordRequired: true` says it" } else { "remove it" },
            );
        } else if let Some(command) =
            rule.strip_prefix('+').filter(|command| RESTRICTED.contains(&command.to_ascii_lowercase().as_str()))
        {
            finder.error(
                user,
                &[("accessString", "here")],
                format!("ElastiCache does not let clients run `{}`", command.replace('|', " ")),
                format!("take `{rule}` out"),
            );
        }
    }
}

/// Categories of commands, those of modules among them.
#[rustfmt::skip]
const CATEGORIES: [&str; 25] = [
    "admin", "all", "bitmap", "blocking", "bloom", "connection", "dangerous", "fast", "geo", "hash", "hyperloglog", "json",
    "keyspace", "list", "pubsub", "read", "scripting", "search", "set", "slow", "sortedset", "stream", "string", "transaction",
    "write",
];

fn categories(finder: &mut Finder<'_>, user: &Resource) {
    let Some(access) = user.text("accessString") else { return };
    let rules = access.split(|c: char| c.is_whitespace() || c == '(' || c == ')');
    for category in rules.filter_map(|rule| rule.strip_prefix("+@").or_else(|| rule.strip_prefix("-@"))) {
        let known = CATEGORIES.iter();
        if known.clone().any(|known| known.eq_ignore_ascii_case(category)) {
            continue;
        }
        let help = match suggest(category, known.copied()) {
            Some(near) => format!("did you mean `@{near}`?"),
            None => format!("ACL CAT lists them: {}", CATEGORIES.join(", ")),
        };
        finder.warn(
            user,
            &[("accessString", "not a known category")],
            format!("`@{category}` is no known category of commands"),
            help,
        );
    }
}

fn mask_passwords(finder: &mut Finder<'_>, user: &Resource) {
    let Some(span) = finder.spec.locations.value(&format!("{}.accessString", user.path)) else { return };
    let text = finder.sources.of(span);
    let mut at = 0;
    for part in text.split_inclusive(char::is_whitespace) {
        let word = part.trim().trim_start_matches(['"', '\'']);
        if word.starts_with(['>', '<', '#', '!']) && word.len() > 1 {
            finder.secrets.push(Span { start: span.start + at, end: span.start + at + part.trim_end().len(), ..span });
        }
        at += part.len();
    }
}

fn off(finder: &mut Finder<'_>, user: &Resource) {
    let Some(access) = user.text("accessString") else { return };
    if !access.split_whitespace().any(|rule| rule.eq_ignore_ascii_case("on") || rule.eq_ignore_ascii_case("off")) {
        finder.warn(
            user,
            &[("accessString", "neither `on` nor `off`")],
            "the access string does not say `on`: the user cannot log in",
            "begin it with `on`, or with `off` if that is meant",
        );
    }
}

/// The users of a group that this spec declares, with the index of each in userIds.
pub(super) fn members<'a>(finder: &Finder<'a>, group: &'a Resource) -> Vec<(usize, &'a Resource)> {
    let ids = strings(group.fields.get("userIds")).enumerate();
    ids.filter_map(|(index, id)| Some((index, finder.own(Kind::User, id)?))).collect()
}

fn default_user(finder: &mut Finder<'_>, group: &Resource) {
    let ids: Vec<_> = group.fields.get("userIds").and_then(Value::as_array).cloned().unwrap_or_default();
    let users: Vec<_> = ids.iter().filter_map(|id| finder.own(Kind::User, id.as_str()?)).collect();
    let default = ids.iter().any(|id| id.as_str() == Some("default"))
        || users.iter().any(|user| user.text("userName") == Some("default"));
    if group.text("engine") == Some("redis") && users.len() == ids.len() && !default {
        finder.error(
            group,
            &[("userIds", "no user named default"), ("engine", "redis")],
            "a redis user group needs a user whose name is `default`",
            "declare one that may do nothing: `userName: default`, `accessString: off -@all`",
        );
    }
}

fn open_user(finder: &mut Finder<'_>, group: &Resource) {
    if group.text("engine") != Some("valkey") {
        return;
    }
    for (index, user) in members(finder, group).into_iter().filter(|(_, user)| is_open(user)) {
        finder.error(
            group,
            &[(&format!("userIds[{index}]"), "needs no password"), ("engine", "valkey")],
            format!("the user {} needs no password, which a valkey user group does not take", user.address.id),
            "give the user passwords or IAM",
        );
    }
}

fn engines(finder: &mut Finder<'_>, group: &Resource) {
    if group.text("engine") != Some("redis") {
        return;
    }
    for (index, user) in members(finder, group) {
        if user.text("engine") == Some("valkey") {
            finder.error(
                group,
                &[(&format!("userIds[{index}]"), "of engine valkey"), ("engine", "redis")],
                format!("the user {} is of engine valkey, which a redis user group does not take", user.address.id),
                "make the user's engine redis, or the group's valkey",
            );
        }
    }
}

fn names(finder: &mut Finder<'_>, group: &Resource) {
    let members = members(finder, group);
    for (position, (index, user)) in members.iter().enumerate() {
        let Some(name) = user.text("userName") else { continue };
        if let Some((first, _)) = members[..position].iter().find(|(_, other)| other.text("userName") == Some(name)) {
            finder.error(
                group,
                &[(&format!("userIds[{index}]"), "this user"), (&format!("userIds[{first}]"), "and this one")],
                format!("two users of the group are named `{name}`"),
                "names are unique within a group",
            );
        }
    }
}

//! Who a smoke test logs in as: the declared user, the AUTH token, or a user of the cache's groups that is
//! on and whose password the spec knows; users that log in by IAM get a signed token.

use serde_json::Value;

use crate::client::access::{Access, Prefix};
use crate::model::live::{View, strings};
use crate::model::{Address, Kind, Resource, Spec};
use crate::smoke::{PREFIX, Settings};

/// How to log in.
#[derive(Clone, Debug, PartialEq)]
pub enum Login {
    /// Nobody needs to.
    Nobody,
    /// With a secret that is kept there; without a user it is an AUTH token.
    Password { user: Option<String>, reference: Value },
    /// With a token that is signed for this user.
    Iam { user: String },
    /// There is no way in that the spec knows of.
    Unknown { reason: String },
}

/// Chooses, and gives the access string of the chosen user where it is known.
pub fn choose<'a>(spec: &'a Spec, resource: &'a Resource, view: &View<'_>) -> (Login, Option<&'a str>) {
    let smoke = resource.fields.get("smoke");
    let declared = smoke.and_then(|smoke| smoke.get("password"));
    let wanted = smoke.and_then(|smoke| smoke.get("username")?.as_str());
    let users = users(spec, resource);
    let named = |user: &&Resource| wanted.is_none() || user.text("userName") == wanted;
    let access = |user: &'a Resource| user.text("accessString");
    if let Some(reference) = declared {
        let known = users.iter().copied().find(|user| wanted.is_some() && user.text("userName") == wanted);
        let login = Login::Password { user: wanted.map(str::to_owned), reference: reference.clone() };
        return (login, known.and_then(access));
    }
    if let Some(token) = resource.fields.get("authToken").filter(|token| !token.is_null()) {
        return (Login::Password { user: None, reference: token.clone() }, None);
    }
    let on: Vec<&Resource> = users
        .iter()
        .copied()
        .filter(named)
        .filter(|user| access(user).is_none_or(|text| Access::parse(text).on))
        .collect();
    if let Some((user, reference)) = on.iter().find_map(|user| Some((*user, password(user)?))) {
        let name = user.text("userName").map(str::to_owned);
        return (Login::Password { user: name, reference: reference.clone() }, access(user));
    }
    if let Some(user) = on.iter().copied().find(|user| mode(user) == Some("iam")) {
        let name = user.text("userName").unwrap_or(&user.address.id).to_owned();
        return (Login::Iam { user: name }, access(user));
    }
    if on.iter().any(|user| is_open(user)) || has_awss_default(spec, resource) || !has_users(resource, view) {
        return (Login::Nobody, None);
    }
    let reason = match (wanted, users.is_empty()) {
        (Some(name), _) => format!("the spec knows no password of user {name}, or it is off"),
        (None, true) => "the cache's users are not in this spec".to_owned(),
        (None, false) => "the spec knows no password of a user of the cache's groups that is on".to_owned(),
    };
    (Login::Unknown { reason }, None)
}

/// AWS's own user `default`, which every connection is before it logs in, and which needs no password.
fn has_awss_default(spec: &Spec, resource: &Resource) -> bool {
    groups(spec, resource).any(|group| strings(group.fields.get("userIds")).any(|user| user == "default"))
        && !spec.resources.contains_key(&Address::new(Kind::User, "default"))
}

/// Whether anyone must log in by a user at all.
fn has_users(resource: &Resource, view: &View<'_>) -> bool {
    let live = strings(view.own("UserGroupIds")).next().is_some() || view.text("UserGroupId").is_some();
    live || strings(resource.fields.get("userGroupIds")).next().is_some() || resource.text("userGroupId").is_some()
}

/// The declared users of the cache's groups, in the groups' order.
fn users<'a>(spec: &'a Spec, resource: &'a Resource) -> Vec<&'a Resource> {
    groups(spec, resource)
        .flat_map(|group| strings(group.fields.get("userIds")))
        .filter_map(|user| spec.resources.get(&Address::new(Kind::User, user)))
        .collect()
}

/// The cache's user groups, as far as they are declared.
fn groups<'a>(spec: &'a Spec, resource: &'a Resource) -> impl Iterator<Item = &'a Resource> {
    strings(resource.fields.get("userGroupIds"))
        .chain(resource.text("userGroupId"))
        .filter_map(|group| spec.resources.get(&Address::new(Kind::UserGroup, group)))
}

fn password(user: &Resource) -> Option<&Value> {
    let nested = || user.fields.get("authenticationMode")?.get("passwords");
    user.fields.get("passwords").or_else(nested)?.get(0)
}

fn mode(user: &Resource) -> Option<&str> {
    user.fields.get("authenticationMode")?.get("type")?.as_str()
}

/// The user that connections have before they log in, and that needs no password.
fn is_open(user: &Resource) -> bool {
    let free = mode(user) == Some("no-password-required")
        || user.fields.get("noPasswordRequired").and_then(Value::as_bool) == Some(true);
    free && user.text("userName") == Some("default")
}

/// Puts the run's keys where this user may write them; a user who may only read makes the run read only.
pub fn confine(settings: &mut Settings, declared: Option<&str>, access: Option<&str>) {
    if access.is_none() || declared.is_some() {
        return;
    }
    let (prefix, reads_only) = own_prefix(PREFIX, access);
    settings.key_prefix = prefix;
    settings.read_only |= reads_only;
}

/// What a run's own keys begin with where this user may have them, and whether it may only read there.
pub fn own_prefix(base: &str, access: Option<&str>) -> (String, bool) {
    let (base, reads_only) = match access.map(|access| Access::parse(access).prefix(base)) {
        Some(Prefix::Written(base)) => (base, false),
        Some(Prefix::Read(base)) => (base, true),
        // Whatever is tried is refused, and the refusal says why.
        Some(Prefix::Nowhere) | None => (base.to_owned(), false),
    };
    (Settings::fresh_key_prefix(&base), reads_only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_the_access_string_unless_a_prefix_is_declared() {
        let confined = |declared, access| {
            let mut settings = Settings::default();
            confine(&mut settings, declared, access);
            settings
        };
        assert!(confined(None, Some("on ~app:* +@all")).key_prefix.starts_with("app:cachectl:smoke:"));
        assert!(confined(Some("x:"), Some("on ~app:* +@all")).key_prefix.starts_with(PREFIX));
        let reader = confined(None, Some("on ~* -@all +@read"));
        assert!(reader.read_only && reader.key_prefix.starts_with(PREFIX));
        assert!(!confined(None, None).read_only);
    }
}

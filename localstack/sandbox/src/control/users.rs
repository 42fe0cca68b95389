//! Users of role-based access control.

use crate::control::engine::Engine;
use crate::control::{access_string, events, paging, tags};
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

/// Of a region (AWS guide, quota-limits; the page on access control still says 1,000).
const QUOTA: usize = 2_000;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Authentication {
    Passwords(Vec<String>),
    NoPassword,
    Iam,
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub id: String,
    pub name: String,
    pub status: &'static str,
    pub engine: Engine,
    pub access: String,
    pub authentication: Authentication,
}

/// AWS's own user for caches that take IAM only.
pub(crate) const IAM_USER: &str = "default.iam-user";

/// Every account has a user `default` that may do everything without a password, and one for IAM.
pub(crate) fn install_default(state: &mut State) {
    let own = [("default", Engine::Redis, Authentication::NoPassword), (IAM_USER, Engine::Valkey, Authentication::Iam)];
    for (id, engine, authentication) in own {
        let user = User {
            id: id.into(),
            name: id.into(),
            status: "active",
            engine,
            access: "on ~* +@all".into(),
            authentication,
        };
        state.users.insert(id.into(), user);
    }
}

/// AWS's own users and user groups are as they are.
pub(crate) fn refuse_own(id: &str) -> Result<(), Refusal> {
    if id.starts_with("default.") {
        return Err(Refusal::invalid_value(format!("{id} is managed by AWS and can not be changed.")));
    }
    Ok(())
}

pub(crate) fn not_found(id: &str) -> Refusal {
    Refusal::missing("UserNotFound", format!("User {id} not found."))
}

fn render(state: &State, user: &User) -> Record {
    let groups = state.user_groups.values().filter(|group| group.users.contains(&user.id)).map(|group| &group.id);
    let authentication = match &user.authentication {
        Authentication::Passwords(passwords) => {
            Record::new().put("Type", "password").put("PasswordCount", passwords.len())
        }
        Authentication::NoPassword => Record::new().put("Type", "no-password"),
        Authentication::Iam => Record::new().put("Type", "iam"),
    };
    let minimum = match user.authentication {
        _ if access_string::is_of_9_1(&user.access) => "9.1",
        Authentication::Iam => "7.0",
        _ => "6.0",
    };
    Record::new()
        .put("UserId", &user.id)
        .put("UserName", &user.name)
        .put("Status", user.status)
        .put("Engine", user.engine.name())
        .put("MinimumEngineVersion", minimum)
        .put("AccessString", &user.access)
        .list("UserGroupIds", "member", groups)
        .put("Authentication", authentication)
        .put("ARN", state.settings.arn("user", &user.id))
}

fn passwords(listed: Option<Vec<String>>) -> Result<Vec<String>, Refusal> {
    let listed = listed.unwrap_or_default();
    if listed.len() > 2 {
        return Err(Refusal::invalid_value("A user can have at most two passwords."));
    }
    if listed.iter().any(|password| !(16..=128).contains(&password.chars().count())) {
        return Err(Refusal::invalid_value("Passwords length must be between 16-128 characters."));
    }
    let is_legal = |c: char| !c.is_control() && !",\"/@".contains(c);
    if listed.iter().any(|password| !password.chars().all(is_legal)) {
        // AWS guide, role-based access control.
        return Err(Refusal::invalid_value("Passwords take printable characters other than , \" / and @."));
    }
    Ok(listed)
}

/// `None` when the request says nothing about it.
fn authentication(input: &Input, id: &str, name: &str) -> Result<Option<Authentication>, Refusal> {
    let top = input.texts("Passwords").filter(|listed| !listed.is_empty());
    let none = input.bool("NoPasswordRequired")?.unwrap_or(false);
    let mode = input.get("AuthenticationMode");
    let said = [top.is_some(), none, mode.is_some()].iter().filter(|said| **said).count();
    if said > 1 {
        return Err(Refusal::invalid_combination(
            "Only one of Passwords, NoPasswordRequired and AuthenticationMode can be specified.",
        ));
    }
    if none {
        return Ok(Some(Authentication::NoPassword));
    }
    if top.is_some() {
        return Ok(Some(Authentication::Passwords(passwords(top)?)));
    }
    let Some(mode) = mode else {
        return Ok(None);
    };
    let listed = mode.texts("Passwords").filter(|listed| !listed.is_empty());
    match mode.text("Type").as_deref() {
        Some("password") if listed.is_some() => Ok(Some(Authentication::Passwords(passwords(listed)?))),
        Some("password") => {
            Err(Refusal::invalid_combination("Passwords must be given for authentication type password."))
        }
        Some("no-password-required" | "iam") if listed.is_some() => {
            Err(Refusal::invalid_combination("Passwords are only allowed for authentication type password."))
        }
        Some("no-password-required") => Ok(Some(Authentication::NoPassword)),
        Some("iam") if id == name => Ok(Some(Authentication::Iam)),
        Some("iam") => Err(Refusal::invalid_combination(
            "IAM authentication requires the user name and the user id to be the same.",
        )),
        other => Err(Refusal::invalid_value(format!(
            "Invalid authentication type {}. Valid values: password, no-password-required, iam",
            other.unwrap_or_default()
        ))),
    }
}

pub(crate) fn create(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("UserId")?;
    legal_id("UserId", &id)?;
    let name = input.required("UserName")?;
    let engine = Engine::parse_replicated(&input.required("Engine")?)?;
    let access = access_string::normalise(&input.required("AccessString")?)?;
    let authentication = authentication(input, &id, &name)?.ok_or_else(|| {
        Refusal::invalid_combination("Either Passwords, NoPasswordRequired or AuthenticationMode must be specified.")
    })?;
    if engine == Engine::Valkey && authentication == Authentication::NoPassword {
        // AWS guide, role-based access control: Valkey users authenticate.
        return Err(Refusal::invalid_combination("No password required is not supported for Valkey users."));
    }
    let tags = tags::read(input)?;
    if state.users.contains_key(&id) {
        return Err(Refusal::bad("UserAlreadyExists", format!("User {id} already exists.")));
    }
    if state.users.len() >= QUOTA + 2 {
        return Err(Refusal::bad("UserQuotaExceeded", format!("The number of users exceeds the quota of {QUOTA}.")));
    }
    tags::put(state, &state.settings.arn("user", &id), tags);
    // A user has nothing to wait for before a group takes it.
    let user = User { id: id.clone(), name, status: "active", engine, access, authentication };
    state.users.insert(id.clone(), user);
    events::record(state, "user", &id, format!("User {id} created"));
    answer(state, &id)
}

pub(crate) fn legal_id(member: &str, id: &str) -> Result<(), Refusal> {
    let legal = id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if legal && id.len() <= 40 {
        return Ok(());
    }
    Err(Refusal::invalid_value(format!(
        "The parameter {member} is not a valid identifier: it must match [a-zA-Z][a-zA-Z0-9\\-]* and have at most 40 characters: {id}"
    )))
}

fn answer(state: &State, id: &str) -> Result<Output, Refusal> {
    let user = state.users.get(id).ok_or_else(|| not_found(id))?;
    Ok(render(state, user).into())
}

fn settled<'a>(state: &'a State, id: &str) -> Result<&'a User, Refusal> {
    let user = state.users.get(id).ok_or_else(|| not_found(id))?;
    if user.status == "active" {
        return Ok(user);
    }
    Err(Refusal::bad("InvalidUserState", format!("User {id} is not in active state.")))
}

pub(crate) fn modify(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("UserId")?;
    refuse_own(&id)?;
    let user = settled(state, &id)?;
    let mut next = user.clone();
    let (whole, more) = (input.text("AccessString"), input.text("AppendAccessString"));
    match (whole, more) {
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid_combination("AccessString and AppendAccessString can not be used together."));
        }
        (Some(text), None) => next.access = access_string::normalise(&text)?,
        (None, Some(text)) => next.access = access_string::normalise(&format!("{} {text}", user.access))?,
        (None, None) => {}
    }
    if let Some(authentication) = authentication(input, &id, &user.name)? {
        next.authentication = authentication;
    }
    if let Some(text) = input.text("Engine") {
        next.engine = Engine::parse_replicated(&text)?;
    }
    if next.engine == Engine::Valkey && next.authentication == Authentication::NoPassword {
        return Err(Refusal::invalid_combination("No password required is not supported for Valkey users."));
    }
    super::user_groups::still_takes(state, &next)?;
    let names_nothing =
        ["AccessString", "AppendAccessString", "Passwords", "NoPasswordRequired", "AuthenticationMode", "Engine"]
            .iter()
            .all(|member| !input.has(member));
    if names_nothing {
        return Err(Refusal::invalid_combination("No modifications were requested"));
    }
    next.status = "modifying";
    state.users.insert(id.clone(), next);
    // The groups of a user, and the caches of those, follow.
    let groups: Vec<String> = state
        .user_groups
        .values()
        .filter(|group| group.users.contains(&id) && group.status == "active")
        .map(|group| group.id.clone())
        .collect();
    for group in groups {
        super::user_groups::touch(state, &group);
    }
    state.later(durations::USER, Job::UserReady(id.clone()));
    answer(state, &id)
}

pub(crate) fn delete(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("UserId")?;
    refuse_own(&id)?;
    let user = settled(state, &id)?;
    if id == "default" {
        return Err(Refusal::invalid_value("The default user can not be deleted."));
    }
    let in_default_role = user.name == "default" && state.user_groups.values().any(|group| group.users.contains(&id));
    if in_default_role {
        return Err(Refusal::bad(
            "DefaultUserAssociatedToUserGroup",
            format!("Default user {id} is associated to a user group and can not be deleted."),
        ));
    }
    if let Some(user) = state.users.get_mut(&id) {
        user.status = "deleting";
    }
    state.later(durations::USER, Job::UserGone(id.clone()));
    answer(state, &id)
}

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let id = input.id("UserId");
    if let Some(id) = &id
        && !state.users.contains_key(id)
    {
        return Err(not_found(id));
    }
    let engine = input.text("Engine");
    let mut filters = Vec::new();
    for filter in input.list("Filters").unwrap_or_default() {
        filters.push((filter.required("Name")?, filter.texts("Values").unwrap_or_default()));
    }
    let matches = |user: &User| {
        filters.iter().all(|(name, values)| match name.as_str() {
            "user-id" => values.contains(&user.id),
            "user-name" => values.contains(&user.name),
            "engine" => values.iter().any(|value| value == user.engine.name()),
            "status" => values.iter().any(|value| value == user.status),
            _ => false,
        })
    };
    let found = state.users.iter().filter(|(key, user)| {
        id.as_ref().is_none_or(|id| id == *key)
            && engine.as_deref().is_none_or(|name| user.engine.name().eq_ignore_ascii_case(name))
            && matches(user)
    });
    let page = paging::page(input, state.settings.page_size, found, |user| render(state, user).into())?;
    Ok(Record::new().list("Users", "member", page.items).put_some("Marker", page.next).into())
}

pub(crate) fn finish(state: &mut State, id: &str) {
    if let Some(user) = state.users.get_mut(id) {
        user.status = "active";
    }
    events::record(state, "user", id, format!("User {id} modified"));
}

/// A deleted user silently leaves its groups.
pub(crate) fn gone(state: &mut State, id: &str) {
    state.users.remove(id);
    let arn = state.settings.arn("user", id);
    tags::forget(state, &arn);
    let groups: Vec<String> = state
        .user_groups
        .values_mut()
        .filter(|group| group.users.iter().any(|user| user == id))
        .map(|group| {
            group.users.retain(|user| user != id);
            group.id.clone()
        })
        .collect();
    for group in groups {
        super::user_groups::touch(state, &group);
    }
    events::record(state, "user", id, format!("User {id} deleted"));
}

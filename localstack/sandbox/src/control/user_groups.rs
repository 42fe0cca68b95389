//! User groups: which users a cache knows.

use crate::control::engine::Engine;
use crate::control::replication_groups::change::UserGroupChange;
use crate::control::users::{self, Authentication};
use crate::control::{events, paging, tags};
use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

/// Of a region (AWS guide, quota-limits; the page on access control still says 100).
const QUOTA: usize = 200;
const USERS_PER_GROUP: usize = 100;

#[derive(Debug, Clone)]
pub(crate) struct UserGroup {
    pub id: String,
    pub status: &'static str,
    pub engine: Engine,
    pub users: Vec<String>,
    /// Users that come and go with the modification under way.
    pub adding: Vec<String>,
    pub removing: Vec<String>,
    pub replication_groups: Vec<String>,
    pub serverless_caches: Vec<String>,
}

/// AWS's own group of IAM users.
pub(crate) const IAM_GROUP: &str = "default.iam-user-group";

pub(crate) fn install_default(state: &mut State) {
    let group = UserGroup {
        id: IAM_GROUP.into(),
        status: "active",
        engine: Engine::Valkey,
        users: vec![users::IAM_USER.into()],
        adding: Vec::new(),
        removing: Vec::new(),
        replication_groups: Vec::new(),
        serverless_caches: Vec::new(),
    };
    state.user_groups.insert(IAM_GROUP.into(), group);
}

/// Whether every user proves itself by IAM.
pub(crate) fn is_iam_only(state: &State, id: &str) -> bool {
    let users = state.user_groups.get(id).map(|group| &group.users);
    users.is_some_and(|users| {
        let is_iam = |id: &String| state.users.get(id).is_some_and(|user| user.authentication == Authentication::Iam);
        !users.is_empty() && users.iter().all(is_iam)
    })
}

/// Whether the groups of a user take what it is about to become.
pub(crate) fn still_takes(state: &State, user: &users::User) -> Result<(), Refusal> {
    let groups = state.user_groups.values().filter(|group| group.users.contains(&user.id));
    groups.into_iter().try_for_each(|group| takes(group.engine, user))
}

/// AWS guide, role-based access control: a redis group takes redis users, a valkey group users that prove who they are.
fn takes(engine: Engine, user: &users::User) -> Result<(), Refusal> {
    let id = &user.id;
    if engine == Engine::Redis && user.engine == Engine::Valkey {
        return Err(Refusal::invalid_combination(format!(
            "User {id} of engine valkey can not be added to a user group of engine redis."
        )));
    }
    if engine == Engine::Valkey && user.authentication == Authentication::NoPassword {
        return Err(Refusal::invalid_combination(format!(
            "User {id} without a password can not be added to a user group of engine valkey."
        )));
    }
    Ok(())
}

fn not_found(id: &str) -> Refusal {
    Refusal::missing("UserGroupNotFound", format!("User group {id} not found."))
}

pub(crate) fn require<'a>(state: &'a State, id: &str) -> Result<&'a UserGroup, Refusal> {
    state.user_groups.get(id).ok_or_else(|| not_found(id))
}

fn render(state: &State, group: &UserGroup) -> Record {
    let pending = Record::new()
        .put_some("UserIdsToRemove", list(&group.removing))
        .put_some("UserIdsToAdd", list(&group.adding))
        .non_empty();
    Record::new()
        .put("UserGroupId", &group.id)
        .put("Status", group.status)
        .put("Engine", group.engine.name())
        .list("UserIds", "member", &group.users)
        .put("MinimumEngineVersion", if group.engine == Engine::Valkey { "7.2" } else { "6.0" })
        .put_some("PendingChanges", pending)
        .list("ReplicationGroups", "member", &group.replication_groups)
        .list("ServerlessCaches", "member", &group.serverless_caches)
        .put("ARN", state.settings.arn("usergroup", &group.id))
}

fn list(ids: &[String]) -> Option<Output> {
    (!ids.is_empty()).then(|| Output::List("member", ids.iter().map(Output::from).collect()))
}

/// What a group must be as a whole.
fn check(state: &State, engine: Engine, ids: &[String]) -> Result<(), Refusal> {
    let mut names = Vec::new();
    for id in ids {
        let user = state.users.get(id).ok_or_else(|| users::not_found(id))?;
        takes(engine, user)?;
        if names.contains(&&user.name) {
            return Err(Refusal::bad(
                "DuplicateUserName",
                format!("User group has more than one user with the user name {}.", user.name),
            ));
        }
        names.push(&user.name);
    }
    if engine == Engine::Redis && !names.iter().any(|name| *name == "default") {
        // TF issue 25593.
        return Err(Refusal::bad(
            "DefaultUserRequired",
            "User group needs to contain a user with the user name default.",
        ));
    }
    if ids.len() > USERS_PER_GROUP {
        return Err(Refusal::bad(
            "UserQuotaExceeded",
            format!("A user group can have at most {USERS_PER_GROUP} users."),
        ));
    }
    Ok(())
}

fn ids(input: &Input, member: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for id in input.texts(member).unwrap_or_default() {
        let id = id.to_ascii_lowercase();
        if !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

pub(crate) fn create(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("UserGroupId")?;
    users::legal_id("UserGroupId", &id)?;
    let engine = Engine::parse_replicated(&input.required("Engine")?)?;
    let users = ids(input, "UserIds");
    check(state, engine, &users)?;
    let tags = tags::read(input)?;
    if state.user_groups.contains_key(&id) {
        return Err(Refusal::bad("UserGroupAlreadyExists", format!("User group {id} already exists.")));
    }
    if state.user_groups.len() > QUOTA {
        return Err(Refusal::bad(
            "UserGroupQuotaExceeded",
            format!("The number of user groups exceeds the quota of {QUOTA}."),
        ));
    }
    tags::put(state, &state.settings.arn("usergroup", &id), tags);
    let group = UserGroup {
        id: id.clone(),
        status: "creating",
        engine,
        users,
        adding: Vec::new(),
        removing: Vec::new(),
        replication_groups: Vec::new(),
        serverless_caches: Vec::new(),
    };
    state.user_groups.insert(id.clone(), group);
    state.later(durations::USER_GROUP, Job::UserGroupReady(id.clone()));
    answer(state, &id)
}

fn answer(state: &State, id: &str) -> Result<Output, Refusal> {
    Ok(render(state, require(state, id)?).into())
}

fn active<'a>(state: &'a State, id: &str) -> Result<&'a UserGroup, Refusal> {
    let group = require(state, id)?;
    if group.status == "active" {
        return Ok(group);
    }
    Err(Refusal::bad("InvalidUserGroupState", format!("User group {id} is not in active state.")))
}

pub(crate) fn modify(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("UserGroupId")?;
    users::refuse_own(&id)?;
    let group = active(state, &id)?;
    let (add, remove) = (ids(input, "UserIdsToAdd"), ids(input, "UserIdsToRemove"));
    let engine = input.text("Engine").map(|text| Engine::parse_replicated(&text)).transpose()?;
    if add.is_empty() && remove.is_empty() && engine.is_none() {
        return Err(Refusal::invalid_combination("No modifications were requested"));
    }
    if let Some(user) = remove.iter().find(|user| !group.users.contains(user)) {
        // TF issue 49945: the whole request is refused.
        return Err(Refusal::invalid_value(format!("{user} is not a member of user group {id}.")));
    }
    if let Some(user) = add.iter().find(|user| group.users.contains(user) && !remove.contains(user)) {
        return Err(Refusal::invalid_value(format!("{user} is already a member of user group {id}.")));
    }
    let mut after: Vec<String> = group.users.iter().filter(|user| !remove.contains(user)).cloned().collect();
    after.extend(add.iter().cloned());
    check(state, engine.unwrap_or(group.engine), &after)?;
    if engine == Some(Engine::Valkey) {
        let on_redis = group.replication_groups.iter().filter_map(|id| state.groups.get(id));
        let mut engines = on_redis.map(|group| group.version.engine).chain(
            group.serverless_caches.iter().filter_map(|name| state.serverless.get(name)).map(|cache| cache.engine),
        );
        if engines.any(|engine| engine == Engine::Redis) {
            return Err(Refusal::invalid_combination(format!(
                "User group {id} is associated with a cache of engine redis and can not become one of engine valkey."
            )));
        }
    }
    if let Some(group) = state.user_groups.get_mut(&id) {
        group.status = "modifying";
        group.engine = engine.unwrap_or(group.engine);
        (group.adding, group.removing) = (add, remove);
    }
    state.later(durations::USER_GROUP, Job::UserGroupReady(id.clone()));
    answer(state, &id)
}

pub(crate) fn delete(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let id = input.required_id("UserGroupId")?;
    users::refuse_own(&id)?;
    let group = active(state, &id)?;
    if !group.replication_groups.is_empty() || !group.serverless_caches.is_empty() {
        return Err(Refusal::bad(
            "InvalidUserGroupState",
            format!("User group {id} is associated with a cache and can not be deleted."),
        ));
    }
    if let Some(group) = state.user_groups.get_mut(&id) {
        group.status = "deleting";
    }
    state.later(durations::USER_GROUP, Job::UserGroupGone(id.clone()));
    answer(state, &id)
}

pub(crate) fn describe(state: &State, input: &Input) -> Result<Output, Refusal> {
    let id = input.id("UserGroupId");
    if let Some(id) = &id {
        require(state, id)?;
    }
    let found = state.user_groups.iter().filter(|(key, _)| id.as_ref().is_none_or(|id| id == *key));
    let page = paging::page(input, state.settings.page_size, found, |group| render(state, group).into())?;
    Ok(Record::new().list("UserGroups", "member", page.items).put_some("Marker", page.next).into())
}

/// A user of the group changed, so the group and its caches are busy for a moment.
pub(crate) fn touch(state: &mut State, id: &str) {
    if let Some(group) = state.user_groups.get_mut(id) {
        group.status = "modifying";
    }
    state.later(durations::USER_GROUP, Job::UserGroupReady(id.to_owned()));
}

pub(crate) fn finish(state: &mut State, id: &str) {
    let Some(group) = state.user_groups.get_mut(id) else {
        return;
    };
    if group.status == "deleting" {
        return;
    }
    group.status = "active";
    let removing = std::mem::take(&mut group.removing);
    group.users.retain(|user| !removing.contains(user));
    group.users.append(&mut group.adding);
    let caches: Vec<String> = group.replication_groups.iter().chain(&group.serverless_caches).cloned().collect();
    state.touched.extend(caches);
    events::record(state, "user-group", id, format!("User group {id} is active"));
}

pub(crate) fn gone(state: &mut State, id: &str) {
    state.user_groups.remove(id);
    let arn = state.settings.arn("usergroup", id);
    tags::forget(state, &arn);
    events::record(state, "user-group", id, format!("User group {id} deleted"));
}

pub(crate) fn link(state: &mut State, ids: &[String], cache: &str) {
    for id in ids {
        if let Some(group) = state.user_groups.get_mut(id)
            && !group.replication_groups.iter().any(|known| known == cache)
        {
            group.replication_groups.push(cache.to_owned());
        }
    }
}

pub(crate) fn unlink(state: &mut State, ids: &[String], cache: &str) {
    for id in ids {
        if let Some(group) = state.user_groups.get_mut(id) {
            group.replication_groups.retain(|known| known != cache);
        }
    }
}

/// A group that is being taken on counts as associated from the call on; one that is being let go
/// until the change is over.
pub(crate) fn note_links(state: &mut State, cache: &str, links: &UserGroupChange) {
    link(state, &links.add, cache);
}

pub(crate) fn settle_links(state: &mut State, cache: &str, links: &UserGroupChange) {
    let gone: Vec<String> = links.remove.iter().filter(|id| !links.add.contains(id)).cloned().collect();
    unlink(state, &gone, cache);
}

pub(crate) fn relink_serverless(state: &mut State, before: Option<&str>, after: Option<&str>, cache: &str) {
    if before == after {
        return;
    }
    if let Some(group) = before.and_then(|id| state.user_groups.get_mut(id)) {
        group.serverless_caches.retain(|known| known != cache);
    }
    if let Some(group) = after.and_then(|id| state.user_groups.get_mut(id)) {
        group.serverless_caches.push(cache.to_owned());
    }
}

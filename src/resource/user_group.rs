//! User groups: the users that may log in to a cache.

use serde_json::{Value, json};

use super::kind_row::{Arn, Calls, IdForm, KindRow, Names, States, Use};
use super::local;
use super::user::{USER_ID, is_default, named_users};
use crate::model::attribute::{Attribute, Difference, Impact, Phase, Read, Route};
use crate::model::draft::{Draft, Scene};
use crate::model::live::{View, strings};
use crate::model::shape::{Field, Shape, list};
use crate::model::step::Wait;
use crate::model::text::plural;
use crate::model::{Address, Kind, Operation};

/// The rows of a user group: its engine and its users.
#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(Field::new("engine", "Engine", super::replication_group::ENGINES, "`valkey` or `redis`.").required(),
        Read::Own("Engine"), Route::Call(Phase::Settings), Impact::None, ""),
    Attribute::new(Field::new("userIds", "UserIds", list(&Shape::Reference(Kind::User), 1, 100), "Ids of the group's users. A redis group needs one whose name is `default`.").required(),
        Read::Own("UserIds"), Route::With(user_ids), Impact::None, "Additions and removals go in one call.").pending(pending_user_ids),
    local::TAGS_ROW,
];

/// User groups as a kind, used by caches of both kinds.
pub const KIND: KindRow = KindRow {
    reads: &["elasticache:DescribeUserGroups"],
    states: Some(States { at_rest: "active", ready: Wait::Active }),
    state: |view| view.status(),
    facts: |view| {
        let used = ["ReplicationGroups", "ServerlessCaches"].map(|member| strings(view.own(member)).count());
        vec![
            view.word("Engine"),
            plural(strings(view.own("UserIds")).count(), "user"),
            format!("used by {}", plural(used.iter().sum(), "cache")),
        ]
    },
    uses: Some(Use {
        fields: "userGroupIds (or userGroupId)",
        users: |live, group| {
            let mut users = named_users(live, group, "ReplicationGroups", Kind::ReplicationGroup);
            users.extend(named_users(live, group, "ServerlessCaches", Kind::ServerlessCache));
            users
        },
    }),
    is_aws_own: is_default,
    ..KindRow::plain(
        Names {
            kind: "userGroup",
            section: "userGroups",
            noun: "user group",
            about: "User groups, by id: the users that may log in to a cache.",
        },
        ATTRIBUTES,
        Arn::elasticache("usergroup"),
        IdForm { of_aws: Some("default.iam-user-group"), ..USER_ID },
        Calls {
            create: Operation::CreateUserGroup,
            modify: Operation::ModifyUserGroup,
            delete: Operation::DeleteUserGroup,
            id_member: "UserGroupId",
        },
    )
};

/// The users once the change under way is over.
fn pending_user_ids(view: &View<'_>) -> Option<Value> {
    let pending = view.own("PendingChanges")?;
    let removed: Vec<_> = strings(pending.get("UserIdsToRemove")).collect();
    let kept = strings(view.own("UserIds")).filter(|id| !removed.contains(id));
    Some(kept.chain(strings(pending.get("UserIdsToAdd"))).collect())
}

fn user_ids(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    draft.shows(difference);
    let live: Vec<_> = strings(scene.view.own("UserIds")).collect();
    let wanted: Vec<_> = strings(Some(&difference.declared)).collect();
    let add: Vec<_> = wanted.iter().filter(|id| !live.contains(id)).collect();
    let remove: Vec<_> = live.iter().filter(|id| !wanted.contains(id)).collect();
    let call = draft.call(Phase::Settings, Operation::ModifyUserGroup, Wait::Active);
    if !add.is_empty() {
        call.insert("UserIdsToAdd".into(), json!(add));
    }
    call.lets_go.extend(remove.iter().map(|id| Address::new(Kind::User, id)));
    if !remove.is_empty() {
        call.insert("UserIdsToRemove".into(), json!(remove));
    }
}

/// A cache's user groups, and their users, that are of engine valkey when the cache's own steps come.
///
/// Groups that are attached count, and those that will be. What the spec turns to redis is changed before a cache that
/// names the group.
pub fn of_valkey(scene: &Scene<'_>, declared: &[&str], live: &[&str]) -> Vec<String> {
    let engine = |address: &Address, waited: bool| {
        let own = scene.spec.resources.get(address).and_then(|resource| resource.text("engine")).filter(|_| waited);
        own.or_else(|| scene.live.get(address)?.get("Engine")?.as_str()).map(str::to_ascii_lowercase)
    };
    let mut found = Vec::new();
    for id in live.iter().chain(declared.iter().filter(|id| !live.contains(id))) {
        let group = Address::new(Kind::UserGroup, id);
        let waited = declared.contains(id);
        let users: Vec<&str> = match scene.spec.resources.get(&group).filter(|_| waited) {
            Some(resource) => strings(resource.fields.get("userIds")).collect(),
            None => strings(scene.live.get(&group).and_then(|group| group.get("UserIds"))).collect(),
        };
        let users = users.into_iter().map(|id| Address::new(Kind::User, id));
        let of_valkey = |address: &Address| engine(address, waited).as_deref() == Some("valkey");
        found.extend(std::iter::once(group).chain(users).filter(of_valkey).map(|address| address.to_string()));
    }
    found
}

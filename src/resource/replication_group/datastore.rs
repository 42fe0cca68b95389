//! Global datastores: a member takes much from its datastore, and AWS neither changes nor deletes it by itself.

use serde_json::Value;

use crate::model::attribute::{Datastore, Difference};
use crate::model::draft::{Draft, Scene};
use crate::model::live::View;

/// The global datastore that the group is a member of, and its role there in AWS's word.
pub fn of<'a>(view: &View<'a>) -> Option<(&'a str, &'a str)> {
    let info = view.own("GlobalReplicationGroupInfo")?;
    let text = |member: &str| info.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
    Some((text("GlobalReplicationGroupId")?, text("GlobalReplicationGroupMemberRole").unwrap_or("member")))
}

/// The group's membership in words, such as `secondary of the global datastore ldgnf-world`.
pub fn membership(view: &View<'_>) -> Option<String> {
    of(view).map(|(id, role)| format!("{} of the global datastore {id}", role.to_ascii_lowercase()))
}

/// Notes in the plan that the group is a member of a global datastore.
pub fn note(draft: &mut Draft, scene: &Scene<'_>) {
    if let Some(membership) = membership(scene.view) {
        draft.warnings.push(("globalReplicationGroupId".into(), format!("the group is {membership}")));
    }
}

/// Takes care of a difference that a member of a global datastore cannot mend by itself; false where it can.
pub fn decides(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) -> bool {
    let Some((global, _)) = of(scene.view) else { return false };
    let attribute = difference.attribute;
    let (reason, hint) = match scene.row(attribute).map(|row| row.datastore) {
        Some(Datastore::Sets | Datastore::Overrides) => {
            let message = format!("decided by the global datastore {global}: left alone");
            draft.warnings.push((attribute.into(), message));
            return true;
        }
        Some(Datastore::Decides) => (
            format!("{attribute} is decided by the global datastore {global}"),
            format!(
                "change it there (aws elasticache modify-global-replication-group --global-replication-group-id {global} ...), or remove it from the spec"
            ),
        ),
        Some(Datastore::Alike) => (
            format!(
                "all members of the global datastore {global} are alike in {attribute}, and AWS has no call that changes it in all of them"
            ),
            format!("take {attribute} out of the spec, or the group out of the datastore first"),
        ),
        // What a member cannot have, the attribute itself refuses where it comes.
        Some(Datastore::Apart | Datastore::Hands | Datastore::Excludes) | None => return false,
    };
    draft.shows(difference);
    draft.blocks("global-member", reason, hint);
    true
}

/// Is the group in a global datastore, whose members cannot have this attribute?
pub fn excludes(scene: &Scene<'_>, attribute: &str) -> bool {
    of(scene.view).is_some() && scene.row(attribute).is_some_and(|row| row.datastore == Datastore::Excludes)
}

/// Blocks the deletion of a member of a global datastore, which AWS would refuse half way.
pub fn keeps(draft: &mut Draft, view: &View<'_>, region: &str) {
    let Some((global, role)) = of(view) else { return };
    let id = &draft.address.id;
    let hint = if role.eq_ignore_ascii_case("primary") {
        format!(
            "delete the datastore first and keep this group: aws elasticache delete-global-replication-group --global-replication-group-id {global} --retain-primary-replication-group"
        )
    } else {
        format!(
            "remove it from the datastore first: aws elasticache disassociate-global-replication-group --global-replication-group-id {global} --replication-group-id {id} --replication-group-region {region}"
        )
    };
    let membership = membership(view).unwrap_or_default();
    draft.blocks("global-member", format!("it is {membership}, and AWS deletes no member of one"), hint);
}

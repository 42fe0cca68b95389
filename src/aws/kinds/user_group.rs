//! User groups at AWS.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::operation::{create_user_group, delete_user_group, modify_user_group};
use aws_sdk_elasticache::types as ec;
use serde_json::Value;

use crate::aws::lists::lister;
use crate::aws::params::Params;
use crate::aws::record::record;

lister!(list, "DescribeUserGroups", describe_user_groups, user_group_id, user_groups, user_group_id, describe);

pub(super) fn describe(group: &ec::UserGroup) -> Value {
    record! {
        "UserGroupId": group.user_group_id(),
        "Status": group.status(),
        "Engine": group.engine(),
        "UserIds": group.user_ids(),
        "PendingChanges": group.pending_changes().map(|pending| record! {
            "UserIdsToAdd": pending.user_ids_to_add(),
            "UserIdsToRemove": pending.user_ids_to_remove(),
        }),
        "ReplicationGroups": group.replication_groups(),
        "ServerlessCaches": group.serverless_caches(),
        "ARN": group.arn(),
    }
}

pub(super) fn create_user_group(
    client: &Client,
    p: &mut Params,
) -> create_user_group::builders::CreateUserGroupFluentBuilder {
    client
        .create_user_group()
        .set_user_group_id(p.text("UserGroupId"))
        .set_engine(p.text("Engine"))
        .set_user_ids(p.texts("UserIds"))
        .set_tags(p.tags())
}

pub(super) fn modify_user_group(
    client: &Client,
    p: &mut Params,
) -> modify_user_group::builders::ModifyUserGroupFluentBuilder {
    client
        .modify_user_group()
        .set_user_group_id(p.text("UserGroupId"))
        .set_engine(p.text("Engine"))
        .set_user_ids_to_add(p.texts("UserIdsToAdd"))
        .set_user_ids_to_remove(p.texts("UserIdsToRemove"))
}

pub(super) fn delete_user_group(
    client: &Client,
    p: &mut Params,
) -> delete_user_group::builders::DeleteUserGroupFluentBuilder {
    client.delete_user_group().set_user_group_id(p.text("UserGroupId"))
}

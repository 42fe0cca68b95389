//! Users at AWS.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::operation::{create_user, delete_user, modify_user};
use aws_sdk_elasticache::types as ec;
use serde_json::Value;

use crate::aws::lists::lister;
use crate::aws::params::Params;
use crate::aws::record::record;

lister!(list, "DescribeUsers", describe_users, user_id, users, user_id, describe);

pub(super) fn describe(user: &ec::User) -> Value {
    record! {
        "UserId": user.user_id(),
        "UserName": user.user_name(),
        "Status": user.status(),
        "Engine": user.engine(),
        "AccessString": user.access_string(),
        "UserGroupIds": user.user_group_ids(),
        "Authentication": user.authentication().map(|authentication| record! {
            "Type": authentication.r#type().map(|kind| kind.as_str()),
            "PasswordCount": authentication.password_count(),
        }),
        "ARN": user.arn(),
    }
}

pub(super) fn create_user(client: &Client, p: &mut Params) -> create_user::builders::CreateUserFluentBuilder {
    client
        .create_user()
        .set_user_id(p.text("UserId"))
        .set_user_name(p.text("UserName"))
        .set_engine(p.text("Engine"))
        .set_passwords(p.texts("Passwords"))
        .set_access_string(p.text("AccessString"))
        .set_no_password_required(p.flag("NoPasswordRequired"))
        .set_authentication_mode(p.object("AuthenticationMode", authentication_mode))
        .set_tags(p.tags())
}

pub(super) fn modify_user(client: &Client, p: &mut Params) -> modify_user::builders::ModifyUserFluentBuilder {
    client
        .modify_user()
        .set_user_id(p.text("UserId"))
        .set_engine(p.text("Engine"))
        .set_passwords(p.texts("Passwords"))
        .set_access_string(p.text("AccessString"))
        .set_no_password_required(p.flag("NoPasswordRequired"))
        .set_authentication_mode(p.object("AuthenticationMode", authentication_mode))
}

pub(super) fn delete_user(client: &Client, p: &mut Params) -> delete_user::builders::DeleteUserFluentBuilder {
    client.delete_user().set_user_id(p.text("UserId"))
}

fn authentication_mode(p: &mut Params) -> ec::AuthenticationMode {
    ec::AuthenticationMode::builder().set_type(p.word("Type")).set_passwords(p.texts("Passwords")).build()
}

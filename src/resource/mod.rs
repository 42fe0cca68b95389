//! The kinds of resources: one file a kind, one row an attribute.

pub mod alarm;
pub mod alarm_preset;
pub mod arn;
pub mod local;
pub mod ownership;
pub mod parameter_group;
pub mod readiness;
pub mod replication_group;
pub mod secret;
pub mod serverless_cache;
pub mod smoke;
pub mod subnet_group;
pub mod user;
pub mod user_group;

use serde_json::Value;

use crate::model::attribute::Attribute;
use crate::model::live::strings;
use crate::model::shape::Shape;
use crate::model::step::Wait;
use crate::model::{Address, Kind, Operation, Resource};

/// The row of a kind's attribute.
pub fn attribute(kind: Kind, name: &str) -> Option<&'static Attribute> {
    kind.attributes().iter().find(|attribute| attribute.field.name == name)
}

/// What a resource refers to: subnet group, parameter group, users, user groups.
pub fn references(resource: &Resource) -> Vec<Address> {
    let mut out = Vec::new();
    for attribute in resource.address.kind.attributes() {
        let value = resource.fields.get(attribute.field.name);
        match attribute.field.shape {
            Shape::Reference(kind) => out.extend(value.and_then(Value::as_str).map(|id| Address::new(kind, id))),
            Shape::List { of: Shape::Reference(kind), .. } => {
                out.extend(strings(value).map(|id| Address::new(*kind, id)))
            }
            _ => {}
        }
    }
    out
}

impl Kind {
    pub fn attributes(self) -> &'static [Attribute] {
        match self {
            Kind::SubnetGroup => subnet_group::ATTRIBUTES,
            Kind::ParameterGroup => parameter_group::ATTRIBUTES,
            Kind::User => user::ATTRIBUTES,
            Kind::UserGroup => user_group::ATTRIBUTES,
            Kind::ReplicationGroup => replication_group::ATTRIBUTES,
            Kind::ServerlessCache => serverless_cache::ATTRIBUTES,
            Kind::Alarm => alarm::ATTRIBUTES,
        }
    }

    /// The type part of the resource's ARN.
    pub const fn arn_type(self) -> &'static str {
        match self {
            Kind::SubnetGroup => "subnetgroup",
            Kind::ParameterGroup => "parametergroup",
            Kind::User => "user",
            Kind::UserGroup => "usergroup",
            Kind::ReplicationGroup => "replicationgroup",
            Kind::ServerlessCache => "serverlesscache",
            Kind::Alarm => "alarm",
        }
    }

    pub fn modify(self) -> Operation {
        match self {
            Kind::SubnetGroup => Operation::ModifyCacheSubnetGroup,
            Kind::ParameterGroup => Operation::ModifyCacheParameterGroup,
            Kind::User => Operation::ModifyUser,
            Kind::UserGroup => Operation::ModifyUserGroup,
            Kind::ReplicationGroup => Operation::ModifyReplicationGroup,
            Kind::ServerlessCache => Operation::ModifyServerlessCache,
            Kind::Alarm => Operation::PutMetricAlarm,
        }
    }

    pub fn create(self) -> Operation {
        match self {
            Kind::SubnetGroup => Operation::CreateCacheSubnetGroup,
            Kind::ParameterGroup => Operation::CreateCacheParameterGroup,
            Kind::User => Operation::CreateUser,
            Kind::UserGroup => Operation::CreateUserGroup,
            Kind::ReplicationGroup => Operation::CreateReplicationGroup,
            Kind::ServerlessCache => Operation::CreateServerlessCache,
            Kind::Alarm => Operation::PutMetricAlarm,
        }
    }

    pub fn delete(self) -> Operation {
        match self {
            Kind::SubnetGroup => Operation::DeleteCacheSubnetGroup,
            Kind::ParameterGroup => Operation::DeleteCacheParameterGroup,
            Kind::User => Operation::DeleteUser,
            Kind::UserGroup => Operation::DeleteUserGroup,
            Kind::ReplicationGroup => Operation::DeleteReplicationGroup,
            Kind::ServerlessCache => Operation::DeleteServerlessCache,
            Kind::Alarm => Operation::DeleteAlarms,
        }
    }

    /// The member of those calls that names the resource.
    pub fn id_member(self) -> &'static str {
        match self {
            Kind::SubnetGroup => "CacheSubnetGroupName",
            Kind::ParameterGroup => "CacheParameterGroupName",
            Kind::User => "UserId",
            Kind::UserGroup => "UserGroupId",
            Kind::ReplicationGroup => "ReplicationGroupId",
            Kind::ServerlessCache => "ServerlessCacheName",
            Kind::Alarm => "AlarmName",
        }
    }

    /// What a change of the resource is awaited by.
    pub fn ready(self) -> Wait {
        match self {
            Kind::User | Kind::UserGroup => Wait::Active,
            Kind::ReplicationGroup | Kind::ServerlessCache => Wait::Available,
            Kind::SubnetGroup | Kind::ParameterGroup | Kind::Alarm => Wait::Nothing,
        }
    }

    pub fn gone(self) -> Wait {
        match self {
            Kind::User | Kind::UserGroup | Kind::ReplicationGroup | Kind::ServerlessCache => Wait::Deleted,
            Kind::SubnetGroup | Kind::ParameterGroup | Kind::Alarm => Wait::Nothing,
        }
    }
}

//! The kinds of resources.

use std::fmt;

/// In the order in which resources are created: what others need comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    SubnetGroup,
    ParameterGroup,
    User,
    UserGroup,
    ReplicationGroup,
    ServerlessCache,
    Alarm,
}

impl Kind {
    pub const ALL: [Kind; 7] = [
        Kind::SubnetGroup,
        Kind::ParameterGroup,
        Kind::User,
        Kind::UserGroup,
        Kind::ReplicationGroup,
        Kind::ServerlessCache,
        Kind::Alarm,
    ];

    /// As in an address: `replicationGroup/prod-cache`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::SubnetGroup => "subnetGroup",
            Kind::ParameterGroup => "parameterGroup",
            Kind::User => "user",
            Kind::UserGroup => "userGroup",
            Kind::ReplicationGroup => "replicationGroup",
            Kind::ServerlessCache => "serverlessCache",
            Kind::Alarm => "alarm",
        }
    }

    /// The key of the spec under which resources of this kind stand.
    pub const fn section(self) -> &'static str {
        match self {
            Kind::SubnetGroup => "subnetGroups",
            Kind::ParameterGroup => "parameterGroups",
            Kind::User => "users",
            Kind::UserGroup => "userGroups",
            Kind::ReplicationGroup => "replicationGroups",
            Kind::ServerlessCache => "serverlessCaches",
            Kind::Alarm => "alarms",
        }
    }

    pub const fn is_cache(self) -> bool {
        matches!(self, Kind::ReplicationGroup | Kind::ServerlessCache)
    }

    /// Do ids keep their letter case? ElastiCache keeps them in lower case, CloudWatch as they are.
    pub const fn keeps_letter_case(self) -> bool {
        matches!(self, Kind::Alarm)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

//! The kinds of resources: one file a kind, one row an attribute.

pub mod alarm;
pub mod alarm_preset;
pub mod attribute;
pub mod live;
pub mod local;
pub mod parameter_group;
pub mod replication_group;
pub mod secret;
pub mod serverless_cache;
pub mod shape;
pub mod subnet_group;
pub mod user;
pub mod user_group;
pub mod version;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use attribute::Attribute;

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

    pub const fn is_cache(self) -> bool {
        matches!(self, Kind::ReplicationGroup | Kind::ServerlessCache)
    }

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
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `kind/id`. Ids are in lower case, as ElastiCache keeps them; alarm names keep their case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub kind: Kind,
    pub id: String,
}

impl Address {
    pub fn new(kind: Kind, id: &str) -> Self {
        Self { kind, id: if kind == Kind::Alarm { id.to_owned() } else { id.to_ascii_lowercase() } }
    }

    /// The alarms of a cache whose members are not known yet.
    pub fn alarms_of(cache: &str) -> Self {
        Self::new(Kind::Alarm, &format!("{cache}-*"))
    }

    pub fn arn(&self, partition: &str, region: &str, account: &str) -> String {
        let service = if self.kind == Kind::Alarm { "cloudwatch" } else { "elasticache" };
        format!("arn:{partition}:{service}:{region}:{account}:{}:{}", self.kind.arn_type(), self.id)
    }

    pub fn from_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(7, ':').skip(5);
        let (kind, id) = (parts.next()?, parts.next()?);
        let kind = Kind::ALL.into_iter().find(|candidate| candidate.arn_type() == kind)?;
        Some(Self::new(kind, id))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, id) = text.split_once('/').ok_or_else(|| format!("`{text}` is not an address: expected KIND/ID"))?;
        let kind = Kind::ALL
            .into_iter()
            .find(|candidate| candidate.name().eq_ignore_ascii_case(kind))
            .ok_or_else(|| format!("`{kind}` is no kind of resource: {}", Kind::ALL.map(Kind::name).join(", ")))?;
        Ok(Self::new(kind, id))
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

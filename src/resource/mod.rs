//! The kinds of resources: one file a kind, one row an attribute.

pub mod alarm;
pub mod alarm_entries;
pub mod alarm_names;
pub mod alarm_preset;
pub mod alarm_rule;
pub mod alarm_whole;
pub mod arn;
pub mod companion;
pub mod composite_alarm;
pub mod dashboard;
pub mod drill;
pub mod kind_row;
pub mod local;
pub mod members;
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

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::model::attribute::Attribute;
use crate::model::live::strings;
use crate::model::shape::Shape;
use crate::model::step::Wait;
use crate::model::{Address, Kind, Operation, Resource};
use companion::Companion;
use kind_row::KindRow;

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

macro_rules! kinds {
    ($($kind:ident: $row:path),* $(,)?) => {
        impl Kind {
            /// Every kind, in the order in which resources are created: what others need comes first.
            pub const ALL: [Kind; [$(Kind::$kind),*].len()] = [$(Kind::$kind),*];

            /// What is to be known of the kind.
            pub const fn row(self) -> &'static KindRow {
                match self {
                    $(Kind::$kind => &$row,)*
                }
            }
        }
    };
}

// The registry: a kind that is not in it does not compile.
kinds! {
    SubnetGroup: subnet_group::KIND,
    ParameterGroup: parameter_group::KIND,
    User: user::KIND,
    UserGroup: user_group::KIND,
    ReplicationGroup: replication_group::KIND,
    ServerlessCache: serverless_cache::KIND,
    Alarm: alarm::KIND,
    CompositeAlarm: composite_alarm::KIND,
    Dashboard: dashboard::KIND,
}

impl Kind {
    /// The kind's word, as in the address `replicationGroup/prod-cache`.
    pub const fn name(self) -> &'static str {
        self.row().names.kind
    }

    /// The key of the spec under which resources of this kind stand.
    pub const fn section(self) -> &'static str {
        self.row().names.section
    }

    /// Do clients store data in resources of the kind?
    pub const fn is_cache(self) -> bool {
        self.row().is_cache
    }

    /// Does AWS run a cache of the kind without nodes that anyone sees, so that it is its own only node?
    pub const fn is_serverless(self) -> bool {
        self.row().is_serverless
    }

    /// The kinds that clients store data in.
    pub fn caches() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.is_cache())
    }

    /// Is it an alarm, metric or composite? They share their names, and what is said of them in descriptions.
    pub const fn is_alarm(self) -> bool {
        matches!(self, Kind::Alarm | Kind::CompositeAlarm)
    }

    /// Does one say itself whose it is, so that no tag is needed for that?
    pub const fn notes_its_stack(self) -> bool {
        self.row().stack_noted.is_some()
    }

    /// What one does in its own way, if caches ask for resources of the kind.
    pub fn companion(self) -> Option<&'static Companion> {
        self.row().companion.as_ref()
    }

    /// The kind that stands under this key of a spec.
    pub fn of_section(key: &str) -> Option<Self> {
        Self::ALL.into_iter().filter(|kind| kind.companion().is_none()).find(|kind| kind.section() == key)
    }

    /// Every kind in the order in which resources are deleted: what uses others goes before them.
    pub fn in_order_of_deletion() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().rev()
    }

    /// The kind's rows, one for each attribute of a spec; a cache's end with those that ask for its companions.
    pub fn attributes(self) -> &'static [Attribute] {
        static ROWS: LazyLock<[Vec<Attribute>; Kind::ALL.len()]> = LazyLock::new(|| {
            let asked = || companion::kinds().map(|(_, companion)| companion.asked);
            Kind::ALL.map(|kind| {
                let of_companions = kind.is_cache().then(asked).into_iter().flatten();
                kind.row().attributes.iter().copied().chain(of_companions).collect()
            })
        });
        &ROWS[self as usize]
    }

    /// The call that changes a resource of the kind in place.
    pub fn modify(self) -> Operation {
        self.row().calls.modify
    }

    /// The member of the kind's calls that names the resource, such as `UserId`.
    pub fn id_member(self) -> &'static str {
        self.row().calls.id_member
    }

    /// What a change of the resource is awaited by.
    pub fn ready(self) -> Wait {
        self.row().states.map_or(Wait::Nothing, |states| states.ready)
    }

    /// What the deletion of a resource is awaited by.
    pub fn gone(self) -> Wait {
        if self.row().states.is_some() { Wait::Deleted } else { Wait::Nothing }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// By its section, as where many kinds stand side by side.
impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.section())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let section = String::deserialize(deserializer)?;
        let kind = Self::ALL.into_iter().find(|kind| kind.section() == section);
        kind.ok_or_else(|| de::Error::custom(format!("`{section}` is not a kind of resource")))
    }
}

impl Address {
    /// Is the resource AWS's own: there whoever says so, and nobody's to manage?
    pub fn is_aws_own(&self) -> bool {
        (self.kind.row().is_aws_own)(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_created_in_the_order_in_which_they_are_declared() {
        assert!(Kind::ALL.is_sorted());
    }

    #[test]
    fn a_kinds_calls_are_calls_of_that_kind() {
        for kind in Kind::ALL {
            let calls = kind.row().calls;
            for operation in [calls.create, calls.modify, calls.delete] {
                let of_alarms = kind.is_alarm() && operation.kind().is_some_and(Kind::is_alarm);
                assert!(operation.kind() == Some(kind) || of_alarms, "{operation}");
            }
            assert!(calls.delete.deletes(), "{}", calls.delete);
        }
    }

    #[test]
    fn every_kind_says_which_permissions_of_its_service_read_it() {
        for kind in Kind::ALL {
            let (reads, service) = (kind.row().reads, kind.row().arn.service);
            let is_ours = |read: &&str| read.split_once(':').is_some_and(|(of, _)| of == service);
            assert!(!reads.is_empty() && reads.iter().all(is_ours), "{kind}: {reads:?}");
        }
    }

    #[test]
    fn what_only_begins_like_awss_own_is_not() {
        for (address, own) in [
            ("subnetGroup/default", true),
            ("subnetGroup/default-private", false),
            ("parameterGroup/default.valkey8", true),
            ("parameterGroup/default-params", false),
            ("user/default", true),
            ("user/defaults", false),
            ("userGroup/default.iam-user-group", true),
            ("userGroup/default-ops", false),
        ] {
            assert_eq!(address.parse::<Address>().expect(address).is_aws_own(), own, "{address}");
        }
    }
}

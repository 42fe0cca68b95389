//! What a spec declares: one stack, overlaid, interpolated, decoded.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Address, Kind, Locations};

/// One stack, as declared: overlaid, interpolated, decoded.
#[derive(Clone, Debug)]
pub struct Spec {
    pub stack: String,
    pub region: String,
    pub account_id: Option<String>,
    pub environment: Option<String>,
    pub tags: Map<String, Value>,
    pub policy: Map<String, Value>,
    /// Who calls AWS: `profile`, or `roleArn` with `externalId` and `sessionName`.
    pub aws: Map<String, Value>,
    pub resources: BTreeMap<Address, Resource>,
    pub locations: Locations,
    /// Of all that is declared; a saved plan holds it.
    pub digest: String,
}

/// One resource as a spec declares it.
#[derive(Clone, Debug, Serialize)]
pub struct Resource {
    pub address: Address,
    /// Declared attributes by their names in the spec. What is absent is not managed.
    pub fields: Map<String, Value>,
    /// `replicationGroups.prod-cache`
    #[serde(skip)]
    pub path: String,
}

impl Spec {
    /// The resources of one kind, in the order of their ids.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Resource> {
        let first = Address { kind, id: String::new() };
        self.resources.range(first..).take_while(move |(address, _)| address.kind == kind).map(|(_, resource)| resource)
    }
}

impl Resource {
    /// A declared text; `None` where the field is left out or is no text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }

    /// A declared boolean; `None` where the field is left out or is no boolean.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.fields.get(name)?.as_bool()
    }

    /// A declared whole number; `None` where the field is left out or is no such number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.fields.get(name)?.as_i64()
    }

    /// A switch under `lifecycle`, such as `protect`; `None` where the spec does not set it.
    pub fn lifecycle(&self, name: &str) -> Option<bool> {
        self.fields.get("lifecycle")?.get(name)?.as_bool()
    }
}

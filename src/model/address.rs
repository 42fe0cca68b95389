//! Addresses: what a person calls a resource by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Kind;

/// What a person calls a resource by: `kind/id`.
///
/// Ids are in lower case, as ElastiCache keeps them; alarm names keep their case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub kind: Kind,
    pub id: String,
}

impl Address {
    /// The address of this kind and id, in the letter case in which AWS keeps ids of the kind.
    pub fn new(kind: Kind, id: &str) -> Self {
        Self { kind, id: if kind.row().keeps_letter_case { id.to_owned() } else { id.to_ascii_lowercase() } }
    }

    /// The address that stands for the alarms of a cache whose members are not known yet.
    pub fn alarms_of(cache: &str) -> Self {
        Self::new(Kind::Alarm, &format!("{cache}-*"))
    }

    /// The cache whose alarms the address stands for, where it was made by [`Address::alarms_of`].
    pub fn cache_of_members(&self) -> Option<&str> {
        self.id.strip_suffix("-*").filter(|_| self.kind == Kind::Alarm)
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
            .ok_or_else(|| format!("`{kind}` is not a kind of resource: {}", Kind::ALL.map(Kind::name).join(", ")))?;
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

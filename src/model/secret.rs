//! Marks of secrets: what may be known of a secret that nobody may see.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Address;

/// The marks of declared secrets by resource, as a plan told them.
pub type Marks = BTreeMap<Address, String>;

/// What the reader found out about a declared secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seen {
    /// A version id, or a salted slow hash: what the tag will hold.
    pub mark: String,
    /// Does the tag on the resource say the same secret?
    pub matches: bool,
    /// Could whoever reads the mark guess the secret?
    #[serde(default)]
    pub weak: bool,
}

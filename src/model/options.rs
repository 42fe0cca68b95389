//! What the person at the command line allows.

use std::str::FromStr;

use super::{Address, Glob};

/// What an apply does only where it is allowed by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    Delete,
    Replace,
    Adopt,
    Reboot,
    Flush,
    Rotate,
}

impl Permit {
    /// Every permit, in the order in which messages name them.
    pub const ALL: [Permit; 6] =
        [Permit::Delete, Permit::Replace, Permit::Adopt, Permit::Reboot, Permit::Flush, Permit::Rotate];

    /// The permit's word, as `--allow` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Permit::Delete => "delete",
            Permit::Replace => "replace",
            Permit::Adopt => "adopt",
            Permit::Reboot => "reboot",
            Permit::Flush => "flush",
            Permit::Rotate => "rotate",
        }
    }
}

/// One `--allow`: `ACTION:ADDRESS-GLOB`, such as `delete:alarm/*`.
#[derive(Clone, Debug)]
pub struct Allow {
    pub permit: Permit,
    pub glob: Glob,
}

impl FromStr for Allow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (action, glob) =
            text.split_once(':').ok_or("expected ACTION:ADDRESS-GLOB, such as replace:replicationGroup/prod-cache")?;
        let known = Permit::ALL.into_iter().find(|permit| permit.name() == action);
        let permit = known.ok_or_else(|| {
            format!("`{action}` is not an action: it is one of {}", Permit::ALL.map(Permit::name).join(", "))
        })?;
        Ok(Self { permit, glob: glob.parse()? })
    }
}

/// What the command line says of a plan: what is allowed, which resources, how far it goes.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub allow: Vec<Allow>,
    pub only: Vec<Glob>,
    pub prune: bool,
    pub all_hops: bool,
    pub show_unchanged: bool,
    /// `yyyymmdd-hhmmss` in UTC, for the names of final snapshots.
    pub timestamp: String,
    /// Plan the deletion of all that the stack owns.
    pub destroy: bool,
    /// Every secret must be readable, also of what exists: an apply that does not see a new password is no success.
    pub secrets: bool,
}

impl Options {
    /// Is this permit given for the address?
    pub fn allows(&self, permit: Permit, address: &Address) -> bool {
        self.allow.iter().any(|allow| allow.permit == permit && allow.glob.matches(address))
    }

    /// Is the address among those that `--only` names? Without `--only`, all are.
    pub fn selects(&self, address: &Address) -> bool {
        self.only.is_empty() || self.only.iter().any(|glob| glob.matches(address))
    }
}

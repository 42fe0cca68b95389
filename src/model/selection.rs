//! Which resources an import names.

use std::collections::BTreeSet;

use super::{Address, Glob, Kind};

/// The resources that an import is of: globs of addresses, or everything.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub all: bool,
    pub globs: Vec<Glob>,
}

impl Selection {
    /// Addresses that are named in full.
    pub fn exact(&self) -> impl Iterator<Item = Address> {
        self.globs.iter().filter(|glob| !glob.0.contains('*')).filter_map(|glob| glob.0.parse().ok())
    }

    /// Kinds of which anything may be meant: these are listed.
    pub fn kinds(&self) -> BTreeSet<Kind> {
        if self.all {
            return Kind::ALL.into();
        }
        let patterns = self.globs.iter().filter(|glob| glob.0.contains('*'));
        patterns.flat_map(|glob| Kind::ALL.into_iter().filter(move |kind| glob.may_be(*kind))).collect()
    }
}

//! The names of everything that the run may have written, so that it can be deleted by name.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Names in use; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Written(Arc<Mutex<BTreeSet<String>>>);

impl Written {
    /// Before the write: what may be there counts.
    pub(super) fn note(&self, key: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains(key) {
            names.insert(key.to_owned());
        }
    }

    /// It was deleted.
    pub(super) fn forget(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }
}

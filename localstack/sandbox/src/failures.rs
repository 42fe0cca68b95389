//! Asynchronous failures: AWS accepts a call and takes it back later.

use crate::state::State;

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The next create ends in `create-failed`.
    CreateFailed,
    /// The next create leaves its members, and the group, in `incompatible-network`.
    IncompatibleNetwork,
    /// The next create leaves its members, and the group, in `restore-failed`.
    RestoreFailed,
    /// The next scale-down leaves the old node type behind.
    ScaleDownRolledBack,
    /// The next reshard leaves the old shards behind.
    ReshardRolledBack,
    /// The next change of log deliveries is accepted and leaves them in `error`.
    LogDeliveryFailed,
    /// The next serverless create ends in `create-failed`.
    ServerlessCreateFailed,
}

/// One failure to come; `target` limits it to one group or cache.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    pub kind: Kind,
    #[serde(default)]
    pub target: Option<String>,
}

/// Whether a failure of this kind was ordered for this resource. It strikes once.
pub(crate) fn strikes(state: &mut State, kind: Kind, id: &str) -> bool {
    let found = state
        .failures
        .iter()
        .position(|failure| failure.kind == kind && failure.target.as_deref().is_none_or(|target| target == id));
    match found {
        Some(index) => {
            state.failures.remove(index);
            true
        }
        None => false,
    }
}

//! One resource of a plan.

use crate::model::draft::Draft;
use crate::model::plan::{Action, Ownership};

/// The plan of one resource: what it comes to, and the calls.
#[derive(Debug)]
pub struct Planned {
    pub draft: Draft,
    pub action: Action,
    pub ownership: Ownership,
    pub fingerprint: Option<String>,
    pub count: Option<usize>,
}

//! Collects findings in the order in which they were made.

use std::time::Instant;

use super::report::{Check, Verdict};

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) status: Verdict,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
}

impl Finding {
    pub(super) fn new(status: Verdict, detail: impl Into<String>, hint: Option<String>) -> Self {
        Self { status, detail: detail.into(), hint }
    }

    pub(super) fn passed(detail: impl Into<String>) -> Self {
        Self::new(Verdict::Passed, detail, None)
    }

    pub(super) fn failed(detail: impl Into<String>, hint: Option<String>) -> Self {
        Self::new(Verdict::Failed, detail, hint)
    }

    pub(super) fn warned(detail: impl Into<String>, hint: Option<String>) -> Self {
        Self::new(Verdict::Warned, detail, hint)
    }

    pub(super) fn not_tested(detail: impl Into<String>, hint: Option<String>) -> Self {
        Self::new(Verdict::NotTested, detail, hint)
    }
}

#[derive(Debug, Default)]
pub(super) struct Checks(pub(super) Vec<Check>);

impl Checks {
    pub(super) fn add(&mut self, name: &str, begun: Instant, finding: Finding) {
        self.0.push(Check {
            name: name.to_owned(),
            status: finding.status,
            detail: finding.detail,
            hint: finding.hint,
            seconds: begun.elapsed().as_secs_f64(),
        });
    }
}

//! Collects findings in the order in which they were made.

use std::time::Instant;

use super::report::{Check, CheckStatus};

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) status: CheckStatus,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
}

impl Finding {
    pub(super) fn ok(detail: impl Into<String>) -> Self {
        Self { status: CheckStatus::Ok, detail: detail.into(), hint: None }
    }

    pub(super) fn failed(detail: impl Into<String>, hint: Option<String>) -> Self {
        Self { status: CheckStatus::Failed, detail: detail.into(), hint }
    }

    pub(super) fn warn(detail: impl Into<String>, hint: Option<String>) -> Self {
        Self { status: CheckStatus::Warn, detail: detail.into(), hint }
    }

    pub(super) fn skipped(detail: impl Into<String>, hint: Option<String>) -> Self {
        Self { status: CheckStatus::Skipped, detail: detail.into(), hint }
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

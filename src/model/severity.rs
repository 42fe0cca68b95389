//! How much a finding weighs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a finding weighs: an error stands in the way, a warning is shown, information is shown where one looks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warn,
    Error,
}

impl Severity {
    /// Every severity, the heaviest first.
    pub const ALL: [Severity; 3] = [Severity::Error, Severity::Warn, Severity::Info];

    /// The severity's word, as specs and documents write it.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warn => "warn",
            Severity::Info => "info",
        }
    }

    /// The severity of that word; `None` for `none` and for every other word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.word() == word)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

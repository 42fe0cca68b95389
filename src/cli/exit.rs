//! Exit codes and the errors that lead to them.

use std::error::Error;
use std::path::Path;
use std::{fmt, io};

use serde_json::{Value, json};

use crate::aws::AwsError;

/// In the order in which the worst of several stacks wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    Done,
    Changes,
    Pending,
    SmokeFailed,
    Blocked,
    Stale,
    Partly,
    InvalidSpec,
    Error,
    Usage,
    Interrupted,
}

impl Exit {
    /// By their codes.
    pub const ALL: [Exit; 11] = [
        Exit::Done,
        Exit::Error,
        Exit::Changes,
        Exit::Blocked,
        Exit::Stale,
        Exit::SmokeFailed,
        Exit::Partly,
        Exit::Pending,
        Exit::Usage,
        Exit::InvalidSpec,
        Exit::Interrupted,
    ];

    /// What it says, in a line.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "Done. Also a plan with changes, unless --detailed-exitcode is given.",
            Exit::Error => "An error: AWS, the network, a file, or cachectl itself.",
            Exit::Changes => "There are changes (plan --detailed-exitcode).",
            Exit::Blocked => {
                "Blocked: a lint error, the wrong account, protection, another stack's resource, something that is not allowed, or a change that AWS refuses. Nothing was written."
            }
            Exit::Stale => "The saved plan is stale, or was made for another account, region or spec.",
            Exit::SmokeFailed => "Applied, but a test of the cache failed, or could not decide what `require` asks.",
            Exit::Partly => "Applied in part, or a wait timed out. The same command resumes.",
            Exit::Pending => "Only pending changes are left, as the spec says (--detailed-exitcode).",
            Exit::Usage => "The command line is wrong.",
            Exit::InvalidSpec => "The spec is invalid.",
            Exit::Interrupted => "Interrupted. Operations under way in AWS continue; the same command resumes.",
        }
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Exit::Done | Exit::Usage => "",
            Exit::Error => "The message names the call and what AWS said. -vv shows every call.",
            Exit::Changes => "Read the plan; `cachectl apply` makes the changes.",
            Exit::Blocked => {
                "The plan names each blocked resource, the rule and what to do about it; `cachectl explain RULE` says why."
            }
            Exit::Stale => "Plan again, look at it again, and apply the new one.",
            Exit::SmokeFailed => {
                "The report says which check or bound failed. `cachectl smoke SPEC` runs the test again, without a change."
            }
            Exit::Partly => {
                "Run the same command again: it continues from the current state. Where AWS refused what the spec asks for, change that first: the command says so."
            }
            Exit::Pending => {
                "Wait for the maintenance window, or carry it out now with --allow flush:ADDRESS or --allow reboot:ADDRESS."
            }
            Exit::InvalidSpec => "Every fault is reported with its place; `cachectl explain CODE` says why it is one.",
            Exit::Interrupted => "Run the same command again.",
        }
    }

    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Error => 1,
            Exit::Changes => 2,
            Exit::Blocked => 3,
            Exit::Stale => 4,
            Exit::SmokeFailed => 5,
            Exit::Partly => 6,
            Exit::Pending => 7,
            Exit::Usage => 64,
            Exit::InvalidSpec => 78,
            Exit::Interrupted => 130,
        }
    }
}

/// What ends a command: a message, what to do now, the exit code, and what was behind it.
#[derive(Debug)]
pub struct CliError {
    pub exit: Exit,
    pub message: String,
    pub hint: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl CliError {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, source: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same with another exit code.
    pub fn exits(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// A file that cannot be read or written, by its name.
    pub fn io(action: &str, path: &Path, error: io::Error) -> Self {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            io::ErrorKind::StorageFull => "the disk is full".to_owned(),
            io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
            _ => error.to_string(),
        };
        Self::new(Exit::Error, format!("cannot {action} {}: {why}", path.display())).caused_by(error)
    }

    /// The error as a document tells it, beside the spec that it ended.
    pub fn document(&self, spec: &Path) -> Value {
        json!({"spec": spec, "exit": self.exit.code(), "message": self.message, "hint": self.hint})
    }

    /// What was behind it, from near to far, as far as the message does not say it.
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut next = self.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !text.is_empty() && !self.message.contains(&text) && causes.last() != Some(&text) {
                causes.push(text);
            }
            next = cause.source();
        }
        causes
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CliError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<AwsError> for CliError {
    fn from(error: AwsError) -> Self {
        let exit = if error.kind == crate::aws::error::Kind::Interrupted { Exit::Interrupted } else { Exit::Error };
        let hint = error.hint();
        Self { hint, ..Self::new(exit, error.to_string()) }.caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_stacks_wins() {
        let order = [
            Exit::Interrupted,
            Exit::Error,
            Exit::InvalidSpec,
            Exit::Partly,
            Exit::Stale,
            Exit::Blocked,
            Exit::SmokeFailed,
            Exit::Pending,
            Exit::Changes,
            Exit::Done,
        ];
        assert!(order.windows(2).all(|pair| pair[0] > pair[1]));
    }
}

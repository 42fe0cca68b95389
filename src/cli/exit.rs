//! Exit codes and the errors that lead to them.

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

/// What ends a command: a message, what to do now, and the exit code.
#[derive(Debug)]
pub struct CliError {
    pub exit: Exit,
    pub message: String,
    pub hint: Option<String>,
}

impl CliError {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<AwsError> for CliError {
    fn from(error: AwsError) -> Self {
        let exit = if error.kind == crate::aws::error::Kind::Interrupted { Exit::Interrupted } else { Exit::Error };
        Self { exit, message: error.to_string(), hint: error.hint() }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Error, error.to_string())
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

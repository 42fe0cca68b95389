//! What AWS says when it says no: code, HTTP status, text.

use std::borrow::Cow;
use std::fmt;

/// An API error. Codes and statuses are those of the API model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: Cow<'static, str>,
    pub status: u16,
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    pub fn new(code: impl Into<Cow<'static, str>>, status: u16, message: impl Into<String>) -> Self {
        Self { code: code.into(), status, message: message.into() }
    }

    pub fn bad(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(code, 400, message)
    }

    pub fn missing(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(code, 404, message)
    }

    pub fn invalid_value(message: impl Into<String>) -> Self {
        Self::bad("InvalidParameterValue", message)
    }

    pub fn invalid_combination(message: impl Into<String>) -> Self {
        Self::bad("InvalidParameterCombination", message)
    }

    pub fn malformed(message: impl Into<String>) -> Self {
        Self::bad("MalformedInput", message)
    }

    pub fn serialization(message: impl Into<String>) -> Self {
        Self::bad("SerializationException", message)
    }

    pub fn unknown_operation(operation: &str) -> Self {
        Self::bad("InvalidAction", format!("Could not find operation {operation}"))
    }

    pub fn group_state(message: impl Into<String>) -> Self {
        Self::bad("InvalidReplicationGroupState", message)
    }

    pub fn no_group(id: &str) -> Self {
        Self::missing("ReplicationGroupNotFoundFault", format!("ReplicationGroup {id} not found"))
    }
}

//! What the sandbox answers, the same tree whatever protocol carries it.

use std::borrow::Cow;

use super::input::Input;

/// One value of an answer. A list knows its element's name, which only XML shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Seconds since 1970.
    Time(f64),
    List(&'static str, Vec<Output>),
    Map(Vec<(Cow<'static, str>, Output)>),
}

/// Builds a structure member by member, in the order they are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record(Vec<(Cow<'static, str>, Output)>);

impl Record {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn put(mut self, name: &'static str, value: impl Into<Output>) -> Self {
        self.0.push((Cow::Borrowed(name), value.into()));
        self
    }

    pub(crate) fn put_some(self, name: &'static str, value: Option<impl Into<Output>>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    pub(crate) fn list(
        self,
        name: &'static str,
        element: &'static str,
        items: impl IntoIterator<Item = impl Into<Output>>,
    ) -> Self {
        self.put(name, Output::List(element, items.into_iter().map(Into::into).collect()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `None` when nothing was put: for structures that AWS leaves out when they are empty.
    pub(crate) fn non_empty(self) -> Option<Self> {
        if self.is_empty() { None } else { Some(self) }
    }
}

impl From<Record> for Output {
    fn from(record: Record) -> Self {
        Output::Map(record.0)
    }
}

impl From<&str> for Output {
    fn from(value: &str) -> Self {
        Output::Text(value.to_owned())
    }
}

impl From<String> for Output {
    fn from(value: String) -> Self {
        Output::Text(value)
    }
}

impl From<&String> for Output {
    fn from(value: &String) -> Self {
        Output::Text(value.clone())
    }
}

impl From<i64> for Output {
    fn from(value: i64) -> Self {
        Output::Int(value)
    }
}

impl From<bool> for Output {
    fn from(value: bool) -> Self {
        Output::Bool(value)
    }
}

impl From<usize> for Output {
    fn from(value: usize) -> Self {
        Output::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// Keeps what a client sent as it sent it, for resources that AWS only stores and hands back.
impl From<&Input> for Output {
    fn from(input: &Input) -> Self {
        match input {
            Input::Null => Output::Text(String::new()),
            Input::Bool(value) => Output::Bool(*value),
            Input::Int(value) => Output::Int(*value),
            Input::Float(value) => Output::Float(*value),
            Input::Time(value) => Output::Time(*value),
            Input::Text(value) => Output::Text(value.clone()),
            Input::List(items) => Output::List("member", items.iter().map(Output::from).collect()),
            Input::Map(map) => {
                Output::Map(map.iter().map(|(name, value)| (Cow::Owned(name.clone()), Output::from(value))).collect())
            }
        }
    }
}

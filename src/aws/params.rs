//! A step's parameters on their way into the SDK. What no setter takes is an error: nothing that a plan
//! says is dropped in silence.

use aws_sdk_elasticache::types::Tag;
use serde_json::{Map, Value};

use super::error::AwsError;

pub struct Params {
    operation: String,
    left: Map<String, Value>,
    wrong: Option<String>,
}

impl Params {
    pub fn new(operation: &str, parameters: Map<String, Value>) -> Self {
        Self { operation: operation.to_owned(), left: parameters, wrong: None }
    }

    fn take<T>(&mut self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.left.remove(name).filter(|value| !value.is_null())?;
        let read = read(&value);
        if read.is_none() {
            self.wrong.get_or_insert_with(|| format!("{name} has the wrong type"));
        }
        read
    }

    pub fn text(&mut self, name: &str) -> Option<String> {
        self.take(name, |value| value.as_str().map(str::to_owned))
    }

    /// For the SDK's enums, which are made from their names.
    pub fn word<T: for<'a> From<&'a str>>(&mut self, name: &str) -> Option<T> {
        self.take(name, |value| value.as_str().map(T::from))
    }

    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.take(name, Value::as_bool)
    }

    pub fn integer(&mut self, name: &str) -> Option<i32> {
        self.take(name, |value| i32::try_from(value.as_i64()?).ok())
    }

    pub fn number(&mut self, name: &str) -> Option<f64> {
        self.take(name, Value::as_f64)
    }

    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.list(name, |item| item.as_str().map(str::to_owned))
    }

    pub fn list<T>(&mut self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
        self.take(name, |value| value.as_array()?.iter().map(&read).collect())
    }

    pub fn object<T>(&mut self, name: &str, read: impl Fn(&mut Params) -> T) -> Option<T> {
        let operation = self.operation.clone();
        self.take(name, |value| {
            let mut inner = Params::new(&operation, value.as_object()?.clone());
            let read = read(&mut inner);
            inner.finish().is_ok().then_some(read)
        })
    }

    /// What the API takes as the text of a JSON object.
    pub fn json(&mut self, name: &str) -> Option<String> {
        self.take(name, |value| value.is_object().then(|| value.to_string()))
    }

    pub fn tags(&mut self) -> Option<Vec<Tag>> {
        self.list("Tags", |tag| {
            Some(Tag::builder().key(tag.get("Key")?.as_str()?).value(tag.get("Value")?.as_str()?).build())
        })
    }

    pub fn finish(self) -> Result<(), AwsError> {
        if let Some(wrong) = self.wrong {
            return Err(AwsError::local(&self.operation, wrong));
        }
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => Err(AwsError::local(&self.operation, format!("cachectl has no way to send {name}"))),
        }
    }
}

/// The parameters of one entry of a list; `None` where something in it is not known.
pub(super) fn inner<T>(value: &Value, read: impl Fn(&mut Params) -> T) -> Option<T> {
    let mut p = Params::new("", value.as_object()?.clone());
    let read = read(&mut p);
    p.finish().is_ok().then_some(read)
}

//! What a client sent, the same tree whatever protocol carried it.

use std::collections::BTreeMap;

use crate::refusal::Refusal;

/// One value of a request. The query protocol knows only text, so every reader below converts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Seconds since 1970.
    Time(f64),
    Text(String),
    List(Vec<Input>),
    Map(BTreeMap<String, Input>),
}

impl Input {
    pub(crate) fn get(&self, name: &str) -> Option<&Input> {
        match self {
            Input::Map(map) => map.get(name).filter(|value| **value != Input::Null),
            _ => None,
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (&String, &Input)> {
        match self {
            Input::Map(map) => Some(map.iter()),
            _ => None,
        }
        .into_iter()
        .flatten()
    }

    /// A scalar's text; `None` for lists and structures.
    pub(crate) fn as_text(&self) -> Option<String> {
        match self {
            Input::Text(text) => Some(text.clone()),
            Input::Bool(value) => Some(value.to_string()),
            Input::Int(value) => Some(value.to_string()),
            Input::Float(value) | Input::Time(value) => Some(value.to_string()),
            Input::Null | Input::List(_) | Input::Map(_) => None,
        }
    }

    pub(crate) fn as_float(&self) -> Option<f64> {
        match self {
            Input::Float(value) | Input::Time(value) => Some(*value),
            #[expect(clippy::cast_precision_loss, reason = "API numbers are far below 2^53")]
            Input::Int(value) => Some(*value as f64),
            Input::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Input::Int(value) => Some(*value),
            #[expect(clippy::cast_possible_truncation, reason = "only whole numbers pass the guard")]
            Input::Float(value) if value.fract() == 0.0 => Some(*value as i64),
            Input::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Input::Bool(value) => Some(*value),
            Input::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Seconds since 1970 from a CBOR or JSON time, or from the ISO text of the query protocol.
    pub(crate) fn as_time(&self) -> Option<f64> {
        match self {
            Input::Text(text) => text.parse().ok().or_else(|| crate::wire::time::parse_iso(text)),
            other => other.as_float(),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(Input::as_text)
    }

    /// An identifier: ElastiCache keeps ids and names lower-case.
    pub(crate) fn id(&self, name: &str) -> Option<String> {
        self.text(name).map(|text| text.to_ascii_lowercase())
    }

    pub(crate) fn required(&self, name: &str) -> Result<String, Refusal> {
        match self.text(name) {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(Refusal::invalid_value(format!("The parameter {name} must be provided and must not be blank."))),
        }
    }

    pub(crate) fn required_id(&self, name: &str) -> Result<String, Refusal> {
        self.required(name).map(|text| text.to_ascii_lowercase())
    }

    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.typed(name, "Integer", Input::as_int)
    }

    pub(crate) fn bool(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.typed(name, "Boolean", Input::as_bool)
    }

    pub(crate) fn time(&self, name: &str) -> Result<Option<f64>, Refusal> {
        self.typed(name, "Timestamp", Input::as_time)
    }

    fn typed<T>(&self, name: &str, kind: &str, read: impl Fn(&Input) -> Option<T>) -> Result<Option<T>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match read(value) {
                Some(found) => Ok(Some(found)),
                None => Err(Refusal::malformed(format!(
                    "{} can not be converted to {kind} (parameter {name})",
                    value.as_text().unwrap_or_else(|| "structure".into())
                ))),
            },
        }
    }

    /// The elements of a list. In the query protocol a list is `Name.member.1` or, for lists with a
    /// named element, `Name.Tag.1`; an empty list arrives as `Name=`.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<&Input>> {
        match self.get(name)? {
            Input::List(items) => Some(items.iter().collect()),
            Input::Map(map) => Some(numbered(map)),
            Input::Text(text) if text.is_empty() => Some(Vec::new()),
            scalar => Some(vec![scalar]),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        Some(self.list(name)?.into_iter().filter_map(Input::as_text).collect())
    }
}

fn numbered(map: &BTreeMap<String, Input>) -> Vec<&Input> {
    let is_numbered = |map: &BTreeMap<String, Input>| map.keys().all(|key| key.parse::<u32>().is_ok());
    let inner = match map.iter().next() {
        Some((key, Input::Map(inner))) if map.len() == 1 && key.parse::<u32>().is_err() => inner,
        _ => map,
    };
    if !is_numbered(inner) {
        return Vec::new();
    }
    let mut items: Vec<(u32, &Input)> =
        inner.iter().filter_map(|(key, value)| Some((key.parse().ok()?, value))).collect();
    items.sort_by_key(|(index, _)| *index);
    items.into_iter().map(|(_, value)| value).collect()
}

//! Where each value of a spec stands.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::place::Span;

/// Places by path, such as `replicationGroups.prod-cache.engineVersion`.
#[derive(Clone, Debug, Default)]
pub struct Locations {
    values: HashMap<String, Span>,
    keys: HashMap<String, Span>,
    faulty: BTreeSet<String>,
    typed: BTreeSet<String>,
    hidden: BTreeMap<String, Hidden>,
}

/// A value from the environment: it is used, and not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    pub value: String,
    /// `(from env NAME)`
    pub shown: String,
}

impl Locations {
    /// Where the value of this path stands; `None` where the spec does not have it.
    pub fn value(&self, path: &str) -> Option<Span> {
        self.values.get(path).copied()
    }

    /// Where the key of this path stands; `None` where the spec does not have it.
    pub fn key(&self, path: &str) -> Option<Span> {
        self.keys.get(path).copied()
    }

    /// Notes where the value of this path stands.
    pub fn put_value(&mut self, path: &str, span: Span) {
        self.values.insert(path.to_owned(), span);
    }

    /// Notes where the key of this path stands.
    pub fn put_key(&mut self, path: &str, span: Span) {
        self.keys.insert(path.to_owned(), span);
    }

    /// Notes that a fault was reported at this path, which rules that look at it would only repeat.
    pub fn put_fault(&mut self, path: &str) {
        self.faulty.insert(path.to_owned());
    }

    /// Notes that a variable's value stands at this path for a number or a boolean.
    pub fn put_typed(&mut self, path: &str) {
        self.typed.insert(path.to_owned());
    }

    /// Notes a value that comes from the environment, and what to show in its place.
    pub fn put_hidden(&mut self, path: &str, value: &str, shown: String) {
        self.hidden.insert(path.to_owned(), Hidden { value: value.to_owned(), shown });
    }

    /// Values from the environment, by path.
    pub fn hidden(&self) -> impl Iterator<Item = (&str, &Hidden)> {
        self.hidden.iter().map(|(path, hidden)| (path.as_str(), hidden))
    }

    /// Does a variable's value stand at this path for a number or a boolean?
    pub fn is_typed(&self, path: &str) -> bool {
        self.typed.contains(path)
    }

    /// Was a fault reported at this path, at a part of it, or at what holds it?
    pub fn is_faulty(&self, path: &str) -> bool {
        if self.faulty.is_empty() {
            return false;
        }
        let inside = |fault: &str| fault[path.len()..].starts_with(['.', '[']);
        let below = self.faulty.range(path.to_owned()..).take_while(|fault| fault.starts_with(path));
        if self.faulty.contains(path) || below.into_iter().any(|fault| inside(fault)) {
            return true;
        }
        let mut path = path;
        while let Some(at) = path.rfind(['.', '[']) {
            path = &path[..at];
            if self.faulty.contains(path) {
                return true;
            }
        }
        false
    }

    /// The value's place, else its nearest parent's.
    pub fn nearest(&self, path: &str) -> Option<Span> {
        let mut path = path;
        loop {
            if let Some(span) = self.key(path).or_else(|| self.value(path)) {
                return Some(span);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

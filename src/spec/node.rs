//! A YAML document as a tree in which every value and every key knows its place.

use super::source::Span;

#[derive(Clone, Debug)]
pub struct Node {
    pub content: Content,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Content {
    Null,
    Scalar { text: String, style: Style },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Written without quotes: YAML may then read it as a number or a boolean.
    Plain,
    Quoted,
    /// Holds the value of a variable, and may stand for any type.
    Interpolated,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: Key,
    pub value: Node,
}

#[derive(Clone, Debug)]
pub struct Key {
    pub text: String,
    pub span: Span,
}

impl Node {
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key.text == key).map(|entry| &entry.value)
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// What a person would call it, for "found …".
    pub fn describe(&self) -> String {
        match &self.content {
            Content::Null => "nothing (null)".into(),
            Content::Scalar { text, style: Style::Plain } if text.parse::<f64>().is_ok() => {
                format!("the number {text}")
            }
            Content::Scalar { text, style: Style::Plain } if text == "true" || text == "false" => {
                format!("the boolean {text}")
            }
            Content::Scalar { text, .. } => format!("the string \"{}\"", shorten(text)),
            Content::List(items) => format!("a list of {}", items.len()),
            Content::Map(entries) => {
                format!("a map of {} {}", entries.len(), if entries.len() == 1 { "key" } else { "keys" })
            }
        }
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", text[..at].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

//! A YAML document as a tree in which every value and every key knows its place.

use super::source::Span;

#[derive(Clone, Debug)]
pub struct Node {
    pub content: Content,
    pub span: Span,
    /// Of a value from the environment: the text with `${env:NAME}` where such a value stands, which may be shown.
    pub template: Option<Box<str>>,
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
    /// The same, and it came from the environment: it may be a secret, and is not shown.
    Environment,
    /// Names a variable that has no value; that was reported.
    Unresolved,
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
    pub fn new(content: Content, span: Span) -> Self {
        Self { content, span, template: None }
    }

    /// In place of a value from the environment, `(from env NAME)`.
    pub fn from_environment(&self) -> Option<String> {
        let template = self.template.as_deref()?;
        let parts = template.split("${env:").skip(1).filter_map(|part| Some(part.split_once('}')?.0));
        let mut names: Vec<&str> = parts.collect();
        names.dedup();
        Some(format!("(from env {})", names.join(", ")))
    }

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

    /// Its first character: where a block that goes on for pages is pointed at.
    pub fn start(&self) -> Span {
        Span { end: (self.span.start + 1).min(self.span.end), ..self.span }
    }

    /// What a caret stands under: the value, or the first character of one that spans lines.
    pub fn pointed(&self) -> Span {
        match &self.content {
            Content::Scalar { text, .. } if !text.contains('\n') => self.span,
            _ => self.start(),
        }
    }

    pub fn is_interpolated(&self) -> bool {
        matches!(self.content, Content::Scalar { style: Style::Interpolated | Style::Environment, .. })
    }

    /// Its text, as far as it may be shown.
    pub fn shown(&self) -> String {
        match &self.content {
            Content::Scalar { style: Style::Environment, .. } => "(from the environment)".into(),
            _ => shorten(self.scalar().unwrap_or_default()),
        }
    }

    /// What a person would call it, for "found …".
    pub fn describe(&self) -> String {
        match &self.content {
            Content::Null => "nothing (null)".into(),
            Content::Scalar { text, style: Style::Plain } if is_number(text) => {
                format!("the number {text}")
            }
            Content::Scalar { text, style: Style::Plain } if text == "true" || text == "false" => {
                format!("the boolean {text}")
            }
            Content::Scalar { style: Style::Environment, .. } => "a value from the environment".into(),
            Content::Scalar { text, .. } => format!("the string \"{}\"", shorten(text)),
            Content::List(items) => format!("a list of {}", items.len()),
            Content::Map(entries) => {
                format!("a map of {} {}", entries.len(), if entries.len() == 1 { "key" } else { "keys" })
            }
        }
    }
}

/// A number by YAML's core schema.
pub fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let based = |prefix: &str, base: u32| {
        text.strip_prefix(prefix).is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_digit(base)))
    };
    let decimal = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && unsigned.parse::<f64>().is_ok();
    decimal
        || based("0x", 16)
        || based("0o", 8)
        || matches!(unsigned, ".inf" | ".Inf" | ".INF")
        || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// Forty characters of it, on one line.
pub fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", text[..at].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

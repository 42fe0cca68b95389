//! A spec as YAML again, after overlays and variables. Secrets are still references; variables are
//! written out, so that `vars` has done its part.

use serde_json::{Number, Value};

use super::decode::join;
use super::node::{Content, Node, Style, is_number};
use crate::model::text::is_unseen;
use crate::model::{Address, Kind, Spec};
use crate::resource::alarm_entries::{CACHE, MEMBER};

/// The document of a sound spec.
pub fn yaml(document: &Node, spec: &Spec) -> String {
    let mut document = document.clone();
    if let Content::Map(entries) = &mut document.content {
        entries.retain(|entry| entry.key.text != "vars");
    }
    let mut writer = Writer { spec, out: String::new() };
    writer.write(&document, 0, "");
    writer.out
}

/// The same as JSON, which is YAML too: a spec again.
pub fn json(document: &Node, spec: &Spec) -> Value {
    match &document.content {
        Content::Map(entries) => {
            let entries = entries.iter().filter(|entry| entry.key.text != "vars");
            entries.map(|entry| (entry.key.text.clone(), value(&entry.value, spec, &entry.key.text))).collect()
        }
        _ => value(document, spec, ""),
    }
}

fn value(node: &Node, spec: &Spec, path: &str) -> Value {
    match &node.content {
        Content::Null => Value::Null,
        Content::Map(entries) => {
            let of = |key: &str, node: &Node| (key.to_owned(), value(node, spec, &child_path(path, key)));
            entries.iter().map(|entry| of(&entry.key.text, &entry.value)).collect()
        }
        Content::List(items) => {
            items.iter().enumerate().map(|(index, item)| value(item, spec, &format!("{path}[{index}]"))).collect()
        }
        Content::Scalar { text, style } => match (&node.template, style) {
            (Some(template), _) => Value::from(&**template),
            (None, Style::Plain) => typed(text),
            (None, Style::Interpolated | Style::Environment) if spec.locations.is_typed(path) => typed(text),
            _ => Value::from(text.replace("${", "$${")),
        },
    }
}

/// What YAML reads in a word without quotes.
fn typed(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text if is_number(text) => match (text.parse::<i64>(), text.parse::<f64>().ok().and_then(Number::from_f64)) {
            (Ok(integer), _) => Value::from(integer),
            (Err(_), Some(number)) => Value::Number(number),
            (Err(_), None) => Value::from(text),
        },
        text => Value::from(text.replace("${", "$${")),
    }
}

struct Writer<'a> {
    spec: &'a Spec,
    out: String,
}

impl Writer<'_> {
    fn write(&mut self, node: &Node, indent: usize, path: &str) {
        let pad = "  ".repeat(indent);
        match &node.content {
            Content::Map(entries) => {
                for entry in entries {
                    self.out.push_str(&format!("{pad}{}:", self.scalar(&entry.key.text, Style::Quoted, "")));
                    self.child(&entry.value, indent + 1, &child_path(path, &entry.key.text));
                }
            }
            Content::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    let start = self.out.len();
                    match &item.content {
                        Content::Map(entries) if !entries.is_empty() => self.write(item, indent + 1, &path),
                        Content::List(items) if !items.is_empty() => {
                            // A list in a list stands on lines of its own.
                            self.out.push_str(&format!("{pad}-\n"));
                            self.write(item, indent + 1, &path);
                            continue;
                        }
                        _ => self.child(item, indent + 1, &path),
                    }
                    let text = self.out.split_off(start);
                    self.out.push_str(&format!("{pad}- {}", text.trim_start()));
                }
            }
            Content::Null | Content::Scalar { .. } => self.child(node, indent, path),
        }
    }

    fn child(&mut self, node: &Node, indent: usize, path: &str) {
        match &node.content {
            Content::Null => self.out.push_str(" null\n"),
            Content::Scalar { text, style } => {
                let text = match &node.template {
                    // What came from the environment comes from there again.
                    Some(template) => escaped(template),
                    None => self.scalar(text, *style, path),
                };
                self.out.push_str(&format!(" {text}\n"));
            }
            Content::List(items) if items.is_empty() => self.out.push_str(" []\n"),
            Content::Map(entries) if entries.is_empty() => self.out.push_str(" {}\n"),
            Content::List(_) | Content::Map(_) => {
                self.out.push('\n');
                self.write(node, indent, path);
            }
        }
    }

    /// Bare only where no YAML reader, old or new, takes it for anything but the same value.
    fn scalar(&self, text: &str, style: Style, path: &str) -> String {
        let bare = is_plain_word(text);
        let typed = match style {
            // What was read bare is bare again, unless its characters could begin something else.
            Style::Plain => {
                text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-')
                    && text.chars().all(|c| is_of_word(c) || c == '+')
                    && text != "-"
                    && !text.starts_with("---")
                    && text != "..."
            }
            // The value of a variable may stand for a number or a boolean; then it is written as one.
            Style::Interpolated | Style::Environment => self.spec.locations.is_typed(path),
            Style::Quoted | Style::Unresolved => false,
        };
        if bare || typed {
            text.to_owned()
        } else if is_pattern(path) {
            pattern(text)
        } else {
            quoted(text)
        }
    }
}

/// As the reader names it: ids in lower case.
fn child_path(path: &str, key: &str) -> String {
    match Kind::of_section(path) {
        Some(kind) => join(path, &Address::new(kind, key).id),
        None => join(path, key),
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/')
}

fn is_plain_word(text: &str) -> bool {
    let treacherous = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "~"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(is_of_word)
        && !treacherous.contains(&text.to_ascii_lowercase().as_str())
}

/// Text as a key or value of a spec, bare or in quotes.
pub fn word(text: &str) -> String {
    if is_plain_word(text) { text.to_owned() } else { quoted(text) }
}

/// Does a text stand at this path in which the node and the cache that it is written out for have names?
fn is_pattern(path: &str) -> bool {
    let kind = path.split_once('.').and_then(|(section, _)| Kind::of_section(section));
    let field = path.rsplit('.').next().unwrap_or_default();
    kind.is_some_and(|kind| kind.row().patterns.contains(&field))
}

/// Text with the names of an alarm's node and cache in it, in quotes.
pub fn pattern(text: &str) -> String {
    [MEMBER, CACHE].iter().fold(quoted(text), |text, name| text.replace(&format!("${name}"), name))
}

fn quoted(text: &str) -> String {
    escaped(&text.replace("${", "$${"))
}

fn escaped(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_printable(c) {
            out.push(c);
        } else {
            out.push_str(&match u32::from(c) {
                code @ ..0x10000 => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            });
        }
    }
    out
}

/// May it stand in a YAML file as it is? Others are escaped, and stand in no comment.
pub fn is_printable(c: char) -> bool {
    !is_unseen(c) && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

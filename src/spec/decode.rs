//! Nodes to values by their shape, with every fault reported where it stands.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::{Map, Number, Value};

use super::diagnostic::Diagnostic;
use super::node::{Content, Entry, Node, Style};
use super::source::Span;
use super::suggest;
use crate::resource::shape::{Field, Keys, Order, Shape};
use crate::resource::version::Version;

/// Where each value of the spec stands, by its path.
#[derive(Clone, Debug, Default)]
pub struct Locations {
    values: BTreeMap<String, Span>,
    keys: BTreeMap<String, Span>,
}

impl Locations {
    pub fn value(&self, path: &str) -> Option<Span> {
        self.values.get(path).copied()
    }

    pub fn key(&self, path: &str) -> Option<Span> {
        self.keys.get(path).copied()
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

pub struct Decoder<'a> {
    pub locations: Locations,
    /// Literal secrets, which must not be shown.
    pub secrets: Vec<Span>,
    pub diagnostics: &'a mut Vec<Diagnostic>,
}

impl Decoder<'_> {
    /// The value of a node, or `None` where it is wrong; then it was reported.
    pub fn value(&mut self, node: &Node, shape: &Shape, path: &str) -> Option<Value> {
        self.locations.values.insert(path.to_owned(), node.span);
        if let Shape::OrNone(of) = shape {
            if node.scalar() == Some("none") {
                return Some(Value::String("none".into()));
            }
            return self.value(node, of, path);
        }
        match (shape, &node.content) {
            (Shape::List { of: Shape::Secret, .. }, Content::Scalar { .. }) => self.secret(node, path),
            (Shape::Object(fields), Content::Map(entries)) => self.object(entries, fields, node.span, path),
            (Shape::Map { of, keys }, Content::Map(entries)) => self.map(entries, of, *keys, path),
            (Shape::List { of, min, max, order }, Content::List(items)) => {
                self.list(node, items, of, (*min, *max), *order, path)
            }
            (Shape::Secret, _) => self.secret(node, path),
            (Shape::Text { .. } | Shape::Reference(_), Content::Scalar { text, style }) => {
                self.not_a_number(node, text, *style, path)?;
                self.text(node, text, shape, path)
            }
            (Shape::Version, Content::Scalar { text, style }) => {
                self.not_a_number(node, text, *style, path)?;
                if Version::parse(text).is_none() {
                    self.wrong(node, path, "a version such as \"7.2\", \"6.x\" or \"5.0.6\"");
                    return None;
                }
                Some(Value::String(text.clone()))
            }
            (Shape::Scalar, Content::Scalar { text, .. }) => Some(Value::String(text.clone())),
            (Shape::Enum(words), Content::Scalar { text, .. }) => self.word(node, text, words, path),
            (Shape::Bool, Content::Scalar { text, style }) => self.boolean(node, text, *style, path),
            (Shape::Integer { min, max }, Content::Scalar { text, style }) => {
                self.integer(node, text, *style, (*min, *max), path)
            }
            (Shape::Number, Content::Scalar { text, style }) => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *style != Style::Quoted);
                let Some(number) = number else {
                    self.wrong(node, path, "a number");
                    return None;
                };
                // Whole numbers stay whole, so that what is printed reads as it was written.
                let number = text.parse::<i64>().map(Number::from).ok().or_else(|| Number::from_f64(number))?;
                Some(Value::Number(number))
            }
            (Shape::Duration, Content::Scalar { text, .. }) => {
                if duration(text).is_none() {
                    self.wrong(node, path, "a length of time such as 500ms, 10s or 5m");
                    return None;
                }
                Some(Value::String(text.clone()))
            }
            _ => {
                self.wrong(node, path, &expected(shape));
                None
            }
        }
    }

    /// A resource: an object whose fields are the rows of its kind.
    pub fn object_of(&mut self, node: &Node, fields: &[Field], path: &str) -> Option<Value> {
        self.locations.values.insert(path.to_owned(), node.span);
        match &node.content {
            Content::Map(entries) => self.object(entries, fields, node.span, path),
            Content::Null => self.object(&[], fields, node.span, path),
            _ => {
                self.wrong(node, path, "a map");
                None
            }
        }
    }

    pub fn record_key(&mut self, path: &str, span: Span) {
        self.locations.keys.insert(path.to_owned(), span);
    }

    fn object(&mut self, entries: &[Entry], fields: &[Field], span: Span, path: &str) -> Option<Value> {
        let mut out = Map::new();
        let mut sound = true;
        for entry in entries {
            let path = join(path, &entry.key.text);
            let Some(field) = fields.iter().find(|field| field.name == entry.key.text) else {
                self.unknown_key(entry, fields.iter().map(|field| field.name), &path);
                sound = false;
                continue;
            };
            self.locations.keys.insert(path.clone(), entry.key.span);
            if field.nullable && matches!(entry.value.content, Content::Null) {
                self.locations.values.insert(path.clone(), entry.value.span);
                out.insert(field.name.to_owned(), Value::Null);
                continue;
            }
            match self.value(&entry.value, &field.shape, &path) {
                Some(value) => drop(out.insert(field.name.to_owned(), value)),
                None => sound = false,
            }
        }
        for field in fields.iter().filter(|field| field.required) {
            if !entries.iter().any(|entry| entry.key.text == field.name) {
                let at = self.locations.key(path).unwrap_or(Span { end: span.start, ..span });
                self.diagnostics.push(
                    Diagnostic::error("missing-key", format!("`{}` is missing", field.name))
                        .path(path)
                        .at(at, format!("needs `{}`", field.name))
                        .help(format!("`{}`: {}", field.name, field.doc)),
                );
                sound = false;
            }
        }
        sound.then_some(Value::Object(out))
    }

    pub fn unknown_key<'n>(&mut self, entry: &Entry, known: impl Iterator<Item = &'n str> + Clone, path: &str) {
        let key = &entry.key.text;
        let mut diagnostic = Diagnostic::error("unknown-key", format!("unknown key `{key}`"))
            .path(path)
            .at(entry.key.span, "not known here");
        diagnostic = match suggest(key, known.clone()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(entry.key.span, near),
            None => diagnostic.help(format!("known here: {}", known.collect::<Vec<_>>().join(", "))),
        };
        self.diagnostics.push(diagnostic);
    }

    fn map(&mut self, entries: &[Entry], of: &Shape, keys: Keys, path: &str) -> Option<Value> {
        let mut out = Map::new();
        let mut sound = true;
        for entry in entries {
            let key = if keys == Keys::Ids { entry.key.text.to_ascii_lowercase() } else { entry.key.text.clone() };
            let path = join(path, &key);
            self.locations.keys.insert(path.clone(), entry.key.span);
            if keys == Keys::Removable && matches!(entry.value.content, Content::Null) {
                out.insert(key, Value::Null);
                continue;
            }
            match self.value(&entry.value, of, &path) {
                Some(value) => drop(out.insert(key, value)),
                None => sound = false,
            }
        }
        sound.then_some(Value::Object(out))
    }

    fn list(
        &mut self,
        node: &Node,
        items: &[Node],
        of: &Shape,
        (min, max): (usize, usize),
        order: Order,
        path: &str,
    ) -> Option<Value> {
        if items.len() < min || items.len() > max {
            let wanted = if min == max { min.to_string() } else { format!("{min} to {max}") };
            self.wrong(node, path, &format!("a list of {wanted}"));
            return None;
        }
        let mut out: Vec<Value> = Vec::with_capacity(items.len());
        let mut sound = true;
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match self.value(item, of, &path) {
                Some(value) => {
                    let twin = out.iter().position(|other| match order {
                        Order::Any => *other == value,
                        Order::By(key) => other.get(key).is_some() && other.get(key) == value.get(key),
                        Order::Kept => false,
                    });
                    if let Some(twin) = twin {
                        let mut diagnostic = Diagnostic::error("duplicate-item", "this stands twice in the list")
                            .path(&path)
                            .at(item.span, "again here");
                        diagnostic = diagnostic.at(items[twin].span, "first here");
                        self.diagnostics.push(diagnostic);
                        sound = false;
                    }
                    out.push(value);
                }
                None => sound = false,
            }
        }
        sound.then_some(Value::Array(out))
    }

    fn secret(&mut self, node: &Node, path: &str) -> Option<Value> {
        const FORMS: &str = "a place where the secret is kept: {secretsManager: NAME, key: KEY}, {ssm: NAME}, {env: NAME} or {file: PATH}";
        if node.scalar().is_some() {
            self.secrets.push(node.span);
            // The text may be the secret itself, so it is not shown, and neither is its line.
            self.diagnostics.push(
                Diagnostic::error("secret-literal", "a secret must not stand in the spec")
                    .path(path)
                    .maybe_at(self.locations.key(path), "a literal value is given here")
                    .help(format!("write {FORMS}")),
            );
            return None;
        }
        let places = ["secretsManager", "ssm", "env", "file"];
        let named: Vec<_> = node.entries().iter().filter(|entry| places.contains(&entry.key.text.as_str())).collect();
        if named.len() != 1 {
            self.secrets.push(node.span);
            self.diagnostics.push(
                Diagnostic::error("wrong-type", format!("expected {FORMS}"))
                    .path(path)
                    .at(Span { end: node.span.start + 1, ..node.span }, "exactly one place"),
            );
            return None;
        }
        const SHAPE: Shape = Shape::Object(&[
            Field::new(
                "secretsManager",
                "",
                Shape::Text { pattern: None, min: 1, max: 2048, example: "prod/cache" },
                "Name or ARN of a Secrets Manager secret.",
            ),
            Field::new(
                "key",
                "",
                Shape::Text { pattern: None, min: 1, max: 512, example: "password" },
                "Key within the secret's JSON.",
            ),
            Field::new(
                "ssm",
                "",
                Shape::Text { pattern: None, min: 1, max: 2048, example: "/prod/cache" },
                "Name of an SSM parameter.",
            ),
            Field::new(
                "env",
                "",
                Shape::Text { pattern: None, min: 1, max: 512, example: "CACHE_TOKEN" },
                "Environment variable.",
            ),
            Field::new(
                "file",
                "",
                Shape::Text { pattern: None, min: 1, max: 4096, example: "token.txt" },
                "File; a line end at its end is cut off.",
            ),
        ]);
        self.value(node, &SHAPE, path)
    }

    /// YAML reads 8.0 as a number and 8.10 as 8.1: text that looks like a number must be quoted.
    fn not_a_number(&mut self, node: &Node, text: &str, style: Style, path: &str) -> Option<()> {
        if style != Style::Plain || !(text.parse::<f64>().is_ok() || matches!(text, "true" | "false")) {
            return Some(());
        }
        self.diagnostics.push(
            Diagnostic::error("wrong-type", format!("expected a string, found {}", node.describe()))
                .path(path)
                .at(node.span, "YAML does not keep this as it is written")
                .help("put it into quotes")
                .fix(node.span, format!("\"{text}\"")),
        );
        None
    }

    fn text(&mut self, node: &Node, text: &str, shape: &Shape, path: &str) -> Option<Value> {
        if let Shape::Text { pattern, min, max, example } = shape {
            let length = text.chars().count();
            if length < *min || length > *max {
                self.wrong(node, path, &format!("{min} to {max} characters, found {length}"));
                return None;
            }
            if let Some(pattern) = pattern
                && !Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
            {
                self.wrong(
                    node,
                    path,
                    &if example.is_empty() {
                        format!("text like {pattern}")
                    } else {
                        format!("something like `{example}`")
                    },
                );
                return None;
            }
        }
        if let Shape::Reference(_) = shape {
            return Some(Value::String(text.to_ascii_lowercase()));
        }
        Some(Value::String(text.to_owned()))
    }

    fn word(&mut self, node: &Node, text: &str, words: &'static [&'static str], path: &str) -> Option<Value> {
        if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
            return Some(Value::String((*word).to_owned()));
        }
        let mut diagnostic = Diagnostic::error("not-allowed", format!("`{text}` is not allowed here"))
            .path(path)
            .at(node.span, format!("expected {}", either(words)));
        if let Some(near) = suggest(text, words.iter().copied()) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?")).fix(node.span, near);
        }
        self.diagnostics.push(diagnostic);
        None
    }

    fn boolean(&mut self, node: &Node, text: &str, style: Style, path: &str) -> Option<Value> {
        let fix = match text.to_ascii_lowercase().as_str() {
            "true" | "false" if style != Style::Quoted && text == text.to_ascii_lowercase() => {
                return Some(Value::Bool(text == "true"));
            }
            "true" | "yes" | "on" | "y" => "true",
            "false" | "no" | "off" | "n" => "false",
            _ => {
                self.wrong(node, path, "true or false");
                return None;
            }
        };
        self.diagnostics.push(
            Diagnostic::error("wrong-type", format!("expected true or false, found {}", node.describe()))
                .path(path)
                .at(node.span, "not a boolean in YAML 1.2")
                .help(format!("write {fix}"))
                .fix(node.span, fix),
        );
        None
    }

    fn integer(&mut self, node: &Node, text: &str, style: Style, (min, max): (i64, i64), path: &str) -> Option<Value> {
        let plain = text == "0" || !text.trim_start_matches('-').starts_with('0');
        let number = text.parse::<i64>().ok().filter(|_| plain && !text.starts_with('+'));
        match number {
            Some(_) if style == Style::Quoted => {
                self.diagnostics.push(
                    Diagnostic::error("wrong-type", format!("expected a number, found {}", node.describe()))
                        .path(path)
                        .at(node.span, "in quotes it is text")
                        .help("leave the quotes out")
                        .fix(node.span, text),
                );
                None
            }
            Some(number) if (min..=max).contains(&number) => Some(Value::Number(number.into())),
            _ => {
                self.wrong(node, path, &format!("a whole number from {min} to {max}"));
                None
            }
        }
    }

    fn wrong(&mut self, node: &Node, path: &str, expected: &str) {
        let name = path.rsplit('.').next().unwrap_or(path);
        let span = match node.content {
            // Blocks are long; their first character says where.
            Content::List(_) | Content::Map(_) => Span { end: node.span.start + 1, ..node.span },
            _ => node.span,
        };
        let key = self.locations.key(path);
        let span = if matches!(node.content, Content::Null) { key.unwrap_or(span) } else { span };
        self.diagnostics.push(
            Diagnostic::error("wrong-type", format!("`{name}`: expected {expected}, found {}", node.describe()))
                .path(path)
                .at(span, format!("expected {expected}")),
        );
    }
}

pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text { .. } | Shape::Reference(_) => "a string".into(),
        Shape::Version => "a version in quotes, such as \"7.2\"".into(),
        Shape::Scalar => "a string, a number or a word".into(),
        Shape::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Shape::Number => "a number".into(),
        Shape::Bool => "true or false".into(),
        Shape::Enum(words) => either(words),
        Shape::Duration => "a length of time such as 10s".into(),
        Shape::List { .. } => "a list".into(),
        Shape::Map { .. } | Shape::Object(_) => "a map".into(),
        Shape::Secret => "a place where a secret is kept".into(),
        Shape::OrNone(of) => format!("none, or {}", expected(of)),
    }
}

fn either(words: &[&str]) -> String {
    match words {
        [only] => (*only).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
        [] => String::new(),
    }
}

/// `500ms`, `10s`, `5m`, `1h`.
pub fn duration(text: &str) -> Option<std::time::Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..digits].parse().ok()?;
    let seconds = match &text[digits..] {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    std::time::Duration::try_from_secs_f64(seconds).ok()
}

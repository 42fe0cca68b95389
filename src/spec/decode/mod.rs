//! Nodes to values by their shape, with every fault reported where it stands.

mod scalar;
mod secret;

use std::collections::HashMap;

use serde_json::{Map, Value};

pub use scalar::{duration, matches};
pub use secret::{FIELDS as SECRET_FIELDS, PLACES as SECRET_PLACES};

use super::diagnostic::Diagnostic;
use super::foreign::{self, Meant};
use super::node::{Content, Entry, Node, Style, shorten};
use super::source::Span;
use crate::model::Kind;
use crate::model::locations::Locations;
use crate::model::shape::{Field, Keys, Order, Shape};
use crate::model::suggest::{either, near};

/// Nobody reads on after so many faults, and a megabyte of garbage has more of them than memory holds.
pub const MAX_FAULTS: usize = 500;

pub struct Decoder<'a> {
    pub locations: Locations,
    /// Literal secrets, which must not be shown.
    pub secrets: Vec<Span>,
    pub diagnostics: &'a mut Vec<Diagnostic>,
    /// An environment says a part of a spec: nothing is missing, and its variables are not set yet.
    pub partial: bool,
    /// The resource that is read, and its path.
    resource: Option<(Kind, String)>,
}

impl<'a> Decoder<'a> {
    pub fn new(diagnostics: &'a mut Vec<Diagnostic>) -> Self {
        Self { locations: Locations::default(), secrets: Vec::new(), diagnostics, partial: false, resource: None }
    }

    /// The value of a node, or `None` where it is wrong; then it was reported. Of a map or list with
    /// faults, what is sound: so that rules across fields still see it.
    pub fn value(&mut self, node: &Node, shape: &Shape, path: &str) -> Option<Value> {
        self.locations.put_value(path, node.span);
        if let (Some(shown), Some(text)) = (node.from_environment(), node.scalar()) {
            self.locations.put_hidden(path, text, shown);
        }
        let value = self.decoded(node, shape, path);
        match &value {
            None => self.locations.put_fault(path),
            Some(Value::Number(_) | Value::Bool(_)) if node.is_interpolated() => self.locations.put_typed(path),
            Some(_) => {}
        }
        value
    }

    fn decoded(&mut self, node: &Node, shape: &Shape, path: &str) -> Option<Value> {
        if self.diagnostics.len() >= MAX_FAULTS {
            return None;
        }
        if let Content::Scalar { text, style } = &node.content
            && (*style == Style::Unresolved || (self.partial && text.contains("${")))
            && !matches!(shape, Shape::Secret)
        {
            return None;
        }
        if let Shape::OrNone(of) = shape {
            if node.scalar() == Some("none") {
                return Some(Value::String("none".into()));
            }
            return self.decoded(node, of, path);
        }
        match (shape, &node.content) {
            (Shape::List { of: Shape::Secret, .. }, Content::Scalar { .. }) => self.secret(node, path),
            (Shape::Object(fields), Content::Map(entries)) => Some(self.object(entries, fields, node.span, path)),
            (Shape::Map { of, keys }, Content::Map(entries)) => Some(self.map(entries, of, *keys, path)),
            (Shape::List { of, min, max, order }, Content::List(items)) => {
                self.list(node, items, of, (*min, *max), *order, path)
            }
            (Shape::Secret, _) => self.secret(node, path),
            (_, Content::Scalar { text, style }) => self.scalar(node, text, *style, shape, path),
            _ => {
                self.wrong_shape(node, path, &scalar::expected(shape), Some(shape));
                None
            }
        }
    }

    /// A resource: an object whose fields are the rows of its kind.
    pub fn object_of(&mut self, kind: Kind, node: &Node, fields: &[Field], path: &str) -> Option<Value> {
        self.locations.put_value(path, node.span);
        self.resource = Some((kind, path.to_owned()));
        match &node.content {
            Content::Map(entries) => Some(self.object(entries, fields, node.span, path)),
            Content::Null => Some(self.object(&[], fields, node.span, path)),
            Content::Scalar { style: Style::Unresolved, .. } => None,
            _ => {
                self.wrong(node, path, "a map");
                None
            }
        }
    }

    pub fn record_key(&mut self, path: &str, span: Span) {
        self.locations.put_key(path, span);
    }

    fn object(&mut self, entries: &[Entry], fields: &[Field], span: Span, path: &str) -> Value {
        let mut out = Map::new();
        for entry in entries {
            let Some(field) = fields.iter().find(|field| field.name == entry.key.text) else {
                self.unknown_key(entry, entries, fields, path);
                continue;
            };
            let path = join(path, &entry.key.text);
            self.locations.put_key(&path, entry.key.span);
            if field.nullable && matches!(entry.value.content, Content::Null) {
                self.locations.put_value(&path, entry.value.span);
                out.insert(field.name.to_owned(), Value::Null);
                continue;
            }
            if let Some(value) = self.value(&entry.value, &field.shape, &path) {
                out.insert(field.name.to_owned(), value);
            }
        }
        if !self.partial {
            self.missing(entries, fields, span, path);
            for (field, word) in fields.iter().filter_map(|field| Some((field, field.default?))) {
                if !entries.iter().any(|entry| entry.key.text == field.name) {
                    out.insert(field.name.to_owned(), Value::from(word));
                }
            }
        }
        Value::Object(out)
    }

    fn missing(&mut self, entries: &[Entry], fields: &[Field], span: Span, path: &str) {
        for field in fields.iter().filter(|field| field.required) {
            let full = join(path, field.name);
            if entries.iter().any(|entry| entry.key.text == field.name) || self.locations.is_faulty(&full) {
                continue;
            }
            let at = self.locations.key(path).unwrap_or(Span { end: span.start, ..span });
            self.report(
                Diagnostic::error("missing-key", format!("`{}` is missing", field.name))
                    .path(path)
                    .at(at, format!("needs `{}`", field.name))
                    .help(format!("`{}`: {}", field.name, field.doc)),
            );
            self.locations.put_fault(&full);
        }
    }

    pub fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_FAULTS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// `path` is the map's own; `entries` are its keys, which need no second one of their name.
    pub fn unknown_key(&mut self, entry: &Entry, entries: &[Entry], fields: &[Field], path: &str) {
        let Some(word) = self.told_unknown(entry, entries, fields, path) else { return };
        // What this key meant is known to be wrong, not to be missing.
        let full = join(path, &word);
        if let Some(field) = fields.iter().find(|field| field.name == word) {
            self.below(&entry.value, &field.shape, &full);
        }
        self.locations.put_fault(&full);
    }

    /// A misspelt section: reported, and the kind that it is to be read as.
    pub fn unknown_section(&mut self, entry: &Entry, entries: &[Entry], top: &[Field]) -> Option<Kind> {
        let word = self.told_unknown(entry, entries, top, "")?;
        let kind = Kind::of_section(&word);
        match kind {
            Some(_) if matches!(entry.value.content, Content::Map(_)) => return kind,
            _ => self.locations.put_fault(&word),
        }
        None
    }

    /// Faults within the value of a key whose name is wrong: only of maps and lists, where a name hides them.
    fn below(&mut self, value: &Node, shape: &Shape, path: &str) {
        let fits = matches!(
            (shape, &value.content),
            (Shape::Object(_) | Shape::OrNone(_) | Shape::Map { .. }, Content::Map(_))
                | (Shape::List { .. }, Content::List(_))
        );
        if fits {
            self.value(value, shape, path);
        }
    }

    /// What other tools mean by a key, at the top or directly under a resource's id.
    fn foreign(&self, key: &str, path: &str) -> Option<Meant> {
        match &self.resource {
            _ if path.is_empty() => foreign::at_the_top(key),
            Some((kind, resource)) if resource == path => foreign::of_resource(*kind, key),
            _ => None,
        }
    }

    /// Reports a key that is not known here; the key that it most likely meant.
    fn told_unknown(&mut self, entry: &Entry, entries: &[Entry], fields: &[Field], path: &str) -> Option<String> {
        if self.diagnostics.len() >= MAX_FAULTS {
            return None;
        }
        let key = &entry.key.text;
        // Where a secret's place is named, even a key may be the secret.
        let shown = if std::ptr::eq(fields, secret::FIELDS) { "(not shown)".to_owned() } else { shorten(key) };
        let free: Vec<&Field> =
            fields.iter().filter(|field| !entries.iter().any(|entry| entry.key.text == field.name)).collect();
        let diagnostic = Diagnostic::error("unknown-key", format!("unknown key `{shown}`"))
            .path(join(path, &shown))
            .at(entry.key.span, "not known here");
        // The API's own name of a member, as in its documentation and in CloudFormation.
        let of_api = |field: &&Field| !field.member.is_empty() && field.member.eq_ignore_ascii_case(key);
        let member = free.iter().copied().find(of_api);
        if let Some(there) = fields.iter().find(of_api).filter(|_| member.is_none()) {
            self.report(diagnostic.help(format!("its name here is `{}`, which is already set here", there.name)));
            return None;
        }
        let foreign = self.foreign(key, path);
        if let Some(Meant::Instead(what)) = foreign {
            let section = self.resource.as_ref().map_or("", |(kind, _)| kind.section());
            self.report(diagnostic.help(what.replace("SECTION", section)));
            return None;
        }
        if let Some(Meant::Same(word) | Meant::Near(word)) = foreign
            && !free.iter().any(|field| field.name == word)
            && fields.iter().any(|field| field.name == word)
        {
            self.report(diagnostic.help(format!("its name here is `{word}`, which is already set here")));
            return None;
        }
        let known = |word: &&str| free.iter().any(|field| field.name == *word);
        let guess = match (member, foreign) {
            (Some(field), _) => Some((field.name.to_owned(), true)),
            (None, Some(Meant::Same(word))) if known(&word) => Some((word.to_owned(), true)),
            (None, Some(Meant::Near(word))) if known(&word) => Some((word.to_owned(), false)),
            _ => near(key, free.iter().map(|field| field.name)).map(|near| (near.word, near.certain)),
        };
        let diagnostic = match &guess {
            Some((word, certain)) => {
                let diagnostic = diagnostic.help(format!("did you mean `{word}`?"));
                if *certain { diagnostic.fix(entry.key.span, word) } else { diagnostic }
            }
            None => diagnostic.help(elsewhere(key, path).unwrap_or_else(|| {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                // Whoever wrote the top of a spec wrong needs all of its words.
                let names = if path.is_empty() { names.join(", ") } else { either(&names) };
                format!("known here: {names}")
            })),
        };
        self.diagnostics.push(diagnostic);
        guess.map(|(word, _)| word)
    }

    fn map(&mut self, entries: &[Entry], of: &Shape, keys: Keys, path: &str) -> Value {
        let mut out = Map::new();
        for entry in entries {
            let key = if keys == Keys::Ids { entry.key.text.to_ascii_lowercase() } else { entry.key.text.clone() };
            let path = join(path, &key);
            self.locations.put_key(&path, entry.key.span);
            if keys == Keys::Removable && matches!(entry.value.content, Content::Null) {
                self.locations.put_value(&path, entry.value.span);
                out.insert(key, Value::Null);
                continue;
            }
            if let Some(value) = self.value(&entry.value, of, &path) {
                out.insert(key, value);
            }
        }
        Value::Object(out)
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
            let wanted = match (min, max) {
                (0, max) => format!("at most {max} {}", entries(max)),
                (min, max) if min == max => format!("{min} {}", entries(min)),
                (min, max) => format!("{min} to {max} entries"),
            };
            let mut diagnostic =
                Diagnostic::error("list-length", format!("`{}`: expected {wanted}, found {}", name(path), items.len()))
                    .path(path)
                    .at(self.block(node, path), format!("expected {wanted}"));
            if items.is_empty() {
                diagnostic = diagnostic.help("it cannot be emptied; leave the key out to leave AWS's value alone");
            }
            self.report(diagnostic);
            return None;
        }
        let mut out: Vec<Value> = Vec::with_capacity(items.len());
        let mut first: HashMap<String, usize> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            // A faulty entry keeps its place, so that the places of the others stay true.
            let value = self.value(item, of, &path).unwrap_or_default();
            let mark = match order {
                Order::Any => Some(&value),
                Order::By(key) => value.get(key),
                Order::Kept => None,
            };
            if let Some(mark) = mark.filter(|mark| !mark.is_null()).map(Value::to_string)
                && let Some(twin) = first.insert(mark, index)
            {
                let what = match order {
                    Order::By(key) => format!("two entries have the same `{key}`"),
                    _ => "this appears twice in the list".to_owned(),
                };
                let place = |node: &Node| match order {
                    Order::By(key) => node.get(key).map_or(node.start(), |value| value.span),
                    _ => node.pointed(),
                };
                self.report(
                    Diagnostic::error("duplicate-item", what)
                        .path(&path)
                        .at(place(item), "again here")
                        .at(place(&items[twin]), "first here")
                        .help("keep one of them"),
                );
            }
            out.push(value);
        }
        Some(Value::Array(out))
    }

    /// Where a list or map is pointed at: its key, since it may go on for pages.
    fn block(&self, node: &Node, path: &str) -> Span {
        match &node.content {
            Content::List(_) | Content::Map(_) => self.locations.key(path).unwrap_or(node.start()),
            Content::Null => self.locations.key(path).unwrap_or(node.span),
            Content::Scalar { .. } => node.pointed(),
        }
    }

    fn wrong(&mut self, node: &Node, path: &str, expected: &str) {
        self.wrong_shape(node, path, expected, None);
    }

    fn wrong_shape(&mut self, node: &Node, path: &str, expected: &str, shape: Option<&Shape>) {
        let mut diagnostic = Diagnostic::error(
            "wrong-type",
            format!("`{}`: expected {expected}, found {}", name(path), node.describe()),
        )
        .path(path)
        .at(self.block(node, path), format!("expected {expected}"));
        if let Some(text) = node.scalar() {
            match shape {
                Some(Shape::List { .. }) => {
                    diagnostic = diagnostic.help(format!("write it as a list: `[{}]`", node.shown()));
                }
                Some(Shape::Map { .. } | Shape::Object(_)) if text.contains(':') && !text.contains(": ") => {
                    diagnostic = diagnostic.help("a space is missing after the colon");
                }
                _ => {}
            }
        }
        if matches!(node.content, Content::Null) {
            diagnostic = diagnostic.help("give a value; leave the key out to leave AWS's value alone");
        }
        self.report(diagnostic);
    }
}

/// Where a key that is unknown here would be known.
fn elsewhere(key: &str, path: &str) -> Option<String> {
    let holds = |kind: &Kind| kind.attributes().iter().any(|attribute| attribute.field.name == key);
    if path.is_empty() {
        // Most often it is a cache of nodes that is meant.
        let with_nodes = Kind::caches().filter(|kind| !kind.is_serverless());
        let kind = with_nodes.chain(super::schema::sections()).find(holds)?;
        return Some(format!("it belongs into a {kind}, under `{}: ID:`", kind.section()));
    }
    if Kind::of_section(key).is_some() || super::schema::HEAD.iter().any(|field| field.name == key) {
        return Some(format!("`{key}` belongs at the top of the spec, without indentation"));
    }
    let own = path.split('.').next().unwrap_or_default();
    let kinds: Vec<&str> =
        super::schema::sections().filter(|kind| kind.section() != own).filter(holds).map(Kind::name).collect();
    let here = super::schema::sections().find(|kind| kind.section() == own && path.matches('.').count() == 1)?;
    if kinds.is_empty() {
        return Some(format!("`cachectl explain {here}` lists the keys of a {here}"));
    }
    Some(format!("a {here} has no such key; a {} has", either(&kinds)))
}

fn entries(count: usize) -> &'static str {
    if count == 1 { "entry" } else { "entries" }
}

/// The last part of a path, as a person would call the value.
fn name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

//! Edits of a spec's text that leave every byte alone which they do not mean: comments, order, quotes, line ends.
//!
//! An edit is made on the text under a value's place, and then believed only when the new text reads back as
//! the old document with just that value changed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::node::{Content, Entry, Node, Style, is_number};
use super::render::word;
use super::schema::ENVIRONMENTS;
use super::source::{Sources, Span};
use super::yaml;
use crate::model::{Address, Kind, Spec};

/// A value of the spec that is to be another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The keys that lead to it, such as `replicationGroups`, `prod-cache`, `cacheNodeType`.
    pub path: Vec<String>,
    pub after: Value,
}

impl Change {
    /// From a dotted path. Ids of caches and parameter groups hold no dots; a parameter's name may.
    pub fn new(path: &str, after: Value) -> Self {
        let limit = if path.contains(".parameters.") { 4 } else { usize::MAX };
        Self { path: path.splitn(limit, '.').map(str::to_owned).collect(), after }
    }

    fn dotted(&self) -> String {
        self.path.join(".")
    }
}

/// Why a text is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// The text of a spec with all changes made, or none. With an environment, its part of the file changes, so that
/// no other environment does.
pub fn edited(text: &str, environment: Option<&str>, changes: &[Change]) -> Result<String, Refused> {
    let (mark, mut body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body.to_owned()),
        None => ("", text.to_owned()),
    };
    for change in changes {
        let path = match environment {
            Some(name) => [ENVIRONMENTS, name].into_iter().chain(change.path.iter().map(String::as_str)).collect(),
            None => change.path.iter().map(String::as_str).collect::<Vec<_>>(),
        };
        body =
            set(&body, &path, &change.after).map_err(|refused| Refused(format!("{}: {refused}", change.dotted())))?;
    }
    Ok(format!("{mark}{body}"))
}

/// One value set, and read back.
fn set(text: &str, path: &[&str], value: &Value) -> Result<String, Refused> {
    let root = read(text).ok_or_else(|| refused("the file cannot be read"))?;
    let mut meant = meaning(&root);
    put(&mut meant, path, marked(value)).map_err(refused)?;
    let (at, replacement) = place(text, &root, path, value)?;
    let new = format!("{}{replacement}{}", &text[..at.start], &text[at.end..]);
    match read(&new) {
        Some(node) if meaning(&node) == meant => Ok(new),
        _ => Err(refused(
            "more than this value would change: it is shared (an anchor or a merge key), or laid out in a way that cannot be edited safely; change it by hand",
        )),
    }
}

fn refused(why: impl Into<String>) -> Refused {
    Refused(why.into())
}

fn read(text: &str) -> Option<Node> {
    let mut sources = Sources::default();
    let file = sources.add("spec", text);
    let mut diagnostics = Vec::new();
    yaml::parse(&sources, file, &mut diagnostics).filter(|_| diagnostics.is_empty())
}

/// The environments that a spec's text has.
pub fn environments(text: &str) -> Vec<String> {
    let root = read(text.strip_prefix('\u{feff}').unwrap_or(text));
    let named = root.iter().filter_map(|root| root.get(ENVIRONMENTS)).flat_map(Node::entries);
    named.map(|entry| entry.key.text.clone()).collect()
}

/// Do two specs declare the same but for these changes?
pub fn differs_by(old: &Spec, new: &Spec, changes: &[Change]) -> bool {
    let fields = |spec: &Spec| -> BTreeMap<Address, Value> {
        spec.resources.iter().map(|(address, one)| (address.clone(), Value::Object(one.fields.clone()))).collect()
    };
    let mut expected = fields(old);
    for change in changes {
        let [section, id, rest @ ..] = change.path.as_slice() else { return false };
        let Some(kind) = Kind::of_section(section) else { return false };
        let path: Vec<&str> = rest.iter().map(String::as_str).collect();
        let value = expected.entry(Address::new(kind, id)).or_insert(Value::Null);
        if put(value, &path, change.after.clone()).is_err() {
            return false;
        }
    }
    (&old.stack, &old.region, &old.account_id, &old.tags, &old.policy)
        == (&new.stack, &new.region, &new.account_id, &new.tags, &new.policy)
        && expected == fields(new)
}

/// Is the text one YAML document without a fault of its own?
pub(super) fn is_document(text: &str) -> bool {
    read(text).is_some()
}

/// What a document says, whatever its layout. Bare numbers and booleans are told from the same in quotes.
fn meaning(node: &Node) -> Value {
    match &node.content {
        Content::Null => Value::Null,
        Content::Scalar { text, style: Style::Plain } if is_number(text) || text == "true" || text == "false" => {
            bare(text)
        }
        Content::Scalar { text, .. } => json!(text),
        Content::List(items) => items.iter().map(meaning).collect(),
        Content::Map(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.text.clone(), meaning(&entry.value))).collect())
        }
    }
}

fn bare(text: &str) -> Value {
    json!({"=": text})
}

/// A value as [`meaning`] has it.
fn marked(value: &Value) -> Value {
    match value {
        Value::Number(number) => bare(&number.to_string()),
        Value::Bool(flag) => bare(&flag.to_string()),
        Value::Array(items) => items.iter().map(marked).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(key, value)| (key.clone(), marked(value))).collect()),
        Value::Null | Value::String(_) => value.clone(),
    }
}

fn put(document: &mut Value, path: &[&str], value: Value) -> Result<(), String> {
    let Some((key, rest)) = path.split_first() else {
        *document = value;
        return Ok(());
    };
    if document.is_null() {
        *document = Value::Object(Map::new());
    }
    match document {
        Value::Object(map) => put(map.entry((*key).to_owned()).or_insert(Value::Null), rest, value),
        _ => Err(format!("`{key}` is under a value that is not a map")),
    }
}

/// Which bytes go, and what comes in their place.
fn place(text: &str, root: &Node, path: &[&str], value: &Value) -> Result<(Span, String), Refused> {
    let mut node = root;
    let mut in_flow = false;
    for (depth, key) in path.iter().enumerate() {
        if !matches!(node.content, Content::Map(_)) {
            return Err(refused(format!("`{key}` is under a value that is not a map")));
        }
        in_flow |= text[node.span.start..].starts_with('{');
        let rest = &path[depth + 1..];
        // What a merge key brings in stands elsewhere: a key of its own goes over it.
        let Some(entry) = own(node).find(|entry| entry.key.text == *key) else {
            return inserted(text, node, in_flow, key, nested(rest, value));
        };
        match (&entry.value.content, rest.is_empty()) {
            (Content::Null, _) => return Ok(filled(text, entry, in_flow, &nested(rest, value))),
            (_, false) => node = &entry.value,
            (Content::Scalar { .. }, true) => return replaced(text, entry, value),
            (Content::List(_) | Content::Map(_), true) => {
                return Err(refused("a list or a map stands there: change it by hand"));
            }
        }
    }
    Err(refused("the path is empty"))
}

/// The entries of a map that stand in it.
fn own(node: &Node) -> impl DoubleEndedIterator<Item = &Entry> {
    node.entries().iter().filter(|entry| node.span.start <= entry.key.span.start && entry.key.span.end <= node.span.end)
}

fn nested(keys: &[&str], value: &Value) -> Value {
    keys.iter().rev().fold(value.clone(), |value, key| json!({ *key: value }))
}

fn replaced(text: &str, entry: &Entry, value: &Value) -> Result<(Span, String), Refused> {
    let old = &text[entry.value.span.range()];
    if old.contains("${") {
        return Err(refused(format!("the value is {old}: change the variable")));
    }
    if old.starts_with(['|', '>', '&', '*', '!']) {
        return Err(refused("the value is written over several lines or with a mark: change it by hand"));
    }
    let quoted = ['"', '\''].iter().any(|quote| old.len() > 1 && old.starts_with(*quote) && old.ends_with(*quote));
    if !quoted && entry.value.scalar() != Some(old) {
        return Err(refused("the value is laid out in a way that cannot be edited safely: change it by hand"));
    }
    let new = match value {
        Value::String(new)
            if old.starts_with('\'')
                && !new.contains('\'')
                && new.chars().all(|c| c == ' ' || c.is_ascii_graphic()) =>
        {
            format!("'{new}'")
        }
        Value::String(new) if old.starts_with('"') => in_quotes(new),
        value => flow(value),
    };
    Ok((entry.value.span, new))
}

fn in_quotes(text: &str) -> String {
    let word = word(text);
    if word.starts_with('"') { word } else { format!("\"{word}\"") }
}

/// A key without a value gets one.
fn filled(text: &str, entry: &Entry, in_flow: bool, value: &Value) -> (Span, String) {
    let span = entry.value.span;
    let written = text.get(span.range()).unwrap_or_default();
    if matches!(written, "~" | "null" | "Null" | "NULL") {
        return (span, flow(value));
    }
    let colon = text[entry.key.span.end..].find(':').map_or(entry.key.span.end, |at| entry.key.span.end + at + 1);
    let here = Span { start: colon, end: colon, ..span };
    match value {
        Value::Object(map) if !in_flow => {
            let end = line_end(text, colon);
            let indent = column(text, entry.key.span.start) + 2;
            (Span { start: end, end, ..span }, lines_at(text, end, &block(map, indent), eol(text)))
        }
        value => (here, format!(" {}", flow(value))),
    }
}

/// A new key in a map.
fn inserted(text: &str, node: &Node, in_flow: bool, key: &str, value: Value) -> Result<(Span, String), Refused> {
    let last = own(node).next_back();
    if in_flow {
        let pair = format!("{}: {}", word(key), flow(&value));
        return Ok(match last {
            None => (node.span, format!("{{{pair}}}")),
            Some(entry) => {
                let end = entry.value.span.end.max(entry.key.span.end);
                (Span { start: end, end, ..node.span }, format!(", {pair}"))
            }
        });
    }
    let first = own(node).next().ok_or_else(|| refused("the map has no key of its own to stand beside"))?;
    // Beside the short values, before blocks that go on for pages.
    let one_line =
        |entry: &&Entry| !text[entry.key.span.start..entry.value.span.end.max(entry.key.span.end)].contains('\n');
    let is_block = |entry: &&Entry| matches!(entry.value.content, Content::Null);
    let beside = match &value {
        Value::Object(_) => last,
        _ => own(node).rfind(|entry| one_line(entry) && !is_block(entry)).or(last),
    };
    let entry = beside.ok_or_else(|| refused("the map has no key of its own to stand beside"))?;
    let end = line_end(text, entry.value.span.end.max(entry.key.span.end));
    let map: Map<String, Value> = [(key.to_owned(), value)].into_iter().collect();
    let lines = block(&map, column(text, first.key.span.start));
    Ok((Span { start: end, end, ..node.span }, lines_at(text, end, &lines, eol(text))))
}

/// The lines of a block map.
fn block(map: &Map<String, Value>, indent: usize) -> Vec<String> {
    let pad = " ".repeat(indent);
    map.iter()
        .flat_map(|(key, value)| match value {
            Value::Object(inner) if !inner.is_empty() => {
                let mut lines = vec![format!("{pad}{}:", word(key))];
                lines.extend(block(inner, indent + 2));
                lines
            }
            value => vec![format!("{pad}{}: {}", word(key), flow(value))],
        })
        .collect()
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs: Vec<_> = map.iter().map(|(key, value)| format!("{}: {}", word(key), flow(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Lines that come in after the line that ends at a place. The last line of a file may have no end.
fn lines_at(text: &str, at: usize, lines: &[String], eol: &str) -> String {
    let before = if text[..at].ends_with('\n') || at == 0 { "" } else { eol };
    let after = if before.is_empty() { eol } else { "" };
    format!("{before}{}{after}", lines.join(eol))
}

/// Behind the line that a place stands in.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

fn column(text: &str, at: usize) -> usize {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..at].chars().count()
}

fn eol(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPEC: &str = "# A comment.\nstack: prod # kept\n\nreplicationGroups:\n  cache:\n    engineVersion: \"7.2\"   # quoted\n    cacheNodeType: 'cache.r7g.large'\n    numCacheClusters: 3\n    # of the tags\n    tags:\n      a: b\n  other: {cacheNodeType: cache.r7g.large, tags: {}, }\n  empty:\n\nparameterGroups:\n";

    fn one(text: &str, path: &str, after: Value) -> Result<String, Refused> {
        edited(text, None, &[Change::new(path, after)])
    }

    /// The lines that differ, as `-old` and `+new`.
    fn difference(old: &str, new: &str) -> Vec<String> {
        let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
        let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("-{line}"));
        let come = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+{line}"));
        gone.chain(come).collect()
    }

    #[test]
    fn a_value_is_exchanged_in_its_own_quotes_and_nothing_else_moves() {
        for (path, after, wanted) in [
            (
                "replicationGroups.cache.cacheNodeType",
                json!("cache.r7g.xlarge"),
                "    cacheNodeType: 'cache.r7g.xlarge'",
            ),
            ("replicationGroups.cache.engineVersion", json!("8.0"), "    engineVersion: \"8.0\"   # quoted"),
            ("replicationGroups.cache.numCacheClusters", json!(2), "    numCacheClusters: 2"),
            (
                "replicationGroups.other.cacheNodeType",
                json!("cache.m7g.large"),
                "  other: {cacheNodeType: cache.m7g.large, tags: {}, }",
            ),
            ("stack", json!("7.2"), "stack: \"7.2\" # kept"),
        ] {
            let new = one(SPEC, path, after).expect(path);
            let changes = difference(SPEC, &new);
            assert_eq!(changes.last().map(String::as_str), Some(format!("+{wanted}").as_str()), "{new}");
            assert_eq!(changes.len(), 2, "{changes:?}");
            assert_eq!(new.lines().count(), SPEC.lines().count());
        }
    }

    #[test]
    fn a_key_that_is_missing_comes_beside_the_short_ones_or_where_its_section_is() {
        let new = one(SPEC, "replicationGroups.cache.engine", json!("valkey")).expect("an edit");
        assert!(new.contains("    numCacheClusters: 3\n    engine: valkey\n    # of the tags\n"), "{new}");
        let new = one(SPEC, "replicationGroups.other.engine", json!("valkey")).expect("an edit");
        assert!(new.contains("tags: {}, engine: valkey, }"), "{new}");
        let new = one(SPEC, "replicationGroups.other.tags.a", json!("b")).expect("an edit");
        assert!(new.contains("tags: {a: b}, }"), "{new}");
        let new = one(SPEC, "replicationGroups.empty.engine", json!("valkey")).expect("an edit");
        assert!(new.contains("  empty:\n    engine: valkey\n\nparameterGroups:"), "{new}");
        let group = json!({"family": "valkey8", "parameters": {"maxmemory-policy": "allkeys-lru", "reserved-memory-percent": "25"}});
        let new = one(SPEC, "parameterGroups.new", group.clone()).expect("an edit");
        assert!(new.ends_with("parameterGroups:\n  new:\n    family: valkey8\n    parameters:\n      maxmemory-policy: allkeys-lru\n      reserved-memory-percent: \"25\"\n"), "{new}");
        let without_end = SPEC.trim_end();
        let new = one(without_end, "users.app", json!({"engine": "valkey"})).expect("an edit");
        assert!(new.ends_with("parameterGroups:\nusers:\n  app:\n    engine: valkey"), "{new}");
    }

    #[test]
    fn an_environment_gets_the_change_in_its_own_part() {
        let text = format!("{SPEC}environments:\n  prod:\n    stack: p\n  dev: {{stack: d}}\n");
        let change = [Change::new("replicationGroups.cache.numCacheClusters", json!(2))];
        let prod = edited(&text, Some("prod"), &change).expect("an edit");
        assert!(
            prod.contains("    stack: p\n    replicationGroups:\n      cache:\n        numCacheClusters: 2\n  dev:"),
            "{prod}"
        );
        let dev = edited(&text, Some("dev"), &change).expect("an edit");
        assert!(dev.contains("  dev: {stack: d, replicationGroups: {cache: {numCacheClusters: 2}}}\n"), "{dev}");
    }

    #[test]
    fn what_is_shared_or_computed_is_left_alone_with_the_reason() {
        let shared = "a: &x\n  n: 1\nb: *x\n";
        assert!(one(shared, "a.n", json!(2)).expect_err("shared").to_string().contains("anchor"));
        assert!(one(shared, "b.n", json!(2)).is_err());
        let merged = "a: &x\n  num: 1\n  m: 1\nb:\n  <<: *x\n  k: 1\n";
        let new = one(merged, "b.num", json!(2)).expect("a key of its own goes over what is merged");
        assert_eq!(new, "a: &x\n  num: 1\n  m: 1\nb:\n  <<: *x\n  k: 1\n  num: 2\n");
        let variable = "a: {n: \"${var.n}\"}\n";
        assert!(one(variable, "a.n", json!("x")).expect_err("a variable").to_string().contains("variable"));
        assert!(one("a: |\n  text\n", "a", json!("x")).is_err());
        assert!(one("a: [1]\n", "a", json!("x")).is_err());
        assert!(one("a: [1]\n", "a.b", json!("x")).is_err());
        assert!(one("a: 1\na: 2\n", "a", json!(3)).is_err(), "a faulty file is not edited");
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_stay() {
        let text = format!("\u{feff}{}", SPEC.replace('\n', "\r\n"));
        let new = one(&text, "replicationGroups.cache.engine", json!("valkey")).expect("an edit");
        assert!(new.starts_with('\u{feff}'));
        assert_eq!(new.replace("\r\n", "").matches('\n').count(), 0, "{new:?}");
        assert_eq!(new.len(), text.len() + "    engine: valkey\r\n".len());
    }

    proptest! {
        /// Whatever the layout: either the document reads back with just this value changed, or it is refused.
        #[test]
        fn an_edit_changes_what_it_says_or_nothing(
            indent in 1usize..5, quote in prop::sample::select(vec!["", "'", "\""]), comment in prop::sample::select(vec!["", " # c", "\n\n# c: d"]),
            after in prop::sample::select(vec![json!("x y"), json!("8.0"), json!(7), json!(true), json!("#"), json!(": ")]), flow_map in any::<bool>(), key in prop::sample::select(vec!["a", "z"]),
        ) {
            let pad = " ".repeat(indent);
            let text = if flow_map {
                format!("m: {{a: {quote}one{quote}, b: 2}}{comment}\nn: 1\n")
            } else {
                format!("m:\n{pad}a: {quote}one{quote}{comment}\n{pad}b:\n{pad}  - c\nn: 1\n")
            };
            let new = one(&text, &format!("m.{key}"), after.clone()).expect("an edit");
            let mut meant = meaning(&read(&text).expect("YAML"));
            put(&mut meant, &["m", key], marked(&after)).expect("a map");
            prop_assert_eq!(meaning(&read(&new).expect("YAML")), meant);
            for line in text.lines().filter(|line| !line.contains("one")) {
                prop_assert!(new.lines().any(|other| other == line), "{} is lost: {}", line, new);
            }
        }
    }
}

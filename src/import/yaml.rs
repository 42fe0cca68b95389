//! A spec as YAML, written from values. Text stands in quotes wherever any reader of YAML, old or new,
//! could take it for something else.

use serde_json::{Map, Value};

use crate::import::{Document, Entry, Line};
use crate::model::Kind;
use crate::resource::alarm_entries::has_pattern;
use crate::spec::render::{is_printable, pattern, word};

/// Lists and maps within a field stay on its line up to here.
const WIDTH: usize = 100;

pub fn yaml(document: &Document) -> String {
    let mut out = crate::spec::json_schema::modeline();
    out.push_str(&format!(
        "# Written by cachectl import. What is left out is not managed: AWS's value is kept.\n\
         apiVersion: cachectl/v1\nstack: {}\nregion: {}\naccountId: {}\n",
        word(&document.stack),
        word(&document.region),
        word(&document.account_id)
    ));
    document.remarks.iter().for_each(|text| remark(&mut out, "", text));
    if !document.tags.is_empty() {
        field(&mut out, 0, "tags", &Value::Object(document.tags.clone()));
    }
    for kind in Kind::ALL {
        let entries: Vec<&Entry> = document.entries.iter().filter(|entry| entry.address.kind == kind).collect();
        if entries.is_empty() {
            continue;
        }
        out.push_str(&format!("\n{}:\n", kind.section()));
        for one in entries {
            entry(&mut out, one);
        }
    }
    out
}

fn entry(out: &mut String, entry: &Entry) {
    let id = word(&entry.address.id);
    if !entry.lines.iter().any(|line| matches!(line, Line::Field(..))) {
        out.push_str(&format!("  {id}: {{}}\n"));
        return;
    }
    out.push_str(&format!("  {id}:\n"));
    for line in &entry.lines {
        match line {
            Line::Field(name, Value::String(text)) if is_pattern(entry, name) => {
                out.push_str(&format!("    {name}: {}\n", pattern(text)));
            }
            Line::Field(name, Value::String(text)) if stands_in_lines(text) => {
                out.push_str(&format!("    {}: |-\n", word(name)));
                for line in text.replace("${", "$${").lines() {
                    out.push_str(if line.is_empty() { "\n".to_owned() } else { format!("      {line}\n") }.as_str());
                }
            }
            Line::Field(name, value) => field(out, 2, name, value),
            Line::Remark(text) => remark(out, "    ", text),
        }
    }
}

fn remark(out: &mut String, pad: &str, text: &str) {
    for line in text.lines() {
        // What is not printable would end the comment, or the reading.
        let line: String = line.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect();
        out.push_str(&format!("{pad}# {line}\n"));
    }
}

/// The node's name, written out for each.
fn is_pattern(entry: &Entry, name: &str) -> bool {
    let text = |name: &str| entry.field(name).and_then(Value::as_str);
    entry.address.kind.row().patterns.contains(&name) && text("for").is_some() && text(name).is_some_and(has_pattern)
}

/// A text of several lines that a block says as it is: nothing in it that indentation or the end of a block would
/// take away.
fn stands_in_lines(text: &str) -> bool {
    let plain = |line: &str| line.chars().all(is_printable) && !line.ends_with(' ') && !line.contains('\t');
    text.contains('\n')
        && !text.starts_with([' ', '\n'])
        && !text.ends_with('\n')
        && !text.contains('\r')
        && text.lines().all(plain)
}

fn field(out: &mut String, depth: usize, name: &str, value: &Value) {
    let pad = "  ".repeat(depth);
    if let Some(lines) = value.as_str().and_then(literal) {
        out.push_str(&format!("{pad}{}: |-\n", word(name)));
        for line in lines {
            let indent = if line.is_empty() { "" } else { "  " };
            out.push_str(&format!("{}{indent}{line}\n", if line.is_empty() { "" } else { &pad }));
        }
        return;
    }
    let line = format!("{pad}{}: {}", word(name), flow(value));
    if line.chars().count() <= WIDTH || !is_nested(value) {
        out.push_str(&line);
        out.push('\n');
        return;
    }
    out.push_str(&format!("{pad}{}:\n", word(name)));
    block(out, depth + 1, value);
}

/// Text of several lines, as a block that keeps them; `None` where only an escaped text is sure to be the same.
fn literal(text: &str) -> Option<Vec<String>> {
    let plain = |c: char| is_printable(c) && c != '\t';
    let lines: Vec<String> = text.split('\n').map(|line| line.replace("${", "$${")).collect();
    // The first line tells how far the block is indented, and the last must not look like the block's own end.
    let ends = lines.iter().all(|line| line.chars().all(plain) && line.trim_end() == line);
    let (first, last) = (lines.first()?, lines.last()?);
    let starts = !first.is_empty() && !first.starts_with(' ') && !last.is_empty();
    (lines.len() > 1 && ends && starts).then_some(lines)
}

fn is_nested(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => false,
    }
}

fn block(out: &mut String, depth: usize, value: &Value) {
    let pad = "  ".repeat(depth);
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| field(out, depth, name, value)),
        Value::Array(items) => {
            for item in items {
                let line = format!("{pad}- {}", flow(item));
                match item {
                    Value::Object(map) if line.chars().count() > WIDTH && !map.is_empty() => {
                        object_item(out, depth, map)
                    }
                    _ => {
                        out.push_str(&line);
                        out.push('\n');
                    }
                }
            }
        }
        scalar => out.push_str(&format!("{pad}{}\n", flow(scalar))),
    }
}

/// The first key of a map in a list stands beside the dash.
fn object_item(out: &mut String, depth: usize, map: &Map<String, Value>) {
    let mut inner = String::new();
    map.iter().for_each(|(name, value)| field(&mut inner, depth + 1, name, value));
    let pad = "  ".repeat(depth);
    out.push_str(&format!("{pad}- {}", inner.trim_start()));
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(name, value)| format!("{}: {}", word(name), flow(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

//! A spec as YAML again, after overlays and variables. Secrets are still references.

use super::node::{Content, Node, Style};

pub fn yaml(node: &Node) -> String {
    let mut out = String::new();
    write(node, 0, &mut out);
    out
}

fn write(node: &Node, indent: usize, out: &mut String) {
    let pad = "  ".repeat(indent);
    match &node.content {
        Content::Map(entries) => {
            for entry in entries {
                out.push_str(&format!("{pad}{}:", scalar(&entry.key.text, Style::Quoted)));
                child(&entry.value, indent + 1, out);
            }
        }
        Content::List(items) => {
            for item in items {
                let mut text = String::new();
                match &item.content {
                    Content::Map(entries) if !entries.is_empty() => write(item, indent + 1, &mut text),
                    _ => child(item, indent + 1, &mut text),
                }
                out.push_str(&format!("{pad}- {}", text.trim_start()));
            }
        }
        Content::Null | Content::Scalar { .. } => child(node, indent, out),
    }
}

fn child(node: &Node, indent: usize, out: &mut String) {
    match &node.content {
        Content::Null => out.push_str(" null\n"),
        Content::Scalar { text, style } => out.push_str(&format!(" {}\n", scalar(text, *style))),
        Content::List(items) if items.is_empty() => out.push_str(" []\n"),
        Content::Map(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Content::List(_) | Content::Map(_) => {
            out.push('\n');
            write(node, indent, out);
        }
    }
}

/// Bare only where no YAML reader, old or new, takes it for anything but the same text.
fn scalar(text: &str, style: Style) -> String {
    if style == Style::Plain && !text.contains('\n') {
        return text.to_owned();
    }
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let treacherous = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "~"];
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(word)
        && !treacherous.contains(&text.to_ascii_lowercase().as_str());
    // An interpolated value may stand for a number or a boolean, and is written as it is.
    let typed = style == Style::Interpolated && (text.parse::<i64>().is_ok() || matches!(text, "true" | "false"));
    if bare || typed { text.to_owned() } else { serde_json::Value::String(text.to_owned()).to_string() }
}

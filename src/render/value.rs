//! Values in a line of a plan.

use serde_json::Value;

const LONGEST: usize = 60;

/// A value as a person would write it, shortened.
pub fn brief(value: &Value) -> String {
    shortened(&full(value), LONGEST)
}

pub fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn full(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() || text.contains(' ') => format!("\"{text}\""),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(full).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            format!(
                "{{{}}}",
                map.iter().map(|(key, value)| format!("{key}: {}", full(value))).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Lines of at most `width`, broken at spaces; later lines are indented.
pub fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            out.push_str(indent);
            column = indent.chars().count();
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

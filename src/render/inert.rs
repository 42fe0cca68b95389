//! What came from elsewhere, made harmless on its way to people: in a terminal and a log, and in Markdown, where
//! HTML, tables, links and mentions come on top.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::text::inert;

/// The same, with every text in it inert.
pub fn copy<T: Serialize + DeserializeOwned + Clone>(whole: &T) -> T {
    let harmed = serde_json::to_value(whole).ok().filter(|value| !is_harmless(value)).map(harmless);
    harmed.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_else(|| whole.clone())
}

fn is_harmless(value: &Value) -> bool {
    match value {
        Value::String(text) => matches!(inert(text), Cow::Borrowed(_)),
        Value::Array(items) => items.iter().all(is_harmless),
        Value::Object(map) => {
            map.iter().all(|(key, value)| matches!(inert(key), Cow::Borrowed(_)) && is_harmless(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn harmless(value: Value) -> Value {
    match value {
        Value::String(text) => inert(&text).into(),
        Value::Array(items) => items.into_iter().map(harmless).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (inert(&key).into_owned(), harmless(value))).collect(),
        other => other,
    }
}

/// A value in Markdown: code, in which nothing means anything. Pipes are escaped as a table needs them.
pub fn code(text: &str) -> String {
    let text = inert(text).replace('|', "\\|");
    if text.is_empty() {
        return text;
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A sentence in Markdown, fit for a table. Words that would mention somebody, link or cross-reference are code.
pub fn prose(text: &str) -> String {
    let is_link = |word: &str| word.contains(['@', '#']) || word.contains("://") || word.contains("www.");
    let word = |word: &str| if is_link(word) { code(word) } else { escaped(word) };
    inert(text).split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn escaped(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        if "\\`*_[]<>|~&!".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn code_holds_whatever_it_is_given() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a `b` ``c``"), "``` a `b` ``c`` ```");
        assert_eq!(code("<b>@team\n"), "`<b>@team␊`");
        assert_eq!(code(""), "");
    }

    #[test]
    fn prose_is_text_and_no_more() {
        assert_eq!(prose("~* +@all is 5 > 3, see <b>"), "\\~\\* `+@all` is 5 \\> 3, see \\<b\\>");
        assert_eq!(prose("ask @team in #12 at http://x.y/ | end"), "ask `@team` in `#12` at `http://x.y/` \\| end");
        assert_eq!(prose("plain words, 1.5 (a-b)"), "plain words, 1.5 (a-b)");
    }

    #[test]
    fn a_copy_differs_only_where_something_could_do_harm() {
        let plain = json!({"a": ["b", 1, null], "c": {"d": "e::f"}});
        assert_eq!(copy(&plain), plain);
        assert_eq!(copy(&json!({"a\u{1b}": ["\n::error::x"]})), json!({"a␛": ["␊::error::x"]}));
    }
}

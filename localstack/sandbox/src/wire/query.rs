//! The AWS query protocol: a form in, XML out.

use std::collections::BTreeMap;

use super::{input::Input, output::Output, time};
use crate::refusal::Refusal;

/// Turns `Tags.Tag.1.Key=a` into nested maps; lists are recognised when they are read.
pub(crate) fn parse(body: &[u8]) -> Input {
    let mut root = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        let parts: Vec<&str> = name.split('.').collect();
        insert(&mut root, &parts, value.into_owned());
    }
    Input::Map(root)
}

fn insert(map: &mut BTreeMap<String, Input>, path: &[&str], value: String) {
    match path {
        [] => {}
        [last] => {
            map.insert((*last).to_owned(), Input::Text(value));
        }
        [first, rest @ ..] => {
            let child = map.entry((*first).to_owned()).or_insert_with(|| Input::Map(BTreeMap::new()));
            if !matches!(child, Input::Map(_)) {
                *child = Input::Map(BTreeMap::new());
            }
            if let Input::Map(inner) = child {
                insert(inner, rest, value);
            }
        }
    }
}

/// `None` is an operation without a result (`DeleteCacheSubnetGroup`).
pub(crate) fn answer(operation: &str, namespace: &str, request_id: &str, result: Option<&Output>) -> String {
    let mut xml = String::with_capacity(1024);
    xml.push_str(&format!("<{operation}Response xmlns=\"{namespace}\">"));
    if let Some(result) = result {
        xml.push_str(&format!("<{operation}Result>"));
        write(&mut xml, result);
        xml.push_str(&format!("</{operation}Result>"));
    }
    xml.push_str(&format!(
        "<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    ));
    xml
}

pub(crate) fn refusal(namespace: &str, request_id: &str, refusal: &Refusal) -> String {
    let kind = if refusal.status >= 500 { "Receiver" } else { "Sender" };
    let mut xml = format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{kind}</Type><Code>{}</Code><Message>",
        refusal.code
    );
    escape(&mut xml, &refusal.message);
    xml.push_str(&format!("</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"));
    xml
}

fn write(xml: &mut String, value: &Output) {
    match value {
        Output::Text(text) => escape(xml, text),
        Output::Int(value) => xml.push_str(&value.to_string()),
        Output::Float(value) => xml.push_str(&format!("{value:?}")),
        Output::Bool(value) => xml.push_str(if *value { "true" } else { "false" }),
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit")]
        Output::Time(seconds) => xml.push_str(&time::to_iso((seconds * 1000.0).round() as i64)),
        Output::List(element, items) => {
            for item in items {
                tagged(xml, element, item);
            }
        }
        Output::Map(members) => {
            for (name, member) in members {
                tagged(xml, name, member);
            }
        }
    }
}

fn tagged(xml: &mut String, name: &str, value: &Output) {
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
    write(xml, value);
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

fn escape(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\r' => xml.push_str("&#xD;"),
            c if u32::from(c) < 0x20 && c != '\n' && c != '\t' => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::output::Record;

    #[test]
    fn lists_of_both_spellings_are_read() {
        let input = parse(b"Tags.Tag.1.Key=a&Tags.Tag.2.Key=b&TagKeys.member.1=x&Empty=");
        assert_eq!(input.list("Tags").map(|tags| tags.len()), Some(2));
        assert_eq!(input.texts("TagKeys"), Some(vec!["x".to_owned()]));
        assert_eq!(input.texts("Empty"), Some(Vec::new()));
        assert_eq!(input.texts("Absent"), None);
    }

    #[test]
    fn text_is_escaped() {
        let output = Record::new().put("A", "<&>\"").into();
        assert!(answer("Op", "ns", "id", Some(&output)).contains("<A>&lt;&amp;&gt;&quot;</A>"));
    }
}

//! Values in a line of a plan.

use serde_json::Value;

use crate::model::plan::Finding;

pub fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A value as a person would write it, all of it: whoever reads a plan must see what it does.
pub fn written(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() || text.contains(' ') => format!("\"{text}\""),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            format!(
                "{{{}}}",
                map.iter().map(|(key, value)| format!("{key}: {}", written(value))).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Number(number) => {
            // 90.0 is 90 to a reader.
            let text = number.to_string();
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        }
        Value::Bool(_) => value.to_string(),
    }
}

/// `before -> after`. What is nested is told by what differs in it, so that no difference is cut away.
pub fn difference(before: &Value, after: &Value) -> String {
    match leaves(before, after).as_slice() {
        // As a whole, since all of it differs.
        [(path, _, _)] if path.is_empty() => format!("{} -> {}", written(before), written(after)),
        leaves => {
            let one = |(path, before, after): &(String, &Value, &Value)| {
                format!("{path}: {} -> {}", written(before), written(after))
            };
            leaves.iter().map(one).collect::<Vec<_>>().join(", ")
        }
    }
}

/// What differs between two values, leaf by leaf: the way to it, and both sides.
pub fn leaves<'a>(before: &'a Value, after: &'a Value) -> Vec<(String, &'a Value, &'a Value)> {
    let mut leaves = Vec::new();
    differing(before, after, "", &mut leaves);
    leaves
}

fn differing<'a>(before: &'a Value, after: &'a Value, path: &str, out: &mut Vec<(String, &'a Value, &'a Value)>) {
    let dotted = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (before, after) {
        (Value::Object(one), Value::Object(other)) => {
            let added = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(added) {
                let of = |map: &'a serde_json::Map<String, Value>| map.get(key).unwrap_or(&Value::Null);
                differing(of(one), of(other), &dotted(key), out);
            }
        }
        (Value::Array(one), Value::Array(other))
            if one.len() == other.len() && one.iter().chain(other).all(Value::is_object) =>
        {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differing(one, other, &format!("{path}[{index}]"), out);
            }
        }
        _ if before == after => {}
        _ => out.push((path.to_owned(), before, after)),
    }
}

/// What a finding says, of which resource; one of the policy is of none.
pub fn said(finding: &Finding) -> String {
    match finding.address.as_str() {
        "" => finding.message.clone(),
        address => format!("{address}: {}", finding.message),
    }
}

/// Lines of at most `width`, broken at spaces; later lines are indented.
pub fn wrap(text: &str, width: usize, indent: &str) -> String {
    textwrap::fill(text, lines(width, indent))
}

/// Text that begins after a prefix as wide as `indent`, in lines of `width` columns with both.
pub fn hang(text: &str, width: usize, indent: &str) -> String {
    let width = width.max(indent.len() + 20);
    let filled = textwrap::fill(text, lines(width, indent).initial_indent(indent));
    filled.strip_prefix(indent).map_or(filled.clone(), str::to_owned)
}

/// Broken at spaces only: names, ARNs and flags stay whole.
fn lines(width: usize, indent: &str) -> textwrap::Options<'_> {
    textwrap::Options::new(width)
        .subsequent_indent(indent)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_nested_is_told_by_what_differs_in_it() {
        let limits = |storage: u32, ecpu: u32| json!({"dataStorage": {"maximum": storage, "unit": "GB"}, "ecpuPerSecond": {"maximum": ecpu}});
        assert_eq!(difference(&limits(10, 5000), &limits(20, 5000)), "dataStorage.maximum: 10 -> 20");
        let logs = |group: &str| json!([{"logType": "slow-log", "destinationDetails": {"cloudWatchLogsDetails": {"logGroup": group}}}]);
        assert_eq!(difference(&logs("a"), &logs("b")), "[0].destinationDetails.cloudWatchLogsDetails.logGroup: a -> b");
        assert_eq!(difference(&json!(null), &json!({"maximum": 1})), "(none) -> {maximum: 1}");
        assert_eq!(difference(&json!(90.0), &json!(7)), "90 -> 7");
        let access = |end: &str| json!(format!("on {} +@read{end}", "~some:prefix:of:the:application:*".repeat(8)));
        assert!(difference(&access(""), &access(" +@all")).ends_with("+@read +@all\""));
    }

    #[test]
    fn hanging_text_fills_every_line_alike() {
        let text = "one two three four five six seven eight nine ten";
        assert_eq!(
            hang(text, 30, "          "),
            "one two three four\n          five six seven eight\n          nine ten"
        );
    }
}

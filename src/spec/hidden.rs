//! What must not be shown: values under keys that sound like secrets, wherever they stand. The reader
//! refuses literal secrets, and its messages show source lines: those must not be the leak.

use std::collections::HashMap;

use super::node::{Content, Node};
use super::source::Span;

/// Does a key sound as if a secret stood under it?
fn sounds_secret(key: &str) -> bool {
    let key: String = key.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    let words = ["token", "passw", "passphrase", "secret", "credential", "pwd"];
    if matches!(key.as_str(), "secretsmanager" | "nopasswordrequired") {
        return false;
    }
    if key == "auth"
        || key.ends_with("pass")
        || ["apikey", "accesskey", "privatekey"].iter().any(|word| key.contains(word))
    {
        return true;
    }
    // A slip of one of the words, such as `authTokn`.
    let slip = |word: &&str| {
        key.len() >= 5 && key.len().abs_diff(word.len()) <= 2 && strsim::damerau_levenshtein(word, &key) <= 2
    };
    words.iter().any(|word| key.contains(word)) || ["authtoken", "passwords", "password", "token"].iter().any(slip)
}

/// The spans of everything in a document that may be a literal secret.
pub(super) fn secrets(node: &Node) -> Vec<Span> {
    let (mut out, mut judged) = (Vec::new(), HashMap::new());
    walk(node, false, &mut judged, &mut out);
    out
}

/// `judged`: whether a key sounds like a secret. The same few stand in a large spec thousands of times.
fn walk<'a>(node: &'a Node, secret: bool, judged: &mut HashMap<&'a str, bool>, out: &mut Vec<Span>) {
    match &node.content {
        Content::Null => {}
        Content::Scalar { .. } => {
            if secret {
                out.push(node.span);
            }
        }
        Content::List(items) => items.iter().for_each(|item| walk(item, secret, judged, out)),
        Content::Map(entries) => {
            for entry in entries {
                let place =
                    matches!(entry.key.text.as_str(), "secretsManager" | "ssm" | "env" | "file" | "key" | "type");
                if secret && !place {
                    // `authToken: {hunter2: }`
                    out.push(entry.key.span);
                }
                let key = entry.key.text.as_str();
                let secret = (secret && !place) || *judged.entry(key).or_insert_with(|| sounds_secret(key));
                walk(&entry.value, secret, judged, out);
            }
        }
    }
}

/// As long as the text, with its line ends, so that every position stays true.
pub(super) fn masked(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect()
}

/// Masks what follows a key that sounds like a secret: on its line, and on deeper lines after it. For
/// text that is not YAML, where the better way is closed.
pub(super) fn by_looks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Lines deeper than this belong to a secret.
    let mut under: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let depth = line.len() - line.trim_start_matches([' ', '\t']).len();
        let blank = line.trim().is_empty();
        let item = line.trim_start().starts_with("- ");
        if under.is_some_and(|under| blank || depth > under || (item && depth == under)) {
            out.push_str(&masked(line));
            continue;
        }
        under = None;
        match secret_from(line) {
            Some(at) => {
                under = Some(depth);
                out.push_str(&line[..at]);
                out.push_str(&masked(&line[at..]));
            }
            None => out.push_str(line),
        }
    }
    out
}

/// Where the value of the first secret-sounding key of a line begins.
fn secret_from(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(colon) = line[from..].find(':').map(|at| from + at) {
        let key = line[from..colon].rsplit([' ', '\t', '{', ',', '[']).next().unwrap_or_default();
        let key = key.trim_matches(['"', '\'']);
        let rest = line[colon + 1..].trim();
        if sounds_secret(key) && !rest.starts_with("{env:") && !rest.starts_with("{secretsManager:") {
            return Some(colon + 1);
        }
        from = colon + 1;
    }
    // A password of an access string.
    let at = line.find([' ', '"', '\'']).filter(|_| line.contains("accessString"))?;
    line[at..].find(" >").or_else(|| line[at..].find(" #")).map(|found| at + found)
}

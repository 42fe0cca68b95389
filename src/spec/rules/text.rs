//! Texts that AWS could not tell again as they were written.

use serde_json::Value;

use super::{Check, Rule, finder::Finder};
use crate::model::{Kind, Resource};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "unkept-character", check: Check::Resource(&Kind::ALL, unkept),
        why: "ElastiCache answers in XML, which has no place for most control characters: a text with one of them would never be read back as it was written, and every plan would show it as a difference.",
        source: "XML 1.0, 2.2 Characters" },
];

fn unkept(finder: &mut Finder<'_>, declared: &Resource) {
    // CloudWatch answers in CBOR, which carries every character.
    if declared.address.kind.row().arn.service == "elasticache" {
        declared.fields.iter().for_each(|(field, value)| walk(finder, declared, field, value));
    }
}

fn walk(finder: &mut Finder<'_>, declared: &Resource, path: &str, value: &Value) {
    match value {
        Value::String(text) => {
            if let Some(odd) = text.chars().find(|c| !is_kept(*c)) {
                let message =
                    format!("the text contains U+{:04X}, which ElastiCache's answers cannot carry", u32::from(odd));
                finder.error(declared, &[(path, "cannot be read back")], message, "leave the character out");
            }
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| walk(finder, declared, &format!("{path}[{index}]"), item));
        }
        Value::Object(map) => map.iter().for_each(|(key, item)| walk(finder, declared, &format!("{path}.{key}"), item)),
        _ => {}
    }
}

fn is_kept(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

//! Tags, of resources and of the stack.

use serde_json::{Map, Value};

use super::{Check, Rule, finder::Finder};
use crate::model::{Kind, Resource};
use crate::spec::diagnostic::Severity;

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { code: "tag-format", check: Check::Resource(&Kind::ALL, |finder, resource| {
            if let Some(tags) = resource.fields.get("tags").and_then(Value::as_object) {
                format(finder, &resource.path, tags);
            }
        }),
        why: "A tag's key has 1 to 128 characters and does not begin with `aws:`, its value has up to 256; both are letters, digits, spaces and _ . / = + : - @. `cachectl:` is for cachectl's own tags.",
        source: "API reference, Tag; CloudFormation's Tag schema" },
    Rule { code: "tag-format", check: Check::Spec(|finder| format(finder, "", &finder.spec.tags)),
        why: "Tags of the stack are put on every taggable resource, and follow the same rules.",
        source: "API reference, Tag" },
    Rule { code: "too-many-tags", check: Check::Resource(&Kind::ALL, count),
        why: "AWS takes 50 tags a resource, and cachectl keeps up to two of its own there: the stack, and the mark of a secret or of protection.",
        source: "API reference, AddTagsToResource" },
];

fn format(finder: &mut Finder<'_>, base: &str, tags: &Map<String, Value>) {
    let sound = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " _./=+:-@".contains(c));
    for (key, value) in tags {
        let field = format!("tags.{key}");
        let value = value.as_str().unwrap_or_default();
        let lower = key.to_ascii_lowercase();
        if key.contains("${") {
            // Reported where variables are replaced.
            continue;
        }
        if lower.starts_with("aws:") || lower.starts_with("cachectl:") {
            let message = format!("the tag `{key}` has a reserved prefix");
            finder.key_error(base, &field, "reserved", message, "`aws:` is AWS's, `cachectl:` is cachectl's");
        } else if key.is_empty() || key.chars().count() > 128 || !sound(key) {
            let message = "the tag's key is not one that AWS takes".to_owned();
            let help = "1 to 128 letters, digits, spaces and _ . / = + : - @";
            finder.key_error(base, &field, "not a key that AWS takes", message, help);
        } else if value.chars().count() > 256 || !sound(value) {
            let message = format!("the value of the tag `{key}` is not one that AWS takes");
            let help = "up to 256 letters, digits, spaces and _ . / = + : - @".to_owned();
            finder.report(Severity::Error, base, &[(&field, "not a value that AWS takes")], message, help);
        }
    }
}

fn count(finder: &mut Finder<'_>, resource: &Resource) {
    let Some(tags) = resource.fields.get("tags").and_then(Value::as_object) else { return };
    let kept = |tags: &Map<String, Value>, key: &String| tags.get(key).is_some_and(|value| !value.is_null());
    let shared = finder.spec.tags.keys().filter(|key| kept(&finder.spec.tags, key) && !tags.contains_key(*key)).count();
    let all = shared + tags.keys().filter(|key| kept(tags, key)).count();
    if all > 48 {
        let message = format!("{all} tags, with those of the stack, are more than AWS takes");
        finder.error(
            resource,
            &[("tags", "48 at most")],
            message,
            "AWS takes 50 tags a resource, cachectl needs two of them",
        );
    }
}

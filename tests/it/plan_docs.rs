//! What is written down beside the code: `docs/attributes.md`, one line an attribute from its row, and
//! the schema of plans. `CACHECTL_BLESS=1` writes the page anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use cachectl::cli::explain::{how, impact};
use cachectl::model::Kind;
use cachectl::model::attribute::Read;
use cachectl::spec::json_schema::words;
use serde_json::Value;

use super::plan_golden;
use crate::book::FACTS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    let mut out = String::from(
        "# Attributes\n\nEvery attribute of every resource: its values, how it is changed, and what clients of the cache\nnotice. `cachectl explain KIND.ATTRIBUTE` says the same. Generated from the code by `CACHECTL_BLESS=1 cargo test`.\n",
    );
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    for kind in Kind::ALL {
        let _ = write!(out, "\n## {kind}\n\n| attribute | value | changed | clients | note |\n|---|---|---|---|---|\n");
        for attribute in kind.attributes() {
            let field = attribute.field;
            let member = if field.member.is_empty() { String::new() } else { format!(" (`{}`)", field.member) };
            let unread = matches!(attribute.read, Read::Never) && !field.member.is_empty() && field.name != "tags";
            let mut note = format!("{} {}", field.doc, attribute.note);
            if unread {
                note.push_str(" AWS does not tell it.");
            }
            let _ = writeln!(
                out,
                "| `{}`{member} | {} | {} | {} | {} |",
                field.name,
                cell(&words(&field.shape)),
                cell(&how(kind, attribute)),
                impact(attribute.impact),
                cell(note.trim())
            );
        }
    }
    out += FACTS;
    out
}

#[test]
fn the_page_of_attributes_is_current() {
    let path = root().join("docs/attributes.md");
    if std::env::var_os("CACHECTL_BLESS").is_some() {
        fs::write(&path, page()).expect("docs/attributes.md");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "docs/attributes.md is not current: CACHECTL_BLESS=1 cargo test --test it plan_docs");
}

#[test]
fn every_attribute_says_what_it_is_and_none_is_sent_twice() {
    for kind in Kind::ALL {
        let mut members: Vec<&str> = kind
            .attributes()
            .iter()
            .map(|attribute| attribute.field.member)
            .filter(|member| !member.is_empty())
            .collect();
        for attribute in kind.attributes() {
            assert!(!attribute.field.doc.is_empty(), "{kind}.{} has no text", attribute.field.name);
        }
        let all = members.len();
        members.sort_unstable();
        members.dedup();
        assert_eq!(all, members.len(), "two attributes of a {kind} are one member of the API");
    }
}

/// What of a document is not as a schema says; references of the schema are looked up in `root`.
pub(crate) fn violations(schema: &Value, root: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let mut whole = schema.clone();
    if let (Some(map), Some(definitions)) = (whole.as_object_mut(), root.get("$defs")) {
        map.entry("$defs").or_insert_with(|| definitions.clone());
    }
    let validator = jsonschema::draft202012::new(&whole).unwrap_or_else(|error| panic!("the schema itself: {error}"));
    found.extend(validator.iter_errors(value).map(|error| format!("{at}{}: {error}", error.instance_path())));
}

#[test]
fn plans_are_as_their_schema_says() {
    let text = fs::read_to_string(root().join("schema/plan.schema.json")).expect("schema/plan.schema.json");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let mut found = Vec::new();
    for case in plan_golden::cases() {
        let plan = serde_json::to_value(plan_golden::plan_of(&case)).expect("a plan");
        violations(
            &schema,
            &schema,
            &plan,
            case.file_name().and_then(|name| name.to_str()).unwrap_or_default(),
            &mut found,
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    // A document that is no plan is told apart.
    violations(&schema, &schema, &serde_json::json!({"formatVersion": 1, "extra": true}), "wrong", &mut found);
    assert!(found.len() > 5, "{found:?}");
}

//! The written YAML reads back as what was written, whatever the text.

use cachectl::import::yaml::yaml;
use cachectl::import::{Document, Entry, Line};
use cachectl::model::{Address, Kind};
use cachectl::spec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn document(description: &str, pairs: &[(String, String)]) -> Document {
    let of = |kind: Kind, lines: Vec<Line>| Entry { address: Address::new(kind, "x"), lines, notes: Vec::new() };
    let map: Map<String, Value> = pairs.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    Document {
        stack: "s".into(),
        region: "us-east-1".into(),
        account_id: "012345678901".into(),
        tags: Map::new(),
        remarks: Vec::new(),
        entries: vec![
            of(
                Kind::ParameterGroup,
                vec![
                    Line::Remark(description.to_owned()),
                    Line::Field("family", json!("valkey8")),
                    Line::Field("description", json!(description)),
                    Line::Field("parameters", Value::Object(map)),
                ],
            ),
            of(
                Kind::Alarm,
                vec![
                    Line::Field(
                        "metrics",
                        json!([{"id": "a", "expression": "1 + 1", "label": description, "returnData": true}]),
                    ),
                    Line::Field("threshold", json!(0.5)),
                    Line::Field("evaluationPeriods", json!(1)),
                    Line::Field("comparisonOperator", json!("LessThanThreshold")),
                ],
            ),
        ],
    }
}

fn reads_back(description: &str, pairs: &[(String, String)]) -> Result<(), String> {
    let document = document(description, pairs);
    let text = yaml(&document);
    let loaded = spec::from_text(&text);
    let Some(spec) = loaded.spec else { return Err(format!("{:#?}\n{text}", loaded.diagnostics)) };
    for entry in &document.entries {
        let found = spec.resources.get(&entry.address).map(|resource| resource.fields.clone());
        if found != Some(entry.fields()) {
            return Err(format!("{found:?} is not {:?}\n{text}", entry.fields()));
        }
    }
    Ok(())
}

#[test]
fn text_that_yaml_would_take_for_something_else_stands_in_quotes() {
    #[rustfmt::skip]
    let traps = [
        "8.0", "8.10", "012345678901", "1_000", "0x1f", "0o17", "1e3", ".5", "-1", "+1", ".inf", ".nan", "yes", "No", "ON", "off", "y", "N", "true", "False", "null", "~",
        "none", "12:30:00", "2027-03-31", "- a", "? a", ": a", "a: b", "a #b", "#b", "&a", "*a", "!a", "!!str a", "|", ">", "%a", "@a", "`a`", "{a: b}", "[a]", "'a'", "\"a\"",
        "a\"b\\c", "---", "...", "<<", " a", "a ", "a\nb", "a\tb", "\u{1f4be}", "é", "${var.X}", "$${", "a,b", "=", "\u{85}", "\u{2028}", "\u{feff}a", "\u{7f}",
    ];
    for trap in traps {
        // `${` in a key is refused wherever it comes from, and `<<` merges in quotes too.
        let key = if trap.contains("${") || trap == "<<" { "k" } else { trap };
        reads_back(trap, &[(key.to_owned(), trap.to_owned())]).unwrap_or_else(|why| panic!("{trap:?}: {why}"));
    }
}

#[test]
fn a_text_of_several_lines_keeps_its_lines() {
    let text = "What it means.\n\n- look at ${var.X}\n  then \"scale\" # now";
    reads_back(text, &[]).unwrap();
    let written = yaml(&document(text, &[]));
    let block =
        "    description: |-\n      What it means.\n\n      - look at $${var.X}\n        then \"scale\" # now\n";
    assert!(written.contains(block), "{written}");
    for odd in ["a\n", "\na", " a\nb", "a \nb", "a\r\nb", "a\n\tb", "a\n "] {
        reads_back(odd, &[]).unwrap_or_else(|why| panic!("{odd:?}: {why}"));
        assert!(!yaml(&document(odd, &[])).contains("description: |-"), "{odd:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    // The value is any that ElastiCache's XML can carry.
    #[test]
    fn any_text_reads_back_as_it_was_written(
        text in "\\PC{1,60}|[ -~\n\t]{1,120}",
        key in "[!-#%-~]{1,40}",
        value in "[\\t\\x20-\\x{fffd}\\x{10000}-\\x{10ffff}]{0,80}",
    ) {
        prop_assume!(!key.contains("${") && key != "<<");
        if let Err(why) = reads_back(&text, &[(key, value)]) {
            return Err(TestCaseError::fail(why));
        }
    }
}

//! What holds for every spec, tried on generated ones.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use cachectl::lint::rules::described;
use cachectl::spec::diagnostic::{Diagnostic, Severity};
use cachectl::spec::rules::{self, Check};
use cachectl::spec::{Loaded, Request, from_text, json_schema, load, render};
use serde_json::{Value, json};

use crate::spec_generator::{Random, document, spoilt};

/// Codes of the reader, which the JSON Schema knows as well; rules across fields are others.
fn reader_codes() -> BTreeSet<&'static str> {
    rules::all().filter(|rule| matches!(rule.check, Check::Reader)).map(|rule| rule.code).collect()
}

fn shape_errors(loaded: &Loaded) -> Vec<&Diagnostic> {
    let codes = reader_codes();
    let of_reader = |found: &&Diagnostic| found.severity == Severity::Error && codes.contains(found.code);
    loaded.diagnostics.iter().filter(of_reader).collect()
}

/// Every ARN, name and the like of a generated document may break rules; only sound ones can be rendered.
fn rendered(loaded: &Loaded) -> Option<String> {
    Some(render::yaml(loaded.document.as_ref()?, loaded.spec.as_ref()?))
}

#[test]
fn what_the_shapes_describe_is_what_the_reader_takes() {
    for seed in 0..1500 {
        let document = document(&mut Random::new(seed));
        let loaded = from_text(&document.to_string());
        let errors = shape_errors(&loaded);
        assert!(errors.is_empty(), "seed {seed}: {:?}\n{document:#}", errors[0]);
    }
}

/// A document without what rules across fields refuse.
fn sound(seed: u64) -> Option<(Value, Loaded)> {
    let mut document = document(&mut Random::new(seed));
    for _ in 0..40 {
        let loaded = from_text(&document.to_string());
        let Some(found) = loaded.diagnostics.iter().find(|found| found.severity == Severity::Error) else {
            return Some((document, loaded));
        };
        // Take out what a rule points at, or its resource.
        let mut parts: Vec<String> =
            found.path.split(['.', '[']).map(|part| part.trim_end_matches(']').to_owned()).collect();
        loop {
            let last = parts.pop()?;
            let above = parts.iter().map(|part| format!("/{part}")).collect::<String>();
            let removed = match document.pointer_mut(&above) {
                Some(Value::Object(map)) => map.remove(&last).is_some(),
                _ => false,
            };
            if removed {
                break;
            }
        }
    }
    None
}

#[test]
fn a_rendered_spec_reads_back_the_same() {
    let mut compared = 0;
    for seed in 0..240 {
        let Some((document, loaded)) = sound(seed) else { continue };
        let Some(text) = rendered(&loaded) else { continue };
        let again = from_text(&text);
        let spec =
            again.spec.as_ref().unwrap_or_else(|| panic!("seed {seed}: {:?}\n{text}\n{document:#}", again.diagnostics));
        assert_eq!(spec.digest, loaded.spec.as_ref().expect("sound").digest, "seed {seed}:\n{text}\n{document:#}");
        assert_eq!(rendered(&again).as_deref(), Some(text.as_str()), "seed {seed} is not stable");
        compared += 1;
    }
    assert!(compared > 80, "only {compared} specs were sound");
}

#[test]
fn rendering_writes_variables_out_and_keeps_their_types() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.yaml");
    let text = "apiVersion: cachectl/v1\nstack: demo\nregion: us-east-1\n\
        vars: {version: \"8.0\", nodes: 3, tls: true, note: \"a: ${env:NOTE}\"}\n\
        replicationGroups:\n  Cache:\n    description: ${var.note}\n    engine: valkey\n    engineVersion: ${var.version}\n    \
        cacheNodeType: cache.r7g.large\n    numCacheClusters: ${var.nodes}\n    transitEncryptionEnabled: ${var.tls}\n    \
        authToken: {env: TOKEN}\n    kmsKeyId: \"$${5}\"\n    tags: {size: 010}\n";
    std::fs::write(&path, text).expect("a file");
    let request = Request { path, ..Request::default() };
    let environment = |name: &str| (name == "NOTE").then(|| "${not a variable}".to_owned());
    let loaded = load(&request, &environment);
    assert!(loaded.is_sound(), "{:?}", loaded.diagnostics);
    let text = rendered(&loaded).expect("a sound spec");
    for line in [
        "engineVersion: \"8.0\"",
        "numCacheClusters: 3",
        "transitEncryptionEnabled: true",
        "description: \"a: ${env:NOTE}\"",
        "env: TOKEN",
        "kmsKeyId: \"$${5}\"",
        "size: 010",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("vars"), "{text}");
    std::fs::write(&request.path, &text).expect("a file");
    let again = load(&request, &environment);
    assert_eq!(again.spec.map(|spec| spec.digest), loaded.spec.map(|spec| spec.digest), "{text}");
}

#[test]
fn the_schema_in_the_repository_is_current() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/cachectl.schema.json");
    if std::env::var_os("CACHECTL_BLESS").is_some() {
        std::fs::write(file, json_schema::text(&described())).expect("a writable folder");
    }
    let found = std::fs::read_to_string(file).expect("schema/cachectl.schema.json");
    assert!(found == json_schema::text(&described()), "run `cachectl schema > schema/cachectl.schema.json`");
}

#[test]
fn every_field_of_the_schema_is_described() {
    fn walk(path: &str, value: &Value, out: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let described = property.get("description").and_then(Value::as_str).is_some_and(|text| text.len() > 8);
                if !described {
                    out.push(format!("{path}/{name}"));
                }
            }
        }
        if let Some(map) = value.as_object() {
            map.iter().for_each(|(key, inner)| walk(&format!("{path}/{key}"), inner, out));
        }
        if let Some(items) = value.as_array() {
            items.iter().enumerate().for_each(|(index, inner)| walk(&format!("{path}/{index}"), inner, out));
        }
    }
    let mut out = Vec::new();
    walk("", &json_schema::document(&described()), &mut out);
    assert!(out.is_empty(), "not described: {out:?}");
}

/// The schema against an independent validator: Python's, where it is installed.
#[test]
fn the_schema_takes_what_the_reader_takes_and_nothing_else() {
    let mut lines = String::new();
    let mut verdicts = [0, 0];
    for seed in 0..1200 {
        let mut random = Random::new(seed);
        let whole = document(&mut random);
        let document = if seed % 3 == 0 { whole } else { spoilt(&mut random, &whole) };
        let loaded = from_text(&document.to_string());
        let errors = shape_errors(&loaded);
        // Lists of objects told apart by one of their fields: JSON Schema has no word for that.
        if errors.iter().any(|found| found.code == "duplicate-item") {
            continue;
        }
        // The reader takes a word in other letters with a warning; an editor is to show how it is written.
        if loaded.diagnostics.iter().any(|found| found.code == "letter-case") {
            continue;
        }
        let why = errors.first().map(|found| format!("{}: {}", found.path, found.message));
        verdicts[usize::from(why.is_none())] += 1;
        let line = json!({"seed": seed, "document": document, "accepted": why.is_none(), "why": why});
        lines.push_str(&format!("{line}\n"));
    }
    assert!(verdicts.iter().all(|count| *count > 300), "{verdicts:?} refused and accepted");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/check.py");
    let python = std::env::var("CACHECTL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let child = Command::new(python)
        .args([script, "--generated"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        note("no python3: the schema was not held against another validator");
        return;
    };
    // A script that ends early (no validator) does not read its input.
    let _ = child.stdin.take().expect("a pipe").write_all(lines.as_bytes());
    let output = child.wait_with_output().expect("an end");
    let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(77) {
        note(&told);
        return;
    }
    assert!(output.status.success(), "{told}");
}

#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn note(text: &str) {
    eprintln!("{text}");
}

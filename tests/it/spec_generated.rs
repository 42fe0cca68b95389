//! What holds for every spec, tried on generated ones.

use std::collections::BTreeSet;

use cachectl::lint::rules::described;
use cachectl::spec::diagnostic::{Diagnostic, Severity};
use cachectl::spec::rules::{self, Check};
use cachectl::spec::{Loaded, Request, from_text, json_schema, load, render};
use serde_json::Value;

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

/// The schema, compiled by a validator that nobody here wrote.
fn schema() -> jsonschema::Validator {
    jsonschema::draft202012::new(&json_schema::document(&described())).expect("a schema")
}

#[test]
fn the_schema_takes_what_the_reader_takes_and_nothing_else() {
    let schema = schema();
    let mut verdicts = [0, 0];
    let mut differ = Vec::new();
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
        let reader = errors.first().map(|found| format!("{}: {}", found.path, found.message));
        let validator = schema.validate(&document).err().map(|error| format!("{}: {error}", error.instance_path()));
        verdicts[usize::from(reader.is_none())] += 1;
        if reader.is_none() != validator.is_none() {
            let said = |verdict: Option<String>| verdict.unwrap_or_else(|| "yes".to_owned());
            differ.push(format!("seed {seed}: the reader says {}; the schema says {}", said(reader), said(validator)));
        }
    }
    assert!(verdicts.iter().all(|count| *count > 300), "{verdicts:?} refused and accepted");
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn every_spec_of_the_repository_fits_the_schema_as_it_is_rendered() {
    let schema = schema();
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/specs")).expect("specs/");
    let mut seen = 0;
    for path in
        folder.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|kind| kind == "yaml"))
    {
        let request = Request { path: path.clone(), ..Request::default() };
        let loaded = load(&request, &|_: &str| Some("a-value-of-the-environment".to_owned()));
        let (Some(document), Some(spec)) = (&loaded.document, &loaded.spec) else {
            panic!("{}: {:?}", path.display(), loaded.diagnostics)
        };
        let json = render::json(document, spec);
        let errors: Vec<String> =
            schema.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {}", path.display(), errors.join("\n"));
        seen += 1;
    }
    assert!(seen > 8, "{seen} specs");
}

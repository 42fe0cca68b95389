//! What a person sees who made a mistake in a spec: one folder of `tests/diagnostics` a mistake.
//! `CACHECTL_BLESS=1` writes the expected texts anew; read them before they are committed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cachectl::render::diagnostics::{count, github, located, sarif, text};
use cachectl::spec::{Loaded, Request, load, rules};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("a case").path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

/// Loads a case as its `args` say: one flag a line, and `env NAME=VALUE` for the environment.
fn loaded(case: &Path) -> Loaded {
    let mut request = Request { path: case.join("spec.yaml"), ..Request::default() };
    let mut environment = Vec::new();
    let args = std::fs::read_to_string(case.join("args")).unwrap_or_default();
    let pair = |text: &str| {
        let (key, value) = text.split_once('=').expect("KEY=VALUE");
        (key.to_owned(), value.to_owned())
    };
    for line in args.lines() {
        match line.split_once(' ').expect("a flag and its value") {
            ("-e", name) => request.environment = Some(name.to_owned()),
            ("--overlay", file) => request.overlays.push(case.join(file)),
            ("--var", value) => request.variables.push(pair(value)),
            ("env", value) => environment.push(pair(value)),
            (flag, _) => panic!("unknown flag {flag} in {}", case.display()),
        }
    }
    load(&request, &|name| environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))
}

/// Everything that any format shows, without the folder that the case lies in.
fn shown(case: &Path, loaded: &Loaded) -> String {
    let folder = format!("{}/", case.display());
    let out = format!("{}{}\n", text(loaded, false), count(&loaded.diagnostics, &[]));
    out.replace(&folder, "").lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn json(case: &Path, loaded: &Loaded) -> String {
    let folder = format!("{}/", case.display());
    let text = serde_json::to_string_pretty(&located(loaded)).expect("JSON");
    text.replace(&folder, "") + "\n"
}

fn agrees(file: &Path, found: &str, failures: &mut Vec<String>) {
    if std::env::var_os("CACHECTL_BLESS").is_some() {
        std::fs::write(file, found).expect("a writable folder");
        return;
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    if expected != found {
        failures.push(format!("{}:\n--- expected\n{expected}\n--- found\n{found}", file.display()));
    }
}

#[test]
fn every_mistake_is_told_as_expected() {
    let mut failures = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 80, "only {} cases", cases.len());
    for case in &cases {
        let loaded = loaded(case);
        agrees(&case.join("expected.txt"), &shown(case, &loaded), &mut failures);
        if case.join("expected.json").exists() {
            agrees(&case.join("expected.json"), &json(case, &loaded), &mut failures);
        }
        let folder = format!("{}/", case.display());
        let located = located(&loaded);
        for (file, text) in [
            ("expected.github", github(&located, &[])),
            ("expected.sarif", serde_json::to_string_pretty(&sarif(&located, &[])).expect("JSON") + "\n"),
        ] {
            if case.join(file).exists() {
                let text = text.replace(&folder, "").replace(&folder.replace(':', "%3A"), "");
                agrees(&case.join(file), &text, &mut failures);
            }
        }
    }
    assert!(failures.is_empty(), "{}\n{} cases differ", failures.join("\n"), failures.len());
}

#[test]
fn every_diagnostic_points_at_a_place_and_has_a_rule_that_explains_it() {
    let known: BTreeSet<&str> = rules::all().map(|rule| rule.code).collect();
    for case in cases() {
        for diagnostic in &loaded(&case).diagnostics {
            let name = case.display();
            assert!(known.contains(diagnostic.code), "{name}: nothing explains {}", diagnostic.code);
            let placeless = diagnostic.message.contains("cannot read")
                || diagnostic.message.contains("--var")
                || diagnostic.code == "unknown-environment";
            assert!(placeless || diagnostic.span().is_some(), "{name}: {} has no place", diagnostic.message);
        }
    }
}

#[test]
fn every_rule_has_a_case() {
    let seen: BTreeSet<&str> = cases()
        .iter()
        .flat_map(|case| loaded(case).diagnostics.iter().map(|found| found.code).collect::<Vec<_>>())
        .collect();
    // It takes more than 500 mistakes to see this one; its test makes them.
    let elsewhere = ["too-many-faults"];
    let unseen: Vec<&str> =
        rules::all().map(|rule| rule.code).filter(|code| !seen.contains(code) && !elsewhere.contains(code)).collect();
    assert!(unseen.is_empty(), "no case shows {unseen:?}");
}

#[test]
fn a_secret_is_in_no_format() {
    let mut secret_cases = 0;
    for case in cases() {
        let spec = std::fs::read(case.join("spec.yaml")).expect("a spec");
        let args = std::fs::read_to_string(case.join("args")).unwrap_or_default();
        if !String::from_utf8_lossy(&spec).contains("hunter2") && !args.contains("hunter2") {
            continue;
        }
        secret_cases += 1;
        let loaded = loaded(&case);
        let located = located(&loaded);
        let all = [
            text(&loaded, false),
            text(&loaded, true),
            serde_json::to_string(&located).expect("JSON"),
            github(&located, &[]),
            sarif(&located, &[]).to_string(),
        ];
        for format in all {
            assert!(!format.contains("hunter2"), "{}: {format}", case.display());
        }
    }
    assert!(secret_cases >= 12, "only {secret_cases} cases hold a secret");
}

#[test]
fn the_page_about_the_spec_names_no_code_that_does_not_exist() {
    let page = include_str!("../../docs/spec.md");
    let known: BTreeSet<&str> = rules::all().map(|rule| rule.code).collect();
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let codes = row.split('|').nth(2).unwrap_or_default();
        for code in codes.split('`').skip(1).step_by(2) {
            assert!(known.contains(code), "{code} is explained by no rule");
            named += 1;
        }
    }
    assert!(named > 60, "only {named} codes");
}

//! Golden plans: `tests/plans/CASE/` holds what AWS said (`live.json`), the spec, options and the plan as
//! people see it (`expected.txt`), for some as JSON too (`expected.json`). `CACHECTL_BLESS=1` writes the
//! expectations anew, and `live.json` where it is missing: from `before.yaml`, carried out in the sandbox,
//! then the calls of `meanwhile.json`, then the values of `patch.json`.

use std::fs;
use std::path::{Path, PathBuf};

use cachectl::model::live::Live;
use cachectl::model::options::Options;
use cachectl::model::plan::Plan;
use cachectl::model::{Kind, Spec};
use cachectl::plan;
use cachectl::render::plan::{Detail, Header, table};
use cachectl::spec::{self, Request};
use serde_json::{Value, json};

use super::plan_account::{Account, options};

const WIDTH: usize = 110;

fn blesses() -> bool {
    std::env::var_os("CACHECTL_BLESS").is_some()
}

pub(crate) fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut cases: Vec<PathBuf> = fs::read_dir(root)
        .expect("tests/plans")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

fn load(path: &Path) -> Spec {
    let loaded = spec::load(&Request { path: path.to_owned(), ..Request::default() }, &|_| None);
    loaded.spec.unwrap_or_else(|| panic!("{}: {:#?}", path.display(), loaded.diagnostics))
}

fn json_of(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// What AWS would say after `before.yaml`, `meanwhile.json` and `patch.json`.
fn made(case: &Path, spec: &Spec) -> Live {
    let mut account = Account::new();
    if case.join("before.yaml").exists() {
        account.apply_all(&load(&case.join("before.yaml")), &options(&[]));
    }
    for call in json_of(&case.join("meanwhile.json")).and_then(|calls| calls.as_array().cloned()).unwrap_or_default() {
        account.call(call["operation"].as_str().expect("an operation"), call["parameters"].clone());
    }
    let mut live = account.live(spec);
    // AWS's own groups say nothing here.
    live.of_mut(Kind::ParameterGroup).retain(|name, _| !name.starts_with("default."));
    live.of_mut(Kind::SubnetGroup).remove("default");
    live.of_mut(Kind::User).remove("default");
    live.tags.retain(|address, _| !address.id.starts_with("default"));
    live.api_calls = 7;
    let mut value = serde_json::to_value(&live).expect("a live state");
    for patch in json_of(&case.join("patch.json")).and_then(|patches| patches.as_array().cloned()).unwrap_or_default() {
        let pointer = patch["pointer"].as_str().expect("a pointer");
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let parent =
            value.pointer_mut(parent).and_then(Value::as_object_mut).unwrap_or_else(|| panic!("{pointer} is nowhere"));
        let name = name.replace("~1", "/");
        match patch.get("value") {
            Some(value) => drop(parent.insert(name, value.clone())),
            None => drop(parent.remove(&name)),
        }
    }
    serde_json::from_value(value).expect("a live state")
}

fn options_of(case: &Path) -> Options {
    let value = json_of(&case.join("options.json")).unwrap_or_else(|| json!({}));
    let texts = |name: &str| -> Vec<String> {
        value[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let flag = |name: &str| value[name] == json!(true);
    let allow = texts("allow");
    Options {
        only: texts("only").iter().map(|glob| glob.parse().expect("a glob")).collect(),
        prune: flag("prune"),
        all_hops: flag("allHops"),
        show_unchanged: flag("showUnchanged"),
        destroy: flag("destroy"),
        ..options(&allow.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

pub(crate) fn plan_of(case: &Path) -> Plan {
    let spec = load(&case.join("spec.yaml"));
    let path = case.join("live.json");
    if blesses() && !path.exists() {
        let text = serde_json::to_string_pretty(&made(case, &spec)).expect("a live state");
        fs::write(&path, text + "\n").expect("live.json");
    }
    let live = serde_json::from_value(json_of(&path).unwrap_or_else(|| panic!("{} is missing", path.display())));
    plan::plan(&spec, &live.expect("a live state"), &options_of(case), Vec::new())
}

fn plain(plan: &Plan) -> String {
    let header = Header { read: "what live.json says".into(), ..Header::default() };
    anstream::adapter::strip_str(&table(plan, &header, WIDTH, Detail::Usual)).to_string()
}

fn matches(path: &Path, found: &str, differences: &mut Vec<String>) {
    if blesses() {
        fs::write(path, found).expect("an expectation");
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected != found {
        differences.push(format!("{}:\n--- expected\n{expected}--- found\n{found}", path.display()));
    }
}

#[test]
fn plans_look_as_they_did() {
    let mut differences = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 15, "{} cases", cases.len());
    for case in cases {
        let plan = plan_of(&case);
        matches(&case.join("expected.txt"), &plain(&plan), &mut differences);
        let document = case.join("expected.json");
        if document.exists() {
            let mut value = serde_json::to_value(&plan).expect("a plan");
            // Of the spec's text, which says nothing of the plan.
            value["specDigest"] = json!("sha256:…");
            matches(&document, &(serde_json::to_string_pretty(&value).expect("a plan") + "\n"), &mut differences);
        }
    }
    assert!(differences.is_empty(), "CACHECTL_BLESS=1 takes these as they are:\n{}", differences.join("\n"));
}

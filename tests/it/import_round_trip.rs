//! What was imported asks for what there is: generated stacks are made in the sandbox, imported, and
//! planned. A tenth of `CACHECTL_PROPERTY_CASES` says how many, `CACHECTL_PROPERTY_SEED` which.

use cachectl::import::{self, Imported};
use cachectl::model::live::Live;
use cachectl::model::plan::{Action, AttributeChange, Plan};
use cachectl::model::{Kind, Selection, Spec};
use cachectl::resource::alarm_whole::plain_description;
use cachectl::resource::ownership;
use cachectl::{plan, spec};
use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value, json};

use super::plan_account::{Account, options, shown};
use super::plan_generated::{self, GENES};

const CASES: u32 = 100;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn all() -> Selection {
    Selection { all: true, globs: Vec::new() }
}

fn imported(live: &Live, selection: &Selection, stack: Option<&str>) -> Result<(Imported, Spec), String> {
    let imported = import::spec(live, selection, stack).map_err(|refused| refused.message)?;
    let loaded = spec::from_text(&imported.yaml);
    let Some(spec) = loaded.spec else { return Err(format!("{:#?}\n{}", loaded.diagnostics, imported.yaml)) };
    let lost: Vec<_> = imported.notes.iter().filter(|note| note.contains("left out")).collect();
    if lost.is_empty() { Ok((imported, spec)) } else { Err(format!("{lost:?}\n{}", imported.yaml)) }
}

/// The same resources, as if cachectl had never seen them.
fn stripped(mut live: Live) -> Live {
    live.owned.clear();
    for tags in live.tags.values_mut() {
        tags.retain(|key, _| !key.starts_with("cachectl:"));
    }
    for alarm in live.of_mut(Kind::Alarm).values_mut() {
        let description = alarm["AlarmDescription"].as_str().map(plain_description).unwrap_or_default();
        alarm["AlarmDescription"] = json!(description);
    }
    for dashboard in live.of_mut(Kind::Dashboard).values_mut() {
        let text = dashboard.pointer_mut("/DashboardBody/widgets/0/properties/markdown").expect("a head");
        *text = json!(plain_description(text.as_str().unwrap_or_default()));
    }
    live
}

/// Nothing but tags, and for alarms and dashboards the note of the stack in what they say.
fn only_adopts(plan: &Plan) -> bool {
    let tags = |path: &str| path == format!("tags.{}", ownership::STACK);
    let note = |change: &AttributeChange| {
        let text = |value: &Value| value.as_str().map(plain_description).unwrap_or_default();
        // Of a dashboard, in its head.
        (change.path == "description" && text(&change.before) == text(&change.after)) || change.path == "body.text"
    };
    plan.summary.blocked == 0
        && plan.orphans.is_empty()
        && plan.changes.iter().all(|change| {
            change.action == Action::Adopt
                && change.attributes.iter().all(|attribute| tags(&attribute.path) || note(attribute))
        })
        && plan.steps.iter().all(|step| {
            matches!(step.operation().name(), "AddTagsToResource" | "TagResource" | "PutMetricAlarm" | "PutDashboard")
        })
}

/// Nothing is lost: a stack that is made from the imported spec is imported alike. Passwords and tokens are
/// not in it, which comments say.
fn made_anew(yaml: &str) -> Result<(), String> {
    let plain =
        |text: &str| text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
    let by_password = "authenticationMode: {type: password}";
    let text = plain(yaml).replace(by_password, "passwords: [{secretsManager: prod/cache, key: one}]");
    let Some(spec) = spec::from_text(&text).spec else { return Err(format!("no spec:\n{text}")) };
    let mut account = Account::new();
    account.settle(&spec, &options(&[]))?;
    let (again, _) = imported(&account.live(&spec), &all(), None)?;
    let (before, after) = (plain(yaml), plain(&again.yaml));
    if before == after { Ok(()) } else { Err(format!("--- before\n{before}\n--- after\n{after}")) }
}

fn holds(genes: &[u8]) -> Result<(), String> {
    let before = plan_generated::spec(genes);
    let told = |what: &str, why: String| format!("{what}: {why}\n--- the stack\n{before}");
    let mut account = Account::new();
    let declared = super::plan_account::spec(&before);
    account.settle(&declared, &options(&[])).map_err(|why| told("creating", why))?;
    let live = account.live(&declared);
    let (first, own) = imported(&live, &all(), None).map_err(|why| told("importing", why))?;
    let plan = account.plan(&own, &options(&[]));
    if !plan.steps.is_empty() || !plan.changes.is_empty() || !plan.orphans.is_empty() {
        return Err(told("the plan of the same stack", format!("{}\n--- imported\n{}", shown(&plan), first.yaml)));
    }
    let missing: Vec<_> = declared
        .resources
        .keys()
        .filter(|address| address.kind != cachectl::model::Kind::Alarm && !own.resources.contains_key(*address))
        .collect();
    if !missing.is_empty() {
        return Err(told("left behind", format!("{missing:?}")));
    }
    made_anew(&first.yaml).map_err(|why| told("made anew", why))?;
    let strange = stripped(account.live(&own));
    let (second, spec) = imported(&strange, &all(), Some("other")).map_err(|why| told("importing", why))?;
    let plan = plan::plan(&spec, &strange, &options(&["adopt:*"]), Vec::new());
    if !only_adopts(&plan) {
        return Err(told("adopting", format!("{}\n--- imported\n{}", shown(&plan), second.yaml)));
    }
    // A part of it, by address: nothing of that part is to change either.
    let caches = Selection { all: false, globs: vec!["replicationGroup/*".parse()?] };
    let (part, spec) = imported(&live, &caches, None).map_err(|why| told("importing the caches", why))?;
    let plan = account.plan(&spec, &options(&[]));
    if !plan.steps.is_empty() || !plan.changes.is_empty() {
        return Err(told("the plan of the caches", format!("{}\n--- imported\n{}", shown(&plan), part.yaml)));
    }
    Ok(())
}

#[test]
fn the_plan_of_an_imported_spec_is_empty_but_for_adoption() {
    let cases = number("CACHECTL_PROPERTY_CASES").map_or(CASES, |cases| u32::try_from(cases / 10).unwrap_or(u32::MAX));
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number("CACHECTL_PROPERTY_SEED").unwrap_or(1).to_le_bytes());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let outcome = runner.run(&vec(0u8..60, GENES), |genes| holds(&genes).map_err(TestCaseError::fail));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

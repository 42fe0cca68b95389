//! Lint: best practice for a spec. Rules that AWS itself would refuse are validation errors instead.

pub mod elsewhere;
mod held;
pub mod rules;

use serde_json::Value;

use crate::model::live::Live;
use crate::model::plan::Finding;
use crate::model::{Address, Glob, Resource, Severity, Spec, suggest};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::located::locate;
use crate::spec::source::Sources;
use held::WholeSpec;
use rules::{RULES, Rule};

/// Every rule over every resource, after the policy's severities and waivers.
pub fn findings(spec: &Spec, live: Option<&Live>, sources: &Sources, today: &str) -> Vec<Finding> {
    let (mut out, all) = (Vec::new(), WholeSpec::of(spec));
    for resource in spec.resources.values() {
        for rule in RULES.iter().filter(|rule| rule.kinds.contains(&resource.address.kind)) {
            let Some(severity) = severity(spec, rule) else { continue };
            if waived(spec, rule, &resource.address, today) {
                continue;
            }
            if let Some((field, message)) = (rule.check)(resource, &all, live) {
                out.push(finding(spec, sources, rule, severity, resource, field, message));
            }
        }
    }
    out.extend(policy(spec, sources, today));
    out
}

/// What the rules of specs warn of, as findings: no policy silences them.
pub fn warnings(spec: &Spec, diagnostics: &[Diagnostic], sources: &Sources) -> Vec<Finding> {
    let finding = |diagnostic: &Diagnostic| {
        let located = locate(diagnostic, sources);
        let is_of = |resource: &&Resource| {
            located
                .path
                .strip_prefix(&resource.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let resource = spec.resources.values().find(is_of);
        let help = located.help.map(|help| format!("; {help}")).unwrap_or_default();
        Finding {
            rule: located.code.into(),
            severity: located.severity,
            address: resource.map(|resource| resource.address.to_string()).unwrap_or_default(),
            message: format!("{}{help}", located.message),
            file: located.place.file,
            line: located.place.line,
            column: located.place.column,
        }
    };
    diagnostics.iter().map(finding).collect()
}

/// Slips in the policy itself: waivers that ended, and names of rules that there are none of.
pub fn policy(spec: &Spec, sources: &Sources, today: &str) -> Vec<Finding> {
    expired(spec, sources, today).chain(misnamed(spec, sources)).collect()
}

/// A severity for a rule that there is none of.
fn misnamed<'a>(spec: &'a Spec, sources: &'a Sources) -> impl Iterator<Item = Finding> + 'a {
    let set = spec.policy.get("lint").and_then(Value::as_object).into_iter().flatten();
    set.filter(|(name, _)| *name != "*" && !is_rule(name)).map(move |(name, _)| {
        let near = suggest(name, RULES.iter().map(|rule| rule.id));
        let meant = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let (file, line, column) = place(spec, sources, &format!("policy.lint.{name}"));
        Finding {
            rule: "policy".into(),
            severity: Severity::Warn,
            address: String::new(),
            message: format!("policy.lint names `{name}`, which is not a lint rule{meant}"),
            file,
            line,
            column,
        }
    })
}

fn is_rule(name: &str) -> bool {
    RULES.iter().any(|rule| rule.id == name)
}

/// What a finding of the rule weighs here; `None` where the policy turns it off.
fn severity(spec: &Spec, rule: &Rule) -> Option<Severity> {
    let lint = spec.policy.get("lint");
    let set = |name: &str| lint.and_then(|lint| lint.get(name)?.as_str());
    set(rule.id).or_else(|| set("*")).map_or(rule.severity, Severity::of)
}

fn waivers(spec: &Spec) -> impl Iterator<Item = &Value> {
    spec.policy.get("waivers").and_then(Value::as_array).into_iter().flatten()
}

fn waived(spec: &Spec, rule: &Rule, address: &Address, today: &str) -> bool {
    waivers(spec).any(|waiver| {
        let text = |name: &str| waiver.get(name).and_then(Value::as_str).unwrap_or_default();
        (text("rule") == rule.id || text("rule") == "*")
            && Glob(text("resource").to_owned()).matches(address)
            && (text("until").is_empty() || text("until") >= today)
    })
}

/// A waiver that ran out, or that names no rule, is worth a word.
fn expired<'a>(spec: &'a Spec, sources: &'a Sources, today: &'a str) -> impl Iterator<Item = Finding> + 'a {
    waivers(spec).enumerate().filter_map(move |(index, waiver)| {
        let text = |name: &str| waiver.get(name).and_then(Value::as_str).unwrap_or_default();
        let message = if !text("until").is_empty() && text("until") < today {
            format!("the waiver of {} ended on {}", text("rule"), text("until"))
        } else if text("rule") != "*" && !is_rule(text("rule")) {
            format!("the waiver names `{}`, which is not a lint rule", text("rule"))
        } else {
            return None;
        };
        let (file, line, column) = place(spec, sources, &format!("policy.waivers[{index}]"));
        Some(Finding {
            rule: "waiver".into(),
            severity: Severity::Warn,
            address: text("resource").into(),
            message,
            file,
            line,
            column,
        })
    })
}

fn finding(
    spec: &Spec,
    sources: &Sources,
    rule: &Rule,
    severity: Severity,
    resource: &Resource,
    field: &str,
    message: String,
) -> Finding {
    let path = if field.is_empty() { resource.path.clone() } else { format!("{}.{field}", resource.path) };
    let (file, line, column) = place(spec, sources, &path);
    Finding { rule: rule.id.into(), severity, address: resource.address.to_string(), message, file, line, column }
}

fn place(spec: &Spec, sources: &Sources, path: &str) -> (String, usize, usize) {
    spec.locations.nearest(path).map_or_else(Default::default, |span| {
        let position = sources.position(span);
        (sources.name(span.file).to_owned(), position.line, position.column)
    })
}

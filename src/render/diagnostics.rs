//! What is wrong with a spec, for people, editors and pipelines.

use serde_json::{Value, json};

use super::inert::{code, prose};
use super::value::said;
use crate::lint::rules::RULES;
use crate::model::plan::Finding;
use crate::model::text::{inert, plural};
use crate::spec::diagnostic::{Diagnostic, Severity};
use crate::spec::located::{Located, Place, locate, render};
use crate::spec::{Loaded, rules};

pub fn text(loaded: &Loaded, styled: bool) -> String {
    loaded.diagnostics.iter().map(|diagnostic| format!("{}\n\n", render(diagnostic, &loaded.sources, styled))).collect()
}

pub fn located(loaded: &Loaded) -> Vec<Located> {
    loaded.diagnostics.iter().map(|diagnostic| locate(diagnostic, &loaded.sources)).collect()
}

/// `2 errors, 1 warning`, of all that is shown; `, 3 info` where there is such.
pub fn count(diagnostics: &[Diagnostic], findings: &[Finding]) -> String {
    let found = diagnostics.iter().map(|diagnostic| diagnostic.severity);
    let found: Vec<Severity> = found.chain(findings.iter().map(|finding| finding.severity)).collect();
    let [errors, warnings, info] =
        Severity::ALL.map(|severity| found.iter().filter(|found| **found == severity).count());
    let info = if info > 0 { format!(", {info} info") } else { String::new() };
    format!("{}, {}{info}", plural(errors, "error"), plural(warnings, "warning"))
}

/// One line a finding, as GitHub Actions turns it into an annotation.
pub fn github(diagnostics: &[Located], findings: &[Finding]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let place = &diagnostic.place;
        let end = format!(",endLine={},endColumn={}", place.end_line, place.end_column);
        let help = diagnostic.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
        let message = format!("{}{help}", diagnostic.message);
        let place = (place.file.as_str(), place.line, place.column);
        out.push_str(&annotation(diagnostic.severity, place, &end, diagnostic.code, &message));
    }
    for finding in findings {
        let place = (finding.file.as_str(), finding.line, finding.column);
        let message = said(finding);
        out.push_str(&annotation(finding.severity, place, "", &finding.rule, &message));
    }
    out
}

fn annotation(severity: Severity, place: (&str, usize, usize), end: &str, title: &str, message: &str) -> String {
    let command = match severity {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info => "notice",
    };
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let place = match place {
        // A fault of the command line stands in no file.
        ("", ..) => String::new(),
        (file, line, column) => format!("file={},line={line},col={column}{end},", property(file)),
    };
    format!("::{command} {place}title={}::{}\n", property(title), data(message))
}

/// A table, for a comment on a pull request.
pub fn markdown(diagnostics: &[Located], findings: &[Finding]) -> String {
    let row = |severity: Severity, rule: &str, (file, line, column): (&str, usize, usize), message: &str| {
        let place = if file.is_empty() { String::new() } else { format!("{}:{line}:{column}", code(file)) };
        format!("| {severity} | `{rule}` | {place} | {} |\n", prose(message))
    };
    let told = diagnostics.iter().map(|found| {
        let help = found.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
        let place = (found.place.file.as_str(), found.place.line, found.place.column);
        row(found.severity, found.code, place, &format!("{}{help}", found.message))
    });
    let lint = findings
        .iter()
        .map(|found| row(found.severity, &found.rule, (&found.file, found.line, found.column), &said(found)));
    let rows: String = told.chain(lint).collect();
    if rows.is_empty() {
        return "Nothing to report.\n".to_owned();
    }
    format!("| severity | rule | place | message |\n|---|---|---|---|\n{rows}")
}

/// SARIF 2.1.0, for code scanning.
pub fn sarif(diagnostics: &[Located], findings: &[Finding]) -> Value {
    let mut results: Vec<Value> = diagnostics
        .iter()
        .map(|diagnostic| {
            let message = match &diagnostic.help {
                Some(help) => format!("{}; {help}", diagnostic.message),
                None => diagnostic.message.clone(),
            };
            let mut result = result(diagnostic.code, diagnostic.severity, &message, &diagnostic.place);
            let related: Vec<Value> = diagnostic
                .related
                .iter()
                .map(|related| {
                    let mut location = location(&related.place);
                    location["message"] = json!({"text": related.message});
                    location
                })
                .collect();
            if !related.is_empty() {
                result["relatedLocations"] = json!(related);
            }
            result
        })
        .collect();
    results.extend(findings.iter().map(|finding| {
        let place = Place {
            file: finding.file.clone(),
            line: finding.line,
            column: finding.column,
            end_line: finding.line,
            end_column: finding.column,
        };
        result(&finding.rule, finding.severity, &said(finding), &place)
    }));
    let mut ids: Vec<&str> = results.iter().filter_map(|result| result["ruleId"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let described: Vec<Value> = ids.into_iter().map(described).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "cachectl", "version": env!("CARGO_PKG_VERSION"), "rules": described}},
            "results": results,
        }],
    })
}

fn result(rule: &str, severity: Severity, message: &str, place: &Place) -> Value {
    let level = match severity {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info => "note",
    };
    let mut result = json!({"ruleId": rule, "level": level, "message": {"text": message}});
    if !place.file.is_empty() {
        result["locations"] = json!([location(place)]);
    }
    result
}

fn location(place: &Place) -> Value {
    let mut region = json!({"startLine": place.line.max(1), "startColumn": place.column.max(1)});
    if (place.end_line, place.end_column) > (place.line, place.column) {
        region["endLine"] = json!(place.end_line);
        region["endColumn"] = json!(place.end_column);
    }
    json!({"physicalLocation": {"artifactLocation": {"uri": place.file.replace('\\', "/")}, "region": region}})
}

/// A rule with its reason, where there is a row for it.
fn described(id: &str) -> Value {
    let why = rules::all()
        .find(|rule| rule.code == id)
        .map(|rule| rule.why)
        .or_else(|| RULES.iter().find(|rule| rule.id == id).map(|rule| rule.why));
    match why {
        Some(why) => json!({"id": id, "shortDescription": {"text": why}}),
        None => json!({"id": id}),
    }
}

/// Lint findings as lines.
pub fn findings(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|finding| {
            format!(
                "{}:{}:{}: {} {} ({})\n",
                inert(&finding.file),
                finding.line,
                finding.column,
                finding.severity,
                inert(&said(finding)),
                finding.rule
            )
        })
        .collect()
}

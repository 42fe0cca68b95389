//! What is wrong with a spec, for people, editors and pipelines.

use serde_json::{Value, json};

use crate::plan::model::Finding;
use crate::spec::Loaded;
use crate::spec::diagnostic::{Diagnostic, Severity};
use crate::spec::located::{Located, locate, render};

pub fn text(loaded: &Loaded, styled: bool) -> String {
    loaded.diagnostics.iter().map(|diagnostic| format!("{}\n\n", render(diagnostic, &loaded.sources, styled))).collect()
}

pub fn located(loaded: &Loaded) -> Vec<Located> {
    loaded.diagnostics.iter().map(|diagnostic| locate(diagnostic, &loaded.sources)).collect()
}

/// `error[code]: …` counts, such as `2 errors, 1 warning`.
pub fn count(diagnostics: &[Diagnostic]) -> String {
    let of = |severity: Severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    format!("{}, {}", plural(of(Severity::Error), "error"), plural(of(Severity::Warn), "warning"))
}

/// One line a finding, as GitHub Actions turns it into an annotation.
pub fn github(diagnostics: &[Located], findings: &[Finding]) -> String {
    let escape = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let command = |severity: &str| match severity {
        "error" => "error",
        "warn" => "warning",
        _ => "notice",
    };
    let mut out = String::new();
    for diagnostic in diagnostics {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warn => "warn",
            Severity::Info => "info",
        };
        let help = diagnostic.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
        out.push_str(&format!(
            "::{} file={},line={},col={},title={}::{}\n",
            command(severity),
            diagnostic.place.file,
            diagnostic.place.line,
            diagnostic.place.column,
            diagnostic.code,
            escape(&format!("{}{help}", diagnostic.message)),
        ));
    }
    for finding in findings {
        out.push_str(&format!(
            "::{} file={},line={},col={},title={}::{}\n",
            command(&finding.severity),
            finding.file,
            finding.line,
            finding.column,
            finding.rule,
            escape(&format!("{}: {}", finding.address, finding.message)),
        ));
    }
    out
}

/// SARIF 2.1.0, for code scanning.
pub fn sarif(diagnostics: &[Located], findings: &[Finding]) -> Value {
    let level = |severity: &str| match severity {
        "error" => "error",
        "warn" => "warning",
        _ => "note",
    };
    let result = |rule: &str, severity: &str, message: String, file: &str, line: usize, column: usize| {
        json!({
            "ruleId": rule,
            "level": level(severity),
            "message": {"text": message},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": file},
                "region": {"startLine": line.max(1), "startColumn": column.max(1)},
            }}],
        })
    };
    let mut results: Vec<Value> = diagnostics
        .iter()
        .map(|diagnostic| {
            let severity = match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warn => "warn",
                Severity::Info => "info",
            };
            result(
                diagnostic.code,
                severity,
                diagnostic.message.clone(),
                &diagnostic.place.file,
                diagnostic.place.line,
                diagnostic.place.column,
            )
        })
        .collect();
    results.extend(findings.iter().map(|finding| {
        result(
            &finding.rule,
            &finding.severity,
            format!("{}: {}", finding.address, finding.message),
            &finding.file,
            finding.line,
            finding.column,
        )
    }));
    let mut rules: Vec<&str> = results.iter().filter_map(|result| result["ruleId"].as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<Value> = rules.into_iter().map(|id| json!({"id": id})).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "cachectl", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    })
}

/// Lint findings as lines.
pub fn findings(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|finding| {
            format!(
                "{}:{}:{}: {} {}: {} ({})\n",
                finding.file,
                finding.line,
                finding.column,
                finding.severity,
                finding.address,
                finding.message,
                finding.rule
            )
        })
        .collect()
}

//! A smoke report as Markdown tables, for a comment or a wiki page.

use super::inert::{code, prose};
use crate::smoke::{Latencies, LoadReport, Report};

pub fn report(report: &Report, started: &str) -> String {
    let mut out = format!("### Smoke test of {}: {}\n\n", code(&report.address), report.verdict.word());
    let server = report.server.as_ref();
    let facts = [
        Some(report.endpoint.clone()),
        server.and_then(|server| {
            Some(format!("{} {}", server.engine.as_deref()?, server.version.as_deref().unwrap_or("")))
        }),
        server.and_then(|server| server.node_type.clone()),
        Some(format!("{started}, {:.0} s", report.seconds)),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().map(|fact| prose(&fact)).collect();
    out.push_str(&format!("{}\n\n", facts.join(", ")));
    out.push_str("| check | verdict | what was seen |\n|---|---|---|\n");
    for check in &report.checks {
        let hint = check.hint.as_ref().map_or(String::new(), |hint| format!("; hint: {}", prose(hint)));
        out.push_str(&format!(
            "| {} | {} | {}{hint} |\n",
            prose(&check.name),
            check.status.word(),
            prose(&check.detail)
        ));
    }
    if !report.gates.is_empty() {
        out.push_str("\n| required | bound | measured | |\n|---|---|---|---|\n");
    }
    for gate in &report.gates {
        let measured = gate.measured.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.3}"));
        let word = match (gate.passed, &gate.undecided) {
            (true, _) => "passed".to_owned(),
            (false, None) => "failed".to_owned(),
            (false, Some(why)) => format!("undecided: {}", prose(why)),
        };
        out.push_str(&format!("| {} | {} | {measured} | {word} |\n", prose(&gate.name), gate.required));
    }
    measurements(&mut out, report);
    if !report.nodes.is_empty() {
        out.push_str("\n| node | role | what is wrong |\n|---|---|---|\n");
    }
    for node in &report.nodes {
        let role = node.role.as_deref().unwrap_or("not known");
        let trouble = node.trouble.as_deref().unwrap_or("");
        out.push_str(&format!("| {} | {role} | {} |\n", prose(&node.name), prose(trouble)));
    }
    if !report.baseline.is_empty() {
        out.push_str("\n| | before | now | ratio |\n|---|---|---|---|\n");
    }
    for row in &report.baseline {
        out.push_str(&format!("| {} | {:.3} | {:.3} | {:.2} |\n", row.name, row.before, row.now, row.ratio));
    }
    out.push('\n');
    out
}

fn measurements(out: &mut String, report: &Report) {
    if report.patterns.is_empty() && report.load.is_none() {
        return;
    }
    out.push_str("\n| | ops/s | hits | p50 ms | p95 ms | p99 ms | p99.9 ms | max ms | errors | proves |\n");
    out.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for pattern in &report.patterns {
        let latencies = pattern.latencies();
        row(
            out,
            pattern.pattern.as_str(),
            pattern.ops_per_second,
            pattern.hit_rate,
            &latencies,
            pattern.errors,
            pattern.proves,
        );
    }
    if let Some(load) = &report.load {
        of_load(out, load);
    }
}

fn of_load(out: &mut String, load: &LoadReport) {
    let note = format!("{} clients, {} B, {} keys, from when each was due", load.clients, load.value_size, load.keys);
    row(out, "load", load.achieved_rate, load.hit_rate, &load.total, load.failed, &note);
    row(out, "load, from sending", load.achieved_rate, None, &load.service, load.failed, "");
    if let Some(capacity) = &load.capacity {
        out.push_str(&format!("| capacity | {:.0} | | | | | | | | closed loop |\n", capacity.ops_per_second));
    }
    if !load.errors.is_empty() {
        out.push_str("\n| node | error | count | first ms | last ms |\n|---|---|---|---|---|\n");
    }
    for error in &load.errors {
        let (node, class) = (prose(&error.node), prose(&error.class));
        out.push_str(&format!(
            "| {node} | {class} | {} | {:.0} | {:.0} |\n",
            error.count, error.first_ms, error.last_ms
        ));
    }
}

fn row(out: &mut String, name: &str, ops: f64, hits: Option<f64>, latencies: &Latencies, errors: u64, note: &str) {
    let times = [latencies.p50_ms, latencies.p95_ms, latencies.p99_ms, latencies.p999_ms, latencies.max_ms];
    let times: Vec<String> =
        times.iter().map(|ms| ms.map_or_else(|| "n/a".to_owned(), |ms| format!("{ms:.2}"))).collect();
    let hits = hits.map_or_else(String::new, |rate| format!("{:.1} %", rate * 100.0));
    out.push_str(&format!("| {name} | {ops:.0} | {hits} | {} | {errors} | {note} |\n", times.join(" | ")));
}

//! A drill's report as a table with a picture of the gap, as Markdown, and as JUnit.

use std::fmt::Write as _;

use super::inert::{code, prose};
use super::junit::{Case, Outcome, Suite};
use super::style::{Label, paint};
use super::value::hang;
use crate::drill::{Cell, Gate, Kind, Moment, Objection, Picture, Report};
use crate::smoke::Verdict;

/// Columns of a table.
const WIDTH: usize = 80;
/// Columns of a client's name beside its line.
const NAME: usize = 20;

/// For a terminal. `whole` tells of every client's errors and of each state that AWS told.
pub fn table(report: &Report, whole: bool) -> String {
    let mut out = String::new();
    let (old, new) = (report.old_primary.as_deref(), report.new_primary.as_deref());
    let head = format!("{} shard {}", report.address, report.shard);
    let nodes = format!("{} -> {}", old.unwrap_or("?"), new.unwrap_or("no new primary"));
    let _ = writeln!(out, "\n{}   {nodes}", paint(Label::Strong, &head));
    let _ = writeln!(out, "  asked for at {}", report.started_at);
    out.push_str(&picture(&report.picture, report));
    let _ = writeln!(out, "\n{}", paint(Label::Dim, "         ms  what happened"));
    for moment in report.timeline.iter().filter(|moment| whole || is_told(moment)) {
        let node = moment.node.as_ref().map(|node| format!("{node}: ")).unwrap_or_default();
        let text = format!("{node}{}", moment.detail);
        let _ = writeln!(out, "{}", row(&format!("{:>11}  ", moment.at_ms), &text));
    }
    out.push('\n');
    for (name, text) in numbers(report) {
        let _ = writeln!(out, "{}", row(&format!("  {name:<NAME$}"), &text));
    }
    for gate in &report.gates {
        let label = if gate.passed { Label::Good } else { Label::Error };
        let _ = writeln!(out, "{}", paint(label, &row(&format!("  {:<NAME$}", gate.name), &said(gate))));
    }
    let label = match report.verdict {
        Verdict::Passed => Label::Good,
        Verdict::Failed => Label::Error,
        Verdict::Warned | Verdict::Undecided | Verdict::NotTested => Label::Warn,
    };
    let _ = writeln!(out, "\n{}", paint(label, &report.verdict.word().to_uppercase()));
    for text in &report.findings {
        let _ = writeln!(out, "{}", row("  ", text));
    }
    for text in &report.undecided {
        let _ = writeln!(out, "{}", row("  ", &format!("not known: {text}")));
    }
    out
}

/// Text behind what leads its line, wrapped beside it.
fn row(lead: &str, text: &str) -> String {
    format!("{lead}{}", hang(text, WIDTH, &" ".repeat(lead.chars().count())))
}

/// What most readers want to know; `-v` tells the rest.
fn is_told(moment: &Moment) -> bool {
    match moment.event {
        Kind::FirstError => moment.node.is_none(),
        Kind::Status => false,
        _ => true,
    }
}

fn picture(picture: &Picture, report: &Report) -> String {
    if picture.lines.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    let seconds = |time: std::time::Duration| time.as_secs_f64() - report.called_after.as_secs_f64();
    let (from, until) = (seconds(picture.from), seconds(picture.until));
    let scale = format!("{from:.1} s{:>width$}", format!("{until:.1} s"), width = 56 - format!("{from:.1} s").len());
    let _ = writeln!(out, "\n  {:<NAME$}{}", "", paint(Label::Dim, &scale));
    for line in &picture.lines {
        let cells: String = line.cells.iter().map(|cell| mark(*cell)).collect();
        let name: String = line.name.chars().take(NAME - 1).collect();
        let _ = writeln!(out, "  {name:<NAME$}{cells}");
    }
    let key = format!("{} answers  {} also errors  {} errors only  {} silence", '█', '▒', '×', '·');
    let _ = writeln!(out, "  {:<NAME$}{}", "", paint(Label::Dim, &key));
    out
}

fn mark(cell: Cell) -> char {
    match cell {
        Cell::Answers => '█',
        Cell::Mixed => '▒',
        Cell::Errors => '×',
        Cell::Silence => '·',
    }
}

/// The numbers, a line each.
fn numbers(report: &Report) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let write = &report.write;
    let lost = |count: Option<u64>| count.map_or_else(|| "not known".to_owned(), |count| count.to_string());
    rows.push((
        "writes".to_owned(),
        format!(
            "longest gap {}; {} of {} acknowledged; lost: {}, of those that WAIT confirmed: {}",
            length(write.longest_gap_ms),
            write.acknowledged,
            write.sent,
            lost(write.lost),
            lost(write.waited_lost)
        ),
    ));
    rows.push(("reads".to_owned(), format!("longest gap {}", length(report.read.longest_gap_ms))));
    for (name, errors) in [("write errors", &write.errors), ("read errors", &report.read.errors)] {
        if !errors.is_empty() {
            let errors: Vec<String> = errors.iter().map(|(class, count)| format!("{class} x{count}")).collect();
            rows.push((name.to_owned(), errors.join(", ")));
        }
    }
    for client in &report.clients {
        let came_back = if client.recovered { "recovered" } else { "did not recover" };
        rows.push((
            client.behaviour.words().to_owned(),
            format!("longest gap {}, {came_back}", length(client.longest_gap_ms)),
        ));
    }
    let restored = report.available_after_ms.map(|ms| length(Some(ms as f64)));
    rows.push(("restored after".to_owned(), restored.unwrap_or_else(|| "not seen".to_owned())));
    if report.stalled_ms > 0.0 {
        let told = format!("stood still for {}: gaps may be longer by that", length(Some(report.stalled_ms)));
        rows.push(("this machine".to_owned(), told));
    }
    rows
}

/// `812 ms`, `12.4 s`
pub fn length(ms: Option<f64>) -> String {
    match ms {
        None => "not known".to_owned(),
        Some(ms) if ms < 10_000.0 => format!("{ms:.0} ms"),
        Some(ms) => format!("{:.1} s", ms / 1e3),
    }
}

/// `812 ms, at most 30.0 s: passed`
pub fn said(gate: &Gate) -> String {
    let value = |value: f64| if gate.name == "maxLostWrites" { format!("{value:.0}") } else { length(Some(value)) };
    let measured = gate.measured.map_or_else(|| "not known".to_owned(), value);
    let word = match (gate.passed, &gate.undecided) {
        (true, _) => "passed".to_owned(),
        (false, None) => "missed".to_owned(),
        (false, Some(why)) => format!("undecided: {why}"),
    };
    format!("{measured}, at most {}: {word}", value(gate.required))
}

/// For a comment or a page.
pub fn markdown(report: &Report) -> String {
    let shard = format!("{} shard {}", report.address, report.shard);
    let mut out = format!("### Failover drill of {}: {}\n\n", code(&shard), report.verdict.word());
    let new = report.new_primary.as_deref().map_or_else(|| "no new primary".to_owned(), code);
    let old = report.old_primary.as_deref().map(code).unwrap_or_default();
    let _ = writeln!(out, "{old} to {new}, asked for at {}\n", report.started_at);
    out.push_str("| | |\n|---|---|\n");
    for (name, text) in numbers(report) {
        let _ = writeln!(out, "| {} | {} |", prose(&name), prose(&text));
    }
    for gate in &report.gates {
        let _ = writeln!(out, "| {} | {} |", prose(gate.name), prose(&said(gate)));
    }
    let findings = report.findings.iter().cloned();
    let unknown = report.undecided.iter().map(|text| format!("not known: {text}"));
    for text in findings.chain(unknown) {
        let _ = writeln!(out, "\n- {}", prose(&text));
    }
    out.push_str("\n| ms | what happened |\n|---:|---|\n");
    for moment in report.timeline.iter().filter(|moment| is_told(moment)) {
        let node = moment.node.as_ref().map(|node| format!("{}: ", code(node))).unwrap_or_default();
        let _ = writeln!(out, "| {} | {node}{} |", moment.at_ms, prose(&moment.detail));
    }
    out.push('\n');
    out
}

/// A case for the drill, and one for each bound.
pub fn suite(report: &Report) -> Suite {
    let seconds = report.available_after_ms.map_or(0.0, |ms| ms as f64 / 1e3);
    let told = report.findings.iter().chain(&report.undecided).cloned().collect::<Vec<_>>().join("; ");
    let outcome = match report.verdict {
        Verdict::Failed => Outcome::Failed("failed".to_owned()),
        Verdict::Undecided | Verdict::NotTested => Outcome::Skipped,
        Verdict::Passed | Verdict::Warned => Outcome::Passed,
    };
    let mut cases = vec![Case { name: "failover".to_owned(), seconds, outcome, text: told }];
    cases.extend(report.gates.iter().map(|gate| Case {
        name: format!("require {}", gate.name),
        seconds: 0.0,
        outcome: match (gate.passed, &gate.undecided) {
            (true, _) => Outcome::Passed,
            (false, None) => Outcome::Failed("failed".to_owned()),
            // What a bound asked for and could not be told counts as a failure.
            (false, Some(_)) => Outcome::Failed("undecided".to_owned()),
        },
        text: said(gate),
    }));
    Suite { name: format!("{} shard {}", report.address, report.shard), seconds, cases }
}

/// A shard that was refused after others had been drilled.
pub fn refused(address: &str, shard: &str, objection: &Objection) -> Suite {
    let text = format!("{} ({}): {}", objection.reason, objection.rule, objection.hint);
    let case = Case { name: "failover".to_owned(), seconds: 0.0, outcome: Outcome::Failed("blocked".to_owned()), text };
    Suite { name: format!("{address} shard {shard}"), seconds: 0.0, cases: vec![case] }
}

/// The same for a comment or a page.
pub fn refused_markdown(address: &str, shard: &str, objection: &Objection) -> String {
    let Objection { rule, reason, hint } = objection;
    let title = code(&format!("{address} shard {shard}"));
    format!("### Failover drill of {title}: blocked\n\n- {} (`{rule}`): {}\n", prose(reason), prose(hint))
}

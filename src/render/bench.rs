//! A benchmark's report as a table, as Markdown, and as JUnit.

use std::fmt::Write as _;

use super::junit::{self, Case, Outcome, Suite};
use super::style::{Label, paint};
use crate::bench::{Report, Verdict};
use crate::client::Latencies;

/// For a terminal.
pub fn table(report: &Report) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(&paint(Label::Strong, &report.server.endpoint));
    line(&format!("  {}", server(report)));
    line(&format!("  {}", workload(report)));
    line("");
    if let Some(capacity) = &report.capacity {
        let windows: Vec<String> = capacity.windows.iter().map(|window| grouped(*window)).collect();
        line(&format!(
            "  capacity   {} a second   closed loop, median of {}",
            grouped(capacity.ops_per_second),
            windows.join(", ")
        ));
        let cpu =
            capacity.client_cpu_micros_per_op.map(|cpu| format!("{cpu:.2} us of CPU a command, ")).unwrap_or_default();
        line(&format!("             client: {cpu}busiest thread {:.0} %", capacity.client_busy * 100.0));
    }
    if let Some(latency) = &report.latency {
        line(&format!(
            "  latency    at {} a second (achieved {})",
            grouped(latency.rate),
            grouped(latency.achieved_rate)
        ));
        line("");
        line(&paint(Label::Dim, &format!("  {:<12}{}", "ms", heads())));
        line(&format!("  {:<12}{}", "from due", percentiles(&latency.percentiles)));
        line(&format!("  {:<12}{}", "from sent", percentiles(&latency.service)));
        line(&format!("  {:<12}{}", "lag", percentiles(&latency.lag)));
        line("");
        line(&format!(
            "  longest gap {:.1} ms, {:.1} s after the start{}",
            latency.longest_gap_ms,
            latency.longest_gap_at_ms / 1e3,
            if latency.longest_gap_open { ", open at the end" } else { "" }
        ));
        if latency.stalled_ms > 0.0 {
            line(&format!(
                "  this machine stood still for {:.0} ms; without that the longest gap is {:.1} ms",
                latency.stalled_ms, latency.least_gap_ms
            ));
        }
    }
    for row in further(report) {
        line(&format!("  {row}"));
    }
    line("");
    let label = match report.verdict {
        Verdict::Passed => Label::Good,
        Verdict::Failed => Label::Error,
        Verdict::Warned | Verdict::Undecided => Label::Warn,
    };
    line(&paint(label, word(report.verdict)));
    for text in report.findings.iter().chain(&report.undecided) {
        line(&format!("  {text}"));
    }
    for text in &report.notes {
        line(&paint(Label::Dim, &format!("  note: {text}")));
    }
    if out.contains(" n/a") {
        out.push_str("  n/a: fewer than 100 samples lie beyond it (p99 takes 10,000, p99.9 takes 100,000)\n");
    }
    out
}

/// What most runs have nothing to say about, and shards.
fn further(report: &Report) -> Vec<String> {
    let mut rows = Vec::new();
    if let Some(found) = &report.find_rate {
        rows.push(match found.rate {
            Some(rate) => format!("find-rate   {} holds {}", grouped(rate), found.bound),
            None => format!("find-rate   no rate that was tried holds {}", found.bound),
        });
        for step in &found.steps {
            let measured = step.measured_ms.map_or_else(|| "n/a".to_owned(), |ms| format!("{ms:.2} ms"));
            let held = if step.holds { "holds" } else { "does not hold" };
            rows.push(format!("            {:>10}  {measured:>12}  {held}", grouped(step.rate)));
        }
    }
    if report.per_shard.len() > 1 {
        rows.push(format!(
            "{:<32}{:>6}{:>11}{:>9}{:>9}{:>8}",
            "node", "slots", "a second", "p99 ms", "gap ms", "failed"
        ));
        for shard in &report.per_shard {
            let p99 = shard.p99_ms.map_or_else(|| "n/a".to_owned(), |ms| format!("{ms:.2}"));
            rows.push(format!(
                "{:<32}{:>6}{:>11}{p99:>9}{:>9.1}{:>8}",
                shard.node,
                if shard.replica { "repl.".to_owned() } else { shard.slots.to_string() },
                grouped(shard.ops_per_second),
                shard.longest_gap_ms,
                shard.failed
            ));
        }
    }
    let redirects = report.redirects;
    if redirects.moved + redirects.asked + redirects.reconnects > 0 {
        rows.push(format!("MOVED {}, ASK {}, reconnects {}", redirects.moved, redirects.asked, redirects.reconnects));
    }
    for detail in &report.error_details {
        rows.push(format!(
            "{} {} x{} on {} in {}, from {:.1} to {:.1} s: {}",
            paint(Label::Error, "error"),
            detail.class,
            detail.count,
            detail.node,
            detail.phase,
            detail.first_ms / 1e3,
            detail.last_ms / 1e3,
            plain(&detail.example)
        ));
    }
    if let Some(delta) = &report.server_delta {
        let commands: Vec<String> = ["get", "set"]
            .iter()
            .filter_map(|name| delta.commands.get(*name).map(|found| format!("{name} {:.2} us", found.micros_per_call)))
            .collect();
        let commands = if commands.is_empty() { String::new() } else { format!("{} a call, ", commands.join(", ")) };
        rows.push(format!("server: {commands}{:.1} s of CPU, {} evicted", delta.cpu_seconds, delta.evicted_keys));
    }
    for row in report.baseline.iter().flatten() {
        let told = |value: Option<f64>| value.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.2}"));
        let change = row.ratio.map(|ratio| format!("{:+.0} %", (ratio - 1.0) * 100.0)).unwrap_or_default();
        let text = format!("{:<32}{:>14}{:>14}{change:>8}", row.name, told(row.before), told(row.now));
        rows.push(if row.worse { paint(Label::Warn, &format!("{text}  worse")) } else { text });
    }
    rows
}

fn heads() -> String {
    let heads = ["p50", "p95", "p99", "p99.9", "max"].map(|head| format!("{head:>9}"));
    format!("{}{:>12}", heads.concat(), "samples")
}

fn percentiles(found: &Latencies) -> String {
    let values = [found.p50_ms, found.p95_ms, found.p99_ms, found.p999_ms, found.max_ms];
    let values = values.map(|value| value.map_or_else(|| format!("{:>9}", "n/a"), |value| format!("{value:>9.3}")));
    format!("{}{:>12}", values.concat(), grouped(found.samples as f64))
}

fn server(report: &Report) -> String {
    let server = &report.server;
    let engine = server.engine.as_deref().unwrap_or("engine unknown");
    let mut facts = vec![
        format!("{} {}", plain(engine), plain(server.version.as_deref().unwrap_or_default())).trim_end().to_owned(),
    ];
    facts.push(if server.cluster { format!("cluster of {} shards", server.shards) } else { "one node".to_owned() });
    facts.push(if server.tls { "TLS".to_owned() } else { "no TLS".to_owned() });
    if report.host.same_machine {
        facts.push("on this machine".to_owned());
    }
    let load = report.host.load.map(|load| format!(", load {load:.1}")).unwrap_or_default();
    facts.push(format!("measured from {} processors{load}", report.host.processors));
    facts.join(", ")
}

fn workload(report: &Report) -> String {
    let asked = &report.settings;
    let fewer = if asked.keys < asked.keys_asked {
        format!(
            " (of {} asked for: {})",
            grouped(f64::from(asked.keys_asked)),
            asked.budget.as_deref().unwrap_or_default()
        )
    } else {
        String::new()
    };
    format!(
        "{} clients, pipeline {}, {} thread{}, {:.0} % GET, {} bytes, {} keys{fewer}, {}{}",
        asked.clients,
        asked.pipeline,
        asked.threads,
        if asked.threads == 1 { "" } else { "s" },
        asked.read_ratio * 100.0,
        asked.value_size,
        grouped(f64::from(asked.keys)),
        asked.distribution,
        if asked.read_from == "replica" { ", reads from replicas" } else { "" }
    )
}

pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Warned => "warned",
        Verdict::Failed => "failed",
        Verdict::Undecided => "undecided",
    }
}

/// For a comment or a page.
pub fn markdown(report: &Report) -> String {
    let mut out = format!("### cachectl bench: `{}`: {}\n\n", report.server.endpoint, word(report.verdict));
    let _ = writeln!(out, "{}; {}\n", server(report), workload(report));
    if let Some(capacity) = &report.capacity {
        let _ = writeln!(
            out,
            "Capacity: **{}** a second (closed loop, median of {}).\n",
            grouped(capacity.ops_per_second),
            capacity.windows.len()
        );
    }
    if let Some(latency) = &report.latency {
        let _ = writeln!(
            out,
            "| ms at {} a second | p50 | p95 | p99 | p99.9 | max | samples |\n|---|---:|---:|---:|---:|---:|---:|",
            grouped(latency.rate)
        );
        for (name, found) in
            [("from due", &latency.percentiles), ("from sent", &latency.service), ("lag", &latency.lag)]
        {
            let values = [found.p50_ms, found.p95_ms, found.p99_ms, found.p999_ms, found.max_ms];
            let values = values.map(|value| value.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.3}")));
            let _ = writeln!(out, "| {name} | {} | {} |", values.join(" | "), found.samples);
        }
        let _ = writeln!(out, "\nLongest gap: {:.1} ms.", latency.longest_gap_ms);
        if latency.stalled_ms > 0.0 {
            let (stalled, least) = (latency.stalled_ms, latency.least_gap_ms);
            let _ = writeln!(out, "\nThis machine stood still for {stalled:.0} ms; without that: {least:.1} ms.");
        }
    }
    for text in report.findings.iter().chain(&report.undecided) {
        let _ = writeln!(out, "\n- {}", plain(text));
    }
    for text in &report.notes {
        let _ = writeln!(out, "\n- note: {}", plain(text));
    }
    if !report.errors.is_empty() {
        let _ = writeln!(out, "\n| error | count |\n|---|---:|");
        for (class, count) in &report.errors {
            let _ = writeln!(out, "| `{}` | {count} |", plain(class));
        }
    }
    out
}

/// A case for the run, and one for each number, for who collects test results.
///
/// What is undecided is skipped, with its reason; a rate that was looked for and not found has failed.
pub fn junit(report: &Report) -> String {
    let reasons: Vec<String> =
        report.findings.iter().chain(&report.undecided).chain(&report.notes).map(|text| plain(text)).collect();
    let outcome = || match report.verdict {
        Verdict::Passed | Verdict::Warned => Outcome::Passed,
        Verdict::Failed => Outcome::Failed(word(report.verdict).to_owned()),
        Verdict::Undecided => Outcome::Skipped,
    };
    let mut cases = vec![Case {
        name: "bench".to_owned(),
        seconds: report.settings.duration_seconds,
        outcome: outcome(),
        text: reasons.join("\n"),
    }];
    let capacity = report.capacity.as_ref().map(|found| ("capacity", found.ops_per_second));
    let latency = report.latency.as_ref().map(|found| ("latency", found.achieved_rate));
    cases.extend(capacity.into_iter().chain(latency).map(|(name, rate)| Case {
        name: name.to_owned(),
        seconds: 0.0,
        outcome: outcome(),
        text: format!("{} a second", grouped(rate)),
    }));
    cases.extend(report.find_rate.as_ref().map(|found| Case {
        name: "findRate".to_owned(),
        seconds: 0.0,
        outcome: match found.rate {
            Some(_) => outcome(),
            None => Outcome::Failed(word(report.verdict).to_owned()),
        },
        text: match found.rate {
            Some(rate) => format!("{} a second holds {}", grouped(rate), found.bound),
            None => format!("no rate was found that holds {}", found.bound),
        },
    }));
    let suite = Suite { name: report.server.endpoint.clone(), seconds: report.settings.duration_seconds, cases };
    junit::document("cachectl bench", &[suite])
}

/// What a server said, without anything that a terminal or a page would take for its own.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '|' | '`') { ' ' } else { c }).take(200).collect()
}

/// `1,234,567`
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Capacity, FindRate, LatencyReport};

    fn report() -> Report {
        let mut report = Report::empty("2026-11-27T05:00:00Z".into());
        report.server.endpoint = "127.0.0.1:6379".into();
        report.capacity = Some(Capacity { ops_per_second: 123_456.0, windows: vec![123_456.0], ..Capacity::default() });
        report.latency = Some(LatencyReport { rate: 61_728.0, ..LatencyReport::default() });
        report
    }

    #[test]
    fn the_table_has_both_numbers_and_says_what_it_cannot() {
        let text = table(&report());
        assert!(text.contains("capacity   123,456 a second") && text.contains("at 61,728 a second"), "{text}");
        assert!(text.contains("n/a: fewer than 100 samples"));
    }

    #[test]
    fn junit_fails_what_failed_and_skips_what_is_undecided() {
        let mut failed = report();
        failed.verdict = Verdict::Failed;
        failed.findings = vec!["commands failed: 3 <OOM> & more".into()];
        let text = junit(&failed);
        assert!(text.contains("failures=\"3\"") && text.contains("3 &lt;OOM&gt; &amp; more"), "{text}");
        failed.verdict = Verdict::Undecided;
        assert!(junit(&failed).contains("skipped=\"3\""));
        failed.find_rate = Some(FindRate { bound: "p99=1ms".into(), rate: None, steps: Vec::new() });
        assert!(junit(&failed).contains("failures=\"1\""), "no rate was found, and that exits 5");
    }

    #[test]
    fn a_run_that_failed_before_its_first_number_has_a_failed_case() {
        let mut failed = Report::empty(String::new());
        failed.verdict = Verdict::Failed;
        failed.findings = vec!["commands failed: 500 NOPERM".into()];
        let text = junit(&failed);
        assert!(text.contains("tests=\"1\" failures=\"1\"") && text.contains("500 NOPERM"), "{text}");
    }

    #[test]
    fn what_a_server_says_cannot_draw_on_the_page() {
        assert_eq!(plain("a\u{1b}[31m|`b\n"), "a [31m  b ");
        assert_eq!(
            (grouped(999.4), grouped(1_000.0), grouped(1_234_567.0)),
            ("999".into(), "1,000".into(), "1,234,567".into())
        );
    }
}

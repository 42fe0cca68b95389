//! A smoke report as text for a terminal.

use anstyle::{AnsiColor, Style};

use super::style::{GREY, ORANGE};
use crate::smoke::{Check, Gate, Latencies, LoadReport, Report, ServerInfo, Verdict};

/// The report in at most `width` columns (80 when less is given), with ANSI styles when `styled`.
pub fn table(report: &Report, width: usize, styled: bool) -> String {
    let mut page = Page { text: String::new(), width: width.max(80), styled };
    page.head(report);
    for check in &report.checks {
        page.check(check);
    }
    page.measurements(report);
    page.gates(&report.gates);
    page.result(report);
    page.text
}

/// The numbers beside those of an earlier report.
pub fn baseline(report: &Report) -> String {
    let mut out = format!("\n{} beside the earlier report\n", report.address);
    for row in &report.baseline {
        out.push_str(&format!(
            "  {:<14}{:>12} -> {:>12}  x {:.2}\n",
            row.name,
            plain(row.before),
            plain(row.now),
            row.ratio
        ));
    }
    out
}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CAUTION: Style = ORANGE.on_default();
const QUIET: Style = GREY.on_default();
const TITLE: Style = Style::new().bold();

/// Where a check's detail begins: two of margin, four of status, two, twenty-two of name.
const DETAIL: usize = 31;

struct Page {
    text: String,
    width: usize,
    styled: bool,
}

impl Page {
    fn paint(&self, style: Style, text: &str) -> String {
        if self.styled { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn head(&mut self, report: &Report) {
        let facts = report.server.as_ref().map_or_else(Vec::new, server);
        let address = self.paint(TITLE, &report.address);
        let mut used = report.address.chars().count();
        let mut line = address;
        for fact in std::iter::once(report.endpoint.clone()).chain(facts) {
            let length = fact.chars().count();
            if used + 3 + length > self.width {
                self.line(&line);
                line = String::from("  ");
                used = 2;
            } else {
                line.push_str("   ");
                used += 3;
            }
            line.push_str(&fact);
            used += length;
        }
        self.line(&line);
    }

    fn check(&mut self, check: &Check) {
        let (word, style) = match check.status {
            Verdict::Passed => ("ok  ", GOOD),
            Verdict::Failed => ("FAIL", BAD),
            Verdict::Warned => ("warn", CAUTION),
            Verdict::Undecided => ("?   ", CAUTION),
            Verdict::NotTested => ("-   ", QUIET),
        };
        let lead = format!("  {}  {:<23}", self.paint(style, word), check.name);
        self.wrapped(&lead, DETAIL, &check.detail);
        if let Some(hint) = &check.hint {
            let lead = format!("{:8}{}", "", self.paint(QUIET, "hint: "));
            self.wrapped(&lead, 14, hint);
        }
    }

    /// `text` after `lead`, broken at spaces and continued at column `indent`.
    fn wrapped(&mut self, lead: &str, indent: usize, text: &str) {
        let room = self.width - indent;
        let mut line = lead.to_owned();
        for (index, part) in wrap(text, room).iter().enumerate() {
            if index > 0 {
                line = " ".repeat(indent);
            }
            line.push_str(part);
            self.line(&line);
        }
    }

    fn measurements(&mut self, report: &Report) {
        if report.patterns.is_empty() && report.load.is_none() {
            return;
        }
        let titles = ["p50", "p95", "p99", "p99.9", "max"].map(|title| format!("{title:>8}"));
        self.line("");
        let head = format!("  {:<15}{:>9} {:>6}{} {:>6}", "", "ops/s", "hits", titles.concat(), "errors");
        let head = self.paint(QUIET, &head);
        self.line(&head);
        for pattern in &report.patterns {
            let latencies = pattern.latencies();
            let row =
                row(pattern.pattern.as_str(), pattern.ops_per_second, pattern.hit_rate, &latencies, pattern.errors);
            self.line(&row);
        }
        if let Some(load) = &report.load {
            self.load(load);
        }
        if self.text.contains(" n/a") {
            let note = "    n/a: too few samples to state it (p95 2 000, p99 10 000, p99.9 100 000)";
            let note = self.paint(QUIET, note);
            self.line(&note);
        }
    }

    fn load(&mut self, load: &LoadReport) {
        let mix = format!("{:.0}:{:.0}", load.read_ratio * 10.0, (1.0 - load.read_ratio) * 10.0);
        let (clients, size, keys) = (load.clients, load.value_size, load.keys);
        self.line(&format!("  load {mix} read:write, {clients} clients, {keys} keys, {size} B"));
        if let Some(capacity) = &load.capacity {
            let windows: Vec<String> = capacity.windows.iter().map(|ops| count(*ops)).collect();
            let busy = capacity.client_busy * 100.0;
            let text = format!(
                "{} ops/s, closed loop ({}), client {busy:.0} % busy",
                count(capacity.ops_per_second),
                windows.join(", ")
            );
            self.wrapped("    capacity   ", 15, &text);
        }
        let text = format!("at {} ops/s on schedule, timed from when each command was due", count(load.rate));
        self.wrapped("    latency    ", 15, &text);
        for (name, part) in [("  GET", &load.get), ("  SET", &load.set)] {
            let hits = (name == "  GET").then_some(load.hit_rate).flatten();
            self.line(&row(name, part.ops_per_second, hits, &part.latencies, part.errors));
        }
        self.line(&row("  both", load.achieved_rate, None, &load.total, load.failed));
        self.line(&row("  from sending", load.achieved_rate, None, &load.service, load.failed));
        let text = format!("{} without an answer, from {} on", time(load.longest_gap_ms), time(load.gap_from_ms));
        self.wrapped("    longest    ", 15, &text);
        self.shards(load);
        if let Some(delta) = &load.server_delta {
            let calls: Vec<String> =
                delta.usec_per_call.iter().map(|(command, usec)| format!("{command} {usec:.1} us")).collect();
            let text = format!("{} a call; {} keys evicted", calls.join(", "), delta.evicted_keys);
            self.wrapped("    server     ", 15, &text);
        }
        if let Some(why) = &load.stopped {
            let lead = format!("    {}    ", self.paint(CAUTION, "stopped"));
            self.wrapped(&lead, 15, why);
        }
        if !load.client_limits.is_empty() {
            let text = format!("{}: latencies are upper bounds", load.client_limits.join(", "));
            let lead = format!("    {}     ", self.paint(CAUTION, "client"));
            self.wrapped(&lead, 15, &text);
        }
    }

    /// What differs between shards, where there are several.
    fn shards(&mut self, load: &LoadReport) {
        if load.shards.len() < 2 {
            return;
        }
        for shard in &load.shards {
            let p99 = shard.p99_ms.map_or_else(|| "n/a".to_owned(), time);
            let text = format!(
                "{}: {} answered, {} failed, p99 {p99}, longest gap {}",
                shard.node,
                count(shard.answered as f64),
                shard.failed,
                time(shard.longest_gap_ms)
            );
            self.wrapped("    shard      ", 15, &text);
        }
    }

    fn gates(&mut self, gates: &[Gate]) {
        for gate in gates {
            let (sign, unit) = match gate.name.as_str() {
                "opsPerSecond" | "hitRate" => (">=", ""),
                name if name.contains("Ms") => ("<=", " ms"),
                _ => ("<=", ""),
            };
            let measured = gate.measured.map_or_else(|| "n/a".to_owned(), |value| format!("{}{unit}", plain(value)));
            let (word, style) = match (gate.passed, &gate.undecided) {
                (true, _) => ("PASS", GOOD),
                (false, None) => ("FAIL", BAD),
                (false, Some(_)) => ("UNDECIDED", CAUTION),
            };
            let text = format!("{:<13} {measured} {sign} {}{unit}", gate.name, plain(gate.required));
            let line = format!("  gate  {text:<44}{}", self.paint(style, word));
            self.line(&line);
            if let Some(why) = &gate.undecided {
                self.wrapped("          ", 10, why);
            }
        }
    }

    fn result(&mut self, report: &Report) {
        let (word, style) = match report.verdict {
            Verdict::Passed => ("PASSED", GOOD),
            Verdict::Failed => ("FAILED", BAD),
            Verdict::Warned => ("WARNED", CAUTION),
            Verdict::Undecided => ("UNDECIDED", CAUTION),
            Verdict::NotTested => ("NOT TESTED", QUIET),
        };
        let with = |status| report.checks.iter().filter(|check| check.status == status).count();
        let mut parts = Vec::new();
        for (status, what) in [
            (Verdict::Passed, "ok"),
            (Verdict::Failed, "failed"),
            (Verdict::Undecided, "undecided"),
            (Verdict::Warned, "to look at"),
            (Verdict::NotTested, "not tested"),
        ] {
            let number = with(status);
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        }
        let mut text = if report.unreachable.is_some() {
            "not reachable from here, nothing was tested".to_owned()
        } else {
            format!("checks: {}", parts.join(", "))
        };
        let missed = report.gates.iter().filter(|gate| !gate.passed).count();
        if missed > 0 {
            text.push_str(&format!("; {missed} of {} requirements not met", report.gates.len()));
        }
        if !report.errors.is_empty() {
            let classes: Vec<String> = report.errors.iter().map(|(class, count)| format!("{class} {count}")).collect();
            text.push_str(&format!("; failed commands: {}", classes.join(", ")));
        }
        if report.leftover_keys > 0 {
            text.push_str(&format!("; {} keys left, they expire", report.leftover_keys));
        }
        let lead = format!("  {}  ", self.paint(style, word));
        self.wrapped(&lead, 4 + word.len(), &text);
    }
}

/// The server's line in the head.
fn server(server: &ServerInfo) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(engine) = &server.engine {
        facts.push(match &server.version {
            Some(version) => format!("{engine} {version}"),
            None => engine.clone(),
        });
    }
    if let Some(tls) = &server.tls {
        facts.push(tls.replace("TLSv", "TLS "));
    }
    if let Some(user) = &server.user {
        facts.push(format!("user {user}"));
    }
    let mut nodes = Vec::new();
    if server.cluster
        && let Some(shards) = server.shards
    {
        nodes.push(format!("{shards} shards"));
    }
    if let Some(count) = server.nodes {
        nodes.push(format!("{count} node{}", if count == 1 { "" } else { "s" }));
    }
    if let Some(slots) = server.slots {
        nodes.push(format!("{slots}/16384 slots"));
    }
    if !nodes.is_empty() {
        facts.push(nodes.join(", "));
    }
    facts
}

fn row(name: &str, ops: f64, hits: Option<f64>, latencies: &Latencies, errors: u64) -> String {
    let hits = hits.map_or_else(String::new, |rate| format!("{:.1}%", rate * 100.0));
    let times = [latencies.p50_ms, latencies.p95_ms, latencies.p99_ms, latencies.p999_ms, latencies.max_ms]
        .map(|ms| format!("{:>8}", ms.map_or_else(|| "n/a".to_owned(), time)));
    format!("  {name:<15}{:>9} {hits:>6}{} {errors:>6}", count(ops), times.concat())
}

/// Milliseconds in seven characters or less.
fn time(ms: f64) -> String {
    if ms >= 10_000.0 {
        format!("{:.1}s", ms / 1e3)
    } else if ms >= 100.0 {
        format!("{ms:.0}ms")
    } else if ms >= 10.0 {
        format!("{ms:.1}ms")
    } else {
        format!("{ms:.2}ms")
    }
}

/// A whole number in groups of three.
fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// A limit or a measurement, without noise after the third digit.
fn plain(value: f64) -> String {
    if value >= 100.0 {
        return count(value);
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Breaks at spaces; a word longer than a line gets one of its own.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word = word;
        loop {
            let line = lines.last_mut().map_or(0, |line| line.chars().count());
            let gap = usize::from(line > 0);
            let length = word.chars().count();
            if line + gap + length <= room {
                if let Some(line) = lines.last_mut() {
                    if gap > 0 {
                        line.push(' ');
                    }
                    line.push_str(word);
                }
                break;
            }
            if line > 0 {
                lines.push(String::new());
                continue;
            }
            // Longer than a whole line: cut it, so that nothing runs over the edge.
            let cut = word.char_indices().nth(room).map_or(word.len(), |(at, _)| at);
            let (head, tail) = word.split_at(cut);
            if let Some(line) = lines.last_mut() {
                line.push_str(head);
            }
            lines.push(String::new());
            word = tail;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::smoke::{CapacityReport, OperationReport, Pattern, PatternReport, ServerDelta, ShardReport};

    fn check(name: &str, status: Verdict, detail: &str, hint: Option<&str>) -> Check {
        Check { name: name.into(), status, detail: detail.into(), hint: hint.map(str::to_owned), seconds: 0.01 }
    }

    fn latencies() -> Latencies {
        Latencies {
            p50_ms: Some(0.61),
            p95_ms: Some(0.94),
            p99_ms: Some(1.32),
            p999_ms: None,
            max_ms: Some(12_345.6),
            samples: 61_000,
        }
    }

    fn full() -> Report {
        let part =
            OperationReport { ops: 61_204, ops_per_second: 6_120_400.4, errors: 123_456, latencies: latencies() };
        Report {
            verdict: Verdict::Undecided,
            server: Some(ServerInfo {
                engine: Some("valkey".into()),
                version: Some("8.0.1".into()),
                tls: Some("TLSv1.3".into()),
                user: Some("app".into()),
                cluster: true,
                shards: Some(3),
                nodes: Some(9),
                slots: Some(16_384),
                ..ServerInfo::default()
            }),
            checks: vec![
                check("connect", Verdict::Passed, "TCP to 10.0.1.17:6379 in 0.43 ms", None),
                check(
                    "no access without AUTH",
                    Verdict::Failed,
                    "a connection without credentials may read keys",
                    Some(
                        "set an auth token, or give the user group a `default` user without access to anything at all",
                    ),
                ),
                check("engine", Verdict::NotTested, &"x".repeat(200), None),
            ],
            patterns: vec![PatternReport {
                pattern: Pattern::WriteThrough,
                proves: Pattern::WriteThrough.proves(),
                ops: 1,
                ops_per_second: 9_504.1,
                errors: 0,
                hit_rate: Some(1.0),
                p50_ms: Some(0.3),
                p95_ms: None,
                p99_ms: None,
                p999_ms: None,
                max_ms: Some(2.0),
                samples: 100,
            }],
            load: Some(LoadReport {
                clients: 8,
                pipeline: 1,
                value_size: 512,
                read_ratio: 0.9,
                keys: 1_000,
                seconds: 4.0,
                capacity: Some(CapacityReport {
                    ops_per_second: 68_007.0,
                    windows: vec![68_007.0, 67_000.2, 70_001.0],
                    ops: 200_000,
                    client_cpu_us_per_op: Some(11.0),
                    client_busy: 0.7,
                }),
                rate: 34_003.0,
                achieved_rate: 33_990.0,
                due: 136_012,
                answered: 136_009,
                failed: 3,
                unsent: 0,
                get: part.clone(),
                set: part,
                total: latencies(),
                service: latencies(),
                longest_gap_ms: 81.0,
                least_gap_ms: 81.0,
                gap_from_ms: 2_004.0,
                lag_p50_ms: Some(0.1),
                lag_p99_ms: Some(2.5),
                stalled_ms: 0.0,
                clients_busy: 0.4,
                hit_rate: Some(1.0),
                errors: Vec::new(),
                connects: Vec::new(),
                shards: vec![shard("10.0.1.17:6379"), shard("10.0.2.17:6379")],
                lost_keys: 0,
                moved: 0,
                asked: 0,
                reconnects: 0,
                server_delta: Some(ServerDelta::default()),
                client_limits: vec!["client waited for a processor 26 % of the time".into()],
                stopped: Some("OOM".into()),
            }),
            gates: vec![Gate {
                name: "p99Ms".into(),
                required: 1.0,
                measured: Some(1.32),
                passed: false,
                undecided: Some("client waited for a processor 26 % of the time".into()),
            }],
            leftover_keys: 3,
            errors: BTreeMap::from([("timeout".to_owned(), 3)]),
            ..Report::empty(
                "replicationGroup/prod-cache",
                "master.prod-cache.abc123.use1.cache.amazonaws.com:6379".into(),
            )
        }
    }

    fn shard(node: &str) -> ShardReport {
        ShardReport {
            node: node.into(),
            slots: 8_192,
            answered: 68_000,
            failed: 0,
            unsent: 0,
            p99_ms: Some(1.0),
            longest_gap_ms: 80.0,
            gap_from_ms: 1.0,
        }
    }

    #[test]
    fn a_report_fits_eighty_columns() {
        let text = table(&full(), 80, false);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
        }
        assert_eq!(text, table(&full(), 10, false));
    }

    #[test]
    fn a_report_names_what_failed_and_what_to_do() {
        let text = table(&full(), 80, false);
        assert!(text.contains("FAIL  no access without AUTH"), "{text}");
        assert!(text.contains("hint: set an auth token"));
        assert!(text.contains("p99Ms         1.32 ms <= 1 ms"));
        assert!(text.contains("UNDECIDED"));
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("1 of 1 requirements not met; failed commands: timeout 3; 3 keys left"), "{words}");
        assert!(text.contains("TLS 1.3"));
        assert!(text.contains("12.3s") && text.contains("n/a"));
    }

    #[test]
    fn styles_are_added_only_on_request() {
        assert!(!table(&full(), 80, false).contains('\u{1b}'));
        let styled = table(&full(), 80, true);
        assert!(styled.contains("\u{1b}["));
        let stripped: String = {
            let mut out = String::new();
            let mut rest = styled.as_str();
            while let Some(at) = rest.find('\u{1b}') {
                out.push_str(&rest[..at]);
                rest = &rest[at..];
                rest = &rest[rest.find('m').unwrap() + 1..];
            }
            out + rest
        };
        assert_eq!(stripped, table(&full(), 80, false));
    }

    #[test]
    fn an_unreachable_cache_shows_the_way_to_it() {
        let mut report = full();
        report.unreachable = Some("connect timeout 3s".into());
        report.checks = vec![check("connect", Verdict::Warned, "connect timeout 3s", Some("run this in the VPC"))];
        report.patterns.clear();
        report.load = None;
        report.gates.clear();
        report.server = None;
        report.verdict = Verdict::Warned;
        let text = table(&report, 80, false);
        assert!(text.contains("warn  connect                connect timeout 3s"), "{text}");
        assert!(text.contains("WARNED  not reachable from here"));
    }

    #[test]
    fn numbers_are_grouped_and_short() {
        assert_eq!(count(1_234_567.4), "1 234 567");
        assert_eq!(count(12.0), "12");
        assert_eq!((time(0.123), time(12.34), time(1_004.0)), ("0.12ms".into(), "12.3ms".into(), "1004ms".into()));
        assert_eq!((plain(5.0), plain(0.05), plain(5_000.0)), ("5".into(), "0.05".into(), "5 000".into()));
    }
}

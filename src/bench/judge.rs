//! What the figures say, and what they cannot: findings, excuses, the verdict.

use std::time::Duration;

use super::Tally;
use super::report::{Capacity, Report, Verdict};
use super::settings::Settings;
use crate::client::Recorder;
use crate::client::engine::{self, ClientLimit, Reason};

/// Part of the time that this machine may stand still while capacity is measured.
const STALLED: f64 = 0.05;
/// Of the rate that was asked for.
const ACHIEVED: f64 = 0.98;
/// Part of the time in which connections may be in use before a command waits for one.
const CROWDED: f64 = 0.7;

/// What became of acknowledged writes. Is it the servers' fault?
fn losses(report: &mut Report) -> bool {
    let (lost, evicted) = (report.lost, report.server_delta.as_ref().map_or(0, |delta| delta.evicted_keys));
    if report.expired > 0 {
        let text = format!("{} reads missed keys that could not be renewed within their TTL", report.expired);
        report.findings.push(text);
    }
    if lost > 0 {
        let why = if evicted > 0 { format!(": the servers evicted {evicted} keys") } else { String::new() };
        report.findings.push(format!("{lost} reads did not find a key whose write was acknowledged{why}"));
    }
    lost > 0 && evicted == 0
}

pub(super) fn capacity(report: &mut Report, windows: &[engine::Report]) {
    let mut rates: Vec<f64> = windows.iter().map(engine::Report::rate).collect();
    let (answered, cpu) = windows.iter().fold((0, None::<Duration>), |(answered, cpu), window| {
        let sum = window.client.cpu.map(|more| cpu.unwrap_or_default() + more);
        (answered + window.answered, sum.or(cpu))
    });
    let mut service = Recorder::default();
    for window in windows {
        service.merge(&window.service());
    }
    let busy = windows.iter().map(|window| window.client.busiest).fold(0.0, f64::max);
    let starved = windows.iter().filter_map(|window| window.client.starved).fold(0.0, f64::max);
    let in_order = rates.clone();
    rates.sort_by(f64::total_cmp);
    report.capacity = Some(Capacity {
        ops_per_second: rates[rates.len() / 2],
        windows: in_order,
        client_cpu_micros_per_op: cpu.filter(|_| answered > 0).map(|cpu| cpu.as_secs_f64() * 1e6 / answered as f64),
        client_busy: busy,
        service: service.latencies(),
        hits: windows.iter().map(|window| window.reads.hits).sum(),
        misses: windows.iter().map(|window| window.reads.misses).sum(),
    });
    let (least, most) = (rates[0], rates[rates.len() - 1]);
    if most > least * UNEVEN {
        report.undecided.push(format!(
            "capacity: from window to window it was {:.0} to {:.0} a second: something else was going on, here or there",
            least, most
        ));
    }
    for limit in engine::of_shares(busy, Some(starved)) {
        report.undecided.push(match limit {
            ClientLimit::Busy(_) => format!("capacity: {limit}; the server may do more (--threads)"),
            _ => format!("capacity: {limit}"),
        });
    }
    let stalled: Duration = windows.iter().map(|window| window.stood_still(Duration::ZERO)).sum();
    if stalled > windows.iter().map(|window| window.took).sum::<Duration>().mul_f64(STALLED) {
        report.undecided.push(format!("capacity: {}", ClientLimit::StoodStill(stalled)));
    }
}

/// Why this machine may have made the latencies worse than they are.
pub(super) fn client_limits(found: &engine::Report, rate: Option<f64>, settings: &Settings) -> Vec<String> {
    let told = |limit: ClientLimit| match limit {
        ClientLimit::Busy(_) => format!("latency: {limit} (--threads)"),
        _ => format!("latency: {limit}"),
    };
    let mut limits: Vec<String> = found.client_limits().into_iter().map(told).collect();
    let behind = rate.is_some_and(|rate| found.rate() < ACHIEVED * rate && found.failed == 0);
    if (behind || found.unsent > 0) && found.client.connections_busy > CROWDED {
        let round_trip = found.service().raw_ms(0.5).unwrap_or(0.0).max(1e-3) / 1e3;
        let most = (settings.clients * settings.pipeline) as f64 / round_trip;
        limits.push(format!(
            "latency: {} connections allow about {most:.0} commands a second at this round trip (--clients)",
            settings.clients
        ));
    }
    limits
}

/// Windows of one capacity that differ by more than this factor measured different things.
const UNEVEN: f64 = 2.0;
/// Up to this share of commands that were lost with their connections are sporadic.
const SPORADIC: f64 = 0.1;

/// Errors that a server makes, in contrast to a connection that broke once.
fn is_drop(class: &str) -> bool {
    matches!(class, "connection dropped" | "TRYAGAIN" | "ASK" | "MOVED")
}

/// Connections that a server refused, or that could not be made. Is it the servers' fault?
fn connections(report: &mut Report, settings: &Settings, tally: &Tally) -> bool {
    let refused = |class: &str| matches!(class, "max clients" | "NOAUTH" | "WRONGPASS" | "NOPERM");
    let told: Vec<String> = tally.connects.iter().map(|(class, count)| format!("{count} {class}")).collect();
    if tally.missing > 0 {
        report.findings.push(format!(
            "{} of {} connections were missing at the end of a measurement: {}",
            tally.missing,
            settings.clients,
            if told.is_empty() { "lost".to_owned() } else { told.join(", ") }
        ));
    } else if !told.is_empty() {
        report.findings.push(format!("attempts to connect failed: {}", told.join(", ")));
    }
    tally.connects.keys().any(|class| refused(class))
}

/// No answer for longer than a command may take. Is it the servers' fault?
fn silence(report: &mut Report, settings: &Settings) -> bool {
    let Some(latency) = &report.latency else { return false };
    let (longest, least) = (latency.longest_gap_ms / 1e3, latency.least_gap_ms / 1e3);
    let limit = settings.timeout.as_secs_f64();
    if longest <= limit {
        return false;
    }
    let of = if settings.threads > 1 { " to the clients of one thread" } else { "" };
    if least > limit {
        // What this machine slept through is no part of it.
        report.findings.push(format!("no answer came{of} for {least:.1} s"));
        return true;
    }
    let stalled = longest - least;
    report
        .undecided
        .push(format!("no answer came{of} for {longest:.1} s, of which this machine stood still for {stalled:.1} s"));
    false
}

pub(super) fn verdict(report: &mut Report, settings: &Settings, tally: &Tally) {
    let failed: u64 = report.errors.iter().filter(|(class, _)| !is_drop(class)).map(|(_, count)| count).sum();
    let dropped: u64 = report.errors.iter().filter(|(class, _)| is_drop(class)).map(|(_, count)| count).sum();
    let mut is_failed = !report.findings.is_empty();
    is_failed |= losses(report);
    if failed > 0 {
        let classes: Vec<String> = report
            .errors
            .iter()
            .filter(|(class, _)| !is_drop(class))
            .map(|(class, count)| format!("{count} {class}"))
            .collect();
        report.findings.insert(0, format!("commands failed: {}", classes.join(", ")));
        is_failed = true;
    }
    is_failed |= silence(report, settings);
    if let Some(why @ Reason::Evicted(_)) = &report.stopped {
        report.findings.push(format!("stopped: {why}"));
        is_failed = true;
    } else if let Some(why) = &report.stopped {
        report.undecided.push(format!("it ended before its time: {why}"));
    }
    if report.capacity.is_none() && report.latency.is_none() {
        report.undecided.push("nothing was measured".to_owned());
    }
    if dropped > 0 {
        report.findings.push(format!("{dropped} commands were lost with their connections or sent in circles"));
        is_failed |= dropped as f64 > SPORADIC * (tally.answered + tally.failed) as f64;
    }
    if tally.answered == 0 && tally.failed > 0 {
        report.findings.push("no command was answered without an error".to_owned());
        is_failed = true;
    }
    is_failed |= connections(report, settings, tally);
    for node in &tally.restarted {
        report.findings.push(format!("{node} is another server process than before: it restarted, or was replaced"));
    }
    if let Some(latency) = &report.latency
        && latency.achieved_rate < ACHIEVED * latency.rate
        && report.findings.is_empty()
        && report.undecided.is_empty()
    {
        let (rate, achieved) = (latency.rate, latency.achieved_rate);
        let all_came = latency.unsent + latency.cut == 0 && tally.failed == 0;
        report.findings.push(if all_came {
            format!("every command was answered, but late: {achieved:.0} a second where {rate:.0} were due")
        } else {
            format!("of {rate:.0} commands a second that were due {achieved:.0} were answered")
        });
    }
    if report.left_behind > 0 {
        report.findings.push(format!(
            "{} keys could not be deleted; they expire within {} s",
            report.left_behind,
            super::TTL.as_secs()
        ));
    }
    report.verdict = if is_failed {
        Verdict::Failed
    } else if !report.undecided.is_empty() {
        Verdict::Undecided
    } else if report.findings.is_empty() {
        Verdict::Passed
    } else {
        Verdict::Warned
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::report::{LatencyReport, ServerDelta};
    use super::*;

    fn judged(change: impl FnOnce(&mut Report)) -> Report {
        of(&Tally { answered: 1_000, ..Tally::default() }, change)
    }

    fn of(tally: &Tally, change: impl FnOnce(&mut Report)) -> Report {
        let mut report = Report::empty(String::new());
        report.capacity = Some(Capacity::default());
        change(&mut report);
        verdict(&mut report, &Settings::default(), tally);
        report
    }

    #[test]
    fn most_commands_lost_with_their_connections_are_no_small_thing() {
        let dropped = |answered| {
            let tally = Tally { answered, failed: 200, ..Tally::default() };
            let report = of(&tally, |report| {
                let _ = report.errors.insert("MOVED".into(), 200);
            });
            report.verdict
        };
        assert_eq!((dropped(10_000), dropped(1_000), dropped(0)), (Verdict::Warned, Verdict::Failed, Verdict::Failed));
    }

    #[test]
    fn fewer_connections_than_were_asked_for_are_told_and_refused_ones_fail() {
        let with = |class: &str, missing| {
            let connects = BTreeMap::from([(class.to_owned(), 40)]);
            of(&Tally { answered: 1_000, connects, missing, ..Tally::default() }, |_| {})
        };
        let refused = with("max clients", 35);
        assert_eq!(refused.verdict, Verdict::Failed);
        assert!(refused.findings[0].starts_with("35 of 50 connections were missing"), "{:?}", refused.findings);
        assert_eq!(with("connection refused", 0).verdict, Verdict::Warned);
    }

    #[test]
    fn acknowledged_writes_that_are_gone_fail_unless_they_were_evicted_or_may_have_expired() {
        let lost = judged(|report| report.lost = 3);
        assert_eq!(lost.verdict, Verdict::Failed);
        let evicted = judged(|report| {
            report.lost = 3;
            report.server_delta = Some(ServerDelta { evicted_keys: 9, ..ServerDelta::default() });
        });
        assert_eq!(evicted.verdict, Verdict::Warned);
        assert!(evicted.findings[0].contains("evicted 9 keys"), "{:?}", evicted.findings);
        assert_eq!(judged(|report| report.expired = 3).verdict, Verdict::Warned);
    }

    #[test]
    fn a_rate_that_was_not_reached_is_told() {
        let slow = LatencyReport { rate: 1_000.0, achieved_rate: 900.0, ..LatencyReport::default() };
        let report = judged(|report| report.latency = Some(slow));
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Warned, 1));
        assert!(report.findings[0].starts_with("every command was answered, but late"), "{:?}", report.findings);
        let cut = LatencyReport { rate: 1_000.0, achieved_rate: 900.0, cut: 3, ..LatencyReport::default() };
        let report = judged(|report| report.latency = Some(cut));
        assert!(report.findings[0].starts_with("of 1000 commands a second"), "{:?}", report.findings);
    }

    #[test]
    fn windows_that_differ_by_far_measure_nothing() {
        let window = |answered| engine::Report { answered, took: Duration::from_secs(1), ..Default::default() };
        let judged = |rates: [u64; 3]| {
            let mut report = Report::empty(String::new());
            capacity(&mut report, &rates.map(window));
            report.undecided.len()
        };
        assert_eq!((judged([900, 1_000, 1_100]), judged([300, 1_000, 1_100])), (0, 1));
    }

    #[test]
    fn refused_commands_fail_and_dropped_connections_warn() {
        assert_eq!(judged(|_| {}).verdict, Verdict::Passed);
        let refused = judged(|report| {
            let _ = report.errors.insert("LOADING".into(), 3);
        });
        assert_eq!((refused.verdict, refused.findings[0].as_str()), (Verdict::Failed, "commands failed: 3 LOADING"));
        assert_eq!(
            judged(|report| {
                let _ = report.errors.insert("connection dropped".into(), 2);
            })
            .verdict,
            Verdict::Warned
        );
        assert_eq!(judged(|report| report.left_behind = 5).verdict, Verdict::Warned);
        let evicted = judged(|report| report.stopped = Some(Reason::Evicted("a:1".into())));
        assert_eq!((evicted.verdict, evicted.findings[0].as_str()), (Verdict::Failed, "stopped: a:1 evicted keys"));
    }

    #[test]
    fn an_excuse_of_the_client_hides_no_failure() {
        let report = judged(|report| {
            report.undecided.push("busy".into());
            report.errors.insert("timeout".into(), 1);
        });
        assert_eq!(report.verdict, Verdict::Failed);
        assert_eq!(judged(|report| report.undecided.push("busy".into())).verdict, Verdict::Undecided);
    }

    #[test]
    fn a_silence_longer_than_the_time_out_fails() {
        let silent = |least_gap_ms| {
            let latency = LatencyReport { longest_gap_ms: 3_500.0, least_gap_ms, ..Default::default() };
            judged(|report| report.latency = Some(latency))
        };
        assert_eq!(silent(3_100.0).verdict, Verdict::Failed);
        let stalled = silent(20.0);
        assert_eq!((stalled.verdict, stalled.findings.len()), (Verdict::Undecided, 0));
        assert!(stalled.undecided[0].contains("this machine stood still for 3.5 s"), "{:?}", stalled.undecided);
    }

    #[test]
    fn a_run_that_ended_before_its_time_says_no_more_than_what_failed() {
        let interrupted = judged(|report| report.stopped = Some(Reason::Interrupted));
        assert_eq!(interrupted.verdict, Verdict::Undecided);
        assert_eq!(interrupted.undecided, ["it ended before its time: interrupted"]);
        let failed = judged(|report| {
            report.stopped = Some(Reason::Interrupted);
            report.lost = 1;
        });
        assert_eq!(failed.verdict, Verdict::Failed);
    }

    #[test]
    fn a_client_that_is_the_limit_says_so() {
        let mut found =
            engine::Report { took: Duration::from_secs(1), answered: 500, unsent: 400, ..Default::default() };
        found.client.connections_busy = 0.99;
        for _ in 0..500 {
            found.reads.latency.record(Duration::from_millis(300));
            found.reads.service.record(Duration::from_millis(20));
        }
        let settings = Settings { clients: 10, ..Settings::default() };
        let limits = client_limits(&found, Some(1_000.0), &settings);
        assert!(limits[0].contains("10 connections allow about 5"), "{limits:?}");
        found.client = engine::ClientUse { busiest: 0.9, starved: Some(0.2), ..Default::default() };
        assert_eq!(client_limits(&found, Some(1_000.0), &settings).len(), 2);
        for _ in 0..100 {
            found.lag.record(Duration::from_millis(50));
        }
        assert_eq!(client_limits(&found, Some(1_000.0), &settings).len(), 3);
    }
}

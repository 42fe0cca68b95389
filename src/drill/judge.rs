//! The verdict of a drill: what must hold whoever asks, and the bounds of `drill.require`.

use std::time::Duration;

use super::count::Count;
use super::course::{Course, milliseconds};
use super::probe::{Behaviour, Seen};
use super::report::{Gate, Report};
use super::trace::{Gap, Trace};
use crate::smoke::Verdict;

/// `drill.require`; what is not declared is not judged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Require {
    pub max_write_gap: Option<Duration>,
    pub max_read_gap: Option<Duration>,
    pub max_lost_writes: Option<u64>,
    pub max_restore: Option<Duration>,
}

/// A length of time as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Length {
    /// As it was seen, which is never less than it was.
    most: Duration,
    /// Without what may have been this machine's own standstill.
    least: Duration,
    /// It had not ended.
    open: bool,
}

/// Judges, and writes down why.
pub(super) fn judge(course: &Course, report: &mut Report) {
    report.gates = gates(course);
    let mut failed = must_hold(course);
    let failed_gates = report.gates.iter().filter(|gate| !gate.passed && gate.undecided.is_none());
    failed.extend(failed_gates.map(|gate| format!("{} is missed", gate.name)));
    let warned = deserves_a_look(course);
    report.undecided.extend(unknown(course));
    report
        .undecided
        .extend(report.gates.iter().filter_map(|gate| Some(format!("{}: {}", gate.name, gate.undecided.as_deref()?))));
    report.verdict = if !failed.is_empty() {
        Verdict::Failed
    } else if course.interrupted || !report.undecided.is_empty() {
        Verdict::Undecided
    } else if !warned.is_empty() {
        Verdict::Warned
    } else {
        Verdict::Passed
    };
    report.findings = failed.into_iter().chain(warned).collect();
}

/// What no failover may leave behind. Nothing of it is judged where somebody ended the drill before its time.
fn must_hold(course: &Course) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(lost) = course.count.lost.as_ref().filter(|lost| !lost.waited.is_empty()) {
        let count = lost.waited.len();
        found.push(format!("{count} writes that a replica had confirmed (WAIT) are lost"));
    }
    if course.interrupted {
        return found;
    }
    let seen = &course.seen;
    match (course.new_primary(), course.primaries().len()) {
        (Some(_), _) => {}
        (None, 0) => found.push("there is no primary at the end".to_owned()),
        (None, 1) => found.push(format!("{} is still the primary: nothing failed over", course.old_primary)),
        (None, count) => found.push(format!("{count} nodes say at the end that they are the primary")),
    }
    if course.restored.is_none() {
        let patience = course.patience.as_secs_f64();
        found.push(format!("it is not restored after {patience:.0} s"));
    }
    for (name, trace) in [("writes", &seen.writer), ("reads", &seen.reader)] {
        if !trace.is_well(seen.ended, WELL_WITHIN) && !is_blind(trace, seen) {
            found.push(format!("{name} do not get through at the end"));
        }
    }
    let smart = seen.clients.iter().find(|(behaviour, _)| *behaviour == Behaviour::ReResolves);
    if smart.is_some_and(|(_, trace)| !trace.is_well(seen.ended, WELL_WITHIN) && !is_blind(trace, seen)) {
        found.push("a client that re-resolves has not recovered".to_owned());
    }
    found
}

/// Could it not log in, by no fault of the cache?
fn is_blind(trace: &Trace, seen: &Seen) -> bool {
    trace.without_login(Duration::ZERO, seen.ended) > 0
}

const BLIND: &str = "the token to log in with had ended, and no new one could be signed";

/// A client is well that was answered within the last so long.
pub(super) const WELL_WITHIN: Duration = Duration::from_secs(1);

fn deserves_a_look(course: &Course) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(lost) = course.count.lost.as_ref().filter(|lost| !lost.plain.is_empty()) {
        let count = lost.plain.len();
        found.push(format!("{count} acknowledged writes are lost: replication does not wait; WAIT narrows that down"));
    }
    let caching = course.seen.clients.iter().find(|(behaviour, _)| *behaviour == Behaviour::CachesDns60s);
    if !course.interrupted && caching.is_some_and(|(_, trace)| !trace.is_well(course.seen.ended, WELL_WITHIN)) {
        found.push("a client that keeps an address for 60 s has not recovered".to_owned());
    }
    if course.count.left > 0 {
        found.push(format!(
            "{} keys of the drill may be left; they expire automatically within 5 minutes",
            course.count.left
        ));
    }
    found
}

fn unknown(course: &Course) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    if let Some(why) = &course.count.unknown {
        found.push(format!("how many writes are lost: {why}"));
    }
    let seen = &course.seen;
    let clients = seen.clients.iter().map(|(_, trace)| trace);
    if clients.chain([&seen.writer, &seen.waiter, &seen.reader]).any(|trace| is_blind(trace, seen)) {
        found.push(format!("what clients met to the end: {BLIND}"));
    }
    if course.interrupted {
        found.push(INTERRUPTED.to_owned());
    }
    found
}

fn gates(course: &Course) -> Vec<Gate> {
    let (require, seen) = (&course.require, &course.seen);
    let mut gates = since(require, seen, &course.count, course.called);
    if let Some(bound) = require.max_restore {
        let restored = course.restored.map(|at| at.saturating_sub(course.called));
        let most = restored.unwrap_or_else(|| seen.ended.saturating_sub(course.called));
        gates.push(of_length(MAX_RESTORE, bound, Some(Length { most, least: most, open: restored.is_none() })));
    }
    // What would have come is not known.
    for gate in gates.iter_mut().filter(|gate| course.interrupted && gate.passed) {
        gate.passed = false;
        gate.undecided = Some(INTERRUPTED.to_owned());
    }
    gates
}

const MAX_RESTORE: &str = "maxRestore";
const INTERRUPTED: &str = "the drill was interrupted before its end";

/// The bounds on what clients met, from their beginning to their end.
pub fn bounds(require: &Require, seen: &Seen, count: &Count) -> Vec<Gate> {
    since(require, seen, count, Duration::ZERO)
}

/// The same where nobody could look.
pub fn unseen_bounds(require: &Require, why: &str) -> Vec<Gate> {
    let count = Count { unknown: Some(why.to_owned()), ..Count::default() };
    let unseen = |gate: Gate| Gate { undecided: Some(why.to_owned()), ..gate };
    bounds(require, &Seen::default(), &count).into_iter().map(unseen).collect()
}

fn since(require: &Require, seen: &Seen, count: &Count, from: Duration) -> Vec<Gate> {
    let gap = |trace: &Trace| trace.longest_gap(from, seen.ended).map(|gap| length(gap, &seen.stalls));
    let mut gates = Vec::new();
    if let Some(bound) = require.max_write_gap {
        gates.push(unless_blind(of_length("maxWriteGap", bound, gap(&seen.writer)), &seen.writer, seen));
    }
    if let Some(bound) = require.max_read_gap {
        gates.push(unless_blind(of_length("maxReadGap", bound, gap(&seen.reader)), &seen.reader, seen));
    }
    if let Some(bound) = require.max_lost_writes {
        let lost = count.lost.as_ref().map(|lost| (lost.plain.len() + lost.waited.len()) as u64);
        gates.push(Gate {
            name: "maxLostWrites",
            required: bound as f64,
            measured: lost.map(|lost| lost as f64),
            passed: lost.is_some_and(|lost| lost <= bound),
            undecided: lost.is_none().then(|| count.unknown.clone().unwrap_or_default()),
        });
    }
    gates
}

/// What a client that could not log in did not see is not known.
fn unless_blind(gate: Gate, trace: &Trace, seen: &Seen) -> Gate {
    if is_blind(trace, seen) { Gate { passed: false, undecided: Some(BLIND.to_owned()), ..gate } } else { gate }
}

/// How much of a time this machine stood still.
pub(super) fn within(stalls: &[Gap], from: Duration, until: Duration) -> Duration {
    stalls.iter().map(|stall| stall.until.min(until).saturating_sub(stall.from.max(from))).sum()
}

/// The stalls of this machine within a gap may have made it longer.
fn length(gap: Gap, stalls: &[Gap]) -> Length {
    // The threads of one machine stall together; what overlaps a gap at its end or beginning is all that counts.
    let stalled = within(stalls, gap.from, gap.until);
    // The last pause before the end is one of many, and no silence that anybody waits for.
    let open = gap.open && gap.length() > WELL_WITHIN;
    Length { most: gap.length(), least: gap.length().saturating_sub(stalled), open }
}

fn of_length(name: &'static str, bound: Duration, length: Option<Length>) -> Gate {
    let (passed, undecided) = match length {
        None => (false, Some("nothing was ever answered".to_owned())),
        // What has lasted for too long by now has failed, whenever it ends.
        Some(length) if length.least > bound => (false, None),
        Some(length) if length.open => (false, Some("it had not ended".to_owned())),
        Some(length) if length.most <= bound => (true, None),
        Some(length) => {
            let stalled = milliseconds(length.most - length.least);
            (false, Some(format!("this machine stood still for {stalled:.0} ms of it")))
        }
    };
    let measured = length.map(|length| milliseconds(length.most));
    Gate { name, required: milliseconds(bound), measured, passed, undecided }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    fn gap(from: u64, until: u64) -> Gap {
        Gap { from: ms(from), until: ms(until), open: false }
    }

    #[test]
    fn a_gap_within_its_bound_passes_and_a_longer_one_fails() {
        let gate = |until| of_length("maxWriteGap", ms(1_000), Some(length(gap(0, until), &[])));
        assert!(gate(1_000).passed);
        let failed = gate(1_001);
        assert!(!failed.passed && failed.undecided.is_none());
        assert_eq!((failed.required, failed.measured), (1_000.0, Some(1_001.0)));
    }

    #[test]
    fn a_standstill_of_this_machine_makes_a_gap_undecided_and_never_good() {
        let gate = |stalls: &[Gap]| of_length("maxWriteGap", ms(1_000), Some(length(gap(0, 1_200), stalls)));
        assert!(gate(&[gap(100, 400)]).undecided.is_some_and(|why| why.contains("300 ms")));
        assert!(gate(&[gap(100, 200)]).undecided.is_none(), "1,100 ms are too long without it");
        assert!(gate(&[gap(5_000, 9_000)]).undecided.is_none(), "that was another time");
        assert!(!gate(&[gap(100, 400)]).passed);
    }

    #[test]
    fn a_bound_on_what_clients_without_a_token_met_is_undecided() {
        let mut seen = Seen { ended: ms(9_000), ..Seen::default() };
        seen.writer.answered(ms(10));
        let require = Require { max_write_gap: Some(ms(1_000)), ..Require::default() };
        let gate = |seen: &Seen| bounds(&require, seen, &Count::default()).remove(0);
        assert!(gate(&seen).undecided.is_none(), "nine seconds of silence");
        seen.writer.never_sent(ms(900), crate::client::line::TOKEN_ENDED, "");
        assert!(gate(&seen).undecided.is_some_and(|why| why.contains("token")));
    }

    #[test]
    fn what_has_not_ended_is_no_success() {
        let open = |most: u64| Some(Length { most: ms(most), least: ms(most), open: true });
        assert!(of_length("maxRestore", ms(1_000), open(500)).undecided.is_some());
        let failed = of_length("maxRestore", ms(1_000), open(2_000));
        assert!(!failed.passed && failed.undecided.is_none());
        assert!(of_length("maxReadGap", ms(1_000), None).undecided.is_some());
    }
}

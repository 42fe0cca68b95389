//! What the clients of a cache noticed while one step of an apply was carried out.

use std::time::Duration;

use serde::Serialize;

use super::count::Count;
use super::course::milliseconds;
use super::probe::Seen;
use super::trace::{Gap, Trace};
use crate::model::attribute::Impact;

/// One step, foretold and seen; of several shards the worst, and the sums.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Passage {
    pub step: usize,
    pub address: String,
    pub operation: String,
    /// `null` where the plan says nothing of it.
    pub foretold: Option<Impact>,
    #[serde(flatten)]
    pub noticed: Noticed,
}

/// What the clients of a cache noticed in a time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Noticed {
    pub longest_write_gap_ms: Option<f64>,
    pub longest_read_gap_ms: Option<f64>,
    pub errors: u64,
    /// Writes that were acknowledged in this time and are not there afterwards; `null` where that could not be told.
    pub lost_writes: Option<u64>,
    /// How long this machine stood still in this time; no answer is seen then.
    pub stalled_ms: f64,
}

impl Noticed {
    fn new(parts: &[Part<'_>], lost_writes: Option<u64>) -> Self {
        Self {
            longest_write_gap_ms: longest(parts, |seen| &seen.writer),
            longest_read_gap_ms: longest(parts, |seen| &seen.reader),
            errors: parts.iter().map(Part::errors).sum(),
            lost_writes,
            stalled_ms: stalled(parts),
        }
    }
}

/// What the clients of one shard saw, and from when to when the step was carried out.
pub struct Part<'a> {
    pub from: Duration,
    pub until: Duration,
    pub seen: &'a Seen,
    pub count: &'a Count,
}

impl Part<'_> {
    /// The longest silence that touches the step; one that had not ended with it goes on to its own end.
    fn longest_gap(&self, trace: &Trace) -> Option<Gap> {
        let gap = trace.longest_gap(self.from, self.until)?;
        let gap = if gap.open { Gap { until: self.seen.ended.max(gap.until), ..gap } } else { gap };
        // Who could not log in does not know whether it would have been answered.
        (trace.without_login(gap.from, self.until.max(gap.until)) == 0).then_some(gap)
    }

    /// Of writers and readers, to the end of a silence that had not ended with the step.
    fn errors(&self) -> u64 {
        let of = |trace: &Trace| {
            let open_until = self.longest_gap(trace).filter(|gap| gap.until > self.until).map(|gap| gap.until);
            let until = open_until.unwrap_or(self.until);
            trace.failures_within(self.from, until) - trace.without_login(self.from, until)
        };
        of(&self.seen.writer) + of(&self.seen.reader)
    }
}

/// All of an apply, from before its first step to after its last: also what was lost between two of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Whole {
    pub address: String,
    #[serde(flatten)]
    pub noticed: Noticed,
}

impl Whole {
    /// Of all shards of a cache.
    pub fn new(address: &str, shards: &[(&Seen, &Count)]) -> Self {
        let lost = |count: &Count| count.lost.as_ref().map(|lost| (lost.plain.len() + lost.waited.len()) as u64);
        let parts: Vec<Part<'_>> =
            shards.iter().map(|(seen, count)| Part { from: Duration::ZERO, until: seen.ended, seen, count }).collect();
        Self {
            address: address.to_owned(),
            noticed: Noticed::new(&parts, shards.iter().map(|(_, count)| lost(count)).sum()),
        }
    }
}

fn longest(parts: &[Part<'_>], trace: fn(&Seen) -> &Trace) -> Option<f64> {
    if parts.iter().any(|part| trace(part.seen).without_login(part.from, part.until) > 0) {
        return None;
    }
    let gaps = parts.iter().filter_map(|part| part.longest_gap(trace(part.seen)));
    gaps.map(|gap| gap.length()).max().map(milliseconds)
}

/// All shards are watched from one machine, and each of their clients sees the same standstills, or nearly.
fn stalled(parts: &[Part<'_>]) -> f64 {
    let stalled = parts.iter().map(|part| part.seen.stood_still(part.from, part.until)).max();
    milliseconds(stalled.unwrap_or_default())
}

impl Passage {
    /// Of a step; silences that begin or end within it count in their whole length.
    pub fn new(step: usize, address: &str, operation: &str, foretold: Option<Impact>, parts: &[Part<'_>]) -> Self {
        let lost = |part: &Part<'_>| {
            let lost = part.count.lost.as_ref()?;
            let within = lost.plain.iter().chain(&lost.waited).filter(|ack| (part.from..part.until).contains(&ack.at));
            Some(within.count() as u64)
        };
        Self {
            step,
            address: address.to_owned(),
            operation: operation.to_owned(),
            foretold,
            noticed: Noticed::new(parts, parts.iter().map(lost).sum()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::count::Lost;
    use super::super::log::Ack;
    use super::*;
    use crate::client::line::TOKEN_ENDED;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    fn seen(answers: &[u64]) -> Seen {
        let mut writer = Trace::default();
        answers.iter().for_each(|at| writer.answered(ms(*at)));
        writer.failed(ms(500), "READONLY", "");
        Seen { ended: ms(2_000), reader: writer.clone(), writer, ..Seen::default() }
    }

    #[test]
    fn each_step_has_its_own_gap_errors_and_losses() {
        let seen = seen(&[0, 20, 40, 640, 660, 1_000, 1_020, 1_990]);
        let ack = |at| Ack { number: 0, at: ms(at), run: None, by_waiter: false, waited: false };
        let lost = Lost { plain: vec![ack(30), ack(1_010)], waited: Vec::new() };
        let count = Count { lost: Some(lost), ..Count::default() };
        let part = |from, until| Part { from: ms(from), until: ms(until), seen: &seen, count: &count };
        let first = Passage::new(1, "a", "ModifyReplicationGroup", Some(Impact::Brief), &[part(10, 700)]);
        assert_eq!(
            (first.noticed.longest_write_gap_ms, first.noticed.errors, first.noticed.lost_writes),
            (Some(600.0), 2, Some(1))
        );
        let second = Passage::new(2, "a", "ModifyReplicationGroup", None, &[part(700, 1_015)]);
        assert_eq!(
            (second.noticed.longest_write_gap_ms, second.noticed.errors, second.noticed.lost_writes),
            (Some(340.0), 0, Some(1))
        );
    }

    #[test]
    fn what_one_shard_cannot_tell_is_not_told_for_all() {
        let (seen, known) = (seen(&[0, 10]), Count { lost: Some(Lost::default()), ..Count::default() });
        let unknown = Count::default();
        let part = |count| Part { from: ms(0), until: ms(10), seen: &seen, count };
        let passage = |parts: &[Part<'_>]| Passage::new(1, "a", "", None, parts).noticed.lost_writes;
        assert_eq!(passage(&[part(&known), part(&known)]), Some(0));
        assert_eq!(passage(&[part(&known), part(&unknown)]), None);
    }

    #[test]
    fn what_clients_without_a_token_did_not_see_is_not_known_and_no_error() {
        let mut seen = seen(&[0, 20, 40, 640]);
        seen.writer.never_sent(ms(800), TOKEN_ENDED, "");
        let count = Count { lost: Some(Lost::default()), ..Count::default() };
        let whole = Whole::new("a", &[(&seen, &count)]);
        assert_eq!((whole.noticed.longest_write_gap_ms, whole.noticed.errors), (None, 2));
        assert!(whole.noticed.longest_read_gap_ms.is_some());
    }

    #[test]
    fn a_standstill_of_this_machine_is_told_beside_what_it_may_have_done() {
        let stalls = vec![Gap { from: ms(100), until: ms(400), open: false }];
        let seen = Seen { stalls, ..seen(&[0, 40, 640, 1_000]) };
        let count = Count::default();
        let step = |from, until| {
            let part = Part { from: ms(from), until: ms(until), seen: &seen, count: &count };
            Passage::new(1, "a", "", None, &[part]).noticed.stalled_ms
        };
        assert_eq!((step(0, 300), step(500, 1_000)), (200.0, 0.0));
    }

    #[test]
    fn what_is_lost_between_two_steps_is_lost_by_the_apply() {
        let seen = seen(&[0, 20, 40, 640, 660, 1_000, 1_020, 1_990]);
        let ack = |at| Ack { number: 0, at: ms(at), run: None, by_waiter: false, waited: false };
        let lost = Lost { plain: vec![ack(650), ack(1_995)], waited: Vec::new() };
        let count = Count { lost: Some(lost), ..Count::default() };
        let step = |from, until| {
            let part = Part { from: ms(from), until: ms(until), seen: &seen, count: &count };
            Passage::new(1, "a", "", None, &[part]).noticed.lost_writes
        };
        assert_eq!((step(0, 600), step(700, 1_500)), (Some(0), Some(0)));
        let whole = Whole::new("a", &[(&seen, &count)]);
        assert_eq!(
            (whole.noticed.longest_write_gap_ms, whole.noticed.errors, whole.noticed.lost_writes),
            (Some(970.0), 2, Some(2))
        );
        assert_eq!(Whole::new("a", &[(&seen, &count), (&seen, &Count::default())]).noticed.lost_writes, None);
    }
}

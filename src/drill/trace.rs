//! What one probe saw over time, and the silences in it. Times are from when the probes began.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::line::TOKEN_ENDED;

/// Answers and errors of one probe.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// When something was answered as it should be.
    answers: Vec<Duration>,
    mishaps: Vec<Mishap>,
    /// How many of those never came to send anything, for want of a connection.
    unsent: u64,
    /// When an answer said that the key is not there.
    missed: Vec<Duration>,
    /// Each class once, with the first of it in full.
    classes: Vec<(String, String)>,
}

/// An attempt that failed.
#[derive(Clone, Copy, Debug)]
struct Mishap {
    at: Duration,
    class: usize,
}

/// A time without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub from: Duration,
    pub until: Duration,
    /// It had not ended when the probe did.
    pub open: bool,
}

impl Gap {
    pub fn length(&self) -> Duration {
        self.until.saturating_sub(self.from)
    }
}

/// Errors of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    pub class: String,
    /// The first in full.
    pub example: String,
    pub count: u64,
    pub first: Duration,
    pub last: Duration,
}

impl Trace {
    pub fn answered(&mut self, at: Duration) {
        // Lanes of one probe come in nearly the order of their clocks.
        let place = self.answers.iter().rposition(|earlier| *earlier <= at).map_or(0, |place| place + 1);
        self.answers.insert(place, at);
    }

    /// An attempt failed before anything was sent.
    pub fn never_sent(&mut self, at: Duration, class: &str, detail: &str) {
        self.unsent += 1;
        self.failed(at, class, detail);
    }

    /// What was sent was refused, or not answered.
    pub fn failed(&mut self, at: Duration, class: &str, detail: &str) {
        let known = self.classes.iter().position(|(known, _)| known == class);
        let class = known.unwrap_or_else(|| {
            self.classes.push((class.to_owned(), detail.to_owned()));
            self.classes.len() - 1
        });
        self.mishaps.push(Mishap { at, class });
    }

    /// An answer said that there is no such key.
    pub fn missed(&mut self, at: Duration) {
        self.missed.push(at);
    }

    /// How many answers since then said that there is no such key, and when the first did.
    pub fn misses(&self, from: Duration) -> (u64, Option<Duration>) {
        let late = self.missed.iter().copied().filter(|at| *at >= from);
        (late.clone().count() as u64, late.min())
    }

    /// Attempts that were answered in this time.
    pub fn answered_within(&self, from: Duration, until: Duration) -> usize {
        let before = |limit: Duration| self.answers.partition_point(|at| *at < limit);
        before(until).saturating_sub(before(from))
    }

    /// Attempts that failed after they were sent.
    pub fn failures_sent(&self) -> u64 {
        self.mishaps.len() as u64 - self.unsent
    }

    pub fn failures_within(&self, from: Duration, until: Duration) -> u64 {
        self.mishaps.iter().filter(|mishap| (from..until).contains(&mishap.at)).count() as u64
    }

    pub fn last_failure(&self) -> Option<Duration> {
        self.mishaps.iter().map(|mishap| mishap.at).max()
    }

    /// Attempts of this time that were none, since there was no token to log in with: they say nothing of the cache.
    pub fn without_login(&self, from: Duration, until: Duration) -> u64 {
        let ended = self.classes.iter().position(|(class, _)| class == TOKEN_ENDED);
        let within = self.mishaps.iter().filter(|mishap| (from..until).contains(&mishap.at));
        within.filter(|mishap| Some(mishap.class) == ended).count() as u64
    }

    /// By class, in the order of their first.
    pub fn errors(&self) -> Vec<Errors> {
        let mut found: BTreeMap<usize, Errors> = BTreeMap::new();
        for mishap in &self.mishaps {
            let (class, example) = &self.classes[mishap.class];
            let row = found.entry(mishap.class).or_insert_with(|| Errors {
                class: class.clone(),
                example: example.clone(),
                count: 0,
                first: mishap.at,
                last: mishap.at,
            });
            row.count += 1;
            row.first = row.first.min(mishap.at);
            row.last = row.last.max(mishap.at);
        }
        let mut found: Vec<Errors> = found.into_values().collect();
        found.sort_by_key(|row| row.first);
        found
    }

    /// The longest silence that touches this time, in its whole length; a silence at the end is open, and counts up to
    /// `until`. `None` where nothing was ever answered before `until`: then nobody knows when the silence began.
    pub fn longest_gap(&self, from: Duration, until: Duration) -> Option<Gap> {
        let known = &self.answers[..self.answers.partition_point(|at| *at <= until)];
        let last = *known.last()?;
        // What came after the window ends a silence that began within.
        let next = self.answers.get(known.len()).copied();
        let ending = Gap { from: last, until: next.unwrap_or(until), open: next.is_none() };
        let between = known.windows(2).map(|pair| Gap { from: pair[0], until: pair[1], open: false });
        between.chain([ending]).filter(|gap| gap.until >= from).max_by_key(Gap::length)
    }

    /// Did it answer again after its last failure, and go on to answer until the end?
    pub fn is_well(&self, until: Duration, patience: Duration) -> bool {
        let last = self.answers.last().copied();
        last.is_some_and(|last| self.last_failure().is_none_or(|failure| failure < last) && last + patience >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    fn trace(answers: &[u64]) -> Trace {
        let mut trace = Trace::default();
        answers.iter().for_each(|at| trace.answered(ms(*at)));
        trace
    }

    #[test]
    fn the_longest_silence_runs_from_one_answer_to_the_next() {
        let gap = trace(&[0, 10, 20, 900, 910]).longest_gap(ms(0), ms(915)).unwrap();
        assert_eq!(gap, Gap { from: ms(20), until: ms(900), open: false });
        assert_eq!(gap.length(), ms(880));
    }

    #[test]
    fn a_silence_at_the_end_is_open_and_counts_up_to_it() {
        let gap = trace(&[0, 10]).longest_gap(ms(0), ms(5_000)).unwrap();
        assert_eq!(gap, Gap { from: ms(10), until: ms(5_000), open: true });
        assert_eq!(trace(&[]).longest_gap(ms(0), ms(5_000)), None);
    }

    #[test]
    fn a_window_has_the_silences_that_touch_it_in_their_whole_length() {
        let trace = trace(&[0, 10, 510, 520, 530, 2_530]);
        assert_eq!(trace.longest_gap(ms(100), ms(200)).map(|gap| gap.length()), Some(ms(500)));
        assert_eq!(trace.longest_gap(ms(511), ms(525)).map(|gap| gap.length()), Some(ms(10)));
        assert_eq!(trace.longest_gap(ms(511), ms(600)).map(|gap| gap.length()), Some(ms(2_000)));
    }

    #[test]
    fn answers_of_several_lanes_are_put_in_order() {
        let trace = trace(&[10, 5, 20, 15]);
        assert_eq!(trace.answered_within(ms(5), ms(15)), 2);
        assert_eq!(trace.longest_gap(ms(0), ms(20)).map(|gap| gap.length()), Some(ms(5)));
    }

    #[test]
    fn what_never_left_for_want_of_a_connection_was_not_sent() {
        let mut trace = trace(&[0]);
        trace.never_sent(ms(10), "connection refused", "");
        trace.failed(ms(20), "timeout", "");
        assert_eq!((trace.failures_sent(), trace.failures_within(ms(0), ms(30))), (1, 2));
    }

    #[test]
    fn who_failed_last_or_fell_silent_is_not_well() {
        let mut trace = trace(&[0, 10, 500]);
        trace.failed(ms(300), "READONLY", "READONLY You can't write against a read only replica.");
        trace.failed(ms(310), "READONLY", "another");
        assert!(trace.is_well(ms(600), ms(200)));
        assert!(!trace.is_well(ms(900), ms(200)), "silent for too long");
        trace.failed(ms(550), "timeout", "");
        assert!(!trace.is_well(ms(600), ms(200)), "the last attempt failed");
        let errors = trace.errors();
        assert_eq!((errors[0].class.as_str(), errors[0].count, errors[0].last), ("READONLY", 2, ms(310)));
        assert!(errors[0].example.contains("read only replica"));
    }
}

//! Times in which this machine kept an event loop from running: no answer is taken in them, whoever was to give it.

use super::meter::Nanos;

/// A loop looks at its clock this often, or it stood still: its longest wait is 10 ms.
const LATE: Nanos = 15_000_000;

/// The standstills of one event loop in one phase.
///
/// They are seen by the looks at the clock that the loop makes anyway: between two of them it works or waits, and
/// where that took too long, it was stopped, or others had its processor, or it had too much to do at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Stalls {
    times: Vec<(Nanos, Nanos)>,
    looked: Nanos,
}

impl Stalls {
    /// Begins with a look at the clock.
    pub(super) fn beginning(now: Nanos) -> Self {
        Self { times: Vec::new(), looked: now }
    }

    /// Notes a look at the clock after work.
    pub(super) fn worked(&mut self, now: Nanos) {
        self.look(now, 0);
    }

    /// Notes a look at the clock after a wait that was to be no longer than `longest`.
    pub(super) fn waited(&mut self, now: Nanos, longest: Nanos) {
        self.look(now, longest);
    }

    fn look(&mut self, now: Nanos, allowed: Nanos) {
        let before = std::mem::replace(&mut self.looked, now);
        if now.saturating_sub(before) > LATE {
            self.times.push((before + allowed.min(LATE), now));
        }
    }

    /// How much of this time the loop stood still.
    pub(super) fn within(&self, from: Nanos, until: Nanos) -> Nanos {
        let late = self.times.iter().rev().take_while(|(_, end)| *end > from);
        late.map(|(begin, end)| (*end).min(until).saturating_sub((*begin).max(from))).sum()
    }

    /// Each standstill from `start` on, from when to when.
    pub(super) fn since(&self, start: Nanos) -> impl Iterator<Item = (Nanos, Nanos)> {
        self.times.iter().filter(move |(_, end)| *end > start).map(move |(begin, end)| ((*begin).max(start), *end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Nanos = 1_000_000;

    #[test]
    fn work_and_waits_as_long_as_they_should_be_are_no_standstill() {
        let mut stalls = Stalls::beginning(0);
        for turn in 1..100 {
            stalls.waited(turn * 12 * MS, 10 * MS);
            stalls.worked(turn * 12 * MS + MS);
        }
        assert_eq!(stalls.since(0).count(), 0);
    }

    #[test]
    fn a_standstill_counts_from_when_the_loop_should_have_gone_on() {
        let mut stalls = Stalls::beginning(100 * MS);
        stalls.waited(2_100 * MS, 10 * MS);
        stalls.worked(2_101 * MS);
        stalls.worked(2_201 * MS);
        assert_eq!(stalls.since(0).collect::<Vec<_>>(), [(110 * MS, 2_100 * MS), (2_101 * MS, 2_201 * MS)]);
        assert_eq!(stalls.within(0, 1_110 * MS), 1_000 * MS);
        assert_eq!(stalls.within(2_000 * MS, 2_151 * MS), 150 * MS);
        assert_eq!(stalls.within(2_201 * MS, 9_000 * MS), 0);
    }
}

//! Commands of a schedule that no backlog has room for any more: they are counted by the stretch, not one by one.

use super::meter::Nanos;
use crate::client::latency::Recorder;

/// Commands that were due at even distances and were never sent.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: Nanos,
    last: Nanos,
    count: u64,
}

/// What did not fit, in the order of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Overflow(Vec<Stretch>);

/// Stretches shorter than this are told as one.
const SHORT: Nanos = 10_000_000;
/// The waits of a stretch are a ramp, which is recorded in so many steps.
const STEPS: u64 = 64;

impl Overflow {
    /// Counts commands that were due from `first` to `last`.
    pub(super) fn add(&mut self, first: Nanos, last: Nanos, count: u64) {
        match self.0.last_mut() {
            Some(before) if last.saturating_sub(before.first) < SHORT => {
                before.last = last;
                before.count += count;
            }
            _ => self.0.push(Stretch { first, last, count }),
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|stretch| stretch.count).sum()
    }

    /// Records how long each had waited at `end`: the share `reads` among the reads, the others among the writes.
    pub(super) fn record(&self, end: Nanos, reads: f64, (read, write): (&mut Recorder, &mut Recorder)) {
        let mut owed = 0.0;
        for Stretch { first, last, count } in self.0.iter().copied() {
            for step in 0..STEPS {
                let share = count * (step + 1) / STEPS - count * step / STEPS;
                let due = first + (last - first) / STEPS * step + (last - first) / STEPS / 2;
                let wait = end.saturating_sub(due) / 1_000;
                owed += share as f64 * reads;
                let of_reads = (owed as u64).min(share);
                owed -= of_reads as f64;
                read.record_many(wait, of_reads);
                write.record_many(wait, share - of_reads);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Nanos = 1_000_000;

    #[test]
    fn what_did_not_fit_waits_as_long_as_each_would_have_alone() {
        let mut overflow = Overflow::default();
        // A million commands in a second, in turns of a millisecond.
        for turn in 0..1_000 {
            overflow.add(turn * MS, turn * MS + MS - 1_000, 1_000);
        }
        assert_eq!(overflow.count(), 1_000_000);
        assert!(overflow.0.len() <= 110, "{} stretches", overflow.0.len());
        let (mut reads, mut writes) = (Recorder::default(), Recorder::default());
        overflow.record(2_000 * MS, 0.9, (&mut reads, &mut writes));
        assert_eq!(reads.len() + writes.len(), 1_000_000);
        assert!((reads.len() as i64 - 900_000).abs() < 10, "{} reads", reads.len());
        for (quantile, wanted) in [(0.01, 1_010.0), (0.5, 1_500.0), (0.99, 1_990.0)] {
            let found = reads.raw_ms(quantile).unwrap();
            assert!((found - wanted).abs() < 5.0, "{quantile}: {found} ms");
        }
    }
}

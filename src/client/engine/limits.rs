//! Whether this machine was itself the limit of what it measured.

use std::fmt;
use std::time::Duration;

use super::report::Report;

/// A thread that has less than the rest of its time left is itself the limit.
const BUSY: f64 = 0.8;
/// Part of the time that a thread may wait for a processor that others hold.
const STARVED: f64 = 0.05;
/// Part of the time that an event loop may stand still: a p99 has no more room for it.
const STOOD_STILL: f64 = 0.01;

/// Why a fast cache may look slow from here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClientLimit {
    /// Commands were sent later than they were due, though nothing of the cache's was in the way: the p99 of it, in
    /// milliseconds.
    Late(f64),
    /// An event loop did not run, for all of this time together.
    StoodStill(Duration),
    /// The busiest thread had work for this share of the time.
    Busy(f64),
    /// A thread waited for a processor for this share of the time.
    Starved(f64),
}

impl fmt::Display for ClientLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(p99) => write!(f, "commands were sent late by this machine, p99 {p99:.1} ms"),
            Self::StoodStill(time) => write!(f, "this machine stood still for {:.2} s", time.as_secs_f64()),
            Self::Busy(share) => {
                write!(f, "the client's busiest thread had work for {:.0} % of the time", share * 100.0)
            }
            Self::Starved(share) => {
                write!(f, "the client waited for a processor for {:.0} % of the time", share * 100.0)
            }
        }
    }
}

/// What speaks against a client that was so busy, and waited so much for a processor: shares of the time, 0 to 1.
pub fn of_shares(busy: f64, starved: Option<f64>) -> impl Iterator<Item = ClientLimit> {
    let busy = Some(busy).filter(|share| *share > BUSY).map(ClientLimit::Busy);
    busy.into_iter().chain(starved.filter(|share| *share > STARVED).map(ClientLimit::Starved))
}

impl Report {
    /// Why this machine may have made the figures of this phase worse; empty where nothing says so.
    pub fn client_limits(&self) -> Vec<ClientLimit> {
        let mut limits = Vec::new();
        // What is less than a tenth of what was measured, or than 1 ms, explains nothing.
        let least = (self.latency().raw_ms(0.99).unwrap_or(0.0) / 10.0).max(1.0);
        limits.extend(self.lag.raw_ms(0.99).filter(|lag| *lag > least).map(ClientLimit::Late));
        let stood_still = self.stood_still(Duration::from_secs_f64(least / 1e3));
        if stood_still > self.took.mul_f64(STOOD_STILL) {
            limits.push(ClientLimit::StoodStill(stood_still));
        }
        limits.extend(of_shares(self.client.busiest, self.client.starved));
        limits
    }

    /// All standstills together that were longer than `least`.
    pub fn stood_still(&self, least: Duration) -> Duration {
        self.stalls.iter().map(|stall| stall.until.saturating_sub(stall.from)).filter(|length| *length > least).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Stall;
    use super::*;

    fn report(micros: u64) -> Report {
        let mut report = Report { took: Duration::from_secs(10), ..Report::default() };
        (0..100).for_each(|_| report.reads.latency.record(Duration::from_micros(micros)));
        report
    }

    fn lag(report: &mut Report, micros: u64) {
        (0..100).for_each(|_| report.lag.record(Duration::from_micros(micros)));
    }

    #[test]
    fn a_client_that_begins_late_is_named_as_a_limit() {
        let limits = |latency, late| {
            let mut report = report(latency);
            lag(&mut report, late);
            report.client_limits().len()
        };
        assert_eq!((limits(900, 900), limits(5_000, 2_000), limits(50_000, 2_000)), (0, 1, 0));
    }

    #[test]
    fn a_busy_or_starved_client_is_named_as_a_limit() {
        let mut report = report(100);
        (report.client.busiest, report.client.starved) = (0.9, Some(0.2));
        let told: Vec<String> = report.client_limits().iter().map(ToString::to_string).collect();
        assert_eq!(told[0], "the client's busiest thread had work for 90 % of the time");
        assert_eq!(told[1], "the client waited for a processor for 20 % of the time");
    }

    #[test]
    fn a_client_that_stood_still_for_more_than_a_hundredth_of_the_time_is_named_as_a_limit() {
        let limits = |millis: &[u64], latency| {
            let stall = |at: usize, length: u64| {
                let from = Duration::from_secs(at as u64);
                Stall { from, until: from + Duration::from_millis(length) }
            };
            let stalls = millis.iter().enumerate().map(|(at, length)| stall(at, *length)).collect();
            Report { stalls, ..report(latency) }.client_limits()
        };
        assert_eq!(limits(&[60, 60], 500), [ClientLimit::StoodStill(Duration::from_millis(120))]);
        assert!(limits(&[60], 500).is_empty(), "0.6 % of the time");
        assert!(limits(&[60, 60], 2_000_000).is_empty(), "of two seconds that is nothing");
    }
}

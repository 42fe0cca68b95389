//! Requirements against measurements.

use super::report::Gate;
use super::settings::Requirements;
use crate::client::latency::{Decision, Recorder, decide};
use crate::model::pattern::Pattern;

/// What there is to judge by.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// Latencies of the load, from the time each command was due.
    pub(super) latency: Recorder,
    /// Latencies from the time each command was sent.
    pub(super) service: Recorder,
    /// Commands of the scheduled load.
    pub(super) answered: u64,
    pub(super) failed: u64,
    pub(super) longest_gap_ms: f64,
    /// The longest without the times in which this machine stood still.
    pub(super) least_gap_ms: f64,
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) ops_per_second: Option<f64>,
    pub(super) excuse: Excuse,
    /// Latencies of each pattern's commands, and this machine's part in them.
    pub(super) patterns: Vec<(Pattern, Recorder, Vec<String>)>,
    /// Why the load says nothing: it did not take place, or ended early.
    pub(super) untested: Option<String>,
}

/// What may have made a fast cache look slow.
#[derive(Clone, Debug, Default)]
pub(super) struct Excuse {
    /// This machine's part, in words; empty when it was sound.
    pub(super) limits: Vec<String>,
    /// How late it sent commands.
    pub(super) lag: Recorder,
    /// The server runs on this machine, so what starves the client starves the cache.
    pub(super) same_machine: bool,
    /// Share of the time in which the client waited for a processor.
    pub(super) starved: f64,
    /// The connections did not allow the rate.
    pub(super) few_connections: Option<String>,
    /// Median of `PING` on an idle connection: what is slower than a bound by itself is no excuse.
    pub(super) rtt_ms: f64,
    /// Busiest client thread while the throughput was measured, 0 to 1.
    pub(super) capacity_busy: f64,
    /// What the connections allow in a closed loop.
    pub(super) capacity_allowed: Option<f64>,
}

/// Reads per item of the working set below which a hit rate is mostly the cold start.
const READS_PER_ITEM: u64 = 10;

/// A percentile needs three samples beyond it: 300 for p99, 3,000 for p99.9.
fn samples_needed(quantile: f64) -> u64 {
    (3.0 / (1.0 - quantile)).round() as u64
}

impl Excuse {
    /// Why a percentile beyond its limit is not held against the cache.
    fn of(&self, limit: f64, measured: f64, (quantile, service): (f64, Option<f64>)) -> Option<String> {
        if self.rtt_ms > limit {
            return None;
        }
        let quick = service.is_some_and(|service| service <= limit);
        if let Some(few) = self.few_connections.as_ref().filter(|_| quick) {
            return Some(few.clone());
        }
        // The client may be late twice, when it sends and when it wakes up for the reply. What is too
        // slow even without that is the cache, or the way to it. A server on this machine is starved
        // along with the client and then has a backlog to work off: measured on two crowded processors,
        // that came to 16 times the client's own lag.
        let factor = if self.same_machine { 20.0 } else { 2.0 };
        // Where both of them wait for a processor most of the time, nothing can be said.
        let overrun = self.same_machine && self.starved > 0.5;
        let explained = overrun || measured - factor * self.lag.raw_ms(0.99).unwrap_or(0.0) <= limit;
        if explained && !self.limits.is_empty() {
            return Some(self.limits.join(", "));
        }
        // Few commands that were very late say nothing of most, and all of those beyond a high percentile.
        let late = self.lag.raw_ms(quantile).unwrap_or(0.0);
        (late > (measured / 10.0).max(1.0) && measured - 2.0 * late <= limit)
            .then(|| format!("commands were sent up to {late:.0} ms late by this machine"))
    }
}

/// A slow client can only make the numbers worse, so a requirement that was met is met; one that was
/// missed by a slow client or judged by too few samples is undecided, not failed.
pub(super) fn gates(require: &Requirements, measured: &Measured, working_set: u64) -> Vec<Gate> {
    let mut gates = Vec::new();
    let percentiles = [
        ("p50Ms", require.p50_ms, 0.5),
        ("p95Ms", require.p95_ms, 0.95),
        ("p99Ms", require.p99_ms, 0.99),
        ("p999Ms", require.p999_ms, 0.999),
    ];
    for (name, limit, quantile) in percentiles {
        let Some(limit) = limit else { continue };
        gates.push(percentile(name, limit, quantile, measured));
        gates.extend(of_patterns(name, limit, quantile, measured));
    }
    if let Some(limit) = require.max_ms {
        let longest = measured.latency.max_ms();
        let passed = longest.is_some_and(|longest| longest <= limit);
        let excuse = longest.and_then(|longest| measured.excuse.of(limit, longest, (1.0, measured.service.max_ms())));
        gates.push(gate("maxMs", limit, longest, passed, excuse));
    }
    if let Some(limit) = require.max_gap_ms {
        // A silence happened, however slow the client was; only while it stood still nobody could have told.
        let gap = (measured.answered > 0).then_some(measured.longest_gap_ms);
        let stood_still = gap.filter(|_| measured.least_gap_ms <= limit).map(|gap| gap - measured.least_gap_ms);
        let excuse = stood_still.map(|stalled| format!("this machine stood still for {stalled:.0} ms of it"));
        gates.push(gate("maxGapMs", limit, gap, gap.is_some_and(|gap| gap <= limit), excuse));
    }
    if let Some(limit) = require.error_rate {
        let tried = measured.answered + measured.failed;
        let rate = (tried > 0).then(|| measured.failed as f64 / tried as f64);
        gates.push(gate("errorRate", limit, rate, rate.is_some_and(|rate| rate <= limit), None));
    }
    if let Some(limit) = require.hit_rate {
        let reads = measured.hits + measured.misses;
        let rate = (reads > 0).then(|| measured.hits as f64 / reads as f64);
        let cold = (reads > 0 && reads < working_set * READS_PER_ITEM)
            .then(|| format!("only {reads} reads, mostly of a cold cache; run longer"));
        gates.push(gate("hitRate", limit, rate, rate.is_some_and(|rate| rate >= limit), cold));
    }
    if let Some(limit) = require.ops_per_second {
        gates.push(throughput(limit, measured));
    }
    if let Some(why) = &measured.untested {
        // What failed in the part that did take place failed; anything else is not known.
        for gate in gates.iter_mut().filter(|gate| gate.passed || gate.measured.is_none() || gate.undecided.is_some()) {
            gate.passed = false;
            gate.undecided = Some(why.clone());
        }
    }
    gates
}

fn gate(name: &str, required: f64, measured: Option<f64>, passed: bool, excuse: Option<String>) -> Gate {
    Gate { name: name.to_owned(), required, measured, passed, undecided: excuse.filter(|_| !passed) }
}

fn percentile(name: &str, limit: f64, quantile: f64, measured: &Measured) -> Gate {
    let samples = measured.latency.len();
    let value = measured.latency.raw_ms(quantile);
    if measured.answered == 0 {
        return gate(name, limit, None, false, None);
    }
    let needed = samples_needed(quantile);
    if samples < needed {
        let why = format!("only {samples} samples of {needed}; run longer, or at a higher rate");
        return gate(name, limit, value, false, Some(why));
    }
    let decision = decide(measured.latency.over(limit), samples, 1.0 - quantile);
    let excuse = || measured.excuse.of(limit, value?, (quantile, measured.service.raw_ms(quantile)));
    let why = match decision {
        Decision::Within => None,
        Decision::Beyond => excuse(),
        // A percentile that hundreds of samples lie beyond is as sure as it will get.
        Decision::Unclear if samples >= needed * 30 => excuse(),
        Decision::Unclear => excuse().or_else(|| Some(format!("{samples} samples are too few to tell; run longer"))),
    };
    gate(name, limit, value, decision == Decision::Within, why)
}

/// Patterns that miss the bound, too: a lock that takes long is no less slow than a load that does.
fn of_patterns(name: &str, limit: f64, quantile: f64, measured: &Measured) -> Vec<Gate> {
    let slow = measured.patterns.iter().filter(|(_, latency, _)| latency.len() >= samples_needed(quantile));
    slow.filter(|(_, latency, _)| decide(latency.over(limit), latency.len(), 1.0 - quantile) == Decision::Beyond)
        .map(|(pattern, latency, limits)| {
            let excused = !limits.is_empty() && measured.excuse.rtt_ms <= limit;
            let name = format!("{name} of {pattern}");
            gate(&name, limit, latency.raw_ms(quantile), false, excused.then(|| limits.join(", ")))
        })
        .collect()
}

fn throughput(limit: f64, measured: &Measured) -> Gate {
    let ops = measured.ops_per_second;
    let excuse = &measured.excuse;
    let busy =
        (excuse.capacity_busy > 0.8).then(|| format!("client thread {:.0} % busy", excuse.capacity_busy * 100.0));
    let few = excuse.capacity_allowed.filter(|allowed| *allowed < limit && excuse.rtt_ms > 0.0).map(|allowed| {
        format!("the connections allow {allowed:.0}/s at a round trip of {:.1} ms: give more `clients`", excuse.rtt_ms)
    });
    gate("opsPerSecond", limit, ops, ops.is_some_and(|ops| ops >= limit), busy.or(few).filter(|_| ops.is_some()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn recorder(samples: u64, slow: u64) -> Recorder {
        let mut latency = Recorder::default();
        for index in 0..samples {
            latency.record(Duration::from_micros(if index < slow { 20_000 } else { 500 }));
        }
        latency
    }

    fn late(micros: u64) -> Recorder {
        let mut lag = Recorder::default();
        (0..1_000).for_each(|_| lag.record(Duration::from_micros(micros)));
        lag
    }

    fn measured(samples: u64, slow: u64) -> Measured {
        Measured { latency: recorder(samples, slow), answered: samples, ..Measured::default() }
    }

    fn p99(limit: f64, measured: &Measured) -> Gate {
        let require = Requirements { p99_ms: Some(limit), ..Requirements::default() };
        gates(&require, measured, 256).remove(0)
    }

    #[test]
    fn without_requirements_there_are_no_gates() {
        assert!(gates(&Requirements::default(), &measured(10, 0), 256).is_empty());
    }

    #[test]
    fn a_percentile_needs_its_samples() {
        let few = p99(5.0, &measured(299, 0));
        assert!(!few.passed && few.undecided.unwrap().contains("299 samples of 300"));
        assert!(p99(5.0, &measured(300, 0)).passed);
        let clear = p99(5.0, &measured(500, 50));
        assert!(!clear.passed && clear.undecided.is_none());
        let unclear = p99(5.0, &measured(500, 7));
        assert!(!unclear.passed && unclear.undecided.unwrap().contains("500 samples"));
        let require = Requirements { p999_ms: Some(5.0), ..Requirements::default() };
        assert!(gates(&require, &measured(2_999, 0), 1)[0].undecided.is_some());
        assert!(gates(&require, &measured(3_000, 0), 1)[0].passed);
    }

    #[test]
    fn a_p99_missed_by_a_slow_client_is_not_held_against_the_cache() {
        let mut slow = measured(20_000, 2_000);
        slow.excuse.limits = vec!["commands were sent late: p99 9.0 ms".into()];
        slow.excuse.lag = late(9_000);
        let gate = p99(5.0, &slow);
        assert!(!gate.passed && gate.undecided.is_some());
        assert!(p99(50.0, &slow).passed);
        slow.excuse.lag = late(1_000);
        assert!(p99(5.0, &slow).undecided.is_none(), "20 ms of which the client was late 2");
        slow.excuse.same_machine = true;
        assert!(p99(5.0, &slow).undecided.is_some());
        slow.excuse.lag = late(100);
        assert!(p99(5.0, &slow).undecided.is_none(), "a local server can be slow by itself, too");
        slow.excuse.starved = 0.9;
        assert!(p99(5.0, &slow).undecided.is_some(), "client and server fought for the same processors");
        slow.excuse.rtt_ms = 19.0;
        assert!(p99(5.0, &slow).undecided.is_none(), "what is far is far, however busy the client");
    }

    #[test]
    fn a_silence_and_an_error_have_no_excuse() {
        let require = Requirements { max_gap_ms: Some(100.0), error_rate: Some(0.0), ..Requirements::default() };
        let mut slow = measured(20_000, 0);
        slow.excuse.limits = vec!["client thread 99 % busy".into()];
        slow.excuse.lag = late(1_000_000);
        assert!(gates(&require, &slow, 1).iter().all(|gate| gate.passed));
        (slow.longest_gap_ms, slow.least_gap_ms) = (4_500.0, 4_480.0);
        slow.failed = 1;
        assert!(gates(&require, &slow, 1).iter().all(|gate| !gate.passed && gate.undecided.is_none()));
    }

    #[test]
    fn a_silence_in_which_this_machine_stood_still_is_undecided_and_never_good() {
        let require = Requirements { max_gap_ms: Some(500.0), ..Requirements::default() };
        let stalled = Measured { longest_gap_ms: 1_200.0, least_gap_ms: 30.0, ..measured(20_000, 0) };
        let gate = gates(&require, &stalled, 1).remove(0);
        assert!(!gate.passed && gate.undecided.unwrap().contains("1170 ms"));
        let both = Measured { least_gap_ms: 600.0, ..stalled };
        assert!(gates(&require, &both, 1)[0].undecided.is_none(), "too long without it");
    }

    #[test]
    fn a_maximum_that_a_late_client_made_is_not_held_against_the_cache() {
        let require = Requirements { max_ms: Some(5.0), ..Requirements::default() };
        let mut once = measured(20_000, 1);
        assert!(gates(&require, &once, 1)[0].undecided.is_none());
        once.excuse.lag = late(100);
        once.excuse.lag.record(Duration::from_millis(19));
        assert!(gates(&require, &once, 1)[0].undecided.as_ref().unwrap().contains("19 ms late"));
    }

    #[test]
    fn too_few_clients_for_the_rate_are_not_held_against_the_cache() {
        let mut queued = measured(20_000, 2_000);
        queued.service = recorder(20_000, 0);
        assert!(p99(5.0, &queued).undecided.is_none(), "a stall also queues commands, and is the cache's");
        queued.excuse.few_connections = Some("8 connections allow 364/s".into());
        assert!(p99(5.0, &queued).undecided.unwrap().contains("364"));
    }

    #[test]
    fn a_slow_pattern_misses_a_bound_that_the_load_holds() {
        let mut lock = measured(20_000, 0);
        lock.patterns = vec![(Pattern::Lock, recorder(1_000, 100), Vec::new())];
        let require = Requirements { p99_ms: Some(5.0), ..Requirements::default() };
        let found = gates(&require, &lock, 1);
        assert!(found[0].passed);
        assert_eq!((found[1].name.as_str(), found[1].passed), ("p99Ms of lock", false));
    }

    #[test]
    fn a_cache_that_answered_nothing_fails_every_requirement() {
        let require = Requirements {
            p99_ms: Some(5.0),
            error_rate: Some(0.5),
            hit_rate: Some(0.5),
            ops_per_second: Some(1.0),
            max_gap_ms: Some(1.0),
            ..Requirements::default()
        };
        let nothing = Measured { failed: 10, ..Measured::default() };
        let gates = gates(&require, &nothing, 256);
        assert_eq!(gates.len(), 5);
        assert!(gates.iter().all(|gate| !gate.passed && gate.undecided.is_none()));
    }

    #[test]
    fn a_load_that_did_not_take_place_decides_nothing_but_what_failed_before_its_end_failed() {
        let require = Requirements { error_rate: Some(0.0), p99_ms: Some(5.0), ..Requirements::default() };
        let none = Measured { untested: Some("the cache is full".into()), ..Measured::default() };
        assert!(gates(&require, &none, 1).iter().all(|gate| gate.undecided.as_deref() == Some("the cache is full")));
        let broken = Measured { failed: 3, untested: Some("stopped".into()), ..measured(1_000, 0) };
        let found = gates(&require, &broken, 1);
        assert!(found[0].undecided.is_some() && found[1].undecided.is_none() && !found[1].passed);
    }

    #[test]
    fn a_hit_rate_of_a_cold_cache_is_undecided() {
        let require = Requirements { hit_rate: Some(0.9), ..Requirements::default() };
        let cold = Measured { hits: 50, misses: 50, ..Measured::default() };
        assert!(gates(&require, &cold, 256)[0].undecided.is_some());
        let warm = Measured { hits: 5_000, misses: 5_000, ..Measured::default() };
        assert!(gates(&require, &warm, 256)[0].undecided.is_none());
    }

    #[test]
    fn a_throughput_that_the_connections_do_not_allow_is_undecided() {
        let require = Requirements { ops_per_second: Some(1_000.0), ..Requirements::default() };
        let mut far = Measured { ops_per_second: Some(360.0), ..Measured::default() };
        far.excuse.rtt_ms = 22.0;
        far.excuse.capacity_allowed = Some(364.0);
        assert!(gates(&require, &far, 1)[0].undecided.as_ref().unwrap().contains("364/s"));
        far.excuse.capacity_allowed = Some(5_000.0);
        assert!(gates(&require, &far, 1)[0].undecided.is_none());
    }
}

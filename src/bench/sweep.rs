//! The search for the highest rate that holds a bound.

use std::time::Duration;

use super::report::{FindRate, Step};
use super::settings::Bound;
use super::{Run, judge};
use crate::client::engine::{self, Pace, Phase, Until, Work};

/// Steps of the search; the last of the time confirms what was found.
const STEPS: u32 = 8;
/// With less there is nothing to search in.
const SLOWEST: f64 = 2.0;
/// Bounds of the search this close are one rate.
const CLOSE: f64 = 1.04;

impl Run<'_> {
    /// Halves the distance between a rate that holds and one that does not; then measures at the one that holds.
    pub(super) fn find_rate(&mut self, bound: Bound, time: Duration, tell: &mut dyn FnMut(&str)) {
        let Some(capacity) = self.report.capacity.as_ref().map(|capacity| capacity.ops_per_second) else { return };
        if capacity < SLOWEST {
            self.report.findings.push(format!("no rate can be tried: the capacity is {capacity:.1} a second"));
            self.report.find_rate = Some(FindRate { bound: bound.to_string(), rate: None, steps: Vec::new() });
            return;
        }
        let each = (time * 2 / 3) / STEPS;
        let (mut holds, mut fails) = (0.0_f64, capacity.max(1.0));
        let mut found = FindRate { bound: bound.to_string(), rate: None, steps: Vec::new() };
        let mut rate = capacity * 0.5;
        for _ in 0..STEPS {
            let Some((step, measured)) = self.step(bound, rate, each, tell) else { break };
            if step.holds {
                holds = rate;
            } else {
                fails = rate;
            }
            found.steps.push(step);
            if measured.answered == 0 {
                // Nobody answers at all: a lower rate finds nothing out.
                break;
            }
            if holds > 0.0 && fails / holds < CLOSE {
                break;
            }
            // Far below the capacity, the answer is a matter of orders of magnitude.
            rate = if holds == 0.0 { fails / 3.0 } else { (holds + fails) / 2.0 };
            if rate < 1.0 {
                break;
            }
        }
        // What held for a moment may not hold for longer.
        let mut tries = 3;
        while holds > 0.0 && tries > 0 {
            let Some((step, measured)) = self.step(bound, holds, time / 3, tell) else { break };
            let held = step.holds;
            found.steps.push(step);
            self.keep_latency_once(holds, &measured);
            if held {
                found.rate = Some(holds);
                break;
            }
            holds *= 0.9;
            tries -= 1;
        }
        if found.rate.is_none() {
            match found.steps.iter().rev().find_map(|step| step.undecided.clone()) {
                Some(why) => self.report.undecided.push(format!("findRate: {why}")),
                None if !self.is_over() => self.report.findings.push(format!("no rate held {bound}")),
                None => {}
            }
        }
        self.report.find_rate = Some(found);
    }

    fn step(
        &mut self,
        bound: Bound,
        rate: f64,
        time: Duration,
        tell: &mut dyn FnMut(&str),
    ) -> Option<(Step, engine::Report)> {
        tell(&format!("trying {rate:.0} a second for {bound}"));
        // A percentile of few samples is chance; but no step takes longer than the whole was to.
        let samples = bound.quantile.least_samples();
        let needed = Duration::from_secs_f64(samples as f64 / rate.max(1.0)).min(self.settings.duration);
        let until = Until::Elapsed(time.max(needed));
        let work = Work::Mix { reads: self.settings.read_ratio };
        let measured = self.phase("findRate", Phase { work, pace: Pace::Rate(rate), until })?;
        let value = measured.latency().raw_ms(bound.quantile.share());
        let achieved_rate = measured.rate();
        let enough = measured.latency().len() >= samples;
        let holds = enough
            && value.is_some_and(|value| value <= bound.limit.as_secs_f64() * 1e3)
            && measured.failed == 0
            && measured.unsent == 0
            && achieved_rate >= 0.98 * rate;
        let limits = judge::client_limits(&measured, Some(rate), self.settings);
        let few = || {
            format!("{} samples at {rate:.0} a second are too few for {bound} (--duration)", measured.latency().len())
        };
        let undecided = limits.into_iter().next().or_else(|| (!enough).then(few)).filter(|_| !holds);
        Some((Step { rate, achieved_rate, measured_ms: value, holds, undecided }, measured))
    }

    /// Later tries replace what earlier ones left, excuses included.
    fn keep_latency_once(&mut self, rate: f64, measured: &engine::Report) {
        self.report.undecided.retain(|why| !why.starts_with("latency:"));
        self.keep_latency(rate, measured);
    }
}

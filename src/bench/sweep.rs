//! The search for the highest rate that holds a bound.

use std::time::Duration;

use super::report::{FindRate, Step};
use super::settings::Bound;
use super::{Run, judge};
use crate::client::engine::{self, Pace, Phase, Until, Work};

/// Steps of the search; the other half of the time confirms what was found.
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
        let mut budget = Budget { left: time, each: (time / 2) / STEPS };
        let (mut holds, mut fails) = (0.0_f64, capacity.max(1.0));
        let mut steps: Vec<Tried> = Vec::new();
        let mut rate = capacity * 0.5;
        for _ in 0..STEPS {
            let Some(length) = budget.step(bound, rate) else { break };
            let Some((tried, measured)) = self.step(bound, rate, length, tell) else { break };
            budget.spend(measured.took);
            if tried.step.holds {
                holds = rate;
            } else {
                fails = rate;
            }
            steps.push(tried);
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
        let mut confirmed = None;
        for tries_left in (0..3).rev() {
            if holds <= 0.0 || budget.left.is_zero() {
                break;
            }
            let length = if tries_left == 0 { budget.left } else { budget.left / 2 };
            let Some((tried, measured)) = self.step(bound, holds, length, tell) else { break };
            budget.spend(measured.took);
            let held = tried.step.holds;
            steps.push(tried);
            self.keep_latency_once(holds, &measured);
            if held {
                confirmed = Some(holds);
                break;
            }
            holds *= 0.9;
        }
        if confirmed.is_none() && !self.is_over() {
            match why_none(bound, &steps) {
                Ok(finding) => self.report.findings.push(finding),
                Err(why) => self.report.undecided.push(format!("findRate: {why}")),
            }
        }
        let steps = steps.into_iter().map(|tried| tried.step).collect();
        self.report.find_rate = Some(FindRate { bound: bound.to_string(), rate: confirmed, steps });
    }

    fn step(
        &mut self,
        bound: Bound,
        rate: f64,
        time: Duration,
        tell: &mut dyn FnMut(&str),
    ) -> Option<(Tried, engine::Report)> {
        tell(&format!("trying {rate:.0} a second for {bound}"));
        let work = Work::Mix { reads: self.settings.read_ratio };
        let measured = self.phase("findRate", Phase { work, pace: Pace::Rate(rate), until: Until::Elapsed(time) })?;
        let value = measured.latency().raw_ms(bound.quantile.share());
        let achieved_rate = measured.rate();
        let few = measured.latency().len() < bound.quantile.least_samples();
        let holds = !few
            && value.is_some_and(|value| value <= bound.limit.as_secs_f64() * 1e3)
            && measured.failed == 0
            && measured.unsent == 0
            && achieved_rate >= 0.98 * rate;
        let limits = judge::client_limits(&measured, Some(rate), self.settings);
        let too_few = || {
            format!("{} samples at {rate:.0} a second are too few for {bound} (--duration)", measured.latency().len())
        };
        let undecided = limits.into_iter().next().or_else(|| few.then(too_few)).filter(|_| !holds);
        Some((Tried { step: Step { rate, achieved_rate, measured_ms: value, holds, undecided }, few }, measured))
    }

    /// Later tries replace what earlier ones left, excuses included.
    fn keep_latency_once(&mut self, rate: f64, measured: &engine::Report) {
        self.report.undecided.retain(|why| !why.starts_with("latency:"));
        self.keep_latency(rate, measured);
    }
}

/// A step, and whether it had too few samples to tell anything.
struct Tried {
    step: Step,
    few: bool,
}

/// The time of the whole search, which no step may exceed.
struct Budget {
    left: Duration,
    each: Duration,
}

impl Budget {
    /// How long the next step may take: long enough for its samples, and half of all is for the confirmation.
    fn step(&self, bound: Bound, rate: f64) -> Option<Duration> {
        let needed = Duration::from_secs_f64(bound.quantile.least_samples() as f64 * 1.1 / rate.max(1.0));
        let most = self.left.saturating_sub(self.each * STEPS);
        // The first step of all is made in any case.
        (!most.is_zero()).then(|| self.each.max(needed).min(most))
    }

    fn spend(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }
}

/// Why no rate was found. A finding where the lowest rate that could be told does not hold the bound, and this machine
/// was not the limit; otherwise an error says what was in the way of telling.
fn why_none(bound: Bound, steps: &[Tried]) -> Result<String, String> {
    let told = steps.iter().filter(|tried| !tried.few && !tried.step.holds);
    let lowest = told.min_by(|a, b| a.step.rate.total_cmp(&b.step.rate)).map(|tried| &tried.step);
    let excuse = || steps.iter().rev().find_map(|tried| tried.step.undecided.clone());
    match lowest {
        Some(Step { rate, undecided: None, measured_ms, .. }) => {
            let measured = measured_ms.map_or_else(String::new, |ms| format!(": it was {ms:.2} ms"));
            Ok(format!("no rate held {bound}, down to {rate:.0} a second{measured}"))
        }
        Some(Step { undecided: Some(why), .. }) => Err(why.clone()),
        None => excuse().map_or_else(|| Ok(format!("no rate held {bound}")), Err),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound() -> Bound {
        "p50=1us".parse().unwrap()
    }

    fn tried(rate: f64, few: bool, undecided: Option<&str>) -> Tried {
        let undecided = undecided.map(str::to_owned);
        Tried { step: Step { rate, achieved_rate: rate, measured_ms: Some(0.2), holds: false, undecided }, few }
    }

    #[test]
    fn a_bound_that_no_rate_can_hold_is_a_finding_though_the_slowest_step_has_few_samples() {
        let steps =
            [tried(900.0, false, Some("busy")), tried(300.0, false, None), tried(13.0, true, Some("27 samples"))];
        assert_eq!(
            why_none(bound(), &steps),
            Ok("no rate held p50=0.001ms, down to 300 a second: it was 0.20 ms".into())
        );
    }

    #[test]
    fn where_this_machine_was_the_limit_nothing_is_known() {
        let steps =
            [tried(900.0, false, None), tried(300.0, false, Some("busy")), tried(13.0, true, Some("27 samples"))];
        assert_eq!(why_none(bound(), &steps), Err("busy".into()));
        assert_eq!(why_none(bound(), &[tried(13.0, true, Some("27 samples"))]), Err("27 samples".into()));
    }

    #[test]
    fn a_search_takes_no_longer_than_its_time() {
        let time = Duration::from_secs(8);
        for rate in [1.0, 13.0, 1e6] {
            let mut budget = Budget { left: time, each: time / 2 / STEPS };
            let mut spent = Duration::ZERO;
            for _ in 0..STEPS {
                let Some(step) = budget.step(bound(), rate) else { break };
                budget.spend(step);
                spent += step;
            }
            assert!(spent > Duration::ZERO && spent <= time / 2 + Duration::from_millis(1), "{rate}: {spent:?}");
        }
    }
}

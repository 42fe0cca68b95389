//! Quotas that an account can have raised, or that tests want out of the way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::wire::Service;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Quotas {
    /// Replicas a node group has at most.
    pub replicas: i64,
    /// Node groups that TestFailover takes in any rolling 24 hours.
    pub test_failovers: usize,
    /// Datapoints in one answer of GetMetricData, where the call does not say.
    pub datapoints: usize,
    /// Whether calls of CloudWatch are throttled at AWS's rates.
    pub call_rates: bool,
}

impl Default for Quotas {
    fn default() -> Self {
        Quotas { replicas: 5, test_failovers: 15, datapoints: 100_800, call_rates: false }
    }
}

/// Calls a second in a region (CloudWatch guide, cloudwatch_limits).
const RATES: [(&str, f64); 12] = [
    ("PutMetricAlarm", 3.0),
    ("DeleteAlarms", 3.0),
    ("PutCompositeAlarm", 3.0),
    ("DescribeAlarms", 9.0),
    ("ListTagsForResource", 10.0),
    ("TagResource", 20.0),
    ("ListMetrics", 25.0),
    ("PutDashboard", 10.0),
    ("GetDashboard", 10.0),
    ("ListDashboards", 10.0),
    ("DeleteDashboards", 10.0),
    ("GetMetricData", 500.0),
];

/// What is left of each rate: a bucket that holds one second's calls and fills by itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(BTreeMap<&'static str, (f64, i64)>);

impl Meter {
    /// Counts a call made at `now` (milliseconds).
    pub(crate) fn take(&mut self, service: Service, operation: &str, now: i64) -> Result<(), Refusal> {
        let rate = RATES.iter().find(|(name, _)| *name == operation).filter(|_| service == Service::CloudWatch);
        let Some((name, rate)) = rate else { return Ok(()) };
        let (left, at) = self.0.entry(name).or_insert((*rate, now));
        #[expect(clippy::cast_precision_loss, reason = "the time between two calls")]
        let passed = (now - *at).max(0) as f64 / 1000.0;
        *left = (*left + passed * rate).min(*rate);
        *at = now;
        if *left < 1.0 {
            return Err(Refusal::bad("Throttling", "Rate exceeded"));
        }
        *left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_alarms_a_second_pass_and_a_fourth_does_not() {
        let mut meter = Meter::default();
        let mut put = |now| meter.take(Service::CloudWatch, "PutMetricAlarm", now).is_ok();
        assert!((0..3).all(|_| put(0)));
        assert!(!put(0) && !put(300) && put(340) && !put(341));
        assert!((0..30).all(|turn| put(2_000 + turn * 334)), "one every third of a second goes on for ever");
        assert!(meter.take(Service::ElastiCache, "ListTagsForResource", 0).is_ok());
    }
}

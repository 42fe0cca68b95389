//! What CloudWatch measured: series of hourly values by node and metric.

use std::collections::{BTreeMap, BTreeSet};

/// Seconds between two values: CloudWatch keeps hours for fifteen months, and two weeks of them are 336 values.
pub const PERIOD: u32 = 3600;

/// How CloudWatch sums up the values of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    Average,
    Minimum,
    Maximum,
    Sum,
}

impl Statistic {
    /// CloudWatch's word for the statistic.
    pub const fn name(self) -> &'static str {
        match self {
            Statistic::Average => "Average",
            Statistic::Minimum => "Minimum",
            Statistic::Maximum => "Maximum",
            Statistic::Sum => "Sum",
        }
    }
}

/// One metric of one node, or of a serverless cache.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// The member cluster's id, or the serverless cache's name.
    pub node: String,
    pub serverless: bool,
    pub name: &'static str,
    pub statistic: Statistic,
}

/// A value and when its period began, in seconds since 1970.
pub type Point = (i64, f64);

/// Series by node and metric, each in order of time.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    series: BTreeMap<String, BTreeMap<&'static str, Vec<Point>>>,
    /// Calls that reading took.
    pub calls: usize,
    /// What AWS did not give, and why.
    pub failures: BTreeSet<String>,
}

impl Metrics {
    /// Takes more values of a metric; a period that is there already keeps its value.
    pub fn add(&mut self, metric: &Metric, points: impl IntoIterator<Item = Point>) {
        let series = self.series.entry(metric.node.clone()).or_default().entry(metric.name).or_default();
        series.extend(points.into_iter().filter(|(_, value)| value.is_finite()));
        series.sort_by_key(|(at, _)| *at);
        series.dedup_by_key(|(at, _)| *at);
    }

    /// The values of a metric; none where CloudWatch has none.
    pub fn of(&self, node: &str, name: &str) -> &[Point] {
        self.series.get(node).and_then(|series| series.get(name)).map_or(&[], Vec::as_slice)
    }
}

//! The course of a metric over hours, and what it comes to.

use std::collections::BTreeMap;

use crate::model::metrics::{PERIOD, Point};

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const SPARKS: usize = 28;

/// Values by hour, in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Course(Vec<Point>);

impl Course {
    pub(super) fn new(points: &[Point]) -> Self {
        Self(points.to_vec())
    }

    /// Several courses, hour by hour.
    pub(super) fn joined(courses: &[Course], join: fn(f64, f64) -> f64) -> Self {
        let mut hours: BTreeMap<i64, f64> = BTreeMap::new();
        for (at, value) in courses.iter().flat_map(|course| &course.0) {
            hours.entry(*at).and_modify(|sum| *sum = join(*sum, *value)).or_insert(*value);
        }
        Self(hours.into_iter().collect())
    }

    pub(super) fn summed(courses: &[Course]) -> Self {
        Self::joined(courses, |one, other| one + other)
    }

    pub(super) fn highest(courses: &[Course]) -> Self {
        Self::joined(courses, f64::max)
    }

    /// `100 * self / (self + other)`, in the hours that have any of both.
    pub(super) fn share(&self, other: &Course) -> Self {
        let others: BTreeMap<i64, f64> = other.0.iter().copied().collect();
        let mine: BTreeMap<i64, f64> = self.0.iter().copied().collect();
        let hours = mine.keys().chain(others.keys()).copied().collect::<std::collections::BTreeSet<i64>>();
        let of = |map: &BTreeMap<i64, f64>, at: i64| map.get(&at).copied().unwrap_or(0.0);
        let share = |at: i64| {
            let all = of(&mine, at) + of(&others, at);
            (all > 0.0).then(|| (at, 100.0 * of(&mine, at) / all))
        };
        Self(hours.into_iter().filter_map(share).collect())
    }

    /// Every value times a factor.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|(at, value)| (*at, value * factor)).collect())
    }

    pub(super) fn hours(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.0.iter().map(|(_, value)| *value)
    }

    pub(super) fn sum(&self) -> f64 {
        self.values().sum()
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.sum() / self.0.len() as f64)
    }

    pub(super) fn max(&self) -> Option<f64> {
        self.values().reduce(f64::max)
    }

    pub(super) fn min(&self) -> Option<f64> {
        self.values().reduce(f64::min)
    }

    /// The value that 95 of 100 hours do not exceed: one bad hour is no reason to buy anything.
    pub(super) fn p95(&self) -> Option<f64> {
        let mut values: Vec<f64> = self.values().collect();
        values.sort_by(f64::total_cmp);
        let at = (values.len() as f64 * 0.95).ceil() as usize;
        values.get(at.saturating_sub(1)).copied()
    }

    pub(super) fn hours_above(&self, threshold: f64) -> usize {
        self.values().filter(|value| *value > threshold).count()
    }

    /// Per second, where each value is the sum of an hour.
    pub(super) fn per_second(&self) -> Self {
        self.scaled(1.0 / f64::from(PERIOD))
    }

    /// The course in at most 28 block characters, each the highest value of its hours.
    pub(super) fn sparkline(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let size = self.0.len().div_ceil(SPARKS);
        let highs: Vec<f64> =
            self.0.chunks(size).filter_map(|chunk| chunk.iter().map(|(_, value)| *value).reduce(f64::max)).collect();
        let top = highs.iter().copied().fold(0.0, f64::max);
        let block = |value: f64| {
            let level = if top > 0.0 { (value / top * (BLOCKS.len() - 1) as f64).round() } else { 0.0 };
            BLOCKS[(level.max(0.0) as usize).min(BLOCKS.len() - 1)]
        };
        highs.into_iter().map(block).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(values: &[f64]) -> Course {
        Course(values.iter().enumerate().map(|(hour, value)| (hour as i64 * 3600, *value)).collect())
    }

    #[test]
    fn one_bad_hour_in_a_hundred_does_not_count_and_six_do() {
        let with = |bad: usize| course(&(0..100).map(|hour| if hour < bad { 99.0 } else { 10.0 }).collect::<Vec<_>>());
        assert_eq!((with(1).p95(), with(5).p95(), with(6).p95()), (Some(10.0), Some(10.0), Some(99.0)));
        assert_eq!((course(&[7.0]).p95(), course(&[]).p95()), (Some(7.0), None));
    }

    #[test]
    fn a_share_is_of_the_hours_that_have_any() {
        let share = course(&[9.0, 0.0, 1.0]).share(&course(&[1.0, 0.0]));
        assert_eq!(share.values().collect::<Vec<_>>(), [90.0, 100.0]);
    }

    #[test]
    fn a_sparkline_is_never_longer_than_its_place() {
        assert_eq!(course(&[0.0, 1.0, 2.0]).sparkline(), "▁▅█");
        assert_eq!(course(&[0.0; 5]).sparkline(), "▁▁▁▁▁");
        assert!(course(&vec![3.0; 336]).sparkline().chars().count() <= SPARKS);
    }
}

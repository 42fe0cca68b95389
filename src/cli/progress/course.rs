//! How far a whole run is: by the time that its steps usually take, not by their number.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::model::operation::Typical;
use crate::model::step::{Call, Step, StepId};

/// A step that AWS answers at once.
const SHORT: Duration = Duration::from_secs(2);
/// A step whose time depends on the data, for its share of the bar alone.
const UNKNOWN: Duration = Duration::from_secs(20 * 60);

/// The steps of a run, and those that are done.
pub(super) struct Course {
    weights: BTreeMap<StepId, Duration>,
    done: usize,
    finished: Duration,
    /// The longest way through the steps; `None` where one of it has no usual time.
    expected: Option<Duration>,
}

impl Course {
    pub(super) fn of(steps: &[Step]) -> Self {
        let typical = |step: &Step| step.call().and_then(Call::typically);
        let weight = |step: &Step| match typical(step) {
            None => SHORT,
            Some(Typical::Minutes(minutes)) => Duration::from_secs(u64::from(minutes) * 60),
            Some(Typical::ByTheData) => UNKNOWN,
        };
        let mut ends: BTreeMap<StepId, Duration> = BTreeMap::new();
        // A step stands behind those that it comes after.
        for step in steps {
            let begins = step.after.iter().filter_map(|id| ends.get(id)).max().copied().unwrap_or_default();
            ends.insert(step.id, begins + weight(step));
        }
        let told = !steps.iter().any(|step| typical(step) == Some(Typical::ByTheData));
        let longest = ends.values().max().copied().unwrap_or_default();
        Self {
            weights: steps.iter().map(|step| (step.id, weight(step))).collect(),
            done: 0,
            finished: Duration::ZERO,
            expected: (told && longest >= Duration::from_secs(60)).then_some(longest),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    pub(super) fn end(&mut self, step: StepId) {
        self.done += 1;
        self.finished += self.weights.get(&step).copied().unwrap_or_default();
    }

    /// Of a thousand. A step under way counts by its time, and never as done.
    pub(super) fn permille(&self, under_way: impl Iterator<Item = (StepId, Instant)>, now: Instant) -> u64 {
        let all: Duration = self.weights.values().sum();
        let running: Duration = under_way
            .filter_map(|(id, began)| {
                let weight = self.weights.get(&id)?;
                Some(now.saturating_duration_since(began).min(weight.mul_f64(0.95)))
            })
            .sum();
        let part = (self.finished + running).as_millis() * 1000 / all.as_millis().max(1);
        u64::try_from(part).unwrap_or(1000).min(1000)
    }

    /// `3/9 steps`
    pub(super) fn steps(&self) -> String {
        format!("{}/{} steps", self.done, self.weights.len())
    }

    /// ` of ~30 min`
    pub(super) fn expected(&self) -> String {
        self.expected.map_or_else(String::new, |expected| format!(" of ~{} min", expected.as_secs().div_ceil(60)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::step::{Wait, Work};
    use crate::model::{Address, Kind, Operation};

    fn step(id: usize, operation: Operation, after: &[usize]) -> Step {
        let wait_for = if operation.typically().is_some() { Wait::Available } else { Wait::Nothing };
        Step {
            id: StepId(id),
            address: Address::new(Kind::ReplicationGroup, "orders"),
            work: Work::Call(Call { operation, parameters: Default::default(), wait_for }),
            after: after.iter().copied().map(StepId).collect(),
        }
    }

    #[test]
    fn what_is_expected_is_the_longest_way_and_the_bar_moves_with_the_time() {
        let steps = [
            step(1, Operation::CreateCacheParameterGroup, &[]),
            step(2, Operation::CreateReplicationGroup, &[1]),
            step(3, Operation::CreateReplicationGroup, &[1]),
            step(4, Operation::IncreaseReplicaCount, &[2]),
        ];
        let mut course = Course::of(&steps);
        assert_eq!((course.steps().as_str(), course.expected().as_str()), ("0/4 steps", " of ~21 min"));
        course.end(StepId(1));
        let began = Instant::now();
        let at = |seconds| {
            let under_way = [StepId(2), StepId(3)].map(|id| (id, began));
            course.permille(under_way.into_iter(), began + Duration::from_secs(seconds))
        };
        assert_eq!([at(0), at(300), at(600), at(6_000)], [1, 334, 633, 633], "never more than nearly done");
        assert!(at(1) > at(0), "it does not stand still");
    }

    #[test]
    fn where_the_data_decide_nothing_is_expected() {
        let course = Course::of(&[step(1, Operation::ModifyReplicationGroupShardConfiguration, &[])]);
        assert_eq!(course.expected(), "");
        assert_eq!(Course::of(&[step(1, Operation::PutMetricAlarm, &[])]).expected(), "");
    }
}

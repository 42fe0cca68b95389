//! What goes to a log: a line for each change, and after a while without one that it is still so.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::columns::{Columns, Row};
use super::{INDENT, key};
use crate::model::Step;
use crate::model::report::{Subject, WaitState};

/// A step without news says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(30);

pub(super) struct Log {
    entries: BTreeMap<String, Entry>,
    columns: Columns,
}

struct Entry {
    row: Row,
    said: Instant,
    /// The last event that was told.
    event: String,
}

impl Entry {
    fn new(subject: Subject<'_>, now: Instant) -> Self {
        Self { row: Row::new(subject, now), said: now, event: String::new() }
    }
}

impl Log {
    pub(super) fn of(steps: &[Step]) -> Self {
        let longest = steps.iter().filter(|step| step.call().is_some_and(|call| call.typically().is_some()));
        let longest = longest.map(|step| step.address.to_string().chars().count()).max().unwrap_or(0);
        Self { entries: BTreeMap::new(), columns: Columns::of_a_log(longest) }
    }

    pub(super) fn begin(&mut self, subject: Subject<'_>, now: Instant) {
        self.entries.insert(key(subject), Entry::new(subject, now));
    }

    pub(super) fn end(&mut self, subject: Subject<'_>) {
        self.entries.remove(&key(subject));
    }

    /// Something else was said of it.
    pub(super) fn told(&mut self, subject: Subject<'_>, now: Instant) {
        self.entries.entry(key(subject)).or_insert_with(|| Entry::new(subject, now)).said = now;
    }

    /// The line for it, if it is news.
    pub(super) fn seen(&mut self, subject: Subject<'_>, state: &WaitState, now: Instant) -> Option<String> {
        let entry = self.entries.entry(key(subject)).or_insert_with(|| Entry::new(subject, now));
        let last = &entry.row.state;
        // Counting up to a hundred alarms is for a terminal; a log gets the first and the last of them.
        let counting = last.status == state.status && state.status == "alarms" && state.ready < state.total;
        let news = !counting && *last != *state;
        // An event is told once.
        let event = if state.event == entry.event { String::new() } else { state.event.clone() };
        entry.row.state = state.clone();
        if !news {
            return None;
        }
        entry.event = state.event.clone();
        entry.said = now;
        let event = if event.is_empty() { event } else { format!("event: {event}") };
        Some(line(&entry.row, event, &self.columns, now))
    }

    /// The steps that nothing was said of for a while.
    pub(super) fn beat(&mut self, now: Instant) -> Vec<String> {
        let columns = &self.columns;
        let silent = self.entries.values_mut().filter(|entry| now.saturating_duration_since(entry.said) >= HEARTBEAT);
        silent
            .map(|entry| {
                entry.said = now;
                line(&entry.row, String::new(), columns, now)
            })
            .collect()
    }
}

fn line(row: &Row, event: String, columns: &Columns, now: Instant) -> String {
    let mut row = row.clone();
    row.state.event = event;
    format!("{INDENT}{}", row.line(columns, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::step::{Call, Wait, Work};
    use crate::model::{Address, Kind, Operation, StepId};

    fn step(id: &str) -> Step {
        let operation = Operation::IncreaseReplicaCount;
        let call = Call { operation, parameters: Default::default(), wait_for: Wait::Available };
        Step {
            id: StepId(1),
            address: Address::new(Kind::ReplicationGroup, id),
            work: Work::Call(call),
            after: Vec::new(),
        }
    }

    fn state() -> WaitState {
        WaitState {
            status: "modifying".into(),
            ready: 8,
            total: 9,
            detail: "orders-0003-003 creating".into(),
            event: "Cache cluster orders-0002-003 created".into(),
        }
    }

    #[test]
    fn a_log_gets_a_line_for_a_change_and_a_heartbeat_without_one() {
        let step = step("orders");
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut log = Log::of(std::slice::from_ref(&step));
        log.begin(Subject::Step(&step), at(0));
        assert_eq!(log.beat(at(29)), [""; 0]);
        assert_eq!(log.beat(at(31)), ["      replicationGroup/orders   sending                 0:31 of ~10 min"]);
        let first = log.seen(Subject::Step(&step), &state(), at(40));
        assert_eq!(
            first.as_deref(),
            Some(
                "      replicationGroup/orders   modifying   8/9 nodes   0:40 of ~10 min   orders-0003-003 creating   event: Cache cluster orders-0002-003 created"
            )
        );
        // The same again is no news, and what was just said is not said again.
        assert_eq!(log.seen(Subject::Step(&step), &state(), at(60)), None);
        assert_eq!(log.beat(at(69)), [""; 0]);
        assert_eq!(
            log.beat(at(70)),
            ["      replicationGroup/orders   modifying   8/9 nodes   1:10 of ~10 min   orders-0003-003 creating"]
        );
        assert_eq!(log.beat(at(71)), [""; 0]);
        let last = log.seen(Subject::Step(&step), &WaitState { ready: 9, ..state() }, at(72)).unwrap();
        assert!(!last.contains("event"), "told before: {last}");
    }

    #[test]
    fn each_silent_step_has_its_own_heartbeat() {
        let begun = Instant::now();
        let mut log = Log::of(&[]);
        log.begin(Subject::Step(&step("one")), begun);
        log.begin(Subject::Step(&step("two")), begun + Duration::from_secs(20));
        assert_eq!(log.beat(begun + Duration::from_secs(30)).len(), 1);
        assert_eq!(log.beat(begun + Duration::from_secs(50)).len(), 1);
    }

    #[test]
    fn of_many_alarms_a_log_gets_the_first_and_the_last() {
        let now = Instant::now();
        let mut log = Log::of(&[]);
        let alarms = |ready| WaitState { status: "alarms".into(), ready, total: 100, ..WaitState::default() };
        let lines = (1..=100).filter(|ready| log.seen(Subject::Step(&step("orders")), &alarms(*ready), now).is_some());
        assert_eq!(lines.collect::<Vec<_>>(), [1, 100]);
    }
}

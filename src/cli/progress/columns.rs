//! What is under way in columns that all rows share: address, state, nodes, elapsed of expected, and the rest.

use std::time::{Duration, Instant};

use crate::model::operation::Typical;
use crate::model::report::{Subject, WaitState};
use crate::model::{Address, StepId};

const GAP: &str = "   ";
/// Less room than this tells nothing of a detail.
const SHORTEST_DETAIL: usize = 12;
/// `modifying`, `available`: the usual states need no new layout.
const USUAL_STATUS: usize = 9;

/// A step under way, or a resource that is waited for.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub id: StepId,
    pub address: Address,
    pub began: Instant,
    pub typically: Option<Typical>,
    pub state: WaitState,
}

impl Row {
    pub(super) fn new(subject: Subject<'_>, began: Instant) -> Self {
        Self {
            id: subject.id(),
            address: subject.address().clone(),
            began,
            typically: subject.typically(),
            state: WaitState::default(),
        }
    }

    fn status(&self) -> &str {
        if self.state.status.is_empty() { "sending" } else { &self.state.status }
    }

    fn nodes(&self, word: bool) -> String {
        let WaitState { ready, total, status, .. } = &self.state;
        match total {
            0 => String::new(),
            _ if word && status != "alarms" => format!("{ready}/{total} nodes"),
            _ => format!("{ready}/{total}"),
        }
    }

    /// `4:10 of ~20 min`
    fn clock(&self, expected: bool, now: Instant) -> String {
        let elapsed = clock(now.saturating_duration_since(self.began));
        match self.typically.filter(|_| expected) {
            Some(typical @ Typical::Minutes(_)) => format!("{elapsed} of {typical}"),
            Some(Typical::ByTheData) | None => elapsed,
        }
    }

    fn name(&self, whole: bool) -> String {
        if whole { self.address.to_string() } else { self.address.id.clone() }
    }

    fn detail(&self) -> String {
        let parts = [&self.state.detail, &self.state.event];
        parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(GAP)
    }

    /// The row in these columns; never wider than they were made for.
    pub(super) fn line(&self, columns: &Columns, now: Instant) -> String {
        let cells = [
            (self.name(columns.whole), columns.name),
            (self.status().to_owned(), columns.status),
            (self.nodes(columns.word), columns.nodes),
            (self.clock(columns.expected, now), columns.clock),
            (self.detail(), columns.detail),
        ];
        let bounded = columns.room.is_some();
        let shown = cells.iter().filter(|(_, width)| *width > 0).map(|(text, width)| cell(text, *width, bounded));
        let line = shown.collect::<Vec<_>>().join(GAP);
        let line = line.trim_end();
        match columns.room {
            Some(room) => console::truncate_str(line, room, "…").into_owned(),
            None => line.to_owned(),
        }
    }
}

/// `0:05`, `4:10`, `1:04:10`
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Filled up to its column; where room is bounded, what does not fit ends in `…`.
fn cell(text: &str, width: usize, bounded: bool) -> String {
    let text = if bounded { console::truncate_str(text, width, "…") } else { text.into() };
    let filling = width.saturating_sub(console::measure_text_width(&text));
    format!("{text}{}", " ".repeat(filling))
}

/// The widths of a list of rows, so that it is not ragged. A column of no width is left out.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// Addresses with their kind; ids otherwise.
    whole: bool,
    /// `3/5 nodes`; `3/5` otherwise.
    word: bool,
    expected: bool,
    name: usize,
    status: usize,
    nodes: usize,
    clock: usize,
    detail: usize,
    room: Option<usize>,
}

impl Columns {
    /// The widest layout that the room has for all of these rows: first the detail goes, then the word beside the
    /// nodes, the kind, what is expected, and the end of the name.
    pub(super) fn fitting<'a>(rows: impl Iterator<Item = &'a Row> + Clone, room: usize, now: Instant) -> Self {
        let longest = |text: &dyn Fn(&Row) -> String| {
            rows.clone().map(|row| console::measure_text_width(&text(row))).max().unwrap_or(0)
        };
        let of = |(whole, word, expected): (bool, bool, bool)| Self {
            whole,
            word,
            expected,
            name: longest(&|row| row.name(whole)),
            status: longest(&|row| row.status().to_owned()).max(USUAL_STATUS),
            nodes: longest(&|row| row.nodes(word)),
            clock: longest(&|row| row.clock(expected, now)),
            detail: 0,
            room: Some(room),
        };
        let layouts = [(true, true, true), (true, false, true), (false, false, true), (false, false, false)].map(of);
        let [.., mut narrowest] = layouts.clone();
        let mut columns = layouts.into_iter().find(|layout| layout.taken() <= room).unwrap_or_else(|| {
            let over = narrowest.taken().saturating_sub(room);
            narrowest.name = narrowest.name.saturating_sub(over).max(1);
            narrowest
        });
        columns.detail = match room.saturating_sub(columns.taken() + GAP.len()) {
            left if left >= SHORTEST_DETAIL => left,
            _ => 0,
        };
        columns
    }

    /// Of a log, where a line says all there is, and stands under lines that cannot be drawn anew.
    pub(super) fn of_a_log(name: usize) -> Self {
        Self {
            whole: true,
            word: true,
            expected: true,
            name,
            status: USUAL_STATUS,
            nodes: "0/2 nodes".len(),
            clock: "0:00 of ~10 min".len(),
            detail: 1,
            room: None,
        }
    }

    fn taken(&self) -> usize {
        let shown = [self.name, self.status, self.nodes, self.clock].into_iter().filter(|width| *width > 0);
        shown.map(|width| width + GAP.len()).sum::<usize>().saturating_sub(GAP.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    fn row(began: Instant, id: &str, status: &str, nodes: (usize, usize), detail: &str) -> Row {
        Row {
            id: StepId(1),
            address: Address::new(Kind::ReplicationGroup, id),
            began,
            typically: Some(Typical::Minutes(10)),
            state: WaitState {
                status: status.into(),
                ready: nodes.0,
                total: nodes.1,
                detail: detail.into(),
                event: String::new(),
            },
        }
    }

    fn drawn(room: usize) -> Vec<String> {
        let began = Instant::now();
        let rows = [
            row(began, "prod-cache", "modifying", (8, 9), "prod-cache-0003-003 creating"),
            row(began, "orders", "creating", (0, 2), "orders-001 creating"),
            row(began, "x", "", (0, 0), ""),
        ];
        let now = began + Duration::from_secs(250);
        let columns = Columns::fitting(rows.iter(), room, now);
        rows.iter().map(|row| row.line(&columns, now)).collect()
    }

    #[test]
    fn rows_share_their_columns_and_give_up_what_does_not_fit_all_alike() {
        assert_eq!(
            drawn(120),
            [
                "replicationGroup/prod-cache   modifying   8/9 nodes   4:10 of ~10 min   prod-cache-0003-003 creating",
                "replicationGroup/orders       creating    0/2 nodes   4:10 of ~10 min   orders-001 creating",
                "replicationGroup/x            sending                 4:10 of ~10 min",
            ]
        );
        assert_eq!(drawn(65)[0], "replicationGroup/prod-cache   modifying   8/9   4:10 of ~10 min");
        assert_eq!(
            drawn(60),
            [
                "prod-cache   modifying   8/9   4:10 of ~10 min",
                "orders       creating    0/2   4:10 of ~10 min",
                "x            sending           4:10 of ~10 min",
            ]
        );
        assert_eq!(drawn(40)[0], "prod-cache   modifying   8/9   4:10");
        assert_eq!(drawn(30)[1], "orde…   creating    0/2   4:10");
    }

    #[test]
    fn no_row_is_ever_wider_than_its_room() {
        for room in 1..=200 {
            for line in drawn(room) {
                assert!(console::measure_text_width(&line) <= room, "{room}: {line}");
            }
        }
    }

    #[test]
    fn a_log_says_all_in_columns_that_are_known_from_the_start() {
        let row = row(Instant::now(), "prod-cache", "modifying", (8, 9), "prod-cache-0003-003 creating");
        let line = row.line(&Columns::of_a_log(30), row.began + Duration::from_secs(3_850));
        assert_eq!(
            line,
            "replicationGroup/prod-cache      modifying   8/9 nodes   1:04:10 of ~10 min   prod-cache-0003-003 creating"
        );
    }
}

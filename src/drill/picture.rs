//! The time around the gap, a line a client.

use std::time::Duration;

use super::probe::Seen;
use super::trace::Trace;

/// What clients met, in equal parts of a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    pub from: Duration,
    pub until: Duration,
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub name: String,
    pub cells: Vec<Cell>,
}

/// What a client met in a part of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Answers, and nothing else.
    Answers,
    /// Answers and errors.
    Mixed,
    Errors,
    Silence,
}

/// Columns of a line.
const CELLS: u32 = 56;
/// At least so much is shown.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest of the silences that ended, with as much again before and after it.
pub(super) fn picture(seen: &Seen, called: Duration) -> Picture {
    let ending = |trace: &Trace| trace.longest_gap(called, seen.ended).filter(|gap| !gap.open);
    let clients = seen.clients.iter().map(|(_, trace)| trace);
    let gaps = [&seen.writer, &seen.reader].into_iter().chain(clients).filter_map(ending);
    // A silence that never ended has no end to be shown: then it is what came last.
    let open = seen.writer.longest_gap(called, seen.ended).filter(|gap| gap.open);
    let Some(gap) = open.or_else(|| gaps.max_by_key(super::trace::Gap::length)) else { return Picture::default() };
    let margin = gap.length().max(SHORTEST) / 2;
    let (from, until) = (gap.from.saturating_sub(margin), (gap.until + margin).min(seen.ended));
    let mut lines = vec![line("writes", &seen.writer, from, until)];
    lines.push(line("writes, WAIT", &seen.waiter, from, until));
    lines.push(line("reads", &seen.reader, from, until));
    lines.extend(seen.clients.iter().map(|(behaviour, trace)| line(behaviour.words(), trace, from, until)));
    lines.extend(seen.readers.iter().map(|(node, trace)| line(node, trace, from, until)));
    Picture { from, until, lines }
}

fn line(name: &str, trace: &Trace, from: Duration, until: Duration) -> Line {
    let width = until.saturating_sub(from) / CELLS;
    let cell = |index: u32| {
        let (begin, end) = (from + width * index, from + width * (index + 1));
        match (trace.answered_within(begin, end) > 0, trace.failures_within(begin, end) > 0) {
            (true, false) => Cell::Answers,
            (true, true) => Cell::Mixed,
            (false, true) => Cell::Errors,
            (false, false) => Cell::Silence,
        }
    };
    let mut cells: Vec<Cell> = (0..CELLS).map(cell).collect();
    // Slow probes leave parts empty between two answers: that is no silence.
    for index in 1..cells.len().saturating_sub(1) {
        let near = width * 3;
        let at = from + width * index as u32;
        let around = trace.answered_within(at.saturating_sub(near), at) > 0
            && trace.answered_within(at + width, at + width + near) > 0;
        let quiet = trace.failures_within(at.saturating_sub(near), at + width + near) == 0;
        if cells[index] == Cell::Silence && around && quiet && width < Duration::from_millis(100) {
            cells[index] = Cell::Answers;
        }
    }
    Line { name: name.to_owned(), cells }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_answers_errors_and_silence_in_their_places() {
        let ms = Duration::from_millis;
        let mut trace = Trace::default();
        (0..100).chain(300..560).for_each(|at| trace.answered(ms(at * 10)));
        trace.failed(ms(1_500), "timeout", "");
        let line = line("writes", &trace, ms(0), ms(5_600));
        assert_eq!(line.cells.len(), 56);
        assert!(line.cells[..10].iter().all(|cell| *cell == Cell::Answers), "{line:?}");
        assert_eq!((line.cells[14], line.cells[15], line.cells[20]), (Cell::Silence, Cell::Errors, Cell::Silence));
        assert!(line.cells[30..].iter().all(|cell| *cell == Cell::Answers), "{line:?}");
    }
}

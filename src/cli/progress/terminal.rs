//! Rows on a terminal, drawn anew, and a bar over all.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::columns::{Columns, Row, clock};
use super::course::Course;
use super::key;
use crate::model::report::{Status, Subject, WaitState};
use crate::model::text::inert;

/// The spinner turns this often between two looks.
const TICK: Duration = Duration::from_millis(250);
/// The spinner and a space.
const SPINNER: usize = 2;

pub(super) struct Terminal {
    pub bars: MultiProgress,
    /// None while a stack is waited for before its plan is made.
    overall: Option<ProgressBar>,
    began: Instant,
    shown: Mutex<Shown>,
}

struct Shown {
    course: Course,
    rows: BTreeMap<String, (Row, ProgressBar)>,
}

impl Terminal {
    pub(super) fn new(course: Course) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let overall = (!course.is_empty()).then(|| {
            let bar = bars.add(ProgressBar::new(1000));
            if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        let shown = Mutex::new(Shown { course, rows: BTreeMap::new() });
        Self { bars, overall, began: Instant::now(), shown }
    }

    pub(super) fn begin(&self, subject: Subject<'_>, now: Instant) {
        if let Ok(mut shown) = self.shown.lock() {
            self.row(&mut shown, subject, now);
        }
    }

    pub(super) fn seen(&self, subject: Subject<'_>, state: &WaitState, now: Instant) {
        if let Ok(mut shown) = self.shown.lock() {
            self.row(&mut shown, subject, now).state = state.clone();
        }
    }

    fn row<'a>(&self, shown: &'a mut Shown, subject: Subject<'_>, now: Instant) -> &'a mut Row {
        &mut shown.rows.entry(key(subject)).or_insert_with(|| (Row::new(subject, now), self.line())).0
    }

    pub(super) fn end(&self, subject: Subject<'_>, status: Status) {
        let Ok(mut shown) = self.shown.lock() else { return };
        if status == Status::Done {
            shown.course.end(subject.id());
        }
        if let Some((_, bar)) = shown.rows.remove(&key(subject)) {
            bar.finish_and_clear();
        }
    }

    /// All rows in the columns that they share, and the bar.
    pub(super) fn draw(&self, width: usize, now: Instant) {
        let Ok(shown) = self.shown.lock() else { return };
        let columns = Columns::fitting(shown.rows.values().map(|(row, _)| row), width.saturating_sub(SPINNER), now);
        for (row, bar) in shown.rows.values() {
            bar.set_message(inert(&row.line(&columns, now)).into_owned());
        }
        if let Some(overall) = &self.overall {
            overall.set_prefix(shown.course.steps());
            let elapsed = clock(now.saturating_duration_since(self.began));
            overall.set_message(format!("{elapsed}{}", shown.course.expected()));
            let under_way = shown.rows.values().map(|(row, _)| (row.id, row.began));
            overall.set_position(shown.course.permille(under_way, now));
        }
    }

    /// Above the bar over all.
    fn line(&self) -> ProgressBar {
        let bar = ProgressBar::new_spinner();
        let bar = match &self.overall {
            Some(overall) => self.bars.insert_before(overall, bar),
            None => self.bars.add(bar),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        bar
    }
}

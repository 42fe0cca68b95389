//! Progress: a live row for each resource under way and a bar over all on a terminal that can draw, plain lines
//! elsewhere.

mod columns;
mod course;
mod log;
mod terminal;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::events::Journal;
use super::printer::Printer;
use crate::apply::render_duration;
use crate::model::Step;
use crate::model::report::{Progress, Reporter, Status, StepResult, Subject};
use crate::model::text::inert;
use crate::render::value::wrap;
use course::Course;
use log::Log;
use terminal::Terminal;

const BETWEEN_BEATS: Duration = Duration::from_secs(1);
const INDENT: &str = "      ";

pub struct Live<'a> {
    printer: &'a Printer,
    journal: &'a Journal,
    /// The number of the last step; none while a stack is waited for before its plan is made.
    last: usize,
    view: View,
}

enum View {
    Terminal(Terminal),
    Log(Mutex<Log>),
}

impl<'a> Live<'a> {
    pub fn new(printer: &'a Printer, journal: &'a Journal, steps: &[Step]) -> Self {
        let view = if printer.is_live() {
            let terminal = Terminal::new(Course::of(steps));
            printer.draw_below(Some(terminal.bars.clone()));
            View::Terminal(terminal)
        } else {
            View::Log(Mutex::new(Log::of(steps)))
        };
        let last = steps.iter().map(|step| step.id.0).max().unwrap_or(0);
        Self { printer, journal, last, view }
    }

    /// Does the work, and says now and then that it goes on.
    pub async fn over<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.beats() => never,
        }
    }

    async fn beats<T>(&self) -> T {
        loop {
            tokio::time::sleep(BETWEEN_BEATS).await;
            let now = Instant::now();
            match &self.view {
                View::Terminal(terminal) => terminal.draw(self.printer.stderr_width(), now),
                View::Log(log) => {
                    if let Ok(mut log) = log.lock() {
                        log.beat(now).iter().for_each(|line| self.say(line));
                    }
                }
            }
        }
    }

    pub fn finish(&self) {
        if let View::Terminal(terminal) = &self.view {
            self.printer.draw_below(None);
            let _ = terminal.bars.clear();
        }
    }

    /// A line that stays; as long as it is in a log, in the width of a terminal.
    fn say(&self, text: &str) {
        let text = &*inert(text);
        match self.printer.stderr_room() {
            Some(room) => self.printer.note(&wrap(text, room, INDENT)),
            None => self.printer.note(text),
        }
    }

    fn title(&self, subject: Subject<'_>) -> String {
        if subject.id() == Subject::NO_STEP {
            format!("waiting for {}", subject.address())
        } else {
            format!("[{}/{}] {} {}", subject.id(), self.last, subject.operation(), subject.address())
        }
    }

    /// What was interrupted or not begun is told once, at the end, with all the others.
    fn done(&self, subject: Subject<'_>, result: &StepResult) {
        let title = self.title(subject);
        match result.status {
            Status::Done => self.say(&format!("{title}   done in {}", seconds(result.seconds))),
            Status::Failed => {
                self.say(&format!("{title}   FAILED: {}", result.error.as_deref().unwrap_or_default()));
            }
            Status::Skipped | Status::Interrupted => {}
        }
    }
}

fn seconds(seconds: f64) -> String {
    if seconds < 60.0 { format!("{seconds:.1} s") } else { render_duration(Duration::from_secs_f64(seconds)) }
}

impl Reporter for Live<'_> {
    fn report(&self, progress: &Progress<'_>) {
        self.journal.progress(progress);
        let now = Instant::now();
        match (progress, &self.view) {
            (Progress::Started { subject }, View::Terminal(terminal)) => terminal.begin(*subject, now),
            (Progress::Started { subject }, View::Log(log)) => {
                // What AWS answers at once is said when it is done.
                if subject.takes_time() {
                    self.say(&self.title(*subject));
                }
                if let Ok(mut log) = log.lock() {
                    log.begin(*subject, now);
                }
            }
            (Progress::Waiting { subject, state }, View::Terminal(terminal)) => terminal.seen(*subject, state, now),
            (Progress::Waiting { subject, state }, View::Log(log)) => {
                let line = log.lock().ok().and_then(|mut log| log.seen(*subject, state, now));
                line.iter().for_each(|line| self.say(line));
            }
            (Progress::Note { subject, text }, view) => {
                self.say(&format!("{INDENT}{}   {text}", subject.address()));
                if let View::Log(log) = view
                    && let Ok(mut log) = log.lock()
                {
                    log.told(*subject, now);
                }
            }
            (Progress::Done { subject, result }, View::Terminal(terminal)) => {
                terminal.end(*subject, result.status);
                self.done(*subject, result);
            }
            (Progress::Done { subject, result }, View::Log(log)) => {
                if let Ok(mut log) = log.lock() {
                    log.end(*subject);
                }
                self.done(*subject, result);
            }
        }
        if let View::Terminal(terminal) = &self.view {
            terminal.draw(self.printer.stderr_width(), now);
        }
    }
}

/// Of a resource one step runs at a time; one that is waited for has none.
fn key(subject: Subject<'_>) -> String {
    format!("{} {}", subject.id(), subject.address())
}

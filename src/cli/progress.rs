//! Progress: a live line for each step under way on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::events::Journal;
use super::printer::Printer;
use crate::apply::report::WaitState;
use crate::apply::{Progress, Reporter, Status, render_duration};
use crate::plan::model::Step;

/// On a pipe, a step without news says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(30);

pub struct Live<'a> {
    printer: &'a Printer,
    journal: &'a Journal,
    total: usize,
    live: bool,
    bars: MultiProgress,
    steps: Mutex<BTreeMap<String, Line>>,
}

struct Line {
    bar: Option<ProgressBar>,
    started: Instant,
    said: Instant,
    last: WaitState,
}

impl<'a> Live<'a> {
    pub fn new(printer: &'a Printer, journal: &'a Journal, total: usize) -> Self {
        let live = printer.is_live();
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { printer, journal, total, live, bars: MultiProgress::with_draw_target(target), steps: Mutex::default() }
    }

    pub fn finish(&self) {
        let _ = self.bars.clear();
    }

    fn say(&self, text: &str) {
        if self.live {
            let _ = self.bars.println(text);
        } else {
            self.printer.note(text);
        }
    }

    fn title(&self, step: &Step) -> String {
        if step.id == 0 {
            format!("waiting for {}", step.address)
        } else {
            format!("[{}/{}] {} {}", step.id, self.total, step.operation, step.address)
        }
    }

    fn line(&self) -> Line {
        let bar = self.live.then(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Line { bar, started: Instant::now(), said: Instant::now(), last: WaitState::default() }
    }
}

fn news(last: &WaitState, state: &WaitState) -> bool {
    let counting = last.status == state.status && state.status == "alarms" && state.ready < state.total;
    last != state && !counting
}

fn told(state: &WaitState, elapsed: Duration) -> String {
    let word = if state.status == "alarms" { "put" } else { "available" };
    let members = if state.total > 0 { format!("   {}/{} {word}", state.ready, state.total) } else { String::new() };
    let detail = if state.detail.is_empty() { String::new() } else { format!("   {}", state.detail) };
    format!("{}{members}   {}{detail}", state.status, render_duration(elapsed))
}

impl Reporter for Live<'_> {
    fn report(&self, progress: &Progress<'_>) {
        self.journal.progress(progress);
        let Ok(mut steps) = self.steps.lock() else { return };
        match progress {
            Progress::Started { step } => {
                let line = self.line();
                match &line.bar {
                    Some(bar) => bar.set_message(self.title(step)),
                    None => self.say(&self.title(step)),
                }
                steps.insert(key(step), line);
            }
            Progress::Waiting { step, state } => {
                let line = steps.entry(key(step)).or_insert_with(|| self.line());
                let text = told(state, line.started.elapsed());
                match &line.bar {
                    Some(bar) => bar.set_message(format!("{}   {text}", self.title(step))),
                    // Counting up to a hundred alarms is for a terminal; a log gets the first and the last.
                    None if news(&line.last, state) || line.said.elapsed() > HEARTBEAT => {
                        self.say(&format!("      {}   {text}", step.address.id));
                        line.said = Instant::now();
                    }
                    None => {}
                }
                line.last = (*state).clone();
            }
            Progress::Note { step, text } => self.say(&format!("      {}   {text}", step.address.id)),
            Progress::Done { step, result } => {
                if let Some(bar) = steps.remove(&key(step)).and_then(|line| line.bar) {
                    bar.finish_and_clear();
                }
                let title = self.title(step);
                match result.status {
                    Status::Done => self.say(&format!("{title}   done in {:.1} s", result.seconds)),
                    Status::Failed => {
                        self.say(&format!("{title}   FAILED: {}", result.error.as_deref().unwrap_or_default()))
                    }
                    Status::Skipped => self.say(&format!("{title}   not started")),
                    Status::Interrupted => self.say(&format!("{title}   interrupted")),
                }
            }
        }
    }
}

fn key(step: &Step) -> String {
    format!("{} {}", step.id, step.address)
}

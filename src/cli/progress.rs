//! Progress: a live line for each resource under way and a bar over all on a terminal, plain lines
//! elsewhere.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::events::Journal;
use super::printer::Printer;
use crate::apply::{Progress, Reporter, Status, StepResult, WaitState, render_duration};
use crate::plan::model::Step;
use crate::render::value::wrap;

/// On a pipe, a step without news says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Live lines are drawn anew this often, so that their clocks go on between two looks.
const TICK: Duration = Duration::from_millis(250);
const INDENT: &str = "      ";

pub struct Live<'a> {
    printer: &'a Printer,
    journal: &'a Journal,
    total: usize,
    terminal: Option<Terminal>,
    steps: Mutex<BTreeMap<String, Line>>,
}

struct Terminal {
    bars: MultiProgress,
    /// All steps; none while a stack is waited for before its plan is made.
    overall: Option<ProgressBar>,
}

/// One resource: its steps run in series, so there is one at a time.
struct Line {
    bar: Option<ProgressBar>,
    started: Instant,
    said: Instant,
    last: WaitState,
}

impl<'a> Live<'a> {
    pub fn new(printer: &'a Printer, journal: &'a Journal, total: usize) -> Self {
        let terminal = printer.is_live().then(|| Terminal::new(total));
        Self { printer, journal, total, terminal, steps: Mutex::default() }
    }

    pub fn finish(&self) {
        if let Some(terminal) = &self.terminal {
            let _ = terminal.bars.clear();
        }
    }

    fn say(&self, text: &str) {
        match &self.terminal {
            Some(terminal) => {
                let text = wrap(text, self.printer.stderr_width(), INDENT);
                let _ = terminal.bars.println(text);
            }
            None => self.printer.note(text),
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
        let now = Instant::now();
        let bar = self.terminal.as_ref().map(Terminal::line);
        Line { bar, started: now, said: now, last: WaitState::default() }
    }

    fn draw(&self, line: &Line, step: &Step) {
        if let Some(bar) = &line.bar {
            // The spinner, a space, and the clock that indicatif draws.
            let room = self.printer.stderr_width().saturating_sub(10);
            bar.set_message(fitting(&self.title(step), step, &line.last, room));
        }
    }

    fn done(&self, step: &Step, result: &StepResult) {
        let title = self.title(step);
        self.say(&match result.status {
            Status::Done => format!("{title}   done in {}", seconds(result.seconds)),
            Status::Failed => format!("{title}   FAILED: {}", result.error.as_deref().unwrap_or_default()),
            Status::Skipped => format!("{title}   not started"),
            Status::Interrupted => format!("{title}   interrupted"),
        });
        if let Some(Terminal { overall: Some(overall), .. }) = &self.terminal {
            overall.inc(1);
        }
    }
}

impl Terminal {
    fn new(total: usize) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let overall = (total > 0).then(|| {
            let bar = bars.add(ProgressBar::new(total as u64));
            if let Ok(style) = ProgressStyle::with_template("{pos}/{len} steps {wide_bar} {elapsed}") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { bars, overall }
    }

    /// Above the bar over all.
    fn line(&self) -> ProgressBar {
        let bar = ProgressBar::new_spinner();
        let bar = match &self.overall {
            Some(overall) => self.bars.insert_before(overall, bar),
            None => self.bars.add(bar),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>6} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        bar
    }
}

/// As much of a line as the terminal has room for; what is seen of the resource before what is known.
fn fitting(title: &str, step: &Step, state: &WaitState, room: usize) -> String {
    let status = if state.status.is_empty() { String::new() } else { format!("   {}", brief(state)) };
    let told = if state.status.is_empty() { String::new() } else { format!("   {state}") };
    let event = if state.event.is_empty() { String::new() } else { format!("   {}", state.event) };
    let lines = [
        format!("{title}{told}{event}"),
        format!("{title}{told}"),
        format!("{}{told}", step.address),
        format!("{}{status}", step.address.id),
    ];
    let short = lines.iter().find(|line| console::measure_text_width(line) <= room);
    short.map_or_else(|| console::truncate_str(&lines[3], room, "…").into_owned(), Clone::clone)
}

/// `modifying 3/5`
fn brief(state: &WaitState) -> String {
    if state.total > 0 { format!("{} {}/{}", state.status, state.ready, state.total) } else { state.status.clone() }
}

/// Counting up to a hundred alarms is for a terminal; a log gets the first and the last of them.
fn is_news(last: &WaitState, state: &WaitState) -> bool {
    let counting = last.status == state.status && state.status == "alarms" && state.ready < state.total;
    last != state && !counting
}

fn worth_a_line(last: &WaitState, state: &WaitState, silence: Duration) -> bool {
    is_news(last, state) || silence >= HEARTBEAT
}

fn seconds(seconds: f64) -> String {
    if seconds < 60.0 { format!("{seconds:.1} s") } else { render_duration(Duration::from_secs_f64(seconds)) }
}

impl Reporter for Live<'_> {
    fn report(&self, progress: &Progress<'_>) {
        self.journal.progress(progress);
        let Ok(mut steps) = self.steps.lock() else { return };
        match progress {
            Progress::Started { step } => {
                let line = self.line();
                if line.bar.is_none() {
                    self.say(&self.title(step));
                }
                self.draw(&line, step);
                steps.insert(key(step), line);
            }
            Progress::Waiting { step, state } => {
                let line = steps.entry(key(step)).or_insert_with(|| self.line());
                if line.bar.is_none() && worth_a_line(&line.last, state, line.said.elapsed()) {
                    let event = if state.event.is_empty() || state.event == line.last.event {
                        String::new()
                    } else {
                        format!("   event: {}", state.event)
                    };
                    let elapsed = render_duration(line.started.elapsed());
                    self.say(&format!("{INDENT}{}   {state}   {elapsed}{event}", step.address.id));
                    line.said = Instant::now();
                }
                line.last = (*state).clone();
                self.draw(line, step);
            }
            Progress::Note { step, text } => self.say(&format!("{INDENT}{}   {text}", step.address.id)),
            Progress::Done { step, result } => {
                if let Some(bar) = steps.remove(&key(step)).and_then(|line| line.bar) {
                    bar.finish_and_clear();
                }
                self.done(step, result);
            }
        }
    }
}

fn key(step: &Step) -> String {
    format!("{} {}", step.id, step.address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::model::Wait;
    use crate::resource::{Address, Kind};

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
    fn a_line_never_needs_more_than_its_room_and_keeps_the_state_to_the_last() {
        let step = Step {
            id: 1,
            address: Address::new(Kind::ReplicationGroup, "orders"),
            operation: "IncreaseReplicaCount".into(),
            parameters: Default::default(),
            after: Vec::new(),
            wait_for: Wait::Available,
        };
        let line = |room| fitting("[1/7] IncreaseReplicaCount replicationGroup/orders", &step, &state(), room);
        for room in 1..200 {
            assert!(console::measure_text_width(&line(room)) <= room, "{room}: {}", line(room));
        }
        assert!(line(200).ends_with("orders-0003-003 creating   Cache cluster orders-0002-003 created"));
        assert_eq!(line(80), "replicationGroup/orders   modifying, 8/9 available, orders-0003-003 creating");
        assert_eq!(line(30), "orders   modifying 8/9");
        assert_eq!(line(12), "orders   mo…");
    }

    #[test]
    fn a_log_gets_a_line_for_a_change_and_a_heartbeat_without_one() {
        let same = state();
        assert!(!worth_a_line(&same, &state(), Duration::from_secs(29)));
        assert!(worth_a_line(&same, &state(), HEARTBEAT));
        assert!(worth_a_line(&same, &WaitState { ready: 9, ..state() }, Duration::ZERO));
        let alarms = |ready| WaitState { status: "alarms".into(), ready, total: 100, ..WaitState::default() };
        assert!(worth_a_line(&same, &alarms(1), Duration::ZERO));
        assert!(!worth_a_line(&alarms(1), &alarms(2), Duration::ZERO));
        assert!(worth_a_line(&alarms(1), &alarms(100), Duration::ZERO));
    }
}

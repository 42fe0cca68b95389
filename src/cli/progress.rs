//! Progress: a live line for each resource under way and a bar over all on a terminal, plain lines
//! elsewhere.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::events::Journal;
use super::printer::Printer;
use crate::apply::render_duration;
use crate::model::report::{Progress, Reporter, Status, StepResult, Subject, WaitState};
use crate::model::text::inert;
use crate::render::value::wrap;

/// In a log, a step without news says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(30);
const BETWEEN_BEATS: Duration = Duration::from_secs(1);
/// Live lines are drawn anew this often, so that their clocks go on between two looks.
const TICK: Duration = Duration::from_millis(250);
const INDENT: &str = "      ";

pub struct Live<'a> {
    printer: &'a Printer,
    journal: &'a Journal,
    total: usize,
    view: View,
}

enum View {
    Terminal(Terminal),
    Log(Mutex<Log>),
}

struct Terminal {
    bars: MultiProgress,
    /// All steps; none while a stack is waited for before its plan is made.
    overall: Option<ProgressBar>,
    /// One resource's steps run in series, so there is one at a time.
    lines: Mutex<BTreeMap<String, ProgressBar>>,
}

impl<'a> Live<'a> {
    pub fn new(printer: &'a Printer, journal: &'a Journal, total: usize) -> Self {
        let view = if printer.is_live() { View::Terminal(Terminal::new(total)) } else { View::Log(Mutex::default()) };
        Self { printer, journal, total, view }
    }

    /// Does the work, and says now and then in a log that it goes on.
    pub async fn over<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.beats() => never,
        }
    }

    async fn beats<T>(&self) -> T {
        loop {
            tokio::time::sleep(BETWEEN_BEATS).await;
            if let View::Log(log) = &self.view
                && let Ok(mut log) = log.lock()
            {
                log.beat(Instant::now()).iter().for_each(|line| self.printer.note(line));
            }
        }
    }

    pub fn finish(&self) {
        if let View::Terminal(terminal) = &self.view {
            let _ = terminal.bars.clear();
        }
    }

    fn say(&self, text: &str) {
        let text = &*inert(text);
        match &self.view {
            View::Terminal(terminal) => {
                let text = wrap(text, self.printer.stderr_width(), INDENT);
                let _ = terminal.bars.println(text);
            }
            View::Log(_) => self.printer.note(text),
        }
    }

    fn title(&self, subject: Subject<'_>) -> String {
        if subject.id() == Subject::NO_STEP {
            format!("waiting for {}", subject.address())
        } else {
            format!("[{}/{}] {} {}", subject.id(), self.total, subject.operation(), subject.address())
        }
    }

    fn draw(&self, bar: &ProgressBar, subject: Subject<'_>, state: &WaitState) {
        // The spinner, a space, and the clock that indicatif draws.
        let room = self.printer.stderr_width().saturating_sub(10);
        bar.set_message(fitting(&inert(&self.title(subject)), subject, state, room));
    }

    fn done(&self, subject: Subject<'_>, result: &StepResult) {
        let title = self.title(subject);
        self.say(&match result.status {
            Status::Done => format!("{title}   done in {}", seconds(result.seconds)),
            Status::Failed => format!("{title}   FAILED: {}", result.error.as_deref().unwrap_or_default()),
            Status::Skipped => format!("{title}   not started"),
            Status::Interrupted => format!("{title}   interrupted"),
        });
    }
}

/// What goes to a log: a line for each change, and after a while without one that it is still so.
#[derive(Default)]
struct Log {
    entries: BTreeMap<String, Entry>,
}

/// A step under way.
struct Entry {
    id: String,
    started: Instant,
    said: Instant,
    last: WaitState,
}

impl Entry {
    fn line(&self, event: &str, now: Instant) -> String {
        let state = if self.last.status.is_empty() { "no answer yet".to_owned() } else { self.last.to_string() };
        format!("{INDENT}{}   {state}   {}{event}", self.id, render_duration(now - self.started))
    }
}

impl Log {
    fn entry(&mut self, subject: Subject<'_>, now: Instant) -> &mut Entry {
        self.entries.entry(key(subject)).or_insert_with(|| Entry {
            id: subject.address().id.clone(),
            started: now,
            said: now,
            last: WaitState::default(),
        })
    }

    fn seen(&mut self, subject: Subject<'_>, state: &WaitState, now: Instant) -> Option<String> {
        let entry = self.entry(subject, now);
        let news = is_news(&entry.last, state);
        let event = if state.event.is_empty() || state.event == entry.last.event {
            String::new()
        } else {
            format!("   event: {}", state.event)
        };
        entry.last = state.clone();
        news.then(|| {
            entry.said = now;
            entry.line(&event, now)
        })
    }

    /// The steps that nothing was said of for a while.
    fn beat(&mut self, now: Instant) -> Vec<String> {
        let silent = self.entries.values_mut().filter(|entry| now - entry.said >= HEARTBEAT);
        silent
            .map(|entry| {
                entry.said = now;
                entry.line("", now)
            })
            .collect()
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
        Self { bars, overall, lines: Mutex::default() }
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
fn fitting(title: &str, subject: Subject<'_>, state: &WaitState, room: usize) -> String {
    let status = if state.status.is_empty() { String::new() } else { format!("   {}", brief(state)) };
    let told = if state.status.is_empty() { String::new() } else { format!("   {state}") };
    let event = if state.event.is_empty() { String::new() } else { format!("   {}", state.event) };
    let lines = [
        format!("{title}{told}{event}"),
        format!("{title}{told}"),
        format!("{}{told}", subject.address()),
        format!("{}{status}", subject.address().id),
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

fn seconds(seconds: f64) -> String {
    if seconds < 60.0 { format!("{seconds:.1} s") } else { render_duration(Duration::from_secs_f64(seconds)) }
}

impl Reporter for Live<'_> {
    fn report(&self, progress: &Progress<'_>) {
        self.journal.progress(progress);
        match &self.view {
            View::Terminal(terminal) => self.drawn(terminal, progress),
            View::Log(log) => {
                if let Ok(mut log) = log.lock() {
                    self.logged(&mut log, progress, Instant::now());
                }
            }
        }
    }
}

impl Live<'_> {
    fn drawn(&self, terminal: &Terminal, progress: &Progress<'_>) {
        let Ok(mut lines) = terminal.lines.lock() else { return };
        match progress {
            Progress::Started { subject } => {
                let bar = lines.entry(key(*subject)).or_insert_with(|| terminal.line());
                self.draw(bar, *subject, &WaitState::default());
            }
            Progress::Waiting { subject, state } => {
                let bar = lines.entry(key(*subject)).or_insert_with(|| terminal.line());
                self.draw(bar, *subject, state);
            }
            Progress::Note { subject, text } => self.say(&format!("{INDENT}{}   {text}", subject.address().id)),
            Progress::Done { subject, result } => {
                if let Some(bar) = lines.remove(&key(*subject)) {
                    bar.finish_and_clear();
                }
                self.done(*subject, result);
                if let Some(overall) = &terminal.overall {
                    overall.inc(1);
                }
            }
        }
    }

    fn logged(&self, log: &mut Log, progress: &Progress<'_>, now: Instant) {
        match progress {
            Progress::Started { subject } => {
                self.say(&self.title(*subject));
                log.entry(*subject, now);
            }
            Progress::Waiting { subject, state } => {
                log.seen(*subject, state, now).iter().for_each(|line| self.say(line));
            }
            Progress::Note { subject, text } => {
                self.say(&format!("{INDENT}{}   {text}", subject.address().id));
                log.entry(*subject, now).said = now;
            }
            Progress::Done { subject, result } => {
                log.entries.remove(&key(*subject));
                self.done(*subject, result);
            }
        }
    }
}

fn key(subject: Subject<'_>) -> String {
    format!("{} {}", subject.id(), subject.address())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::step::{Call, Wait, Work};
    use crate::model::{Address, Kind, Operation, Step, StepId};

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
    fn a_line_never_needs_more_than_its_room_and_keeps_the_state_to_the_last() {
        let step = step("orders");
        let line =
            |room| fitting("[1/7] IncreaseReplicaCount replicationGroup/orders", Subject::Step(&step), &state(), room);
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
        let step = step("orders");
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut log = Log::default();
        log.entry(Subject::Step(&step), at(0));
        assert_eq!(log.beat(at(29)), [""; 0]);
        assert_eq!(log.beat(at(31)), ["      orders   no answer yet   31 s"]);
        let first = log.seen(Subject::Step(&step), &state(), at(40)).unwrap();
        assert!(
            first.contains("modifying, 8/9 available")
                && first.ends_with("event: Cache cluster orders-0002-003 created")
        );
        // The same again is no news, and what was just said is not said again.
        assert_eq!(log.seen(Subject::Step(&step), &state(), at(60)), None);
        assert_eq!(log.beat(at(69)), [""; 0]);
        assert_eq!(
            log.beat(at(70)),
            ["      orders   modifying, 8/9 available, orders-0003-003 creating   1 min 10 s"]
        );
        assert_eq!(log.beat(at(71)), [""; 0]);
        assert!(log.seen(Subject::Step(&step), &WaitState { ready: 9, ..state() }, at(72)).is_some());
    }

    #[test]
    fn each_silent_step_has_its_own_heartbeat() {
        let begun = Instant::now();
        let mut log = Log::default();
        log.entry(Subject::Step(&step("one")), begun);
        log.entry(Subject::Step(&step("two")), begun + Duration::from_secs(20));
        assert_eq!(log.beat(begun + Duration::from_secs(30)).len(), 1);
        assert_eq!(log.beat(begun + Duration::from_secs(50)).len(), 1);
    }

    #[test]
    fn of_many_alarms_a_log_gets_the_first_and_the_last() {
        let now = Instant::now();
        let mut log = Log::default();
        let alarms = |ready| WaitState { status: "alarms".into(), ready, total: 100, ..WaitState::default() };
        let lines = (1..=100).filter(|ready| log.seen(Subject::Step(&step("orders")), &alarms(*ready), now).is_some());
        assert_eq!(lines.collect::<Vec<_>>(), [1, 100]);
    }
}

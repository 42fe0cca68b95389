//! The only place that prints. stdout carries results, stderr everything else.

use crate::render::plan::Detail;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anstream::{AutoStream, ColorChoice};
use indicatif::MultiProgress;
use serde::Serialize;

use super::args::{Color, Output};
use super::exit::CliError;
use crate::model::kept;
use crate::model::text::{inert, is_unseen, printable};
use crate::render::style::{Label, paint};

#[derive(Clone, Debug)]
pub struct Printer {
    choice: ColorChoice,
    pub quiet: bool,
    pub verbose: u8,
    asking: Arc<AtomicBool>,
    /// What is drawn anew at the end of stderr: lines that stay go above it.
    drawn: Arc<Mutex<Option<MultiProgress>>>,
}

const NARROWEST: usize = 60;
const USUAL: usize = 100;

impl Printer {
    pub fn new(output: &Output) -> Self {
        let choice = match output.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { choice, quiet: output.quiet, verbose: output.verbose, asking: Arc::default(), drawn: Arc::default() }
    }

    /// The result of a command. A closed pipe is no error: who reads has what it wants.
    pub fn result(&self, text: &str) {
        self.stdout(&printable(&kept::taken_out(text)));
    }

    /// A result that is meant to be obeyed by what reads the log: annotations of a build.
    pub fn annotations(&self, text: &str) {
        self.stdout(&kept::taken_out(text));
    }

    fn stdout(&self, text: &str) {
        let mut out = AutoStream::new(std::io::stdout().lock(), self.choice);
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// A result for machines.
    pub fn document(&self, document: &impl Serialize) {
        self.result(&json(document));
    }

    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.stderr(text);
        }
    }

    pub fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.stderr(text);
        }
    }

    /// Always shown.
    pub fn stderr(&self, text: &str) {
        let write = || {
            let mut err = AutoStream::new(std::io::stderr().lock(), self.choice);
            let _ = writeln!(err, "{}", printable(&kept::taken_out(text)));
        };
        let drawn = self.drawn.lock().ok().and_then(|drawn| drawn.clone());
        match drawn {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    /// Lines that stay are written above these bars from now on, until there are none.
    pub fn draw_below(&self, bars: Option<MultiProgress>) {
        if let Ok(mut drawn) = self.drawn.lock() {
            *drawn = bars;
        }
    }

    pub fn error(&self, error: &CliError) {
        self.stderr(&format!("{} {}", paint(Label::Error, "error:"), inert(&error.message)));
        if let Some(hint) = &error.hint {
            self.stderr(&format!("  {} {}", paint(Label::Dim, "now:"), inert(hint)));
        }
        for cause in error.causes() {
            self.detail(&format!("  {} {}", paint(Label::Dim, "because:"), inert(&cause)));
        }
    }

    /// Asks on the terminal. `None` where there is none.
    pub fn ask(&self, question: &str) -> Option<String> {
        if !self.can_ask() {
            return None;
        }
        {
            // Not held while waiting: an interrupt has something to say too.
            let mut err = AutoStream::new(std::io::stderr().lock(), self.choice);
            let question = kept::taken_out(question);
            let _ = write!(err, "{} ", printable(&question)).and_then(|()| err.flush());
        }
        self.asking.store(true, Ordering::SeqCst);
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        self.asking.store(false, Ordering::SeqCst);
        if read.ok()? == 0 {
            // Ctrl-D leaves the cursor behind the question.
            self.stderr("");
        }
        Some(answer.trim().to_owned())
    }

    /// Is a question open, with nothing begun?
    pub fn is_asking(&self) -> bool {
        self.asking.load(Ordering::SeqCst)
    }

    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    pub fn is_live(&self) -> bool {
        std::io::stderr().is_terminal() && can_draw() && !self.quiet
    }

    /// Can what stands on stdout's screen be drawn anew?
    pub fn redraws(&self) -> bool {
        std::io::stdout().is_terminal() && can_draw()
    }

    /// Is what goes to stderr coloured?
    pub fn styles_stderr(&self) -> bool {
        AutoStream::new(std::io::stderr(), self.choice).current_choice() != ColorChoice::Never
    }

    pub fn styles_stdout(&self) -> bool {
        AutoStream::new(std::io::stdout(), self.choice).current_choice() != ColorChoice::Never
    }

    /// How much of a plan `-v` tells.
    pub fn plan_detail(&self) -> Detail {
        if self.verbose > 0 { Detail::Calls } else { Detail::Usual }
    }

    /// COLUMNS, else what fits most terminals and logs.
    pub fn width(&self) -> usize {
        std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse::<usize>().ok())
            .unwrap_or_else(terminal_width)
            .clamp(NARROWEST, 200)
    }
}

impl Printer {
    /// The width of the terminal that stderr is, however narrow.
    pub fn stderr_room(&self) -> Option<usize> {
        console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns).max(1))
    }

    /// Of the terminal that progress is drawn on.
    pub fn stderr_width(&self) -> usize {
        self.stderr_room().unwrap_or(USUAL)
    }
}

/// A dumb terminal takes lines, one after another.
fn can_draw() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// A document as text, with a line end. Characters that cannot be seen, or that turn the direction of writing, are
/// escaped, which is the same to whoever reads JSON.
pub fn json(document: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(document).unwrap_or_default() + "\n";
    let hidden = |c: char| c != '\n' && is_unseen(c);
    if !text.contains(hidden) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

fn terminal_width() -> usize {
    if !std::io::stdout().is_terminal() {
        return USUAL;
    }
    match console::Term::stdout().size_checked() {
        Some((_, columns)) if columns > 0 => usize::from(columns),
        _ => USUAL,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn json_shows_what_it_holds_and_means_the_same() {
        let document = json!({"a": "\u{202e}x\u{7f}\u{e0041}\u{1b}[2J\n", "äöü": [1]});
        let text = super::json(&document);
        assert!(text.chars().all(|c| c == '\n' || !crate::model::text::is_unseen(c)), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}

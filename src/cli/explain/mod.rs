//! `cachectl explain`

mod field;
mod glossary;
mod index;
mod rule;

pub use field::{how, impact};

use super::exit::{CliError, Exit};
use super::printer::Printer;
use crate::model::suggest;
use crate::render::style::{Label, paint};
use crate::render::value::hang;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A field such as replicationGroup.cacheNodeType, a kind, a rule such as tls or CKV_AWS_31, an exit code
    /// such as exit-3; an index without one
    #[arg(value_name = "WORD")]
    pub topic: Vec<String>,
}

pub fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let width = printer.width();
    if args.topic.is_empty() {
        printer.result(&index::page(width));
        return Ok(Exit::Done);
    }
    // `exit 3` is what `exit-3` is.
    let topic = args.topic.join("-");
    let topic = topic.trim().trim_matches('`');
    let entries = about(topic);
    if entries.is_empty() {
        return Err(unknown(topic));
    }
    let texts: Vec<String> = entries.iter().map(|entry| entry.text(width)).collect();
    printer.result(&texts.join("\n"));
    Ok(Exit::Done)
}

/// Everything that a word stands for: a name may be a rule, a field and a reason to block at once.
pub fn about(topic: &str) -> Vec<Entry> {
    let mut entries = rule::about(topic);
    entries.extend(field::about(topic));
    entries.extend(glossary::about(topic));
    entries
}

/// Every word that is explained, for completions and for "did you mean".
pub fn topics() -> Vec<String> {
    let mut topics: Vec<String> = field::topics();
    topics.extend(glossary::topics());
    topics.extend(rule::topics());
    let mut seen = std::collections::HashSet::new();
    topics.retain(|topic| seen.insert(topic.clone()));
    topics
}

fn unknown(topic: &str) -> CliError {
    let topics = topics();
    // A slip within a path: its parts are looked at one by one.
    let (head, last) = topic.rsplit_once('.').map_or(("", topic), |(head, last)| (head, last));
    let near = if head.is_empty() {
        suggest(last, topics.iter().map(String::as_str))
    } else {
        let below: Vec<&str> = topics
            .iter()
            .filter_map(|known| known.strip_prefix(head)?.strip_prefix('.'))
            .filter(|rest| !rest.contains('.'))
            .collect();
        suggest(last, below.into_iter())
            .map(|near| format!("{head}.{near}"))
            .or_else(|| suggest(last, topics.iter().map(String::as_str)))
    };
    let hint = near.map_or_else(
        || "`cachectl explain` without a word lists what it knows".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    CliError::new(Exit::Usage, format!("`{topic}` is not a known word")).hint(hint)
}

/// What is printed of one thing.
#[derive(Debug, Default)]
pub struct Entry {
    title: String,
    /// What kind of thing it is, beside the title.
    is: String,
    paragraphs: Vec<String>,
    /// A name and what it stands for.
    lines: Vec<(String, String)>,
}

impl Entry {
    fn new(title: impl Into<String>, is: impl Into<String>) -> Self {
        Self { title: title.into(), is: is.into(), ..Self::default() }
    }

    fn says(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.paragraphs.push(text);
        }
        self
    }

    fn line(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.lines.push((name.into(), text));
        }
        self
    }

    fn text(&self, width: usize) -> String {
        let mut out = paint(Label::Strong, &self.title);
        if !self.is.is_empty() {
            let fits = self.title.chars().count() + 3 + self.is.chars().count() <= width;
            let is = hang(&self.is, width, "  ");
            out.push_str(&if fits { format!("   {is}") } else { format!("\n  {is}") });
        }
        out.push('\n');
        for paragraph in &self.paragraphs {
            out.push_str(&format!("\n  {}\n", hang(paragraph, width, "  ")));
        }
        if !self.lines.is_empty() {
            out.push('\n');
        }
        out + &columns(&self.lines, width)
    }
}

/// Names and texts side by side, each text in a column of its own.
fn columns(lines: &[(String, String)], width: usize) -> String {
    const WIDEST: usize = 28;
    let name_width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(WIDEST);
    let indent = " ".repeat(2 + name_width + 2);
    let one = |(name, text): &(String, String)| {
        let text = hang(text, width, &indent);
        if name.chars().count() > name_width {
            return format!("  {name}\n{indent}{text}\n");
        }
        format!("  {name:<name_width$}  {text}\n")
    };
    lines.iter().map(one).collect()
}

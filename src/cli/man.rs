//! `cachectl man`: one page a command, from the same source as `--help`.

use std::path::PathBuf;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::Cli;
use super::exit::{CliError, Exit};
use super::files;
use super::printer::Printer;
use crate::model::text::plural;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        cachectl man | man -l -\n  \
        cachectl man --out ~/.local/share/man/man1")]
pub struct Args {
    /// Write one page for each command into this folder; without it, the first page goes to stdout
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub out: Option<PathBuf>,
}

pub fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &args.out else {
        printer.result(&page(&command)?);
        return Ok(Exit::Done);
    };
    let pages = whole(&command);
    std::fs::create_dir_all(folder).map_err(|error| CliError::io("write", folder, error))?;
    for command in &pages {
        let path = folder.join(Man::new(command.clone()).get_filename());
        files::write(&path, &page(command)?, &[])?;
    }
    printer.note(&format!("Wrote {} into {}", plural(pages.len(), "page"), folder.display()));
    Ok(Exit::Done)
}

/// A command with those below it.
fn whole(command: &Command) -> Vec<Command> {
    let below = command.get_subcommands().filter(|sub| !sub.is_hide_set()).flat_map(whole);
    std::iter::once(command.clone()).chain(below).collect()
}

fn page(command: &Command) -> Result<String, CliError> {
    let text = roff(command).map_err(|error| {
        CliError::new(Exit::Error, format!("the manual cannot be written: {error}")).caused_by(error)
    })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn roff(command: &Command) -> Result<Vec<u8>, std::io::Error> {
    // The page is of `cachectl-plan`, the command is `cachectl plan`.
    let man = Man::new(command.clone()).manual("cachectl").source(concat!("cachectl ", env!("CARGO_PKG_VERSION")));
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut out)?;
    }
    if let Some(help) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        examples(&help.to_string(), &mut out);
    }
    exit_status(&mut out);
    if command.get_version().is_some() {
        man.render_version_section(&mut out)?;
    }
    Ok(out)
}

fn examples(help: &str, out: &mut Vec<u8>) {
    let (mut title, mut text) = ("NOTES", help);
    if let Some(rest) = help.strip_prefix("Examples:") {
        (title, text) = ("EXAMPLES", rest.trim_start_matches('\n'));
    }
    out.extend(format!(".SH {title}\n.nf\n{}\n.fi\n", escaped(text)).bytes());
}

fn exit_status(out: &mut Vec<u8>) {
    out.extend(b".SH \"EXIT STATUS\"\n");
    for exit in Exit::ALL {
        out.extend(format!(".TP\n.B {}\n{}\n", exit.code(), escaped(exit.meaning())).bytes());
    }
}

/// Text as roff takes it: no line begins with a command of its own.
fn escaped(text: &str) -> String {
    let line = |line: &str| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

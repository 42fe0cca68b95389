//! `cachectl completions` and `cachectl man`, from the same source as `--help`.

use clap::CommandFactory;

use super::args::Cli;
use super::exit::{CliError, Exit};
use super::printer::Printer;

pub fn completions(printer: &Printer, shell: clap_complete::Shell) -> Result<Exit, CliError> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cachectl", &mut out);
    printer.result(&String::from_utf8_lossy(&out));
    Ok(Exit::Done)
}

pub fn man(printer: &Printer) -> Result<Exit, CliError> {
    let mut out = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut out)?;
    let mut text = String::from_utf8_lossy(&out).into_owned();
    // The subcommands' own options follow the overview.
    for command in Cli::command().get_subcommands().filter(|command| command.get_name() != "help") {
        let mut section = Vec::new();
        let title = format!("cachectl-{}", command.get_name());
        clap_mangen::Man::new(command.clone()).title(title).render(&mut section)?;
        text.push_str(&String::from_utf8_lossy(&section));
    }
    printer.result(&text);
    Ok(Exit::Done)
}
